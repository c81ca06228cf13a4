"""The plan says what the next cycle then really does, object by object, and writes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from random import Random  # noqa: TID251 - seeded
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from rollcall import directory
from rollcall.db import Database, Tx
from rollcall.errors import Refusal
from rollcall.provisioning import JobSettings, PlannedCycle, change_settings, restart
from rollcall.runtime import Runtime
from tests.provisioning.agreement import assert_in_step
from tests.provisioning.proxy import WRITING, Proxy
from tests.provisioning.world import World, found_world, upn

_ACTIONS = ("create", "update", "disable", "delete")
_STAGED = ("stagedAction", "stagedDelete")


def planned_form(plan: PlannedCycle) -> dict[str, Any]:
    """A plan in a form that a cycle's log can be compared with."""
    return {
        "objects": {(each.key, each.action): _changes(each.changes) for each in plan.objects},
        "withheld": {each.key for each in plan.withheld},
        "skips": {(each.key, each.code) for each in plan.skips},
        "added": {(key, attribute): Counter(k.id for k in keys) for (key, attribute), keys in plan.added.items()},
        "removed": {(key, attribute): Counter(k.id for k in keys) for (key, attribute), keys in plan.removed.items()},
    }


def logged_form(records: list[dict[str, Any]]) -> dict[str, Any]:
    """The log of one cycle in the same form."""
    form: dict[str, Any] = {"objects": {}, "withheld": set(), "skips": set(), "added": {}, "removed": {}}
    for record in records:
        key = (record["kind"], record["source_id"])
        if any(step["provisioningStepType"] == "referenceResolution" for step in record["steps"]):
            assert record["status"] == "success", record
            for attribute, old, new in record["modified"]:
                where = form["removed" if new is None else "added"]
                where.setdefault((key, attribute), Counter())[_id_of(new or old)] += 1
        elif record["action"] in _ACTIONS:
            assert record["status"] == "success", record
            assert (key, record["action"]) not in form["objects"], "done twice in one cycle"
            form["objects"][key, record["action"]] = _changes(record["modified"])
        elif record["action"] in _STAGED:
            form["withheld"].add(key)
        elif record["code"] not in ("RedundantExport", "RedundantSoftDelete"):
            form["skips"].add((key, record["code"]))
    return form


def _id_of(referenced: Any) -> str:
    """The id of a reference's other end, which has its name beside it."""
    return str(referenced["value"] if isinstance(referenced, dict) else referenced)


def _changes(changes: Any) -> dict[str, tuple[Any, Any]]:
    return {path: (old, new) for path, old, new in changes}


async def assert_the_plan_comes_true(world: World) -> PlannedCycle:
    """Plan, run, compare; then there is nothing left to plan."""
    world.proxy.taken()
    before = await world.db.read(everything)
    plan = await world.plan()
    assert await world.db.read(everything) == before, "a plan writes nothing here"
    assert [each for each in world.proxy.taken() if each.method in WRITING] == [], "nor in the target"
    assert plan.problem is None
    result = await world.cycle()
    assert (result.problem, result.kind) == (None, plan.kind)
    cycle_id = (await world.db.read(_last_cycle, world.job_id))["id"]
    records = [record for record in await world.log() if record["cycle_id"] == cycle_id]
    assert planned_form(plan) == logged_form(records)
    wrote = [each for each in world.proxy.taken() if each.method in WRITING]
    assert bool(wrote) is not plan.is_empty
    left = await world.plan()
    assert left.is_empty, planned_form(left)
    assert (left.withheld, left.skips) == ([], [])
    return plan


async def _last_cycle(tx: Tx, job_id: UUID) -> dict[str, Any]:
    row = await tx.one("select id from provisioning.cycles where job_id = %s order by id desc limit 1", [job_id])
    assert row is not None
    return row


async def everything(tx: Tx) -> dict[str, Any]:
    """Each table of the provisioning room: how many rows, and a digest of what is in them."""
    found = {}
    for table in ("jobs", "cycles", "links", "object_references", "log"):
        found[table] = await tx.one(
            sql.SQL("select count(*), md5(string_agg(t::text, '|' order by t::text)) from provisioning.{} as t").format(
                sql.Identifier(table)
            )
        )
    return found


