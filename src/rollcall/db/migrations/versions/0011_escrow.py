"""What is remembered of the last attempt at an object that failed."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """What is remembered of the last attempt at an object that failed."""
    run_sql(__file__)
