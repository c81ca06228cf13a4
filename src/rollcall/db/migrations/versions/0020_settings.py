"""Settings of organisations and workspaces, single sign-on configurations, and the audit log."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Settings of organisations and workspaces, single sign-on configurations, and the audit log."""
    run_sql(__file__)
