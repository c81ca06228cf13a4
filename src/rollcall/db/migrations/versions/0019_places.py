"""Workspaces, memberships with their origins, main users, and states of accounts."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Workspaces, memberships with their origins, main users, and states of accounts."""
    run_sql(__file__)
