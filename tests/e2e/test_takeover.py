"""Real worker processes: one that is killed in mid-cycle is taken over, nothing is lost, nothing is doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random  # noqa: TID251 - seeded
from uuid import UUID

import pytest
import pytest_asyncio

from rollcall import directory
from rollcall.db import DatabaseConfig, Tx
from rollcall.errors import Conflict
from rollcall.main import Parts, open_parts
from rollcall.provisioning import (
    Cycle,
    JobSettings,
    change_schema,
    change_settings,
    read_job,
    recent_cycles,
    set_state,
    standing,
)
from tests.e2e.workers import GENEROUS_SECONDS, Workers, config_for, end, soon, workers_of
from tests.provisioning.agreement import assert_in_step
from tests.provisioning.proxy import Proxy, proxy_to
from tests.provisioning.world import World, found_world, upn, workspaces_apart

_HOUR = 3600.0
# Small pages and few requests at once, so that a cycle has many moments in which it may die.
_SLOW = JobSettings(interval_seconds=_HOUR, page_size=15, concurrency=4, deletion_percent=None)
_PEOPLE, _GROUPS = 90, 6


@pytest.fixture
async def parts(database_config: DatabaseConfig, tmp_path: Path) -> AsyncIterator[Parts]:
    """This module's database with a data directory of this test's own, where the sealing key lies."""
    async with open_parts(config_for(tmp_path, database_config)) as parts:
        yield parts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def origin(database_config: DatabaseConfig) -> AsyncIterator[str]:
    """Where this module's workspaces half answers."""
    async with workspaces_apart(database_config) as origin:
        yield origin


@pytest.fixture
async def proxy(origin: str) -> AsyncIterator[Proxy]:
    """What stands between the workers and the target."""
    async with proxy_to(origin) as proxy:
        yield proxy


@pytest.fixture
async def workers(parts: Parts) -> AsyncIterator[Workers]:
    """Workers on the same database; none yet."""
    async with workers_of(parts.config) as workers:
        yield workers


@pytest.fixture
async def world(parts: Parts, proxy: Proxy) -> AsyncIterator[World]:
    """A directory, an organisation and a job that nobody has started; paused in the end, so that no later worker runs it."""
    world = await new_world(parts, proxy, _SLOW)
    yield world
    await world.db.write(set_state, world.job_id, "Paused")


async def new_world(parts: Parts, proxy: Proxy, settings: JobSettings) -> World:
    """An empty directory and an empty organisation, and a job with the program's own sealing key."""
    return await found_world(parts.database, parts.runtime, proxy, settings=settings, sealer=parts.sealer)


async def found_company(world: World, people: int = _PEOPLE, groups: int = _GROUPS) -> list[UUID]:
    """People in groups, each person in one or two."""
    ids = [await world.user(f"p{number}") for number in range(people)]
    for number in range(groups):
        await world.group(f"G{number}", dict.fromkeys(ids[number::groups] + ids[number :: groups + 1]))
    return ids


async def settled(world: World, seconds: float = 90.0) -> None:
    """Wait until the job has nothing left to do: the last cycle ended well and nothing is uncertain or due."""
    async with asyncio.timeout(seconds):
        while True:
            cycles = await cycles_of(world)
            now = await world.db.read(standing, world.job_id)
            done = cycles and cycles[0].ended is not None and cycles[0].problem is None
            if done and not (now.uncertain or now.escrowed or now.references_due):
                return
            await asyncio.sleep(0.1)


async def agreed(world: World, seconds: float = 2 * GENEROUS_SECONDS) -> None:
    """Wait until the target equals the source and the job rests; fails with what differs."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        try:
            await assert_in_step(world)
            break
        except AssertionError:
            if loop.time() > deadline:
                raise
        await asyncio.sleep(0.2)
    await settled(world)


async def cycles_of(world: World) -> list[Cycle]:
    """The last cycles, newest first."""
    return await world.db.read(recent_cycles, world.job_id, 100)


async def next_start(tx: Tx, job_id: UUID) -> datetime | None:
    """When the job's next cycle by its interval is due; None while that is being put in its place."""
    start: datetime | None = await tx.value(
        "select scheduled_at from queue.procrastinate_jobs where queueing_lock = %s and status = 'todo'",
        (f"tick {job_id}",),
    )
    return start


async def asleep(world: World) -> None:
    """Wait until nothing is in the queue but the next cycle by the interval."""
    waiting = "select count(*) from queue.procrastinate_jobs where lock = %s and status in ('todo', 'doing')"
    async with asyncio.timeout(GENEROUS_SECONDS):
        while (  # noqa: ASYNC110 - it happens in another process
            await world.db.read(lambda tx: tx.value(waiting, (str(world.job_id),)))
            or await world.db.read(next_start, world.job_id) is None
        ):
            await asyncio.sleep(0.1)


