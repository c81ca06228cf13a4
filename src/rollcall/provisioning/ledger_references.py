"""References of a job in the database: rows of their own, due when either end changes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.escrows import LONGEST_WAIT
from rollcall.provisioning.ledger_contract import Among, KeptReference, SharedExchange, SingleReference
from rollcall.provisioning.model import Escrow, Key, Reference, ReferenceKey, Tie

_KEY_COLUMNS = "source_kind, source_id, attribute, referenced_kind, referenced_id"
_KEY_RECORD = "source_kind text, source_id text, attribute text, referenced_kind text, referenced_id text"
_SAME_KEY = """r.source_kind = k.source_kind and r.source_id = k.source_id and r.attribute = k.attribute
    and r.referenced_kind = k.referenced_kind and r.referenced_id = k.referenced_id"""


ESCROW_COLUMNS = "attempts, first_failed, next_attempt, code, reason, given_up"
NO_ESCROW = """attempts = 0, first_failed = null, next_attempt = null, code = null, reason = null, given_up = false,
    exchange_id = null"""


DUE_NOW = """r.job_id = %(job)s and r.due and r.staged not in ('held', 'rejected')
            and (r.next_attempt is null or r.next_attempt <= %(now)s or r.next_attempt > %(latest)s)
            and (%(all)s
                or (r.source_kind, r.source_id) in (select * from unnest(%(kinds)s::text[], %(ids)s::text[]))
                or (r.referenced_kind, r.referenced_id) in
                    (select * from unnest(%(referenced_kinds)s::text[], %(referenced_ids)s::text[])))"""
"""Which references are sent now: the one condition for those that are sent and for those that a guard counts and holds."""


def due_now(job_id: UUID, now: datetime, among: Among | None) -> dict[str, Any]:
    """The parameters of `DUE_NOW`."""
    sources, referenced = (among.sources, among.referenced) if among is not None else ((), ())
    return {
        "job": job_id,
        "now": now,
        "latest": now + LONGEST_WAIT,
        "all": among is None,
        "kinds": [key.kind for key in sources],
        "ids": [key.id for key in sources],
        "referenced_kinds": [key.kind for key in referenced],
        "referenced_ids": [key.id for key in referenced],
    }


def reference_escrow(row: Mapping[str, Any]) -> Escrow | None:
    """How a reference failed; one that was made due since is due, whatever came of it."""
    if row["first_failed"] is None:
        return None
    again = row["next_attempt"] or row["first_failed"]
    given_up = row["given_up"] and not row["due"]
    return Escrow(row["attempts"], row["first_failed"], again, row["code"], row["reason"], given_up)


def _record(key: ReferenceKey, **more: Any) -> dict[str, Any]:
    return {
        "source_kind": key.source.kind,
        "source_id": key.source.id,
        "attribute": key.attribute,
        "referenced_kind": key.referenced.kind,
        "referenced_id": key.referenced.id,
        **more,
    }


def _reference_key(row: dict[str, Any]) -> ReferenceKey:
    return ReferenceKey(
        Key(row["source_kind"], row["source_id"]), row["attribute"], Key(row["referenced_kind"], row["referenced_id"])
    )


async def take_ties(tx: Tx, job_id: UUID, ties: Sequence[Tie]) -> None:
    """Note what the source says of ties that start at an object with a link; the last word counts."""
    if not ties:
        return
    wanted = {tie.key: tie.present for tie in ties}
    await tx.run(
        f"""
        insert into provisioning.object_references as r (job_id, {_KEY_COLUMNS}, wanted)
        select %(job)s, {_KEY_COLUMNS.replace("source_id", "k.source_id")}, k.wanted
        from jsonb_to_recordset(%(rows)s) as k ({_KEY_RECORD}, wanted boolean)
        join provisioning.links l on l.job_id = %(job)s and l.kind = k.source_kind and l.source_id = k.source_id
        where k.wanted or exists (
            select from provisioning.object_references r where r.job_id = %(job)s and {_SAME_KEY})
        on conflict (tenant_id, job_id, {_KEY_COLUMNS})
        do update set wanted = excluded.wanted, due = true, next_attempt = null, staged = '', staging = null
        where r.wanted is distinct from excluded.wanted
        """,
        {"job": job_id, "rows": Jsonb([_record(key, wanted=present) for key, present in wanted.items()])},
    )


async def take_single_references(tx: Tx, job_id: UUID, singles: Sequence[SingleReference]) -> None:
    """Note what single-valued references should be: the one named is wanted, every other is not."""
    if not singles:
        return
    rows = [
        {
            "source_kind": single.source.kind,
            "source_id": single.source.id,
            "attribute": single.attribute,
            "referenced_kind": single.referenced.kind if single.referenced else None,
            "referenced_id": single.referenced.id if single.referenced else None,
        }
        for single in singles
    ]
    params = {"job": job_id, "rows": Jsonb(rows)}
    await tx.run(
        f"""
        update provisioning.object_references r set wanted = false, due = true, next_attempt = null
        from jsonb_to_recordset(%(rows)s) as k ({_KEY_RECORD})
        where r.job_id = %(job)s and r.source_kind = k.source_kind and r.source_id = k.source_id
          and r.attribute = k.attribute and r.wanted
          and (r.referenced_kind, r.referenced_id) is distinct from (k.referenced_kind, k.referenced_id)
        """,
        params,
    )
    await tx.run(
        f"""
        insert into provisioning.object_references as r (job_id, {_KEY_COLUMNS}, wanted)
        select %(job)s, {_KEY_COLUMNS}, true from jsonb_to_recordset(%(rows)s) as k ({_KEY_RECORD})
        where referenced_id is not null
        on conflict (tenant_id, job_id, {_KEY_COLUMNS})
        do update set wanted = true, due = true, next_attempt = null, staged = '', staging = null
        where not r.wanted or r.first_failed is not null
        """,
        params,
    )


async def forget(tx: Tx, job_id: UUID, keys: Collection[Key]) -> None:
    """Believe nothing that was exported to or through these objects; what is not wanted is forgotten whole."""
    await _touch_ends(tx, job_id, keys, "state = 'absent', due = true, next_attempt = null", "r.wanted")
    for end in ("source", "referenced"):
        await tx.run(
            f"""
            delete from provisioning.object_references r using unnest(%s::text[], %s::text[]) as k (kind, id)
            where r.job_id = %s and r.{end}_kind = k.kind and r.{end}_id = k.id and not r.wanted
            """,
            [*_columns(keys), job_id],
        )


async def make_due(tx: Tx, job_id: UUID, keys: Collection[Key]) -> None:
    """References at either end of these objects are to be looked at again."""
    await _touch_ends(tx, job_id, keys, "due = true, next_attempt = null", "r.staged not in ('held', 'rejected')")


async def doubt(tx: Tx, job_id: UUID, keys: Collection[Key]) -> None:
    """Whether the target still holds what is wanted at either end of these objects nobody knows: it is sent again."""
    await _touch_ends(
        tx, job_id, keys, "state = 'uncertain', due = true, next_attempt = null", "r.wanted and r.state = 'present'"
    )


async def _touch_ends(tx: Tx, job_id: UUID, keys: Collection[Key], change: str, only: str = "true") -> None:
    for end in ("source", "referenced"):
        await tx.run(
            f"""
            update provisioning.object_references r set {change}
            from unnest(%s::text[], %s::text[]) as k (kind, id)
            where r.job_id = %s and r.{end}_kind = k.kind and r.{end}_id = k.id and {only}
            """,
            [*_columns(keys), job_id],
        )


def _columns(keys: Collection[Key]) -> tuple[list[str], list[str]]:
    return [key.kind for key in keys], [key.id for key in keys]


async def drop_references(tx: Tx, job_id: UUID, sources: Collection[Key]) -> None:
    """Forget the references that start at these objects."""
    await tx.run(
        """
        delete from provisioning.object_references r using unnest(%s::text[], %s::text[]) as k (kind, id)
        where r.job_id = %s and r.source_kind = k.kind and r.source_id = k.id
        """,
        [*_columns(sources), job_id],
    )


async def take_members(tx: Tx, job_id: UUID, group: Key, members: Sequence[Key], sweep: int) -> None:
    """Some of the group's members as the source has them now."""
    await tx.run(
        f"""
        insert into provisioning.object_references as r (job_id, {_KEY_COLUMNS}, wanted, sweep)
        select %s, %s, %s, 'members', kind, id, true, %s from unnest(%s::text[], %s::text[]) as m (kind, id)
        on conflict (tenant_id, job_id, {_KEY_COLUMNS}) do update set
            sweep = excluded.sweep, wanted = true, due = r.due or not r.wanted or r.given_up, staged = '', staging = null,
            next_attempt = case when r.wanted and not r.given_up then r.next_attempt end
        """,
        [job_id, group.kind, group.id, sweep, *_columns(members)],
    )


