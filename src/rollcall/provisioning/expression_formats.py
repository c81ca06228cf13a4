"""Custom date formats of .NET in the invariant culture: exact parse, and print (FormatDateTime).

Source: .NET "Custom date and time format strings" and "Standard date and time format strings".
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from rollcall.provisioning.expression_dates import parse_offset
from rollcall.provisioning.expression_values import Fault, shown

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

# A format of one character is a standard format; these are their invariant patterns.
_STANDARD = {
    "d": "MM/dd/yyyy",
    "D": "dddd, dd MMMM yyyy",
    "f": "dddd, dd MMMM yyyy HH:mm",
    "F": "dddd, dd MMMM yyyy HH:mm:ss",
    "g": "MM/dd/yyyy HH:mm",
    "G": "MM/dd/yyyy HH:mm:ss",
    "m": "MMMM dd",
    "M": "MMMM dd",
    "o": "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
    "O": "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
    "r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
    "s": "yyyy-MM-dd'T'HH:mm:ss",
    "t": "HH:mm",
    "T": "HH:mm:ss",
    "u": "yyyy-MM-dd HH:mm:ss'Z'",
    "y": "yyyy MMMM",
    "Y": "yyyy MMMM",
}

_TOKEN = re.compile(
    r"(?P<quoted>'[^']*'|\"[^\"]*\")|\\(?P<escaped>.)|(?P<field>d+|f+|F+|g+|h+|H+|K|m+|M+|s+|t+|y+|z+)"
    r"|%(?P<single>[dfFghHKmMstyz])|(?P<other>.)",
    re.DOTALL,
)

MOST_CHARACTERS = 500
DEFAULT_STYLES = frozenset({"AllowLeadingWhite", "AllowTrailingWhite", "RoundtripKind"})
_STYLES = DEFAULT_STYLES | {
    "None",
    "AllowInnerWhite",
    "AllowWhiteSpaces",
    "NoCurrentDateDefault",
    "AdjustToUniversal",
    "AssumeLocal",
    "AssumeUniversal",
}


def parse_styles(written: str | None) -> frozenset[str]:
    """Read DateTimeStyles, names with commas between; null or empty gives the default."""
    if not written or not written.strip():
        return DEFAULT_STYLES
    names = frozenset(name.strip() for name in written.split(","))
    if unknown := sorted(names - _STYLES):
        raise Fault(f"{shown(unknown[0])} is not a date style", f"Leave it empty, or use {', '.join(sorted(_STYLES))}")
    if "AllowWhiteSpaces" in names:
        names |= {"AllowLeadingWhite", "AllowTrailingWhite", "AllowInnerWhite"}
    return names


@lru_cache(maxsize=1024)
def _tokens(pattern: str) -> tuple[tuple[str, str], ...]:
    """The format as (field, "") and ("", literal text) pairs."""
    if len(pattern) > MOST_CHARACTERS:
        raise Fault(f"the date format is longer than {MOST_CHARACTERS} characters", "Shorten it")
    if not pattern:
        raise Fault("the date format is empty", 'Give one, such as "yyyy-MM-dd"')
    if len(pattern) == 1:
        if pattern not in _STANDARD:
            raise Fault(f"{shown(pattern)} is not a date format", f'Write "%{pattern}" for a format of one field')
        pattern = _STANDARD[pattern]
    pairs: list[tuple[str, str]] = []
    for found in _TOKEN.finditer(pattern):
        kind, written = found.lastgroup, found.group(found.lastgroup or 0)
        match kind:
            case "field" | "single":
                pairs.append((written, ""))
            case "quoted":
                pairs.append(("", written[1:-1]))
            case "other" if written in {"'", '"', "\\", "%"}:
                raise Fault(f"the date format {shown(pattern)} ends inside a quote or escape", "Close it")
            case _:
                pairs.append(("", written))
    return tuple(pairs)


# ── print ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _zone(width: int, zoned: bool) -> str:
    if width == 0:
        return "Z" if zoned else ""
    return ("+0", "+00", "+00:00")[min(width, 3) - 1]


_PRINT: dict[str, Callable[[datetime, int], str]] = {
    "d": lambda t, n: _DAYS[t.weekday()][: 3 if n == 3 else None] if n > 2 else f"{t.day:0{n}}",
    "f": lambda t, n: f"{t.microsecond:06}0"[:n],
    "F": lambda t, n: f"{t.microsecond:06}0"[:n].rstrip("0"),
    "g": lambda _t, _n: "A.D.",
    "h": lambda t, n: f"{(t.hour + 11) % 12 + 1:0{min(n, 2)}}",
    "H": lambda t, n: f"{t.hour:0{min(n, 2)}}",
    "m": lambda t, n: f"{t.minute:0{min(n, 2)}}",
    "M": lambda t, n: _MONTHS[t.month - 1][: 3 if n == 3 else None] if n > 2 else f"{t.month:0{n}}",
    "s": lambda t, n: f"{t.second:0{min(n, 2)}}",
    "t": lambda t, n: ("AM" if t.hour < 12 else "PM")[: 1 if n == 1 else 2],
    "y": lambda t, n: f"{t.year % 100:0{n}}" if n < 3 else f"{t.year:0{n}}",
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A date-time as text gave it; `zoned` when the text named its offset."""

    moment: datetime
    zoned: bool


