"""Links, position and log of a job in the database: read before a page, committed after it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.errors import Conflict, NotFound
from rollcall.provisioning.escrows import LONGEST_WAIT
from rollcall.provisioning.ledger_contract import Position
from rollcall.provisioning.log_attributes import keep_sets
from rollcall.provisioning.log_record import SCHEDULE, Initiator
from rollcall.provisioning.log_requests import Requests
from rollcall.provisioning.matching import claims_of
from rollcall.provisioning.model import Escrow, Key, Link, LogRecord

_LINK_COLUMNS = """
    kind, source_id, name, state, target_id, sent, disabled, intent_matching, generation, members_pending, withheld,
    escrow_attempts, escrow_first_failed, escrow_next_attempt, escrow_code, escrow_reason, escrow_given_up, disabled_at,
    left_alone, staged, staging, filled
"""

_LOG_COLUMNS = """
    id, cycle_id, at, kind, source_id, name, target_id, action, status, code, reason, duration_milliseconds,
    steps, modified, attribute_set, initiated_by
"""


async def position(tx: Tx, job_id: UUID) -> Position:
    """How far the job has read its source."""
    row = await tx.one(
        """
        select watermark, reading_full, generation, anomaly, exists (
            select from provisioning.links l where l.job_id = j.id and l.staged in ('counting', 'judged', 'allowed')
        ) as unsettled
        from provisioning.jobs j where id = %s
        """,
        [job_id],
    )
    assert row is not None, "a cycle runs for a job that exists"
    return Position(**row)


async def known(tx: Tx, job_id: UUID, keys: Collection[Key]) -> dict[Key, Link]:
    """The links of these objects."""
    rows = await tx.all(
        f"""
        select {_LINK_COLUMNS} from provisioning.links
        join unnest(%s::text[], %s::text[]) as wanted (kind, source_id) using (kind, source_id)
        where job_id = %s
        """,
        [[key.kind for key in keys], [key.id for key in keys], job_id],
    )
    return {link.key: link for link in map(_link, rows)}


def _link(row: dict[str, Any]) -> Link:
    escrow = None
    if row["escrow_next_attempt"] is not None:
        escrow = Escrow(
            row["escrow_attempts"],
            row["escrow_first_failed"],
            row["escrow_next_attempt"],
            row["escrow_code"],
            row["escrow_reason"],
            row["escrow_given_up"],
        )
    return Link(
        key=Key(row["kind"], row["source_id"]),
        name=row["name"],
        state=row["state"],
        target_id=row["target_id"],
        sent=row["sent"],
        disabled=row["disabled"],
        intent_matching=tuple((attribute, value) for attribute, value in row["intent_matching"]),
        generation=row["generation"],
        members_pending=row["members_pending"],
        withheld=row["withheld"],
        escrow=escrow,
        disabled_at=row["disabled_at"],
        left_alone=row["left_alone"],
        staged=row["staged"],
        staging=row["staging"] and str(row["staging"]),
        filled=tuple(row["filled"]),
    )


def _row(link: Link) -> dict[str, Any]:
    escrow = link.escrow
    return {
        "kind": link.key.kind,
        "source_id": link.key.id,
        "name": link.name,
        "state": link.state,
        "target_id": link.target_id,
        "sent": link.sent,
        "disabled": link.disabled,
        "intent_matching": link.intent_matching,
        "generation": link.generation,
        "members_pending": link.members_pending,
        "withheld": link.withheld,
        "escrow_attempts": escrow and escrow.attempts,
        "escrow_first_failed": escrow and escrow.first_failed.isoformat(),
        "escrow_next_attempt": escrow and escrow.next_attempt.isoformat(),
        "escrow_code": escrow and escrow.code,
        "escrow_reason": escrow and escrow.reason,
        "escrow_given_up": escrow is not None and escrow.given_up,
        "disabled_at": link.disabled_at and link.disabled_at.isoformat(),
        "left_alone": link.left_alone,
        "staged": link.staged,
        "staging": link.staging,
        "filled": link.filled,
    }


async def owners(tx: Tx, job_id: UUID, kind: str, target_ids: Collection[str]) -> dict[str, Key]:
    """Which source object each of these target resources is linked to."""
    rows = await tx.all(
        "select target_id, source_id from provisioning.links where job_id = %s and kind = %s and target_id = any(%s)",
        [job_id, kind, list(target_ids)],
    )
    return {row["target_id"]: Key(kind, row["source_id"]) for row in rows}


async def claims(tx: Tx, job_id: UUID, kind: str) -> dict[tuple[str, str], Key]:
    """What objects whose creation has an unknown outcome may have put into the target."""
    rows = await tx.all(
        f"""
        select {_LINK_COLUMNS} from provisioning.links
        where job_id = %s and kind = %s and state = 'uncertain' and target_id is null
        """,
        [job_id, kind],
    )
    return claims_of(map(_link, rows))


# A failure that is tried once more counts one more attempt; after it was given up, it begins anew with the first.
_SAME_SERIES = "coalesce(l.escrow_first_failed = excluded.escrow_first_failed, false)"
_NOT_TRIED = f"(l.escrow_next_attempt is not null and l.escrow_attempts = excluded.escrow_attempts and {_SAME_SERIES})"


# Held becomes what was judged, and nothing that was allowed is counted again: else somebody decided while the page was under way.
_DECIDED = """(excluded.staged in ('counting', 'held') and l.staged = 'allowed' or excluded.staged = 'held' and l.staged = '')"""


async def save_links(tx: Tx, job_id: UUID, links: Sequence[Link]) -> None:
    """Insert or replace links, in one statement.

    What somebody did with a failure meanwhile holds: one that was given up while it was tried stays given up, and one
    that was not tried keeps its time. So does what they decided about a removal that is held back (rule P4).
    """
    if not links:
        return
    # A target resource may pass from one link of this page to another: give up before taking.
    if any(link.target_id is not None for link in links):
        await tx.run(
            """
            update provisioning.links as l set target_id = null
            from unnest(%s::text[], %s::text[], %s::text[]) as r (kind, source_id, target_id)
            where l.job_id = %s and l.kind = r.kind and l.source_id = r.source_id
              and l.target_id is distinct from r.target_id and l.target_id is not null
            """,
            [
                [link.key.kind for link in links],
                [link.key.id for link in links],
                [link.target_id for link in links],
                job_id,
            ],
        )
    await tx.run(
        f"""
        insert into provisioning.links as l (job_id, {_LINK_COLUMNS})
        select %(job)s, {_LINK_COLUMNS} from jsonb_to_recordset(%(rows)s) as r (
            kind text, source_id text, name text, state text, target_id text, sent jsonb, disabled boolean,
            intent_matching jsonb, generation bigint, members_pending boolean, withheld boolean,
            escrow_attempts integer, escrow_first_failed timestamptz, escrow_next_attempt timestamptz,
            escrow_code text, escrow_reason text, escrow_given_up boolean, disabled_at timestamptz, left_alone boolean,
            staged text, staging uuid, filled text[])
        on conflict (tenant_id, job_id, kind, source_id) do update set
            name = excluded.name, state = excluded.state, target_id = excluded.target_id, sent = excluded.sent,
            disabled = excluded.disabled, intent_matching = excluded.intent_matching,
            generation = excluded.generation, members_pending = excluded.members_pending,
            withheld = excluded.withheld and not {_DECIDED}, escrow_attempts = excluded.escrow_attempts,
            escrow_first_failed = excluded.escrow_first_failed,
            escrow_next_attempt = case when {_NOT_TRIED} then l.escrow_next_attempt else excluded.escrow_next_attempt end,
            escrow_code = excluded.escrow_code, escrow_reason = excluded.escrow_reason,
            escrow_given_up = case when {_NOT_TRIED} then l.escrow_given_up
                else excluded.escrow_given_up or (l.escrow_given_up and {_SAME_SERIES}) end, disabled_at = excluded.disabled_at, left_alone = excluded.left_alone,
            staged = case when {_DECIDED} then l.staged else excluded.staged end,
            staging = case when {_DECIDED} then l.staging else excluded.staging end, filled = excluded.filled
        """,
        {"rows": Jsonb([_row(link) for link in links]), "job": job_id},
    )


async def drop_links(tx: Tx, job_id: UUID, keys: Sequence[Key]) -> None:
    """Forget objects that are neither in the target nor to be tried again."""
    await tx.run(
        """
        delete from provisioning.links as l
        using unnest(%s::text[], %s::text[]) as gone (kind, source_id)
        where l.job_id = %s and l.kind = gone.kind and l.source_id = gone.source_id
        """,
        [[key.kind for key in keys], [key.id for key in keys], job_id],
    )


@dataclass(frozen=True, slots=True)
class Hold:
    """What entitles a cycle to write: it is the job's holder, and the job has not been told to begin anew since."""

    holder: UUID
    epoch: int