async def finish_members(tx: Tx, job_id: UUID, group: Key, sweep: int) -> None:
    """The pass is complete: members it did not mark are not wanted any more, and whom somebody let stay is judged anew."""
    await tx.run(
        """
        update provisioning.object_references
        set wanted = false, due = true, next_attempt = null, staged = '', staging = null
        where job_id = %s and source_kind = %s and source_id = %s and attribute = 'members' and sweep <> %s
            and (wanted or staged = 'rejected')
        """,
        [job_id, group.kind, group.id, sweep],
    )
    await tx.run(
        "update provisioning.links set members_pending = false where job_id = %s and kind = %s and source_id = %s",
        [job_id, group.kind, group.id],
    )


def _end(end: str) -> str:
    """One end of each chosen reference: its name, and its target id where that is certain."""
    return f"""left join lateral (
            select l.name, case when l.state = 'linked' then l.target_id end as target_id from provisioning.links l
            where l.job_id = %(job)s and l.kind = chosen.{end}_kind and l.source_id = chosen.{end}_id
            offset 0
        ) as {end}_end on true"""


async def due_references(
    tx: Tx, job_id: UUID, now: datetime, limit: int, among: Among | None = None
) -> list[Reference]:
    """References to look at with the target ids of their ends; single-valued ones with all rows of their attribute."""
    # Each end is looked up by its key, whatever the planner believes about the size of the job.
    rows = await tx.all(
        f"""
        with due as materialized (
            select {_KEY_COLUMNS}, wanted, state, due, staged, {ESCROW_COLUMNS} from provisioning.object_references r
            where {DUE_NOW}
            order by source_kind, source_id, attribute limit %(limit)s
        ), chosen as (
            select * from due
            union
            select whole.* from (select distinct source_kind, source_id, attribute from due where attribute <> 'members') d
            cross join lateral (
                select {_KEY_COLUMNS}, wanted, state, due, staged, {ESCROW_COLUMNS} from provisioning.object_references r
                where r.job_id = %(job)s and r.source_kind = d.source_kind and r.source_id = d.source_id
                    and r.attribute = d.attribute
                offset 0
            ) as whole
        )
        select chosen.*, source_end.target_id as source_target, referenced_end.target_id as referenced_target,
            coalesce(referenced_end.name, '') as referenced_name
        from chosen {_end("source")} {_end("referenced")}
        order by source_kind, source_id, attribute, referenced_kind, referenced_id
        """,
        {**due_now(job_id, now, among), "limit": limit},
    )
    return [
        Reference(
            _reference_key(row),
            row["wanted"],
            row["state"],
            row["source_target"],
            row["referenced_target"],
            reference_escrow(row),
            row["referenced_name"],
            row["staged"] == "allowed",
        )
        for row in rows
    ]