def creations(proxy: Proxy) -> Counter[str]:
    """How often each name was answered with 201, by userName or displayName."""
    made = [each for each in proxy.passed if each.method == "POST" and each.status == 201]
    return Counter(each.body.get("userName") or each.body["displayName"] for each in made)


@pytest.mark.parametrize("seed", [1, 2])
async def test_workers_killed_in_mid_cycle_are_taken_over_and_nothing_is_lost_or_doubled(
    world: World, workers: Workers, seed: int
) -> None:
    proxy, random = world.proxy, Random(seed)
    await found_company(world)
    proxy.delay_seconds = 0.03
    # Before each kill so many more writing requests were carried out; the others are still under way.
    moments = sorted(random.sample(range(3, _PEOPLE + _GROUPS), 2))
    await workers.start()
    await workers.start()
    await world.db.write(set_state, world.job_id, "Active")

    for moment in moments:
        await proxy.until(lambda moment=moment: len(proxy.written()) >= moment and bool(proxy.under_way))  # type: ignore[misc]
        victim = workers.owner_of(next(iter(proxy.under_way)))
        assert victim is not None, "requests come from one of the workers"
        await workers.kill(victim)
        await workers.start()
        before = len(proxy.written())
        await proxy.until(lambda before=before: len(proxy.written()) > before + 8, 2 * GENEROUS_SECONDS)  # type: ignore[misc]

    await settled(world)
    await assert_in_step(world)
    names = [upn(f"p{number}") for number in range(_PEOPLE)] + [f"G{number}" for number in range(_GROUPS)]
    assert creations(proxy) == Counter(names)
    assert set(await world.target.accounts()) == set(names[:_PEOPLE])
    cut_off = [each for each in await cycles_of(world) if each.problem is not None]
    assert len(cut_off) == len(moments), workers.log()
    now = await world.db.read(standing, world.job_id)
    assert (now.users, now.groups, now.uncertain) == (_PEOPLE, _GROUPS, 0)


async def test_a_worker_killed_while_people_leave_leaves_nobody_signed_in(world: World, workers: Workers) -> None:
    people = await found_company(world, 40, 2)
    await workers.start()
    await world.db.write(set_state, world.job_id, "Active")
    await settled(world)
    world.proxy.taken()
    world.proxy.delay_seconds = 0.05
    for person in people[:20]:
        await world.db.write(directory.delete_user, person)

    await world.proxy.until(lambda: len(world.proxy.written()) >= 5)
    await workers.kill(workers.running[0])
    await workers.start()
    await soon(lambda: len(world.proxy.written()) >= 20, 2 * GENEROUS_SECONDS)
    await settled(world)

    accounts = await world.target.accounts()
    assert {name for name, account in accounts.items() if account["active"]} == {
        upn(f"p{number}") for number in range(20, 40)
    }


async def test_two_workers_never_run_two_cycles_of_one_job_at_once(world: World, workers: Workers) -> None:
    proxy = world.proxy
    people = await found_company(world, 12, 2)
    first, second = await workers.start(), await workers.start()
    senders: list[set[int]] = []
    owners: dict[int, int] = {}

    def arrived(port: int) -> None:
        owner = workers.owner_of(port)
        if owner is not None:
            owners[port] = owner.pid
        senders.append({owners[each] for each in proxy.under_way if each in owners})

    proxy.arrived = arrived
    proxy.delay_seconds = 0.05
    await world.db.write(set_state, world.job_id, "Active")
    await settled(world)
    for round_number in range(4):
        before = len(proxy.passed)
        await world.db.write(directory.update_user, people[0], {"givenName": f"N{round_number}"})
        await soon(lambda before=before: proxy.under_way or len(proxy.passed) > before)  # type: ignore[misc]
        for person in people[1:]:  # each of these wakes whoever is idle
            await world.db.write(directory.update_user, person, {"givenName": f"N{round_number}"})
        await soon(lambda: proxy.under_way)
        with pytest.raises(Conflict, match="running already"):
            await world.cycle()
        await agreed(world)

    assert {len(each) for each in senders} == {1}
    assert set().union(*senders) <= {first.pid, second.pid}
    assert len(await cycles_of(world)) > 4
    cycles = sorted(await cycles_of(world), key=lambda cycle: cycle.began)
    for earlier, later in pairwise(cycles):
        assert earlier.problem is None, "a cycle that began while another one ran would have closed it"
        assert earlier.ended is not None
        assert earlier.ended <= later.began


