"""Takes the rows of an import into the directory: staged in temporary tables, then set by set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from psycopg import errors as database_errors

from rollcall.db import Tx
from rollcall.directory import importing_sql as statements
from rollcall.directory.applications import read_service_principal
from rollcall.directory.importing_rows import BadRow
from rollcall.errors import Conflict, Invalid

Rows = Callable[[], Iterator[tuple[Any, ...]]]

_ROWS_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class Staging:
    """The rows of a file in the shape of the staging tables, and what was wrong with the file."""

    people: Rows
    groups: Rows
    members: Rows
    bad_rows: tuple[BadRow, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `created`, `updated` and `unchanged` count people."""

    created: int
    updated: int
    unchanged: int
    groups_created: int
    groups_updated: int
    groups_unchanged: int
    memberships_added: int
    assignments_added: int
    bad_rows: tuple[BadRow, ...]
    warnings: tuple[str, ...]

    @property
    def changed(self) -> int:
        """How many rows were written."""
        return (
            self.created
            + self.updated
            + self.groups_created
            + self.groups_updated
            + self.memberships_added
            + self.assignments_added
        )


async def store_import(
    tx: Tx,
    staging: Staging,
    *,
    skip_bad_rows: bool,
    assign_to: UUID | None,
    progress: Callable[[float], None],
) -> ImportReport:
    """Create and update what is staged, and append the changes; `progress` is told the share done, 0 to 1.

    Raises Invalid with a detail for each bad row unless they are to be skipped, NotFound for an unknown application,
    Conflict when others changed the same people meanwhile.
    """
    if assign_to is not None:
        await read_service_principal(tx, assign_to)
    # An import of a great company takes longer than any request may; two at once would only wait for each other.
    await tx.run("set local statement_timeout = '30min'")
    await tx.run("select pg_advisory_xact_lock(hashtextextended('directory import ' || rollcall_tenant(), 0))")
    await _stage(tx, staging)
    progress(0.4)
    bad = sorted((*staging.bad_rows, *await _settle(tx)), key=lambda row: row.line)
    if bad and not skip_bad_rows:
        noun = "row is" if len(bad) == 1 else "rows are"
        raise Invalid(
            f"{len(bad)} {noun} bad, so nothing was imported. Correct the file, or skip bad rows.",
            code="bad_rows",
            details=tuple(str(row) for row in bad),
        )
    own_managers = [
        f"line {row['line']}: {row['name']} is named as their own manager; the tie was left out."
        for row in await tx.all(statements.OWN_MANAGERS)
    ]
    progress(0.6)
    try:
        counts = await _upsert(tx, assign_to)
    except database_errors.UniqueViolation:
        raise Conflict(
            "A userPrincipalName of the file was taken while it was imported, or two people swap theirs. "
            "Import it again; swap names in two steps."
        ) from None
    progress(1.0)
    return ImportReport(**counts, bad_rows=tuple(bad), warnings=(*staging.warnings, *own_managers))


async def refresh_statistics(tx: Tx) -> None:
    """Let the planner know the tables' new sizes at once."""
    await tx.run("set local statement_timeout = '5min'")
    await tx.run(statements.REFRESH_STATISTICS)


async def _stage(tx: Tx, staging: Staging) -> None:
    for statement in statements.CREATE_STAGING:
        await tx.run(statement)
    for statement, rows in (
        (statements.COPY_PEOPLE, staging.people()),
        (statements.COPY_GROUPS, staging.groups()),
        (statements.COPY_MEMBERS, staging.members()),
    ):
        while batch := list(islice(rows, _ROWS_AT_ONCE)):
            await tx.copy_in(statement, batch)
    for statement in statements.INDEX_STAGING:
        await tx.run(statement)


async def _settle(tx: Tx) -> list[BadRow]:
    """Find out which object each row is, and take out the rows and ties of which that can't be said."""
    bad: list[BadRow] = []
    for statement in statements.MATCH:
        await tx.run(statement)
    for find, remove in statements.BAD_ROWS:
        rows = await tx.all(find)
        bad += [BadRow(row["line"], row["reason"]) for row in rows]
        if rows:
            await tx.run(remove, ([row["place"] for row in rows],))
    for statement in statements.IDENTIFY:
        await tx.run(statement)
    for find, remove in statements.BAD_TIES:
        rows = await tx.all(find)
        bad += [BadRow(row["line"], row["reason"]) for row in rows]
        if rows:
            await tx.run(remove, ([row["place"] for row in rows],))
    return bad


async def _upsert(tx: Tx, assign_to: UUID | None) -> dict[str, int]:
    people, groups = await tx.value(statements.COUNT_PEOPLE), await tx.value(statements.COUNT_GROUPS)
    created = await tx.run(statements.INSERT_PEOPLE)
    updated = await tx.run(statements.UPDATE_PEOPLE)
    groups_created = await tx.run(statements.INSERT_GROUPS)
    groups_updated = await tx.run(statements.UPDATE_GROUPS)
    return {
        "created": created,
        "updated": updated,
        "unchanged": people - created - updated,
        "groups_created": groups_created,
        "groups_updated": groups_updated,
        "groups_unchanged": groups - groups_created - groups_updated,
        "memberships_added": await tx.run(statements.INSERT_MEMBERS),
        "assignments_added": await tx.run(statements.ASSIGN, {"application": assign_to}) if assign_to else 0,
    }
