"""Sign-in at identity providers, links to accounts, and sessions of the workspaces half."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Sign-in at identity providers, links to accounts, and sessions of the workspaces half."""
    run_sql(__file__)
