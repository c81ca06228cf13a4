"""Cycles as rows: when each began and ended, how far it is, and what it did; and the status of a job."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.jobs import PROGRESS_CHANNEL
from rollcall.provisioning.log_requests import requests_done
from rollcall.provisioning.model import Problem
from rollcall.provisioning.road import Counts

_COLUMNS = "id, kind, began, observed, ended, counts, problem_code, problem_reason"
_KEPT_WITHOUT_WORK = 1
"""How many cycles that found nothing to do are kept: the last one tells when the job last looked."""


Outcome = Literal["Succeeded", "Failed", "EntryLevelErrors"]
"""How a cycle ended, in the words of Graph's synchronizationTaskExecutionResult."""


def outcome_of(counts: Counts, problem: Problem | None) -> Outcome:
    """How a cycle ended: before its end, with objects that failed, or well."""
    if problem is not None:
        return "Failed"
    return "EntryLevelErrors" if counts.failed or counts.references_failed else "Succeeded"


def exports(counts: Counts) -> int:
    """How many objects and ties a cycle has changed in the target."""
    objects = counts.created + counts.updated + counts.disabled + counts.deleted
    return objects + counts.references_added + counts.references_removed


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of a job; `ended` is None while it runs."""

    id: UUID
    kind: str
    began: datetime
    observed: datetime
    ended: datetime | None
    counts: Counts
    problem: Problem | None


@dataclass(frozen=True, slots=True)
class Standing:
    """What a job holds now: linked objects by kind, failures waiting or given up, removals withheld (of objects and of
    members) or allowed, references not in step.
    """

    users: int
    groups: int
    disabled: int
    escrowed: int
    uncertain: int
    withheld: int
    allowed: int
    references: int
    references_due: int
    references_failed: int
    given_up: int


async def begin_cycle(tx: Tx, job_id: UUID, cycle_id: UUID, kind: str, now: datetime) -> None:
    """Note that a cycle runs; one that never ended was cut off and is closed."""
    await tx.run(
        """
        update provisioning.cycles set ended = observed, problem_code = 'InternalError',
            problem_reason = 'The cycle was cut off; the next one went on from its last page.'
        where job_id = %s and ended is null
        """,
        [job_id],
    )
    await tx.run(
        "insert into provisioning.cycles (job_id, id, kind, began, observed) values (%s, %s, %s, %s, %s)",
        [job_id, cycle_id, kind, now, now],
    )
    await tell(tx, job_id)


async def observe_cycle(tx: Tx, job_id: UUID, cycle_id: UUID, counts: Counts, now: datetime) -> None:
    """Note how far a cycle is, and tell those who watch."""
    await tx.run(
        "update provisioning.cycles set counts = %s, observed = %s where job_id = %s and id = %s",
        [Jsonb(asdict(counts)), now, job_id, cycle_id],
    )
    await tell(tx, job_id)


async def end_cycle(
    tx: Tx, job_id: UUID, cycle_id: UUID, counts: Counts, problem: Problem | None, now: datetime
) -> None:
    """Note how a cycle ended. Of cycles without work only the last is kept."""
    await tx.run(
        """
        update provisioning.cycles set counts = %s, observed = %s, ended = %s, problem_code = %s,
            problem_reason = %s, outcome = %s, exported = %s
        where job_id = %s and id = %s
        """,
        [
            Jsonb(asdict(counts)),
            now,
            now,
            problem and problem.code,
            problem and problem.reason,
            outcome_of(counts, problem),
            exports(counts) > 0,
            job_id,
            cycle_id,
        ],
    )
    if problem is None:
        await requests_done(tx, job_id, cycle_id)
    await tx.run(
        """
        delete from provisioning.cycles where job_id = %(job)s and id in (
            select id from provisioning.cycles
            where job_id = %(job)s and ended is not null and problem_code is null
              and counts ->> 'imported' = '0' and counts ->> 'requests' = '0'
            order by began desc offset %(kept)s)
        """,
        {"job": job_id, "kept": _KEPT_WITHOUT_WORK},
    )
    await tell(tx, job_id)


async def tell(tx: Tx, job_id: UUID) -> None:
    """Tell those who watch a job that something has happened to it."""
    await tx.run("select pg_notify(%s, %s)", [PROGRESS_CHANNEL, str(job_id)])


async def recent_cycles(tx: Tx, job_id: UUID, limit: int = 10) -> list[Cycle]:
    """The last cycles, newest first."""
    rows = await tx.all(
        f"select {_COLUMNS} from provisioning.cycles where job_id = %s order by id desc limit %s", [job_id, limit]
    )
    return [_cycle(row) for row in rows]


async def last_success(tx: Tx, job_id: UUID, *, exported: bool = False) -> Cycle | None:
    """The last cycle that ended without any failure, or the last of those that changed something in the target."""
    row = await tx.one(
        f"""
        select {_COLUMNS} from provisioning.cycles
        where job_id = %s and outcome = 'Succeeded' {"and exported" if exported else ""} order by id desc limit 1
        """,
        [job_id],
    )
    return None if row is None else _cycle(row)


async def something_waits(tx: Tx, job_id: UUID) -> tuple[bool, bool]:
    """Whether some object waits for its next attempt, and whether some removal, of an object or a member, is held back."""
    row = await tx.one(
        """
        select
            exists (select from provisioning.links where job_id = %(job)s
                and escrow_next_attempt is not null and not escrow_given_up) as waiting,
            exists (select from provisioning.links
                where job_id = %(job)s and staged in ('counting', 'judged', 'held'))
            or exists (select from provisioning.object_references
                where job_id = %(job)s and staged = 'held') as withheld
        """,
        {"job": job_id},
    )
    assert row is not None, "a question for what exists has an answer"
    return row["waiting"], row["withheld"]


def _cycle(row: dict[str, Any]) -> Cycle:
    problem = None if row["problem_code"] is None else Problem(row["problem_code"], row["problem_reason"])
    counts = Counts(**row["counts"])
    return Cycle(row["id"], row["kind"], row["began"], row["observed"], row["ended"], counts, problem)


async def standing(tx: Tx, job_id: UUID) -> Standing:
    """What a job holds now: what waits or is held back is read by indexes of its own, links only in their index."""
    row = await tx.one(
        """
        select
            (select count(*) from provisioning.links
             where job_id = %(job)s and kind = 'User' and target_id is not null) as users,
            (select count(*) from provisioning.links
             where job_id = %(job)s and kind = 'Group' and target_id is not null) as groups,
            (select count(*) from provisioning.links
             where job_id = %(job)s and disabled_at is not null and disabled) as disabled,
            (select count(*) from provisioning.links
             where job_id = %(job)s and escrow_next_attempt is not null and not escrow_given_up) as escrowed,
            (select count(*) from provisioning.links
             where job_id = %(job)s and (state = 'uncertain' or escrow_next_attempt is not null)
               and state = 'uncertain') as uncertain,
            (select count(*) from provisioning.links where job_id = %(job)s and withheld)
            + (select count(*) from provisioning.object_references
               where job_id = %(job)s and staged = 'held') as withheld,
            (select count(*) from provisioning.links where job_id = %(job)s and staged = 'allowed') as allowed,
            (select count(*) from provisioning.object_references
             where job_id = %(job)s and state = 'present') as references,
            (select count(*) from provisioning.object_references where job_id = %(job)s and due) as references_due,
            (select count(*) from provisioning.object_references
             where job_id = %(job)s and first_failed is not null and due) as references_failed,
            (select count(*) from provisioning.links
             where job_id = %(job)s and escrow_next_attempt is not null and escrow_given_up)
            + (select count(*) from provisioning.object_references
               where job_id = %(job)s and first_failed is not null and given_up and not due) as given_up
        """,
        {"job": job_id},
    )
    assert row is not None, "counts are a row"
    return Standing(**row)


@dataclass(frozen=True, slots=True)
class Arrival:
    """When what changed about an object had reached the target; `told` is False where there was nothing to tell it."""

    at: datetime
    told: bool


async def arrival(tx: Tx, job_id: UUID, source_id: str, since: datetime) -> Arrival | None:
    """How a change of an object since then arrived; None while it has not, or something is still under way.

    Counted are requests for the object itself and for references to it; a change of what is not mapped needs none.
    """
    row = await tx.one(
        """
        select max(at) as at, coalesce(bool_or(status = 'success'), false) as told, exists (
            select from provisioning.cycles where job_id = %(job)s and ended is null) as running
        from provisioning.log
        where job_id = %(job)s and at >= %(since)s and status in ('success', 'skipped')
          and (source_id = %(source)s or modified @@ ('exists($[*][*] ? (@ == "' || %(source)s || '" || @.value == "' || %(source)s || '"))')::jsonpath)
        """,
        {"job": job_id, "source": source_id, "since": since},
    )
    assert row is not None, "an aggregate has a row"
    return None if row["running"] or row["at"] is None else Arrival(row["at"], row["told"])
