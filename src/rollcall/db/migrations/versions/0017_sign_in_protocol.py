"""OpenID Connect of the identity half: applications, keys, codes, tokens."""

from __future__ import annotations

from rollcall.db.migrations.chain import place, run_sql

revision, down_revision = place(__file__)


def upgrade() -> None:
    """OpenID Connect of the identity half: applications, keys, codes, tokens."""
    run_sql(__file__)
