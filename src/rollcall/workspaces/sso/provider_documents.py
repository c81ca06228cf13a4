"""Metadata and keys of providers in the database, as last fetched."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from rollcall.db import Tx


async def keep_documents(tx: Tx, documents: dict[str, dict[str, Any]], now: datetime) -> None:
    """Keep documents by the addresses they were fetched from."""
    for url, document in documents.items():
        await tx.run(
            """insert into workspaces.provider_documents as d (url, document, fetched) values (%s, %s, %s)
               on conflict (tenant_id, url) do update set document = excluded.document, fetched = excluded.fetched
               where d.fetched < excluded.fetched""",
            (url, Jsonb(document), now),
        )


async def kept_document(tx: Tx, url: str, since: datetime) -> tuple[dict[str, Any], datetime] | None:
    """The document of an address and when it was fetched, if that was after `since`."""
    row = await tx.one(
        "select document, fetched from workspaces.provider_documents where url = %s and fetched > %s", (url, since)
    )
    return None if row is None else (row["document"], row["fetched"])
