"""Login links that were mailed to members, and to those who register."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Login links that were mailed to members, and to those who register."""
    run_sql(__file__)
