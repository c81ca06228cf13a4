"""Reading and writing: whole transactions of one tenant, tried again or refused cleanly."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import pytest_asyncio
from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from rollcall.db import Database, DatabaseConfig, TenantDatabase, Tx, open_database
from rollcall.errors import Unavailable


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def counters(database_config: DatabaseConfig) -> None:
    """A table of this module's own."""
    assert database_config.url is not None
    async with await psycopg.AsyncConnection.connect(database_config.url) as connection:
        await connection.execute(
            "create table directory.counters ("
            " tenant_id uuid not null default rollcall_tenant(), name text, value bigint not null default 0,"
            " about jsonb, primary key (tenant_id, name))"
        )
        await connection.execute("select rollcall_protect('directory.counters')")


async def add(tx: Tx, name: str, value: int = 0) -> None:
    await tx.run("insert into directory.counters (name, value) values (%s, %s)", (name, value))


async def names(tx: Tx) -> list[str]:
    return [row["name"] for row in await tx.all("select name from directory.counters order by name")]


async def value_of(tx: Tx, name: str) -> Any:
    return await tx.value("select value from directory.counters where name = %s", (name,))


async def test_a_transaction_runs_as_the_application_role_for_its_tenant(tenant_db: TenantDatabase) -> None:
    async def who(tx: Tx) -> tuple[object, ...]:
        row = await tx.one("select current_user::text as role, rollcall_tenant() as tenant")
        assert row is not None
        return row["role"], row["tenant"], tx.tenant

    expected = ("rollcall_app", tenant_db.tenant, tenant_db.tenant)

    assert await tenant_db.read(who) == expected
    assert await tenant_db.write(who) == expected


async def test_what_is_written_is_read_by_the_next_transaction(tenant_db: TenantDatabase) -> None:
    await tenant_db.write(add, "a", value=3)

    assert await tenant_db.read(value_of, "a") == 3
    assert await tenant_db.read(value_of, "none") is None


async def test_nothing_is_kept_of_a_write_that_raises(tenant_db: TenantDatabase) -> None:
    async def half(tx: Tx) -> None:
        await add(tx, "first")
        raise ValueError("changed my mind")

    with pytest.raises(ValueError, match="changed my mind"):
        await tenant_db.write(half)

    assert await tenant_db.read(names) == []


async def test_a_read_can_not_write(tenant_db: TenantDatabase) -> None:
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        await tenant_db.read(add, "a")


async def test_a_read_sees_one_unchanging_state(tenant_db: TenantDatabase) -> None:
    async def twice(tx: Tx) -> tuple[list[str], list[str]]:
        before = await names(tx)
        await tenant_db.write(add, "meanwhile")
        return before, await names(tx)

    assert await tenant_db.read(twice) == ([], [])
    assert await tenant_db.read(names) == ["meanwhile"]


async def test_a_unique_violation_reaches_the_caller_and_the_connection_stays_usable(tenant_db: TenantDatabase) -> None:
    await tenant_db.write(add, "same")
    for _ in range(3):
        with pytest.raises(psycopg.errors.UniqueViolation):
            await tenant_db.write(add, "same")

    assert await tenant_db.read(names) == ["same"]


async def test_a_swallowed_error_of_a_statement_is_not_taken_for_a_commit(tenant_db: TenantDatabase) -> None:
    async def swallow(tx: Tx) -> None:
        await add(tx, "lost")
        with pytest.raises(psycopg.errors.DivisionByZero):
            await tx.value("select 1 / 0")

    with pytest.raises(AssertionError):
        await tenant_db.write(swallow)

    assert await tenant_db.read(names) == []


async def test_an_error_before_the_first_statement_leaves_the_connection_usable(tenant_db: TenantDatabase) -> None:
    async def refuse(_tx: Tx) -> None:
        raise ValueError("no")

    for _ in range(30):  # more often than there are connections
        with pytest.raises(ValueError, match="no"):
            await tenant_db.write(refuse)

    assert await tenant_db.read(names) == []


async def test_a_transaction_without_statements_is_committed(tenant_db: TenantDatabase) -> None:
    async def nothing(tx: Tx) -> UUID:
        return tx.tenant

    assert await tenant_db.write(nothing) == tenant_db.tenant


