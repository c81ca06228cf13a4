"""The state of a job that fails too much."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Run the SQL beside this file."""
    run_sql(__file__)
