"""What is applied is exactly what was planned, or nothing; what needs an approval waits for it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from rollcall import directory
from rollcall.crypto import Sealer
from rollcall.db import Database, Tx
from rollcall.errors import Conflict, Denied, Invalid, NotFound
from rollcall.provisioning import (
    Compressed,
    CycleResult,
    JobSettings,
    Key,
    PlanHead,
    Service,
    StoredPlan,
    apply_plan,
    change_schema,
    change_settings,
    decide,
    last_plan,
    list_plans,
    objects_of,
    plan_document,
    plan_lines,
    plan_page,
    plan_pieces,
    plan_whole,
    planned_of,
    provision_on_demand,
    prune_history,
    read_job,
    read_plan,
    read_plan_row,
    restart,
)
from rollcall.provisioning.defaults import IS_ACTIVE, computed, direct, schema_document
from rollcall.provisioning.job_states import has_force_deletes
from rollcall.provisioning.plans import keep_plan
from rollcall.provisioning.service import run_seen
from rollcall.runtime import Runtime, SystemRuntime, uuid7
from tests.provisioning.proxy import WRITING, Proxy, let_pass
from tests.provisioning.world import World, found_world, upn


async def kept(world: World) -> str:
    """A plan of now, as a file holds it."""
    planned = await world.plan()
    assert planned.given is not None
    head = PlanHead(planned.given.now, world.db.tenant, world.job_id, "Example")
    return b"".join(plan_lines(world.service, planned, head)).decode()


async def applied(world: World, text: str) -> CycleResult:
    stream = StringIO(text)
    read = read_plan(world.service, stream)
    return await apply_plan(world.service, world.db.tenant, world.job_id, read, lambda keys: objects_of(stream, keys))


async def people(world: World, *names: str) -> list[Any]:
    made = [await world.user(name) for name in names]
    for each in made:
        await world.assign(each)
    return made


def writes(world: World) -> list[Any]:
    return [each for each in world.proxy.taken() if each.method in WRITING]


async def test_a_kept_plan_is_applied_and_then_nothing_is_left(world: World) -> None:
    await people(world, "ada", "bob")
    await world.group("Red", [(await people(world, "cem"))[0]])
    text = await kept(world)
    document = json.loads(text)
    world.proxy.taken()

    result = await applied(world, text)

    assert (result.problem, result.counts.created, result.counts.references_added) == (None, 4, 1)
    assert document["totals"]["create"] == 4
    assert set(await world.target.accounts()) == {upn(name) for name in ("ada", "bob", "cem")}
    left = await world.plan()
    assert left.is_empty
    with pytest.raises(Conflict) as refused:
        await applied(world, text)
    assert refused.value.code == "plan_moved"
    assert any(line.startswith("not to be done any more: create User ada") for line in refused.value.details)


async def test_what_moved_since_is_shown_and_nothing_is_done(world: World) -> None:
    ada, bob = await people(world, "ada", "bob")
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"givenName": "Augusta"})
    await world.db.write(directory.update_user, bob, {"accountEnabled": False})
    text = await kept(world)
    await world.db.write(directory.update_user, ada, {"givenName": "Ada"})
    await world.db.write(directory.update_user, bob, {"accountEnabled": True})
    await people(world, "eve")
    world.proxy.taken()

    with pytest.raises(Conflict) as refused:
        await applied(world, text)

    assert writes(world) == []
    assert refused.value.code == "plan_moved"
    assert set(refused.value.details) == {
        f"new: create User {upn('eve')}",
        f'update User {upn("ada")}: name.givenName: planned "ada" → "Augusta", now "ada" → "Ada"',
        f"not to be done any more: disable User {upn('bob')}",
    }


def other_version(text: str) -> str:
    return text.replace('"version": 1', '"version": 2')


def edited(text: str) -> str:
    return text.replace("Doe", "Roe", 1)


def without_one(text: str) -> str:
    document = json.loads(text)
    del document["objects"][0]
    return json.dumps(document)


def with_more(text: str) -> str:
    document = json.loads(text)
    document["objects"].append({**document["objects"][0], "id": "x"})
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_version, "version 2; this Rollcall reads version 1"),
        (edited, "changed after it was made"),
        (without_one, "changed after it was made"),
        (with_more, "changed after it was made"),
        (lambda text: text[: len(text) // 2], "broken off"),
        (lambda text: text + "{}", "broken off"),
        (lambda _: "", "It is no plan"),
        (lambda _: "[]", "It is no plan"),
        (lambda _: "{}", "It is no plan"),
        (lambda _: '{"format": "other"}', "It is no plan"),
        (lambda _: "people,names\n", "It is no plan"),
    ],
)
async def test_a_file_that_is_not_as_it_was_written_is_refused(
    world: World, change: Callable[[str], str], said: str
) -> None:
    await people(world, "ada")
    text = change(await kept(world))

    with pytest.raises(Invalid, match=r"Make|make") as refused:
        await applied(world, text)

    assert said in refused.value.message
    assert await world.target.accounts() == {}


async def test_a_plan_laid_out_otherwise_is_the_same_plan(world: World) -> None:
    await people(world, "ada")
    text = json.dumps(json.loads(await kept(world)), indent=3)

    assert (await applied(world, text)).counts.created == 1


async def test_a_plan_of_another_job_tenant_or_installation_is_refused(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    one, other = [await found_world(database, runtime, proxy) for _ in range(2)]
    await people(one, "ada")
    text = await kept(one)
    elsewhere = Service(database, runtime, Sealer(b"1" * 32))

    with pytest.raises(Invalid, match="can be applied to its own job only"):
        await applied(other, text)
    with pytest.raises(Invalid, match="another installation"):
        read_plan(elsewhere, StringIO(text))


async def test_a_document_is_the_plan_again(full_world: World) -> None:
    world = full_world
    (ada, bob) = await people(world, "ada", "bob")
    await world.db.write(directory.set_manager, bob, ada)
    await world.group("Red", [ada])
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"accountEnabled": False})
    await world.db.write(directory.update_user, bob, {"givenName": "<b>Ada & Co</b>"})
    await world.db.write(directory.set_manager, bob, None)
    planned = await world.plan()
    assert planned.given is not None
    head = PlanHead(planned.given.now, world.db.tenant, world.job_id, "<Example>")

    text = b"".join(plan_lines(world.service, planned, head)).decode()
    again = planned_of(plan_whole(StringIO(text)))
    page = "".join(plan_page(world.service, planned, head))

    assert json.loads(text) == plan_document(world.service, planned, head)
    assert (again.objects, again.added, again.removed, again.skips) == (
        planned.objects,
        planned.added,
        planned.removed,
        planned.skips,
    )
    assert "<b>Ada" not in page
    assert "&lt;b&gt;Ada &amp; Co&lt;/b&gt;" in page
    assert [each for each in ("http:", "https:", "src=") if each in page] == []


async def waiting(world: World) -> StoredPlan:
    plan = await world.db.read(last_plan, world.job_id)
    assert plan is not None
    return plan


async def told(tx: Tx) -> int:
    row = await tx.one("select count(*) as number from provisioning.notices where kind = 'approval'")
    assert row is not None
    return int(row["number"])


async def demanding(database: Database, runtime: Runtime, proxy: Proxy, **settings: Any) -> World:
    return await found_world(database, runtime, proxy, settings=JobSettings(**settings))


async def test_a_plan_waits_is_approved_and_carried_out(database: Database, runtime: Runtime, proxy: Proxy) -> None:
    world = await demanding(database, runtime, proxy, approval="always")
    await people(world, "ada")

    first, second = await world.cycle(), await world.cycle()

    assert first.problem is not None
    assert first.problem.code == "PlanAwaitsApproval"
    assert second.problem == first.problem, "the same plan waits"
    assert (await world.target.accounts(), await world.db.read(told)) == ({}, 1)
    plan = await waiting(world)
    document = plan_whole(Compressed(await world.db.read(plan_pieces, plan.id)))
    assert [each["name"] for each in document["objects"]] == [upn("ada")]

    await decide(world.service, world.db, plan.id, "approved", "Grace", "checked")
    result = await world.cycle()

    assert (result.problem, result.counts.created) == (None, 1)
    plan = await waiting(world)
    assert (plan.state, plan.decided_by, plan.comment, plan.began is not None) == ("applied", "Grace", "checked", True)
    assert (await world.cycle()).problem is None, "with nothing to do cycles go on"
    with pytest.raises(Conflict, match="is applied already"):
        await decide(world.service, world.db, plan.id, "rejected", "Grace", "")
    with pytest.raises(NotFound):
        await decide(world.service, world.db, world.job_id, "approved", "Grace", "")
    with pytest.raises(Invalid, match="--by"):
        await decide(world.service, world.db, plan.id, "approved", " ", "")


async def test_what_moved_since_the_approval_waits_anew(database: Database, runtime: Runtime, proxy: Proxy) -> None:
    world = await demanding(database, runtime, proxy, approval="always")
    await people(world, "ada")
    await world.cycle()
    plan = await waiting(world)
    await decide(world.service, world.db, plan.id, "approved", "Grace", "")
    await people(world, "eve")

    result = await world.cycle()

    assert result.problem is not None
    assert await world.target.accounts() == {}
    assert [each.state for each in await world.db.read(list_plans, world.job_id)] == ["waiting", "superseded"]
    assert (await waiting(world)).totals["create"] == 2


async def test_a_newer_plan_takes_the_place_of_one_that_waits_and_nobody_is_told_again(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await demanding(database, runtime, proxy, approval="over", approval_over=1)
    await people(world, "ada")
    assert (await world.cycle()).counts.created == 1, "one is not over one"
    await people(world, "bob", "cem")
    await world.cycle()
    await people(world, "dea")
    await world.cycle()

    states = [(each.state, each.totals["create"]) for each in await world.db.read(list_plans, world.job_id)]
    assert states == [("waiting", 3), ("superseded", 2)]
    assert await world.db.read(told) == 1
    assert len(await world.target.accounts()) == 1


async def test_a_rejected_plan_is_not_sent_until_something_moves(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await demanding(database, runtime, proxy, approval="removals")
    ada, _ = await people(world, "ada", "bob")
    assert (await world.cycle()).counts.created == 2, "nothing is removed, so nobody is asked"
    await world.db.write(directory.update_user, ada, {"accountEnabled": False})
    await world.cycle()
    await decide(world.service, world.db, (await waiting(world)).id, "rejected", "Grace", "wrong")
    again = await world.cycle()

    assert again.problem is not None
    assert "Grace rejected" in again.problem.reason
    await world.db.write(directory.update_user, ada, {"accountEnabled": True})
    assert (await world.cycle()).problem is None
    assert [each.state for each in await world.db.read(list_plans, world.job_id)] == ["rejected"]
    assert [each["active"] for each in (await world.target.accounts()).values()] == [True, True]


async def test_a_plan_expires(database: Database, runtime: Runtime, proxy: Proxy) -> None:
    world = await demanding(database, runtime, proxy, approval="always", approval_expires_hours=1)
    await people(world, "ada")
    await world.cycle()
    plan = await waiting(world)
    assert plan.expires - plan.made == timedelta(hours=1)
    await world.db.write(_make_older, plan)

    with pytest.raises(Conflict, match="has expired"):
        await decide(world.service, world.db, plan.id, "approved", "Grace", "")
    await world.cycle()

    assert [each.state for each in await world.db.read(list_plans, world.job_id)] == ["waiting", "expired"]
    assert await world.db.read(told) == 2, "a new plan is a new matter to decide"


async def _make_older(tx: Tx, plan: StoredPlan) -> None:
    await tx.run("update provisioning.plans set expires = made where id = %s", [plan.id])


async def test_a_file_is_no_way_around_an_approval(world: World) -> None:
    await people(world, "ada")
    text = await kept(world)
    await world.db.write(change_settings, world.job_id, {"approval": "always"})

    with pytest.raises(Denied, match="approval=always"):
        await applied(world, text)


@pytest.mark.parametrize(("begun", "state"), [(True, "applied"), (False, "superseded")])
async def test_what_was_cut_off_goes_on_with_the_rest_of_what_was_approved(
    database: Database, runtime: Runtime, proxy: Proxy, begun: bool, state: str
) -> None:
    world = await demanding(database, runtime, proxy, approval="always")
    ada, *_ = await people(world, "ada", "bob", "cem")
    await world.cycle()
    plan = await waiting(world)
    await decide(world.service, world.db, plan.id, "approved", "Grace", "")
    # As after a crash: that it began is noted, and one of three people is there already.
    await provision_on_demand(world.service, world.db.tenant, world.job_id, [Key("User", str(ada))])
    if begun:
        await world.db.write(_note_begun, plan)

    result = await world.cycle()

    assert (await world.db.read(read_plan_row, plan.id)).state == state
    assert (result.problem is None) is begun
    assert len(await world.target.accounts()) == (3 if begun else 1)


async def _note_begun(tx: Tx, plan: StoredPlan) -> None:
    await tx.run("update provisioning.plans set began = made where id = %s", [plan.id])


async def test_a_cycle_that_stops_because_something_moved_leaves_forced_deletes_for_the_next(world: World) -> None:
    """10 ForceDeletes: what was asked for and not sent is not used up."""
    leavers = await people(world, "ada", "bob")
    await world.cycle()
    settings = {"deletion_threshold": 1, "page_size": 1, "concurrency": 1}
    await world.db.write(change_settings, world.job_id, settings)
    for each in leavers:
        await world.db.write(directory.update_user, each, {"accountEnabled": False})
    await world.cycle()
    await world.db.write(restart, world.job_id, {"ForceDeletes"})
    text = await kept(world)
    renamed: list[str] = []

    async def moves(method: str, path: str) -> None:
        if method in WRITING and not renamed:
            renamed.append(path)
            for each in leavers:
                await world.db.write(directory.update_user, each, {"userPrincipalName": f"new-{each}@example.com"})

    world.proxy.interfere = moves
    stopped = await applied(world, text)
    assert stopped.problem is not None
    assert stopped.problem.code == "PlanMoved"
    assert sorted(each["active"] for each in (await world.target.accounts()).values()) == [False, True]
    assert await world.db.read(has_force_deletes, world.job_id)

    assert (await world.cycle()).problem is None

    assert [each["active"] for each in (await world.target.accounts()).values()] == [False, False]


# ── plans of chance and time, and decisions made meanwhile ─────────────────────────────────────


@dataclass
class Clock(SystemRuntime):
    """The machine, with a clock that a test moves."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead

    def new_id(self) -> UUID:
        return uuid7(int(self.now().timestamp() * 1000), super().new_id().int)


