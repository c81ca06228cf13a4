"""Fixtures that every test may use: the machine, a database of one's own, a tenant of one's own."""

from __future__ import annotations

import fcntl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio
from psycopg import sql

from rollcall.db import Database, DatabaseConfig, Server, TenantDatabase, embedded_server, migrate, open_database
from rollcall.db.embedded import LOGIN
from rollcall.db.keeper import give, take
from rollcall.db.opening import create_database, create_login
from rollcall.runtime import Runtime, SystemRuntime

_TEMPLATE = "rollcall_template"


@pytest.fixture(scope="session")
def runtime() -> Runtime:
    """The real machine's clock, ids and chance."""
    return SystemRuntime()


@pytest.fixture(scope="session")
def shared_directory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One directory for the whole run, the same in each of its workers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if hasattr(request.config, "workerinput") else base


@pytest.fixture(scope="session")
def server(shared_directory: Path) -> Iterator[Server]:
    """The run's embedded server, shared by its workers, with the template that databases are copied from."""
    with embedded_server(shared_directory / "db", durable=False) as server:
        making = take(str(shared_directory / "template.lock"), fcntl.LOCK_EX)
        assert making is not None
        try:
            with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                create_database(connection, _TEMPLATE)
                migrate(server.url(_TEMPLATE))
                create_login(connection)
        finally:
            give(making)
        yield server


@pytest.fixture(scope="module")
def database_config(server: Server, runtime: Runtime) -> Iterator[DatabaseConfig]:
    """A migrated, empty database of this module's own, for tests that open it themselves or in another process."""
    name = sql.Identifier(f"test_{runtime.new_id().hex}")
    template = sql.Identifier(_TEMPLATE)
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template {} strategy file_copy").format(name, template))
    database = name.as_string().strip('"')
    yield DatabaseConfig(url=server.url(database), application_url=server.url(database, user=LOGIN))
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(database_config: DatabaseConfig) -> AsyncIterator[Database]:
    """This module's own database, opened."""
    database = await open_database(database_config)
    yield database
    await database.close()


@pytest.fixture
def tenant_db(database: Database, runtime: Runtime) -> TenantDatabase:
    """The database as a new tenant sees it."""
    return database.tenant(runtime.new_id())
