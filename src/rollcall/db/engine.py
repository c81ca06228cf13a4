"""Transactions of one tenant on a pool of connections: opened, run whole, tried again, or refused cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Concatenate, ParamSpec, TypeVar
from uuid import UUID

import orjson
import psycopg
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout

from rollcall.db.embedded import Server
from rollcall.db.listening import listen
from rollcall.db.locking import exclusive
from rollcall.db.transaction import Tx
from rollcall.db.types import APPLICATION_ROLE, DatabaseConfig, Row
from rollcall.errors import Unavailable
from rollcall.runtime import Runtime, SystemRuntime

P = ParamSpec("P")
T = TypeVar("T")

_READ = "begin isolation level repeatable read read only"
_WRITE = "begin isolation level read committed"
_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.5


class TenantDatabase:
    """The database as one tenant sees it."""

    __slots__ = ("_database", "tenant")

    def __init__(self, database: Database, tenant: UUID) -> None:
        self._database = database
        self.tenant = tenant

    async def read(self, f: Callable[Concatenate[Tx, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(tx, …)` on one unchanging state of the data and return what it returns.

        `f` may run more than once. Raises Unavailable when the database is away or too slow.
        """
        return await self._database.transact(_READ, self.tenant, lambda tx: f(tx, *args, **kwargs))

    async def write(self, f: Callable[Concatenate[Tx, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(tx, …)`, commit, and return what it returned; nothing is kept when it raises.

        `f` may run more than once, and is committed once. Raises Unavailable when the database is away or too slow.
        """
        return await self._database.transact(_WRITE, self.tenant, lambda tx: f(tx, *args, **kwargs))


class Database:
    """A pool of connections as the application role. Made by `open_database`."""

    def __init__(
        self, config: DatabaseConfig, conninfo: str, *, server: Server | None = None, runtime: Runtime | None = None
    ) -> None:
        self.config = config
        self.conninfo = conninfo
        """How this program connects as the application role: for the queue and for listening."""
        self.server = server
        """The embedded server, which `close` leaves; None when the database is somebody else's."""
        self._runtime = runtime or SystemRuntime()
        self._reviving = asyncio.Lock()
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
            conninfo,
            kwargs={"autocommit": True, "row_factory": dict_row},
            min_size=min(2, config.pool_size),
            max_size=config.pool_size,
            timeout=config.pool_timeout_seconds,
            reconnect_timeout=config.pool_timeout_seconds,
            configure=_configure,
            name="rollcall",
            open=False,
        )

    async def open(self) -> None:
        """Open the pool and wait for its first connections. Raises Unavailable."""
        try:
            await self._pool.open(wait=True, timeout=self.config.pool_timeout_seconds)
        except PoolTimeout:
            await self._pool.close()
            raise self._away() from None

    async def close(self) -> None:
        """Close all connections, and leave the embedded server."""
        await self._pool.close()
        if self.server is not None:
            await asyncio.to_thread(self.server.stop)

    def tenant(self, tenant: UUID) -> TenantDatabase:
        """The database as `tenant` sees it."""
        return TenantDatabase(self, tenant)

    async def system(self, f: Callable[Concatenate[Tx, P], Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `f(tx, …)` without a tenant and commit: it sees no row of any tenant.

        For tables without tenants and functions that look across them. Raises Unavailable.
        """
        return await self.transact(_WRITE, None, lambda tx: f(tx, *args, **kwargs))

    async def check(self) -> None:
        """Ask the database for an answer. Raises Unavailable when there is none."""
        await self.system(_answer)

    def listen(self, channel: str) -> AsyncGenerator[str]:
        """The payloads of notifications on `channel`; "" at the beginning and after each loss of the connection."""
        return listen(
            self.conninfo,
            channel,
            runtime=self._runtime,
            revive=self._revive,
            is_open=lambda: not self._pool.closed,
        )

    def exclusive(self, name: str) -> AbstractAsyncContextManager[bool]:
        """A lock over all processes on this database, for the length of a block; says whether it was free."""
        return exclusive(self.conninfo, name)

    async def transact(self, begin: str, tenant: UUID | None, f: Callable[[Tx], Awaitable[T]]) -> T:
        """Run one transaction whole, again when it lost against another one or its connection was lost.

        A connection lost while a write was being committed leaves open whether it was: that is never repeated, and
        raises Unavailable.
        """
        lost = 0
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._attempt(begin, tenant, f)
            except (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected):
                if attempt >= self.config.attempts:
                    raise Unavailable(
                        "Too many changes to the same data at once. Try again.", retry_after_seconds=1
                    ) from None
                await self._runtime.sleep(self._pause_seconds(attempt))
            except _Lost as error:
                lost += 1
                if lost > 1:
                    raise self._away() from error.__cause__
                await self._revive()

    async def _attempt(self, begin: str, tenant: UUID | None, f: Callable[[Tx], Awaitable[T]]) -> T:
        try:
            connection = await self._pool.getconn()
        except PoolTimeout:
            await self._revive()
            raise self._away() from None
        except PoolClosed:
            raise self._away() from None
        try:
            return await self._run(connection, begin, tenant, f)
        finally:
            await self._pool.putconn(connection)

    async def _run(
        self, connection: AsyncConnection[Row], begin: str, tenant: UUID | None, f: Callable[[Tx], Awaitable[T]]
    ) -> T:
        tx = Tx(connection, tenant)
        committing = False
        try:
            result = await f(await tx.begin(begin))
            await tx.opened()
            committing = True
            await tx.commit()
        except BaseException as error:
            with suppress(psycopg.Error):
                await tx.roll_back(error)
            if isinstance(error, psycopg.Error):
                may_be_kept = committing and begin != _READ
                told = _told(error, lost=connection.closed, may_be_kept=may_be_kept)
                if told is not error:
                    raise told from error
            raise
        else:
            return result

    async def _revive(self) -> None:
        """Drop dead connections; bring the embedded server back when its keeper did not. Raises Unavailable."""
        async with self._reviving:
            if self._pool.closed:
                return
            if self.server is not None:
                await asyncio.to_thread(self.server.ensure, self.config.pool_timeout_seconds)
            await self._pool.check()

    def _pause_seconds(self, attempt: int) -> float:
        longest: float = min(_FIRST_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)
        return longest * (0.5 + self._runtime.jitter() / 2)

    def _away(self) -> Unavailable:
        return Unavailable(
            "The database is away or has no free connection. Try again in a moment.", retry_after_seconds=5
        )


class _Lost(Exception):
    """The connection was lost before anything could have been committed."""


_AWAY = (
    psycopg.errors.AdminShutdown,
    psycopg.errors.CrashShutdown,
    psycopg.errors.CannotConnectNow,
)
_TOO_SLOW_OR_TOO_MUCH = (
    psycopg.errors.QueryCanceled,
    psycopg.errors.TransactionTimeout,
    psycopg.errors.IdleInTransactionSessionTimeout,
    psycopg.errors.LockNotAvailable,
    psycopg.errors.InsufficientResources,
    psycopg.errors.OutOfMemory,
    psycopg.errors.TooManyConnections,
)


def _told(error: psycopg.Error, *, lost: bool, may_be_kept: bool) -> Exception:
    """What an error of the driver is to the caller: itself when it is about the statement."""
    if isinstance(error, psycopg.errors.DiskFull):
        return Unavailable(
            f"The disk of the database is full ({error.diag.message_primary}). Nothing was changed. Make room there; "
            "then everything goes on by itself.",
            retry_after_seconds=5,
        )
    if isinstance(error, _TOO_SLOW_OR_TOO_MUCH):
        return Unavailable(f"The database gave up: {error.diag.message_primary}.", retry_after_seconds=5)
    if lost or isinstance(error, _AWAY):
        if may_be_kept:
            return Unavailable(
                "The database went away while a change was being committed; whether it was is unknown. "
                "Look before you repeat it."
            )
        return _Lost()
    return error


async def _answer(tx: Tx) -> None:
    await tx.run("select")


async def _configure(connection: AsyncConnection[Row]) -> None:
    set_json_dumps(orjson.dumps, connection)
    set_json_loads(orjson.loads, connection)


def connection_string(url: str, config: DatabaseConfig) -> str:
    """`url` with what every connection of the program has: the application role and the time limits."""
    options = {
        "role": APPLICATION_ROLE,
        "statement_timeout": f"{int(config.statement_timeout_seconds * 1000)}",
        "idle_in_transaction_session_timeout": f"{int(config.idle_in_transaction_timeout_seconds * 1000)}",
        "transaction_timeout": f"{int(config.transaction_timeout_seconds * 1000)}",
        "timezone": "UTC",
    }
    return psycopg.conninfo.make_conninfo(
        url,
        options=" ".join(f"-c {name}={value}" for name, value in options.items()),
        connect_timeout=max(2, round(config.connect_timeout_seconds)),
        application_name="rollcall",
        keepalives_idle=30,
        keepalives_interval=10,
        keepalives_count=3,
    )
