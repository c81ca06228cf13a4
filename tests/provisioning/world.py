"""A directory, an organisation of the workspaces half in a process of its own, and the job between them."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from granian.constants import Interfaces
from granian.server.embed import Server

from rollcall import directory
from rollcall.crypto import Sealer
from rollcall.db import Database, DatabaseConfig, TenantDatabase, open_database
from rollcall.main.serving import free_port
from rollcall.provisioning import (
    CycleResult,
    JobSettings,
    LogFilter,
    NewJob,
    PlannedCycle,
    Service,
    create_tested_job,
    plan_job,
    read_log,
    run_job,
)
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.workspaces import create_credential, create_organisation, tenant_url, workspaces_scim_app
from tests.interop.scim2_wire import WireClient
from tests.provisioning.proxy import Proxy

SEALER = Sealer(b"0" * 32)
_LOG_MOST = 10_000
_HOST = "127.0.0.1"
_ATTEMPTS = 1000


@asynccontextmanager
async def workspaces_apart(config: DatabaseConfig) -> AsyncIterator[str]:
    """The workspaces half's SCIM endpoint on a real port, in its own process; yields its base URL."""
    port = free_port(_HOST, 0)
    process = multiprocessing.get_context("spawn").Process(
        target=_serve, args=(config.url, config.application_url, port), daemon=True
    )
    process.start()
    try:
        await accepting(port, process.is_alive)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        await asyncio.to_thread(process.join)
        process.close()


async def accepting(port: int, is_alive: Callable[[], bool]) -> None:
    """Wait until a program that was just started listens."""
    for _ in range(_ATTEMPTS):
        try:
            _, writer = await asyncio.open_connection(_HOST, port)
        except ConnectionRefusedError:
            assert is_alive(), "the program ended before it listened"
            await asyncio.sleep(0.05)
        else:
            writer.close()
            await writer.wait_closed()
            return
    raise AssertionError("nobody listens")


def _serve(url: str, application_url: str, port: int) -> None:
    async def serve() -> None:
        database = await open_database(DatabaseConfig(url=url, application_url=application_url))
        app = workspaces_scim_app(database, SystemRuntime())
        server = Server(app, _HOST, port, interface=Interfaces.ASGI, websockets=False, log_enabled=False)
        await server.serve()

    asyncio.run(serve())


@dataclass
class Reader:
    """Reads a service provider with a client that nobody here wrote, on the standard library's HTTP."""

    url: str
    token: str

    def _all(self, endpoint: str) -> list[dict[str, Any]]:
        client = WireClient(self.url, self.token)
        resources: list[dict[str, Any]] = []
        while True:
            query = {"startIndex": len(resources) + 1, "count": 100}
            answer = client.request("GET", endpoint, query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            resources.extend(page.get("Resources") or [])
            if len(resources) >= page["totalResults"]:
                return resources

    async def accounts(self) -> dict[str, dict[str, Any]]:
        """Users by userName."""
        users = await asyncio.to_thread(self._all, "Users")
        found = {user["userName"]: user for user in users}
        assert len(found) == len(users), "two accounts have one userName"
        return found

    async def groups(self) -> dict[str, set[str]]:
        """The userNames and displayNames of the members, by the group's displayName."""
        users, groups = await asyncio.to_thread(lambda: (self._all("Users"), self._all("Groups")))
        names = {user["id"]: user["userName"] for user in users}
        names |= {group["id"]: group["displayName"] for group in groups}
        found = {
            group["displayName"]: {names[member["value"]] for member in group.get("members") or ()} for group in groups
        }
        assert len(found) == len(groups), "two groups have one displayName"
        return found

    async def write(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Change the target behind the provisioning service's back; the resource that comes back."""
        answer = await asyncio.to_thread(WireClient(self.url, self.token).request, method, path, None, body)
        assert answer.status_code < 300, answer.text
        return dict(answer.json()) if answer.content else {}


@dataclass
class World:
    """One directory and one organisation with a job between them; the job's requests pass the proxy."""

    db: TenantDatabase
    service: Service
    application: UUID
    organisation: UUID
    target: Reader
    job_id: UUID
    proxy: Proxy

    async def cycle(self) -> CycleResult:
        """Run one cycle to its end."""
        return await run_job(self.service, self.db.tenant, self.job_id)

    async def plan(self) -> PlannedCycle:
        """What the next cycle would do."""
        return await plan_job(self.service, self.db.tenant, self.job_id)

    async def log(self, **which: Any) -> list[dict[str, Any]]:
        """Log records, newest first."""
        return (await self.db.read(read_log, self.job_id, LogFilter(**which), limit=_LOG_MOST)).records

    async def user(self, name: str, **attributes: Any) -> UUID:
        """A new person, name@example.com."""
        whole = {"userPrincipalName": upn(name), "displayName": name, "givenName": name, "surname": "Doe", **attributes}
        return await self.db.write(directory.create_user, whole)

    async def group(self, name: str, members: Iterable[UUID] = (), *, assigned: bool = True) -> UUID:
        """A new group with members, assigned to the application unless told otherwise."""
        group = await self.db.write(directory.create_group, {"displayName": name})
        for member in members:
            await self.db.write(directory.add_member, group, member)
        if assigned:
            await self.assign(group)
        return group

    async def assign(self, principal: UUID) -> None:
        """Entitle a person or a group to the application."""
        await self.db.write(directory.assign, self.application, principal)


def upn(name: str) -> str:
    """A person's userPrincipalName."""
    return f"{name}@example.com"


async def found_world(
    database: Database,
    runtime: Runtime,
    proxy: Proxy,
    *,
    template: str = "tutorial",
    settings: JobSettings | None = None,
    sealer: Sealer = SEALER,
    app_roles: Sequence[directory.AppRole] = (),
    target_database: Database | None = None,
) -> World:
    """An empty directory and an empty organisation behind `proxy`, joined by a tested job.

    The organisation is in `target_database`, or in the same database.
    """
    tenant, organisation = runtime.new_id(), (target_database or database).tenant(runtime.new_id())
    tenant = await database.system(directory.create_tenant, runtime, f"tenant-{tenant.hex}")
    db = database.tenant(tenant)
    key = f"org-{organisation.tenant.hex}"
    await organisation.write(create_organisation, runtime, key=key, name="Acme", synchronization=True)
    issued = await organisation.write(create_credential, runtime)
    application = await db.write(directory.create_service_principal, "Workspaces", app_roles=app_roles)
    service = Service(database, runtime, sealer)
    url = tenant_url(proxy.url, key)
    job_id = await create_tested_job(
        service,
        tenant,
        NewJob(application, "Job", url, issued.token, template, settings or JobSettings(deletion_percent=None)),
    )
    proxy.taken()
    return World(
        db,
        service,
        application,
        organisation.tenant,
        Reader(tenant_url(proxy.origin, key), issued.token),
        job_id,
        proxy,
    )
