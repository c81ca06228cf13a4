"""What the log is asked for: its filter, checked, and the tokens by which a reader goes on where a page ended."""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from rollcall.errors import Invalid

ACTIONS = ("create", "update", "disable", "delete", "stagedDelete", "stagedAction", "other")
STATUSES = ("success", "failure", "skipped", "warning")
LARGEST_PAGE = 10_000
_SHOWN_CHOICES = 30


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which records of a job; what is given has to hold together.

    `source`: the id or the name of a user or group, of kind `kind` where that is given. `since` is included, `until` is
    not. `attribute`: one that was changed, or that what was changed is part of (`name` for `name.givenName`). `code`: one
    of the log. `record`: this one only.
    """

    source: str | None = None
    kind: str | None = None
    action: str | None = None
    status: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    cycle: UUID | None = None
    attribute: str | None = None
    code: str | None = None
    record: UUID | None = None
    newest_first: bool = True


EVERYTHING = LogFilter()


def check_filter(which: LogFilter) -> None:
    """Raises Invalid that lists every fault, with what is allowed."""
    faults = []
    for name, value, allowed in (
        ("action", which.action, ACTIONS),
        ("status", which.status, STATUSES),
        ("kind", which.kind, ("User", "Group")),
    ):
        if value is not None and value not in allowed:
            faults.append(f"{name}: one of {', '.join(allowed)} is expected, not {value!r}")
    if which.since is not None and which.until is not None and which.since >= which.until:
        faults.append("since: it has to lie before until, or nothing lies between them")
    if faults:
        raise Invalid(f"The log can't be asked so. {faults[0]}.", details=tuple(faults))


_RELATIVE = re.compile(r"(\d{1,6})\s*([smhdw])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_time(text: str, now: datetime) -> datetime:
    """A moment in ISO 8601 (UTC unless it says otherwise), or how long before `now`: 30m, 2h, 7d. Raises Invalid."""
    relative = _RELATIVE.fullmatch(text.strip())
    try:
        if relative is not None:
            return now - timedelta(**{_UNITS[relative[2]]: int(relative[1])})
        found = datetime.fromisoformat(text.strip())
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            f"{text!r} is no time. Write a moment, such as 2026-11-24 or 2026-11-24T09:00:00Z, or how long ago, such as "
            "30m, 2h, 7d or 4w."
        ) from None


def attribute_set(attributes: Iterable[str]) -> int | None:
    """The number of a set of attributes, the same for the same set, 64 bits with a sign; None for the empty set."""
    names = sorted(set(attributes))
    if not names:
        return None
    digest = hashlib.md5("\n".join(names).encode(), usedforsecurity=False).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


_PARTS = re.compile(r"[.\[:]")


def words_of(attribute: str) -> list[str]:
    """What an attribute is found by: itself, and what it is part of, in small letters (RFC 7643 §2.1: case does not count)."""
    path = attribute.casefold()
    return [path[: each.start()] for each in _PARTS.finditer(path)] + [path]


def unknown(what: str, word: str, known: Collection[str]) -> Invalid:
    """The refusal of a word that the log does not know, with the nearest ones and what there is."""
    near = difflib.get_close_matches(word, known, n=3, cutoff=0.6)
    hint = f" Did you mean {' or '.join(near)}?" if near else ""
    listed = sorted(known)
    there = ", ".join(listed[:_SHOWN_CHOICES]) + (" …" if len(listed) > _SHOWN_CHOICES else "")
    return Invalid(f"The log has no {what} {word!r}.{hint} There are: {there or 'none yet'}.", code=f"unknown_{what}")


def print_cursor(after: UUID, *, newest_first: bool) -> str:
    """The token that stands for what comes after this record."""
    return base64.urlsafe_b64encode((b"\x00" if newest_first else b"\x01") + after.bytes).decode().rstrip("=")


def parse_cursor(token: str, *, newest_first: bool) -> UUID:
    """The record that a token stands for. Raises Invalid for one that no page gave, or one of the other order."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 17 or raw[0] not in (0, 1):
        raise Invalid("This cursor is none that a page of the log gave. Ask without one for the first page.")
    if (raw[0] == 0) is not newest_first:
        raise Invalid("This cursor is of the other order. Ask in the order of its page, or without it.")
    return UUID(bytes=raw[1:])