def print_format(reading: Reading, pattern: str) -> str:
    """Print a moment in UTC in a .NET format. Raises Fault for a format that is none."""
    written: list[str] = []
    for name, literal in _tokens(pattern):
        if not name:
            written.append(literal)
        elif name[0] in "Kz":
            written.append(_zone(0 if name == "K" else len(name), reading.zoned))
        else:
            if name[0] in "fF" and len(name) > 7:
                raise Fault(f"{shown(name)} asks for more than seven digits of a second", "Use at most seven")
            shown_field = _PRINT[name[0]](reading.moment, len(name))
            if name[0] == "F" and not shown_field and written and written[-1] == ".":
                written.pop()  # .NET: a point before F goes away with it
            written.append(shown_field)
    return "".join(written)


# ── exact parse ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Fields:
    """What an exact parse has found so far."""

    found: dict[str, int] = field(default_factory=dict)
    offset: timedelta | None = None

    def put(self, name: str, value: int) -> bool:
        return self.found.setdefault(name, value) == value


def _number_pattern(letter: str, width: int) -> str:
    if letter == "y":
        return {1: "[0-9]{1,2}", 2: "[0-9]{2}", 3: "[0-9]{3,5}"}.get(width, f"[0-9]{{{width}}}")
    return "[0-9]{1,2}" if width == 1 else "[0-9]{2}"


@lru_cache(maxsize=1024)
def _exact(pattern: str, inner_white: bool) -> tuple[re.Pattern[str], tuple[str, ...]]:
    """A pattern for the whole text with one group a field, and the fields in their order.

    Each field takes all it can and gives nothing back, as in .NET, so no format makes the match slow.
    """
    parts: list[str] = []
    fields: list[str] = []
    gap = r"\s*+" if inner_white else ""
    for name, literal in _tokens(pattern):
        letter, width = name[:1], len(name)
        if not name:
            parts.append(gap + re.escape(literal) if literal.strip() or not inner_white else gap)
            continue
        match letter:
            case "d" | "M" if width > 2:
                names = _DAYS if letter == "d" else _MONTHS
                part = "|".join(n[:3] if width == 3 else n for n in names)
            case "f" | "F":
                part = f"[0-9]{{{width}}}" if letter == "f" else f"[0-9]{{0,{width}}}"
            case "t":
                part = "[AaPp]" if width == 1 else "[AaPp][Mm]"
            case "z":
                part = (r"[+-][0-9]{1,2}", r"[+-][0-9]{2}", r"[+-][0-9]{2}:?[0-9]{2}")[min(width, 3) - 1]
            case "K":
                part = r"Z|[+-][0-9]{2}:?[0-9]{2}|"
            case "g":
                part = r"A\.D\."
            case _:
                part = _number_pattern(letter, width)
        optional_point = letter == "F" and parts and parts[-1] == gap + re.escape(".")
        if optional_point:
            parts[-1] = ""
            part = rf"(?:\.((?>{part})))?+"
        else:
            part = f"((?>{part}))"
        parts.append(gap + part)
        fields.append(name)
    return re.compile("".join(parts) + gap + r"\Z", re.ASCII | re.IGNORECASE), tuple(fields)


