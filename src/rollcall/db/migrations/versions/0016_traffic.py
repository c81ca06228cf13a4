"""What the jobs of some tenants hold now, for metrics."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """What the jobs of some tenants hold now, for metrics."""
    run_sql(__file__)
