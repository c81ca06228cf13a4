"""People and groups out of JSON: an object with `users` and `groups`, a list of users, or a line for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from rollcall.directory.importing_rows import (
    NO_CREDENTIALS,
    NOBODY,
    BadRow,
    Parsed,
    Reference,
    by_group_name,
    by_name,
    group,
    person,
)
from rollcall.directory.json_stream import JsonStream

# What Graph says of an object beside its attributes; an export that is imported again has them.
_ABOUT = frozenset({"id", "createdDateTime", "deletedDateTime", "memberOf", "members", "manager"})
_PASSWORDS = frozenset({"passwordProfile", "password"})


def parse_json(read: Callable[[int], str]) -> Iterator[Parsed]:
    """The people and groups of a JSON text, as Graph names them; `read` gives so many characters, '' at the end.

    `manager` is a userPrincipalName, null for nobody; `memberOf` a list of group names; `members` a list of
    userPrincipalNames. Raises Invalid naming the line where the text is no JSON of that kind.
    """
    stream = JsonStream(read)
    noted = False
    for line, value, listed in _values(stream):
        if isinstance(value, dict) and value.keys() & _PASSWORDS and not noted:
            noted = True
            yield NO_CREDENTIALS
        yield _parsed(line, value, listed)


def _values(stream: JsonStream) -> Iterator[tuple[int, Any, str]]:
    """Line, value, and the name of the list it stands in, if that has one."""
    if stream.peek() == "[":
        yield from ((line, value, "") for line, value in stream.items())
        return
    while stream.peek():
        line = stream.line
        if not stream.peek() == "{":
            raise stream.fault("an object or a list is expected here")
        row: dict[str, Any] = {}
        document = False
        for key in stream.keys():  # noqa: SIM118 - a method that reads on, not a mapping's
            if key in {"users", "groups", "value"} and stream.peek() == "[" and not row:
                document = True
                yield from ((line, value, key) for line, value in stream.items())
            elif key.startswith("@") or document:
                stream.value()
            else:
                row[key] = stream.value()
        if not document:
            yield line, row, ""


def _parsed(line: int, value: Any, listed: str) -> Parsed:
    if not isinstance(value, dict):
        return BadRow(line, "a user or group must be an object")
    if listed == "users" and "userPrincipalName" not in value:
        return BadRow(line, "a user needs a userPrincipalName")
    attributes = {
        name: each
        for name, each in value.items()
        if name not in _ABOUT and name not in _PASSWORDS and not name.startswith("@") and "@odata." not in name
    }
    try:
        if "userPrincipalName" in value:
            return person(line, attributes, manager=_manager(value), groups=_groups(value.get("memberOf")))
        if "members" in value or "displayName" in value:
            members = (_member(each) for each in _list("members", value.get("members")))
            return group(line, attributes, members=tuple(dict.fromkeys(members)))
    except ValueError as error:
        return BadRow(line, str(error))
    return BadRow(line, "this is neither a user (userPrincipalName) nor a group (displayName, members)")


def _manager(value: dict[str, Any]) -> Reference | None:
    if "manager" not in value:
        return None
    manager = value["manager"]
    return NOBODY if manager is None else by_name(_name(manager, "userPrincipalName"))


def _groups(value: Any) -> tuple[str, ...]:
    names = value.split(";") if isinstance(value, str) else _list("memberOf", value)
    return tuple(_name(each, "displayName").strip() for each in names if each != "")


def _list(name: str, value: Any) -> list[Any]:
    if value is not None and not isinstance(value, list):
        raise ValueError(f"{name} must be a list, not {value!r}")
    return value or []


def _member(value: Any) -> Reference:
    if isinstance(value, dict) and "userPrincipalName" not in value and "displayName" in value:
        return by_group_name(_name(value, "displayName"))
    return by_name(_name(value, "userPrincipalName"))


def _name(value: Any, key: str) -> str:
    if isinstance(value, dict):
        value = value.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} should be a {key}")
    return value
