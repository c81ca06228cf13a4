"""Sessions for outbound calls: a name is resolved once, looked at, and the address looked at is the one connected to."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult

from rollcall.outbound.addresses import Reach, refused_address


def client_host(url: str) -> str:
    """The host of a URL as a session will connect to it: in ASCII, other digits and dots made plain (UTS #46). Raises ValueError."""
    host = yarl.URL(url).raw_host
    if not host:
        raise ValueError("The URL has no host.")
    return host


class AddressRefused(OSError):
    """A name stands for an address that calls may not go to."""


class GuardedResolver(AbstractResolver):
    """Resolves names and refuses them when one of their addresses is not allowed."""

    def __init__(self, reach: Reach, inner: AbstractResolver | None = None) -> None:
        self._reach = reach
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for each in found:
            if why := refused_address(each["host"], self._reach, host):
                raise AddressRefused(why)
        return found

    async def close(self) -> None:
        await self._inner.close()


@asynccontextmanager
async def open_session(
    reach: Reach, timeout_seconds: float, resolver: AbstractResolver | None = None
) -> AsyncGenerator[aiohttp.ClientSession]:
    """A session for outbound calls: it keeps no cookies and obeys no proxy variables.

    An address in digits never comes to a resolver; whoever calls asks `refused_address` first. `resolver`: how names are
    resolved, in the place of the machine's own way.
    """
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(reach, resolver), use_dns_cache=False, limit=16)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=timeout_seconds),
        auto_decompress=False,
    ) as session:
        yield session
