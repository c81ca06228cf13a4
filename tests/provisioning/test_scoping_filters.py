"""Scoping filters on a real database: a saved filter puts out and lets in, and the preview said so (rules S6 to S8)."""

from __future__ import annotations

import copy
from contextlib import suppress
from typing import Any

import pytest
from aiohttp import web

from rollcall import directory
from rollcall.errors import Conflict
from rollcall.provisioning import ScopePreview, change_schema, preview_scope, read_job
from tests.provisioning.world import World, upn


def clause(attribute: str, operator: str, *values: str) -> dict[str, Any]:
    return {"sourceOperandName": attribute, "operatorName": operator, "targetOperand": {"values": list(values)}}


SALES = clause("department", "EQUALS", "Sales")


async def with_filter(
    world: World, *clauses: dict[str, Any], kind: str = "User", part: str = "groups"
) -> dict[str, Any]:
    """The job's mappings with one filter in the place of those of that kind; without clauses, with none."""
    document = copy.deepcopy((await world.db.read(read_job, world.job_id)).sync_schema)
    for mapping in document["synchronizationRules"][0]["objectMappings"]:
        if mapping["sourceObjectName"] == kind:
            mapping["scope"] = {part: [{"name": "Chosen", "clauses": list(clauses)}] if clauses else []}
    return document


async def save(world: World, document: dict[str, Any]) -> None:
    await world.db.write(change_schema, world.job_id, document)


async def preview(world: World, document: dict[str, Any]) -> ScopePreview:
    return await preview_scope(world.service, world.db.tenant, world.job_id, schema=document)


async def active(world: World) -> dict[str, bool]:
    return {name.partition("@")[0]: account["active"] for name, account in (await world.target.accounts()).items()}


@pytest.fixture
async def company(world: World) -> World:
    """Ada sells, Bob and Cem do not, Dea sells and is not assigned; everybody who is assigned is provisioned."""
    for name, department in (("ada", "Sales"), ("bob", "Law"), ("cem", None)):
        await world.assign(await world.user(name, **({"department": department} if department else {})))
    await world.user("dea", department="Sales")
    await world.cycle()
    return world


async def test_who_falls_out_of_a_new_filter_is_disabled_and_enabled_when_back(company: World) -> None:
    """S6, S7, D8: the cycle after saving is an initial one; links stay."""
    ids = {name: account["id"] for name, account in (await company.target.accounts()).items()}
    await save(company, await with_filter(company, SALES))
    out = await company.cycle()
    disabled = await active(company)
    await save(company, await with_filter(company))
    back = await company.cycle()

    assert (out.kind, out.counts.disabled) == ("initial", 2)
    assert disabled == {"ada": True, "bob": False, "cem": False}
    assert (back.kind, back.counts.created) == ("initial", 0)
    assert await active(company) == {"ada": True, "bob": True, "cem": True}
    assert {name: account["id"] for name, account in (await company.target.accounts()).items()} == ids


async def test_a_person_whose_attribute_changes_enters_and_leaves(company: World) -> None:
    """S6: in an incremental cycle."""
    await save(company, await with_filter(company, SALES))
    await company.cycle()
    ada, bob = [await company.db.read(directory.find_user, upn(name)) for name in ("ada", "bob")]
    assert ada is not None
    assert bob is not None
    await company.db.write(directory.update_user, ada.id, {"department": "Law"})
    await company.db.write(directory.update_user, bob.id, {"department": "Sales"})
    moved = await company.cycle()
    (left, *_) = await company.log(source=upn("ada"))

    assert moved.kind == "incremental"
    assert await active(company) == {"ada": False, "bob": True, "cem": False}
    scoping = next(step for step in left["steps"] if step["provisioningStepType"] == "scoping")
    assert scoping["description"] == 'The scoping filter Chosen: department EQUALS Sales, but the value is "Law".'
    assert scoping["details"]["Chosen department EQUALS Sales"] == 'failed: the value is "Law"'
    assert scoping["details"]["ScopeEvaluationResult"] == "out of scope"


