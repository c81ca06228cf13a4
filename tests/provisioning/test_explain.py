"""Explanations of one object against the workspaces half on a real port (rules O3, O5): they tell all, and write nothing."""

from __future__ import annotations

import io
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiohttp import web
from rich.console import Console

from rollcall import directory
from rollcall.cli.job_explain import show_explained
from rollcall.cli.output import plain
from rollcall.errors import Invalid, NotFound
from rollcall.provisioning import (
    ExplainedObject,
    Key,
    change_schema,
    change_settings,
    explain_object,
    read_job,
    restart,
)
from rollcall.runtime import Runtime
from tests.provisioning.proxy import WRITING
from tests.provisioning.world import World, upn

GOLDEN = Path(__file__).parent / "data" / "explain"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def explained(world: World, who: UUID, kind: str = "User", at: datetime | None = None) -> ExplainedObject:
    return await explain_object(world.service, world.db.tenant, world.job_id, Key(kind, str(who)), at)


def shown(told: ExplainedObject, *, verbose: bool = False) -> str:
    """The text for people with ids numbered in their order and times left out."""
    console = Console(file=io.StringIO(), width=10_000, highlight=False, soft_wrap=True)
    show_explained(console, told, verbose=verbose)
    assert isinstance(console.file, io.StringIO)
    numbers: dict[str, str] = {}
    text = _UUID.sub(
        lambda found: numbers.setdefault(found.group(), f"<id {len(numbers) + 1}>"), console.file.getvalue()
    )
    text = re.sub(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2} UTC", "<time>", text)
    text = re.sub(r"/(org-|http)[^/ ]*", "", re.sub(r"\d+ ms", "<n> ms", text))
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def assert_golden(name: str, told: ExplainedObject) -> None:
    """The text is the one that is kept under that name; delete a file to have it written anew."""
    file = GOLDEN / f"{name}.txt"
    text = shown(told)
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        pytest.fail(f"{file} was not there; read it and commit it")
    assert text == file.read_text()


async def filtered(world: World, attribute: str, value: str) -> None:
    """Give the job a scoping filter for users: attribute EQUALS value."""
    job = await world.db.read(read_job, world.job_id)
    document = orjson.loads(orjson.dumps(job.sync_schema))
    mapping = next(
        each
        for rule in document["synchronizationRules"]
        for each in rule["objectMappings"]
        if each["sourceObjectName"] == "User"
    )
    clause = {
        "operatorName": "EQUALS",
        "sourceOperandName": attribute,
        "targetOperand": {"values": [value]},
    }
    mapping["scope"] = {"groups": [{"name": "Only some", "clauses": [clause]}]}
    await world.db.write(change_schema, world.job_id, document)


async def test_somebody_in_step_is_explained(world: World) -> None:
    ada = await world.user("ada", jobTitle="Analyst")
    sales = await world.group("Sales", [ada])
    await world.cycle()
    world.proxy.taken()

    told = await explained(world, ada)

    assert_golden("in step", told)
    assert world.proxy.taken() == [], "what is known needs no request"
    assert told.link is not None
    assert told.last is not None
    assert (told.link.state, told.link.how) == ("linked", "made by this job")
    assert (told.last.request, told.last.http_status) == ("POST /Users", 201)
    assert told.next is not None
    assert (told.next.action, told.next.code) == ("none", "RedundantExport")
    (membership,) = told.references
    assert (membership.source, membership.state) == (Key("Group", str(sales)), "present")


async def test_a_change_is_shown_as_the_request_it_will_be(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"givenName": "Augusta"})
    world.proxy.taken()
    before = (await world.log(), await world.target.accounts())

    told = await explained(world, ada)

    assert told.next is not None
    (request,) = told.next.requests
    assert told.next.changes == (("name.givenName", "ada", "Augusta"),)
    assert (await world.log(), await world.target.accounts()) == before, "nothing is written"
    assert not {each.method for each in world.proxy.taken()} & WRITING
    await world.cycle()
    (sent,) = world.proxy.taken()
    assert (sent.method, sent.body) == (request.method, request.body)
    assert sent.path.endswith(request.path)


