"""Plans as rows: those that wait for an approval, who decided about them, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.errors import Conflict, NotFound
from rollcall.provisioning.job_states import SCHEDULE_CHANNEL
from rollcall.provisioning.model import Json
from rollcall.provisioning.planned import Given

PlanState = Literal["waiting", "approved", "rejected", "expired", "superseded", "applied"]
_COLUMNS = """id, job_id, series, made, given_at, seed, looked, expires, state, digest, basis, kind, totals, warnings,
    decided, decided_by, comment, began, ended"""
_SUPERSEDED_FORGOTTEN_AFTER = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan that somebody has to decide about, or had to.

    `given_at` and `seed`: the moment and the chance that mappings worked with. `looked`: when it was last found to be the plan
    still. `basis`: how far the source was read for it, and for which
    set-up of the job. `began`, `ended`: when it was carried out.
    """

    id: UUID
    job_id: UUID
    series: UUID
    made: datetime
    given_at: datetime
    seed: str
    looked: datetime
    expires: datetime
    state: PlanState
    digest: str
    basis: dict[str, Json]
    kind: str
    totals: dict[str, int]
    warnings: list[str]
    decided: datetime | None = None
    decided_by: str | None = None
    comment: str | None = None
    began: datetime | None = None
    ended: datetime | None = None

    @property
    def given(self) -> Given:
        """What the plan is worked out with again."""
        return Given(self.given_at, self.seed)


async def last_plan(tx: Tx, job_id: UUID) -> StoredPlan | None:
    """The plan of a job that is open, or else the newest one, whatever became of it."""
    row = await tx.one(
        f"""
        select {_COLUMNS} from provisioning.plans where job_id = %s
        order by state in ('waiting', 'approved') desc, number desc limit 1
        """,
        [job_id],
    )
    return None if row is None else StoredPlan(**row)


async def list_plans(tx: Tx, job_id: UUID | None = None, limit: int = 100) -> list[StoredPlan]:
    """The plans of a job or of all jobs, newest first."""
    rows = await tx.all(
        f"""
        select {_COLUMNS} from provisioning.plans where %(job)s::uuid is null or job_id = %(job)s
        order by number desc limit %(limit)s
        """,
        {"job": job_id, "limit": limit},
    )
    return [StoredPlan(**row) for row in rows]


async def read_plan_row(tx: Tx, plan_id: UUID) -> StoredPlan:
    """One plan. Raises NotFound."""
    row = await tx.one(f"select {_COLUMNS} from provisioning.plans where id = %s", [plan_id])
    if row is None:
        raise NotFound(f"There is no plan {plan_id}. Plans: rollcall job plans.")
    return StoredPlan(**row)


async def _hold(tx: Tx, job_id: UUID) -> None:
    """Who decides about a plan and who puts another in its place do so one after the other."""
    await tx.one("select from provisioning.jobs where id = %s for no key update", [job_id])


