"""What is said in workspaces, and numbers for the dashboard."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """What is said in workspaces, and numbers for the dashboard."""
    run_sql(__file__)