async def test_a_newcomer_is_shown_with_creation_and_membership(world: World) -> None:
    ada = await world.user("ada")
    await world.group("Sales", [ada])
    await world.cycle()
    bob = await world.user("bob")
    group = await world.db.read(directory.find_groups, "Sales")
    await world.db.write(directory.add_member, group[0].id, bob)
    world.proxy.taken()

    told = await explained(world, bob)

    assert told.next is not None
    assert (told.next.action, [each.method for each in told.next.requests]) == ("create", ["POST"])
    assert told.next.requests[0].body["userName"] == upn("bob")
    assert [each.method for each in world.proxy.taken()] == ["GET"], "it was looked up, and no more"


async def test_somebody_blocked_is_explained(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"accountEnabled": False})
    await world.cycle()

    told = await explained(world, ada)

    assert_golden("blocked", told)
    assert told.link is not None
    assert told.link.disabled


async def test_somebody_whose_removal_is_held_back_is_sent_nothing_before_somebody_decides(world: World) -> None:
    """P3."""
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(change_settings, world.job_id, {"deletion_threshold": 1})
    await world.db.write(directory.update_user, ada, {"accountEnabled": False})
    await world.cycle()
    await world.db.write(change_settings, world.job_id, {"deletion_threshold": 500})

    told = await explained(world, ada)

    assert told.next is not None
    assert (told.next.action, told.next.code, told.next.requests) == ("stagedAction", "TooManyDeletes", ())
    assert told.verdict.endswith("Its disabling is held back until somebody allows or rejects it.")
    assert "the job's deletion threshold is 1" in told.next.reason
    assert told.link is not None
    assert "the job's deletion threshold is 1" in told.link.held_because
    assert "Nothing: A cycle held this disable back" in shown(told)

    await world.db.write(restart, world.job_id)
    afresh = await explained(world, ada)
    assert afresh.next is not None
    assert (afresh.next.action, len(afresh.next.requests)) == ("disable", 1)


async def test_a_filter_that_fails_is_named_with_its_value(world: World) -> None:
    """S6: each clause has its value and its verdict."""
    ada = await world.user("ada", department="Sales")
    await world.assign(ada)
    await filtered(world, "department", "Engineering")

    told = await explained(world, ada)

    assert_golden("out by filter", told)
    assert told.scope is not None
    (clause,) = told.scope.clauses
    assert (clause.attribute, clause.value, clause.holds) == ("department", "Sales", False)


async def test_somebody_never_assigned_is_explained_without_a_record(world: World) -> None:
    ada = await world.user("ada")
    await world.cycle()

    told = await explained(world, ada)

    assert_golden("never assigned", told)
    assert (told.link, told.last) == (None, None)
    assert await world.log() == []


async def test_a_conflict_is_shown_with_what_was_tried_and_when_it_is_tried_again(world: World) -> None:
    """E1: how often, and when again."""
    ada = await world.user("ada")
    await world.assign(ada)

    async def refuse(method: str, _path: str) -> web.Response | None:
        error = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"], "status": "409", "detail": "Taken."}
        return web.json_response(error, status=409) if method == "POST" else None

    world.proxy.interfere = refuse
    await world.cycle()

    told = await explained(world, ada)

    assert_golden("conflict", told)
    assert told.link is not None
    assert told.link.escrow is not None
    assert (told.link.escrow.code, told.last and told.last.http_status) == ("EntryConflict", 409)