async def test_many_rows_go_in_by_one_call_and_by_copy_even_as_the_first_statement(tenant_db: TenantDatabase) -> None:
    async def many(tx: Tx) -> None:
        await tx.run_many(
            "insert into directory.counters (name, value) values (%s, %s)", ((f"m{n}", n) for n in range(3))
        )

    async def loaded(tx: Tx, letter: str) -> int:
        return await tx.load("directory.counters", ("name", "value"), ((f"{letter}{n}", n) for n in range(3)))

    async def loaded_twice(tx: Tx) -> int:
        return await loaded(tx, "c") + await loaded(tx, "d")

    await tenant_db.write(many)

    assert await tenant_db.write(loaded_twice) == 6
    assert await tenant_db.read(names) == ["c0", "c1", "c2", "d0", "d1", "d2", "m0", "m1", "m2"]


async def test_copy_may_be_the_first_statement(tenant_db: TenantDatabase) -> None:
    async def copied(tx: Tx) -> Any:
        await tx.copy_in("copy scraps from stdin", [(1,), (2,)])
        return await tx.value("select sum(n) from scraps")

    async def in_a_session_with_a_scrap_table(tx: Tx) -> Any:
        await tx.run("create temporary table scraps (n bigint) on commit drop")
        await tx.copy_in("copy scraps from stdin", [(1,), (2,)])
        return await tx.value("select sum(n) from scraps")

    assert await tenant_db.write(in_a_session_with_a_scrap_table) == 3
    with pytest.raises(psycopg.errors.UndefinedTable):
        await tenant_db.write(copied)


async def test_the_connection_of_a_transaction_pipelines_and_has_savepoints(tenant_db: TenantDatabase) -> None:
    async def pipelined(tx: Tx) -> list[int]:
        async with tx.connection.pipeline():
            cursors = [await tx.connection.execute("select %s::int as n", (n,)) for n in range(3)]
        return [row["n"] for cursor in cursors for row in await cursor.fetchall()]

    async def partly(tx: Tx) -> None:
        await add(tx, "kept")
        with pytest.raises(psycopg.errors.UniqueViolation):
            async with tx.connection.transaction():
                await add(tx, "kept")
        await add(tx, "kept too")

    assert await tenant_db.read(pipelined) == [0, 1, 2]
    await tenant_db.write(partly)
    assert await tenant_db.read(names) == ["kept", "kept too"]


async def test_json_and_ids_are_python_values(tenant_db: TenantDatabase, runtime: Any) -> None:
    about = {"ß": ["İstanbul", 1.5, None, {"deep": True}]}
    an_id = runtime.new_id()

    async def there_and_back(tx: Tx) -> tuple[Any, Any]:
        await tx.run("insert into directory.counters (name, about) values ('j', %s)", (Jsonb(about),))
        return await tx.value("select about from directory.counters"), await tx.value("select %s::uuid", (an_id,))

    assert await tenant_db.write(there_and_back) == (about, an_id)


