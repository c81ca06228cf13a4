"""The demo company: founded in a directory, joined to an organisation of the workspaces half, and set in motion."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rollcall import directory, provisioning, workspaces
from rollcall.errors import NotFound, Unavailable
from rollcall.main.opening import Parts
from rollcall.provisioning import Counts, Cycle, JobSettings, NewJob

COMPANY_SEED = 2026
_APPLICATION = "Workspaces"
_ARRIVAL_PATIENCE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo organisation, ready: its two tenants, the job between them, and what the job signs in with."""

    tenant: UUID
    organisation: UUID
    job_id: UUID
    tenant_url: str
    secret_token: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """One movement and how long it took to reach the application, in seconds; None when it did not in a minute.

    `told` is False where the application had to be told nothing: what changed is not mapped.
    """

    movement: directory.Movement
    seconds: float | None
    told: bool = True


async def demo_of(parts: Parts, workspaces_url: str, name: str = "demo") -> Demo | None:
    """The demo of this name that was founded before, its job pointed to where the application answers now."""
    try:
        tenant = await parts.database.system(directory.find_tenant, name)
    except NotFound:
        return None
    db = parts.database.tenant(tenant.id)
    jobs = await db.read(provisioning.list_jobs)
    organisation = await parts.database.system(workspaces.organisation_id, name)
    if not jobs or organisation is None:
        return None
    job = jobs[0]
    _, token = await db.read(provisioning.credentials, parts.sealer, job.id)
    url = workspaces.tenant_url(workspaces_url, name)
    if job.tenant_url != url:
        await db.write(provisioning.set_credentials, parts.sealer, job.id, url, token)
    return Demo(tenant.id, organisation, job.id, url, token)


async def found_demo(
    parts: Parts, workspaces_url: str, name: str = "demo", *, people: int = 1000, groups: int = 60
) -> Demo:
    """Found the demo: company, application, organisation with its secret token, tested and started job."""
    company = directory.demo_company(COMPANY_SEED, people, groups)
    tenant = await parts.database.system(directory.create_tenant, parts.runtime, name)
    db = parts.database.tenant(tenant)
    application = await db.write(directory.create_service_principal, _APPLICATION)
    await db.write(directory.found_company, company, application)
    organisation = parts.runtime.new_id()
    there = parts.database.tenant(organisation)
    await there.write(workspaces.create_organisation, parts.runtime, key=name, name="Brightwater", synchronization=True)
    issued = await there.write(workspaces.create_credential, parts.runtime)
    url = workspaces.tenant_url(workspaces_url, name)
    new = NewJob(application, _APPLICATION, url, issued.token, "tutorial", JobSettings())
    job_id = await provisioning.create_tested_job(parts.provisioning, tenant, new)
    await db.write(provisioning.set_state, job_id, "Active")
    return Demo(tenant, organisation, job_id, url, issued.token)


async def free_demo_name(parts: Parts) -> str:
    """A name no demo has had in this data directory: demo, demo-2, …"""
    taken = {tenant.name for tenant in await parts.database.system(directory.list_tenants)}
    number = 1
    while (name := "demo" if number == 1 else f"demo-{number}") in taken:
        number += 1
    return name


async def watch_first_cycle(parts: Parts, demo: Demo, show: Callable[[Counts], Awaitable[None]]) -> Cycle:
    """Follow the first cycle to its end, told by the worker's own notifications. Raises Unavailable when it stopped."""
    db = parts.database.tenant(demo.tenant)
    async with aclosing(parts.database.listen(provisioning.PROGRESS_CHANNEL)) as notices:
        async for _ in notices:
            cycles = await db.read(provisioning.recent_cycles, demo.job_id, 100)
            if not cycles:
                continue
            first = cycles[-1]
            await show(first.counts)
            if first.ended is not None:
                if first.problem is not None:
                    raise Unavailable(f"The first cycle stopped: {first.problem.reason}")
                return first
    raise Unavailable("The database was closed while the first cycle ran.")


async def second_act(parts: Parts, demo: Demo, *, people: int, groups: int) -> AsyncGenerator[Arrival]:
    """People join, move and leave, one after the other; each with the time until the application knew."""
    company = directory.demo_company(COMPANY_SEED, people, groups)
    db = parts.database.tenant(demo.tenant)
    for movement in directory.movements(company, COMPANY_SEED):
        user_id = await db.write(directory.carry_out, movement)
        committed = parts.runtime.now()
        arrived = await _arrival(parts, demo, str(user_id), committed)
        if arrived is None:
            yield Arrival(movement, None)
        else:
            yield Arrival(movement, max(0.0, (arrived.at - committed).total_seconds()), arrived.told)


async def _arrival(parts: Parts, demo: Demo, user_id: str, committed: datetime) -> provisioning.Arrival | None:
    db = parts.database.tenant(demo.tenant)
    deadline = parts.runtime.monotonic() + _ARRIVAL_PATIENCE_SECONDS
    while parts.runtime.monotonic() < deadline:
        arrived = await db.read(provisioning.arrival, demo.job_id, user_id, committed)
        if arrived is not None:
            return arrived
        await parts.runtime.sleep(_LOOK_EVERY_SECONDS)
    return None