async def test_what_a_mapping_hides_is_shown_nowhere(world: World) -> None:
    job = await world.db.read(read_job, world.job_id)
    document = orjson.loads(orjson.dumps(job.sync_schema))
    attributes = document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    hidden = next(each for each in attributes if each["targetAttributeName"] == "name.familyName")
    hidden["source"] = {
        "type": "Function", "name": "Redact", "expression": "Redact([surname])",
        "parameters": [{"key": "value", "value": {"type": "Attribute", "name": "surname", "expression": "[surname]"}}],
    }  # fmt: skip
    await world.db.write(change_schema, world.job_id, document)
    ada = await world.user("ada", surname="Secretname")
    await world.assign(ada)

    before = await explained(world, ada)
    await world.cycle()
    after = await explained(world, ada)

    assert_golden("redacted", before)
    for told in (before, after):
        assert "Secretname" not in shown(told, verbose=True) + orjson.dumps(plain(told)).decode()
    assert (await world.target.accounts())[upn("ada")]["name"]["familyName"] == "Secretname"


async def test_a_past_moment_is_told_out_of_the_log(world: World, runtime: Runtime) -> None:
    ada = await world.user("ada")
    await world.assign(ada)
    start = runtime.now()
    await world.cycle()
    made = runtime.now()
    await world.db.write(directory.update_user, ada, {"givenName": "Augusta"})
    await world.cycle()

    then, now = await explained(world, ada, at=made), await explained(world, ada, at=runtime.now())
    before = await explained(world, ada, at=start)

    assert_golden("past", then)
    assert then.record is not None
    assert now.record is not None
    assert (then.record.action, now.record.action) == ("create", "update")
    assert then.values is not None
    assert now.values is not None
    assert (then.values["name.givenName"], now.values["name.givenName"]) == ("ada", "Augusta")
    assert then.record.scoping["ScopeEvaluationResult"] == "in scope"
    assert "no record" in before.silence
    assert "The first record is of" in before.silence
    with pytest.raises(Invalid, match="still to come"):
        await explained(world, ada, at=runtime.now() + timedelta(hours=1))


async def test_why_the_log_is_silent_is_said(world: World, runtime: Runtime) -> None:
    ada = await world.user("ada")

    long_ago = await explained(world, ada, at=runtime.now() - timedelta(days=500))

    assert "The job did not exist yet" in long_ago.verdict
    assert long_ago.name == upn("ada"), "the source knows the name"


async def test_a_target_that_is_away_leaves_the_rest(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)

    async def away(_method: str, _path: str) -> web.Response | None:
        return web.Response(status=503)

    world.proxy.interfere = away
    told = await explained(world, ada)

    assert told.scope is not None
    assert told.scope.verdict == "active"
    assert told.mappings
    assert told.next is not None
    assert told.next.problem is not None
    assert "503" in told.next.problem
    assert "could not be asked" in shown(told)
    assert told.verdict.endswith("Nothing is sent: the application could not be asked.")


async def test_a_membership_that_waits_says_for_whom(world: World) -> None:
    """R2: who is not in the application keeps nobody else out."""
    ada, bob = await world.user("ada"), await world.user("bob", accountEnabled=False)
    sales = await world.group("Sales", [ada, bob])
    await world.cycle()

    told = await explained(world, sales, "Group")

    states = {each.referenced_name: (each.state, each.why) for each in told.references}
    assert states[upn("ada")] == ("present", "in the application")
    assert states[upn("bob")] == ("waiting", f"waits until {upn('bob')} is in the application")
    assert (told.references_present, told.references_open) == (1, 1)


async def test_a_job_without_groups_says_so(world: World) -> None:
    sales = await world.group("Sales")
    job = await world.db.read(read_job, world.job_id)
    document: dict[str, Any] = orjson.loads(orjson.dumps(job.sync_schema))
    for each in document["synchronizationRules"][0]["objectMappings"]:
        each["enabled"] = each["sourceObjectName"] == "User"
    await world.db.write(change_schema, world.job_id, document)

    told = await explained(world, sales, "Group")

    assert "does not provision groups" in told.verdict
    assert (told.scope, told.next) == (None, None)


