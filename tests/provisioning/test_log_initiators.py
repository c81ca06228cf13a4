"""Who had it done, as the log says: the service by its schedule, or whoever ran, asked for or allowed what happened."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web

from rollcall import directory
from rollcall.db import Database
from rollcall.provisioning import (
    Initiator,
    JobSettings,
    Key,
    allow_held,
    apply_planned,
    decide,
    last_plan,
    provision_on_demand,
    provisioning_object_summary,
    read_job,
    reject_held,
    restart_job,
    retry_failures,
)
from rollcall.runtime import Runtime
from tests.provisioning.proxy import Proxy, let_pass
from tests.provisioning.world import World, found_world

SERVICE = ("system", "Rollcall provisioning service")
GRACE = Initiator(display_name="Grace", type="user")
BY_GRACE = ("user", "Grace")


async def initiators(world: World, **which: Any) -> Counter[tuple[str, str]]:
    """Who had what is logged done, and how many records of it there are."""
    found: Counter[tuple[str, str]] = Counter()
    for row in await world.log(**which):
        said = provisioning_object_summary(row, tenant_id="", job_id="", application={})["initiatedBy"]
        assert isinstance(said, dict)
        found[str(said["initiatorType"]), str(said["displayName"])] += 1
    return found


async def people(world: World, *names: str) -> list[Key]:
    keys = []
    for name in names:
        user = await world.user(name)
        await world.assign(user)
        keys.append(Key("User", str(user)))
    return keys


async def test_what_the_schedule_does_is_the_services(world: World) -> None:
    await people(world, "ada")
    await world.cycle()

    assert await initiators(world) == {SERVICE: 1}


async def test_a_cycle_or_a_provision_on_demand_that_somebody_runs_is_theirs(world: World) -> None:
    ada, bob = await people(world, "ada", "bob")
    world.service = replace(world.service, initiator=GRACE)
    await provision_on_demand(world.service, world.db.tenant, world.job_id, [ada])
    await world.cycle()

    assert await initiators(world, source=ada.id, action="create") == {BY_GRACE: 1}
    assert await initiators(world, source=bob.id) == {BY_GRACE: 1}


async def test_a_plan_that_somebody_applies_is_theirs(world: World) -> None:
    await people(world, "ada")
    planned, job = await world.plan(), await world.db.read(read_job, world.job_id)
    await apply_planned(replace(world.service, initiator=GRACE), world.db.tenant, job, planned)

    assert await initiators(world) == {BY_GRACE: 1}


async def test_a_plan_that_a_worker_carries_out_is_whose_who_approved_it(
    database: Database, runtime: Runtime, proxy: Proxy
) -> None:
    world = await found_world(database, runtime, proxy, settings=JobSettings(approval="always"))
    await people(world, "ada")
    await world.cycle()
    plan = await world.db.read(last_plan, world.job_id)
    assert plan is not None
    await decide(world.service, world.db, plan.id, "approved", "Grace", "")
    await world.cycle()

    assert await initiators(world) == {BY_GRACE: 1}


async def test_what_a_restart_brings_about_is_whose_who_restarted_until_a_cycle_has_ended(world: World) -> None:
    (ada,) = await people(world, "ada")
    await world.cycle()
    await world.db.write(directory.update_user, UUID(ada.id), {"givenName": "Augusta"})
    await restart_job(world.service, world.db.tenant, world.job_id, "Full", "Grace")
    world.proxy.interfere = _away
    assert (await world.cycle()).problem is not None, "it is whose who restarted until a cycle has ended well"
    world.proxy.interfere = let_pass
    await restart_job(world.service, world.db.tenant, world.job_id, "Full", "Grace")
    await world.cycle()
    assert await initiators(world, action="update", status="success") == {BY_GRACE: 1}

    await world.db.write(directory.update_user, UUID(ada.id), {"givenName": "Ada"})
    await world.cycle()
    assert await initiators(world, action="update", status="success") == {BY_GRACE: 1, SERVICE: 1}


async def _away(_method: str, _path: str) -> web.Response:
    return web.Response(status=401)


async def test_the_attempt_that_somebody_asked_for_is_theirs_and_no_other_one(world: World) -> None:
    async def refuse(method: str, _path: str) -> web.Response | None:
        return web.Response(status=403) if method == "POST" else None

    world.proxy.interfere = refuse
    ada, bob = await people(world, "ada", "bob")
    await world.cycle()
    world.proxy.interfere = let_pass
    await retry_failures(world.db, world.job_id, [ada], GRACE, world.service.runtime.now())
    await people(world, "cem")
    await world.cycle()

    assert await initiators(world, source=ada.id, status="success") == {BY_GRACE: 1}
    assert await initiators(world, source=ada.id, status="failure") == {SERVICE: 1}
    assert await initiators(world, source="cem@example.com") == {SERVICE: 1}
    await world.db.write(directory.update_user, UUID(ada.id), {"givenName": "Augusta"})
    await world.cycle()
    assert await initiators(world, source=ada.id, action="update") == {SERVICE: 1}
    assert await initiators(world, source=bob.id) == {SERVICE: 1}


async def test_a_membership_that_somebody_had_retried_is_theirs(world: World) -> None:
    ada = await world.user("ada")
    group = await world.group("Sales")
    await world.cycle()

    async def refuse(method: str, path: str) -> web.Response | None:
        return web.Response(status=403) if method == "PATCH" and "/Groups" in path else None

    world.proxy.interfere = refuse
    await world.db.write(directory.add_member, group, ada)
    await world.cycle()
    world.proxy.interfere = let_pass
    await retry_failures(world.db, world.job_id, None, GRACE, world.service.runtime.now())
    await world.cycle()

    assert await initiators(world, attribute="members", status="success") == {BY_GRACE: 1}


@pytest.fixture
async def held(database: Database, runtime: Runtime, proxy: Proxy) -> tuple[World, list[Key]]:
    """Three people who left, whose removal a guard holds back."""
    world = await found_world(database, runtime, proxy, settings=JobSettings(deletion_threshold=3))
    people = [await world.user(f"p{number}") for number in range(5)]
    group = await world.group("Team", people)
    await world.cycle()
    for person in people[:3]:
        await world.db.write(directory.remove_member, group, person)
    await world.cycle()
    return world, [Key("User", str(person)) for person in people[:3]]


async def test_removals_that_somebody_allowed_are_theirs(held: tuple[World, list[Key]]) -> None:
    world, _ = held
    await allow_held(world.service, world.db.tenant, world.job_id, None, "Grace")
    await world.cycle()

    assert await initiators(world, action="disable", status="success") == {BY_GRACE: 3}
    assert await initiators(world, action="stagedAction") == {SERVICE: 3}


async def test_removals_that_somebody_rejected_have_a_record_that_says_so(held: tuple[World, list[Key]]) -> None:
    world, keys = held
    await reject_held(world.service, world.db.tenant, world.job_id, None, "Grace")

    told = (await world.log(action="other", code="TooManyDeletes"))[:3]
    assert {row["source_id"] for row in told} == {key.id for key in keys}
    assert all("Grace rejected the removal" in row["reason"] for row in told)
    assert await initiators(world, action="other", code="TooManyDeletes") == {BY_GRACE: 3}
