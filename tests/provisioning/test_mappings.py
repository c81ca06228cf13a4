"""Lists, roles, extensions and clearing against the workspaces half on a real port (rules A1, A3, A5, A6, A8 to A11, A14, A15)."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import Database
from rollcall.provisioning import change_schema, restart
from rollcall.provisioning.defaults import IS_ACTIVE, computed, direct, schema_document
from rollcall.runtime import Runtime
from tests.provisioning.proxy import WRITING, Proxy
from tests.provisioning.world import World, found_world, upn

FABRIKAM = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User"
TAGS, REGION = f"{FABRIKAM}:tags", f"{FABRIKAM}:costRegion"
ADDRESS = 'addresses[type eq "work"]'
ADMIN, READER = UUID(int=1), UUID(int=2)


def clearing(mapping: dict[str, Any]) -> dict[str, Any]:
    return {**mapping, "clearWhenNull": True}


def document() -> dict[str, Any]:
    """A schema with lists of core and of one's own, asserted roles, and mappings that clear."""
    users = [
        direct("userPrincipalName", "userName", 1),
        computed(IS_ACTIVE, "active"),
        clearing(direct("otherMails", "emails")),
        clearing(direct("city", f"{ADDRESS}.locality")),
        clearing(direct("postalCode", f"{ADDRESS}.postalCode")),
        clearing(computed("AssertiveAppRoleAssignmentsComplex([appRoleAssignments])", "roles")),
        computed('Split([department], ",")', TAGS),
        clearing(direct("employeeId", REGION)),
        {"targetAttributeName": "nickName", "source": None, "defaultValue": "none"},
        {**direct("jobTitle", "title"), "flowType": "ValueAddOnly"},
    ]
    made = schema_document(users, [direct("displayName", "displayName", 1), direct("members", "members")])
    own = [{"name": TAGS, "type": "String", "multivalued": True}, {"name": REGION, "type": "Integer"}]
    described = made["directories"][1]["objects"][0]
    names = {TAGS, REGION}
    described["attributes"] = [each for each in described["attributes"] if each["name"] not in names] + own
    return made


@pytest.fixture
async def world(database: Database, runtime: Runtime, proxy: Proxy) -> World:
    """A world whose application has roles and whose job has these mappings."""
    roles = [directory.AppRole(ADMIN, "Administrator", "Admin"), directory.AppRole(READER, "Reader", "Reader")]
    world = await found_world(database, runtime, proxy, app_roles=roles)
    await world.db.write(change_schema, world.job_id, document())
    return world


async def account(world: World, name: str = "ada") -> dict[str, Any]:
    return (await world.target.accounts())[upn(name)]


def values(account: dict[str, Any], attribute: str) -> set[str]:
    return {element["value"] for element in account.get(attribute, ())}


async def provisioned(world: World, **attributes: Any) -> UUID:
    """Ada, an administrator of the application, with these attributes, in the target."""
    ada = await world.user("ada", **attributes)
    await world.db.write(directory.assign, world.application, ada, ADMIN)
    result = await world.cycle()
    assert (result.problem, result.counts.failed, result.counts.created) == (None, 0, 1), await world.log()
    world.proxy.taken()
    return ada


async def patched(world: World) -> list[dict[str, Any]]:
    """The operations of the one PATCH of the next cycle, or none; a further cycle sends nothing."""
    result = await world.cycle()
    assert (result.problem, result.counts.failed) == (None, 0), await world.log()
    writes = [each for each in world.proxy.taken() if each.method in WRITING]
    await world.cycle()
    assert not [each for each in world.proxy.taken() if each.method in WRITING]
    assert len(writes) < 2
    return [operation for each in writes for operation in each.body["Operations"]]


FULL = {
    "otherMails": ["a@x.org", "b@x.org"],
    "city": "Bern",
    "postalCode": "3000",
    "department": "Sales, Trade",
    "employeeId": "7",
}


async def test_lists_roles_and_extensions_are_made_and_found_in_step(world: World) -> None:
    """A1, A8, A9, A10, A15, 4.2 AssertiveAppRoleAssignmentsComplex."""
    await provisioned(world, **FULL)

    made = await account(world)

    assert values(made, "emails") == {"a@x.org", "b@x.org"}
    assert made["addresses"] == [{"type": "work", "locality": "Bern", "postalCode": "3000"}]
    assert [(role["value"], role["display"]) for role in made["roles"]] == [("Admin", "Administrator")]
    assert made[FABRIKAM] == {"tags": ["Sales", "Trade"], "costRegion": 7}
    assert FABRIKAM in made["schemas"]
    assert made["nickName"] == "none"
    assert await patched(world) == []


