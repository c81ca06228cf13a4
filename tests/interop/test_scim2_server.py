"""The provisioning service against scim2-server: cycle after cycle the target holds exactly the source's people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import Database
from rollcall.provisioning import NewJob, Service, create_tested_job, restart
from rollcall.runtime import Runtime
from tests.interop.scim2_target import TOKEN, Held, held, scim2_server
from tests.provisioning.agreement import wanted
from tests.provisioning.proxy import WRITING, proxy_to
from tests.provisioning.world import SEALER, Reader, World, upn


@pytest.fixture(params=["scim", "tutorial"])
async def world(request: pytest.FixtureRequest, database: Database, runtime: Runtime) -> AsyncIterator[World]:
    """An empty directory and a job towards an empty scim2-server."""
    tenant = await database.system(directory.create_tenant, runtime, f"tenant-{runtime.new_id().hex}")
    db = database.tenant(tenant)
    application = await db.write(directory.create_service_principal, "Third party")
    service = Service(database, runtime, SEALER)
    async with scim2_server() as origin, proxy_to(origin) as proxy:
        new = NewJob(application, "Job", proxy.url, TOKEN, request.param)
        job_id = await create_tested_job(service, tenant, new)
        yield World(db, service, application, tenant, Reader(origin, TOKEN), job_id, proxy)


async def exactly_the_source(world: World) -> Held:
    """Read the target back with the independent client and compare it with the directory's own lists."""
    source = await wanted(world)
    target = await asyncio.to_thread(held, world.target.url)
    assert target.usable == set(source.people)
    for name, user in source.people.items():
        account = target.accounts[name]
        assert _names(account) == (user.attributes.get("givenName"), user.attributes.get("surname"))
        assert _mobile(account) == user.attributes.get("mobilePhone")
    # A disabled account may stay a member until its owner is purged.
    assert {name: members & target.usable for name, members in target.groups.items()} == {
        name: members & target.usable for name, members in source.groups.items()
    }
    return target


def _names(account: dict[str, Any]) -> tuple[str | None, str | None]:
    name = account.get("name") or {}
    return name.get("givenName"), name.get("familyName")


def _mobile(account: dict[str, Any]) -> str | None:
    phones = [phone.get("value") for phone in account.get("phoneNumbers") or () if phone.get("type") == "mobile"]
    return phones[0] if phones else None


async def cycle(world: World) -> None:
    """One cycle, after which nothing has failed."""
    result = await world.cycle()
    failures = [(each["name"], each["reason"]) for each in await world.log(status="failure")]
    assert (result.problem, failures) == (None, [])


async def company(world: World) -> tuple[list[UUID], list[UUID]]:
    """Twelve people below one head, in three groups."""
    people = [await world.user(f"p{number}", mobilePhone=f"+1 {number}") for number in range(12)]
    for person in people[1:]:
        await world.db.write(directory.set_manager, person, people[0])
    groups = [await world.group(f"G{number}", people[number::3]) for number in range(3)]
    return people, groups


async def test_initial_and_incremental_cycles_end_with_exactly_the_source(world: World) -> None:
    people, groups = await company(world)
    await cycle(world)
    first = await exactly_the_source(world)
    assert len(first.accounts) == 12
    assert {name: len(members) for name, members in first.groups.items()} == {"G0": 4, "G1": 4, "G2": 4}
    has_managers = bool(first.managers)
    assert first.managers == ({upn(f"p{number}"): upn("p0") for number in range(1, 12)} if has_managers else {})

    # Joiners, one of them the new head of some; movers; leavers of every sort.
    joiner = await world.user("joiner", mobilePhone="+49 1")
    await world.db.write(directory.add_member, groups[0], joiner)
    await world.db.write(directory.set_manager, people[3], joiner)
    await world.db.write(directory.set_manager, people[4], None)
    await world.db.write(
        directory.update_user, people[5], {"userPrincipalName": upn("renamed"), "surname": "Új", "mobilePhone": "+36"}
    )
    await world.db.write(directory.remove_member, groups[0], people[6])
    await world.db.write(directory.add_member, groups[1], people[6])
    await world.db.write(directory.delete_user, people[7])
    await world.db.write(directory.update_user, people[8], {"accountEnabled": False})
    await world.db.write(directory.remove_member, groups[0], people[9])
    await world.db.write(directory.update_group, groups[2], {"displayName": "Renamed"})
    await cycle(world)
    second = await exactly_the_source(world)
    assert {name for name, account in second.accounts.items() if account["active"] is False} == {
        upn("p7"), upn("p8"), upn("p9")
    }  # fmt: skip
    assert second.accounts[upn("renamed")]["id"] == first.accounts[upn("p5")]["id"]
    if has_managers:
        assert second.managers[upn("p3")] == upn("joiner")
        assert upn("p4") not in second.managers

    # They come back, or go for good; a group goes.
    await world.db.write(directory.restore_user, people[7])
    await world.db.write(directory.purge_user, people[10])
    await world.db.write(directory.delete_group, groups[1])
    await cycle(world)
    third = await exactly_the_source(world)
    assert upn("p10") not in third.accounts
    assert set(third.groups) == {"G0", "Renamed"}
    assert third.accounts[upn("p7")]["id"] == first.accounts[upn("p7")]["id"]

    world.proxy.taken()
    await cycle(world)
    assert world.proxy.taken() == []


async def test_reading_everything_again_writes_nothing(world: World) -> None:
    await company(world)
    await cycle(world)
    world.proxy.taken()
    await world.db.write(restart, world.job_id)

    await cycle(world)

    assert [each for each in world.proxy.taken() if each.method in WRITING] == []
    await exactly_the_source(world)