async def test_a_change_in_the_directory_wakes_the_worker_long_before_the_interval(
    world: World, workers: Workers
) -> None:
    """Y1."""
    group = await world.group("Team")
    await workers.start()
    await world.db.write(set_state, world.job_id, "Active")
    await settled(world)

    await world.db.write(directory.add_member, group, await world.user("ada"))

    await world.proxy.until(lambda: any(each.method == "PATCH" for each in world.proxy.written()), GENEROUS_SECONDS)
    await agreed(world)


async def test_new_mappings_hold_at_once_and_not_only_after_the_interval(world: World, workers: Workers) -> None:
    """Y4: a changed mapping makes the next cycle an initial one."""
    await found_company(world, people=3, groups=1)
    await workers.start()
    await world.db.write(set_state, world.job_id, "Active")
    await settled(world)
    await asleep(world)
    document = (await world.db.read(read_job, world.job_id)).sync_schema
    users = document["synchronizationRules"][0]["objectMappings"][0]
    constant = {"type": "Constant", "name": "Newcomer", "expression": '"Newcomer"'}
    users["attributeMappings"].append({"targetAttributeName": "nickName", "source": constant})

    await world.db.write(change_schema, world.job_id, document)

    await world.proxy.until(
        lambda: sum(each.method == "PATCH" and "/Users/" in each.path for each in world.proxy.written()) == 3,
        GENEROUS_SECONDS,
    )


async def test_the_interval_is_honoured_and_may_be_changed_while_the_job_runs(world: World, workers: Workers) -> None:
    """Y1."""
    await workers.start()
    await world.db.write(set_state, world.job_id, "Active")
    await settled(world)
    began = {(await cycles_of(world))[0].began}
    half_an_hour_later = max(began) + timedelta(minutes=30)

    await world.db.write(change_settings, world.job_id, {"interval_seconds": 5.0})

    starts: set[datetime] = set()
    async with asyncio.timeout(4 * GENEROUS_SECONDS):
        # One cycle because the interval was changed, then two by themselves.
        while len(starts) < 3 or len(began) < 4:
            began.add((await cycles_of(world))[0].began)
            start = await world.db.read(next_start, world.job_id)
            if start is not None and start < half_an_hour_later:  # the others are due by the old interval
                starts.add(start)
            await asyncio.sleep(0.1)
    # Each start is due an interval after the one before it happened, and that was not before it was due.
    assert all(later - earlier >= timedelta(seconds=5) for earlier, later in pairwise(sorted(starts)))


async def test_a_paused_job_sends_nothing_until_it_is_started(world: World, workers: Workers, parts: Parts) -> None:
    """Y3."""
    other = await new_world(parts, world.proxy, _SLOW)
    group, other_group = await world.group("Team"), await other.group("Others")
    await workers.start()
    for each in (world, other):
        await each.db.write(set_state, each.job_id, "Active")
        await settled(each)
    await world.db.write(set_state, world.job_id, "Paused")

    await world.db.write(directory.add_member, group, await world.user("ada"))
    await other.db.write(directory.add_member, other_group, await other.user("bob"))
    # The other job's change came later; when it has arrived, a wake-up of the paused job would have been seen to.
    await settled_with(other, upn("bob"))
    assert await world.target.accounts() == {}

    await world.db.write(set_state, world.job_id, "Active")
    await settled_with(world, upn("ada"))
    await other.db.write(set_state, other.job_id, "Paused")


async def settled_with(world: World, name: str) -> None:
    """Wait until somebody has an account and the job rests."""
    async with asyncio.timeout(2 * GENEROUS_SECONDS):
        while name not in await world.target.accounts():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.2)
    await settled(world)


async def test_a_database_killed_in_mid_cycle_comes_back_and_the_cycle_goes_on_by_itself(tmp_path: Path) -> None:
    config = config_for(tmp_path / "data")
    async with open_parts(config) as parts, workers_of(config) as workers:
        assert parts.database.server is not None
        there = DatabaseConfig(url=parts.database.server.url(), application_url=parts.database.conninfo)
        async with workspaces_apart(there) as origin, proxy_to(origin) as proxy:
            world = await new_world(parts, proxy, _SLOW)
            await found_company(world, 60, 4)
            proxy.delay_seconds = 0.05
            await workers.start()
            await world.db.write(set_state, world.job_id, "Active")
            await proxy.until(lambda: len(proxy.written()) >= 15)

            killed = parts.database.server.pid
            assert killed is not None
            end(killed)
            await soon(lambda: parts.database.server is not None and parts.database.server.pid not in (None, killed))

            await proxy.until(lambda: len(proxy.written()) >= 64, 120.0)
            await settled(world, 180.0)
            await assert_in_step(world)
            names = [upn(f"p{number}") for number in range(60)] + [f"G{number}" for number in range(4)]
            assert set(await world.target.accounts()) | set(await world.target.groups()) == set(names)
            assert set(creations(proxy)) <= set(names)
            assert max(creations(proxy).values()) == 1
