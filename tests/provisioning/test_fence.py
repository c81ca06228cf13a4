"""A cycle that lost its right to write ends, and what an odd target answers concerns one object only."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from uuid import UUID

import psycopg
import pytest
from aiohttp import web

from rollcall import directory
from rollcall.db import DatabaseConfig
from rollcall.errors import Conflict, Unavailable
from rollcall.provisioning import Key, Worker, check_no_cycle, job_states, jobs, provision_on_demand
from tests.provisioning.world import World, upn

PATIENCE_SECONDS = 30


def begin_anew_at_first_creation(world: World, *, scope: str | None = None) -> list[str]:
    """Restart the job, or give it another scope, while its first creation is under way; the moments it was done."""
    done: list[str] = []

    async def interfere(method: str, path: str) -> web.Response | None:
        if method == "POST" and not done:
            done.append(path)
            if scope is None:
                await world.db.write(job_states.restart, world.job_id)
            else:
                await world.db.write(jobs.change_settings, world.job_id, {"scope": scope})
        return None

    world.proxy.interfere = interfere
    return done


async def test_a_restart_while_a_cycle_runs_is_not_lost(world: World) -> None:
    """10 Watermark."""
    await world.assign(await world.user("ada"))
    done = begin_anew_at_first_creation(world)

    with suppress(Conflict):  # the cycle may just have ended, or learn of it before its next page
        await world.cycle()
    job = await world.db.read(jobs.read_job, world.job_id)
    again = await world.cycle()

    assert (len(done), job.starts_over, again.kind) == (1, True, "initial")
    assert list(await world.target.accounts()) == [upn("ada")]


async def test_a_scope_that_changes_while_a_cycle_runs_counts_for_everybody(world: World) -> None:
    """S8."""
    await world.user("unassigned")
    await world.assign(await world.user("ada"))
    begin_anew_at_first_creation(world, scope="all")

    with suppress(Conflict):  # the cycle may just have ended, or learn of it before its next page
        await world.cycle()
    await world.cycle()

    assert sorted(await world.target.accounts()) == [upn("ada"), upn("unassigned")]


async def test_a_cycle_whose_lock_is_lost_ends_and_nobody_is_made_twice(
    world: World, database_config: DatabaseConfig
) -> None:
    for number in range(6):
        await world.assign(await world.user(f"u{number}"))
    world.proxy.delay_seconds = 0.5
    first = asyncio.create_task(world.cycle())
    await world.proxy.until(lambda: bool(world.proxy.passed), PATIENCE_SECONDS)
    with psycopg.connect(str(database_config.url), autocommit=True) as owner:
        owner.execute(
            "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and database ="
            " (select oid from pg_database where datname = current_database())"
        )

    with pytest.raises((Unavailable, Conflict)):
        await first
    world.proxy.delay_seconds = 0
    await world.cycle()

    made = Counter(each.body["userName"] for each in world.proxy.written() if each.method == "POST" and each.body)
    assert sorted(await world.target.accounts()) == [upn(f"u{number}") for number in range(6)]
    assert set(made.values()) <= {1}


@pytest.mark.parametrize(
    "answer",
    [
        web.json_response({"detail": "bad \0 thing", "status": "400"}, status=400).body,
        web.json_response({"id": "a\0b", "userName": "x"}).body,
        web.json_response({"id": "".join(chr(0x4E00 + number) for number in range(6000))}).body,
        web.json_response({"id": "the same"}).body,
    ],
    ids=["a NUL in the detail", "a NUL in the id", "an id too long to keep", "one id for everybody"],
)
async def test_an_odd_answer_to_a_creation_stops_neither_the_page_nor_the_job(world: World, answer: bytes) -> None:
    for name in ("ada", "bob"):
        await world.assign(await world.user(name))
    status = 400 if b"detail" in answer else 201

    async def interfere(method: str, path: str) -> web.Response | None:
        if method != "POST":
            return None
        return web.Response(body=answer, status=status, content_type="application/scim+json")

    world.proxy.interfere = interfere
    result = await world.cycle()
    job = await world.db.read(jobs.read_job, world.job_id)

    assert (result.problem, job.starts_over) == (None, False)
    assert result.counts.failed >= 1


async def test_a_listing_that_shows_less_than_its_total_proves_nobody_absent(world: World) -> None:
    for number in range(12):
        await world.target.write("POST", "/Users", {"userName": upn(f"u{number}")})
        await world.assign(await world.user(f"u{number}"))

    async def interfere(method: str, path: str) -> web.Response | None:
        listings = [each for each in world.proxy.passed if "startIndex" in each.query]
        if method != "GET" or listings:
            return None
        return web.json_response({"totalResults": 12, "Resources": []})

    world.proxy.interfere = interfere
    await world.cycle()

    assert [each for each in world.proxy.passed if each.method == "POST" and "Users" in each.path] == []


async def working(world: World) -> asyncio.Task[None]:
    """A worker of this process, on the world's job with an hour between cycles."""
    await world.db.write(jobs.change_settings, world.job_id, {"interval_seconds": 3600})
    await world.db.write(job_states.set_state, world.job_id, "Active")
    return asyncio.create_task(Worker(world.service, directory.CHANNEL).run())


