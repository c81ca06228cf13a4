"""How soon somebody who left is refused: SCIM at one server, the next click at another."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import aiohttp

from benchmarks.figure import Figure
from benchmarks.halves import program, wait_until_ready
from rollcall import workspaces
from rollcall.config import Config
from rollcall.db import TenantDatabase
from rollcall.main import Parts, free_port, open_parts
from rollcall.scim.schema import USER, USER_URN
from rollcall.web import Cookies
from rollcall.workspaces.sso.edges import SESSION
from rollcall.workspaces.sso.sessions import WORKSPACE_LIMITS, SignIn, create_session

_AT_A_TIME = 8
_PATCH = {
    "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
    "Operations": [{"op": "replace", "path": "active", "value": False}],
}


def measure(full: bool) -> Iterator[Figure]:
    """300 leavers with a live session each, eight at a time; 2,000 with `full`."""
    yield from asyncio.run(_measure(2_000 if full else 300))


async def _measure(leavers: int) -> list[Figure]:
    async with AsyncExitStack() as stack:
        data = stack.enter_context(tempfile.TemporaryDirectory(prefix="rollcall-bench-"))
        parts = await stack.enter_async_context(open_parts(Config(data=Path(data))))
        there = parts.database.tenant(parts.runtime.new_id())
        await there.write(
            workspaces.create_organisation, parts.runtime, key="bench", name="Bench", synchronization=True
        )
        token = (await there.write(workspaces.create_credential, parts.runtime)).token
        first, second = [await _server(stack, parts) for _ in range(2)]
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/scim+json"}
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        waiting = [await _person(there, parts, number) for number in range(leavers)]
        measured: list[tuple[float, int]] = []

        async def leave() -> None:
            while waiting:
                user, handle = waiting.pop()
                cookies = {Cookies("workspaces", second).name(SESSION): handle}
                measured.append(await _leave(http, first, second, headers, cookies, user))

        await asyncio.gather(*(leave() for _ in range(_AT_A_TIME)))
    milliseconds = sorted(each for each, _ in measured)
    of = f"{leavers:,} leavers, {_AT_A_TIME} at a time"
    return [
        Figure(
            f"active=false answered until a click is refused by another process, {of}: median",
            milliseconds[leavers // 2],
            "ms",
        ),
        Figure("the same: 99 of 100", milliseconds[int(leavers * 0.99)], "ms", "≤ 1,000"),
        Figure("the same: clicks that were let in after the answer", sum(late for _, late in measured), "", "0"),
    ]


async def _server(stack: AsyncExitStack, parts: Parts) -> str:
    port = free_port("127.0.0.1", 0)
    serving = ["serve", "workspaces", "--workspaces-port", str(port)]
    await stack.enter_async_context(program(parts.config.data, *serving))
    await wait_until_ready(f"http://127.0.0.1:{port}/health/ready")
    return f"http://127.0.0.1:{port}"


async def _person(there: TenantDatabase, parts: Parts, number: int) -> tuple[UUID, str]:
    """Somebody whom SCIM made, and the handle of their session."""
    resource = {"schemas": [USER_URN], "userName": f"u{number}@acme.example", "active": True}
    made = await workspaces.AccountStore(there, parts.runtime).create(USER, resource)
    user = UUID(made["id"])
    _, handle = await there.write(
        create_session, parts.runtime, SignIn("workspace", "pin", WORKSPACE_LIMITS, user=user)
    )
    return user, handle


async def _leave(
    http: aiohttp.ClientSession, first: str, second: str, headers: dict[str, str], cookies: dict[str, str], user: UUID
) -> tuple[float, int]:
    """Milliseconds from SCIM's answer to the first refusal, and how many clicks were let in until then."""

    async def click() -> int:
        async with http.get(f"{second}/home", cookies=cookies, allow_redirects=False) as answer:
            await answer.read()
            return answer.status

    assert await click() == 200, "the session is live before"
    url = f"{workspaces.tenant_url(first, 'bench')}/Users/{user}"
    async with http.patch(url, json=_PATCH, headers=headers) as answer:
        assert answer.status in (200, 204), await answer.text()
    answered, let_in = time.perf_counter(), 0
    while await click() != 303:
        let_in += 1
    return (time.perf_counter() - answered) * 1000, let_in
