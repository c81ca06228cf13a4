"""The SCIM endpoint of one organisation, called in this process as a web server would call it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rollcall.db import Database
from rollcall.runtime import Runtime
from rollcall.workspaces import IssuedCredential, create_credential, create_organisation, workspaces_scim_app
from tests.scim_http.asgi import HOST, AsgiClient, Reply


@dataclass
class Endpoint:
    """An organisation with a live credential; called with paths beneath its Tenant URL."""

    organisation: UUID
    key: str
    credential: IssuedCredential
    client: AsgiClient

    @property
    def url(self) -> str:
        return f"https://{HOST}/scim/v2/{self.key}"

    async def __call__(self, method: str, path: str, *more: Any, **named: Any) -> Reply:
        # A client of its own for each request: requests may overlap.
        client = AsgiClient(self.client.app, self.client.token)
        return await client(method, f"/scim/v2/{self.key}{path}", *more, **named)


async def new_endpoint(database: Database, runtime: Runtime, **organisation: Any) -> Endpoint:
    """A new organisation, with synchronization on unless told otherwise."""
    tenant = database.tenant(runtime.new_id())
    key = f"org-{tenant.tenant.hex}"
    settings = {"name": "Acme", "synchronization": True, **organisation}
    await tenant.write(create_organisation, runtime, key=key, **settings)
    credential = await tenant.write(create_credential, runtime)
    return Endpoint(
        tenant.tenant, key, credential, AsgiClient(workspaces_scim_app(database, runtime), credential.token)
    )
