"""Puts a mapped value into the type of its target attribute, and says whether two such values are the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from rollcall.provisioning.expression import plain, text_form
from rollcall.provisioning.expression_dates import parse_date
from rollcall.provisioning.expression_values import REDACTED, Fault
from rollcall.provisioning.model import Json, TargetRule
from rollcall.provisioning.roles import wire_value
from rollcall.scim.attribute import Attribute
from rollcall.scim.datatypes import fault_in, fold, instant


class ValueRefusedError(ValueError):
    """A value that its target attribute can't take; `code` is one of Entra's provisioning log.

    `hidden` is the reason without the value, for values that no log may show.
    """

    def __init__(self, reason: str, code: str = "AttributeValidationFailed", hidden: str | None = None) -> None:
        super().__init__(reason)
        self.code = code
        self.hidden = reason if hidden is None else hidden


def _refused(expected: str, given: str, why: str = "") -> ValueRefusedError:
    return ValueRefusedError(
        f"{expected} is expected, not {given!r}{why}.", hidden=f"{expected} is expected, not {REDACTED}."
    )


def coerced(value: Json, rule: TargetRule) -> Json:
    """The value in the type of the target attribute, None for null, empty text and an empty list.

    Raises ValueRefusedError: AttributeValidationFailed for a value of another type, SchemaPropertyCanOnlyAcceptValue
    for several values where the target takes one.
    """
    if value.__class__ is str and rule.type == "string" and not rule.multivalued:
        return value or None  # most values by far
    value = plain(value)
    if value is None or value in ("", []):
        return None
    if rule.multivalued:
        return _list(value, rule)
    if isinstance(value, list | tuple):
        value = _only(value)
        if value is None:
            return None
    return _CONVERSIONS[rule.type](value)


def _only(value: Sequence[Json]) -> Json:
    """The one value of a list for a target that takes one."""
    given = [each for each in value if each is not None and each != ""]
    if len(given) > 1:
        raise ValueRefusedError(
            f"there are {len(given)} values and the target takes one. Take one with Item, or put them together with Join.",
            "SchemaPropertyCanOnlyAcceptValue",
        )
    return given[0] if given else None


def _list(value: Json, rule: TargetRule) -> list[Json] | None:
    given = value if isinstance(value, list | tuple) else [value]
    kept: dict[Json, Json] = {}
    for each in given:
        element = plain(each)
        if element is None or element == "":
            continue
        if rule.type != "complex":
            element = _CONVERSIONS[rule.type](element)
        elif not isinstance(element, Mapping):
            element = {"value": text_form(element)}
        kept.setdefault(_frozen(element), element)
    return list(kept.values()) or None


def _text(value: Json) -> str:
    return value if isinstance(value, str) else text_form(value)


def _boolean(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    text = text_form(value).lower()
    if text in ("true", "1"):
        return True
    if text in ("false", "0"):
        return False
    raise _refused("True or False", text)


_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
"""What JSON readers and the columns of applications commonly hold."""


def _integer(value: Json) -> int:
    number = value
    if not isinstance(value, int) or isinstance(value, bool):
        try:
            number = int(text_form(value))
        except ValueError:
            raise _refused("an integer", text_form(value)) from None
    if not _SMALLEST <= number <= _LARGEST:
        raise _refused("an integer of 64 bits", text_form(number))
    return int(number)


def _decimal(value: Json) -> float:
    try:
        number = float(text_form(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise _refused("a number", text_form(value))
    return number


def _date_time(value: Json) -> str:
    """RFC 3339 in UTC, with the fraction of a second where there is one."""
    if not isinstance(value, datetime):
        written = text_form(value)
        if instant(written) is None:
            try:
                value = parse_date(written)
            except Fault as fault:
                raise _refused("a date and time", written, f": {fault}") from None
        else:
            value = datetime.fromisoformat(written)
    moment: datetime = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _reference(value: Json) -> str:
    text = _text(value)
    if any(each.isspace() for each in text):
        raise _refused("a URI or an id", text)
    return text


_BINARY = Attribute("value", "binary")


def _binary(value: Json) -> str:
    text = _text(value)
    if fault_in(_BINARY, text) is not None:
        raise _refused("base64", text)
    return text


def _parts(value: Json) -> Mapping[str, Json]:
    if isinstance(value, Mapping):
        return value
    raise ValueRefusedError("it has parts of its own; map one of them, such as name.givenName.")


_CONVERSIONS: dict[str, Callable[[Json], Json]] = {
    "string": _text,
    "boolean": _boolean,
    "integer": _integer,
    "decimal": _decimal,
    "dateTime": _date_time,
    "reference": _reference,
    "binary": _binary,
    "complex": _parts,
}


def agree(there: Json, wanted: Json, rule: TargetRule, *, read: bool) -> bool:
    """Whether the target holds what is wanted (rule A6).

    Letter case counts against what was sent, and against what the target showed (`read`) only where the attribute
    is case-exact. Moments are compared as such, lists without order.
    """
    if rule.multivalued:
        return compared(there, wanted, rule, read=read) == ([], [])
    if isinstance(there, str) and isinstance(wanted, str):
        if there == wanted:
            return True
        if rule.type == "dateTime":
            return (moment := instant(wanted)) is not None and moment == instant(there)
        return read and not rule.case_exact and fold(there) == fold(wanted)
    return type(there) is type(wanted) and bool(there == wanted)


def elements_of(value: Json) -> list[Json]:
    """The elements of a multi-valued attribute; a server may show a single one without its list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def compared(there: Json, wanted: Json, rule: TargetRule, *, read: bool) -> tuple[list[Json], list[Json]]:
    """Of a multi-valued attribute: the wanted elements that are not there, and the elements there that are not wanted.

    An element is there when all the parts that are wanted of it are; what else the target keeps with it is its own.
    """
    present = wire_value(elements_of(there))
    places: dict[Json, list[int]] = {}
    for index, element in enumerate(present):
        places.setdefault(_identity(element, rule, folded=read), []).append(index)
    kept: set[int] = set()
    lacking = []
    for element in wanted:
        parts = wire_value([element])[0]
        candidates = places.get(_identity(parts, rule, folded=read), ())
        place = next((each for each in candidates if each not in kept and _has(present[each], parts, rule, read)), None)
        if place is None:
            lacking.append(element)
        else:
            kept.add(place)
    return lacking, [element for index, element in enumerate(present) if index not in kept]


