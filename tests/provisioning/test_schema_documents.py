"""Schema documents on a real database: what is saved is what was sent, and what it says happens in the target."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest

from rollcall import directory
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.provisioning import change_schema, change_settings, default_schema, read_job
from rollcall.provisioning import test_job as check_job
from rollcall.provisioning.connectors.directory import DirectorySource
from rollcall.provisioning.source_schema import SOURCE_ATTRIBUTES, is_directory_extension
from tests.provisioning.world import World, upn

EXAMPLE = orjson.loads(
    (Path(__file__).parents[1] / "unit" / "provisioning" / "data" / "synchronization-schema-example.json").read_bytes()
)
_COST_REGION = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User:costRegion"


async def saved(world: World) -> dict[str, Any]:
    return (await world.db.read(read_job, world.job_id)).sync_schema


async def save(world: World, document: Any) -> Any:
    return await world.db.write(change_schema, world.job_id, document)


async def test_the_published_example_comes_back_as_it_was_and_works(world: World) -> None:
    """A1, A2, A3, A9, M1, S6: filter, default, creation only, custom attribute, second precedence, None mapping."""
    document = copy.deepcopy(EXAMPLE)
    custom = {"type": "Attribute", "name": "extensionAttribute2", "expression": "[extensionAttribute2]"}
    document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"].append(
        {"targetAttributeName": _COST_REGION, "source": custom}
    )
    await save(world, EXAMPLE)
    assert await saved(world) == EXAMPLE
    await save(world, document)
    assert await saved(world) == document

    boss = await world.user("boss", department="Logistics", jobTitle="Head", mailNickname="boss")
    ada = await world.user(
        "ada",
        department="Logistics",
        jobTitle="Driver",
        mailNickname="ada",
        mail="ada@example.com",
        manager=boss,
        onPremisesExtensionAttributes={"extensionAttribute2": "north"},
    )
    outside = [
        await world.user("bob", department="Sales", jobTitle="Seller"),
        await world.user("cem", department="Logistics"),
    ]
    await world.group("Drivers", [boss, ada, *outside])
    await world.cycle()

    accounts = await world.target.accounts()
    assert set(accounts) == {upn("boss"), upn("ada")}, "the filter wants Logistics and a job title"
    made = accounts[upn("ada")]
    assert (made["title"], made["userType"], made["nickName"], made["externalId"]) == (
        "Driver",
        "Employee",
        "none",
        "ada",
    )
    assert made[_COST_REGION.rpartition(":")[0]] == {"costRegion": "north"}
    assert made["emails"][0]["value"] == "ada@example.com"
    assert made[_ENTERPRISE]["manager"]["value"] == accounts[upn("boss")]["id"]
    assert await world.target.groups() == {"Drivers": {upn("boss"), upn("ada")}}


_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


async def test_an_account_is_found_by_the_second_matching_attribute(world: World) -> None:
    """M1: userName misses, externalId hits."""
    await save(world, EXAMPLE)
    body = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "old@example.com",
        "externalId": "ada",
    }
    there = await world.target.write("POST", "Users", body)
    await world.assign(await world.user("ada", department="Logistics", jobTitle="Driver", mailNickname="ada"))

    await world.cycle()

    assert {name: each["id"] for name, each in (await world.target.accounts()).items()} == {upn("ada"): there["id"]}


async def test_the_connection_is_tested_by_every_matching_attribute(world: World) -> None:
    """C4: also by those that are asked only when the first finds nobody."""
    await save(world, EXAMPLE)
    world.proxy.taken()

    assert (await check_job(world.service, world.db.tenant, world.job_id)).ok
    asked = [(each.kind, each.query.partition(" eq ")[0].rpartition("filter=")[2]) for each in world.proxy.taken()]
    assert asked == [("Users", "userName"), ("Groups", "displayName"), ("Users", "externalId")]


async def test_a_refused_document_leaves_the_saved_one(world: World) -> None:
    before = await saved(world)
    broken = copy.deepcopy(before)
    broken["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][0]["source"]["expression"] = "Nonsense("

    with pytest.raises(Invalid):
        await save(world, broken)

    assert await saved(world) == before


async def test_what_a_client_leaves_out_is_kept(world: World) -> None:
    """A13."""
    before = await saved(world)
    before["synchronizationRules"][0]["objectMappings"][0]["flowTypes"] = "Add"
    await save(world, before)
    sent = copy.deepcopy(before)
    del sent["synchronizationRules"][0]["objectMappings"][0]["flowTypes"], sent["directories"][1]["discoverabilities"]

    await save(world, sent)

    assert await saved(world) == before


async def test_the_deepest_document_that_is_accepted_can_be_kept(world: World) -> None:
    document: dict[str, Any] = await saved(world)
    deep: Any = "x"
    for _ in range(248):
        deep = [deep]
    document["note"] = deep

    found = await save(world, document)

    assert [warning.path for warning in found.warnings] == ["note"]
    assert (await saved(world))["note"] == deep


async def test_mappings_go_back_to_those_of_the_template(world: World) -> None:
    """A14: filters too."""
    before = await saved(world)
    await save(world, EXAMPLE)

    await save(world, default_schema(world.db.tenant, await world.db.read(read_job, world.job_id)))

    assert await saved(world) == before
    assert before["id"] == f"scim.{world.db.tenant.hex}.{world.job_id}"


async def test_everybody_in_scope_is_refused_while_role_functions_are_mapped(world: World) -> None:
    """S10."""
    document = await saved(world)
    source = {"type": "Function", "expression": "SingleAppRoleAssignment([appRoleAssignments])"}
    role = {"targetAttributeName": 'roles[primary eq "True"].value', "source": source}
    document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"].append(role)
    await save(world, document)

    with pytest.raises(Invalid) as refusal:
        await world.db.write(change_settings, world.job_id, {"scope": "all"})

    assert "rule S10" in refusal.value.details[0]
    assert (await world.db.read(read_job, world.job_id)).settings.scope == "assigned"


async def test_what_the_directory_really_delivers_is_in_the_source_schema(world: World) -> None:
    boss = await world.user("boss")
    await world.user(
        "ada",
        manager=boss,
        mobilePhone="1",
        businessPhones=["2"],
        faxNumber="3",
        officeLocation="4",
        extension_0a1b_costRegion="north",
        onPremisesExtensionAttributes={"extensionAttribute1": "x"},
        employeeHireDate="2026-11-23T00:00:00Z",
    )
    gone = await world.user("gone")
    await world.db.write(directory.delete_user, gone)
    await world.group("Drivers", [boss])

    seen: set[tuple[str, str]] = set()
    for entry in await _entries(world.db, world):
        seen |= {(entry.key.kind, name) for name in entry.attributes}

    unknown = {(kind, name) for kind, name in seen if name not in SOURCE_ATTRIBUTES[kind]}
    assert all(is_directory_extension(name) for _, name in unknown), unknown
    assert len(unknown) == 1
    assert {("User", "telephoneNumber"), ("User", "deletedDateTime"), ("Group", "objectId")} <= seen


async def _entries(db: TenantDatabase, world: World) -> list[Any]:
    source = DirectorySource(db, world.application)
    entries: list[Any] = []
    watermark: dict[str, Any] | None = None
    while True:
        page = await source.changes(watermark, 100)
        entries += page.entries
        watermark = page.watermark
        if not page.more:
            return entries
