"""What the SCIM schemas say about a target attribute path: its type, whether it is a reference, how to read and set it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from rollcall.provisioning.model import Json, TargetAttribute, TargetRule, Values
from rollcall.provisioning.roles import wire_value
from rollcall.scim.attribute import Attribute
from rollcall.scim.path import Path, Target, parse_path, print_path, resolve
from rollcall.scim.schema import ENTERPRISE_USER_SCHEMA, GROUP, USER
from rollcall.scim.syntax import And, Compare, conjunction

REFERENCE_ATTRIBUTES = {
    "Group": {"members"},
    "User": {"manager", f"{ENTERPRISE_USER_SCHEMA.id}:manager"},
}
_RESOURCE_TYPES = {"User": USER, "Group": GROUP}
_CORE_SCHEMAS = {USER.schema.id, GROUP.schema.id}


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
def _named(kind: str, path: str) -> Target | None:
    return resolve(parsed(path), _RESOURCE_TYPES[kind])


_TYPES = {
    "String": "string",
    "Boolean": "boolean",
    "Integer": "integer",
    "Reference": "reference",
    "DateTime": "dateTime",
    "Binary": "binary",
}
"""Graph's types of attributes in the words of RFC 7643 §2.3."""


def target_rule(kind: str, path: str, defined: Mapping[str, TargetAttribute] = MappingProxyType({})) -> TargetRule:
    """How values at `path` are typed and compared: as the SCIM schemas say and, beyond them, as the job's does (A8).

    What the SCIM schemas know keeps its type and its number of values; the job's schema (`defined`, by path) may
    demand a value and say whether letter case counts. An attribute that neither knows is text.
    """
    named = _named(kind, path)
    attribute = None if named is None else named.sub_attribute or named.attribute
    told = _definition(kind, path, defined)
    if attribute is None or attribute.open:
        rule = TargetRule()
        if told is not None:
            rule = TargetRule(_TYPES[told.type], multivalued=told.multivalued)
    else:
        whole = named is not None and named.sub_attribute is None and not is_value_path(path)
        rule = TargetRule(
            attribute.type,
            multivalued=whole and attribute.multi_valued,
            case_exact=_case_exact(attribute),
            required=whole and attribute.required and ":" not in path.removeprefix(f"{_core(kind)}:"),
        )
    if told is None:
        return rule
    exact = rule.case_exact if told.case_exact is None else told.case_exact
    return replace(rule, case_exact=exact, required=rule.required or _demands(told))


def _case_exact(attribute: Attribute) -> bool:
    """Of a complex attribute, what its `value` says: it tells one element from another."""
    value = attribute.sub_attribute("value") if attribute.type == "complex" else None
    return attribute.case_exact if value is None else value.case_exact


def _core(kind: str) -> str:
    return _RESOURCE_TYPES[kind].schema.id


def _plain_path(kind: str, path: str) -> str:
    """The path as it is compared with others: names have no letter case, and the core schema need not be named."""
    return path.casefold().removeprefix(f"{_core(kind)}:".casefold())


def _definition(kind: str, path: str, defined: Mapping[str, TargetAttribute]) -> TargetAttribute | None:
    if path in defined or not defined:
        return defined.get(path)
    plain = _plain_path(kind, path)
    return next((each for name, each in defined.items() if _plain_path(kind, name) == plain), None)


def _demands(told: TargetAttribute) -> bool:
    return told.required and told.mutability != "ReadOnly" and told.name.lower() != "id"


def required_attributes(kind: str, defined: Mapping[str, TargetAttribute]) -> tuple[str, ...]:
    """The attributes without which no resource of this kind can be made (rule A7): of the core schema, and of the job's.

    References are left out, since they are written when the resource is there.
    """
    core = [attribute.name for attribute in _RESOURCE_TYPES[kind].schema.attributes if attribute.required]
    plain = {_plain_path(kind, name) for name in core}
    told = [each.name for each in defined.values() if _demands(each) and _plain_path(kind, each.name) not in plain]
    return tuple(path for path in (*core, *told) if not is_reference(kind, path))


def lacks(kind: str, required: tuple[str, ...], *given: Mapping[str, Json]) -> tuple[str, ...]:
    """Which of the required attributes are not among the paths that are given a value."""
    absent = [path for path in required if not any(path in values for values in given)]
    if not absent:
        return ()
    plain = {_plain_path(kind, path) for values in given for path in values}
    return tuple(path for path in absent if not _is_given(_plain_path(kind, path), plain))


def _is_given(plain: str, given: set[str]) -> bool:
    # emails is given where emails[type eq "work"].value is, and name where name.givenName is
    return any(path == plain or path.startswith((f"{plain}[", f"{plain}.")) for path in given)


def read_value(resource: Mapping[str, Json], path: str) -> Json:
    """The value at `path` of a resource, or None; the first hit where a value filter selects several."""
    steps = parsed(path)
    holder: Any = resource if steps.schema is None else _member(resource, steps.schema)
    if holder is None and steps.schema in _CORE_SCHEMAS:
        holder = resource  # the core schema's URN names attributes of the resource itself
    value = _member(holder, steps.attribute)
    if steps.value_filter is not None:
        value = next((item for item in _as_list(value) if _selects(steps, item)), None)
    if steps.sub_attribute is None:
        return value
    if isinstance(value, list):
        value = value[0] if value else None
    return _member(value, steps.sub_attribute)


def read_values(resource: Mapping[str, Json], path: str) -> list[Json]:
    """All values at `path` of a resource, as a filter on that path sees them."""
    steps = parsed(path)
    holder: Any = resource if steps.schema is None else _member(resource, steps.schema)
    if holder is None and steps.schema in _CORE_SCHEMAS:
        holder = resource
    values = _as_list(_member(holder, steps.attribute))
    if steps.value_filter is not None:
        values = [item for item in values if _selects(steps, item)]
    if steps.sub_attribute is not None:
        values = [_member(item, steps.sub_attribute) for item in values]
    return [value for value in values if value is not None]


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
    core = _core(kind)
    resource: dict[str, Json] = {"schemas": [core]}
    for path, value in values.items():
        steps = parsed(path)
        holder = resource
        if steps.schema is not None and steps.schema.casefold() != core.casefold():
            if steps.schema not in resource:
                resource["schemas"].append(steps.schema)
            holder = resource.setdefault(steps.schema, {})
        _set(holder, steps, wire_value(value))
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


@lru_cache(maxsize=4096)
def strict_path(path: str) -> str:
    """The path with booleans in its filter written as such: `primary eq "True"` is Entra's way and selects nothing elsewhere."""
    steps = parsed(path)
    if steps.value_filter is None or '"' not in path:
        return path
    wanted = _filter_values(steps)
    if not any(isinstance(value, bool) for _, value in wanted):
        return path
    clauses = tuple(Compare(Path(name), "eq", value) for name, value in wanted)
    return print_path(replace(steps, value_filter=conjunction(*clauses)))


def element_of(path: str) -> str:
    """The element that a value path selects, as a path: `emails[type eq "work"]` of `emails[type eq "work"].value`."""
    return path.rpartition("]")[0] + "]"


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
    """What a new element has to carry so that the path's filter selects it: `attribute eq value`, one or several."""
    tree = steps.value_filter
    clauses = tree.operands if isinstance(tree, And) else (tree,)
    found = []
    for clause in clauses:
        if not isinstance(clause, Compare) or clause.op != "eq":
            return []
        found.append((clause.path.attribute, _plain(clause.value)))
    return found


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
