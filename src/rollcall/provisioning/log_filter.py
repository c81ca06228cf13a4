"""What the log is asked for: its filter, checked, and the tokens by which a reader goes on where a page ended."""

from __future__ import annotations

import base64
import binascii
import difflib
import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
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


def is_about(attribute: str, wanted: str) -> bool:
    """Whether a changed attribute is the one that is wanted, or a part of it; letter case does not count (RFC 7643 §2.1)."""
    path, whole = attribute.casefold(), wanted.casefold()
    return path == whole or path.startswith((f"{whole}.", f"{whole}[", f"{whole}:"))


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


def sets_about(sets: Sequence[tuple[int, Sequence[str]]], wanted: str) -> list[int]:
    """The numbers of the sets in which a changed attribute is the one that is wanted. Raises Invalid when there is none."""
    found = [number for number, attributes in sets if any(is_about(each, wanted) for each in attributes)]
    if not found:
        raise unknown("attribute", wanted, {each for _, attributes in sets for each in attributes})
    return found