@pytest.mark.parametrize("template", ["tutorial", "scim"])
async def test_the_plan_of_an_initial_cycle_comes_true(
    database: Database, runtime: Runtime, proxy: Proxy, template: str
) -> None:
    world = await found_world(database, runtime, proxy, template=template)
    people = [await world.user(f"p{number}", mobilePhone=f"+1 {number}") for number in range(12)]
    blocked = await world.user("blocked", accountEnabled=False)
    await world.assign(blocked)
    for number, person in enumerate(people[1:]):
        await world.db.write(directory.set_manager, person, people[number // 2])
    await world.group("Red", people[:8])
    await world.group("Blue", people[4:10])
    await world.group("Empty")

    plan = await assert_the_plan_comes_true(world)

    assert (plan.kind, len(plan.objects)) == ("initial", 13)
    assert {each.action for each in plan.objects} == {"create"}
    assert [(skip.name, skip.code, "Sign-in is blocked" in skip.reason) for skip in plan.skips] == [
        (upn("blocked"), "NotEffectivelyEntitled", True)
    ]
    assert ("manager" in {attribute.rpartition(":")[2] for _, attribute in plan.added}) is (template == "scim")
    assert len(await world.target.accounts()) == 10


async def test_a_plan_shows_old_and_new_values_by_name(world: World) -> None:
    ada = await world.user("ada", mobilePhone="+1")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"mobilePhone": "+2", "givenName": "Ada"})

    plan = await assert_the_plan_comes_true(world)

    assert [(each.name, each.action) for each in plan.objects] == [(upn("ada"), "update")]
    assert {path: (old, new) for path, old, new in plan.objects[0].changes} == {
        "name.givenName": ("ada", "Ada"),
        'phoneNumbers[type eq "mobile"].value': ("+1", "+2"),
    }


async def test_a_plan_of_adopted_accounts_comes_true(world: World) -> None:
    await world.target.write(
        "POST",
        "Users",
        {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": upn("ada"), "active": False},
    )
    await world.assign(await world.user("ada"))
    await world.assign(await world.user("bob"))

    plan = await assert_the_plan_comes_true(world)

    assert {(each.name, each.action) for each in plan.objects} == {(upn("ada"), "update"), (upn("bob"), "create")}


async def test_what_the_guard_would_withhold_is_planned_as_withheld(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await found_world(database, runtime, proxy, settings=JobSettings(deletion_threshold=2))
    people = [await world.user(f"p{number}") for number in range(4)]
    for person in people:
        await world.assign(person)
    await world.cycle()
    for person in people[:2]:
        await world.db.write(directory.delete_user, person)

    plan = await assert_the_plan_comes_true(world)

    assert (len(plan.withheld), plan.objects) == (2, [])


async def test_what_an_earlier_cycle_held_back_is_planned_as_what_a_restart_sends(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    """P3, P4: under a threshold that is too low still it is named; under a higher one it comes true by a restart."""
    world = await found_world(database, runtime, proxy, settings=JobSettings(deletion_threshold=2))
    people = [await world.user(f"p{number}") for number in range(4)]
    for person in people:
        await world.assign(person)
    await world.cycle()
    for person in people[:2]:
        await world.db.write(directory.update_user, person, {"accountEnabled": False})
    assert (await world.cycle()).counts.withheld == 2

    low = await world.plan()
    await world.db.write(change_settings, world.job_id, {"deletion_threshold": 3})
    high = await world.plan()

    expected = {(upn("p0"), "disable"), (upn("p1"), "disable")}
    for plan in (low, high):
        assert (plan.objects, plan.withheld, plan.is_empty) == ([], [], True)
        assert {(each.name, each.action) for each in plan.held} == expected
        assert [each.changes for each in plan.held] == [(("active", True, False),)] * 2
    assert (low.held_sent, high.held_sent) == (False, True)
    assert (await world.cycle()).counts.disabled == 0, "a cycle without a restart sends nothing"

    await world.db.write(restart, world.job_id)
    assert (await world.cycle()).counts.disabled == 2
    assert (await world.plan()).held == []


async def test_who_came_back_is_planned_and_not_held_back_any_more(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    """P3: what the next cycle looks at anyway is not told as held back."""
    world = await found_world(database, runtime, proxy, settings=JobSettings(deletion_threshold=1))
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"accountEnabled": False})
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"accountEnabled": True})

    plan = await world.plan()

    assert (plan.held, plan.withheld, plan.objects, plan.in_step) == ([], [], [], 1)


