"""A proxy in front of a target: it notes what passes, and may slow it down or answer in the target's place."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import aiohttp
from aiohttp import web

WRITING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HANDED_ON = ("Authorization", "Content-Type", "Accept", "If-Match")


@dataclass(frozen=True, slots=True)
class Passed:
    """One exchange: `path` without its query, `body` and `answer` as JSON values, None where there was none."""

    method: str
    path: str
    query: str
    body: Any
    status: int
    answer: Any
    client_port: int

    @property
    def kind(self) -> str:
        """`Users` or `Groups`, wherever the target is mounted."""
        return next((part for part in self.path.split("/") if part in ("Users", "Groups")), "")


async def let_pass(_method: str, _path: str) -> web.Response | None:
    """Interfere with nothing."""
    return None


async def hand_over(_method: str, _path: str) -> None:
    """Keep no answer back."""


@dataclass
class Proxy:
    """What passed so far, in the order of the answers.

    `interfere` may wait, and may answer instead of the target; `keep_back` may keep back the answer to what was done.
    """

    origin: str
    url: str = ""
    delay_seconds: float = 0.0
    interfere: Callable[[str, str], Awaitable[web.Response | None]] = let_pass
    keep_back: Callable[[str, str], Awaitable[None]] = hand_over
    passed: list[Passed] = field(default_factory=list)
    under_way: Counter[int] = field(default_factory=Counter)
    arrived: Callable[[int], None] = lambda _port: None
    _news: asyncio.Condition = field(default_factory=asyncio.Condition)

    def taken(self) -> list[Passed]:
        """What passed since this was last asked."""
        taken, self.passed = self.passed, []
        return taken

    def written(self) -> list[Passed]:
        """Requests that write, and that the target carried out."""
        return [each for each in self.passed if each.method in WRITING and each.status < 300]

    async def until(self, enough: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait until so much has passed."""
        async with asyncio.timeout(seconds), self._news:
            await self._news.wait_for(enough)

    async def handle(self, session: aiohttp.ClientSession, request: web.Request) -> web.Response:
        """Pass one request on, or answer it."""
        assert request.transport is not None
        port: int = request.transport.get_extra_info("peername")[1]
        content = await request.read()
        self.under_way[port] += 1
        self.arrived(port)
        try:
            await asyncio.sleep(self.delay_seconds)
            response = await self.interfere(request.method, request.path)
            if response is None:
                response = await self._forward(session, request, content)
        finally:
            self.under_way -= Counter([port])
        answer = response.body if isinstance(response.body, bytes) else b""
        path, _, query = request.raw_path.partition("?")
        self.passed.append(
            Passed(request.method, path, unquote(query), _json(content), response.status, _json(answer), port)
        )
        async with self._news:
            self._news.notify_all()
        await self.keep_back(request.method, request.path)
        return response

    async def _forward(self, session: aiohttp.ClientSession, request: web.Request, content: bytes) -> web.Response:
        headers = {name: request.headers[name] for name in _HANDED_ON if name in request.headers}
        try:
            async with session.request(
                request.method, f"{self.origin}{request.raw_path}", data=content or None, headers=headers
            ) as answer:
                kept = {
                    name: answer.headers[name] for name in ("Content-Type", "Retry-After") if name in answer.headers
                }
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        except aiohttp.ClientError as error:
            return web.Response(status=502, text=type(error).__name__)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content) if content else None
    except ValueError:
        return content


@asynccontextmanager
async def proxy_to(origin: str) -> AsyncIterator[Proxy]:
    """A proxy to a scheme, host and port, on a loopback port of its own."""
    proxy = Proxy(origin)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def handle(request: web.Request) -> web.Response:
            return await proxy.handle(session, request)

        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{tail:.*}", handle)
        # Unlike aiohttp's test server it sees a request through whose client has died: so does a real target.
        runner = web.AppRunner(app, handler_cancellation=False)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        proxy.url = f"http://{host}:{port}"
        try:
            yield proxy
        finally:
            await runner.cleanup()