def _identity(element: Json, rule: TargetRule, *, folded: bool) -> Json:
    value = element.get("value") if isinstance(element, Mapping) else element
    if isinstance(value, str):
        if rule.type == "dateTime":
            return instant(value)
        return fold(value) if folded and not rule.case_exact else value
    return _frozen(value)


def _has(present: Json, parts: Json, rule: TargetRule, read: bool) -> bool:
    if not isinstance(parts, Mapping) or not isinstance(present, Mapping):
        return not isinstance(parts, Mapping) and not isinstance(present, Mapping)
    return all(_same_part(present.get(name), part, rule, read) for name, part in parts.items() if part is not None)


def _same_part(present: Json, part: Json, rule: TargetRule, read: bool) -> bool:
    if part is False and present is None:
        return True  # primary that is not said is false (RFC 7643 §2.4)
    if isinstance(part, str) and isinstance(present, str) and read and not rule.case_exact:
        return fold(part) == fold(present)
    return bool(_frozen(part) == _frozen(present))


def _frozen(value: Json) -> Json:
    """The value in a form that a set may hold; True is not 1."""
    if isinstance(value, Mapping):
        return frozenset((name, _frozen(part)) for name, part in value.items())
    if isinstance(value, list | tuple):
        return tuple(_frozen(each) for each in value)
    return type(value).__name__, value
