"""Values of the mapping language: their kinds, their text form, and how one kind is read as another.

A value is null (None), text, a number, a boolean, a date-time (UTC), a list of values, or a complex
value (an object, as roles are). Two results are orders instead of values: IGNORE_ATTRIBUTE and
IGNORE_OBJECT. A `Redacted` result flows like its inner value and shows as `[Redact]` in any log.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import Any, Protocol, TypeAlias

from rollcall.errors import Invalid

Value: TypeAlias = Any
Source: TypeAlias = Mapping[str, Any]

REDACTED = "[Redact]"


class Ignore(Enum):
    """Results that say what not to send."""

    ATTRIBUTE = "IgnoreAttributeFlow"
    OBJECT = "IgnoreObjectFlow"


IGNORE_ATTRIBUTE = Ignore.ATTRIBUTE
IGNORE_OBJECT = Ignore.OBJECT


class Bare(Enum):
    """Constants without quotes that are options of a function (expressions.md §1)."""

    TEXT_COMPARE = "vbTextCompare"
    BINARY_COMPARE = "vbBinaryCompare"
    UNICODE = "Unicode"
    UTF8 = "UTF8"
    ASCII = "ASCII"


@dataclass(frozen=True, slots=True, repr=False)
class Redacted:
    """A value that flows to the target unchanged and is never shown; `repr` and `str` give the mark."""

    value: Value

    def __repr__(self) -> str:
        return REDACTED


class Randomness(Protocol):
    """Where chance comes from; `random.Random` and `secrets.SystemRandom` both fit."""

    def randrange(self, stop: int, /) -> int:
        """A whole number from 0 up to, not including, `stop`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What an evaluation may know besides the source object; the language itself has no clock and no chance.

    `now` has a time zone; `is_taken` says whether the target has a value already, None when nobody can say.
    """

    now: datetime
    new_guid: Callable[[], str]
    random: Randomness
    default_domain: str | None = None
    is_taken: Callable[[str], bool] | None = None


class ExpressionError(Invalid):
    """An expression that can't be read, breaks a rule, or fails on an object.

    `position` counts characters from 1; `function` is the function at fault, if any; `remedy` says what to do.
    """

    code = "invalid_expression"

    def __init__(self, position: int, function: str | None, message: str, remedy: str) -> None:
        where = f"{function} at character {position}" if function else f"At character {position}"
        super().__init__(f"{where}: {message}. {remedy}.")
        self.position = position
        self.function = function
        self.reason = message
        self.remedy = remedy

    def __reduce__(self) -> tuple[type[ExpressionError], tuple[int, str | None, str, str]]:
        return type(self), (self.position, self.function, self.reason, self.remedy)


class Fault(Exception):
    """What a function found wrong; the evaluator adds the function's name and position."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy


class Ignored(Exception):
    """A value was needed where an order to ignore stands: the order becomes the result of the whole expression."""

    def __init__(self, order: Ignore) -> None:
        super().__init__(order.value)
        self.order = order


def print_date(moment: datetime) -> str:
    """The text form of a date-time: `M/d/yyyy h:mm:ss tt` in UTC, invariant culture."""
    utc = moment.astimezone(UTC) if moment.tzinfo else moment
    half = "PM" if utc.hour >= 12 else "AM"
    return f"{utc.month}/{utc.day}/{utc.year:04d} {(utc.hour + 11) % 12 + 1}:{utc.minute:02d}:{utc.second:02d} {half}"


def print_number(number: float) -> str:
    """A number without grouping and without an exponent; whole numbers without a point."""
    if isinstance(number, int):
        return str(number)
    if number.is_integer():
        return str(int(number))
    shown = repr(number)
    return shown if "e" not in shown else f"{number:.20f}".rstrip("0")


def text_form(value: Value) -> str:
    """How a value reads as text; null and orders to ignore give empty text, a list its values with `, ` between."""
    match value:
        case str():
            return value
        case None | Ignore():
            return ""
        case bool():
            return "True" if value else "False"
        case int() | float():
            return print_number(value)
        case datetime():
            return print_date(value)
        case list() | tuple():
            return ", ".join(map(text_form, value))
        case Redacted():
            return text_form(value.value)
        case Bare():
            return value.value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def log_form(value: Value) -> str:
    """What a log may show of a value."""
    return REDACTED if isinstance(value, Redacted) else text_form(value)


def plain(value: Value) -> Value:
    """The value that flows: without the wrapper of Redact."""
    return value.value if isinstance(value, Redacted) else value


def is_null(value: Value) -> bool:
    """Whether the attribute is absent; an empty list is the same as none (RFC 7643 §2.5)."""
    return value is None or (isinstance(value, list | tuple) and not value)


def any_value(value: Value) -> Value:
    """A value of any kind, as it is."""
    return value


def text(value: Value) -> str | None:
    """Read as text; null stays null, a list must hold at most one value."""
    if value is None or value.__class__ is str:
        return value
    if isinstance(value, Ignore):
        raise Ignored(value)
    if isinstance(value, list | tuple):
        if len(value) > 1:
            raise Fault(
                f"one value is needed and there are {len(value)}", "Take one with Item or put them together with Join"
            )
        return text(value[0]) if value else None
    return text_form(value)


_WHOLE = re.compile(r"[+-]?[0-9]{1,400}\Z")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,300}(?:\.[0-9]{0,300})?|\.[0-9]{1,300})\Z")
_HEXADECIMAL = re.compile(r"&[Hh][0-9A-Fa-f]{1,100}\Z")


def parse_number(written: str) -> int | float | None:
    """Read a number as the language writes it, also in hexadecimal (`&HF7`); None if it is none."""
    written = written.strip()
    if _WHOLE.match(written):
        return int(written)
    if _DECIMAL.match(written):
        return float(written)
    if _HEXADECIMAL.match(written):
        return int(written[2:], 16)
    return None


def number(value: Value) -> int | float | None:
    """Read as a number; a quoted number counts (expressions.md §1), null stays null."""
    if isinstance(value, int | float):
        return int(value) if isinstance(value, bool) else value
    written = text(value)
    if written is None:
        return None
    found = parse_number(written)
    if found is None:
        raise Fault(f"{shown(written)} is not a number", "Give a number, with or without quotes")
    return found


def values(value: Value) -> list[Value] | None:
    """Read as a list: a single value is a list of one, null stays null."""
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Ignore):
        raise Ignored(value)
    return [value]


MOST_CHARACTERS_OF_VALUE = 262_144  # nested Replace or ConvertToUTF8Hex would otherwise grow without bound


def limited(value: Value) -> Value:
    """The value, unless it is text longer than any attribute may be. Raises Fault."""
    if value.__class__ is str and len(value) > MOST_CHARACTERS_OF_VALUE:
        raise too_long()
    return value


def too_long() -> Fault:
    """The fault of a value that grew too long."""
    return Fault(f"the value is longer than {MOST_CHARACTERS_OF_VALUE:,} characters", "Shorten what is put together")


def truth(value: Value) -> bool:
    """Whether a condition holds: booleans, True and False as text, numbers that are not zero; null does not hold."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return value != 0
    written = text(value)
    if not written:
        return False
    match written.strip().lower():
        case "true":
            return True
        case "false":
            return False
    found = parse_number(written)
    if found is None:
        raise Fault(f"{shown(written)} is neither true nor false", 'Compare it with something, such as [a]="x"')
    return found != 0


def shown(written: str) -> str:
    """Text as a message shows it: in quotes and not too long."""
    return f'"{written}"' if len(written) <= 60 else f'"{written[:57]}..."'
