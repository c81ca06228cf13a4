"""Removals that guards hold back, in lots: held, listed, allowed, rejected; and how many were sent within a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import get_args
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.errors import Conflict, NotFound
from rollcall.provisioning.guards import Objection, advice
from rollcall.provisioning.ledger_contract import Among, Lot
from rollcall.provisioning.ledger_references import DUE_NOW, NO_ESCROW, due_now
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.log_requests import request_some
from rollcall.provisioning.model import Key, Staged
from rollcall.provisioning.notices import Notice, announce

_KEPT = timedelta(days=2)
_REFERENCES = f"{DUE_NOW} and not r.wanted and r.attribute = 'members' and r.staged = '' and r.state <> 'absent'"

_HELD_OBJECTS = """select kind, source_id from provisioning.links
    where job_id = %(job)s and staged in ('judged', 'held') and staging = any(%(ids)s)"""
_HELD_REFERENCES = """select source_kind, source_id from provisioning.object_references
    where job_id = %(job)s and staged = 'held' and staging = any(%(ids)s)"""


async def staged(tx: Tx, job_id: UUID, state: Staged, after: Key | None, limit: int) -> list[Key]:
    """Objects whose removal has come so far with the guards, by key; allowed ones without those in escrow."""
    assert state in get_args(Staged), "one of the states"
    # The state as a literal: only so the index of what is staged is known to hold it.
    rows = await tx.all(
        f"""
        select kind, source_id from provisioning.links
        where job_id = %s and staged = '{state}' and (kind, source_id) > (%s, %s)
          and (staged <> 'allowed' or escrow_next_attempt is null)
        order by kind, source_id limit %s
        """,
        [job_id, *(("", "") if after is None else (after.kind, after.id)), limit],
    )
    return [Key(row["kind"], row["source_id"]) for row in rows]


async def count_counting(tx: Tx, job_id: UUID) -> int:
    """How many removals are kept back until the cycle's are counted."""
    return int(
        await tx.value("select count(*) from provisioning.links where job_id = %s and staged = 'counting'", [job_id])
    )


async def hold_counted(tx: Tx, job_id: UUID, lot: Lot) -> None:
    """The removals that were counted become a lot."""
    number = await tx.run(
        "update provisioning.links set staged = 'judged', staging = %s where job_id = %s and staged = 'counting'",
        [lot.id, job_id],
    )
    await _open(tx, job_id, lot, number)


async def read_lot(tx: Tx, job_id: UUID, lot_id: str) -> Lot | None:
    """A lot of removals that was held back."""
    row = await tx.one(
        "select cycle_id, at, guard, because, number from provisioning.stagings where job_id = %s and id = %s",
        [job_id, lot_id],
    )
    if row is None:
        return None
    return Lot(lot_id, str(row["cycle_id"]), row["at"], Objection(row["guard"], row["because"]), row["number"])


async def hold_references(tx: Tx, job_id: UUID, lot: Lot, now: datetime, among: Among | None = None) -> dict[Key, int]:
    """References that would be removed now become a lot, and are no failures any more; how many there are of each object."""
    rows = await tx.all(
        f"""
        with held as (
            update provisioning.object_references r set staged = 'held', staging = %(lot)s, due = false, {NO_ESCROW}
            where {_REFERENCES} returning source_kind, source_id
        )
        select source_kind, source_id, count(*) as number from held group by source_kind, source_id
        """,
        {**due_now(job_id, now, among), "lot": lot.id},
    )
    await _open(tx, job_id, lot, sum(row["number"] for row in rows))
    return {Key(row["source_kind"], row["source_id"]): row["number"] for row in rows}


async def count_removed_references(tx: Tx, job_id: UUID, now: datetime, limit: int, among: Among | None = None) -> int:
    """How many members would be taken out of groups now, counted up to a limit."""
    return int(
        await tx.value(
            f"""
            select count(*) from (
                select from provisioning.object_references r where {_REFERENCES} limit %(limit)s) as found
            """,
            {**due_now(job_id, now, among), "limit": limit},
        )
    )