async def references_at(tx: Tx, job_id: UUID, keys: Collection[Key]) -> list[KeptReference]:
    """References that start or end at these objects."""
    found: dict[ReferenceKey, KeptReference] = {}
    for end in ("source", "referenced"):
        rows = await tx.all(
            f"""
            select {_KEY_COLUMNS}, wanted, state, due, staged, {ESCROW_COLUMNS}
            from provisioning.object_references r
            join unnest(%s::text[], %s::text[]) as k (kind, id) on r.{end}_kind = k.kind and r.{end}_id = k.id
            where r.job_id = %s
            """,
            [*_columns(keys), job_id],
        )
        for row in rows:
            key = _reference_key(row)
            found[key] = KeptReference(
                key, row["wanted"], row["state"], row["due"], reference_escrow(row), row["staged"]
            )
    return list(found.values())


async def set_state(tx: Tx, job_id: UUID, keys: Sequence[ReferenceKey], state: str) -> None:
    """These references are in the target, are not, or nobody knows."""
    if not keys:
        return
    settled = "" if state == "uncertain" else f", {NO_ESCROW}, due = r.wanted <> %(present)s"
    await tx.run(
        f"""
        update provisioning.object_references r set state = %(state)s {settled}
        from jsonb_to_recordset(%(rows)s) as k ({_KEY_RECORD}) where r.job_id = %(job)s and {_SAME_KEY}
        """,
        {"job": job_id, "state": state, "present": state == "present", "rows": Jsonb([_record(key) for key in keys])},
    )
    if state == "absent":
        await tx.run(
            f"""
            delete from provisioning.object_references r using jsonb_to_recordset(%(rows)s) as k ({_KEY_RECORD})
            where r.job_id = %(job)s and {_SAME_KEY} and not r.wanted and r.state = 'absent'
            """,
            {"job": job_id, "rows": Jsonb([_record(key) for key in keys])},
        )