async def test_a_restart_reads_everybody_again_and_finds_nothing_to_change(world: World) -> None:
    """A6, A15, Y6."""
    await provisioned(world, **FULL)

    await world.db.write(restart, world.job_id)

    assert await patched(world) == []


async def test_of_a_list_what_came_is_added_and_what_went_is_removed(world: World) -> None:
    """A11."""
    ada = await provisioned(world, **FULL)

    await world.db.write(directory.update_user, ada, {"otherMails": ["b@x.org", "c@x.org"], "department": "Trade"})
    sent = await patched(world)

    assert sent == [
        {"op": "remove", "path": 'emails[value eq "a@x.org"]'},
        {"op": "add", "path": "emails", "value": [{"value": "c@x.org"}]},
        {"op": "replace", "path": TAGS, "value": ["Trade"]},
    ]
    changed = await account(world)
    assert values(changed, "emails") == {"b@x.org", "c@x.org"}
    assert changed[FABRIKAM]["tags"] == ["Trade"]


async def test_what_becomes_empty_is_cleared_where_the_mapping_says_so(world: World) -> None:
    """A5: a list, an element that loses its last part, a custom attribute; the list of tags stays."""
    ada = await provisioned(world, **FULL)

    await world.db.write(directory.update_user, ada, {"city": None})
    assert await patched(world) == [{"op": "remove", "path": f"{ADDRESS}.locality"}]
    await world.db.write(directory.update_user, ada, dict.fromkeys(FULL, None) | {"otherMails": []})
    await patched(world)

    changed = await account(world)
    assert "emails" not in changed
    assert "addresses" not in changed
    assert changed[FABRIKAM] == {"tags": ["Sales", "Trade"]}


async def test_asserted_roles_follow_the_assignments_and_take_out_what_only_the_target_knew(world: World) -> None:
    """4.2 AssertiveAppRoleAssignmentsComplex, S4: default access is no role."""
    ada = await provisioned(world)
    made = await account(world)
    await world.target.write("PATCH", f"Users/{made['id']}", _by_hand("add", "roles", [{"value": "Owner"}]))

    await world.db.write(directory.assign, world.application, ada, READER)
    await patched(world)

    assert values(await account(world), "roles") == {"Admin", "Reader"}
    await world.db.write(directory.assign, world.application, ada)
    await world.db.write(directory.unassign, world.application, ada, ADMIN)
    await world.db.write(directory.unassign, world.application, ada, READER)
    assert await patched(world) == [{"op": "remove", "path": "roles"}]


async def test_a_value_that_only_flows_to_an_empty_target_does_not_overwrite_what_was_set_there(world: World) -> None:
    """A1, A3: the target is read first."""
    ada = await provisioned(world)
    made = await account(world)
    await world.target.write("PATCH", f"Users/{made['id']}", _by_hand("replace", "title", "Boss"))

    await world.db.write(directory.update_user, ada, {"jobTitle": "Clerk"})

    assert await patched(world) == []
    assert (await account(world))["title"] == "Boss"


async def test_a_change_of_mappings_has_everybody_looked_at_again(world: World) -> None:
    """A14, Y4."""
    await provisioned(world, **FULL)
    changed = document()
    mappings = changed["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    mappings.append(direct("city", "locale"))

    await world.db.write(change_schema, world.job_id, changed)

    assert await patched(world) == [{"op": "replace", "path": "locale", "value": "Bern"}]


async def test_several_values_for_a_single_attribute_fail_the_object_alone(world: World) -> None:
    """6.1: SchemaPropertyCanOnlyAcceptValue."""
    broken = document()
    mappings = broken["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    mappings.append(direct("otherMails", "displayName"))
    await world.db.write(change_schema, world.job_id, broken)
    for name, mails in (("ada", ["a@x.org", "b@x.org"]), ("bob", ["c@x.org"])):
        await world.assign(await world.user(name, otherMails=mails))

    result = await world.cycle()

    assert (result.counts.created, result.counts.failed) == (1, 1)
    assert (await account(world, "bob"))["displayName"] == "c@x.org"
    (failure,) = [each for each in await world.log() if each["status"] == "failure"]
    assert failure["code"] == "SchemaPropertyCanOnlyAcceptValue"
    assert failure["reason"].startswith("displayName: there are 2 values")


def _by_hand(op: str, path: str, value: Any) -> dict[str, Any]:
    schema = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
    return {"schemas": [schema], "Operations": [{"op": op, "path": path, "value": value}]}
