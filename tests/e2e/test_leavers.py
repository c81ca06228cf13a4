"""Two server processes on one database: what SCIM says to one closes the doors of the other at the next click."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from rollcall.config import Config
from rollcall.db import DatabaseConfig, Tx
from rollcall.main import Parts, open_parts
from rollcall.main.serving import free_port
from rollcall.web import Cookies
from rollcall.workspaces import create_credential, tenant_url
from rollcall.workspaces.sso.edges import SESSION
from rollcall.workspaces.sso.groups_claim import Snapshot, Source
from rollcall.workspaces.sso.sessions import WORKSPACE_LIMITS, Provided, SignIn, create_session
from tests.e2e.workers import config_for, environment_of
from tests.provisioning.world import accepting
from tests.workspaces.places_world import World

_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass
class Servers:
    """Two servers, an organisation with a workspace for one group, and a token for SCIM at the first server."""

    parts: Parts
    world: World
    http: aiohttp.ClientSession
    first: str
    second: str
    token: str
    key: str

    async def scim(self, path: str, *operations: dict[str, Any]) -> None:
        """Change something through the first server."""
        url = f"{tenant_url(self.first, self.key)}/{path}"
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/scim+json"}
        body = {"schemas": [_PATCH], "Operations": list(operations)}
        async with self.http.patch(url, json=body, headers=headers) as answer:
            assert answer.status in (200, 204), await answer.text()

    async def scim_delete(self, path: str) -> None:
        """Delete something through the first server."""
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.http.delete(f"{tenant_url(self.first, self.key)}/{path}", headers=headers) as answer:
            assert answer.status == 204, await answer.text()

    async def signed_in(self, user: UUID, *groups: str) -> str:
        """The handle of a session of this user's by single sign-on."""
        provided = Provided(
            self.world.configuration,
            "https://login.example",
            str(user),
            str(user),
            snapshot=Snapshot(groups, Source.TOKEN),
        )
        sign_in = SignIn("workspace", "sso", WORKSPACE_LIMITS, user=user, provided=provided)
        _, handle = await self.world.database.write(create_session, self.parts.runtime, sign_in)
        return handle

    async def click(self, handle: str, path: str) -> tuple[int, str]:
        """Status and address of what the second server answers a browser with this session."""
        cookies = {Cookies("workspaces", self.second).name(SESSION): handle}
        async with self.http.get(self.second + path, cookies=cookies, allow_redirects=False) as answer:
            await answer.read()
            return answer.status, answer.headers.get("Location", "")


@pytest.fixture
async def servers(database_config: DatabaseConfig, tmp_path: Path) -> AsyncIterator[Servers]:
    config = config_for(tmp_path, database_config)
    async with AsyncExitStack() as stack:
        parts = await stack.enter_async_context(open_parts(config))
        first = await stack.enter_async_context(_serving(config))
        second = await stack.enter_async_context(_serving(config))
        world = await World(parts.database.tenant(parts.runtime.new_id()), parts.runtime).open()
        token = (await world.database.write(create_credential, parts.runtime)).token
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        yield Servers(parts, world, http, first, second, token, await world.database.read(_key))


@asynccontextmanager
async def _serving(config: Config) -> AsyncIterator[str]:
    """`rollcall serve workspaces` as a process of its own; yields its address."""
    port = free_port("127.0.0.1", 0)
    with (config.data / "serving.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rollcall", "serve", "workspaces", "--workspaces-port", str(port)),
            *("--data", str(config.data), "--until-stdin-closes"),
            env=environment_of(config),
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
        )
    try:
        await accepting(port, lambda: process.returncode is None)
        yield f"http://127.0.0.1:{port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _key(tx: Tx) -> str:
    found: str = await tx.value("select key from workspaces.organisations")
    return found


@pytest.mark.parametrize("kind", ["suspended", "deleted"])
async def test_who_left_is_refused_at_the_next_click_on_another_process(servers: Servers, kind: str) -> None:
    """(rows P4, P5)"""
    ada, bob = await servers.world.person("ada@acme.example"), await servers.world.person("bob@acme.example")
    hers, his = await servers.signed_in(ada), await servers.signed_in(bob)
    assert (await servers.click(hers, "/home"))[0] == 200
    assert (await servers.click(his, "/home"))[0] == 200
    if kind == "suspended":
        await servers.scim(f"Users/{ada}", {"op": "replace", "path": "active", "value": False})
    else:
        await servers.scim_delete(f"Users/{ada}")
    assert await servers.click(hers, "/home") == (303, "/?return_to=%2Fhome")
    assert (await servers.click(his, "/home"))[0] == 200, "nobody else is thrown out"


async def test_who_left_a_group_stands_before_a_closed_workspace_on_another_process(servers: Servers) -> None:
    """(row W4)"""
    world = servers.world
    ada, bob = await world.person("ada@acme.example"), await world.person("bob@acme.example")
    group = await world.group("Engineering", ada, bob, external_id="g-one")
    slug = f"s{servers.parts.runtime.new_id().hex}"
    await world.workspace("g-one", slug=slug)
    hers, his = await servers.signed_in(ada, "g-one"), await servers.signed_in(bob, "g-one")
    assert (await servers.click(hers, f"/w/{slug}"))[0] == 200
    await servers.scim(f"Groups/{group}", {"op": "remove", "path": f'members[value eq "{ada}"]'})
    assert (await servers.click(hers, f"/w/{slug}"))[0] == 403
    assert (await servers.click(hers, "/home"))[0] == 200, "one door is closed, not the session"
    assert (await servers.click(his, f"/w/{slug}"))[0] == 200
    await servers.scim(f"Groups/{group}", {"op": "add", "path": "members", "value": [{"value": str(ada)}]})
    assert (await servers.click(hers, f"/w/{slug}"))[0] == 403, "a token's groups wait for the next sign-in"