async def _open(tx: Tx, job_id: UUID, lot: Lot, number: int) -> None:
    """Keep a lot, and announce it (rule P3)."""
    guard, because = lot.objection.guard, lot.objection.because
    await tx.run(
        """
        insert into provisioning.stagings (job_id, id, cycle_id, at, guard, because, number)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        [job_id, lot.id, lot.cycle_id, lot.at, guard, because, number],
    )
    details = {"guard": guard, "number": number, "staging": lot.id, "cycle": lot.cycle_id}
    notice = Notice("held", f"{guard}:{await _waits_since(tx, job_id, lot)}", f"{because} {advice(guard)}", details)
    await announce(tx, job_id, UUID(lot.id), notice, lot.at)


async def _waits_since(tx: Tx, job_id: UUID, lot: Lot) -> UUID:
    """The first lot of this guard that nobody decided about: of the others with it nobody is told once more (rule Q7)."""
    return UUID(
        str(
            await tx.value(
                """
                select id from provisioning.stagings where job_id = %s and decision is null and guard = %s
                order by at, id limit 1
                """,
                [job_id, lot.objection.guard],
            )
        )
    )


async def note_removals(tx: Tx, job_id: UUID, now: datetime, number: int) -> None:
    """Count removals into their hour, and forget hours that no day reaches back to."""
    await tx.run(
        """
        insert into provisioning.removals_by_hour as h (job_id, hour, number) values (%s, date_trunc('hour', %s, 'UTC'), %s)
        on conflict (tenant_id, job_id, hour) do update set number = h.number + excluded.number
        """,
        [job_id, now, number],
    )
    await tx.run("delete from provisioning.removals_by_hour where job_id = %s and hour < %s", [job_id, now - _KEPT])


async def count_removals(tx: Tx, job_id: UUID, since: datetime) -> int:
    """How many removals were sent since the hour of that moment."""
    return int(
        await tx.value(
            """
            select coalesce(sum(number), 0) from provisioning.removals_by_hour
            where job_id = %s and hour >= date_trunc('hour', %s, 'UTC')
            """,
            [job_id, since],
        )
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A lot as it stands.

    `guard`, `because`: what objected, with its numbers. `objects`, `references`: how many removals of the lot wait still. `decision`:
    None, or `allowed`, `rejected`, `restarted`, `over` (nothing of it waited any more), when and by whom.
    """

    id: UUID
    at: datetime
    cycle_id: UUID
    guard: str
    because: str
    number: int
    objects: int
    references: int
    decision: str | None
    decided_at: datetime | None
    decided_by: str | None


@dataclass(frozen=True, slots=True)
class HeldObject:
    """One removal that waits: of an object, or of so many of its members."""

    key: Key
    name: str
    staging: UUID
    references: int = 0


# One walk over what waits, whatever the number of lots.
_LOTS = """
    select s.id, s.at, s.cycle_id, s.guard, s.because, s.number, s.decision, s.decided_at, s.decided_by,
        coalesce(l.number, 0) as objects, coalesce(r.number, 0) as "references"
    from provisioning.stagings s
    left join (select staging, count(*) as number from provisioning.links
        where job_id = %(job)s and staged in ('judged', 'held') group by staging) l on l.staging = s.id
    left join (select staging, count(*) as number from provisioning.object_references
        where job_id = %(job)s and staged = 'held' group by staging) r on r.staging = s.id
    where s.job_id = %(job)s
"""
_WAITS = "s.decision is null and (l.number > 0 or r.number > 0)"


async def list_held(tx: Tx, job_id: UUID, *, decided: bool = False, limit: int = 100) -> list[Held]:
    """The lots of which something waits for a decision, newest first; with `decided` also what was decided."""
    rows = await tx.all(
        f"{_LOTS} and ({_WAITS} or (%(decided)s and s.decision is not null)) order by s.id desc limit %(limit)s",
        {"job": job_id, "decided": decided, "limit": limit},
    )
    return [Held(**row) for row in rows]


async def close_empty_lots(tx: Tx, job_id: UUID, now: datetime) -> int:
    """Lots that nobody decided about and of which nothing waits any more, since all of them came back, are over."""
    return await tx.run(
        """
        update provisioning.stagings s set decision = 'over', decided_at = %(now)s
        where s.job_id = %(job)s and s.decision is null
          and not exists (select from provisioning.links l
            where l.job_id = %(job)s and l.staged in ('judged', 'held') and l.staging = s.id)
          and not exists (select from provisioning.object_references r
            where r.job_id = %(job)s and r.staged = 'held' and r.staging = s.id)
        """,
        {"job": job_id, "now": now},
    )


async def list_held_objects(tx: Tx, job_id: UUID, after: Key | None, limit: int) -> list[HeldObject]:
    """Objects whose removal waits for a decision, by kind and id, and those whose members do."""
    place = ("", "") if after is None else (after.kind, after.id)
    rows = await tx.all(
        """
        (select kind, source_id, name, staging, 0 as number from provisioning.links
         where job_id = %(job)s and staged in ('judged', 'held') and (kind, source_id) > (%(kind)s, %(id)s)
         order by kind, source_id limit %(limit)s)
        union all
        (select r.source_kind, r.source_id, coalesce(max(l.name), r.source_id), r.staging, count(*)
         from provisioning.object_references r
         left join provisioning.links l on l.job_id = r.job_id and l.kind = r.source_kind and l.source_id = r.source_id
         where r.job_id = %(job)s and r.staged = 'held' and (r.source_kind, r.source_id) > (%(kind)s, %(id)s)
         group by r.source_kind, r.source_id, r.staging order by 1, 2 limit %(limit)s)
        order by 1, 2 limit %(limit)s
        """,
        {"job": job_id, "kind": place[0], "id": place[1], "limit": limit},
    )
    return [HeldObject(Key(row["kind"], row["source_id"]), row["name"], row["staging"], row["number"]) for row in rows]


async def allow(tx: Tx, job_id: UUID, staging: UUID | None, by: str, now: datetime) -> list[Held]:
    """What is held back, or this lot of it, may be sent; the next cycle does, and looks at each afresh (rule P4).

    Later ones are not included. Raises NotFound when nothing waits, Conflict when it was decided already.
    """
    lots = await _decide(tx, job_id, staging, "allowed", by, now)
    ids = [lot.id for lot in lots]
    who, params = Initiator(display_name=by, type="user"), {"ids": ids}
    await request_some(tx, job_id, _HELD_OBJECTS, params, who, now, of_references=False)
    await request_some(tx, job_id, _HELD_REFERENCES, params, who, now, of_references=True)
    await tx.run(
        """
        update provisioning.links set staged = 'allowed', withheld = false
        where job_id = %s and staged in ('judged', 'held') and staging = any(%s)
        """,
        [job_id, ids],
    )
    await tx.run(
        """
        update provisioning.object_references set staged = 'allowed', due = true, next_attempt = null
        where job_id = %s and staged = 'held' and staging = any(%s)
        """,
        [job_id, ids],
    )
    return lots


async def reject(tx: Tx, job_id: UUID, staging: UUID | None, by: str, now: datetime) -> list[Held]:
    """What is held back, or this lot of it, is not sent: the objects stay as they are until the source tells of them again.

    Members stay until they return and leave once more, or everything is read again. Raises NotFound when nothing waits, Conflict when it was decided already.
    """
    lots = await _decide(tx, job_id, staging, "rejected", by, now)
    await _log_rejected(tx, job_id, [lot.id for lot in lots], by, now)
    await _forget(tx, job_id, [lot.id for lot in lots], due=False)
    return lots


async def _log_rejected(tx: Tx, job_id: UUID, ids: Sequence[UUID], by: str, now: datetime) -> None:
    """A record for each object whose removal, or that of its members, will not be sent."""
    await tx.run(
        """
        insert into provisioning.log (job_id, id, cycle_id, at, kind, source_id, name, action, status, code, reason,
            duration_milliseconds, steps, modified, initiated_by)
        select %(job)s, uuidv7(), s.cycle_id, %(now)s, each.kind, each.source_id, each.name, 'other', 'skipped', 'TooManyDeletes',
            %(reason)s, 0, '[]', '[]', %(who)s
        from provisioning.stagings s cross join lateral (
            select kind, source_id, name from provisioning.links
            where job_id = s.job_id and staged in ('judged', 'held') and staging = s.id
            union all
            (select r.source_kind, r.source_id, coalesce(max(l.name), r.source_id) from provisioning.object_references r
             left join provisioning.links l on l.job_id = r.job_id and l.kind = r.source_kind and l.source_id = r.source_id
             where r.job_id = s.job_id and r.staged = 'held' and r.staging = s.id group by r.source_kind, r.source_id)
        ) as each
        where s.job_id = %(job)s and s.id = any(%(ids)s) order by each.kind, each.source_id
        """,
        {
            "job": job_id,
            "ids": list(ids),
            "now": now,
            "who": Jsonb(asdict(Initiator(display_name=by, type="user"))),
            "reason": f"{by} rejected the removal that was held back: nothing is sent until the source tells of it again.",
        },
    )


async def begin_anew(tx: Tx, job_id: UUID) -> None:
    """What was held back is judged again by the guards when the job has read everything; what was allowed stays so."""
    rows = await tx.all(
        """
        update provisioning.stagings set decision = 'restarted', decided_at = now()
        where job_id = %s and decision is null returning id
        """,
        [job_id],
    )
    await _forget(tx, job_id, [row["id"] for row in rows], due=True)


async def allow_all(tx: Tx, job_id: UUID, by: str, now: datetime) -> None:
    """Whatever is held back may be sent, if anything is: a restart with ForceDeletes (rule P4)."""
    if await list_held(tx, job_id):
        await allow(tx, job_id, None, by, now)


async def _forget(tx: Tx, job_id: UUID, ids: Sequence[UUID], *, due: bool) -> None:
    await tx.run(
        """
        update provisioning.links set staged = '', staging = null, withheld = false
        where job_id = %s and staged in ('judged', 'held') and staging = any(%s)
        """,
        [job_id, ids],
    )
    await tx.run(
        """
        update provisioning.object_references set staged = %s, staging = null, due = %s
        where job_id = %s and staged = 'held' and staging = any(%s)
        """,
        ["" if due else "rejected", due, job_id, ids],
    )


async def _decide(tx: Tx, job_id: UUID, staging: UUID | None, decision: str, by: str, now: datetime) -> list[Held]:
    which = {"job": job_id, "staging": staging}
    rows = await tx.all(f"{_LOTS} and {_WAITS} and (%(staging)s::uuid is null or s.id = %(staging)s)", which)
    # Whoever decides at the same time waits here, and finds the lots decided then.
    taken = await tx.all(
        """
        update provisioning.stagings set decision = %s, decided_at = %s, decided_by = %s
        where job_id = %s and id = any(%s) and decision is null returning id
        """,
        [decision, now, by, job_id, [row["id"] for row in rows]],
    )
    if not taken:
        raise await _why_nothing(tx, job_id, staging or (rows[0]["id"] if rows else None))
    ids = {row["id"] for row in taken}
    return sorted((Held(**row) for row in rows if row["id"] in ids), key=lambda lot: lot.id, reverse=True)


async def _why_nothing(tx: Tx, job_id: UUID, staging: UUID | None) -> Conflict | NotFound:
    """Why there is nothing to decide about: of all lots, or of this one."""
    if staging is None:
        return NotFound("Nothing of this job is held back.")
    row = await tx.one(
        "select decision, decided_by from provisioning.stagings where job_id = %s and id = %s and decision is not null",
        [job_id, staging],
    )
    if row is None:
        return NotFound(f"Nothing is held back as {staging}.")
    if row["decision"] == "over":
        return Conflict("Nothing of that waits any more: what was held back returned, or was sent on demand.")
    return Conflict(f"That was {row['decision']} already, by {row['decided_by'] or 'a restart'}.")
