"""A lock that ends with its holder: held by a connection of its own, released by PostgreSQL when that is gone."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import psycopg
from psycopg import AsyncConnection

from rollcall.errors import Unavailable


@asynccontextmanager
async def exclusive(conninfo: str, name: str) -> AsyncGenerator[bool]:
    """Hold the lock `name` for as long as the block runs, or say at once (False) that somebody else does.

    A killed process, a lost connection and an ended block release it alike. Raises Unavailable when the
    database can't be reached.
    """
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    try:
        connection = await AsyncConnection.connect(conninfo, autocommit=True)
    except psycopg.OperationalError:
        raise Unavailable("The database can't be reached; try again in a moment.") from None
    try:
        row = await (await connection.execute("select pg_try_advisory_lock(%s)", [number])).fetchone()
        yield row is not None and bool(row[0])
    finally:
        await connection.close()
