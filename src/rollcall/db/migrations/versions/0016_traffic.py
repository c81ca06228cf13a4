"""The pace a target allows."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """The pace a target allows."""
    run_sql(__file__)
