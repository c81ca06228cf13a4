"""One transaction of one tenant, as the functions that run in it see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, LiteralString, Self
from uuid import UUID

from psycopg import AsyncConnection, AsyncCursor, AsyncPipeline, sql

from rollcall.db.types import Params, Row, Statement

# What a session keeps beyond a transaction: settings, the role, temporary tables, cursors, channels, advisory locks. All
# of `discard all` but prepared statements, which hold no data and are worth keeping; sent together with the end of the
# transaction, so that it costs no round trip.
_CLEAN: LiteralString = (
    "reset all; reset role; discard temp; discard sequences; close all; unlisten *; select pg_advisory_unlock_all()"
)


class Tx:
    """One transaction: its statements see and write rows of its tenant only.

    A statement is one statement, a literal or composed with psycopg.sql; jsonb parameters are wrapped in
    psycopg.types.json.Jsonb. Errors of the statement itself (psycopg.errors.UniqueViolation …) pass through;
    the transaction is of no more use then, so they must leave the function, as themselves or translated.
    """

    __slots__ = ("_connection", "_opening", "_tenant")

    def __init__(self, connection: AsyncConnection[Row], tenant: UUID | None) -> None:
        self._connection = connection
        self._tenant = tenant
        self._opening: AbstractAsyncContextManager[AsyncPipeline] | None = None

    @property
    def tenant(self) -> UUID:
        """The tenant this transaction belongs to."""
        assert self._tenant is not None, "a system transaction has no tenant"
        return self._tenant

    @property
    def connection(self) -> AsyncConnection[Row]:
        """The connection, for pipelines and cursors; the database begins and ends the transaction on it."""
        return self._connection

    async def all(self, statement: Statement, params: Params = None) -> list[Row]:
        """All rows."""
        return await (await self._execute(statement, params)).fetchall()

    async def one(self, statement: Statement, params: Params = None) -> Row | None:
        """The first row, or None."""
        return await (await self._execute(statement, params)).fetchone()

    async def value(self, statement: Statement, params: Params = None) -> Any:
        """The first column of the first row, or None when there is no row."""
        row = await self.one(statement, params)
        return None if row is None else next(iter(row.values()))

    async def run(self, statement: Statement, params: Params = None) -> int:
        """Run a statement and return the number of rows it touched."""
        return (await self._execute(statement, params)).rowcount

    async def run_many(self, statement: Statement, params: Iterable[Sequence[Any] | Mapping[str, Any]]) -> None:
        """Run a statement once for each element of `params`, without waiting for each answer."""
        async with self._connection.cursor() as cursor:
            await cursor.executemany(statement, params)
        await self.opened()

    async def copy_in(self, statement: Statement, rows: Iterable[Sequence[Any]]) -> None:
        """Write rows with COPY … FROM STDIN; only where no row-level security is (PostgreSQL refuses it there)."""
        await self.opened()
        async with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                await copy.write_row(row)

    async def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Insert many rows into a tenant's table by COPY and return how many; `table` may be "schema.name".

        They go through a temporary table, since COPY does not go through the wall between tenants.
        """
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        parts = {"table": sql.Identifier(*table.split(".")), "columns": names}
        await self.run("drop table if exists pg_temp.loading")
        await self.run(
            sql.SQL(
                "create temporary table loading on commit drop as select {columns} from {table} with no data"
            ).format(**parts)
        )
        await self.copy_in(sql.SQL("copy pg_temp.loading ({columns}) from stdin").format(**parts), rows)
        return await self.run(
            sql.SQL("insert into {table} ({columns}) select {columns} from pg_temp.loading").format(**parts)
        )

    async def begin(self, begin: str) -> Self:
        """Send what opens the transaction, and leave the answer to come with that of the first statement."""
        pipeline = self._connection.pipeline()
        await pipeline.__aenter__()
        self._opening = pipeline
        await self._connection.execute(begin.encode())
        if self._tenant is not None:
            await self._connection.execute("select set_config('rollcall.tenant', %s, true)", (str(self._tenant),))
        return self

    async def opened(self, error: BaseException | None = None) -> None:
        """Take the answers to what was sent so far and stop pipelining; `error` is what is being handled, if any."""
        opening, self._opening = self._opening, None
        if opening is not None:
            await opening.__aexit__(None if error is None else type(error), error, None)

    async def commit(self) -> None:
        """End the transaction; an error of a statement that was hidden from the database is our own mistake."""
        await self.opened()
        cursor = await self._connection.execute(f"commit; {_CLEAN}", prepare=False)
        assert cursor.statusmessage == "COMMIT", "the error of a statement leaves the function that ran it"

    async def roll_back(self, error: BaseException) -> None:
        """End the transaction without keeping anything; a connection that can't do even this is closed."""
        try:
            await self.opened(error)
            if not self._connection.closed:
                await self._connection.execute(f"rollback; {_CLEAN}", prepare=False)
        except BaseException:
            await self._connection.close()
            raise

    async def _execute(self, statement: Statement, params: Params) -> AsyncCursor[Row]:
        cursor = await self._connection.execute(statement, params)
        if self._opening is not None:
            await self.opened()
        return cursor