async def take_hold(tx: Tx, job_id: UUID, holder: UUID) -> Hold:
    """Make `holder` the one cycle that may write. Raises NotFound when the job is gone."""
    epoch = await tx.value("update provisioning.jobs set holder = %s where id = %s returning epoch", [holder, job_id])
    if epoch is None:
        raise NotFound(f"There is no job {job_id}.")
    return Hold(holder, int(epoch))


async def check_hold(tx: Tx, job_id: UUID, hold: Hold | None, *, anew: bool = True) -> None:
    """Raise Conflict when another cycle has taken over, or (`anew`) the job has been told to begin anew.

    The row stays as it is until this transaction ends, so what is written in it is written by the holder.
    """
    if hold is None:
        return
    row = await tx.one("select holder, epoch from provisioning.jobs where id = %s for share", [job_id])
    if row is None or row["holder"] != hold.holder:
        raise Conflict("Another cycle of this job has taken over.", code="superseded")
    if anew and row["epoch"] != hold.epoch:
        raise Conflict(
            "The job was restarted or changed while this cycle ran; the next one begins anew.", code="begun_anew"
        )


async def save_position(tx: Tx, job_id: UUID, now_at: Position, hold: Hold | None) -> None:
    """Remember how far the source is read, unless the job has been told to begin anew meanwhile."""
    await tx.run(
        """
        update provisioning.jobs set watermark = %s, reading_full = %s, generation = %s, anomaly = %s
        where id = %s and epoch = coalesce(%s, epoch)
        """,
        [
            None if now_at.watermark is None else Jsonb(now_at.watermark),
            now_at.reading_full,
            now_at.generation,
            now_at.anomaly,
            job_id,
            hold and hold.epoch,
        ],
    )


