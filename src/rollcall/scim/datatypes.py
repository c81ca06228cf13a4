"""The data types of RFC 7643 §2.3: which JSON values they admit, how text is folded and instants are compared."""

from __future__ import annotations

import binascii
import math
import re
from datetime import UTC, datetime
from typing import Final
from unicodedata import normalize

from rollcall.scim.attribute import Attribute, Json

MAX_OPEN_DEPTH: Final = 16

_DATE_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,18}))?(Z|[+-][0-9]{2}:[0-9]{2})?\Z"
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_\s-]*={0,2}\s*\Z")


def fold(text: str) -> str:
    """The text as compared where case does not matter: NFC, Unicode default case folding, NFC again.

    The one folding of the project; SQL columns hold its result, so that the database never folds by a locale.
    Decided: `ß` and `ẞ` equal `ss`; letters with combining marks equal their composed form; Turkish `İ` folds
    to `i` with a dot above and dotless `ı` to itself, so neither equals `i` (no locale is guessed, and two
    accounts are never taken for one); compatibility forms such as full-width letters stay different.
    """
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFC", text).casefold())


def instant(text: str) -> tuple[datetime, str] | None:
    """A dateTime (xsd:dateTime, RFC 7643 §2.3.5) as a value that orders by time; None if it is none.

    The second part is the fraction of the second, digits without trailing zeros, which order as text.
    Without an offset it is taken as UTC.
    """
    match = _DATE_TIME.match(text)
    if match is None:
        return None
    moment, fraction, offset = match.groups()
    try:
        value = datetime.fromisoformat(moment + (offset or "Z")).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return value, (fraction or "").rstrip("0")


def is_clean_text(text: str) -> bool:
    """Whether the text can be stored and sent: no NUL character and no half of a surrogate pair."""
    if "\x00" in text:
        return False
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def fault_in(attribute: Attribute, value: Json) -> str | None:
    """What is wrong with the value of a simple attribute, as the end of a sentence; None if it is right."""
    kind = attribute.type
    if attribute.open:
        return open_fault(value)
    if kind == "boolean":
        return None if isinstance(value, bool) else "must be true or false"
    if kind == "integer":
        return None if isinstance(value, int) and not isinstance(value, bool) else "must be a whole number"
    if kind == "decimal":
        number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return None if number else "must be a number"
    if not isinstance(value, str):
        return "must be text"
    if not is_clean_text(value):
        return "must not hold NUL or half a surrogate pair"
    if kind == "dateTime" and instant(value) is None:
        return "must be a date and time such as 2026-01-05T08:00:00Z"
    if kind == "binary" and not _is_base64(value):
        return "must be base64"
    return None


def open_fault(value: Json, depth: int = 0) -> str | None:
    """What is wrong with a value that no schema describes: only depth and text are limited."""
    if isinstance(value, str):
        return None if is_clean_text(value) else "must not hold NUL or half a surrogate pair"
    if isinstance(value, float):
        return None if math.isfinite(value) else "must be a number of JSON"
    if isinstance(value, dict | list):
        if depth >= MAX_OPEN_DEPTH:
            return f"must not be nested more than {MAX_OPEN_DEPTH} levels deep"
        items = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        return next((fault for item in items if (fault := open_fault(item, depth + 1))), None)
    return None


def _is_base64(text: str) -> bool:
    if not _BASE64.match(text):
        return False
    plain = "".join(text.split()).replace("-", "+").replace("_", "/")
    try:
        binascii.a2b_base64(plain + "=" * (-len(plain) % 4), strict_mode=True)
    except binascii.Error:
        return False
    return True
