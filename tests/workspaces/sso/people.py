"""An organisation with users and groups out of SCIM, and sessions made by hand, for the tests of single sign-on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.db import Database, TenantDatabase
from rollcall.runtime import Runtime
from rollcall.workspaces.sso.groups_claim import Snapshot, Source
from rollcall.workspaces.sso.sessions import (
    WORKSPACE_LIMITS,
    Limits,
    Provided,
    Session,
    SignIn,
    create_session,
    read_session,
)
from tests.workspaces.endpoint import Endpoint, new_endpoint

PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
G1, G2 = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
CONFIGURATION = UUID(int=77)


@dataclass
class Company:
    """Called as a provisioning service calls."""

    endpoint: Endpoint
    db: TenantDatabase
    runtime: Runtime

    async def user(self, name: str = "ada@acme.example", **more: Any) -> UUID:
        reply = await self.endpoint("POST", "/Users", {"schemas": [_USER], "userName": name, "active": True, **more})
        assert reply.status == 201, reply.json
        return UUID(reply.json["id"])

    async def group(self, external_id: str, *members: UUID, name: str | None = None) -> str:
        body = {
            "schemas": [_GROUP],
            "displayName": name or external_id,
            "externalId": external_id,
            "members": [{"value": str(each)} for each in members],
        }
        reply = await self.endpoint("POST", "/Groups", body)
        assert reply.status == 201, reply.json
        return str(reply.json["id"])

    async def patch(self, path: str, *operations: dict[str, Any]) -> None:
        reply = await self.endpoint("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})
        assert reply.status in (200, 204), reply.json

    async def delete(self, path: str) -> None:
        assert (await self.endpoint("DELETE", path)).status == 204

    async def session(
        self,
        user: UUID,
        *groups: str,
        source: Source = Source.TOKEN,
        sid: str | None = None,
        configuration: UUID = CONFIGURATION,
        limits: Limits = WORKSPACE_LIMITS,
        ends: datetime | None = None,
        replaces: str | None = None,
        continues: bool = False,
    ) -> str:
        """Sign somebody in, and return the handle."""
        provided = Provided(
            configuration,
            "https://id.example",
            str(user),
            "pairwise",
            sid,
            snapshot=Snapshot(groups, source),
            ends=ends,
        )
        sign_in = SignIn("workspace", "sso", limits, user=user, provided=provided, continues=continues)
        _, handle = await self.db.write(create_session, self.runtime, sign_in, replaces=replaces)
        return handle

    async def read(self, handle: str) -> Session | None:
        return await self.db.read(read_session, handle, self.runtime.now())

    async def groups(self, handle: str) -> set[str]:
        session = await self.read(handle)
        assert session is not None
        assert session.groups is not None
        return set(session.groups)


async def new_company(database: Database, runtime: Runtime) -> Company:
    endpoint = await new_endpoint(database, runtime)
    return Company(endpoint, database.tenant(endpoint.organisation), runtime)


_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
