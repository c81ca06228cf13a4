"""Brings a database's schema to what this code expects, and refuses one that is older or newer."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from rollcall.db.migrations.chain import revisions
from rollcall.db.types import APPLICATION_ROLE
from rollcall.errors import Unavailable

OLDEST_SERVER = 180_000
_ADVISORY_LOCK = 0x526F_6C6C_6361_6C6C  # "Rollcall"


def migrate(url: str, *, target: str = "head") -> str:
    """Bring the database at `url` forward and return its revision, four digits.

    Runs as the schema's owner, one program at a time. Raises Unavailable when the server is away or too old, when
    the database is newer than this code, or when the user of `url` may not do it.
    """
    connection = _connect(url)
    try:
        check_server(connection.info.server_version)
        check_encoding(connection.info.parameter_status("server_encoding"))
        connection.execute("select pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        found = _read_revision(connection)
        if found is not None and found > revisions()[-1]:
            raise newer(found)
        connection.autocommit = False
        _upgrade(connection, target)
        connection.execute(
            sql.SQL("grant select on public.rollcall_schema to {}").format(sql.Identifier(APPLICATION_ROLE))
        )
        connection.commit()
        revision = _read_revision(connection)
        assert revision is not None, "a migrated database has a revision"
        return revision
    except psycopg.errors.InsufficientPrivilege as error:
        raise Unavailable(
            f"The database user may not set up Rollcall's schema: {said(error)}. "
            "Give `rollcall migrate` a user that owns the database and has the attribute CREATEROLE."
        ) from None
    finally:
        connection.close()


def check_server(version: int) -> None:
    """Refuse a server that is too old; `version` as PostgreSQL counts, 180000 for 18.0. Raises Unavailable."""
    if version < OLDEST_SERVER:
        raise Unavailable(
            f"The database server is PostgreSQL {version // 10_000}.{version % 10_000}; Rollcall needs 18 or later. "
            "Upgrade the server, or leave out ROLLCALL_DATABASE_URL to use the embedded one."
        )


def check_encoding(encoding: str | None) -> None:
    """Refuse a database that can't hold every name. Raises Unavailable with what to do."""
    if encoding != "UTF8":
        raise Unavailable(
            f"The database is encoded in {encoding}; Rollcall needs UTF8. Make another one: "
            "create database rollcall encoding 'UTF8' template template0."
        )


def check_revision(found: str | None) -> None:
    """Refuse a schema that is not the one of this code. Raises Unavailable with what to do."""
    wanted = revisions()[-1]
    if found is None:
        raise Unavailable("The database has no Rollcall schema yet. Run `rollcall migrate`.")
    if found < wanted:
        raise Unavailable(
            f"The database schema is at {found}, older than this version of Rollcall, which needs {wanted}. "
            "Run `rollcall migrate`."
        )
    if found > wanted:
        raise newer(found)


def newer(found: str) -> Unavailable:
    """The refusal of a schema from the future."""
    return Unavailable(
        f"The database schema is at {found}, newer than this version of Rollcall, which knows {revisions()[-1]}. "
        "Start the version of Rollcall that wrote it, or a later one."
    )


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise Unavailable(f"The database can't be reached: {said(error)}.") from None


def _read_revision(connection: psycopg.Connection[tuple[object, ...]]) -> str | None:
    try:
        row = connection.execute("select version_num from public.rollcall_schema").fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


def _upgrade(connection: psycopg.Connection[tuple[object, ...]], target: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=NullPool)
    lent = engine.connect()
    config.attributes["connection"] = lent
    try:
        command.upgrade(config, target)
    finally:
        lent.detach()  # it stays whose it was: nothing here may reset or close it


def said(error: psycopg.Error) -> str:
    """What the driver said, in one line without a full stop."""
    return str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