async def append_log(
    tx: Tx,
    job_id: UUID,
    records: Sequence[LogRecord],
    initiator: Initiator = SCHEDULE,
    requests: Requests | None = None,
) -> None:
    """Add log records of what `initiator` had done, or whoever asked for it."""
    if not records:
        return
    changed = [frozenset(path for path, _, _ in record.modified) for record in records]
    sets = await keep_sets(tx, job_id, set(changed), max(record.at for record in records).date())
    requests = requests or Requests()
    by = requests.of_all if initiator == SCHEDULE else asdict(initiator)
    rows = [
        {
            "id": record.id,
            "cycle_id": record.cycle_id,
            "at": record.at.isoformat(),
            "kind": record.key.kind,
            "source_id": record.key.id,
            "name": record.name,
            "target_id": record.target_id,
            "action": record.action,
            "status": record.status,
            "code": record.code,
            "reason": record.reason,
            "duration_milliseconds": record.duration_milliseconds,
            "steps": record.steps,
            "modified": record.modified,
            "attribute_set": sets[attributes],
            "initiated_by": requests.of_objects.get(record.key, by),
        }
        for record, attributes in zip(records, changed, strict=True)
    ]
    await tx.run(
        f"""
        insert into provisioning.log (job_id, {_LOG_COLUMNS})
        select %s, {_LOG_COLUMNS} from jsonb_to_recordset(%s) as r (
            id uuid, cycle_id uuid, at timestamptz, kind text, source_id text, name text, target_id text, action text,
            status text, code text, reason text, duration_milliseconds integer, steps jsonb, modified jsonb,
            attribute_set bigint, initiated_by jsonb)
        """,
        [job_id, Jsonb(rows)],
    )