async def stop(worker: asyncio.Task[None]) -> None:
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def until_there(world: World, name: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while upn(name) not in await world.target.accounts():  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.1)


async def test_a_change_during_provision_on_demand_is_not_forgotten_until_the_next_interval(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)
    worker = await working(world)
    try:
        await until_there(world, "ada")
        world.proxy.delay_seconds = 1.0
        busy = asyncio.create_task(_on_demand(world, ada))
        await asyncio.sleep(0.3)
        await world.assign(await world.user("bob"))
        await busy
        world.proxy.delay_seconds = 0
        await until_there(world, "bob")
    finally:
        await stop(worker)


async def _on_demand(world: World, user: UUID) -> None:
    """Provision somebody on demand, as soon as no cycle runs."""
    await world.db.write(directory.update_user, user, {"givenName": "Augusta"})
    while True:
        try:
            await provision_on_demand(world.service, world.db.tenant, world.job_id, [Key("User", str(user))])
        except Conflict:
            await asyncio.sleep(0.1)
        else:
            return


async def test_a_next_cycle_that_is_missing_in_the_queue_is_put_there_again(
    world: World, database_config: DatabaseConfig
) -> None:
    worker = await working(world)
    try:
        await world.assign(await world.user("ada"))
        await until_there(world, "ada")
        with psycopg.connect(str(database_config.url), autocommit=True) as owner:
            owner.execute("set search_path = queue")
            owner.execute("delete from queue.procrastinate_jobs where status = 'todo'")
            async with asyncio.timeout(PATIENCE_SECONDS):
                while not owner.execute(  # noqa: ASYNC110 - the worker decides
                    "select from queue.procrastinate_jobs where queueing_lock = %s", [f"tick {world.job_id}"]
                ).fetchall():
                    await asyncio.sleep(0.1)
    finally:
        await stop(worker)


async def test_the_queue_works_as_the_application_role_within_its_time_limits(world: World) -> None:
    worker = Worker(world.service, directory.CHANNEL)
    async with worker.queue.open_async():
        row = await worker.queue.connector.execute_query_one_async(
            "select current_user as role, current_setting('statement_timeout') as most"
        )

    assert row["role"] in ("rollcall_app", "rollcall_login")
    assert row["most"] != "0"


async def test_nothing_is_applied_while_a_cycle_runs(world: World) -> None:
    await check_no_cycle(world.service, world.job_id)

    async with world.service.database.exclusive(f"provisioning cycle {world.job_id}"):
        with pytest.raises(Conflict, match="is running"):
            await check_no_cycle(world.service, world.job_id)
