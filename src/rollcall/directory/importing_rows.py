"""What every file parser hands on: people, groups, bad rows and notes, as values with their line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.directory.model import check_group_changes, check_user_changes
from rollcall.errors import Invalid
from rollcall.scim.datatypes import fold

# A reference names another object in a text of one form for all files: "upn:" and a folded userPrincipalName,
# "dn:" and a normalised distinguished name, "group:" and a folded displayName.
Reference = str
# Says that a person has no manager, where saying nothing leaves the manager as it is.
NOBODY: Reference = ""


@dataclass(frozen=True, slots=True)
class PersonRow:
    """One person of a file. An attribute that is None is to be taken away, one that is missing stays."""

    line: int
    attributes: dict[str, Any]
    import_key: str | None = None
    manager: Reference | None = None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of a file, with references to members that it has at least."""

    line: int
    attributes: dict[str, Any]
    import_key: str | None = None
    members: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that can't be imported, and why."""

    line: int
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Note:
    """Something the importer leaves out and the person should know of; said once a file."""

    text: str


NO_CREDENTIALS = Note("Initial passwords are not imported; people sign in with a credential of their own.")

Parsed = PersonRow | GroupRow | BadRow | Note


def person(
    line: int,
    attributes: Mapping[str, Any],
    *,
    import_key: str | None = None,
    manager: Reference | None = None,
    groups: tuple[str, ...] = (),
) -> PersonRow | BadRow:
    """A person with checked attributes, or the reason why there is none."""
    if not attributes.get("userPrincipalName"):
        return BadRow(line, "userPrincipalName is missing")
    try:
        checked = check_user_changes(attributes)
        _check_readable([attributes, import_key, manager, groups])
    except Invalid as error:
        return BadRow(line, " ".join(error.details or (error.message,)))
    return PersonRow(line, checked, import_key, manager, groups)


def group(
    line: int, attributes: Mapping[str, Any], *, import_key: str | None = None, members: tuple[Reference, ...] = ()
) -> GroupRow | BadRow:
    """A group with checked attributes, or the reason why there is none."""
    if not attributes.get("displayName"):
        return BadRow(line, "displayName of the group is missing")
    try:
        checked = check_group_changes(attributes)
        _check_readable([attributes, import_key, members])
    except Invalid as error:
        return BadRow(line, " ".join(error.details or (error.message,)))
    return GroupRow(line, checked, import_key, members)


def by_name(user_principal_name: str) -> Reference:
    """The reference to a user by userPrincipalName."""
    return f"upn:{fold(user_principal_name.strip())}"


def by_group_name(display_name: str) -> Reference:
    """The reference to a group by displayName."""
    return f"group:{fold(display_name.strip())}"


def _check_readable(value: Any) -> None:
    """Files are opened so that bytes which are not UTF-8 become lone surrogates; here they are found."""
    for text in _texts(value):
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise Invalid("the text is not UTF-8; save the file as UTF-8")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
