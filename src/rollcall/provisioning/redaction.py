"""Values that are shown nowhere: taken out of attributes, of changes, of whole resources, and of what was said of them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import Any

from rollcall.provisioning.connectors.whole_resource import changed_resource
from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.model import Desired, Json, PatchOperation, Values
from rollcall.provisioning.target_schema import element_attribute, is_value_path, parsed, read_value
from rollcall.scim.error import ScimError

_WORD = 4
"""Shorter values than this many characters are taken out where they stand alone, not out of the middle of words."""


@dataclass(frozen=True, slots=True)
class Hidden:
    """What must be shown nowhere of one object: attributes by path, and the values they have, had or may get."""

    paths: frozenset[str] = frozenset()
    values: tuple[Json, ...] = ()


def hidden_of(desired: Desired, *held: Values) -> Hidden:
    """What must be shown nowhere of an object, by attribute and by every value it gets, and has or had (`held`)."""
    known: tuple[Values, ...] = (desired.values, desired.on_create, dict(desired.matching), *held)
    paths = desired.redacted
    return Hidden(paths, tuple(values[path] for path in sorted(paths) for values in known if path in values))


def shown_value(path: str | None, value: Json, hidden: Collection[str]) -> Json:
    """A value as it may be shown; the value of a path-less change by its names."""
    if path is None and isinstance(value, dict):
        return {name: shown_value(name, each, hidden) for name, each in value.items()}
    if value is None or path is None:
        return value
    return REDACTED if any(_overlap(each, path) for each in hidden) else value


def shown_operation(operation: PatchOperation, hidden: Collection[str]) -> PatchOperation:
    """An operation of a PATCH as it may be shown."""
    path, value = operation.path, shown_value(operation.path, operation.value, hidden)
    if path is not None and is_value_path(path) and any(_holds(each, path) for each in hidden):
        path = f'{element_attribute(path)}[value eq "{REDACTED}"]'  # the value stands in the path itself
    return replace(operation, path=path, value=value)


def shown_resource(kind: str, resource: dict[str, Any], hidden: Collection[str]) -> dict[str, Any]:
    """A whole resource as it may be shown."""
    for path in hidden:
        if read_value(resource, path) is not None:
            shown = _changed(kind, resource, PatchOperation("replace", path, REDACTED))
            resource = shown or _changed(kind, resource, PatchOperation("remove", path)) or {}
    return resource


def _changed(kind: str, resource: dict[str, Any], operation: PatchOperation) -> dict[str, Any] | None:
    try:
        return changed_resource(kind, resource, [operation])
    except ScimError:
        return None


def _overlap(hidden: str, path: str) -> bool:
    """Whether what stands at `path` may show something hidden: rather one value too many is masked than one too few."""
    one, other = parsed(hidden).sub_attribute, parsed(path).sub_attribute
    is_part = one is None or other is None or one.casefold() == other.casefold()
    return is_part and element_attribute(hidden).casefold() == element_attribute(path).casefold()


def _holds(hidden: str, path: str) -> bool:
    """Whether the elements that `path` selects are hidden as a whole."""
    return not is_value_path(hidden) and _overlap(hidden, path)


def without(text: str, hidden: Hidden) -> str:
    """A text, such as a target's answer, with `[Redact]` in the place of every hidden value it repeats."""
    for value in sorted(set(_leaves(hidden.values)), key=len, reverse=True):
        for form in _written(value):
            around = ("", "") if len(value) >= _WORD else (r"(?<!\w)", r"(?!\w)")
            text = re.sub(f"{around[0]}{re.escape(form)}{around[1]}", lambda _: REDACTED, text, flags=re.IGNORECASE)
    return text


def _written(value: str) -> set[str]:
    """The ways in which a text may stand in an answer: as it is, or as JSON writes it."""
    forms = {value, json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    return forms | {form.replace("/", "\\/") for form in forms}


def without_values(value: Json, hidden: Hidden) -> Json:
    """A JSON value with every text in it so."""
    if isinstance(value, str):
        return without(value, hidden)
    if isinstance(value, dict):
        return {name: without_values(each, hidden) for name, each in value.items()}
    return [without_values(each, hidden) for each in value] if isinstance(value, list) else value


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        value = tuple(value.values())
    if isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, str) and value.strip():
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
