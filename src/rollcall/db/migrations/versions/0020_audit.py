"""The audit log of organisations, chained by hash."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """The audit log of organisations, chained by hash."""
    run_sql(__file__)