@pytest.fixture
def trace(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    path = tmp_path / "trace"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    yield path, descriptor
    os.close(descriptor)


async def test_a_transaction_of_one_statement_waits_twice_for_the_server(
    tenant_db: TenantDatabase, trace: tuple[Path, int]
) -> None:
    path, descriptor = trace

    async def one_statement(tx: Tx) -> AsyncConnection[Any]:
        tx.connection.pgconn.trace(descriptor)
        await tx.value("select %s::int", (1,))
        return tx.connection

    connection = await tenant_db.write(one_statement)
    connection.pgconn.untrace()
    lines = path.read_text().splitlines()

    # The server answers, and is waited for, at the end of a simple query and at each Sync.
    assert sum("\tReadyForQuery\t" in line for line in lines) == 2


async def test_a_serialisation_failure_is_tried_again(tenant_db: TenantDatabase) -> None:
    await tenant_db.write(add, "n")
    attempts = []

    async def increment(tx: Tx) -> None:
        attempts.append(1)
        if len(attempts) <= 3:
            await tx.run("do $$ begin raise serialization_failure; end $$")
        await tx.run("update directory.counters set value = value + 1 where name = 'n'")

    await tenant_db.write(increment)

    assert len(attempts) == 4
    assert await tenant_db.read(value_of, "n") == 1


async def test_a_transaction_that_always_loses_is_refused(tenant_db: TenantDatabase) -> None:
    async def lose(tx: Tx) -> None:
        await tx.run("do $$ begin raise serialization_failure; end $$")

    with pytest.raises(Unavailable, match="Too many changes"):
        await tenant_db.write(lose)


async def test_two_writes_that_wait_for_each_other_both_succeed(tenant_db: TenantDatabase) -> None:
    await tenant_db.write(add, "left")
    await tenant_db.write(add, "right")
    both_hold_one = asyncio.Barrier(2)
    attempts = []

    async def increment(tx: Tx, first: str, second: str) -> None:
        attempts.append(first)
        for name in (first, second):
            await tx.run("update directory.counters set value = value + 1 where name = %s", (name,))
            if name == first and len(attempts) <= 2:
                await both_hold_one.wait()

    await asyncio.gather(
        tenant_db.write(increment, "left", "right"),
        tenant_db.write(increment, "right", "left"),
    )

    assert len(attempts) == 3
    assert await tenant_db.read(value_of, "left") == 2
    assert await tenant_db.read(value_of, "right") == 2


async def test_a_statement_over_the_time_limit_is_refused(database_config: DatabaseConfig, runtime: Any) -> None:
    database = await open_database(replace(database_config, statement_timeout_seconds=0.05))

    async def slow(tx: Tx) -> None:
        await tx.run("select pg_sleep(30)")

    try:
        with pytest.raises(Unavailable, match="statement timeout"):
            await database.tenant(runtime.new_id()).read(slow)
        assert await database.tenant(runtime.new_id()).read(names) == []
    finally:
        await database.close()


@pytest.mark.parametrize("limit", ["idle_in_transaction_timeout_seconds", "transaction_timeout_seconds"])
async def test_a_transaction_over_a_time_limit_is_ended(
    database_config: DatabaseConfig, runtime: Any, limit: str
) -> None:
    limits: dict[str, Any] = {limit: 0.1}
    database = await open_database(replace(database_config, **limits))

    async def idle(tx: Tx) -> None:
        await names(tx)
        await names(tx)
        await runtime.sleep(0.5)
        await names(tx)

    try:
        with pytest.raises(Unavailable):
            await database.tenant(runtime.new_id()).read(idle)
    finally:
        await database.close()


async def test_whoever_waits_too_long_for_a_connection_is_refused(
    database_config: DatabaseConfig, runtime: Any
) -> None:
    database = await open_database(replace(database_config, pool_size=1, pool_timeout_seconds=0.1))
    tenant = database.tenant(runtime.new_id())

    async def another(tx: Tx) -> None:
        await names(tx)
        with pytest.raises(Unavailable, match="no free connection"):
            await tenant.read(names)

    try:
        await tenant.read(another)
        assert await tenant.read(names) == []
    finally:
        await database.close()


async def test_a_cancelled_transaction_keeps_nothing_and_frees_its_connection(
    database_config: DatabaseConfig, runtime: Any
) -> None:
    database = await open_database(replace(database_config, pool_size=1))
    tenant = database.tenant(runtime.new_id())
    at_work = asyncio.Event()

    async def slow(tx: Tx) -> None:
        await add(tx, "cancelled")
        at_work.set()
        await tx.run("select pg_sleep(30)")

    async def slow_at_once(tx: Tx) -> None:
        at_work.set()
        await tx.run("select pg_sleep(30)")

    try:
        for work in (slow, slow_at_once):
            at_work.clear()
            task = asyncio.create_task(tenant.write(work))
            await at_work.wait()
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await tenant.read(names) == []
    finally:
        await database.close()


async def test_a_closed_database_refuses(database_config: DatabaseConfig, runtime: Any) -> None:
    database = await open_database(database_config)
    await database.close()

    with pytest.raises(Unavailable):
        await database.tenant(runtime.new_id()).read(names)


async def test_a_system_transaction_has_no_tenant(database: Database, tenant_db: TenantDatabase) -> None:
    await tenant_db.write(add, "mine")

    async def tenant_in_sql(tx: Tx) -> Any:
        return await tx.value("select rollcall_tenant()")

    async def tenant_in_python(tx: Tx) -> UUID:
        return tx.tenant

    assert await database.system(tenant_in_sql) is None
    assert await database.system(names) == []
    with pytest.raises(AssertionError):
        await database.system(tenant_in_python)