async def test_nobody_is_not_explained(world: World) -> None:
    with pytest.raises(NotFound, match="Neither the source nor the job"):
        await explained(world, UUID(int=7))


async def test_of_somebody_purged_it_is_told_what_was_sent_last(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(directory.delete_user, ada)
    await world.db.write(directory.purge_user, ada)
    await world.cycle()

    told = await explained(world, ada)

    assert told.name == upn("ada")
    assert told.last is not None
    assert (told.last.action, told.last.http_status) == ("delete", 204)


async def test_the_shape_of_a_request_is_that_of_the_jobs_profile(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(change_settings, world.job_id, {"request_profile": "entra"})
    await world.db.write(directory.update_user, ada, {"givenName": "Augusta"})

    told = await explained(world, ada)

    assert told.next is not None
    (request,) = told.next.requests
    assert {each["op"] for each in request.body["Operations"]} <= {"Replace", "Add"}


@pytest.mark.parametrize("profile", ["rfc", "entra", "entra-aadOptscim062020", "okta"])
async def test_of_what_is_not_made_yet_the_application_is_asked_nothing(full_world: World, profile: str) -> None:
    """R4: whether a manager is set is asked only of what is there; the requests shown are those that are sent then."""
    world = full_world
    await world.db.write(change_settings, world.job_id, {"request_profile": profile})
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    bob = await world.user("bob")
    await world.assign(bob)
    await world.db.write(directory.set_manager, bob, ada)
    world.proxy.taken()

    told = await explained(world, bob)

    asked = world.proxy.taken()
    assert not [each.query for each in asked if "new-" in each.path + each.query or "manager" in each.query]
    assert not {each.method for each in asked} & WRITING
    assert told.next is not None
    assert [each.method for each in told.next.requests] == ["POST", "PUT" if profile == "okta" else "PATCH"]
    assert told.next.requests[1].path == "/Users/(new-1)"
    await world.cycle()
    bobs = (await world.target.accounts())[upn("bob")]["id"]
    sent = [each.body for each in world.proxy.taken() if each.method in WRITING]
    for shown_body, sent_body in zip([each.body for each in told.next.requests], sent, strict=True):
        assert _comparable(shown_body) == orjson.loads(
            orjson.dumps(_comparable(sent_body)).replace(bobs.encode(), b"(new-1)")
        )


@pytest.mark.parametrize("profile", ["rfc", "okta"])
async def test_a_second_request_shows_what_the_first_has_changed(full_world: World, profile: str) -> None:
    """R2: a change of attributes and of the manager, word for word as the cycle sends them."""
    world = full_world
    await world.db.write(change_settings, world.job_id, {"request_profile": profile})
    ada, bob = await world.user("ada"), await world.user("bob")
    await world.assign(ada)
    await world.assign(bob)
    await world.cycle()
    await world.db.write(directory.set_manager, bob, ada)
    await world.db.write(directory.update_user, bob, {"givenName": "Robert"})
    world.proxy.taken()

    told = await explained(world, bob)

    world.proxy.taken()
    assert told.next is not None
    await world.cycle()
    sent = [_comparable(each.body) for each in world.proxy.taken() if each.method in WRITING]
    assert len(sent) == 2
    assert [_comparable(each.body) for each in told.next.requests] == sent


def _comparable(body: Any) -> Any:
    """A body without what only the service provider writes."""
    return {name: value for name, value in body.items() if name not in ("meta", "id", "groups")}


async def test_a_resource_put_back_whole_hides_what_a_mapping_hides(world: World) -> None:
    job = await world.db.read(read_job, world.job_id)
    document = orjson.loads(orjson.dumps(job.sync_schema))
    attributes = document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]
    hidden = next(each for each in attributes if each["targetAttributeName"] == "name.familyName")
    hidden["source"] = {
        "type": "Function", "name": "Redact", "expression": "Redact([surname])",
        "parameters": [{"key": "value", "value": {"type": "Attribute", "name": "surname", "expression": "[surname]"}}],
    }  # fmt: skip
    await world.db.write(change_schema, world.job_id, document)
    await world.db.write(change_settings, world.job_id, {"request_profile": "okta"})
    ada = await world.user("ada", surname="Secretname")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"givenName": "Augusta"})

    told = await explained(world, ada)

    assert told.next is not None
    assert told.next.requests[0].body["name"] == {"familyName": "[Redact]", "givenName": "Augusta"}
    assert "Secretname" not in orjson.dumps(plain(told)).decode()


