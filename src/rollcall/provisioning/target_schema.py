"""What the SCIM schemas say about a target attribute path: its type, whether it is a reference, how to read and set it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from rollcall.provisioning.model import Json, Values
from rollcall.scim.attribute import Attribute
from rollcall.scim.path import Path, parse_path, resolve
from rollcall.scim.schema import ENTERPRISE_USER_SCHEMA, GROUP, USER
from rollcall.scim.syntax import Compare

REFERENCE_ATTRIBUTES = {
    "Group": {"members"},
    "User": {"manager", f"{ENTERPRISE_USER_SCHEMA.id}:manager"},
}
_RESOURCE_TYPES = {"User": USER, "Group": GROUP}


def is_reference(kind: str, path: str) -> bool:
    """Whether the attribute holds ties to other objects (rule R1)."""
    return path in REFERENCE_ATTRIBUTES.get(kind, set())


def is_multi_valued_reference(path: str) -> bool:
    """Whether one object may hold several references through this attribute."""
    return path == "members"


@lru_cache(maxsize=4096)
def parsed(path: str) -> Path:
    """The path, parsed once."""
    return parse_path(path)


@lru_cache(maxsize=4096)
def _target(kind: str, path: str) -> Attribute | None:
    named = resolve(parsed(path), _RESOURCE_TYPES[kind])
    return None if named is None else named.sub_attribute or named.attribute


def attribute_type(kind: str, path: str) -> str:
    """The SCIM type of the attribute at `path`; `string` where no schema knows it."""
    attribute = _target(kind, path)
    return "string" if attribute is None else attribute.type


def is_case_exact(kind: str, path: str) -> bool:
    """Whether a difference in letter case alone counts as a difference (rule A6)."""
    attribute = _target(kind, path)
    return attribute is None or attribute.case_exact


def read_value(resource: Mapping[str, Json], path: str) -> Json:
    """The value at `path` of a resource, or None; the first hit where a value filter selects several."""
    steps = parsed(path)
    holder: Any = resource if steps.schema is None else _member(resource, steps.schema)
    if steps.schema is not None and holder is None:
        holder = resource  # the core schema's URN names attributes of the resource itself
    value = _member(holder, steps.attribute)
    if steps.value_filter is not None:
        value = next((item for item in _as_list(value) if _selects(steps, item)), None)
    if steps.sub_attribute is None:
        return value
    if isinstance(value, list):
        value = value[0] if value else None
    return _member(value, steps.sub_attribute)


def storable_text(text: str) -> str:
    """Text from outside without what no database text may hold (U+0000) and no line should (other controls)."""
    return "".join(" " if unicodedata.category(each) == "Cc" else each for each in text)


def storable(value: Json) -> Json:
    """A value from outside with U+0000 taken out wherever it stands."""
    if isinstance(value, str):
        return value.replace("\x00", "")
    if isinstance(value, list):
        return [storable(each) for each in value]
    if isinstance(value, Mapping):
        return {storable(name): storable(each) for name, each in value.items()}
    return value


def build_resource(kind: str, values: Values) -> dict[str, Json]:
    """A new resource of `kind` that carries `values`, with its `schemas`.

    A value path such as `emails[type eq "work"].value` makes the element it selects.
    """
    core = _RESOURCE_TYPES[kind].schema.id
    resource: dict[str, Json] = {"schemas": [core]}
    for path, value in values.items():
        steps = parsed(path)
        holder = resource
        if steps.schema is not None and steps.schema != core:
            if steps.schema not in resource:
                resource["schemas"].append(steps.schema)
            holder = resource.setdefault(steps.schema, {})
        _set(holder, steps, value)
    return resource


def new_element(path: str, value: Json) -> dict[str, Json]:
    """The element that a value path selects, with `value` in it."""
    steps = parsed(path)
    element = dict(_filter_values(steps))
    if steps.sub_attribute is not None:
        element[steps.sub_attribute] = value
    return element


def is_value_path(path: str) -> bool:
    """Whether the path selects an element of a multi-valued attribute."""
    return parsed(path).value_filter is not None


def element_attribute(path: str) -> str:
    """The multi-valued attribute that a value path selects from, as a path of its own."""
    steps = parsed(path)
    return f"{steps.schema}:{steps.attribute}" if steps.schema else steps.attribute


def _set(holder: dict[str, Json], steps: Path, value: Json) -> None:
    if steps.value_filter is not None:
        elements = holder.setdefault(steps.attribute, [])
        element = next((item for item in elements if _selects(steps, item)), None)
        if element is None:
            element = dict(_filter_values(steps))
            elements.append(element)
        if steps.sub_attribute is not None:
            element[steps.sub_attribute] = value
    elif steps.sub_attribute is not None:
        holder.setdefault(steps.attribute, {})[steps.sub_attribute] = value
    else:
        holder[steps.attribute] = value


def _filter_values(steps: Path) -> list[tuple[str, Json]]:
    """What a new element has to carry so that the path's filter selects it: only `attribute eq value`."""
    clause = steps.value_filter
    if isinstance(clause, Compare) and clause.op == "eq":
        return [(clause.path.attribute, _plain(clause.value))]
    return []


def _plain(value: Json) -> Json:
    # roles[primary eq "True"]: the documented path writes the boolean as text (rule A10).
    return value.lower() == "true" if isinstance(value, str) and value.lower() in ("true", "false") else value


def _selects(steps: Path, item: Json) -> bool:
    wanted = _filter_values(steps)
    return bool(wanted) and all(_same_text(_member(item, name), value) for name, value in wanted)


def _same_text(left: Json, right: Json) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    return bool(left == right)


def _member(holder: Json, name: str) -> Json:
    if not isinstance(holder, Mapping):
        return None
    if name in holder:
        return holder[name]
    folded = name.casefold()
    return next((value for key, value in holder.items() if key.casefold() == folded), None)


def _as_list(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
