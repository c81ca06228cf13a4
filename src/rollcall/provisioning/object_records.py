"""What is kept of one object: its log records, and the references that start or end at it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.provisioning.ledger_contract import KeptReference
from rollcall.provisioning.ledger_references import ESCROW_COLUMNS, reference_escrow
from rollcall.provisioning.model import Key, ReferenceKey

_RECORD = """select id, at, cycle_id, kind, source_id, name, target_id, action, status, code, reason,
    duration_milliseconds, steps, modified, initiated_by from provisioning.log"""


async def records_until(tx: Tx, job_id: UUID, key: Key, until: datetime, limit: int) -> list[dict[str, Any]]:
    """The log records of one object at or before a moment, newest first."""
    return await tx.all(
        f"{_RECORD} where job_id = %s and source_id = %s and kind = %s and at <= %s order by id desc limit %s",
        [job_id, key.id, key.kind, until, limit],
    )


async def first_record_after(tx: Tx, job_id: UUID, key: Key, moment: datetime) -> dict[str, Any] | None:
    """The first log record of one object after a moment."""
    return await tx.one(
        f"{_RECORD} where job_id = %s and source_id = %s and kind = %s and at > %s order by id limit 1",
        [job_id, key.id, key.kind, moment],
    )


async def kind_of(tx: Tx, job_id: UUID, source_id: str) -> str | None:
    """`User` or `Group`, of an object that the job remembers or has a log record of."""
    row = await tx.one(
        """
        select kind from provisioning.links where job_id = %(job)s and kind in ('User', 'Group') and source_id = %(id)s
        union all
        (select kind from provisioning.log where job_id = %(job)s and source_id = %(id)s order by id desc limit 1)
        limit 1
        """,
        {"job": job_id, "id": source_id},
    )
    return None if row is None else str(row["kind"])


async def count_references(tx: Tx, job_id: UUID, key: Key) -> dict[str, int]:
    """How many references start or end at one object: `present` in the target as wanted, and `open` ones, which are not
    as wanted; those that are neither wanted nor there count as nothing.
    """
    row = await tx.one(
        """
        select count(*) filter (where wanted and state = 'present') as present,
            count(*) filter (where state <> case when wanted then 'present' else 'absent' end) as open
        from provisioning.object_references
        where job_id = %(job)s and ((source_kind = %(kind)s and source_id = %(id)s)
            or (referenced_kind = %(kind)s and referenced_id = %(id)s))
        """,
        {"job": job_id, "kind": key.kind, "id": key.id},
    )
    assert row is not None, "an aggregate has a row"
    return {"present": row["present"], "open": row["open"]}


async def references_of(tx: Tx, job_id: UUID, key: Key, limit: int) -> list[KeptReference]:
    """References that start or end at one object, those first that are not as wanted, those last that are done with."""
    rows = await tx.all(
        f"""
        select source_kind, source_id, attribute, referenced_kind, referenced_id, wanted, state, due, {ESCROW_COLUMNS}
        from provisioning.object_references
        where job_id = %(job)s and ((source_kind = %(kind)s and source_id = %(id)s)
            or (referenced_kind = %(kind)s and referenced_id = %(id)s))
        order by case when not wanted and state = 'absent' then 2 when wanted and state = 'present' then 1 else 0 end,
            attribute, source_kind, source_id, referenced_kind, referenced_id
        limit %(limit)s
        """,
        {"job": job_id, "kind": key.kind, "id": key.id, "limit": limit},
    )
    return [_kept(row) for row in rows]


def _kept(row: dict[str, Any]) -> KeptReference:
    source = Key(row["source_kind"], row["source_id"])
    referenced = Key(row["referenced_kind"], row["referenced_id"])
    return KeptReference(
        ReferenceKey(source, row["attribute"], referenced),
        row["wanted"],
        row["state"],
        row["due"],
        reference_escrow(row),
    )


def ends(references: Collection[KeptReference]) -> set[Key]:
    """Both ends of each reference."""
    return {end for kept in references for end in (kept.key.source, kept.key.referenced)}
