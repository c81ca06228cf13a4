"""What accounts are in, and main users: suspended here or by SCIM, deleted, restored, erased; the last way in."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio

from rollcall.db import TenantDatabase, Tx
from rollcall.errors import Conflict, NotFound
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.scim.schema import ENTERPRISE_USER_URN, USER
from rollcall.workspaces import forget_tombstones, is_buried
from rollcall.workspaces.access_model import Appointment, Standing
from rollcall.workspaces.main_users import appoint, dismiss, main_users
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.people import (
    AccountOrigin,
    create_person,
    delete_person,
    deleted_people,
    restore,
    resume,
    standing,
    suspend,
)
from tests.contracts.resource_store import ALL, find, operation, patch, user
from tests.workspaces.places_world import MANUAL, World


class LaterRuntime(SystemRuntime):
    """The machine some time later."""

    def __init__(self, later: timedelta) -> None:
        self._later = later

    def now(self) -> datetime:
        return super().now() + self._later


MONTH = LaterRuntime(timedelta(days=30, seconds=1))


@pytest_asyncio.fixture
async def world(tenant_db: TenantDatabase, runtime: Runtime) -> World:
    return await World(tenant_db, runtime).open()


async def make(world: World, user_name: str, origin: AccountOrigin = AccountOrigin.INVITATION) -> UUID:
    return await world.database.write(create_person, world.runtime, user_name=user_name, origin=origin)


async def stands(world: World, person: UUID) -> Standing:
    return await world.database.read(standing, person)


async def remove(world: World, person: UUID) -> None:
    await world.database.write(delete_person, world.runtime, person, break_glass=True)


async def test_scim_and_main_users_suspend_and_neither_undoes_the_other(world: World) -> None:
    ada = await world.person("ada")
    assert await stands(world, ada) is Standing.ACTIVE

    await world.set_active(ada, False)
    await world.database.write(suspend, world.runtime, ada, break_glass=True)
    await world.set_active(ada, True)
    assert await stands(world, ada) is Standing.SUSPENDED
    read = await world.store.read(USER, str(ada), ALL)
    assert read["active"] is True, "what was done here does not show in SCIM"
    await world.set_active(ada, False)
    await world.database.write(resume, world.runtime, ada)
    assert await stands(world, ada) is Standing.SUSPENDED
    await world.set_active(ada, True)
    assert await stands(world, ada) is Standing.ACTIVE


async def test_an_account_of_scim_is_not_deleted_here_while_synchronization_is_on(world: World) -> None:
    ada = await world.person("ada", externalId="o1")

    with pytest.raises(Conflict) as refused:
        await remove(world, ada)
    assert refused.value.code == "managed_by_synchronization"
    await world.synchronise(False)
    await remove(world, ada)

    assert await stands(world, ada) is Standing.DELETED


async def test_the_first_write_with_an_external_id_adopts_an_account_made_here(world: World) -> None:
    ada = await make(world, "ada@acme.example")
    found = await find(world.store, USER, 'userName eq "ADA@acme.example"')
    assert [each["id"] for each in found.resources] == [str(ada)]

    await patch(world.store, USER, str(ada), operation("replace", "displayName", "Ada"))
    await remove(world, ada)
    bo = await make(world, "bo@acme.example")
    await patch(world.store, USER, str(bo), operation("add", "externalId", "o2"))

    with pytest.raises(Conflict) as refused:
        await remove(world, bo)
    assert refused.value.code == "managed_by_synchronization"


async def test_a_deleted_account_comes_back_under_its_id_without_memberships(world: World) -> None:
    boss = await make(world, "boss")
    ada = await make(world, "ada")
    await patch(world.store, USER, str(ada), operation("add", f"{ENTERPRISE_USER_URN}:manager", {"value": str(boss)}))
    place = await world.workspace()
    await world.database.write(add_member, world.runtime, place, ada, MANUAL)
    before = await world.store.read(USER, str(ada), ALL)

    await remove(world, ada)
    await remove(world, boss)
    (listed, _) = sorted(await world.database.read(deleted_people, world.runtime), key=lambda each: each.user_name)
    assert (listed.user_id, listed.user_name, listed.managed) == (ada, "ada", False)
    await world.database.write(restore, world.runtime, ada)

    after = await world.store.read(USER, str(ada), ALL)
    assert (after["userName"], after["meta"]["created"]) == (before["userName"], before["meta"]["created"])
    assert after["meta"]["version"] != before["meta"]["version"]
    assert ENTERPRISE_USER_URN not in after
    assert await world.member(place, ada) is None
    assert not await world.database.read(is_buried, "ada", None)
    await remove(world, ada)
    await world.database.write(restore, world.runtime, ada)


async def test_nobody_is_restored_over_another_account_or_past_scim_or_after_a_month(world: World) -> None:
    ada, managed = await make(world, "ada"), await world.person("bo", externalId="o1")
    await remove(world, ada)
    await make(world, "ADA")
    await world.store.delete(USER, str(managed), None)

    for person, code in ((ada, "user_name_taken"), (managed, "managed_by_synchronization")):
        with pytest.raises(Conflict) as refused:
            await world.database.write(restore, world.runtime, person)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        await world.database.write(restore, MONTH, ada)


async def test_after_a_month_nothing_is_left(world: World) -> None:
    ada = await make(world, "ada@acme.example")
    await remove(world, ada)

    async def left(tx: Tx) -> str:
        return str(await tx.all("select d::text as row from workspaces.deleted_users d"))

    assert await world.database.write(forget_tombstones, world.runtime) == 0
    assert "ada@acme.example" in await world.database.read(left)
    assert await world.database.write(forget_tombstones, MONTH) == 1
    assert await world.database.read(left) == "[]"
    assert await stands(world, ada) is Standing.ABSENT


@pytest.mark.parametrize("origin", [AccountOrigin.SSO, AccountOrigin.REGISTRATION])
async def test_who_was_deleted_does_not_walk_back_in(world: World, origin: AccountOrigin) -> None:
    ada = await world.person("ada", externalId="o1")
    await world.store.delete(USER, str(ada), None)

    with pytest.raises(Conflict) as refused:
        await make(world, "ADA", origin)
    assert refused.value.code == "user_deleted"
    await make(world, "ada", AccountOrigin.INVITATION)
    assert not await world.database.read(is_buried, "ada", None)


async def test_a_user_name_is_taken_once_whatever_its_case(world: World) -> None:
    await world.store.create(USER, user("Ada"))

    with pytest.raises(Conflict) as refused:
        await make(world, "aDA")
    assert refused.value.code == "user_name_taken"


async def test_an_account_made_here_has_its_address_and_name(world: World) -> None:
    ada = await world.database.write(
        create_person,
        world.runtime,
        user_name="ada",
        address="ada@acme.example",
        display_name="Ada",
        origin=AccountOrigin.SSO,
    )

    read = await world.store.read(USER, str(ada), ALL)

    assert (read["displayName"], read["emails"][0]["value"], read["active"]) == ("Ada", "ada@acme.example", True)


# ── main users ─────────────────────────────────────────────────────────────────────────────────


async def leave(world: World, person: UUID, *, break_glass: bool = False) -> str | None:
    try:
        await world.database.write(dismiss, world.runtime, person, break_glass=break_glass)
    except (Conflict, NotFound) as refused:
        return refused.code
    return None


async def test_main_users_are_listed_with_their_appointments(world: World) -> None:
    ada, bo, cay = [await world.person(name) for name in ("ada", "bo", "cay")]
    await world.group("Admins", bo, cay, external_id="admins")
    for person in (ada, bo):
        await world.database.write(appoint, world.runtime, person, None)
    await world.database.write(appoint, world.runtime, ada, bo)

    await world.dashboard(group_ids=["admins"])
    before = await world.database.read(main_users)
    await world.dashboard(sso=True, configuration_id=world.configuration)
    after = await world.database.read(main_users)

    local, group = frozenset({Appointment.LOCAL}), frozenset({Appointment.GROUP})
    assert [(each.user_name, each.appointments) for each in before] == [("ada", local), ("bo", local)]
    assert [(each.user_name, each.appointments) for each in after] == [
        ("ada", local),
        ("bo", local | group),
        ("cay", group),
    ]


async def test_only_active_users_are_appointed(world: World) -> None:
    ada = await world.person("ada", active=False)

    for person in (ada, world.runtime.new_id()):
        with pytest.raises(NotFound):
            await world.database.write(appoint, world.runtime, person, None)


async def test_the_last_way_in_is_not_taken_away(world: World) -> None:
    ada, bo, cay = [await world.person(name) for name in ("ada", "bo", "cay")]
    for person in (ada, bo):
        await world.database.write(appoint, world.runtime, person, None)
    assert await leave(world, cay) == "not_main_user"

    await world.set_active(bo, False)
    assert await leave(world, ada) == "last_main_user", "who is suspended is no way in"
    with pytest.raises(Conflict) as refused:
        await world.database.write(suspend, world.runtime, ada, break_glass=False)
    assert refused.value.code == "last_main_user"
    assert await leave(world, bo) is None

    await world.group("Admins", cay, external_id="admins")
    await world.dashboard(group_ids=["admins"])
    assert await leave(world, ada) == "last_main_user", "a list without single sign-on lets nobody in"
    await world.dashboard(sso=True, configuration_id=world.configuration)
    await world.set_active(cay, False)
    assert await leave(world, ada) == "last_main_user", "nobody active is on the list"
    await world.set_active(cay, True)
    assert await leave(world, ada) is None


async def test_a_break_glass_account_is_a_way_in(world: World) -> None:
    ada = await world.person("ada")
    await world.database.write(appoint, world.runtime, ada, None)

    assert await leave(world, ada, break_glass=True) is None


async def test_whoever_is_dismissed_keeps_no_session_for_having_saved_the_access_control(world: World) -> None:
    ada, session = await world.person("ada"), world.runtime.new_id()
    await world.database.write(appoint, world.runtime, ada, None)
    await world.dashboard(saved_session=session, saved_user=ada)

    assert await leave(world, ada, break_glass=True) is None

    async def saved(tx: Tx) -> object:
        return await tx.value("select saved_session from workspaces.dashboard_access")

    assert await world.database.read(saved) is None


async def test_scim_deletes_even_the_last_main_user(world: World) -> None:
    ada = await world.person("ada")
    await world.database.write(appoint, world.runtime, ada, None)

    await world.store.delete(USER, str(ada), None)

    assert await world.database.read(main_users) == []
