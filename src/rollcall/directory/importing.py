"""People and groups out of CSV, JSON and LDIF files: everything or nothing, and repeating it changes nothing.

A file is read once, row by row, into temporary files; then one transaction takes it from there. So memory stays
bounded, the transaction is short, and it can be run again when it lost against another one.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import orjson

from rollcall.db import TenantDatabase
from rollcall.directory.importing_files import PeopleFile, open_people_file
from rollcall.directory.importing_rows import (
    BadRow,
    GroupRow,
    Note,
    Parsed,
    PersonRow,
    Reference,
    by_group_name,
)
from rollcall.directory.importing_store import ImportReport, Staging, refresh_statistics, store_import
from rollcall.errors import Invalid
from rollcall.scim.datatypes import fold

Progress = Callable[[int, int], None]

_ROWS_AT_ONCE = 2_000
# Past this many changed rows the planner's statistics are refreshed.
_MANY = 1_000


async def import_file(
    db: TenantDatabase,
    path: Path,
    *,
    skip_bad_rows: bool = False,
    assign_to: UUID | None = None,
    progress: Progress | None = None,
) -> ImportReport:
    """Create and update the people and groups of a file, in one transaction; what was done.

    People are known by import key (the distinguished name) or userPrincipalName, groups by import key or displayName.
    What a file does not say stays as it is: nobody is deleted, no member removed. `assign_to` is an application to
    which everybody in the file and its groups are assigned. `progress` is told work done and all work, in bytes.
    Raises Invalid with a detail for each bad row, unless `skip_bad_rows`: then they are in the report, and of a row
    whose manager or member is unknown only that tie is left out. Raises NotFound for file or application, Conflict
    when others changed the same people meanwhile.
    """
    with _Spool() as spool:
        file = await asyncio.to_thread(open_people_file, Path(path))
        try:
            await _read_all(file, spool, progress)
        finally:
            file.close()
        # Reading is one half of the work, storing the other.
        report = await db.write(
            store_import,
            spool.staging(),
            skip_bad_rows=skip_bad_rows,
            assign_to=assign_to,
            progress=lambda share: progress(round(file.size * (1 + share)), file.size * 2) if progress else None,
        )
    if report.changed > _MANY:
        await db.write(refresh_statistics)
    return report


async def _read_all(file: PeopleFile, spool: _Spool, progress: Progress | None) -> None:
    while True:
        try:
            rows = await asyncio.to_thread(lambda: list(islice(file.rows, _ROWS_AT_ONCE)))
        except UnicodeDecodeError:
            raise Invalid("The file's text can't be decoded; save it as UTF-8.") from None
        await asyncio.to_thread(spool.add, rows)
        if progress is not None:
            progress(file.done(), file.size * 2)
        if len(rows) < _ROWS_AT_ONCE:
            return


@dataclass(slots=True)
class _Spool:
    """Rows on their way from the file to the database, a JSON array a line, in the shape of the staging tables."""

    people: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    groups: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    members: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    bad: list[BadRow] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    named: set[str] = field(default_factory=set)

    def __enter__(self) -> _Spool:
        return self

    def __exit__(self, *about: object) -> None:
        for file in (self.people, self.groups, self.members):
            file.close()

    def add(self, rows: list[Parsed]) -> None:
        """Keep rows for later."""
        for row in rows:
            match row:
                case PersonRow():
                    self._add_person(row)
                case GroupRow():
                    self._add_group(row)
                case BadRow():
                    self.bad.append(row)
                case Note():
                    self.notes.append(row.text)

    def staging(self) -> Staging:
        """What the store takes; the rows can be gone through again and again."""
        return Staging(
            people=lambda: _lines(self.people),
            groups=lambda: _lines(self.groups),
            members=lambda: _lines(self.members),
            bad_rows=tuple(self.bad),
            warnings=tuple(self.notes),
        )

    def _add_person(self, row: PersonRow) -> None:
        rest = dict(row.attributes)
        name = rest.pop("userPrincipalName")
        display_name, enabled = rest.pop("displayName", None), rest.pop("accountEnabled", None)
        attributes = orjson.dumps(rest).decode()
        _put(self.people, row.line, name, fold(name), row.import_key, display_name, enabled, row.manager, attributes)
        for group in row.groups:
            # A group that a person names comes into being, without attributes of its own.
            if (reference := by_group_name(group)) not in self.named:
                self.named.add(reference)
                _put(self.groups, row.line, None, group, fold(group), "{}", True)
            self._add_member(row.line, reference, f"upn:{fold(name)}")

    def _add_group(self, row: GroupRow) -> None:
        rest = dict(row.attributes)
        name = rest.pop("displayName")
        _put(self.groups, row.line, row.import_key, name, fold(name), orjson.dumps(rest).decode(), False)
        reference = f"dn:{row.import_key}" if row.import_key else by_group_name(name)
        for member in row.members:
            self._add_member(row.line, reference, member)

    def _add_member(self, line: int, group: Reference, member: Reference) -> None:
        _put(self.members, line, group, member)


def _put(file: IO[bytes], *values: Any) -> None:
    file.write(orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE))


def _lines(file: IO[bytes]) -> Iterator[tuple[Any, ...]]:
    file.seek(0)
    for line in file:
        yield tuple(orjson.loads(line))
