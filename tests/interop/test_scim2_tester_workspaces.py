"""scim2-tester, which nobody here wrote, finds no fault with the workspaces half: granian, SCIM endpoint, PostgreSQL."""

from __future__ import annotations

import asyncio

from scim2_tester import Status, check_server

from rollcall.db import Database
from rollcall.runtime import Runtime
from rollcall.workspaces import create_credential, create_organisation, tenant_url, workspaces_scim_app
from tests.interop.scim2_wire import WireClient
from tests.scim_http.serving import served

_FAULTS = {Status.ERROR, Status.CRITICAL, Status.DEVIATION}


async def test_the_independent_checker_finds_no_fault(database: Database, runtime: Runtime) -> None:
    tenant = database.tenant(runtime.new_id())
    await tenant.write(create_organisation, runtime, key="acme", name="Acme", synchronization=True)
    issued = await tenant.write(create_credential, runtime)

    async with served(workspaces_scim_app(database, runtime)) as base:
        results = await asyncio.to_thread(check_server, WireClient(tenant_url(base, "acme"), issued.token))

    faults = [f"{each.title} {each.resource_type}: {each.reason}" for each in results if each.status in _FAULTS]
    skipped = [each.title for each in results if each.status is Status.SKIPPED]
    assert faults == []
    assert skipped == []
    assert {each.resource_type for each in results} == {None, "User", "Group"}
    assert len(results) > 80
