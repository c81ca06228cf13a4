"""Memberships and their origins: each row of the table, through SCIM and by hand, on a real database."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
import pytest_asyncio

from rollcall.db import TenantDatabase, Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime
from rollcall.scim.schema import GROUP, USER
from rollcall.workspaces.access_model import Role, WorkspaceState
from rollcall.workspaces.member_lists import find_members
from rollcall.workspaces.memberships import add_member, remove_member, set_roles
from rollcall.workspaces.paging import Place
from rollcall.workspaces.people import resume, suspend
from rollcall.workspaces.places import archive_workspace, reopen_workspace, workspace, workspaces_of
from tests.contracts.resource_store import operation, patch
from tests.workspaces.places_world import BOTH, MANUAL, PARTICIPANT, REGISTRATION, SSO, World

ADMIN_ONLY = frozenset({Role.ADMIN})


@pytest_asyncio.fixture
async def world(tenant_db: TenantDatabase, runtime: Runtime) -> World:
    return await World(tenant_db, runtime).open()


async def add(world: World, workspace_id: UUID, person: UUID, roles: frozenset[Role] = PARTICIPANT) -> None:
    await world.database.write(add_member, world.runtime, workspace_id, person, MANUAL, roles)


async def remove(world: World, workspace_id: UUID, person: UUID) -> None:
    await world.database.write(remove_member, world.runtime, workspace_id, person)


async def promote(world: World, workspace_id: UUID, person: UUID, roles: frozenset[Role] = BOTH) -> None:
    await world.database.write(set_roles, world.runtime, workspace_id, person, roles)


async def ids(world: World, workspace_id: UUID) -> set[UUID]:
    return {each.user_id for each in (await world.database.read(find_members, workspace_id)).items}


async def test_o1_joining_a_bound_group_makes_a_participant(world: World) -> None:
    ada, team, place = await world.person("ada"), await world.group("Team"), await world.workspace("team")
    asleep = await world.person("bo", active=False)
    assert await world.member(place, ada) is None

    await world.join(team, ada, asleep)

    found = await world.member(place, ada)
    assert found is not None
    assert (found.origins, found.roles, found.awake) == ((f"scim:{team}",), PARTICIPANT, True)
    sleeper = await world.member(place, asleep)
    assert sleeper is not None
    assert (sleeper.roles, sleeper.awake) == (PARTICIPANT, False)


async def test_o1_a_group_that_arrives_with_members_later_than_the_list_is_bound_at_once(world: World) -> None:
    ada, place = await world.person("ada"), await world.workspace("waiting")

    group_id = await world.group("Late", ada, external_id="waiting")

    assert await world.origins(place, ada) == (f"scim:{group_id}",)


async def test_o1_an_object_id_binds_whatever_its_case(world: World) -> None:
    guid = str(world.runtime.new_id())
    ada, place = await world.person("ada"), await world.workspace(guid)

    await world.group("Team", ada, external_id=guid.upper())

    assert await world.roles(place, ada) == PARTICIPANT


async def test_o1_other_ids_are_compared_exactly(world: World) -> None:
    ada, place = await world.person("ada"), await world.workspace("team")

    await world.group("Another", ada, external_id="TEAM")

    assert await world.member(place, ada) is None


async def test_o2_leaving_the_last_bound_group_ends_the_membership(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    team, place = await world.group("Team", ada, bo), await world.workspace("team")

    await world.leave(team, ada)

    assert await world.member(place, ada) is None
    assert await ids(world, place) == {bo}


@pytest.mark.parametrize("how", ["remove-all", "replace-by-patch", "replace-by-put", "filter"])
async def test_o2_holds_however_the_member_is_taken_out(world: World, how: str) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    team, place = await world.group("Team", ada, bo), await world.workspace("team")
    await promote(world, place, ada)

    match how:
        case "remove-all":
            await patch(world.store, GROUP, str(team), operation("remove", "members"))
        case "replace-by-patch":
            await patch(world.store, GROUP, str(team), operation("replace", "members", [{"value": str(bo)}]))
        case "replace-by-put":
            whole = {
                "schemas": [GROUP.schema.id],
                "displayName": "Team",
                "externalId": "team",
                "members": [{"value": str(bo)}],
            }
            await world.store.replace(GROUP, str(team), whole, None)
        case _:
            await patch(
                world.store, GROUP, str(team), operation("remove", 'members[display eq "nobody" or value sw "0"]')
            )
    assert await world.member(place, ada) is None

    await world.join(team, ada)
    assert await world.roles(place, ada) == PARTICIPANT


async def test_o3_who_leaves_one_of_two_bound_groups_stays(world: World) -> None:
    ada = await world.person("ada")
    one, two = await world.group("One", ada), await world.group("Two", ada)
    place = await world.workspace("one", "two")
    await promote(world, place, ada)
    assert set(await world.origins(place, ada)) == {f"scim:{one}", f"scim:{two}"}

    await world.leave(one, ada)

    assert await world.origins(place, ada) == (f"scim:{two}",)
    assert await world.roles(place, ada) == BOTH


async def test_o4_who_was_added_by_hand_too_stays_as_such(world: World) -> None:
    ada = await world.person("ada")
    team, place = await world.group("Team", ada), await world.workspace("team")
    await promote(world, place, ada)
    await add(world, place, ada)
    assert await world.origins(place, ada) == ("manual", f"scim:{team}")

    await world.leave(team, ada)

    assert await world.origins(place, ada) == ("manual",)
    assert await world.roles(place, ada) == BOTH


async def test_o5_a_role_lasts_as_long_as_the_membership(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    team, place = await world.group("Team", ada, bo), await world.workspace("team")
    await promote(world, place, ada)
    await promote(world, place, bo, ADMIN_ONLY)

    await world.change(team, "displayName", "Renamed")
    await world.join(team, ada)
    assert await world.roles(place, ada) == BOTH
    await world.leave(team, ada)
    await world.join(team, ada)

    assert await world.roles(place, ada) == PARTICIPANT
    assert await world.roles(place, bo) == ADMIN_ONLY
    assert not await world.flagged(place)


async def test_o5_a_role_given_while_the_member_is_taken_out_does_not_outlive_the_membership(world: World) -> None:
    ada = await world.person("ada")
    team, place = await world.group("Team", ada), await world.workspace("team")
    given, may_commit = asyncio.Event(), asyncio.Event()

    async def slowly(tx: Tx) -> None:
        await set_roles(tx, world.runtime, place, ada, BOTH)
        given.set()
        await asyncio.wait_for(may_commit.wait(), 10)

    giving = asyncio.create_task(world.database.write(slowly))
    await given.wait()
    leaving = asyncio.create_task(world.leave(team, ada))
    finished, _ = await asyncio.wait({leaving}, timeout=0.3)
    assert not finished, "SCIM waits for what is being given"
    may_commit.set()
    await asyncio.gather(giving, leaving)

    assert await world.member(place, ada) is None
    await world.join(team, ada)
    assert await world.roles(place, ada) == PARTICIPANT


async def test_o5_a_workspace_that_synchronization_leaves_without_admin_is_flagged(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    team, place = await world.group("Team", ada, bo), await world.workspace("team")
    await promote(world, place, ada)

    await world.leave(team, ada)

    assert await world.flagged(place)
    await promote(world, place, bo)
    assert not await world.flagged(place)
    await world.store.delete(USER, str(bo), None)
    assert await world.flagged(place)


async def test_o6_a_synchronised_member_is_not_removed_by_hand(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    await world.group("Team", ada)
    place = await world.workspace("team")
    await add(world, place, ada)
    await add(world, place, bo)

    with pytest.raises(Conflict) as refused:
        await remove(world, place, ada)
    await remove(world, place, bo)

    assert refused.value.code == "managed_by_synchronization"
    assert await ids(world, place) == {ada}


async def test_o7_people_are_added_by_hand_to_a_synchronised_workspace(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    await world.group("Team", ada)
    place = await world.workspace("team")

    await add(world, place, bo, BOTH)

    assert await ids(world, place) == {ada, bo}
    assert await world.origins(place, bo) == ("manual",)
    assert await world.roles(place, bo) == BOTH


async def test_o8_another_list_binds_and_unbinds(world: World) -> None:
    ada, bo, cay = [await world.person(name) for name in ("ada", "bo", "cay")]
    await world.group("One", ada, cay)
    await world.group("Two", bo)
    place = await world.workspace("one")
    await promote(world, place, ada)
    await add(world, place, cay)

    await world.settings(place, group_ids=["two"])

    assert await ids(world, place) == {bo, cay}
    await world.settings(place, group_ids=["one", "two"])
    assert await ids(world, place) == {ada, bo, cay}
    assert await world.roles(place, ada) == PARTICIPANT


async def test_o8_switching_single_sign_on_off_unbinds(world: World) -> None:
    ada = await world.person("ada")
    await world.group("Team", ada)
    place = await world.workspace("team")

    await world.settings(place, sso=False)
    assert await ids(world, place) == set()
    await world.settings(place, sso=True)
    assert await ids(world, place) == {ada}


async def test_o8_a_change_of_the_defaults_reaches_workspaces_that_inherit(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    await world.group("One", ada)
    await world.group("Two", bo)
    heir, own = await world.workspace(), await world.workspace("two")
    assert await ids(world, heir) == set()

    await world.settings(None, sso=True, configuration_id=world.configuration, group_ids=["one"])
    assert (await ids(world, heir), await ids(world, own)) == ({ada}, {bo})
    late = await world.workspace()
    assert await ids(world, late) == {ada}

    await world.settings(own, group_ids=None)
    assert await ids(world, own) == {ada}
    await world.settings(None, group_ids=[])
    assert await ids(world, heir) == set()


async def test_o9_deleting_a_group_takes_all_its_members_out(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    team, place = await world.group("Team", ada, bo), await world.workspace("team")
    await promote(world, place, ada)
    await add(world, place, bo)

    await world.store.delete(GROUP, str(team), None)

    assert await world.member(place, ada) is None
    assert await world.origins(place, bo) == ("manual",)
    await world.group("Team again", ada, external_id="team")
    assert await world.roles(place, ada) == PARTICIPANT


async def test_o10_another_external_id_unbinds_the_old_and_binds_the_new(world: World) -> None:
    ada = await world.person("ada")
    team = await world.group("Team", ada, external_id="old")
    before, after = await world.workspace("old"), await world.workspace("new")
    await promote(world, before, ada)

    await world.change(team, "externalId", "new")

    assert await world.member(before, ada) is None
    assert await world.origins(after, ada) == (f"scim:{team}",)
    await world.change(team, "externalId", "old")
    assert await world.roles(before, ada) == PARTICIPANT


async def test_o11_another_name_changes_nothing(world: World) -> None:
    ada = await world.person("ada")
    team, place = await world.group("Team", ada), await world.workspace("team")
    await promote(world, place, ada)
    before = await world.member(place, ada)

    await world.change(team, "displayName", "Another name")

    assert await world.member(place, ada) == before


async def test_o12_a_deleted_user_is_member_of_nothing(world: World) -> None:
    ada = await world.person("ada")
    await world.group("Team", ada)
    synchronised, plain = await world.workspace("team"), await world.workspace()
    for place in (synchronised, plain):
        await add(world, place, ada)
        await promote(world, place, ada)

    await world.store.delete(USER, str(ada), None)

    for place in (synchronised, plain):
        assert await ids(world, place) == set()
        assert await world.flagged(place)


async def test_o13_memberships_sleep_and_wake(world: World) -> None:
    ada = await world.person("ada")
    await world.group("Team", ada)
    synchronised, plain = await world.workspace("team"), await world.workspace()
    await promote(world, synchronised, ada)
    await add(world, plain, ada, BOTH)

    async def awake() -> list[bool]:
        found = [await world.member(place, ada) for place in (synchronised, plain)]
        assert [each.roles for each in found if each] == [BOTH, BOTH]
        return [each.awake for each in found if each]

    await world.set_active(ada, False)
    assert await awake() == [False, False]
    await world.set_active(ada, True)
    assert await awake() == [True, True]
    await world.database.write(suspend, world.runtime, ada, break_glass=False)
    await world.set_active(ada, False)
    await world.set_active(ada, True)
    assert await awake() == [False, False], "what was suspended here SCIM does not wake"
    await world.database.write(resume, world.runtime, ada)
    assert await awake() == [True, True]


async def test_o14_members_of_an_archived_workspace_follow_scim(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    team, place = await world.group("Team", ada), await world.workspace("team")
    await world.database.write(archive_workspace, world.runtime, place)

    await world.join(team, bo)
    await world.leave(team, ada)

    assert (await world.database.read(workspace, place)).state is WorkspaceState.ARCHIVED
    assert await world.database.read(workspaces_of, bo) == []
    await world.database.write(reopen_workspace, world.runtime, place)
    assert await ids(world, place) == {bo}
    assert [each.id for each in await world.database.read(workspaces_of, bo)] == [place]


async def test_o15_without_synchronization_memberships_are_frozen_and_removable(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    await world.group("Team", ada, bo)
    place = await world.workspace("team")

    await world.synchronise(False)
    assert await ids(world, place) == {ada, bo}
    await world.settings(place, group_ids=["another"])
    assert await ids(world, place) == {ada, bo}, "frozen"
    await remove(world, place, ada)
    assert await ids(world, place) == {bo}
    assert await world.member(place, ada) is None
    assert await world.database.read(workspaces_of, ada) == []
    await add(world, place, ada)
    assert await ids(world, place) == {ada, bo}
    await remove(world, place, ada)

    await world.settings(place, group_ids=["team"])
    await world.synchronise(True)
    assert await ids(world, place) == {ada, bo}


async def test_o16_what_scim_sends_is_what_holds_one_level_deep(world: World) -> None:
    ada = await world.person("ada")
    inner = await world.group("Inner", ada)
    await world.group("Outer", inner)
    place = await world.workspace("outer")

    assert await ids(world, place) == set()


# ── by hand ────────────────────────────────────────────────────────────────────────────────────


async def test_the_last_admin_is_neither_removed_nor_demoted_by_hand(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    place = await world.workspace(admin=ada)

    for attempt in (remove(world, place, ada), promote(world, place, ada, PARTICIPANT)):
        with pytest.raises(Conflict) as refused:
            await attempt
        assert refused.value.code == "last_admin"
    await add(world, place, bo, ADMIN_ONLY)
    await promote(world, place, ada, PARTICIPANT)
    assert await world.roles(place, ada) == PARTICIPANT


async def test_one_origin_more_leaves_roles_as_they_are(world: World) -> None:
    ada, place = await world.person("ada"), await world.workspace()

    for origin in (SSO, REGISTRATION, MANUAL):
        await world.database.write(add_member, world.runtime, place, ada, origin, PARTICIPANT)
        await promote(world, place, ada)

    assert await world.origins(place, ada) == ("manual", "registration", "sso")
    assert await world.roles(place, ada) == BOTH


async def test_unknown_people_and_places_and_impossible_roles_are_refused(world: World) -> None:
    ada, place, nobody = await world.person("ada"), await world.workspace(), world.runtime.new_id()

    for attempt in (
        add(world, nobody, ada),
        add(world, place, nobody),
        remove(world, place, ada),
        promote(world, place, ada),
    ):
        with pytest.raises(NotFound):
            await attempt
    for roles in (frozenset[Role](), frozenset({Role.MAIN_USER})):
        with pytest.raises(Invalid):
            await add(world, place, ada, roles)


async def test_members_are_listed_by_user_name_page_by_page(world: World) -> None:
    people = [await world.person(name) for name in ("cay", "Ada", "bo", "dan")]
    await world.group("Team", *people[:2])
    place = await world.workspace("team")
    await add(world, place, people[2])

    first = (await world.database.read(find_members, place, limit=2)).items
    rest = (await world.database.read(find_members, place, "", Place(after="bo"), limit=2)).items

    assert [each.user_name for each in (*first, *rest)] == ["Ada", "bo", "cay"]


async def test_another_organisation_sees_and_changes_nothing(world: World, database: object, runtime: Runtime) -> None:
    ada, place = await world.person("ada"), await world.workspace("team")
    await world.group("Team", ada)
    other = await World(database.tenant(runtime.new_id()), runtime).open()  # type: ignore[attr-defined]
    stranger = await other.person("ada")
    await other.group("Team", stranger)

    assert await other.member(place, ada) is None
    assert await ids(other, place) == set()
    for attempt in (add(other, place, stranger), add(world, place, stranger)):
        with pytest.raises(NotFound):
            await attempt
    assert await ids(world, place) == {ada}


async def test_adding_many_members_writes_their_memberships_of_the_group_and_nothing_else(world: World) -> None:
    people = [await world.person(f"p{number}") for number in range(20)]
    team, place = await world.group("Team"), await world.workspace("team")

    await world.join(team, *people)

    async def rows(tx: Tx) -> object:
        return await tx.value("select count(*) from workspaces.memberships")

    assert await world.database.read(rows) == 0
    assert len(await ids(world, place)) == 20