async def keep_plan(tx: Tx, plan: StoredPlan, pieces: Iterable[bytes]) -> bool:
    """Keep a plan that waits; one that waited before is superseded, and its document goes.

    False, with nothing done, when another one was approved meanwhile: that is the one to carry out.
    """
    await _hold(tx, plan.job_id)
    approved = "select id from provisioning.plans where job_id = %s and state = 'approved'"
    if await tx.one(approved, [plan.job_id]) is not None:
        return False
    await tx.run(
        "update provisioning.plans set state = 'superseded', ended = %s where job_id = %s and state = 'waiting'",
        [plan.made, plan.job_id],
    )
    await tx.run(
        """
        delete from provisioning.plan_pieces as piece using provisioning.plans as plan
        where plan.job_id = %s and plan.state in ('superseded', 'expired')
          and (piece.tenant_id, piece.job_id, piece.plan_id) = (plan.tenant_id, plan.job_id, plan.id)
        """,
        [plan.job_id],
    )
    await tx.run(
        """
        insert into provisioning.plans
            (job_id, id, series, made, given_at, seed, looked, expires, state, digest, basis, kind, totals, warnings)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            plan.job_id,
            plan.id,
            plan.series,
            plan.made,
            plan.given_at,
            plan.seed,
            plan.looked,
            plan.expires,
            plan.state,
            plan.digest,
            Jsonb(plan.basis),
            plan.kind,
            Jsonb(plan.totals),
            Jsonb(plan.warnings),
        ],
    )
    for number, content in enumerate(pieces):
        await tx.run(
            "insert into provisioning.plan_pieces (job_id, plan_id, number, content) values (%s, %s, %s, %s)",
            [plan.job_id, plan.id, number, content],
        )
    return True


async def prune_plans(tx: Tx, now: datetime, kept_for: timedelta, limit: int) -> int:
    """Forget plans that are over: their documents after `kept_for`, and so the plans; how many of both went.

    The last plan of a job stays as a row without its document: when it was rejected, nobody is asked for it again.
    """
    before = now - kept_for
    ended = "plan.state not in ('waiting', 'approved')"
    gone = await tx.run(
        f"""
        delete from provisioning.plan_pieces where (tenant_id, job_id, plan_id, number) in (
            select piece.tenant_id, piece.job_id, piece.plan_id, piece.number from provisioning.plans plan
                join provisioning.plan_pieces piece
                    on (piece.tenant_id, piece.job_id, piece.plan_id) = (plan.tenant_id, plan.job_id, plan.id)
            where {ended} and (plan.made < %s or plan.state in ('superseded', 'expired')) limit %s)
        """,
        [before, limit],
    )
    return gone + await tx.run(
        f"""
        delete from provisioning.plans where (tenant_id, job_id, id) in (
            select tenant_id, job_id, id from provisioning.plans plan
            where {ended} and (made < %s or (state = 'superseded' and decided is null and made < %s)) and exists (
                select from provisioning.plans newer where newer.job_id = plan.job_id and newer.number > plan.number)
            limit %s)
        """,
        [before, now - _SUPERSEDED_FORGOTTEN_AFTER, limit],
    )


async def plan_pieces(tx: Tx, plan_id: UUID) -> list[bytes]:
    """The compressed document of a plan; nothing when it is kept no longer."""
    rows = await tx.all("select content from provisioning.plan_pieces where plan_id = %s order by number", [plan_id])
    return [bytes(row["content"]) for row in rows]


async def note_looked(tx: Tx, plan_id: UUID, basis: dict[str, Json], now: datetime) -> None:
    """The plan was worked out again and is the same."""
    await tx.run("update provisioning.plans set looked = %s, basis = %s where id = %s", [now, Jsonb(basis), plan_id])


async def expire_plans(tx: Tx, job_id: UUID, now: datetime) -> None:
    """Whose time to be approved, or to be carried out, is over."""
    await tx.run(
        """
        update provisioning.plans set state = 'expired', ended = %s
        where job_id = %s and state in ('waiting', 'approved') and expires <= %s
        """,
        [now, job_id, now],
    )


async def decide_plan(
    tx: Tx,
    plan_id: UUID,
    state: Literal["approved", "rejected"],
    by: str,
    comment: str,
    expires: datetime,
    now: datetime,
) -> StoredPlan:
    """Approve or reject a plan that waits, and tell the worker. Raises NotFound, and Conflict when it does not wait."""
    await _hold(tx, (await read_plan_row(tx, plan_id)).job_id)
    row = await tx.one(
        f"""
        update provisioning.plans
        set state = %s, decided = %s, decided_by = %s, comment = %s, expires = greatest(expires, %s)
        where id = %s and state = 'waiting' and expires > %s returning {_COLUMNS}
        """,
        [state, now, by, comment, expires, plan_id, now],
    )
    if row is None:
        found = await read_plan_row(tx, plan_id)
        what = "has expired" if found.state == "waiting" else f"is {found.state} already"
        raise Conflict(f"The plan {plan_id} {what}; only one that waits is decided about. Plans: rollcall job plans.")
    await tx.run("select pg_notify(%s, %s)", [SCHEDULE_CHANNEL, str(row["job_id"])])
    return StoredPlan(**row)


async def close_plans(tx: Tx, job_id: UUID, now: datetime) -> None:
    """Nothing waits for a word any more: the job stopped asking for one."""
    await tx.run(
        """
        update provisioning.plans set state = 'superseded', ended = %s
        where job_id = %s and state in ('waiting', 'approved')
        """,
        [now, job_id],
    )


async def begin_plan(tx: Tx, plan_id: UUID, now: datetime) -> None:
    """Note, before the first write, that an approved plan is carried out: what is cut off may go on with the rest."""
    await tx.run("update provisioning.plans set began = coalesce(began, %s) where id = %s", [now, plan_id])


async def is_begun(tx: Tx, job_id: UUID, which: str) -> bool:
    """Whether this plan out of a file was begun and did not come to its end."""
    row = await tx.one("select begun_plan from provisioning.jobs where id = %s", [job_id])
    return row is not None and row["begun_plan"] == which


async def note_begun(tx: Tx, job_id: UUID, which: str | None) -> None:
    """Note, before the first write, which plan out of a file is carried out; None when that came to its end."""
    await tx.run("update provisioning.jobs set begun_plan = %s where id = %s", [which, job_id])


async def end_plan(tx: Tx, plan_id: UUID, state: PlanState, now: datetime) -> None:
    """Note what became of an open plan."""
    await tx.run(
        "update provisioning.plans set state = %s, ended = %s where id = %s and state in ('waiting', 'approved')",
        [state, now, plan_id],
    )


async def has_worker(tx: Tx, since: datetime) -> bool:
    """Whether a worker has given a sign of life since then."""
    row = await tx.one(
        "select exists (select from queue.procrastinate_workers where last_heartbeat > %s) as is_there", [since]
    )
    return row is not None and bool(row["is_there"])


async def measured_rate(tx: Tx, job_id: UUID, most: float) -> float | None:
    """Requests a second over the job's last cycles that sent any; no more than `most` where that is not 0."""
    rows: Sequence[dict[str, Any]] = await tx.all(
        """
        select (counts ->> 'requests')::float as requests, extract(epoch from ended - began)::float as seconds
        from provisioning.cycles
        where job_id = %s and ended > began and (counts ->> 'requests')::int > 0 order by id desc limit 20
        """,
        [job_id],
    )
    seconds = sum(row["seconds"] for row in rows)
    if not seconds:
        return None
    rate = float(sum(row["requests"] for row in rows) / seconds)
    return min(rate, most) if most else rate