def _take(fields: _Fields, name: str, written: str) -> bool:
    letter, width = name[0], len(name)
    match letter:
        case "y":
            year = int(written)
            if width < 3:  # .NET: two digits mean 1950 to 2049 in the invariant culture
                year += 2000 if year < 50 else 1900
            return fields.put("year", year)
        case "M":
            return fields.put("month", _index(_MONTHS, written) if width > 2 else int(written))
        case "d" if width > 2:
            return fields.put("weekday", _index(_DAYS, written))
        case "d":
            return fields.put("day", int(written))
        case "H":
            return fields.put("hour", int(written))
        case "h":
            return 1 <= int(written) <= 12 and fields.put("half_hour", int(written) % 12)
        case "m":
            return fields.put("minute", int(written))
        case "s":
            return fields.put("second", int(written))
        case "f" | "F":
            return fields.put("microsecond", int((written or "").ljust(7, "0")[:6]))
        case "t":
            return fields.put("half", 12 if written[0] in "pP" else 0)
        case "z" | "K":
            if written:
                padded = written[0] + written[1:].zfill(2) if written.upper() != "Z" else "Z"
                fields.offset = parse_offset(padded)
    return True


def _index(names: tuple[str, ...], written: str) -> int:
    folded = written.lower()
    return 1 + next(i for i, name in enumerate(names) if name.lower().startswith(folded))


def parse_exact(written: str, pattern: str, styles: frozenset[str], today: datetime) -> Reading:
    """Read text that must follow a .NET format exactly.

    A missing time is zero, a missing month or day is 1, a date wholly missing is `today`, as in .NET.
    Raises Fault for text that doesn't fit.
    """
    trimmed = written.lstrip() if "AllowLeadingWhite" in styles else written
    trimmed = trimmed.rstrip() if "AllowTrailingWhite" in styles else trimmed
    exact, names = _exact(pattern, "AllowInnerWhite" in styles)
    found = exact.match(trimmed)
    reading = _reading(found.groups(), names, styles, today) if found else None
    if reading is None:
        raise Fault(
            f"{shown(written)} does not fit the date format {shown(pattern)}",
            'Change the input format; "M/d/yyyy h:mm:ss tt" fits what date functions give',
        )
    return reading


def _reading(
    groups: tuple[str | None, ...], names: tuple[str, ...], styles: frozenset[str], today: datetime
) -> Reading | None:
    fields = _Fields()
    try:
        if not all(_take(fields, name, written or "") for name, written in zip(names, groups, strict=True)):
            return None
        found = fields.found
        hour = found.get("hour")
        if "half_hour" in found:
            twelve = found["half_hour"] + found.get("half", 0)
            if hour is not None and hour != twelve:
                return None
            hour = twelve
        dated = found.keys() & {"year", "month", "day"}
        blank = today if not dated and "NoCurrentDateDefault" not in styles else datetime(1, 1, 1, tzinfo=UTC)
        year = found.get("year", today.year if dated else blank.year)
        local = datetime(
            year,
            found.get("month", blank.month),
            found.get("day", blank.day),
            hour or 0,
            found.get("minute", 0),
            found.get("second", 0),
            found.get("microsecond", 0),
            tzinfo=UTC,
        )
        if "weekday" in found and found["weekday"] != local.isoweekday():
            return None
        return Reading(local - (fields.offset or timedelta(0)), fields.offset is not None)
    except (ValueError, OverflowError):
        return None


def check_format(pattern: str, *, parsing: bool) -> None:
    """Refuse a format that can never work. Raises Fault."""
    if parsing:
        _exact(pattern, False)
    else:
        print_format(Reading(datetime(2000, 1, 1, tzinfo=UTC), False), pattern)