async def test_a_plan_against_a_target_that_is_away_says_so(world: World, database: Database) -> None:
    for number in range(8):
        await world.assign(await world.user(f"p{number}"))
    world.proxy.origin = "http://127.0.0.1:1"

    plan = await world.plan()

    assert plan.problem is not None
    assert "502" in plan.problem


Move = Callable[[World, Random, list[UUID], list[UUID]], Awaitable[Any]]


async def _join(world: World, random: Random, people: list[UUID], groups: list[UUID]) -> None:
    person = await world.user(f"n{len(people)}")
    people.append(person)
    if random.random() < 0.7:
        await world.db.write(directory.add_member, random.choice(groups), person)


def _on_person(write: Any, *more: Callable[[Random, list[UUID]], Any]) -> Move:
    async def move(world: World, random: Random, people: list[UUID], groups: list[UUID]) -> None:
        person = random.choice(people)
        await world.db.write(write, person, *[each(random, people) for each in more])

    return move


def _on_tie(write: Any) -> Move:
    async def move(world: World, random: Random, people: list[UUID], groups: list[UUID]) -> None:
        await world.db.write(write, random.choice(groups), random.choice(people))

    return move


def _on_group(write: Any) -> Move:
    async def move(world: World, random: Random, people: list[UUID], groups: list[UUID]) -> None:
        await world.db.write(write, random.choice(groups))

    return move


def _on_assignment(write: Any) -> Move:
    async def move(world: World, random: Random, people: list[UUID], groups: list[UUID]) -> None:
        await world.db.write(write, world.application, random.choice(people + groups))

    return move


MOVES: list[Move] = [
    _join,
    _on_person(directory.update_user, lambda random, _: {"givenName": f"G{random.randrange(4)}"}),
    _on_person(directory.update_user, lambda random, _: {"mobilePhone": random.choice(["+1", "+2"])}),
    _on_person(directory.update_user, lambda random, _: {"accountEnabled": random.random() < 0.5}),
    _on_person(directory.update_user, lambda random, _: {"userPrincipalName": upn(f"r{random.randrange(10**6)}")}),
    _on_person(directory.set_manager, lambda random, people: random.choice([None, *people])),
    _on_person(directory.delete_user),
    _on_person(directory.restore_user),
    _on_person(directory.purge_user),
    _on_tie(directory.add_member),
    _on_tie(directory.add_member),
    _on_tie(directory.remove_member),
    _on_group(directory.delete_group),
    _on_group(directory.restore_group),
    _on_assignment(directory.assign),
    _on_assignment(directory.unassign),
]


async def _move_around(world: World, random: Random, people: list[UUID], groups: list[UUID], times: int) -> None:
    done = 0
    while done < times:
        try:
            await random.choice(MOVES)(world, random, people, groups)
        except Refusal:
            continue  # purged before, or restored without being deleted
        done += 1


@pytest.mark.parametrize("template", ["tutorial", "scim"])
@pytest.mark.parametrize("seed", range(6))
async def test_whatever_happens_in_the_directory_the_plan_comes_true(
    database: Database, runtime: Runtime, proxy: Proxy, template: str, seed: int
) -> None:
    random = Random(f"{template} {seed}")
    world = await found_world(database, runtime, proxy, template=template)
    people = [await world.user(f"p{number}") for number in range(8)]
    groups = [await world.group(f"G{number}", random.sample(people, 3), assigned=number != 3) for number in range(4)]
    for round_number in range(4):
        await _move_around(world, random, people, groups, 8)
        if round_number == 2:
            await world.db.write(restart, world.job_id)
        if round_number == 3:
            await world.db.write(change_settings, world.job_id, {"scope": "all"})
        await assert_the_plan_comes_true(world)
        if template == "tutorial":
            await assert_in_step(world, "all" if round_number == 3 else "assigned")
