"""What the guards of a job count."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """What the guards of a job count."""
    run_sql(__file__)