async def set_idle(tx: Tx, job_id: UUID, keys: Sequence[ReferenceKey]) -> None:
    """Nothing to do for these until one of their ends changes."""
    if keys:
        await tx.run(
            f"""
            update provisioning.object_references r set due = false, given_up = false
            from jsonb_to_recordset(%(rows)s) as k ({_KEY_RECORD}) where r.job_id = %(job)s and {_SAME_KEY} and r.due
            """,
            {"job": job_id, "rows": Jsonb([_record(key) for key in keys])},
        )


async def set_failed(
    tx: Tx, job_id: UUID, failed: Mapping[ReferenceKey, Escrow], exchanges: Sequence[SharedExchange] = ()
) -> None:
    """These references failed, and are tried again or given up.

    One that somebody gave up while it was tried stays given up: it is due no more, as nothing else makes it.
    """
    if not failed:
        return
    of = {key: shared.id for shared in exchanges for key in shared.references}
    rows = [
        _record(
            key,
            attempts=escrow.attempts,
            first_failed=escrow.first_failed.isoformat(),
            next_attempt=escrow.next_attempt.isoformat(),
            code=escrow.code,
            reason=escrow.reason,
            given_up=escrow.given_up,
            exchange_id=of.get(key),
        )
        for key, escrow in failed.items()
    ]
    await tx.run(
        f"""
        update provisioning.object_references r set attempts = k.attempts, first_failed = k.first_failed,
            next_attempt = k.next_attempt, code = k.code, reason = k.reason, exchange_id = k.exchange_id,
            given_up = k.given_up or (r.given_up and not r.due), due = r.due and not k.given_up
        from jsonb_to_recordset(%(rows)s) as k ({_KEY_RECORD}, attempts integer, first_failed timestamptz,
            next_attempt timestamptz, code text, reason text, given_up boolean, exchange_id uuid)
        where r.job_id = %(job)s and {_SAME_KEY}
        """,
        {"job": job_id, "rows": Jsonb(rows)},
    )