async def test_a_manager_who_was_purged_is_not_counted_as_open(full_world: World) -> None:
    """R2: what is neither wanted nor in the application is as wanted."""
    world = full_world
    ada, bob = await world.user("ada"), await world.user("bob")
    await world.assign(ada)
    await world.assign(bob)
    await world.db.write(directory.set_manager, bob, ada)
    await world.cycle()
    before = await explained(world, bob)
    await world.db.write(directory.delete_user, ada)
    await world.db.write(directory.purge_user, ada)
    await world.cycle()

    told = await explained(world, bob)

    assert (before.references_present, before.references_open) == (1, 0)
    assert (told.references_present, told.references_open) == (0, 0)
    assert {each.state for each in told.references} <= {"absent"}
    assert "more" not in shown(told)


async def test_two_objects_that_match_are_named_in_the_headline(world: World) -> None:
    """M5: the application was asked, and what it answered is the problem."""
    ada = await world.user("ada")
    await world.assign(ada)
    urn = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
    twins = [{"id": each, "userName": upn("ada")} for each in ("1", "2")]

    async def twice(method: str, _path: str) -> web.Response | None:
        found = {"schemas": [urn], "totalResults": 2, "Resources": twins}
        return web.json_response(found) if method == "GET" else None

    world.proxy.interfere = twice
    told = await explained(world, ada)

    assert told.verdict.endswith("Nothing is sent: several objects in the application match it.")
    assert told.next is not None
    assert (told.next.problem, told.next.code) == (None, "DuplicateTargetEntries")
    assert "Nothing: 2 objects in the target match (1, 2). Remove or rename all but one." in shown(told)


async def test_a_mapping_that_does_not_create_is_named_in_the_headline(world: World) -> None:
    """A13."""
    job = await world.db.read(read_job, world.job_id)
    document = orjson.loads(orjson.dumps(job.sync_schema))
    for each in document["synchronizationRules"][0]["objectMappings"]:
        each["flowTypes"] = "Update, Delete"
    await world.db.write(change_schema, world.job_id, document)
    ada = await world.user("ada")
    await world.assign(ada)

    told = await explained(world, ada)

    assert told.verdict.endswith("Nothing is sent: the mapping does not create objects (rule A13).")


async def test_somebody_without_a_matching_value_is_named_in_the_headline(world: World) -> None:
    job = await world.db.read(read_job, world.job_id)
    document = orjson.loads(orjson.dumps(job.sync_schema))
    for each in document["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"]:
        each["matchingPriority"] = int(each["targetAttributeName"].startswith("phoneNumbers"))
    await world.db.write(change_schema, world.job_id, document)
    ada = await world.user("ada")
    await world.assign(ada)

    told = await explained(world, ada)

    assert told.verdict.endswith("Nothing is sent: no matching attribute has a value.")
    assert "Nothing: No matching attribute has a value" in shown(told)


async def test_the_values_of_somebody_not_provisioned_are_shown_when_asked_for(world: World) -> None:
    ada = await world.user("ada")

    told = await explained(world, ada)

    assert "Nothing is sent for somebody who is not provisioned" in shown(told)
    assert "userName =" not in shown(told)
    assert "userName = ada@example.com" in shown(told, verbose=True)
    assert {each.verdict for each in told.mappings} == {"nothing is sent for somebody who is not provisioned"}
