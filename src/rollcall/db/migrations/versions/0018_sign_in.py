"""How people prove who they are to the identity half, their sessions and directory roles."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """How people prove who they are to the identity half, their sessions and directory roles."""
    run_sql(__file__)