async def test_the_preview_says_what_the_next_cycle_does(company: World) -> None:
    """S7: and reads without writing."""
    document = await with_filter(company, SALES)
    shown = await preview(company, document)
    untouched = await company.cycle()
    await save(company, document)
    after = await company.cycle()

    assert (shown.users.leaving.count, sorted(shown.users.leaving.names)) == (2, [upn("bob"), upn("cem")])
    assert (shown.users.linked, shown.users.fate, shown.users.entering.count) == (2, "disable", 0)
    assert (untouched.kind, untouched.counts.requests) == ("incremental", 0)
    assert after.counts.disabled == shown.users.leaving.count


async def test_a_group_that_a_filter_puts_out_is_removed_and_made_again(world: World) -> None:
    """S6: a filter on the mapping of groups."""
    ada = await world.user("ada")
    for name in ("Red", "Blue"):
        await world.group(name, [ada])
    await world.cycle()
    document = await with_filter(world, clause("displayName", "EQUALS", "Red"), kind="Group")
    shown = await preview(world, document)
    await save(world, document)
    await world.cycle()
    fewer = await world.target.groups()
    await save(world, await with_filter(world, kind="Group"))
    await world.cycle()

    assert (shown.groups.leaving.names, shown.groups.linked, shown.groups.fate) == (["Blue"], 1, "delete")
    assert fewer == {"Red": {upn("ada")}}
    assert await world.target.groups() == {"Red": {upn("ada")}, "Blue": {upn("ada")}}


async def test_what_an_input_filter_keeps_out_is_left_as_it_is(company: World) -> None:
    """Neither changed nor disabled, though it is not assigned any more."""
    await save(company, await with_filter(company, SALES, part="inputFilterGroups"))
    bob = await company.db.read(directory.find_user, upn("bob"))
    assert bob is not None
    await company.db.write(directory.update_user, bob.id, {"givenName": "Robert"})
    await company.db.write(directory.unassign, company.application, bob.id)
    cycle = await company.cycle()
    account = (await company.target.accounts())[upn("bob")]
    (skip, *_) = await company.log(source=upn("bob"))

    assert (cycle.counts.disabled, cycle.counts.updated) == (0, 0)
    assert (account["active"], account["name"]["givenName"]) == (True, "bob")
    assert (skip["status"], skip["code"]) == ("skipped", "EntrySynchronizationSkipped")
    assert "left alone" in skip["reason"]


async def test_a_filter_that_runs_out_of_time_changes_nothing_for_that_person(company: World) -> None:
    """Who can't be decided fails and keeps the account; the others are decided."""
    cem = await company.db.read(directory.find_user, upn("cem"))
    assert cem is not None
    await company.db.write(directory.update_user, cem.id, {"department": "a" * 60})
    await save(company, await with_filter(company, clause("department", "REGEX MATCH", "(a|aa)+[bc]|Sales")))
    cycle = await company.cycle()
    (failure,) = await company.log(status="failure")

    assert (cycle.counts.failed, cycle.problem) == (1, None)
    assert (failure["name"], failure["code"]) == (upn("cem"), "AttributeValidationFailed")
    assert await active(company) == {"ada": True, "bob": False, "cem": True}


async def test_a_filter_saved_while_a_cycle_runs_counts_for_everybody(world: World) -> None:
    """S7: the running cycle ends first, and nothing of it is believed."""
    await world.assign(await world.user("ada", department="Sales"))
    await world.assign(await world.user("bob", department="Law"))
    document = await with_filter(world, SALES)
    done: list[str] = []

    async def interfere(method: str, path: str) -> web.Response | None:
        if method == "POST" and not done:
            done.append(path)
            await save(world, document)
        return None

    world.proxy.interfere = interfere
    with suppress(Conflict):  # the cycle may just have ended, or learn of it before its next page
        await world.cycle()
    again = await world.cycle()

    assert (len(done), again.kind) == (1, "initial")
    assert (await active(world)).get("bob", False) is False
    assert (await active(world))["ada"] is True
