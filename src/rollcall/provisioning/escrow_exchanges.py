"""The last request for what is in escrow and the answer to it, as rows; gone when it comes right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.failures import FailureKey
from rollcall.provisioning.ledger_contract import Exchanges, SharedExchange
from rollcall.provisioning.model import Exchange, Key

_COLUMNS = "at, method, path, body, status, answer, number"
_RECORD = """kind text, source_id text, attribute text, id uuid, at timestamptz, method text, path text, body jsonb,
    status integer, answer text, number integer"""
_OF_THE_OBJECT = str(UUID(int=0))


async def keep_exchanges(tx: Tx, job_id: UUID, exchanges: Exchanges) -> None:
    """Take in what failed, and forget what came right. The objects have a link in this transaction already."""
    kept = [_row(key, "", _OF_THE_OBJECT, exchange) for key, exchange in exchanges.items() if exchange is not None]
    gone = [key for key, exchange in exchanges.items() if exchange is None]
    await _keep(tx, job_id, kept)
    if gone:
        await tx.run(
            """
            delete from provisioning.escrow_exchanges x using unnest(%s::text[], %s::text[]) as k (kind, source_id)
            where x.job_id = %s and x.kind = k.kind and x.source_id = k.source_id and x.attribute = ''
            """,
            [*_ends(gone), job_id],
        )


async def keep_shared_exchanges(
    tx: Tx, job_id: UUID, exchanges: Sequence[SharedExchange], sources: Collection[Key]
) -> None:
    """Take in what references that failed in one request share; what none that starts at `sources` points at any more goes."""
    rows = [
        _row(shared.references[0].source, shared.references[0].attribute, shared.id, shared.exchange)
        for shared in exchanges
    ]
    await _keep(tx, job_id, rows)
    if sources:
        await tx.run(
            """
            delete from provisioning.escrow_exchanges x using unnest(%s::text[], %s::text[]) as k (kind, source_id)
            where x.job_id = %s and x.kind = k.kind and x.source_id = k.source_id and x.attribute <> ''
              and not exists (
                select from provisioning.object_references r where r.job_id = x.job_id and r.exchange_id = x.id)
            """,
            [*_ends(sources), job_id],
        )


async def _keep(tx: Tx, job_id: UUID, rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    await tx.run(
        f"""
        insert into provisioning.escrow_exchanges (job_id, kind, source_id, attribute, id, {_COLUMNS})
        select %s, kind, source_id, attribute, id, {_COLUMNS} from jsonb_to_recordset(%s) as k ({_RECORD})
        on conflict (tenant_id, job_id, kind, source_id, attribute, id) do update set
            at = excluded.at, method = excluded.method, path = excluded.path, body = excluded.body,
            status = excluded.status, answer = excluded.answer
        """,
        [job_id, Jsonb(rows)],
    )


def _row(key: Key, attribute: str, exchange_id: str, exchange: Exchange) -> dict[str, Any]:
    where = {"kind": key.kind, "source_id": key.id, "attribute": attribute, "id": exchange_id}
    return where | asdict(exchange) | {"at": exchange.at.isoformat()}


def _ends(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    return [key.kind for key in keys], [key.id for key in keys]


async def exchanges_of(tx: Tx, job_id: UUID, keys: Collection[Key]) -> dict[Key, Exchange]:
    """The last exchanges of these objects themselves."""
    rows = await tx.all(
        f"""
        select kind, source_id, {_COLUMNS} from provisioning.escrow_exchanges
        join unnest(%s::text[], %s::text[]) as wanted (kind, source_id) using (kind, source_id)
        where job_id = %s and attribute = ''
        """,
        [*_ends(keys), job_id],
    )
    return {Key(row.pop("kind"), row.pop("source_id")): Exchange(**row) for row in rows}


async def exchanges_of_references(
    tx: Tx, job_id: UUID, references: Collection[FailureKey]
) -> dict[FailureKey, Exchange]:
    """The last exchange of each of these references."""
    rows = await tx.all(
        f"""
        select r.source_kind, r.source_id, r.attribute, r.referenced_kind, r.referenced_id, {_COLUMNS}
        from provisioning.object_references r
        join unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
            as k (source_kind, source_id, attribute, referenced_kind, referenced_id)
            using (source_kind, source_id, attribute, referenced_kind, referenced_id)
        join provisioning.escrow_exchanges x on x.job_id = r.job_id and x.kind = r.source_kind
            and x.source_id = r.source_id and x.attribute = r.attribute and x.id = r.exchange_id
        where r.job_id = %s
        """,
        [*([each[column] for each in references] for column in range(5)), job_id],
    )
    return {FailureKey(*(row.pop(name) for name in _REFERENCE)): Exchange(**row) for row in rows}


_REFERENCE = ("source_kind", "source_id", "attribute", "referenced_kind", "referenced_id")
