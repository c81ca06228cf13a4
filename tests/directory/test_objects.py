"""Users, groups, memberships and assignments: what a write does, refuses, and says in the log."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rollcall import directory
from rollcall.db import Database, TenantDatabase, Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime
from tests.directory.making import make_application, make_group, make_user


async def _log(tx: Tx) -> list[tuple[str, str]]:
    rows = await tx.all("select kind, operation from directory.changes order by xid, seq")
    return [(row["kind"], row["operation"]) for row in rows]


async def test_a_user_is_kept_by_graph_names(tenant_db: TenantDatabase) -> None:
    ada = await make_user(tenant_db, "Ada", jobTitle="Engineer", extension_0123456789abcdef_badge=7, mail=None)

    user = await tenant_db.read(directory.read_user, ada)

    assert user.attributes == {
        "userPrincipalName": "Ada@example.com",
        "displayName": "Ada",
        "accountEnabled": True,
        "jobTitle": "Engineer",
        "extension_0123456789abcdef_badge": 7,
    }
    assert user.version == 1
    assert await tenant_db.read(directory.find_user, "ADA@EXAMPLE.COM") == user


async def test_each_write_appends_its_change_and_a_write_of_nothing_none(tenant_db: TenantDatabase) -> None:
    ada, sales = await make_user(tenant_db, "Ada", city="Oslo"), await make_group(tenant_db, "Sales")
    application = await make_application(tenant_db)

    assert await tenant_db.write(directory.update_user, ada, {"city": "Bergen", "state": None})
    assert not await tenant_db.write(
        directory.update_user, ada, {"city": "Bergen", "userPrincipalName": "Ada@example.com"}
    )
    assert await tenant_db.write(directory.update_group, sales, {"description": "Who sells"})
    assert not await tenant_db.write(directory.update_group, sales, {"description": "Who sells"})
    assert await tenant_db.write(directory.add_member, sales, ada)
    assert not await tenant_db.write(directory.add_member, sales, ada)
    assert await tenant_db.write(directory.assign, application, sales)
    assert not await tenant_db.write(directory.assign, application, sales)
    assert await tenant_db.write(directory.unassign, application, sales)
    assert not await tenant_db.write(directory.unassign, application, sales)
    assert await tenant_db.write(directory.remove_member, sales, ada)
    assert not await tenant_db.write(directory.remove_member, sales, ada)

    assert await tenant_db.read(_log) == [
        ("user", "create"),
        ("group", "create"),
        ("service_principal", "create"),
        ("user", "update"),
        ("group", "update"),
        ("membership", "add"),
        ("assignment", "add"),
        ("assignment", "remove"),
        ("membership", "remove"),
    ]


async def test_of_the_extension_attributes_those_not_named_stay(tenant_db: TenantDatabase) -> None:
    first = {"extensionAttribute1": "a", "extensionAttribute2": None}
    ada = await make_user(tenant_db, "Ada", onPremisesExtensionAttributes=first)

    changes: dict[str, Any] = {
        "onPremisesExtensionAttributes": {"extensionAttribute2": "b", "extensionAttribute15": "c"}
    }
    await tenant_db.write(directory.update_user, ada, changes)
    assert not await tenant_db.write(directory.update_user, ada, changes)
    await tenant_db.write(directory.update_user, ada, {"onPremisesExtensionAttributes": {"extensionAttribute1": None}})

    user = await tenant_db.read(directory.read_user, ada)
    assert user.attributes["onPremisesExtensionAttributes"] == {"extensionAttribute2": "b", "extensionAttribute15": "c"}


@pytest.mark.parametrize("same", ["ada@example.com", "ADA@EXAMPLE.COM"])
async def test_a_name_belongs_to_one_user_in_any_case_of_letters(tenant_db: TenantDatabase, same: str) -> None:
    await make_user(tenant_db, "Ada")
    bob = await make_user(tenant_db, "Bob")

    with pytest.raises(Conflict, match="Another user has the userPrincipalName"):
        await tenant_db.write(directory.create_user, {"userPrincipalName": same, "displayName": "Other"})
    with pytest.raises(Conflict, match="Another user has the userPrincipalName"):
        await tenant_db.write(directory.update_user, bob, {"userPrincipalName": same})


async def test_a_deleted_user_frees_the_name_and_comes_back_only_when_it_is_free(tenant_db: TenantDatabase) -> None:
    ada = await make_user(tenant_db, "Ada")
    await tenant_db.write(directory.delete_user, ada)
    other = await make_user(tenant_db, "ada")

    with pytest.raises(Conflict):
        await tenant_db.write(directory.restore_user, ada)
    await tenant_db.write(directory.delete_user, other)
    await tenant_db.write(directory.restore_user, ada)

    assert [user.id for user in await tenant_db.read(directory.list_users)] == [ada]
    assert [user.id for user in await tenant_db.read(directory.list_users, deleted=True)] == [other]


async def test_a_restored_user_still_has_his_groups_and_assignments(tenant_db: TenantDatabase) -> None:
    ada, sales = await make_user(tenant_db, "Ada"), await make_group(tenant_db, "Sales")
    application = await make_application(tenant_db)
    await tenant_db.write(directory.add_member, sales, ada)
    await tenant_db.write(directory.assign, application, ada)

    await tenant_db.write(directory.delete_user, ada)
    assert await tenant_db.read(directory.list_members, sales) == []
    await tenant_db.write(directory.restore_user, ada)

    assert [member.display_name for member in await tenant_db.read(directory.list_members, sales)] == ["Ada"]
    assert [group.id for group in await tenant_db.read(directory.list_groups_of, ada)] == [sales]
    assert [each.principal_id for each in await tenant_db.read(directory.list_assignments, application)] == [ada]


async def test_what_was_deleted_thirty_days_ago_is_purged_in_bounded_steps(
    tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    application, sales = await make_application(tenant_db), await make_group(tenant_db, "Sales")
    people = [await make_user(tenant_db, f"u{number}") for number in range(3)]
    staying = await make_user(tenant_db, "staying", manager=str(people[0]))
    for person in [*people, staying]:
        await tenant_db.write(directory.add_member, sales, person)
    await tenant_db.write(directory.assign, application, people[0])
    await tenant_db.write(directory.assign, application, sales)
    for person in people:
        await tenant_db.write(directory.delete_user, person)
    await tenant_db.write(directory.delete_group, sales)
    before = len(await tenant_db.read(_log))

    soon, later = runtime.now() + timedelta(days=29), runtime.now() + timedelta(days=31)
    steps = [await tenant_db.write(directory.purge_expired, when, limit=2) for when in (soon, later, later, later)]

    assert steps == [0, 3, 1, 0]
    log = (await tenant_db.read(_log))[before:]
    assert sorted(log) == sorted(
        [("user", "purge")] * 3
        + [("group", "purge"), ("user", "update")]
        + [("membership", "remove")] * 4
        + [("assignment", "remove")] * 2
    )
    assert [user.id for user in await tenant_db.read(directory.list_users)] == [staying]
    assert (await tenant_db.read(directory.read_user, staying)).manager is None
    with pytest.raises(NotFound):
        await tenant_db.read(directory.read_user, people[0])


@pytest.mark.parametrize(
    ("attributes", "said"),
    [
        ({"displayName": "A"}, "A user needs a userPrincipalName"),
        ({"userPrincipalName": "a@b.c"}, "A user needs a displayName"),
        ({"userPrincipalName": "ab", "displayName": "A"}, "must have the form name@domain"),
        ({"userPrincipalName": "a b@c.d", "displayName": "A"}, "has a blank"),
        ({"userPrincipalName": "a@b.c", "displayName": ""}, "displayName can't be empty"),
        ({"userPrincipalName": "a@b.c", "displayName": "A", "givenname": "A"}, "Did you mean givenName"),
        ({"userPrincipalName": "a@b.c", "displayName": "A", "accountEnabled": "yes"}, "must be true or false"),
        ({"userPrincipalName": "a@b.c", "displayName": "A", "city": 7}, "must be a text"),
        ({"userPrincipalName": "a@b.c", "displayName": "A", "surname": "x" * 65}, "at most 64"),
        ({"userPrincipalName": "a@b.c", "displayName": "A", "businessPhones": "+1"}, "must be a list"),
        ({"userPrincipalName": "a@b.c", "displayName": "A", "manager": "boss"}, "must be the id of a user"),
    ],
)
async def test_a_user_that_breaks_a_rule_is_refused_with_rule_and_remedy(
    tenant_db: TenantDatabase, attributes: dict[str, Any], said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        await tenant_db.write(directory.create_user, attributes)


async def test_ties_to_nobody_are_refused(tenant_db: TenantDatabase, runtime: Runtime) -> None:
    ada, sales = await make_user(tenant_db, "Ada"), await make_group(tenant_db, "Sales")
    application = await make_application(tenant_db)
    office = await tenant_db.write(directory.create_group, {"displayName": "Office", "securityEnabled": False})

    with pytest.raises(NotFound):
        await tenant_db.write(directory.add_member, sales, runtime.new_id())
    with pytest.raises(NotFound):
        await tenant_db.write(directory.add_member, runtime.new_id(), ada)
    with pytest.raises(Invalid, match="itself"):
        await tenant_db.write(directory.add_member, sales, sales)
    with pytest.raises(NotFound):
        await tenant_db.write(directory.set_manager, ada, runtime.new_id())
    with pytest.raises(Invalid, match="their own manager"):
        await tenant_db.write(directory.set_manager, ada, ada)
    with pytest.raises(NotFound):
        await tenant_db.write(directory.assign, application, runtime.new_id())
    with pytest.raises(Invalid, match="no app role"):
        await tenant_db.write(directory.assign, application, ada, runtime.new_id())
    with pytest.raises(Invalid, match="not a security group"):
        await tenant_db.write(directory.assign, application, office)


async def test_another_tenant_sees_and_touches_nothing(database: Database, runtime: Runtime) -> None:
    mine, theirs = database.tenant(runtime.new_id()), database.tenant(runtime.new_id())
    ada, sales = await make_user(mine, "Ada"), await make_group(mine, "Sales")
    await make_user(theirs, "Ada")

    assert len(await theirs.read(directory.list_users)) == 1
    with pytest.raises(NotFound):
        await theirs.read(directory.read_user, ada)
    with pytest.raises(NotFound):
        await theirs.write(directory.delete_user, ada)
    with pytest.raises(NotFound):
        await theirs.write(directory.add_member, sales, ada)
    assert await theirs.read(_log) == [("user", "create")]


async def test_a_role_is_added_once_and_removed_when_nobody_is_assigned_in_it(
    tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    ada, application = await make_user(tenant_db, "Ada"), await make_application(tenant_db)
    editor = directory.AppRole(runtime.new_id(), "Editor", "editor")
    await tenant_db.write(directory.add_app_role, application, editor)
    with pytest.raises(Invalid) as taken:
        await tenant_db.write(
            directory.add_app_role, application, directory.AppRole(runtime.new_id(), "EDITOR", "editor")
        )
    await tenant_db.write(directory.assign, application, ada, editor.id)
    with pytest.raises(Conflict):
        await tenant_db.write(directory.remove_app_role, application, editor.id)
    kept = (await tenant_db.read(directory.read_service_principal, application)).app_roles
    await tenant_db.write(directory.unassign, application, ada, editor.id)
    await tenant_db.write(directory.remove_app_role, application, editor.id)
    with pytest.raises(NotFound):
        await tenant_db.write(directory.remove_app_role, application, editor.id)

    assert len(taken.value.details) == 2
    assert kept == (editor,)
    changes = await tenant_db.read(_log)
    assert changes.count(("service_principal", "update")) == 2
