"""What administrators are told, by mail and webhook."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """What administrators are told, by mail and webhook."""
    run_sql(__file__)
