"""Every change of accounts, groups, memberships and workspaces is told to the audit log, in its own transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from rollcall.db import Database, TenantDatabase
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.scim.error import ScimError
from rollcall.scim.schema import GROUP, USER
from rollcall.workspaces import AccountStore, set_synchronization
from rollcall.workspaces.audit import Actor, AuditEvent, AuditQuery, read_audit
from rollcall.workspaces.main_users import appoint, dismiss
from rollcall.workspaces.memberships import add_member, remove_member, set_roles
from rollcall.workspaces.people import AccountOrigin, create_person, delete_person, restore, resume, suspend
from rollcall.workspaces.places import (
    archive_workspace,
    delete_workspace,
    duplicate_workspace,
    rename_workspace,
    reopen_workspace,
)
from tests.contracts.resource_store import operation, patch, user
from tests.workspaces.endpoint import new_endpoint
from tests.workspaces.places_world import BOTH, MANUAL, World

EVE = Actor("eve", "192.0.2.9")


@pytest.fixture
async def world(tenant_db: TenantDatabase, runtime: Runtime) -> World:
    """An organisation with SCIM on."""
    return await World(tenant_db, runtime).open()


async def told(world: World, since: int = 0) -> list[AuditEvent]:
    """What the log was told, oldest first, without the first `since` events."""
    return list(reversed(await world.database.read(read_audit, limit=1000)))[since:]


async def count(world: World) -> int:
    return len(await told(world))


def actions(events: list[AuditEvent]) -> list[str]:
    return sorted(each.what.action for each in events)


# ── SCIM ────────────────────────────────────────────────────────────────────────────────────────


async def test_scim_is_told_of_by_its_credential(database: Database) -> None:
    endpoint = await new_endpoint(database, SystemRuntime())
    made = await endpoint(
        "POST", "/Users", {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "a"}
    )
    (event,) = await database.tenant(endpoint.organisation).read(read_audit, AuditQuery(action="user.created"))
    assert event.actor.name == f"scim:{endpoint.credential.credential.id}"
    assert event.what.target_id == made.json["id"]
    assert event.what.details == {"origin": "scim", "user_name": "a"}


@pytest.mark.parametrize(
    ("operations", "expected"),
    [
        pytest.param([operation("replace", "active", False)], ["user.suspended"], id="suspended"),
        pytest.param([operation("replace", "active", True)], [], id="unchanged"),
        pytest.param([operation("replace", "title", "Boss")], ["user.updated"], id="updated"),
        pytest.param(
            [operation("replace", "active", False), operation("replace", "title", "Boss")],
            ["user.suspended", "user.updated"],
            id="both",
        ),
        pytest.param([operation("replace", "password", "s3cret-s3cret")], [], id="password"),
    ],
)
async def test_a_patch_of_a_user_is_told_of(
    world: World, operations: list[dict[str, Any]], expected: list[str]
) -> None:
    ada = await world.person("ada", active=True)
    before = await count(world)
    await patch(world.store, USER, str(ada), *operations)
    events = await told(world, before)
    assert actions(events) == expected
    assert "s3cret" not in str(events)


async def test_changes_are_told_as_old_and_new_values(world: World) -> None:
    ada = await world.person("ada", title="Analyst")
    await patch(world.store, USER, str(ada), operation("replace", "title", "Boss"))
    assert list((await told(world))[-1].what.changes) == [("title", "Analyst", "Boss")]


async def test_waking_again_is_told_of(world: World) -> None:
    ada = await world.person("ada", active=False)
    before = await count(world)
    await world.set_active(ada, True)
    assert actions(await told(world, before)) == ["user.resumed"]


async def test_the_first_external_id_adopts_an_account_made_by_hand(world: World) -> None:
    ada = await world.database.write(
        create_person, world.runtime, user_name="ada", origin=AccountOrigin.INVITATION, actor=EVE
    )
    before = await count(world)
    await patch(world.store, USER, str(ada), operation("add", "externalId", "o1"))
    await patch(world.store, USER, str(ada), operation("replace", "externalId", "o2"))
    assert actions(await told(world, before)) == ["user.adopted", "user.updated", "user.updated"]


async def test_a_refused_write_is_told_nothing(world: World) -> None:
    await world.person("ada")
    before = await count(world)
    with pytest.raises(ScimError):
        await world.store.create(USER, user("ADA"))
    with pytest.raises(ScimError):
        await world.group("Team", UUID(int=7))
    assert await count(world) == before


async def test_a_group_is_told_of_with_its_members_and_the_workspaces_that_waited_for_it(world: World) -> None:
    ada, place = await world.person("ada"), await world.workspace("team")
    before = await count(world)
    team = await world.group("Team", ada)
    events = {each.what.action: each.what for each in await told(world, before)}
    assert sorted(events) == ["group.bound", "group.created", "group.member_added", "membership.added"]
    assert events["group.bound"].details["workspaces"] == [str(place)]
    assert events["group.member_added"].details["members"] == [str(ada)]
    assert events["membership.added"].target_id == str(place)
    assert events["membership.added"].details == {"origin": f"scim:{team}", "users": [str(ada)], "count": 1}


async def test_joining_and_leaving_is_told_once_and_only_of_whoever_moved(world: World) -> None:
    ada, bob = await world.person("ada"), await world.person("bob")
    team = await world.group("Team", ada)
    before = await count(world)
    await world.join(team, ada, bob)
    await world.leave(team, ada)
    await world.leave(team, ada)
    events = await told(world, before)
    assert [(each.what.action, each.what.details["members"]) for each in events] == [
        ("group.member_added", [str(bob)]),
        ("group.member_removed", [str(ada)]),
    ]


async def test_another_external_id_unbinds_and_binds(world: World) -> None:
    one, two = await world.workspace("team"), await world.workspace("crew")
    team = await world.group("Team")
    before = await count(world)
    await world.change(team, "externalId", "crew")
    events = {each.what.action: each.what for each in await told(world, before)}
    assert events["group.unbound"].details["workspaces"] == [str(one)]
    assert events["group.bound"].details["workspaces"] == [str(two)]
    assert list(events["group.updated"].changes) == [("externalId", "team", "crew")]


async def test_a_deleted_group_and_a_deleted_user_take_memberships_with_them(world: World) -> None:
    ada, place = await world.person("ada"), await world.workspace("team")
    other = await world.workspace()
    await world.database.write(add_member, world.runtime, other, ada, MANUAL)
    team = await world.group("Team", ada)
    before = await count(world)
    await world.store.delete(GROUP, str(team), None)
    assert actions(await told(world, before)) == [
        "group.deleted",
        "group.member_removed",
        "group.unbound",
        "membership.removed",
    ]
    await world.group("Team", ada)
    before = await count(world)
    await world.store.delete(USER, str(ada), None)
    events = await told(world, before)
    assert actions(events) == ["membership.removed", "membership.removed", "user.deleted"]
    assert {each.what.target_id for each in events} == {str(ada), str(place), str(other)}


async def test_thousands_of_members_are_told_of_in_few_events(world: World) -> None:
    async def fill(tx: Any) -> None:
        await tx.run(
            """insert into workspaces.users (id, user_name_folded, created, modified, resource, folded)
               select uuidv7(), 'u' || n, now(), now(), '{}', '{}' from generate_series(1, 2500) n"""
        )

    await world.database.write(fill)
    everybody = await world.database.read(lambda tx: tx.all("select id from workspaces.users"))
    before = await count(world)
    await world.group("All", *(each["id"] for each in everybody))
    events = [each.what for each in await told(world, before) if each.what.action == "group.member_added"]
    assert sorted(len(each.details["members"]) for each in events) == [500, 1000, 1000]
    assert {each.details["count"] for each in events} == {2500}


# ── by hand ─────────────────────────────────────────────────────────────────────────────────────

Step = tuple[Callable[..., Awaitable[Any]], dict[str, Any], str]


async def test_every_change_by_hand_is_told_of_with_whoever_made_it(world: World) -> None:
    write, runtime = world.database.write, world.runtime
    ada = await write(create_person, runtime, user_name="ada", origin=AccountOrigin.INVITATION, actor=EVE)
    bob = await write(create_person, runtime, user_name="bob", origin=AccountOrigin.SSO, actor=EVE)
    place = await world.workspace(admin=bob)
    steps: list[tuple[str, Any, tuple[Any, ...], dict[str, Any]]] = [
        ("membership.added", add_member, (place, ada, MANUAL), {}),
        ("membership.role_changed", set_roles, (place, ada, BOTH), {}),
        ("membership.removed", remove_member, (place, ada), {}),
        ("main_user.added", appoint, (ada, None), {}),
        ("main_user.added", appoint, (bob, None), {}),
        ("main_user.removed", dismiss, (ada,), {"break_glass": False}),
        ("user.suspended", suspend, (ada,), {"break_glass": False}),
        ("user.resumed", resume, (ada,), {}),
        ("user.deleted", delete_person, (ada,), {"break_glass": False}),
        ("user.restored", restore, (ada,), {}),
        ("workspace.renamed", rename_workspace, (place, "Crew"), {}),
        ("workspace.archived", archive_workspace, (place,), {}),
        ("workspace.reopened", reopen_workspace, (place,), {}),
        ("workspace.duplicated", duplicate_workspace, (place,), {"slug": f"w{runtime.new_id().hex}", "name": "Copy"}),
        ("workspace.deleted", delete_workspace, (place,), {}),
    ]
    for action, act, arguments, named in steps:
        before = await count(world)
        await write(act, runtime, *arguments, **named, actor=EVE)
        events = await told(world, before)
        assert actions(events) == [action]
        assert {each.actor.name for each in events} == {"eve"}


async def test_what_changes_nothing_is_told_nothing(world: World) -> None:
    ada = await world.person("ada")
    place = await world.workspace(admin=ada)
    await world.database.write(appoint, world.runtime, ada, None)
    before = await count(world)
    await world.database.write(appoint, world.runtime, ada, None)
    await world.database.write(add_member, world.runtime, place, ada, MANUAL)
    await world.database.write(set_roles, world.runtime, place, ada, BOTH)
    await world.database.write(reopen_workspace, world.runtime, place)
    await world.database.write(rename_workspace, world.runtime, place, "Team")
    assert await count(world) == before


async def test_lists_that_are_bound_again_tell_of_their_groups(world: World) -> None:
    place, team = await world.workspace("team"), await world.group("Team")
    await world.synchronise(False)
    await world.settings(place, group_ids=["other"])
    (event,) = await world.database.write(set_synchronization, world.runtime, True)
    assert (event.action, event.target_id) == ("group.unbound", str(team))


def test_the_store_is_the_systems_unless_told_otherwise(tenant_db: TenantDatabase, runtime: Runtime) -> None:
    assert AccountStore(tenant_db, runtime)._actor.name == "system"
