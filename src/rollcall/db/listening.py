"""Waits for notifications (LISTEN/NOTIFY) on a connection of its own, through losses of that connection."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

import psycopg
from psycopg import AsyncConnection, sql

from rollcall.errors import Unavailable
from rollcall.runtime import Runtime

_PAUSES_SECONDS = (0.1, 0.3, 1.0, 3.0, 5.0)
"""Between attempts to connect again; the last one repeats."""


async def listen(
    conninfo: str,
    channel: str,
    *,
    runtime: Runtime,
    revive: Callable[[], Awaitable[None]],
    is_open: Callable[[], bool],
) -> AsyncGenerator[str]:
    """The payloads sent to `channel`, for as long as the caller asks and the database is open.

    "" comes first of all, when listening has begun, and again after each loss of the connection: something may have
    been missed, so look. `revive` is called before connecting again.
    """
    failures = 0
    while is_open():
        try:
            async with await AsyncConnection.connect(conninfo, autocommit=True) as connection:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                failures = 0
                yield ""
                async for notification in connection.notifies():
                    yield notification.payload
        except (psycopg.OperationalError, Unavailable):
            pause = _PAUSES_SECONDS[min(failures, len(_PAUSES_SECONDS) - 1)]
            failures += 1
            await runtime.sleep(pause * (0.5 + runtime.jitter() / 2))
        try:
            await revive()
        except Unavailable:
            continue
