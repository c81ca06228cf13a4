"""Whether and when a job runs, as rows: started, paused, disabled, restarted, and when its next cycle may come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.errors import NotFound
from rollcall.provisioning import staging
from rollcall.provisioning.failures import clear_escrows
from rollcall.provisioning.health import Health, Quarantine, slows
from rollcall.provisioning.reset_scope import AS_IN_THE_PORTAL, ResetScope
from rollcall.provisioning.sync_schema import parse_schema

SCHEDULE_CHANNEL = "rollcall_schedule"
"""Notifications of jobs that were started, paused, or given other settings or mappings. The payload is the job's id."""

JobState = Literal["Active", "Paused", "Disabled"]
_MOMENTS = frozenset({"current_began", "next_attempt", "series_began", "steady_first", "steady_last"})


async def set_state(tx: Tx, job_id: UUID, state: JobState) -> None:
    """Start (Active), pause or disable a job; a pause lets the running cycle end (rule Y3). Raises NotFound.

    A start lifts quarantine, and what was counted towards it (rule Q6); watermark, links and failures that wait stay.
    """
    await _change_state(tx, job_id, state)
    if state == "Active":
        await lift_quarantine(tx, job_id)
        await tx.run(
            "update provisioning.jobs set health = health - %s::text[] where id = %s",
            [["failures_in_a_row", "operations", "failures"], job_id],
        )
    await schedule(tx, job_id)


async def _change_state(tx: Tx, job_id: UUID, state: JobState) -> None:
    changed = await tx.run("update provisioning.jobs set state = %s, modified = now() where id = %s", [state, job_id])
    if not changed:
        raise NotFound(f"There is no job {job_id}.")


async def lift_quarantine(tx: Tx, job_id: UUID) -> None:
    """Let the job run again as if it were not in quarantine, and whatever the target asked for; what counts towards it stays."""
    await tx.run("update provisioning.jobs set quarantine = null, resume_at = null where id = %s", [job_id])


async def schedule(tx: Tx, job_id: UUID, *, tell: bool = True) -> None:
    """Let the scheduler know when the job's next cycle may come, and when something waits for one; `tell` it at once."""
    row = await tx.one(
        """
        select state, (settings ->> 'interval_seconds')::float8 as interval_seconds, quarantine, resume_at, assessed_at,
            least(
                (select min(escrow_next_attempt) from provisioning.links
                 where job_id = j.id and escrow_next_attempt is not null and not escrow_given_up),
                (select min(next_attempt) from provisioning.object_references
                 where job_id = j.id and due and next_attempt is not null and not given_up)) as next_due
        from provisioning.jobs j where id = %s
        """,
        [job_id],
    )
    if row is None or row["state"] != "Active":
        await tx.run("delete from queue.provisioning_schedule where job_id = %s", [job_id])
    else:
        await tx.run(
            """
            insert into queue.provisioning_schedule
                (job_id, tenant, interval_seconds, not_before, not_before_since, next_due)
            values (%s, %s, %s, %s, %s, %s)
            on conflict (job_id) do update set
                interval_seconds = excluded.interval_seconds, not_before = excluded.not_before,
                not_before_since = excluded.not_before_since, next_due = excluded.next_due
            """,
            [
                job_id,
                tx.tenant,
                row["interval_seconds"],
                not_before(quarantine_of(row["quarantine"]), row["resume_at"]),
                row["assessed_at"],
                row["next_due"],
            ],
        )
    if tell:
        await tx.run("select pg_notify(%s, %s)", [SCHEDULE_CHANNEL, str(job_id)])


def not_before(quarantine: Quarantine | None, resume_at: datetime | None) -> datetime | None:
    """Before when no cycle begins by itself: the quarantine's next attempt, or what the target asked for."""
    moments = [resume_at] if resume_at is not None else []
    if quarantine is not None and slows(quarantine):
        moments.append(quarantine.next_attempt)
    return max(moments, default=None)


async def drop_watermark(tx: Tx, job_id: UUID) -> None:
    """The next cycle reads everything again; one that runs now ends, and marks nothing as seen for the next."""
    await tx.run(
        """
        update provisioning.jobs set watermark = null, epoch = epoch + 1, generation = generation + 1 where id = %s
        """,
        [job_id],
    )


