"""Mailed PINs and login links, break-glass accounts, recovery codes."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Mailed PINs and login links, break-glass accounts, recovery codes."""
    run_sql(__file__)
