"""Plans that wait for an approval."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Plans that wait for an approval."""
    run_sql(__file__)
