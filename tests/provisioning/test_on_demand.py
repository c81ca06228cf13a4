"""Provision on demand against a real application: five steps told, and nobody else touched."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest
from aiohttp import web

from rollcall import directory
from rollcall.errors import Invalid, NotFound
from rollcall.provisioning import (
    Demanded,
    DemandReport,
    Key,
    choose_by_filter,
    decide,
    last_plan,
    provision_on_demand,
    set_state,
    to_graph,
)
from rollcall.provisioning.jobs import change_schema, change_settings, read_job
from tests.provisioning.agreement import assert_in_step
from tests.provisioning.world import World, upn

SCIM = "application/scim+json"


def user_key(user: UUID) -> Key:
    return Key("User", str(user))


async def demand(world: World, *keys: Key, members: list[Key] | None = None, dry_run: bool = False) -> Demanded:
    return await provision_on_demand(
        world.service, world.db.tenant, world.job_id, keys, members=members, dry_run=dry_run
    )


def steps(report: DemandReport) -> list[tuple[int, str]]:
    return [(step.number, step.status) for step in report.steps]


async def test_one_person_is_made_and_each_step_is_told(world: World) -> None:
    """O1, O2, O3, O4, O5, O8."""
    ada, bob = await world.user("ada", mobilePhone="+1 555 0100"), await world.user("bob")
    await world.group("Team", [ada, bob])

    (report,) = (await demand(world, user_key(ada))).reports

    assert set(await world.target.accounts()) == {upn("ada")}
    assert steps(report) == [(2, "success"), (3, "success"), (4, "success"), (5, "success")]
    read, scope, match, act = report.steps
    assert read.details["userPrincipalName"] == upn("ada")
    assert scope.details["Assigned to the application"] is True
    assert scope.details["Scope sync all"] is False
    assert match.details == {f"userName {upn('ada')}": []}
    assert act.name == "EntryExportAdd"
    assert (report.result, report.action) == ("success", "create")
    assert ("userName", None, upn("ada")) in report.modified
    assert report.target_id == (await world.target.accounts())[upn("ada")]["id"]
    (record,) = await world.log()
    assert str(record["id"]) == report.change_id


async def test_a_second_time_there_is_nothing_to_do(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)
    await demand(world, user_key(ada))
    before = len(world.proxy.written())

    (report,) = (await demand(world, user_key(ada))).reports

    assert (report.result, report.code) == ("skipped", "RedundantExport")
    assert len(world.proxy.written()) == before


async def test_an_update_tells_old_and_new_and_the_hits(world: World) -> None:
    """O4, O5: an account that was there already is shown with its properties."""
    await world.target.write(
        "POST", "Users", {"userName": upn("ada"), "name": {"givenName": "Old", "familyName": "Doe"}}
    )
    ada = await world.user("ada")
    await world.assign(ada)

    (report,) = (await demand(world, user_key(ada))).reports

    assert report.action == "update"
    assert ("name.givenName", "Old", "ada") in report.modified
    (hits,) = report.steps[2].details.values()
    assert [hit["name.givenName"] for hit in hits] == ["Old"]


async def test_a_dry_run_tells_the_same_and_writes_nothing(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)

    (rehearsed,) = (await demand(world, user_key(ada), dry_run=True)).reports
    written, logged = len(world.proxy.written()), len(await world.log())
    (report,) = (await demand(world, user_key(ada))).reports

    assert (written, logged) == (0, 0)
    assert rehearsed.dry_run
    assert (rehearsed.result, rehearsed.action, rehearsed.modified) == (report.result, report.action, report.modified)
    assert steps(rehearsed) == steps(report)


async def test_of_a_group_only_the_chosen_members_come(world: World) -> None:
    """O1: as many members as are named, and the others stay as they are."""
    people = {name: await world.user(name) for name in ("ada", "bob", "cem", "dea", "eve", "fay", "gil")}
    group = await world.group("Team", people.values())
    chosen = [user_key(people[name]) for name in ("ada", "bob", "cem", "dea", "eve", "fay")]

    demanded = await demand(world, Key("Group", str(group)), members=chosen)

    assert (await world.target.groups())["Team"] == {upn(name) for name in list(people)[:6]}
    assert set(await world.target.accounts()) == {upn(name) for name in list(people)[:6]}
    assert [report.name for report in demanded.reports][-1] == "Team"
    assert sum(path == "members" for path, _, _ in demanded.reports[-1].modified) == 6
    await world.cycle()
    await assert_in_step(world)


async def test_a_dry_run_for_chosen_members_tells_of_them_alone(world: World) -> None:
    ada, bob = await world.user("ada"), await world.user("bob")
    group = await world.group("Team", [ada, bob])

    demanded = await demand(world, Key("Group", str(group)), members=[user_key(ada)], dry_run=True)

    modified = demanded.reports[-1].modified
    assert [new["value"] for path, _, new in modified if path == "members"] == [str(ada)]
    assert not world.proxy.written()


async def test_who_left_is_disabled_though_a_guard_would_hold_a_cycle_back(world: World) -> None:
    """O6: somebody named is meant, whatever the deletion threshold says."""
    await world.db.write(change_settings, world.job_id, {"deletion_threshold": 1})
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"accountEnabled": False})

    (report,) = (await demand(world, user_key(ada))).reports

    assert (report.result, report.action) == ("success", "disable")
    assert (await world.target.accounts())[upn("ada")]["active"] is False


async def test_who_is_not_assigned_is_told_so(world: World) -> None:
    """O3."""
    (report,) = (await demand(world, user_key(await world.user("ada")))).reports

    assert (report.result, report.code) == ("skipped", "NotEffectivelyEntitled")
    assert report.steps[1].details["Assigned to the application"] is False
    assert not await world.target.accounts()


async def test_people_who_exchange_names_are_exchanged(world: World) -> None:
    ada, bob = await world.user("ada"), await world.user("bob")
    await world.group("Team", [ada, bob])
    await world.cycle()
    ids = {name: account["id"] for name, account in (await world.target.accounts()).items()}
    await world.db.write(directory.update_user, ada, {"userPrincipalName": upn("meanwhile")})
    await world.db.write(directory.update_user, bob, {"userPrincipalName": upn("ada")})
    await world.db.write(directory.update_user, ada, {"userPrincipalName": upn("bob")})

    await demand(world, user_key(ada), user_key(bob))

    accounts = await world.target.accounts()
    assert accounts[upn("bob")]["id"] == ids[upn("ada")]
    assert accounts[upn("ada")]["id"] == ids[upn("bob")]


async def test_a_connection_that_fails_is_the_only_step(world: World) -> None:
    """O2: the connection test is told when it fails."""

    async def refuse(_method: str, _path: str) -> web.Response:
        return web.Response(status=401)

    ada = await world.user("ada")
    await world.assign(ada)
    world.proxy.interfere = refuse

    (report,) = (await demand(world, user_key(ada))).reports

    assert steps(report) == [(1, "failure")]
    assert report.result == "failure"


async def test_what_the_application_refuses_is_told_with_what_was_tried(world: World) -> None:
    """O5."""

    async def refuse(method: str, _path: str) -> web.Response | None:
        return web.json_response({"detail": "No room."}, status=403) if method == "POST" else None

    ada = await world.user("ada")
    await world.assign(ada)
    world.proxy.interfere = refuse

    (report,) = (await demand(world, user_key(ada))).reports

    assert (report.result, report.steps[-1].status) == ("failure", "failure")
    assert ("userName", None, upn("ada")) in report.modified
    assert "No room." in report.reason


async def test_several_hits_are_all_shown_and_none_is_taken(world: World) -> None:
    """O4, M5: which of two accounts is meant, nobody can tell."""
    twins = [{"id": number, "userName": upn("ada"), "name": {"givenName": number}} for number in ("one", "two")]

    async def twice(method: str, path: str) -> web.Response | None:
        found = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"], "totalResults": 2}
        is_asked = method == "GET" and path.endswith("/Users") and tested.pop("once", None) is None
        return web.json_response({**found, "Resources": twins}, content_type=SCIM) if is_asked else None

    tested = {"once": True}  # the connection test goes through
    ada = await world.user("ada")
    await world.assign(ada)
    world.proxy.interfere = twice

    (report,) = (await demand(world, user_key(ada))).reports

    assert (report.result, report.code) == ("failure", "DuplicateTargetEntries")
    (hits,) = report.steps[2].details.values()
    assert isinstance(hits, list)
    assert [(hit["id"], hit["name.givenName"]) for hit in hits] == [("one", "one"), ("two", "two")]
    assert not world.proxy.written()


async def test_what_a_mapping_redacts_is_shown_in_no_step(world: World) -> None:
    """O2, O4, O5."""
    document = (await world.db.read(read_job, world.job_id)).sync_schema
    users = document["synchronizationRules"][0]["objectMappings"][0]
    for mapping in users["attributeMappings"]:
        if mapping["targetAttributeName"] == "name.familyName":
            mapping["source"] = {"type": "Function", "name": "Redact", "expression": "Redact([surname])"}
    await world.db.write(change_schema, world.job_id, document)
    ada = await world.user("ada", surname="Secretname")
    await world.assign(ada)

    (rehearsed,) = (await demand(world, user_key(ada), dry_run=True)).reports
    (report,) = (await demand(world, user_key(ada))).reports

    assert "Secretname" not in repr(rehearsed)
    assert "Secretname" not in repr(report)
    assert report.steps[0].details["surname"] == "[Redact]"
    assert (await world.target.accounts())[upn("ada")]["name"]["familyName"] == "Secretname"


async def test_what_a_guard_held_back_goes_when_it_is_named(world: World) -> None:
    """O6."""
    ada, bob = await world.user("ada"), await world.user("bob")
    await world.group("Team", [ada, bob])
    await world.cycle()
    await world.db.write(change_settings, world.job_id, {"deletion_threshold": 1})
    for person in (ada, bob):
        await world.db.write(directory.update_user, person, {"accountEnabled": False})
    await world.cycle()
    assert (await world.target.accounts())[upn("ada")]["active"] is True

    (report,) = (await demand(world, user_key(ada))).reports

    assert (report.result, report.action) == ("success", "disable")
    accounts = await world.target.accounts()
    assert (accounts[upn("ada")]["active"], accounts[upn("bob")]["active"]) == (False, True)


async def test_a_filter_chooses_among_people_and_refuses_what_it_does_not_know(world: World) -> None:
    ada, _ = await world.user("ada", department="Sales"), await world.user("bob", department="Law")

    chosen = await choose_by_filter(
        world.service, world.db.tenant, world.job_id, "User", 'department eq "sales" and givenName sw "a"'
    )

    assert chosen == [user_key(ada)]
    for text in ("department eq", 'departmint eq "Sales"', ""):
        with pytest.raises(Invalid, match="department"):
            await choose_by_filter(world.service, world.db.tenant, world.job_id, "User", text)
    with pytest.raises(NotFound, match="No user fits"):
        await choose_by_filter(world.service, world.db.tenant, world.job_id, "User", 'department eq "Zoo"')


async def test_what_makes_no_sense_is_refused(world: World) -> None:
    nobody = Key("User", str(world.service.runtime.new_id()))
    ada = user_key(await world.user("ada"))

    with pytest.raises(NotFound, match="Neither the source nor the job"):
        await demand(world, nobody)
    with pytest.raises(Invalid, match="no group"):
        await demand(world, ada, members=[ada])
    with pytest.raises(NotFound):
        await provision_on_demand(world.service, world.db.tenant, world.service.runtime.new_id(), [ada])


async def test_its_graph_form_is_a_pair_of_texts(world: World) -> None:
    """O9."""
    ada = await world.user("ada")
    await world.assign(ada)
    (report,) = (await demand(world, user_key(ada))).reports

    pair = to_graph(report, application={"id": "a", "displayName": "Workspaces"})

    assert json.loads(pair["key"]) == {"result": "Success", "details": {}}
    value = json.loads(pair["value"])
    assert value["action"] == "Create"
    assert value["reportableIdentifier"] == upn("ada")
    assert [(step["name"], step["type"], step["status"]) for step in value["provisioningSteps"]] == [
        ("EntryImport", "Import", "Success"),
        ("EntryImport", "Matching", "Success"),
        ("EntrySynchronizationScoping", "Scoping", "Success"),
        ("EntryExportAdd", "Export", "Success"),
    ]
    scoping = value["provisioningSteps"][2]["details"]
    assert (scoping["IsActive"], scoping["Assigned"], scoping["ScopeEvaluationResult"]) == ("True", "True", "{}")


async def test_somebody_is_brought_in_step_while_the_job_is_paused_and_it_stays_so(world: World) -> None:
    ada = await world.user("ada")
    await world.assign(ada)
    await world.db.write(set_state, world.job_id, "Active")
    await world.db.write(set_state, world.job_id, "Paused")

    (report,) = (await demand(world, user_key(ada))).reports

    assert report.result == "success"
    assert set(await world.target.accounts()) == {upn("ada")}
    assert (await world.db.read(read_job, world.job_id)).state == "Paused"


async def test_somebody_is_brought_in_step_in_quarantine_and_only_a_cycle_ends_that(world: World) -> None:
    """O6: a demand tries out whether the cause is mended."""

    async def refuse(_method: str, _path: str) -> web.Response:
        return web.Response(status=401)

    ada, bob = await world.user("ada"), await world.user("bob")
    await world.assign(ada)
    await world.assign(bob)
    passing, world.proxy.interfere = world.proxy.interfere, refuse
    await world.cycle()
    assert (await world.db.read(read_job, world.job_id)).quarantine is not None
    (refused,) = (await demand(world, user_key(ada))).reports
    world.proxy.interfere = passing

    (report,) = (await demand(world, user_key(ada))).reports

    assert (refused.result, report.result) == ("failure", "success")
    assert set(await world.target.accounts()) == {upn("ada")}
    assert (await world.db.read(read_job, world.job_id)).quarantine is not None
    await world.cycle()
    assert (await world.db.read(read_job, world.job_id)).quarantine is None
    await assert_in_step(world)


async def test_a_demand_waits_for_a_cycle_that_runs_and_nobody_is_made_twice(world: World) -> None:
    """O1: the answer comes after the cycle, and is about what the cycle left."""
    people = [await world.user(f"p{number}") for number in range(6)]
    for each in people:
        await world.assign(each)
    goes_on = asyncio.Event()

    async def hold(method: str, _path: str) -> None:
        if method == "POST":
            await goes_on.wait()

    world.proxy.interfere = hold
    cycle = asyncio.create_task(world.cycle())
    await world.proxy.until(lambda: bool(world.proxy.passed))
    demanded = asyncio.create_task(demand(world, user_key(people[0])))
    await asyncio.sleep(0.5)  # so that it has looked whether the cycle still runs
    assert not demanded.done()
    goes_on.set()

    assert (await cycle).counts.created == len(people)
    (report,) = (await demanded).reports
    assert (report.result, report.action) == ("skipped", "other")
    assert sum(each.method == "POST" for each in world.proxy.written()) == len(people)


async def test_who_is_named_needs_no_approval_and_the_plan_that_waits_is_made_anew(world: World) -> None:
    await world.db.write(change_settings, world.job_id, {"approval": "always"})
    ada, bob = await world.user("ada"), await world.user("bob")
    await world.assign(ada)
    await world.assign(bob)
    await world.cycle()
    plan = await world.db.read(last_plan, world.job_id)
    assert plan is not None

    (report,) = (await demand(world, user_key(ada))).reports
    await decide(world.service, world.db, plan.id, "approved", "Grace", "")
    after = await world.cycle()

    assert report.result == "success"
    assert after.problem is not None, "what was approved was for two"
    assert set(await world.target.accounts()) == {upn("ada")}
    newer = await world.db.read(last_plan, world.job_id)
    assert newer is not None
    assert (newer.state, newer.totals["create"]) == ("waiting", 1)
