"""Who asked for what the schedule does next, until a cycle has come to its end: a restart, another attempt, a removal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.model import Key

_INSERT = "insert into provisioning.log_requests (job_id, kind, source_id, of_references, initiated_by, at)"
_AGAIN = """on conflict (tenant_id, job_id, kind, source_id, of_references)
    do update set initiated_by = excluded.initiated_by, at = excluded.at"""


@dataclass(frozen=True, slots=True)
class Requests:
    """Who asked for what becomes of some objects, and who for the whole cycle; None where it was nobody."""

    of_objects: Mapping[Key, dict[str, Any]] = field(default_factory=dict)
    of_all: dict[str, Any] | None = None


async def request_all(tx: Tx, job_id: UUID, who: Initiator, now: datetime) -> None:
    """The whole of what a job does next was asked for by them: it was restarted."""
    await tx.run(f"{_INSERT} values (%s, '', '', false, %s, %s) {_AGAIN}", [job_id, Jsonb(asdict(who)), now])


async def request_some(
    tx: Tx, job_id: UUID, which: str, params: Mapping[str, Any], who: Initiator, now: datetime, *, of_references: bool
) -> None:
    """What comes next of some objects, or of references that start at them, was asked for by them.

    `which`: a statement that gives kinds and ids, with its `params`.
    """
    await tx.run(
        f"""
        {_INSERT}
        select distinct %(job)s::uuid, kind, id, %(of_references)s, %(who)s::jsonb, %(asked_at)s::timestamptz
        from ({which}) as asked (kind, id) order by kind, id {_AGAIN}
        """,
        {**params, "job": job_id, "of_references": of_references, "who": Jsonb(asdict(who)), "asked_at": now},
    )


async def requests_for(tx: Tx, job_id: UUID, keys: Collection[Key], *, of_references: bool = False) -> Requests:
    """Who asked for what happened now to these objects, or to their references."""
    if not keys:
        return Requests()
    rows = await tx.all(
        """
        select each.kind, each.source_id, each.initiated_by
        from unnest(%(kinds)s::text[], %(ids)s::text[], %(of_references)s::boolean[]) as k (kind, id, of_references)
        cross join lateral (
            select kind, source_id, initiated_by from provisioning.log_requests r
            where r.job_id = %(job)s and r.kind = k.kind and r.source_id = k.id and r.of_references = k.of_references
        ) as each
        """,
        {
            "kinds": ["", *(key.kind for key in keys)],
            "ids": ["", *(key.id for key in keys)],
            "of_references": [False, *(of_references for _ in keys)],
            "job": job_id,
        },
    )
    found = {Key(row["kind"], row["source_id"]): row["initiated_by"] for row in rows}
    return Requests(found, found.pop(Key("", ""), None))


async def requests_done(tx: Tx, job_id: UUID, cycle_id: UUID) -> None:
    """A cycle has come to its end, and with it what was asked for before it began."""
    await tx.run(
        """
        delete from provisioning.log_requests r using provisioning.cycles c
        where c.job_id = %(job)s and c.id = %(cycle)s and r.job_id = %(job)s and r.at <= c.began
        """,
        {"job": job_id, "cycle": cycle_id},
    )
