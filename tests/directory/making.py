"""Makes people, groups and applications in a few words, and follows the feed to its end."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import orjson

from rollcall import directory
from rollcall.db import TenantDatabase
from rollcall.directory import FeedEntry, FeedPage, FeedTie, NestedGroups


async def make_user(db: TenantDatabase, name: str, **attributes: Any) -> UUID:
    return await db.write(
        directory.create_user, {"userPrincipalName": f"{name}@example.com", "displayName": name, **attributes}
    )


async def make_group(db: TenantDatabase, name: str) -> UUID:
    return await db.write(directory.create_group, {"displayName": name})


async def make_application(db: TenantDatabase) -> UUID:
    return await db.write(directory.create_service_principal, "Workspaces")


async def read(
    db: TenantDatabase,
    application: UUID,
    watermark: dict[str, Any] | None = None,
    limit: int = 100,
    nested: NestedGroups = "direct",
) -> tuple[list[FeedEntry], list[FeedTie], dict[str, Any], list[FeedPage]]:
    """Follow the feed to its end, the watermark through JSON as the ledger keeps it."""
    entries: list[FeedEntry] = []
    ties: list[FeedTie] = []
    pages: list[FeedPage] = []
    while True:
        page = await db.read(directory.feed, application, watermark, limit, nested=nested)
        entries += page.entries
        ties += page.ties
        pages.append(page)
        watermark = orjson.loads(orjson.dumps(page.watermark))
        if not page.more:
            return entries, ties, watermark, pages


async def caught_up(db: TenantDatabase, application: UUID, nested: NestedGroups = "direct") -> dict[str, Any]:
    return (await read(db, application, nested=nested))[2]