async def restart(
    tx: Tx, job_id: UUID, scopes: Collection[ResetScope] = AS_IN_THE_PORTAL, who: str = "a restart with ForceDeletes"
) -> None:
    """Let the job run, with something forgotten (rule table 10); by default as the portal restarts it. Raises NotFound.

    `Watermark`: everything is read again, and removals that a guard held back are planned anew. `Escrows`: failures are forgotten.
    `ConnectorDataStore`: every object is matched again.
    `ForceDeletes`: the next cycle carries out what was held back. `QuarantineState`: quarantine is lifted; what counts towards it stays.
    """
    await _change_state(tx, job_id, "Active")
    if "ForceDeletes" in scopes:
        await tx.run("update provisioning.jobs set force_deletes = true where id = %s", [job_id])
        await staging.allow_all(tx, job_id, who, await tx.value("select now()"))
    if "Watermark" in scopes:
        await drop_watermark(tx, job_id)
        await staging.begin_anew(tx, job_id)
        await tx.run("update provisioning.links set withheld = false where job_id = %s and withheld", [job_id])
    if "Escrows" in scopes:
        await clear_escrows(tx, job_id)
    if "ConnectorDataStore" in scopes:
        await _match_again(tx, job_id)
    if "QuarantineState" in scopes:
        await lift_quarantine(tx, job_id)
    await schedule(tx, job_id)


async def _match_again(tx: Tx, job_id: UUID) -> None:
    """Forget which target resource belongs to whom, but not that there may be one.

    Whoever leaves before the next cycle has to be found too, or the account would stay for ever. So each object is looked up
    by what it is matched by now and by what was sent for it; references may be there until either is known again.
    """
    schema = await tx.value(
        "update provisioning.jobs set epoch = epoch + 1 where id = %s returning sync_schema", [job_id]
    )
    for kind, mapping in parse_schema(schema).items():
        steps = [step for step in mapping.attributes if step.matching_priority > 0]
        paths = [step.target for step in sorted(steps, key=lambda step: step.matching_priority)]
        await tx.run(
            """
            update provisioning.links l set
                intent_matching = l.intent_matching || coalesce((
                    select jsonb_agg(jsonb_build_array(path, l.sent -> path) order by place)
                    from unnest(%(paths)s::text[]) with ordinality as matching (path, place)
                    where jsonb_typeof(l.sent -> path) in ('string', 'number', 'boolean')), '[]')
            where job_id = %(job)s and kind = %(kind)s and state <> 'absent' and sent <> '{}'
            """,
            {"job": job_id, "kind": kind, "paths": paths},
        )
    await tx.run(
        """
        update provisioning.links set state = 'uncertain', target_id = null, sent = '{}'
        where job_id = %s and state <> 'absent'
        """,
        [job_id],
    )
    await tx.run(
        """
        update provisioning.object_references
        set state = 'uncertain', due = staged not in ('held', 'rejected'), next_attempt = null
        where job_id = %s and state = 'present'
        """,
        [job_id],
    )


async def has_force_deletes(tx: Tx, job_id: UUID) -> bool:
    """Whether the next cycle is to send removals that were held back."""
    return await tx.one("select from provisioning.jobs where id = %s and force_deletes", [job_id]) is not None


async def end_force_deletes(tx: Tx, job_id: UUID) -> None:
    """A cycle has carried out the removals that were held back: the next one holds back again."""
    await tx.run("update provisioning.jobs set force_deletes = false where id = %s", [job_id])


async def read_health(tx: Tx, job_id: UUID) -> Health | None:
    """How the job does, for good until this transaction ends; None when the job is gone."""
    row = await tx.one("select quarantine, health from provisioning.jobs where id = %s for update", [job_id])
    return None if row is None else health_of(row["health"], row["quarantine"])


async def health_as_kept(tx: Tx, job_id: UUID) -> Health:
    """How the job does now, for showing. Raises NotFound."""
    row = await tx.one("select quarantine, health from provisioning.jobs where id = %s", [job_id])
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return health_of(row["health"], row["quarantine"])


async def save_health(tx: Tx, job_id: UUID, health: Health, resume_at: datetime | None, now: datetime) -> None:
    """Remember how the job does, and before when the target does not want to be asked."""
    plain = _plain(asdict(health))
    quarantine = plain.pop("quarantine")
    await tx.run(
        "update provisioning.jobs set quarantine = %s, health = %s, resume_at = %s, assessed_at = %s where id = %s",
        [quarantine and Jsonb(_plain(quarantine)), Jsonb(plain), resume_at, now, job_id],
    )


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def health_of(kept: dict[str, Any], quarantine: dict[str, Any] | None) -> Health:
    """A job's health as it is kept in its row."""
    return Health(quarantine=quarantine_of(quarantine), **_moments(kept))


def quarantine_of(kept: dict[str, Any] | None) -> Quarantine | None:
    """A quarantine as it is kept in the job's row."""
    return None if kept is None else Quarantine(**_moments(kept))


def _moments(kept: dict[str, Any]) -> dict[str, Any]:
    return {
        name: datetime.fromisoformat(value) if name in _MOMENTS and value is not None else value
        for name, value in kept.items()
    }
