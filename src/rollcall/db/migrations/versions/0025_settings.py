"""Settings of organisations: single sign-on configurations, secret tokens."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """Settings of organisations: single sign-on configurations, secret tokens."""
    run_sql(__file__)
