"""Cycles against the workspaces half on a real port: initial, incremental, and what each sends."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from rollcall import directory
from rollcall.db import Database
from rollcall.provisioning import JobSettings, change_settings, recent_cycles, restart, standing
from rollcall.runtime import Runtime
from tests.provisioning.agreement import assert_in_step, wanted
from tests.provisioning.proxy import WRITING, Passed, Proxy, let_pass
from tests.provisioning.world import World, found_world, upn


def requests(passed: list[Passed]) -> list[tuple[str, str, int]]:
    """Method, endpoint and status of each exchange."""
    return [(each.method, each.kind, each.status) for each in passed]


async def small_company(world: World) -> dict[str, UUID]:
    """Ada is assigned by herself; Sales (Bob, Cem, blocked Eve) is; Staff (Bob, Dan) is not."""
    ada, bob, cem, dan = [await world.user(name, mobilePhone=f"+1 {name}") for name in ("ada", "bob", "cem", "dan")]
    eve = await world.user("eve", accountEnabled=False)
    await world.assign(ada)
    sales = await world.group("Sales", [bob, cem, eve])
    staff = await world.group("Staff", [bob, dan], assigned=False)
    return {"ada": ada, "bob": bob, "cem": cem, "dan": dan, "eve": eve, "Sales": sales, "Staff": staff}


@pytest.fixture
async def company(world: World) -> dict[str, UUID]:
    """The small company, provisioned."""
    ids = await small_company(world)
    result = await world.cycle()
    assert (result.kind, result.problem, result.counts.failed) == ("initial", None, 0)
    world.proxy.taken()
    return ids


async def test_an_initial_cycle_brings_who_is_assigned_and_nobody_else(world: World) -> None:
    """S1, S2, R1, G2."""
    ids = await small_company(world)

    result = await world.cycle()

    await assert_in_step(world)
    assert set(await world.target.accounts()) == {upn("ada"), upn("bob"), upn("cem")}
    assert await world.target.groups() == {"Sales": {upn("bob"), upn("cem")}}
    assert (result.kind, result.counts.created, result.counts.in_scope, result.counts.failed) == ("initial", 4, 4, 0)
    assert result.counts.references_added == 2
    assert result.counts.requests == len(world.proxy.passed)
    group = (await world.log(source=str(ids["Sales"])))[-1]
    assert group["action"] == "create"


async def test_scope_all_brings_everybody_and_going_back_disables_who_is_not_assigned(
    world: World, company: dict[str, UUID]
) -> None:
    await world.db.write(change_settings, world.job_id, {"scope": "all"})
    everybody = await world.cycle()
    await assert_in_step(world, "all")
    assert set(await world.target.groups()) == {"Sales", "Staff"}
    assert everybody.kind == "initial"

    await world.db.write(change_settings, world.job_id, {"scope": "assigned"})
    await world.cycle()

    await assert_in_step(world)
    accounts = await world.target.accounts()
    assert accounts[upn("dan")]["active"] is False
    assert set(await world.target.groups()) == {"Sales"}


async def test_a_cycle_with_nothing_to_do_sends_nothing(world: World, company: dict[str, UUID]) -> None:
    """Y2."""
    result = await world.cycle()

    assert (result.kind, result.counts.requests, result.counts.imported) == ("incremental", 0, 0)
    assert world.proxy.taken() == []


async def test_one_changed_person_costs_one_request(world: World, company: dict[str, UUID]) -> None:
    """Y7."""
    await world.db.write(directory.update_user, company["cem"], {"givenName": "Cém", "mobilePhone": "+90 5"})

    await world.cycle()

    sent = world.proxy.taken()
    assert requests(sent) == [("PATCH", "Users", 200)] or requests(sent) == [("PATCH", "Users", 204)]
    assert [(each["path"], each["value"]) for each in sent[0].body["Operations"]] == [
        ("name.givenName", "Cém"),
        ('phoneNumbers[type eq "mobile"].value', "+90 5"),
    ]
    await assert_in_step(world)


async def test_a_change_of_what_is_not_mapped_costs_no_request(world: World, company: dict[str, UUID]) -> None:
    await world.db.write(directory.update_user, company["cem"], {"jobTitle": "Head"})

    assert (await world.cycle()).counts.requests == 0


async def test_an_initial_cycle_of_many_costs_at_most_two_requests_a_person(world: World) -> None:
    people = [await world.user(f"p{number}") for number in range(60)]
    for number in range(5):
        await world.group(f"Team {number}", people[number::5])

    result = await world.cycle()

    await assert_in_step(world)
    of_users = [each for each in world.proxy.passed if each.kind == "Users"]
    assert len(of_users) <= 2 * len(people)
    assert len(world.proxy.passed) - len(of_users) <= 3 * 5
    created = [each.body["userName"] for each in of_users if each.method == "POST"]
    assert sorted(created) == sorted(upn(f"p{number}") for number in range(60))
    assert result.counts.requests == len(world.proxy.passed)


async def test_a_joiner_arrives_with_account_and_membership(world: World, company: dict[str, UUID]) -> None:
    fay = await world.user("fay")
    await world.db.write(directory.add_member, company["Sales"], fay)

    await world.cycle()

    await assert_in_step(world)
    writing = [each for each in world.proxy.taken() if each.method in WRITING]
    assert [(each.method, each.kind) for each in writing] == [("POST", "Users"), ("PATCH", "Groups")]


async def test_a_mover_changes_name_and_group(world: World, company: dict[str, UUID]) -> None:
    pilots = await world.group("Pilots", [company["ada"]])
    await world.cycle()
    before = (await world.target.accounts())[upn("bob")]["id"]
    world.proxy.taken()

    await world.db.write(
        directory.update_user, company["bob"], {"userPrincipalName": upn("robert"), "mobilePhone": None}
    )
    await world.db.write(directory.remove_member, company["Sales"], company["bob"])
    await world.db.write(directory.add_member, pilots, company["bob"])
    await world.cycle()

    accounts = await world.target.accounts()
    assert accounts[upn("robert")]["id"] == before
    assert await world.target.groups() == {"Sales": {upn("cem")}, "Pilots": {upn("ada"), upn("robert")}}
    assert sorted(requests(world.proxy.taken()))[0][0] == "PATCH"


async def _soft_delete(world: World, ids: dict[str, UUID]) -> str:
    await world.db.write(directory.delete_user, ids["ada"])
    return "ada"


async def _unassign(world: World, ids: dict[str, UUID]) -> str:
    await world.db.write(directory.unassign, world.application, ids["ada"])
    return "ada"


async def _block(world: World, ids: dict[str, UUID]) -> str:
    await world.db.write(directory.update_user, ids["ada"], {"accountEnabled": False})
    return "ada"


async def _leave_the_group(world: World, ids: dict[str, UUID]) -> str:
    await world.db.write(directory.remove_member, ids["Sales"], ids["cem"])
    return "cem"


@pytest.mark.parametrize(
    ("leave", "why"),
    [
        (_soft_delete, "deleted in the source"),
        (_unassign, "not assigned to the application"),
        (_block, "Sign-in is blocked"),
        (_leave_the_group, "not assigned to the application"),
    ],
)
async def test_who_leaves_keeps_a_disabled_account(
    world: World, company: dict[str, UUID], leave: Any, why: str
) -> None:
    """8 unassigned, 8 blocked, 8 soft-deleted."""
    name = await leave(world, company)

    result = await world.cycle()

    accounts = await world.target.accounts()
    assert accounts[upn(name)]["active"] is False
    assert sum(account["active"] for account in accounts.values()) == 2
    assert (result.counts.disabled, result.counts.deleted) == (1, 0)
    locking = world.proxy.taken()[0]
    assert (locking.method, locking.kind) == ("PATCH", "Users")
    assert locking.body["Operations"] == [{"op": "replace", "path": "active", "value": False}]
    disabled = (await world.log(source=str(company[name]), status="success"))[0]
    assert disabled["action"] == "disable"
    scoping = next(step for step in disabled["steps"] if step["provisioningStepType"] == "scoping")
    assert why in scoping["description"]
    assert (await world.cycle()).counts.requests == 0


async def test_who_is_restored_gets_the_account_back(world: World, company: dict[str, UUID]) -> None:
    """8 restored."""
    before = (await world.target.accounts())[upn("cem")]["id"]
    await world.db.write(directory.delete_user, company["cem"])
    await world.cycle()
    await world.db.write(directory.restore_user, company["cem"])

    await world.cycle()

    account = (await world.target.accounts())[upn("cem")]
    assert (account["id"], account["active"]) == (before, True)
    await assert_in_step(world)


async def test_who_is_purged_is_deleted_and_then_unknown_to_the_target(world: World, company: dict[str, UUID]) -> None:
    """8 purged."""
    target_id = (await world.target.accounts())[upn("ada")]["id"]
    await world.db.write(directory.delete_user, company["ada"])
    await world.cycle()
    world.proxy.taken()

    await world.db.write(directory.purge_user, company["ada"])
    result = await world.cycle()

    sent = world.proxy.taken()
    assert [(each.method, each.path.rpartition("/")[2], each.status) for each in sent] == [("DELETE", target_id, 204)]
    assert result.counts.deleted == 1
    assert upn("ada") not in await world.target.accounts()
    with pytest.raises(AssertionError, match="404"):
        await world.target.write("DELETE", f"Users/{target_id}")


async def test_purging_who_is_gone_from_the_target_already_is_a_success(world: World, company: dict[str, UUID]) -> None:
    target_id = (await world.target.accounts())[upn("ada")]["id"]
    await world.target.write("DELETE", f"Users/{target_id}")
    await world.db.write(directory.purge_user, company["ada"])

    result = await world.cycle()

    assert requests(world.proxy.taken()) == [("DELETE", "Users", 404)]
    assert (result.counts.deleted, result.counts.failed) == (1, 0)


@pytest.mark.parametrize("how", ["unassigned", "deleted", "purged"])
async def test_a_group_that_leaves_is_deleted_and_its_people_lose_what_it_gave(
    world: World, company: dict[str, UUID], how: str
) -> None:
    """8 group."""
    if how == "unassigned":
        await world.db.write(directory.unassign, world.application, company["Sales"])
    elif how == "deleted":
        await world.db.write(directory.delete_group, company["Sales"])
    else:
        await world.db.write(directory.purge_group, company["Sales"])

    await world.cycle()

    assert await world.target.groups() == {}
    assert [each.status for each in world.proxy.taken() if (each.method, each.kind) == ("DELETE", "Groups")] == [204]
    accounts = await world.target.accounts()
    assert {name for name, account in accounts.items() if account["active"]} == {upn("ada")}


async def test_a_group_that_comes_back_has_its_members_again(world: World, company: dict[str, UUID]) -> None:
    await world.db.write(directory.delete_group, company["Sales"])
    await world.cycle()
    await world.db.write(directory.restore_group, company["Sales"])

    await world.cycle()

    await assert_in_step(world)
    assert await world.target.groups() == {"Sales": {upn("bob"), upn("cem")}}


async def test_members_come_and_go_without_the_list_being_sent_again(world: World, company: dict[str, UUID]) -> None:
    """R5: members are written by their changes, and never read back."""
    await world.db.write(directory.add_member, company["Sales"], company["ada"])
    await world.cycle()
    added = world.proxy.taken()
    await world.db.write(directory.remove_member, company["Sales"], company["ada"])
    await world.cycle()
    removed = world.proxy.taken()

    assert [(each.method, each.kind) for each in added + removed] == [("PATCH", "Groups"), ("PATCH", "Groups")]
    assert [operation["op"] for each in added + removed for operation in each.body["Operations"]] == ["add", "remove"]
    assert len(added[0].body["Operations"][0]["value"]) == 1
    await assert_in_step(world)


async def test_managers_are_set_changed_and_cleared(full_world: World) -> None:
    world = full_world
    boss, chief, clerk = [await world.user(name) for name in ("boss", "chief", "clerk")]
    await world.group("All", [boss, chief, clerk])
    seen: list[str | None] = []
    for manager in (None, boss, chief, None, chief):
        await world.db.write(directory.set_manager, clerk, manager)
        result = await world.cycle()
        assert result.counts.failed == result.counts.references_failed == 0
        seen.append(await _manager_of(world, "clerk"))

    assert seen == [None, upn("boss"), upn("chief"), None, upn("chief")]
    world.proxy.taken()
    await world.db.write(directory.set_manager, clerk, boss)
    await world.cycle()
    assert [(each.method, each.kind) for each in world.proxy.taken()] == [("PATCH", "Users")]
    assert await _manager_of(world, "boss") is None


async def _manager_of(world: World, name: str) -> str | None:
    accounts = await world.target.accounts()
    extension = accounts[upn(name)].get("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", {})
    manager = extension.get("manager", {}).get("value")
    names = {account["id"]: user_name for user_name, account in accounts.items()}
    return None if manager is None else names[manager]


async def test_who_comes_before_the_manager_gets_the_manager_when_the_manager_comes(full_world: World) -> None:
    world = full_world
    boss, clerk = await world.user("boss"), await world.user("clerk")
    await world.db.write(directory.set_manager, clerk, boss)
    await world.assign(clerk)
    await world.cycle()
    assert await _manager_of(world, "clerk") is None

    await world.assign(boss)
    await world.cycle()

    assert await _manager_of(world, "clerk") == upn("boss")


async def test_accounts_that_were_there_before_are_adopted_not_doubled(world: World) -> None:
    """M12."""
    made = await world.target.write(
        "POST",
        "Users",
        {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
            "userName": "BOB@example.com",
            "active": True,
            "name": {"givenName": "Old", "familyName": "Doe"},
        },
    )
    kept = await world.target.write(
        "POST", "Groups", {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales"}
    )
    await small_company(world)

    result = await world.cycle()

    await assert_in_step_but_case(world)
    posted = [
        each.body.get("userName", each.body.get("displayName")) for each in world.proxy.passed if each.method == "POST"
    ]
    assert sorted(posted) == [upn("ada"), upn("cem")]
    assert (result.counts.created, result.counts.updated) == (2, 2)
    accounts = {name.casefold(): account for name, account in (await world.target.accounts()).items()}
    assert accounts[upn("bob")]["id"] == made["id"]
    records = await world.log(source=upn("bob"))
    assert [record["action"] for record in records] == ["update"]
    assert records[0]["target_id"] == made["id"]
    assert ["name.givenName", "Old", "bob"] in records[0]["modified"]
    matching = next(step for step in records[0]["steps"] if step["provisioningStepType"] == "matching")
    assert matching["description"] == f"Object {made['id']} in the target matches."
    assert kept["id"] in {record["target_id"] for record in await world.log(source="Sales")}


async def assert_in_step_but_case(world: World) -> None:
    """People, however their userName is spelt."""
    accounts = {name.casefold() for name, account in (await world.target.accounts()).items() if account["active"]}
    assert accounts == {name.casefold() for name in (await wanted(world)).people}
    groups = await world.target.groups()
    assert {name: {each.casefold() for each in members} for name, members in groups.items()} == {
        "Sales": {upn("bob"), upn("cem")}
    }


async def test_several_matches_in_the_target_are_reported_and_none_is_touched(world: World) -> None:
    """M5."""

    async def two_of_each_group(method: str, path: str) -> web.Response | None:
        if method == "GET" and path.endswith("/Groups"):
            twins = [{"id": each, "displayName": "Sales"} for each in ("g1", "g2")]
            return web.json_response({"totalResults": 2, "Resources": twins})
        return None

    world.proxy.interfere = two_of_each_group
    await small_company(world)

    result = await world.cycle()

    assert result.counts.failed == 1
    failure = (await world.log(source="Sales", status="failure"))[0]
    assert failure["code"] == "DuplicateTargetEntries"
    assert "2 objects in the target match (g1, g2)" in failure["reason"]
    assert "tried again after" in failure["reason"]
    assert [each for each in world.proxy.passed if each.kind == "Groups" and each.method in WRITING] == []
    assert (await world.db.read(standing, world.job_id)).escrowed == 1


async def test_too_many_removals_are_withheld_until_the_job_is_restarted(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    """P1, P2, P3, 10 empty."""
    world = await found_world(database, runtime, proxy, settings=JobSettings(deletion_threshold=3))
    people = [await world.user(f"p{number}") for number in range(5)]
    group = await world.group("Team", people)
    await world.cycle()
    proxy.taken()

    for person in people[:3]:
        await world.db.write(directory.remove_member, group, person)
    held = await world.cycle()

    assert (held.held, held.counts.withheld, held.counts.disabled) == (True, 3, 0)
    assert [each for each in proxy.taken() if each.kind == "Users"] == []
    assert all(account["active"] for account in (await world.target.accounts()).values())
    records = await world.log(status="warning")
    assert [record["action"] for record in records] == ["stagedAction"] * 3
    assert "deletion threshold" in records[0]["reason"]
    assert (await world.db.read(standing, world.job_id)).withheld == 3
    assert (await world.cycle()).counts.withheld == 0, "what is withheld is not counted again"

    await world.db.write(change_settings, world.job_id, {"deletion_threshold": None, "deletion_percent": None})
    await world.db.write(restart, world.job_id)
    released = await world.cycle()
    assert (released.held, released.counts.disabled) == (False, 3)
    await assert_in_step(world)


async def test_fewer_removals_than_the_threshold_pass(database: Database, runtime: Runtime, proxy: Proxy) -> None:
    """P5."""
    world = await found_world(database, runtime, proxy, settings=JobSettings(deletion_threshold=3))
    people = [await world.user(f"p{number}") for number in range(5)]
    group = await world.group("Team", people)
    await world.cycle()
    for person in people[:2]:
        await world.db.write(directory.remove_member, group, person)

    assert (await world.cycle()).counts.disabled == 2


async def test_a_target_that_asks_to_come_back_later_gets_everything_later(world: World) -> None:
    """C9."""
    await small_company(world)
    turned_away = 0

    async def slow_down(method: str, _path: str) -> web.Response | None:
        nonlocal turned_away
        if method == "POST" and turned_away < 2:
            turned_away += 1
            return web.json_response({"detail": "slow down", "status": "429"}, status=429, headers={"Retry-After": "1"})
        return None

    world.proxy.interfere = slow_down
    result = await world.cycle()

    assert turned_away == 2
    assert (result.problem, result.counts.failed, result.counts.created) == (None, 0, 4)
    assert [each.status for each in world.proxy.passed if each.method == "POST"].count(201) == 4
    await assert_in_step(world)


async def test_a_revoked_token_stops_the_cycle_and_the_next_one_goes_on(world: World) -> None:
    await small_company(world)

    async def refuse(_method: str, _path: str) -> web.Response | None:
        return web.json_response({"detail": "no", "status": "401"}, status=401)

    world.proxy.interfere = refuse
    stopped = await world.cycle()
    assert stopped.problem is not None
    assert stopped.problem.code == "Unauthorized"
    assert (await world.db.read(recent_cycles, world.job_id))[0].problem is not None
    world.proxy.interfere = let_pass

    result = await world.cycle()

    assert (result.kind, result.counts.created) == ("initial", 4)
    await assert_in_step(world)


def steps_of(record: dict[str, Any]) -> dict[str, str]:
    """The steps of a log record: name and description, in their order."""
    return {step["name"]: step["description"] for step in record["steps"]}


async def test_each_object_and_operation_has_a_record_with_its_steps_and_values(
    world: World, company: dict[str, UUID]
) -> None:
    """O5."""
    target_id = (await world.target.accounts())[upn("cem")]["id"]
    created = (await world.log(source=upn("cem")))[0]
    assert (created["action"], created["status"], created["kind"]) == ("create", "success", "User")
    assert ["userName", None, upn("cem")] in created["modified"]
    assert steps_of(created) == {
        "EntryImportAdd": f"User {upn('cem')} was read from the source.",
        "EntryImport": "No object in the target matches.",
        "EntrySynchronizationScoping": "Assigned group Sales.",
        "EntrySynchronizationAdd": "It has to be made in the target.",
        "EntryExportAdd": "The create was carried out.",
    }

    await world.db.write(directory.update_user, company["cem"], {"surname": "Öz"})
    await world.cycle()

    updated = (await world.log(source=str(company["cem"])))[0]
    assert (updated["action"], updated["target_id"], updated["code"]) == ("update", target_id, "")
    assert updated["modified"] == [["name.familyName", "Doe", "Öz"]]
    assert steps_of(updated)["EntryImport"] == f"Object {target_id} in the target was linked before."
    assert list(steps_of(updated)) == [
        "EntryImportUpdate",
        "EntryImport",
        "EntrySynchronizationScoping",
        "EntrySynchronizationUpdate",
        "EntryExportUpdate",
    ]
    assert updated["duration_milliseconds"] >= 0
    assert updated["cycle_id"] == (await world.db.read(recent_cycles, world.job_id))[0].id


async def test_skips_say_why_in_words(world: World, company: dict[str, UUID]) -> None:
    await world.db.write(restart, world.job_id)
    await world.cycle()

    skipped = {record["name"]: record for record in await world.log(status="skipped")}
    assert (skipped[upn("eve")]["code"], skipped[upn("eve")]["reason"]) == (
        "NotEffectivelyEntitled",
        "Sign-in is blocked for this user (accountEnabled is false).",
    )
    assert (skipped[upn("bob")]["code"], skipped[upn("bob")]["reason"]) == (
        "RedundantExport",
        "Source and target agree.",
    )
    # Dan was never assigned; saying so in each cycle would bury what matters.
    assert upn("dan") not in skipped
    assert list(steps_of(skipped[upn("bob")])) == [
        "EntryImportUpdate",
        "EntryImport",
        "EntrySynchronizationScoping",
        "EntrySynchronizationSkip",
    ]


async def test_members_in_the_log_are_told_one_by_one(world: World, company: dict[str, UUID]) -> None:
    await world.db.write(directory.remove_member, company["Sales"], company["bob"])
    await world.cycle()

    record = (await world.log(source=str(company["Sales"])))[0]
    assert record["modified"] == [["members", {"value": str(company["bob"]), "display": upn("bob")}, None]]
    assert steps_of(record) == {"EntryExportUpdate": "0 added to and 1 removed from members."}


async def test_a_soft_deleted_person_stays_a_member_with_a_disabled_account(
    world: World, company: dict[str, UUID]
) -> None:
    # The directory keeps the membership for 30 days, so that who is restored belongs where they belonged.
    await world.db.write(directory.delete_user, company["bob"])
    await world.cycle()

    assert upn("bob") in (await world.target.groups())["Sales"]
    assert (await world.target.accounts())[upn("bob")]["active"] is False


async def test_a_setting_that_decides_about_people_counts_for_everybody(world: World) -> None:
    """D7, D2: who was left as they are is disabled, or deleted, once the job no longer leaves or disables them."""
    ada, bob = await world.user("ada"), await world.user("bob")
    for each in (ada, bob):
        await world.assign(each)
    await world.cycle()
    await world.db.write(change_settings, world.job_id, {"skip_out_of_scope_deletions": True})
    await world.db.write(directory.unassign, world.application, ada)
    await world.cycle()
    left_alone = (await world.target.accounts())[upn("ada")]["active"]

    await world.db.write(change_settings, world.job_id, {"skip_out_of_scope_deletions": False})
    await world.cycle()
    disabled = (await world.target.accounts())[upn("ada")]["active"]
    await world.db.write(change_settings, world.job_id, {"soft_delete": False})
    await world.cycle()

    assert (left_alone, disabled) == (True, False)
    assert set(await world.target.accounts()) == {upn("bob")}
