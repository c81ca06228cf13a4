"""What groups inside groups need: ways down and up that touch groups only."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """What groups inside groups need: ways down and up that touch groups only."""
    run_sql(__file__)
