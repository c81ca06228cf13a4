"""The schema: forward only, one program at a time, and the one this code expects or none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest
from psycopg import sql

from rollcall.db import DatabaseConfig, Server, migrate, open_database
from rollcall.db.migrations.chain import revisions
from rollcall.db.schema import check_server
from rollcall.errors import Unavailable


@pytest.fixture
def empty(server: Server, runtime: Any) -> Iterator[str]:
    """The URL of an empty database of a plain owner, who may create roles."""
    name = f"empty_{runtime.new_id().hex}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login createrole").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(name)))
        yield server.url(name, user=name)
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("drop owned by {}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def set_revision(url: str, revision: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("update public.rollcall_schema set version_num = %s", (revision,))


async def opened_revision(config: DatabaseConfig) -> Any:
    database = await open_database(config)
    try:
        return await database.system(lambda tx: tx.value("select version_num from public.rollcall_schema"))
    finally:
        await database.close()


def test_migrations_are_numbered_without_a_gap() -> None:
    assert revisions() == [f"{number:04}" for number in range(1, len(revisions()) + 1)]


async def test_an_empty_database_is_refused_until_it_is_migrated(server: Server, runtime: Any) -> None:
    name = f"empty_{runtime.new_id().hex}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            config = DatabaseConfig(url=server.url(name))
            with pytest.raises(Unavailable, match=r"no Rollcall schema yet. Run `rollcall migrate`"):
                await open_database(config)

            assert migrate(server.url(name)) == revisions()[-1]
            assert await opened_revision(config) == revisions()[-1]
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


async def test_migrating_again_changes_nothing(database_config: DatabaseConfig) -> None:
    assert database_config.url is not None

    assert migrate(database_config.url) == revisions()[-1]
    assert await opened_revision(database_config) == revisions()[-1]


async def test_programs_that_migrate_at_once_take_turns(server: Server, runtime: Any) -> None:
    name = f"empty_{runtime.new_id().hex}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            done = await asyncio.gather(*(asyncio.to_thread(migrate, server.url(name)) for _ in range(4)))
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))

    assert done == [revisions()[-1]] * 4


async def test_an_older_schema_is_refused_with_what_to_do(database_config: DatabaseConfig) -> None:
    assert database_config.url is not None
    set_revision(database_config.url, "0000")
    try:
        with pytest.raises(Unavailable, match=r"older than this version .* Run `rollcall migrate`"):
            await open_database(database_config)
    finally:
        set_revision(database_config.url, revisions()[-1])


async def test_a_newer_schema_is_refused_with_what_to_do(database_config: DatabaseConfig) -> None:
    assert database_config.url is not None
    set_revision(database_config.url, "9999")
    try:
        with pytest.raises(Unavailable, match=r"newer than this version .* or a later one"):
            await open_database(database_config)
        with pytest.raises(Unavailable, match="newer than this version"):
            migrate(database_config.url)
    finally:
        set_revision(database_config.url, revisions()[-1])


def test_an_older_server_is_refused() -> None:
    check_server(180_004)
    with pytest.raises(Unavailable, match=r"PostgreSQL 17\.6; Rollcall needs 18"):
        check_server(170_006)


async def test_an_owner_that_is_no_superuser_will_do(empty: str) -> None:
    with psycopg.connect(empty) as connection:
        # On a server of its own the owner makes the role; this one has it from other databases.
        role = connection.info.user
    superuser = empty.replace(f"{role}@", "postgres@")
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute(
            sql.SQL("grant rollcall_app to {} with admin true, set false, inherit false").format(sql.Identifier(role))
        )

    migrate(empty)

    assert await opened_revision(DatabaseConfig(url=empty)) == revisions()[-1]


async def test_an_owner_without_the_right_to_grant_the_role_is_told_so(empty: str) -> None:
    with pytest.raises(Unavailable, match="may not set up Rollcall's schema"):
        migrate(empty)


async def test_a_server_that_is_away_is_named(database_config: DatabaseConfig) -> None:
    away = "postgresql://nobody@127.0.0.1:9/none"

    with pytest.raises(Unavailable, match=r"127.0.0.1"):
        await open_database(DatabaseConfig(url=away))
    with pytest.raises(Unavailable, match=r"127.0.0.1"):
        migrate(away)


async def test_an_application_login_without_the_role_is_refused(
    database_config: DatabaseConfig, server: Server, runtime: Any
) -> None:
    name = f"stranger_{runtime.new_id().hex}"
    assert database_config.url is not None
    stranger = database_config.url.replace("postgres@", f"{name}@")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login").format(sql.Identifier(name)))
        try:
            with pytest.raises(Unavailable, match="rollcall_app"):
                await open_database(replace(database_config, application_url=stranger))
        finally:
            connection.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


async def test_an_application_role_that_owns_a_table_is_refused(database_config: DatabaseConfig) -> None:
    assert database_config.url is not None
    with psycopg.connect(database_config.url, autocommit=True) as connection:
        connection.execute("create table directory.owned (tenant_id uuid)")
        connection.execute("grant create on schema directory to rollcall_app")
        connection.execute("alter table directory.owned owner to rollcall_app")
        try:
            with pytest.raises(Unavailable, match="owner of no table"):
                await open_database(database_config)
        finally:
            connection.execute("drop table directory.owned")
            connection.execute("revoke create on schema directory from rollcall_app")


async def test_a_database_that_can_not_hold_every_name_is_refused(server: Server, runtime: Any) -> None:
    name = f"ascii_{runtime.new_id().hex}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} encoding 'SQL_ASCII' locale 'C' template template0").format(
                sql.Identifier(name)
            )
        )
        try:
            with pytest.raises(Unavailable, match=r"encoded in SQL_ASCII; Rollcall needs UTF8"):
                migrate(server.url(name))
            with pytest.raises(Unavailable, match=r"encoded in SQL_ASCII; Rollcall needs UTF8"):
                await open_database(DatabaseConfig(url=server.url(name)))
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
