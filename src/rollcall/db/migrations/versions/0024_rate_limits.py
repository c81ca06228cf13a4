"""How often things may be done."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """How often things may be done."""
    run_sql(__file__)