TITLES = ["Guid()", "Append([userPrincipalName], Guid())", "Now()"]


async def _of_chance(database: Database, clock: Clock, proxy: Proxy, expression: str) -> World:
    """A job of which every title is another one each time it is worked out."""
    world = await found_world(database, clock, proxy, settings=JobSettings(approval="always"))
    user = [direct("userPrincipalName", "userName", 1), computed(IS_ACTIVE, "active"), computed(expression, "title")]
    group = [direct("displayName", "displayName", 1), direct("members", "members")]
    await world.db.write(change_schema, world.job_id, schema_document(user, group))
    return world


@pytest.mark.parametrize("expression", TITLES)
async def test_a_plan_of_chance_or_time_is_the_same_plan_an_hour_later_and_can_be_approved(
    database: Database, proxy: Proxy, expression: str
) -> None:
    clock = Clock()
    world = await _of_chance(database, clock, proxy, expression)
    await people(world, "ada", "bob")
    await world.cycle()
    plan = await waiting(world)
    title = plan_whole(Compressed(await world.db.read(plan_pieces, plan.id)))["objects"][0]["changes"]
    for hours in (1.5, 3, 4.5):
        clock.ahead = timedelta(hours=hours)
        await world.cycle()
    assert [each.state for each in await world.db.read(list_plans, world.job_id)] == ["waiting"]
    assert await world.db.read(told) == 1

    await decide(world.service, world.db, plan.id, "approved", "Grace", "")
    result = await world.cycle()

    assert (result.problem, result.counts.created) == (None, 2)
    sent = {each["new"] for each in title if each["attribute"] == "title"}
    assert sent <= {each["title"] for each in (await world.target.accounts()).values()}