async def due(tx: Tx, job_id: UUID, now: datetime, after: Key | None, limit: int) -> list[Key]:
    """Objects to try again, by key."""
    rows = await tx.all(
        """
        select kind, source_id from provisioning.links
        where job_id = %(job)s and (state = 'uncertain' or escrow_next_attempt is not null) and not withheld
          and not escrow_given_up
          and (escrow_next_attempt is null or escrow_next_attempt <= %(now)s or escrow_next_attempt > %(latest)s)
          and (kind, source_id) > (%(kind)s, %(id)s)
        order by kind, source_id limit %(limit)s
        """,
        {
            "job": job_id,
            "now": now,
            "latest": now + LONGEST_WAIT,
            "kind": "" if after is None else after.kind,
            "id": "" if after is None else after.id,
            "limit": limit,
        },
    )
    return [Key(row["kind"], row["source_id"]) for row in rows]


async def disabled_before(
    tx: Tx, job_id: UUID, moment: datetime, after: tuple[datetime, Key] | None, limit: int
) -> list[Link]:
    """Linked objects disabled before that moment or at it, by that time and key."""
    since, key = after or (None, Key("", ""))
    rows = await tx.all(
        f"""
        select {_LINK_COLUMNS} from provisioning.links
        where job_id = %(job)s and disabled_at <= %(moment)s and state = 'linked' and escrow_next_attempt is null
          and not withheld
          and (%(since)s::timestamptz is null or disabled_at >= %(since)s)
          and (%(since)s::timestamptz is null or (disabled_at, kind, source_id) > (%(since)s, %(kind)s, %(id)s))
        order by disabled_at, kind, source_id limit %(limit)s
        """,
        {"job": job_id, "moment": moment, "since": since, "kind": key.kind, "id": key.id, "limit": limit},
    )
    return [_link(row) for row in rows]


async def count_disabled_between(tx: Tx, job_id: UUID, after: datetime | None, until: datetime) -> int:
    """How many linked objects were disabled after a moment, if one is given, and before another or at it."""
    return int(
        await tx.value(
            """
            select count(*) from provisioning.links
            where job_id = %(job)s and disabled_at <= %(until)s and state = 'linked'
              and (%(after)s::timestamptz is null or disabled_at > %(after)s)
            """,
            {"job": job_id, "after": after, "until": until},
        )
    )


async def withheld(tx: Tx, job_id: UUID, after: Key | None, limit: int) -> list[Key]:
    """Objects whose removal is held back, by key."""
    rows = await tx.all(
        """
        select kind, source_id from provisioning.links
        where job_id = %s and withheld and (kind, source_id) > (%s, %s) order by kind, source_id limit %s
        """,
        [job_id, *(("", "") if after is None else (after.kind, after.id)), limit],
    )
    return [Key(row["kind"], row["source_id"]) for row in rows]


async def unseen(tx: Tx, job_id: UUID, generation: int, limit: int) -> list[Key]:
    """Objects with a link that a reading of everything did not show."""
    rows = await tx.all(
        "select kind, source_id from provisioning.links where job_id = %s and generation < %s limit %s",
        [job_id, generation, limit],
    )
    return [Key(row["kind"], row["source_id"]) for row in rows]


async def count_links(tx: Tx, job_id: UUID, generation: int | None) -> int:
    """How many objects have a link, or have one that a reading of everything did not show."""
    return int(
        await tx.value(
            "select count(*) from provisioning.links where job_id = %s and (%s::bigint is null or generation < %s)",
            [job_id, generation, generation],
        )
    )


async def groups_with_pending_members(tx: Tx, job_id: UUID, limit: int) -> list[Key]:
    """Groups whose whole list of members is still to be compared."""
    rows = await tx.all(
        "select kind, source_id from provisioning.links where job_id = %s and members_pending limit %s",
        [job_id, limit],
    )
    return [Key(row["kind"], row["source_id"]) for row in rows]
