"""The database going away: clean refusals, and recovery without a restart of the program."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
import pytest_asyncio

from rollcall.db import Database, DatabaseConfig, TenantDatabase, Tx, open_database
from rollcall.errors import Unavailable


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def owner(database_config: DatabaseConfig) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection as the schema's owner."""
    assert database_config.url is not None
    async with await psycopg.AsyncConnection.connect(database_config.url, autocommit=True) as connection:
        yield connection


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def notes(owner: psycopg.AsyncConnection[Any]) -> None:
    """A table whose rows named `fatal` end the session that commits them, while it commits them."""
    await owner.execute(
        """
        create table directory.notes (tenant_id uuid not null default rollcall_tenant(), name text);
        select rollcall_protect('directory.notes');
        create function directory.end_session() returns trigger language plpgsql security definer as $$
        begin
            perform pg_terminate_backend(pg_backend_pid());
            perform pg_sleep(10);
            return null;
        end
        $$;
        create constraint trigger fatal after insert on directory.notes deferrable initially deferred
            for each row when (new.name = 'fatal') execute function directory.end_session();
        """
    )


async def add(tx: Tx, name: str) -> None:
    await tx.run("insert into directory.notes (name) values (%s)", (name,))


async def names(tx: Tx) -> list[str]:
    return [row["name"] for row in await tx.all("select name from directory.notes order by name")]


async def end_all_sessions(owner: psycopg.AsyncConnection[Any]) -> None:
    await owner.execute(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    )


async def test_sessions_ended_while_idle_are_not_noticed(
    tenant_db: TenantDatabase, owner: psycopg.AsyncConnection[Any]
) -> None:
    await tenant_db.write(add, "before")
    for _ in range(3):
        await end_all_sessions(owner)
        await asyncio.gather(*(tenant_db.read(names) for _ in range(10)))
    await end_all_sessions(owner)
    await tenant_db.write(add, "after")

    assert await tenant_db.read(names) == ["after", "before"]


async def test_a_session_ended_before_commit_is_replaced_and_the_function_run_again(
    tenant_db: TenantDatabase, owner: psycopg.AsyncConnection[Any]
) -> None:
    attempts: list[str] = []

    async def interrupted(tx: Tx, name: str) -> list[str]:
        before = await names(tx)
        attempts.append(name)
        if attempts.count(name) == 1:
            await end_all_sessions(owner)
        if name == "written":
            await add(tx, name)
        return before

    assert await tenant_db.write(interrupted, "written") == []
    assert await tenant_db.read(interrupted, "read") == ["written"]
    assert attempts == ["written", "written", "read", "read"]
    assert await tenant_db.read(names) == ["written"]


async def test_a_session_ended_again_and_again_is_refused(
    tenant_db: TenantDatabase, owner: psycopg.AsyncConnection[Any]
) -> None:
    async def interrupted(tx: Tx) -> None:
        await end_all_sessions(owner)
        await names(tx)

    with pytest.raises(Unavailable):
        await tenant_db.read(interrupted)
    assert await tenant_db.read(names) == []


async def test_a_write_that_may_have_been_committed_is_not_repeated(tenant_db: TenantDatabase) -> None:
    attempts = []

    async def fatal(tx: Tx) -> None:
        attempts.append(1)
        await add(tx, "fatal")

    with pytest.raises(Unavailable, match="unknown"):
        await tenant_db.write(fatal)

    assert len(attempts) == 1
    assert await tenant_db.read(names) == []


@asynccontextmanager
async def own_server(data: Path) -> AsyncIterator[Database]:
    database = await open_database(DatabaseConfig(data=data, durable=False))
    try:
        yield database
    finally:
        await database.close()


async def one(tx: Tx) -> Any:
    return await tx.value("select 1")


async def test_requests_survive_a_server_that_is_killed(tmp_path: Path, runtime: Any) -> None:
    async with own_server(tmp_path) as database:
        tenant = database.tenant(runtime.new_id())
        assert await tenant.read(one) == 1
        assert database.server is not None
        killed = database.server.pid
        assert killed is not None

        os.kill(killed, signal.SIGKILL)
        answers = await asyncio.gather(*(tenant.read(one) for _ in range(20)))

        assert answers == [1] * 20
        assert database.server.pid not in (None, killed)


async def test_a_server_killed_with_its_keeper_comes_back_too(tmp_path: Path, runtime: Any) -> None:
    async with own_server(tmp_path) as database:
        tenant = database.tenant(runtime.new_id())
        assert database.server is not None
        killed = database.server.pid
        assert killed is not None
        keeper = parent_of(killed)

        os.kill(keeper, signal.SIGKILL)
        os.kill(killed, signal.SIGKILL)

        async with asyncio.timeout(60):
            # A session of the killed server may answer once more before it notices that it is alone, and on a busy
            # machine the server may take longer to come back than a request waits for it.
            answered = False
            while not answered or database.server.pid in (None, killed):
                await asyncio.sleep(0.05)
                answered = await _answers(tenant)


async def _answers(tenant: Any) -> bool:
    with suppress(Unavailable):
        return bool(await tenant.read(one) == 1)
    return False


async def test_while_the_server_can_not_be_started_requests_are_refused_and_afterwards_served(
    tmp_path: Path, runtime: Any
) -> None:
    data = tmp_path / "postgres" / "data"
    config = DatabaseConfig(data=tmp_path, durable=False, pool_timeout_seconds=1)
    database = await open_database(config)
    tenant = database.tenant(runtime.new_id())
    try:
        assert database.server is not None
        assert database.server.pid is not None
        (data / "global").rename(data / "global.away")
        os.kill(database.server.pid, signal.SIGKILL)
        with pytest.raises(Unavailable):  # noqa: PT012 - sessions may outlive the server for a moment
            while True:
                await tenant.read(one)
        with pytest.raises(Unavailable):
            await tenant.read(one)

        (data / "global.away").rename(data / "global")
        answer = None
        while answer is None:  # a start that failed is tried again after a pause
            with suppress(Unavailable):
                answer = await tenant.read(one)

        assert answer == 1
    finally:
        await database.close()


async def test_listening_goes_on_after_a_loss_and_says_so(
    database: Database, tenant_db: TenantDatabase, owner: psycopg.AsyncConnection[Any]
) -> None:
    async def notify(tx: Tx, payload: str) -> None:
        await tx.run("select pg_notify('news', %s)", (payload,))

    payloads = database.listen("news")
    try:
        heard = [await anext(payloads)]
        await tenant_db.write(notify, "one")
        heard.append(await anext(payloads))
        await end_all_sessions(owner)
        heard.append(await anext(payloads))
        await tenant_db.write(notify, "two")
        heard.append(await anext(payloads))
    finally:
        await payloads.aclose()

    assert heard == ["", "one", "", "two"]


def parent_of(pid: int) -> int:
    """The parent's process id (proc(5))."""
    return int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
