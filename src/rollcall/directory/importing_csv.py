"""People out of CSV: plain Graph names as headers, or the template of Entra's bulk operations."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain
from typing import Any

import orjson

from rollcall.directory.attributes import USER_ATTRIBUTES
from rollcall.directory.importing_rows import NO_CREDENTIALS, BadRow, Parsed, Reference, by_name, person
from rollcall.errors import Invalid
from rollcall.scim.datatypes import fold

_TRUE = frozenset({"true", "yes", "1", "y"})
_FALSE = frozenset({"false", "no", "0", "n"})
# "User name [userPrincipalName] Required" of Entra's bulk template.
_TEMPLATE_HEADER = re.compile(r"^[^\[\]]*\[([^\[\]]+)\][^\[\]]*$")
_EXTENSION_ATTRIBUTE = re.compile(r"(?:onpremisesextensionattributes\.)?(extensionattribute(?:1[0-5]|[1-9]))")
# What Entra's bulk template, older than Graph, calls otherwise.
_OLDER_NAMES = {
    "facsimiletelephonenumber": "faxNumber",
    "mobile": "mobilePhone",
    "physicaldeliveryofficename": "officeLocation",
    "telephonenumber": "businessPhones",
}
_NAMES = {fold(name): name for name in (*USER_ATTRIBUTES, "manager", "memberOf")} | _OLDER_NAMES
_PASSWORDS = frozenset({"passwordprofile", "password", "userpassword"})
_LONGEST_CELL = 1 << 20

# A cell's meaning: it adds to the attributes, or raises ValueError with the reason.
_Take = Callable[[dict[str, Any], str], None]


@dataclass(frozen=True, slots=True)
class _Column:
    name: str
    take: _Take


def parse_csv(lines: Iterable[str]) -> Iterator[Parsed]:
    """The people of a CSV file, row by row; an empty cell says nothing.

    Columns are named by Graph, in any case of letters, with `manager` (a userPrincipalName) and `memberOf` (group
    names separated by ;) beside them. Comma, semicolon or tab separate, whichever the header has most of.
    Raises Invalid for a header that can't be understood.
    """
    source = iter(lines)
    first = next(source, "")
    skipped = 0
    template = fold(first.strip().strip('"').rstrip(",;\t").strip('"')).startswith("version:")
    if template:
        first, skipped = next(source, ""), 1
    csv.field_size_limit(_LONGEST_CELL)
    reader = csv.reader(chain([first], source), delimiter=_delimiter(first), strict=True)
    header = next(reader, None)
    if not header or not any(cell.strip() for cell in header):
        raise Invalid("The file has no header line; name the columns, userPrincipalName and displayName at least.")
    columns = [_column(cell, skipped + 1) for cell in header]
    if all(column.name != "userPrincipalName" for column in columns):
        raise Invalid("The header has no column userPrincipalName; add it.")
    named = [column.name for column in columns if column.name not in ("", "password")]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise Invalid(f"The header names {twice[0]} twice; remove one of the columns.")
    if any(column.name == "password" for column in columns):
        yield NO_CREDENTIALS
    yield from _rows(reader, columns, skipped, template=template)


def _rows(reader: Any, columns: list[_Column], skipped: int, *, template: bool) -> Iterator[Parsed]:
    while True:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield BadRow(line, f"the row can't be read as CSV: {error}")
            continue
        if cells is None:
            return
        if not any(cell.strip() for cell in cells):
            continue
        # The template brings one row to show what is meant: "Example: Chris Green,chris@contoso.com,…".
        if template and fold(cells[0].strip()).startswith("example:"):
            continue
        yield _row(line, cells, columns)


def _row(line: int, cells: list[str], columns: list[_Column]) -> Parsed:
    if len(cells) > len(columns) and any(cell.strip() for cell in cells[len(columns) :]):
        return BadRow(line, f"the row has {len(cells)} cells, the header {len(columns)}; quote cells with separators")
    attributes: dict[str, Any] = {}
    for column, cell in zip(columns, cells, strict=False):
        if not cell.strip():
            continue
        try:
            column.take(attributes, cell.strip())
        except ValueError as error:
            return BadRow(line, str(error))
    manager: Reference | None = attributes.pop("manager", None)
    groups = attributes.pop("memberOf", ())
    return person(line, attributes, manager=manager, groups=groups)


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _column(cell: str, line: int) -> _Column:
    named = _TEMPLATE_HEADER.match(cell.strip())
    name = named[1].strip() if named else cell.strip()
    if not name:
        return _Column("", _ignore)
    if fold(name) in _PASSWORDS:
        return _Column("password", _ignore)
    extension = _EXTENSION_ATTRIBUTE.fullmatch(fold(name))
    if extension:
        return _Column(
            name, _extension_attribute("extensionAttribute" + extension[1].removeprefix("extensionattribute"))
        )
    if name.startswith("extension_"):
        return _Column(name, _text(name))
    known = _NAMES.get(fold(name))
    if known is None:
        near = get_close_matches(name, _NAMES.values(), n=1)
        hint = f"Did you mean {near[0]}?" if near else "Use a Microsoft Graph name, or remove the column."
        raise Invalid(f"Line {line}: there is no attribute {name!r}. {hint}")
    # The template asks "Block sign in (Yes/No) [accountEnabled]": yes there means not enabled.
    if known == "accountEnabled" and named and "block" in fold(cell):
        return _Column(known, _boolean(known, negated=True))
    return _Column(known, _taker(known))


def _taker(name: str) -> _Take:
    if name == "manager":
        return lambda attributes, cell: attributes.__setitem__(name, by_name(cell))
    if name == "memberOf":
        return lambda attributes, cell: attributes.__setitem__(name, tuple(_split(cell)))
    match USER_ATTRIBUTES[name].type:
        case "boolean":
            return _boolean(name, negated=False)
        case "strings":
            return _strings(name)
        case "extensionAttributes":
            raise Invalid(f"{name} needs a column for each attribute, such as {name}.extensionAttribute1.")
        case _:
            return _text(name)


def _text(name: str) -> _Take:
    return lambda attributes, cell: attributes.__setitem__(name, cell)


def _extension_attribute(name: str) -> _Take:
    return lambda attributes, cell: attributes.setdefault("onPremisesExtensionAttributes", {}).__setitem__(name, cell)


def _boolean(name: str, *, negated: bool) -> _Take:
    def take(attributes: dict[str, Any], cell: str) -> None:
        if fold(cell) not in _TRUE | _FALSE:
            raise ValueError(f"{name} must be yes or no (true or false), not {cell!r}")
        attributes[name] = (fold(cell) in _TRUE) is not negated

    return take


def _strings(name: str) -> _Take:
    """Several values: a JSON list of texts, or values separated by ;"""

    def take(attributes: dict[str, Any], cell: str) -> None:
        attributes[name] = _json_list(name, cell) if cell.startswith("[") else _split(cell)

    return take


def _json_list(name: str, cell: str) -> list[str]:
    try:
        found = orjson.loads(cell)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(f'{name} must be a JSON list of texts, such as ["a", "b"], or values separated by ;')
    return found


def _ignore(attributes: dict[str, Any], cell: str) -> None:
    """A column that is not imported."""


def _split(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]
