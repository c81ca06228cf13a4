"""Time as it may go wrong: a target that is away for an hour, and a clock that jumps."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta

import pytest
from aiohttp import web

from rollcall import directory
from rollcall.db import Database
from rollcall.provisioning import standing
from rollcall.runtime import SystemRuntime
from tests.provisioning.agreement import assert_in_step
from tests.provisioning.proxy import Proxy, let_pass
from tests.provisioning.test_every_step import is_about_references, key_of
from tests.provisioning.world import World, found_world, upn
from tests.simulation.judging import gaps_in


class ShiftedRuntime(SystemRuntime):
    """The real machine with another time of day."""

    shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self.shift


@pytest.fixture
def clock() -> ShiftedRuntime:
    """The job's clock."""
    return ShiftedRuntime()


@pytest.fixture
async def world(database: Database, clock: ShiftedRuntime, proxy: Proxy) -> World:
    """Three people in a group, provisioned."""
    world = await found_world(database, clock, proxy)
    await world.group("Team", [await world.user(name) for name in ("ada", "bob", "cem")])
    await world.cycle()
    return world


async def change_much(world: World, turn: int) -> None:
    """A joiner, a mover and a leaver."""
    group = (await world.db.read(directory.list_groups))[0]
    people = [user for user in await world.db.read(directory.list_users) if user.attributes["accountEnabled"]]
    await world.db.write(directory.add_member, group.id, await world.user(f"new{turn}"))
    await world.db.write(directory.update_user, people[0].id, {"givenName": f"N{turn}"})
    await world.db.write(directory.update_user, people[1].id, {"accountEnabled": False})


async def judge(world: World) -> None:
    """The target equals the source, nothing was made twice, the log has no gap, and nothing waits any more."""
    await assert_in_step(world)
    made = [each for each in world.proxy.passed if each.method == "POST" and each.status == 201]
    assert max(Counter(each.body.get("userName") or each.body["displayName"] for each in made).values()) == 1
    told = [record for record in reversed(await world.log()) if record["status"] == "success"]
    assert not gaps_in(
        (key_of(record), record["action"], record["modified"]) for record in told if not is_about_references(record)
    )
    now = await world.db.read(standing, world.job_id)
    assert (now.uncertain, now.escrowed, now.references_due) == (0, 0, 0)


async def test_a_target_that_was_away_for_an_hour_is_in_step_soon_after(world: World, clock: ShiftedRuntime) -> None:
    async def away(_method: str, _path: str) -> web.Response:
        return web.Response(status=503)

    world.proxy.taken()
    await change_much(world, 0)
    world.proxy.interfere = away
    for minutes in range(0, 60, 5):
        clock.shift = timedelta(minutes=minutes)
        if minutes % 15 == 0:
            await change_much(world, minutes + 1)
        await world.cycle()
    assert not world.proxy.written()
    world.proxy.interfere = let_pass

    for minutes in range(60, 105, 5):
        clock.shift = timedelta(minutes=minutes)
        await world.cycle()

    await judge(world)


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)], ids=["ahead", "back"])
async def test_a_clock_that_jumps_and_comes_back_leaves_nothing_undone(
    world: World, clock: ShiftedRuntime, jump: timedelta
) -> None:
    async def refuse(method: str, path: str) -> web.Response | None:
        return web.Response(status=400) if method in ("POST", "PATCH") else None

    await change_much(world, 0)
    clock.shift = jump
    world.proxy.interfere = refuse
    assert (await world.cycle()).counts.failed
    clock.shift = timedelta()
    await world.cycle()
    world.proxy.interfere = let_pass
    await change_much(world, 1)

    clock.shift = timedelta(days=1, minutes=1)  # no wait for a retry is longer
    await world.cycle()
    clock.shift += timedelta(minutes=1)
    await world.cycle()

    await judge(world)
    assert upn("new0") in await world.target.accounts()
