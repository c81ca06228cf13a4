"""Numbers of an organisation: what there is, and how much happened on each day."""

from __future__ import annotations

from datetime import timedelta

import pytest_asyncio

from rollcall.db import TenantDatabase
from rollcall.scim.schema import GROUP, USER
from rollcall.workspaces.numbers import Day, Totals, per_day, totals
from rollcall.workspaces.people import AccountOrigin, create_person, delete_person, restore, suspend
from rollcall.workspaces.places import archive_workspace
from rollcall.workspaces.sso.sessions import DASHBOARD_LIMITS, SignIn, create_session
from tests.workspaces.places_world import World
from tests.workspaces.sso.world import Clock


@pytest_asyncio.fixture
async def world(tenant_db: TenantDatabase) -> World:
    return await World(tenant_db, Clock()).open()


async def today(world: World) -> tuple[int, int, int]:
    """Accounts, sign-ins, synchronised changes."""
    last = (await world.database.read(per_day, world.runtime.now()))[-1]
    return last.users, last.sign_ins, last.changes


async def test_every_account_or_group_that_scim_makes_changes_or_removes_counts_once(world: World) -> None:
    ada = await world.person("ada")
    group = await world.group("Team", ada)
    assert await today(world) == (1, 0, 2)
    await world.set_active(ada, False)
    await world.set_active(ada, False)  # nothing changes
    assert await today(world) == (1, 0, 3)
    await world.leave(group, ada)
    await world.store.delete(GROUP, str(group), None)
    await world.store.delete(USER, str(ada), None)
    assert await today(world) == (0, 0, 6)


async def test_what_people_do_by_hand_is_no_synchronised_change(world: World) -> None:
    db, runtime = world.database, world.runtime
    ada = await db.write(create_person, runtime, user_name="ada@x.com", origin=AccountOrigin.INVITATION)
    await db.write(suspend, runtime, ada, break_glass=False)
    await db.write(delete_person, runtime, ada, break_glass=False)
    assert await today(world) == (0, 0, 0)
    await db.write(restore, runtime, ada)
    assert await today(world) == (1, 0, 0)


async def test_each_day_has_its_own_numbers_and_the_accounts_there_were_at_its_end(world: World) -> None:
    clock = world.runtime
    assert isinstance(clock, Clock)
    await world.person("ada")
    clock.ahead = timedelta(days=1)
    ben = await world.person("ben")
    await world.store.delete(USER, str(ben), None)
    await world.person("cay")
    clock.ahead = timedelta(days=3)
    days = await world.database.read(per_day, clock.now(), 5)
    assert [(each.users, each.changes) for each in days] == [(0, 0), (1, 1), (2, 3), (2, 0), (2, 0)]
    assert days[-1] == Day(clock.now().date(), 2, 0, 0)


async def test_a_session_counts_as_a_sign_in_once_however_often_the_provider_is_asked_again(world: World) -> None:
    ada = await world.person("ada")
    sign_in = SignIn("dashboard", "pin", DASHBOARD_LIMITS, user=ada)
    _, handle = await world.database.write(create_session, world.runtime, sign_in)
    assert isinstance(world.runtime, Clock)
    world.runtime.ahead = timedelta(minutes=1)
    again = SignIn("dashboard", "pin", DASHBOARD_LIMITS, user=ada, continues=True)
    await world.database.write(create_session, world.runtime, again, replaces=handle)
    assert (await today(world))[1] == 1
    await world.database.write(create_session, world.runtime, sign_in)
    assert (await today(world))[1] == 2


async def test_totals_say_what_there_is_now(world: World) -> None:
    ada, ben = await world.person("ada"), await world.person("ben")
    await world.group("Team")
    await world.workspace()
    await world.database.write(archive_workspace, world.runtime, await world.workspace())
    await world.set_active(ben, False)
    for _ in range(2):
        sign_in = SignIn("dashboard", "pin", DASHBOARD_LIMITS, user=ada)
        await world.database.write(create_session, world.runtime, sign_in)

    assert await world.database.read(totals, world.runtime.now()) == Totals(
        users=2, away=1, groups=1, workspaces=1, archived=1, without_admin=0, signed_in=1
    )
    later = world.runtime.now() + timedelta(hours=1)
    assert (await world.database.read(totals, later)).signed_in == 0
