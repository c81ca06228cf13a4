"""When a worker begins a cycle: in quarantine, after Retry-After, for what failed, and when clocks jump (rules Q5, Q6, E1, C9)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from aiohttp import web

from rollcall import directory
from rollcall.db import DatabaseConfig
from rollcall.provisioning import Worker, job_states, jobs, lifecycle
from rollcall.provisioning.worker import Scheduled
from tests.provisioning.world import World, upn

PATIENCE_SECONDS = 60.0
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


@pytest.fixture
async def worked(world: World) -> AsyncIterator[World]:
    """A world with a worker that serves its job, with 40 minutes between cycles; Ada is in the target."""
    await world.assign(await world.user("ada"))
    await world.db.write(jobs.change_settings, world.job_id, {"interval_seconds": 2400})
    await world.db.write(job_states.set_state, world.job_id, "Active")
    worker = asyncio.create_task(Worker(world.service, directory.CHANNEL).run())
    await until_there(world, "ada")
    yield world
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)
    await world.db.write(job_states.set_state, world.job_id, "Paused")


async def until_there(world: World, name: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while upn(name) not in await world.target.accounts():  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.1)


async def until(world: World, holds: Callable[[jobs.Job], bool]) -> jobs.Job:
    """The job, as soon as that holds of it."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds(job := await world.db.read(jobs.read_job, world.job_id)):  # noqa: ASYNC110 - the worker decides
            await asyncio.sleep(0.1)
        return job


async def refuse(_method: str, _path: str) -> web.Response:
    return web.json_response({"detail": "No."}, status=401)


async def let_pass(_method: str, _path: str) -> None:
    return None


async def test_a_job_in_quarantine_is_not_woken_by_changes_and_goes_on_when_it_is_started(worked: World) -> None:
    """Q5, Q6: the application is not asked again at every change in the directory."""
    worked.proxy.interfere = refuse
    await worked.assign(await worked.user("bob"))
    held = await until(worked, lambda job: job.quarantine is not None)
    worked.proxy.taken()
    await worked.assign(await worked.user("cem"))
    # Whoever is provisioned on demand or by hand passes all the same: a second cycle by hand, and nobody else's.
    await worked.cycle()
    by_hand = len(worked.proxy.taken())

    await asyncio.sleep(3)

    assert by_hand > 0
    assert worked.proxy.taken() == []
    assert held.quarantine is not None
    assert held.quarantine.next_attempt > worked.service.runtime.now()
    worked.proxy.interfere = let_pass
    await lifecycle.start_job(worked.service, worked.db.tenant, worked.job_id, "somebody")
    await until_there(worked, "cem")
    assert (await until(worked, lambda job: job.quarantine is None)).state == "Active"


async def test_what_failed_is_tried_again_long_before_the_next_interval(
    worked: World, database_config: DatabaseConfig
) -> None:
    """E1: the first retry of the swift schedule comes after 30 s, whatever the interval."""
    failed = False

    async def interfere(method: str, _path: str) -> web.Response | None:
        nonlocal failed
        if method != "POST":
            return None
        failed = True
        return web.json_response({"detail": "Not like this."}, status=422)

    worked.proxy.interfere = interfere
    await worked.assign(await worked.user("bob"))
    with psycopg.connect(str(database_config.url), autocommit=True) as owner:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (failed and next_tick(owner, worked.job_id) <= 31):  # noqa: ASYNC110 - the worker decides
                await asyncio.sleep(0.1)

        worked.proxy.interfere = let_pass
        await until_there(worked, "bob")


def next_tick(owner: psycopg.Connection, job_id: UUID) -> float:
    """In how many seconds the job's next cycle comes by itself."""
    row = owner.execute(
        "select extract(epoch from max(scheduled_at) - now()) from queue.procrastinate_jobs"
        " where queueing_lock = %s and status = 'todo'",
        [f"tick {job_id}"],
    ).fetchone()
    return float("inf") if row is None or row[0] is None else float(row[0])


async def test_a_next_cycle_that_went_far_ahead_with_the_clock_is_put_in_its_place(
    worked: World, database_config: DatabaseConfig
) -> None:
    """A clock that went back must not stop a job."""
    with psycopg.connect(str(database_config.url), autocommit=True) as owner:
        owner.execute("set search_path = queue")
        owner.execute(
            "update queue.procrastinate_jobs set scheduled_at = now() + interval '10 years'"
            " where queueing_lock = %s and status = 'todo'",
            [f"tick {worked.job_id}"],
        )
        async with asyncio.timeout(PATIENCE_SECONDS):
            while next_tick(owner, worked.job_id) > 2400:  # noqa: ASYNC110 - the worker decides
                await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("not_before", "since", "seconds"),
    [
        (None, None, 0),
        (NOON + HOUR, NOON - HOUR, 3600),
        (NOON - SECOND, NOON - HOUR, 0),
        (NOON + HOUR, NOON + SECOND, 0),  # the clock went back
        (NOON + 9000 * HOUR, NOON - HOUR, 0),
    ],
)
def test_a_job_waits_for_what_it_was_told(not_before: datetime | None, since: datetime | None, seconds: float) -> None:
    """C9, Q5."""
    scheduled = Scheduled(UUID(int=1), UUID(int=2), 2400, not_before, since)

    assert scheduled.seconds_to_wait(NOON) == seconds


@pytest.mark.parametrize(("due", "seconds"), [(None, None), (30, 30), (-500, 1), (2400, None), (7200, None)])
def test_a_failure_brings_the_next_cycle_forward(due: int | None, seconds: float | None) -> None:
    moment = None if due is None else NOON + due * SECOND
    scheduled = Scheduled(UUID(int=1), UUID(int=2), 2400, next_due=moment)

    assert scheduled.seconds_until_due(NOON) == seconds
