"""Indexes and retention of the provisioning log."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Indexes and retention of the provisioning log."""
    run_sql(__file__)
