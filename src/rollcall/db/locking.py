"""A lock that ends with its holder: held by a connection of its own, released by PostgreSQL when that is gone."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection

from rollcall.errors import Unavailable

_RELEASE_WITHIN_SECONDS = 1.0


@asynccontextmanager
async def exclusive(conninfo: str, name: str) -> AsyncGenerator[bool]:
    """Hold the lock `name` for as long as the block runs, or say at once (False) that somebody else does.

    A killed process, a lost connection and an ended block release it alike; when the connection is lost the block
    is ended with it. Raises Unavailable then, and when the database can't be reached.
    """
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    try:
        connection = await AsyncConnection.connect(conninfo, autocommit=True)
    except psycopg.OperationalError:
        raise Unavailable("The database can't be reached; try again in a moment.") from None
    try:
        row = await (await connection.execute("select pg_try_advisory_lock(%s)", [number])).fetchone()
        async with _ended_with(connection):
            yield row is not None and bool(row[0])
    finally:
        await _release(connection)


async def _release(connection: AsyncConnection) -> None:
    """Let go of the lock before the connection: a server notices the end of a connection some time later."""
    with contextlib.suppress(psycopg.Error, TimeoutError):
        async with asyncio.timeout(_RELEASE_WITHIN_SECONDS):
            await connection.execute("select pg_advisory_unlock_all()")
    await connection.close()


@asynccontextmanager
async def _ended_with(connection: AsyncConnection) -> AsyncGenerator[None]:
    """End the block when the connection is lost: the lock went with it, and somebody else may hold it now."""
    holder = asyncio.current_task()
    assert holder is not None, "a lock is held by a task"
    lost = False

    async def watch() -> None:
        nonlocal lost
        with contextlib.suppress(psycopg.Error):
            async for _ in connection.notifies():
                pass  # nothing is listened to; this returns or raises when the connection ends
        lost = True
        holder.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not lost:
            raise
        holder.uncancel()
        raise Unavailable("The connection that held a lock was lost; what it protected was ended.") from None
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
