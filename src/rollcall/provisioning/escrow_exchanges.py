"""The last request for what is in escrow and the answer to it, as rows; gone when it comes right."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.ledger_contract import Exchanges
from rollcall.provisioning.model import Exchange, Key

_KEY_RECORD = "kind text, source_id text, attribute text"
_SAME_KEY = "x.kind = k.kind and x.source_id = k.source_id and x.attribute = k.attribute"


async def keep_exchanges(tx: Tx, job_id: UUID, exchanges: Exchanges) -> None:
    """Take in what failed, and forget what came right; references of one attribute keep theirs while one of them fails.

    The objects have a link in this transaction already.
    """
    kept = [_row(where, exchange) for where, exchange in exchanges.items() if exchange is not None]
    gone = [_key(where) for where, exchange in exchanges.items() if exchange is None]
    if kept:
        await tx.run(
            f"""
            insert into provisioning.escrow_exchanges
                (job_id, kind, source_id, attribute, at, method, path, body, status, answer)
            select %s, kind, source_id, attribute, at, method, path, body, status, answer
            from jsonb_to_recordset(%s) as k ({_KEY_RECORD}, at timestamptz, method text, path text, body jsonb,
                status integer, answer text)
            on conflict (tenant_id, job_id, kind, source_id, attribute) do update set
                at = excluded.at, method = excluded.method, path = excluded.path, body = excluded.body,
                status = excluded.status, answer = excluded.answer
            """,
            [job_id, Jsonb(kept)],
        )
    if gone:
        await tx.run(
            f"""
            delete from provisioning.escrow_exchanges x using jsonb_to_recordset(%(rows)s) as k ({_KEY_RECORD})
            where x.job_id = %(job)s and {_SAME_KEY} and not exists (
                select from provisioning.object_references r
                where k.attribute <> '' and r.job_id = %(job)s and r.source_kind = k.kind and r.source_id = k.source_id
                  and r.attribute = k.attribute and r.first_failed is not null)
            """,
            {"job": job_id, "rows": Jsonb(gone)},
        )


def _key(where: tuple[Key, str]) -> dict[str, Any]:
    key, attribute = where
    return {"kind": key.kind, "source_id": key.id, "attribute": attribute}


def _row(where: tuple[Key, str], exchange: Exchange) -> dict[str, Any]:
    return {
        **_key(where),
        "at": exchange.at.isoformat(),
        "method": exchange.method,
        "path": exchange.path,
        "body": exchange.body,
        "status": exchange.status,
        "answer": exchange.answer,
    }


async def exchanges_of(tx: Tx, job_id: UUID, keys: Collection[Key]) -> dict[tuple[Key, str], Exchange]:
    """The last exchanges of these objects by object and attribute; that of an object itself under the empty text."""
    rows = await tx.all(
        """
        select kind, source_id, attribute, at, method, path, body, status, answer from provisioning.escrow_exchanges
        join unnest(%s::text[], %s::text[]) as wanted (kind, source_id) using (kind, source_id) where job_id = %s
        """,
        [[key.kind for key in keys], [key.id for key in keys], job_id],
    )
    return {(Key(row.pop("kind"), row.pop("source_id")), row.pop("attribute")): Exchange(**row) for row in rows}
