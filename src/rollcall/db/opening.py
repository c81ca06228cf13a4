"""Opens a database: embedded or by URL, with the schema this code expects and no more rights than it needs."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg
from psycopg import sql

from rollcall.db.embedded import DATABASE, LOGIN, Server
from rollcall.db.engine import Database, connection_string
from rollcall.db.schema import check_encoding, check_revision, check_server, migrate, said
from rollcall.db.transaction import Tx
from rollcall.db.types import APPLICATION_ROLE, DatabaseConfig
from rollcall.errors import Unavailable
from rollcall.runtime import Runtime


async def open_database(config: DatabaseConfig, *, runtime: Runtime | None = None) -> Database:
    """Open the database that `config` names. An embedded one is started and migrated first.

    Raises Unavailable with what to do when it can't be reached, is too old, has a schema older or newer than this
    code, or when the user has rights that would void row-level security.
    """
    server = None
    if config.data is not None:
        server = Server(config.data, durable=config.durable)
        await asyncio.to_thread(_start, server)
        url = server.url(user=LOGIN)
    else:
        named = config.application_url or config.url
        assert named is not None, "DatabaseConfig has checked it"
        url = named
    database = Database(config, connection_string(url, config), server=server, runtime=runtime)
    try:
        await asyncio.to_thread(check_connection, database.conninfo)
        await database.open()
        await database.system(_check)
    except BaseException:
        await database.close()
        raise
    return database


def _start(server: Server) -> None:
    server.start()
    try:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            create_database(connection, DATABASE)
            migrate(server.url())
            create_login(connection)
    except BaseException:
        server.stop()
        raise


def create_database(connection: psycopg.Connection[tuple[object, ...]], name: str) -> None:
    """Create a database unless it is there."""
    if connection.execute("select from pg_database where datname = %s", (name,)).fetchone() is None:
        # Suppressed: another program was faster.
        with suppress(psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation):
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))


def create_login(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """Create the embedded server's login for the program, a mere member of the application role, unless it is there."""
    if connection.execute("select from pg_roles where rolname = %s", (LOGIN,)).fetchone() is None:
        # Suppressed: another program was faster.
        with suppress(psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation):
            connection.execute(
                sql.SQL("create role {} login in role {}").format(
                    sql.Identifier(LOGIN), sql.Identifier(APPLICATION_ROLE)
                )
            )


def check_connection(conninfo: str) -> None:
    """Connect once, to refuse with a sentence what a pool would only wait for. Raises Unavailable."""
    try:
        with psycopg.connect(conninfo) as connection:
            check_server(connection.info.server_version)
            check_encoding(connection.info.parameter_status("server_encoding"))
    except psycopg.OperationalError as error:
        if f'role "{APPLICATION_ROLE}" does not exist' in str(error):
            check_revision(None)
        raise Unavailable(f"The database can't be used: {said(error)}.") from None


async def _check(tx: Tx) -> None:
    rights = await tx.one(
        "select current_user::text as role, rolsuper or rolbypassrls as unbound,"
        " exists (select from pg_class where relowner = pg_roles.oid) as owns"
        " from pg_roles where rolname = current_user"
    )
    if rights is None or rights["role"] != APPLICATION_ROLE or rights["unbound"] or rights["owns"]:
        raise Unavailable(
            f"The database role {APPLICATION_ROLE} must be a plain one: no superuser, no BYPASSRLS, owner of no table. "
            "Otherwise the wall between tenants would not stand."
        )
    try:
        revision = await tx.value("select version_num from public.rollcall_schema")
    except (psycopg.errors.UndefinedTable, psycopg.errors.InsufficientPrivilege):
        revision = None
    check_revision(revision)
