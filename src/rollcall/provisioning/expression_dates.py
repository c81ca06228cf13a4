"""Dates of the mapping language: reading, arithmetic, and the number form of Active Directory.

All date-times are moments in UTC. Text without an offset is taken as UTC; a date with an offset and no
time is midnight at that offset (expressions.md §2, CDate).
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from rollcall.provisioning.expression_values import Fault, print_date, shown

TICKS_PER_SECOND = 10_000_000  # ticks of 100 ns
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)  # of the numbers Active Directory keeps (FILETIME)
_ONE_MICROSECOND = timedelta(microseconds=1)

_ISO = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:[T ](?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?)?"
    r"\s?(?P<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?\Z",
    re.ASCII,
)
_INVARIANT = re.compile(  # what .NET prints and reads in the invariant culture
    r"(?:(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{4})"
    r"|(?P<year2>[0-9]{4})/(?P<month2>[0-9]{1,2})/(?P<day2>[0-9]{1,2}))"
    r"(?:[ ]+(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?)?"
    r"[ ]*(?P<half>[AaPp][Mm])?)?"
    r"\s?(?P<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?\Z",
    re.ASCII,
)


def parse_date(written: str | None) -> datetime:
    """Read a date-time: ISO 8601, or the text form of the language (`8/25/2021 5:41:18 PM`).

    Raises Fault for text that is no date, also for empty text and null.
    """
    if not written or not written.strip():
        raise Fault("there is no date", "Test the attribute with IsNullOrEmpty or an empty key of Switch first")
    return _read(written.strip())[0]


def _read(written: str) -> tuple[datetime, int]:
    # Only what is short enough for a date is kept in memory.
    return _parse_date(written) if len(written) <= 64 else _parse_date.__wrapped__(written)


@lru_cache(maxsize=4096)
def _parse_date(written: str) -> tuple[datetime, int]:
    """The moment, and the ticks of 100 ns that a microsecond is too coarse for."""
    found = _ISO.match(written) or _INVARIANT.match(written)
    moment = _moment(found.groupdict()) if found else None
    if moment is None:
        raise Fault(
            f"{shown(written)} is not a date",
            "Write it like 2021-08-24, 2021-08-24T17:41:18Z or 8/24/2021 5:41:18 PM, or turn it with FormatDateTime",
        )
    return moment


def _moment(parts: dict[str, str | None]) -> tuple[datetime, int] | None:
    hour = int(parts["hour"] or 0)
    if half := parts.get("half"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    fraction = ((parts["fraction"] or "") + "0000000")[:7]
    try:
        local = datetime(
            int(parts["year"] or parts.get("year2") or 0),
            int(parts["month"] or parts.get("month2") or 0),
            int(parts["day"] or parts.get("day2") or 0),
            hour,
            int(parts["minute"] or 0),
            int(parts["second"] or 0),
            int(fraction[:6]),
            tzinfo=UTC,
        )
        return local - parse_offset(parts["offset"]), int(fraction[6])
    except (ValueError, OverflowError):
        return None


def parse_offset(written: str | None) -> timedelta:
    """Read `Z`, `+hh`, `+hhmm` or `+hh:mm`; nothing is zero. Raises ValueError beyond 14 hours (as .NET does)."""
    if not written or written == "Z":
        return timedelta(0)
    digits = written[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    if minutes > 14 * 60 or int(digits[2:] or 0) > 59:
        raise ValueError(written)
    return timedelta(minutes=-minutes if written[0] == "-" else minutes)


def moment(value: object) -> datetime:
    """Read as a date-time: one already, or text (`CDate` is implied)."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if value is None or isinstance(value, str):
        return parse_date(value)
    raise Fault(f"{shown(str(value))} is not a date", "Give a date-time, or text that CDate can read")


def date_add(interval: str | None, amount: float | None, start: datetime) -> datetime:
    """Move a date by whole intervals; month arithmetic stops at the end of the month (.NET AddMonths)."""
    if amount is None:
        raise Fault("the number to add is null", "Give a number")
    whole = int(amount)
    try:
        match interval:
            case "yyyy":
                return _add_months(start, whole * 12)
            case "m":
                return _add_months(start, whole)
            case "ww":
                return start + timedelta(weeks=whole)
            case "d":
                return start + timedelta(days=whole)
            case "h":
                return start + timedelta(hours=whole)
            case "n":
                return start + timedelta(minutes=whole)
            case "s":
                return start + timedelta(seconds=whole)
    except (OverflowError, ValueError):
        raise Fault(
            f"adding {whole} to {print_date(start)} leaves the years 1 to 9999", "Give a smaller number"
        ) from None
    raise _unknown_interval(interval)


def _add_months(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    last = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))


def date_diff(interval: str | None, first: datetime, second: datetime) -> int:
    """`second` minus `first`: elapsed time cut toward zero, calendar fields for months and years, Sundays for weeks."""
    first, second = first.astimezone(UTC), second.astimezone(UTC)
    microseconds = (second - first) // _ONE_MICROSECOND
    match interval:
        case "yyyy":
            return second.year - first.year
        case "m":
            return (second.year - first.year) * 12 + second.month - first.month
        case "ww":  # date.toordinal() 0 was a Sunday, so whole sevens count the Sundays begun
            return second.toordinal() // 7 - first.toordinal() // 7
        case "d":
            return _cut(microseconds, 86_400)
        case "h":
            return _cut(microseconds, 3600)
        case "n":
            return _cut(microseconds, 60)
        case "s":
            return _cut(microseconds, 1)
    raise _unknown_interval(interval)


def _cut(microseconds: int, seconds: int) -> int:
    whole = abs(microseconds) // (seconds * 1_000_000)
    return whole if microseconds >= 0 else -whole


def _unknown_interval(interval: str | None) -> Fault:
    return Fault(
        f"{shown(interval or '')} is not an interval",
        'Use "yyyy" year, "m" month, "ww" week, "d" day, "h" hour, "n" minute or "s" second',
    )


INTERVALS = ("yyyy", "m", "ww", "d", "h", "n", "s")


def date_from_number(ticks: float) -> datetime:
    """A moment from ticks of 100 ns since 1601-01-01 UTC."""
    try:
        return _EPOCH + timedelta(microseconds=int(ticks) // 10)
    except OverflowError:
        raise Fault(
            f"{int(ticks)} is beyond the year 9999", "Active Directory writes never as 9223372036854775807: test for it"
        ) from None


def number_from_date(value: object) -> int:
    """Ticks of 100 ns since 1601-01-01 UTC from ISO 8601 text, with a blank or T between date and time."""
    if isinstance(value, datetime):
        return (value - _EPOCH) // _ONE_MICROSECOND * 10
    written = str(value).strip()
    if not _ISO.match(written):
        raise Fault(
            f"{shown(written)} is not a date in ISO 8601 form",
            "Write it like 2021-08-24 17:41:18-08:00, with FormatDateTime if need be",
        )
    found, rest = _read(written)
    return (found - _EPOCH) // _ONE_MICROSECOND * 10 + rest