@pytest.mark.parametrize("expression", TITLES)
async def test_a_rejected_plan_of_chance_or_time_is_not_asked_for_again(
    database: Database, proxy: Proxy, expression: str
) -> None:
    clock = Clock()
    world = await _of_chance(database, clock, proxy, expression)
    await people(world, "ada")
    await world.cycle()
    await decide(world.service, world.db, (await waiting(world)).id, "rejected", "Grace", "")
    for hours in (1.5, 3, 4.5):
        clock.ahead = timedelta(hours=hours)
        await world.cycle()

    assert [each.state for each in await world.db.read(list_plans, world.job_id)] == ["rejected"]
    assert await world.db.read(told) == 1


async def test_what_depends_on_the_time_is_planned_anew_when_its_time_has_come(
    database: Database, proxy: Proxy
) -> None:
    clock = Clock()
    world = await _of_chance(database, clock, proxy, "Now()")
    await people(world, "ada")
    await world.cycle()
    await decide(world.service, world.db, (await waiting(world)).id, "rejected", "Grace", "")
    clock.ahead = timedelta(hours=73)
    await world.cycle()

    assert [each.state for each in await world.db.read(list_plans, world.job_id)] == ["waiting", "rejected"]


async def test_a_plan_that_is_approved_while_another_one_is_made_is_carried_out(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await demanding(database, runtime, proxy, approval="always")
    await people(world, "ada")
    await world.cycle()
    await people(world, "bob")
    plan = await waiting(world)

    async def approves(_method: str, _path: str) -> None:
        world.proxy.interfere = let_pass
        await decide(world.service, world.db, plan.id, "approved", "Grace", "")

    world.proxy.interfere = approves
    result = await world.cycle()

    # Bob came after what was approved, so that is superseded and both wait; but neither is the run cut off nor Grace's word lost.
    assert result.problem is not None
    assert result.problem.code == "PlanAwaitsApproval"
    states = [(each.state, each.decided_by) for each in await world.db.read(list_plans, world.job_id)]
    assert states == [("waiting", None), ("superseded", "Grace")]


async def test_an_approval_takes_turns_with_the_plan_that_would_supersede_it(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await demanding(database, runtime, proxy, approval="always")
    await people(world, "ada")
    await world.cycle()
    plan = await waiting(world)
    newer = replace(plan, id=runtime.new_id())

    async def both(number: int) -> object:
        if number:
            return await world.db.write(keep_plan, newer, [b""])
        try:
            return (await decide(world.service, world.db, plan.id, "approved", "Grace", "")).state
        except Conflict as refusal:
            return refusal

    decided, kept_newer = await asyncio.gather(both(0), both(1))

    states = {each.id: each.state for each in await world.db.read(list_plans, world.job_id)}
    if kept_newer:
        assert isinstance(decided, Conflict)
        assert states == {plan.id: "superseded", newer.id: "waiting"}
    else:
        assert decided == "approved"
        assert states == {plan.id: "approved"}


async def test_a_newer_plan_gives_way_to_one_that_was_approved(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await demanding(database, runtime, proxy, approval="always")
    await people(world, "ada")
    await world.cycle()
    plan = await waiting(world)
    await decide(world.service, world.db, plan.id, "approved", "Grace", "")

    assert not await world.db.write(keep_plan, replace(plan, id=runtime.new_id()), [b""])
    assert (await waiting(world)).id == plan.id


async def test_the_plan_that_is_open_counts_although_a_clock_that_was_ahead_made_others(
    database: Database, proxy: Proxy
) -> None:
    clock = Clock(ahead=timedelta(days=365))
    world = await found_world(database, clock, proxy, settings=JobSettings(approval="always"))
    await people(world, "ada")
    await world.cycle()
    early = await waiting(world)
    await people(world, "bob")
    clock.ahead = timedelta(0)
    await world.cycle()
    plan = await waiting(world)
    assert plan.id < early.id, "the clock went back"
    await decide(world.service, world.db, plan.id, "approved", "Grace", "")

    assert (await world.cycle()).counts.created == 2


async def test_a_plan_that_cannot_be_compared_sends_nothing_and_stays_approved(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await demanding(database, runtime, proxy, approval="always")
    await people(world, "ada")
    await world.cycle()
    plan = await waiting(world)
    await decide(world.service, world.db, plan.id, "approved", "Grace", "")
    world.proxy.taken()
    refusals, refused = 1, list[str]()

    async def away_at_first(_method: str, path: str) -> web.Response | None:
        # As long as the plan is worked out: then the target is back.
        if len(refused) < refusals:
            refused.append(path)
            return web.Response(status=401)
        return None

    world.proxy.interfere = away_at_first
    result = await world.cycle()

    assert result.problem is not None
    assert result.problem.code == "PlanMoved"
    assert writes(world) == []
    assert (await waiting(world)).state == "approved"
    assert (await world.cycle()).counts.created == 1
    assert (await waiting(world)).state == "applied"


async def test_what_is_to_be_approved_from_now_on_is_not_sent_by_a_cycle_that_begins(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await demanding(database, runtime, proxy)
    await people(world, "ada")
    seen = await world.db.read(read_job, world.job_id)
    await world.db.write(change_settings, world.job_id, {"approval": "always"})

    with pytest.raises(Conflict, match="approved"):
        await run_seen(world.service, world.db, seen, None)
    assert await world.target.accounts() == {}


async def test_the_documents_of_plans_are_kept_as_long_as_the_log(database: Database, proxy: Proxy) -> None:
    clock = Clock()
    world = await found_world(database, clock, proxy, settings=JobSettings(approval="always"))
    await people(world, "ada")
    await world.cycle()
    rejected = await waiting(world)
    await decide(world.service, world.db, rejected.id, "rejected", "Grace", "")
    later = clock.now() + timedelta(days=399)
    assert await world.db.write(prune_history, later) == 0
    later += timedelta(days=2)
    while await world.db.write(prune_history, later):
        pass

    assert await world.db.read(plan_pieces, rejected.id) == []
    assert (await waiting(world)).state == "rejected", "or somebody would be asked for it again"
    await people(world, "bob")
    await world.cycle()
    while await world.db.write(prune_history, later):
        pass
    assert [each.state for each in await world.db.read(list_plans, world.job_id)] == ["waiting"]
    assert await world.db.read(plan_pieces, (await waiting(world)).id) != []
