"""Filters: parsing, printing, and whether a resource satisfies one (RFC 7644 §3.4.2.2).

How values compare, decided once for every store:

- An attribute without value is null: `eq null` and `ne "x"` hold for it, `pr` and every order do not.
- A multi-valued attribute satisfies a comparison if one of its values does; without values it is null.
- A complex attribute is compared by its `value`: `members eq "…"`, `manager eq "…"`.
- Text is folded unless the attribute is caseExact; dateTimes compare as instants.
- An attribute that the resource type lacks has no value, and equals nothing, not even null.
- Comparisons that make no sense (order of booleans, `co` on numbers, text against a boolean) are invalidFilter.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from rollcall.scim.attribute import Attribute, Json, Resource, ResourceType
from rollcall.scim.datatypes import fold, instant
from rollcall.scim.error import invalid_filter
from rollcall.scim.parser import parse_filter
from rollcall.scim.path import Path, Target, print_path, resolve
from rollcall.scim.syntax import (
    And,
    Compare,
    Filter,
    Literals,
    Not,
    Or,
    Present,
    ValuePath,
    conjunction,
    disjunction,
    print_filter,
)

__all__ = [
    "And",
    "Compare",
    "Filter",
    "Not",
    "Or",
    "Predicate",
    "Present",
    "ValuePath",
    "comparand",
    "compared",
    "compile_filter",
    "compile_value_filter",
    "conjunction",
    "disjunction",
    "fold",
    "matches",
    "parse_filter",
    "print_filter",
    "value_target",
]  # fmt: skip

Predicate = Callable[[Any], bool]
# What a path names, and how its values are read from a resource or from one value of an attribute.
_Leaf = tuple[Attribute, Callable[[Any], list[Json]]]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip
_TEXT: dict[str, Callable[[str, str], bool]] = {
    "co": lambda value, part: part in value, "sw": str.startswith, "ew": str.endswith,
}  # fmt: skip


def matches(tree: Filter, resource: Resource, resource_type: ResourceType) -> bool:
    """Whether the checked resource satisfies the filter; raises invalidFilter for senseless comparisons."""
    return compile_filter(tree, resource_type)(resource)


def compile_filter(tree: Filter, resource_type: ResourceType) -> Predicate:
    """The filter as a predicate over checked resources; raises invalidFilter."""

    def leaf(path: Path, whole: bool) -> _Leaf | None:
        target = resolve(path, resource_type)
        if target is None or target.attribute is None:
            return None
        return compared(target), _values_of(target, whole)

    def value_path(node: ValuePath) -> Predicate:
        target = resolve(node.path, resource_type)
        if target is None or target.attribute is None:
            return _never
        inside = compile_value_filter(node.operand, target.attribute)
        read = _values_of(target, whole=True)
        return lambda resource: any(inside(value) for value in read(resource))

    return _compile(tree, leaf, value_path)


def compile_value_filter(tree: Filter, attribute: Attribute) -> Predicate:
    """The filter in brackets after `attribute`, as a predicate over single values of it; raises invalidFilter.

    Values of a simple attribute are named `value` there.
    """
    if isinstance(tree, Compare) and tree.op == "eq" and isinstance(tree.value, str):
        sub = value_target(tree.path, attribute)
        if (
            sub is not None
            and sub is not attribute
            and sub.case_exact
            and sub.type == "string"
            and not sub.multi_valued
        ):
            # members[value eq "…"] runs over every member of a group; the general way below takes six times as long.
            name, wanted = sub.name, tree.value
            return lambda value: isinstance(value, dict) and value.get(name) == wanted

    def leaf(path: Path, _whole: bool) -> _Leaf | None:
        sub = value_target(path, attribute)
        if sub is attribute:
            return attribute, lambda value: [value]
        if sub is None:
            return None
        name = sub.name
        return sub, lambda value: _listed(value.get(name)) if isinstance(value, dict) else []

    def value_path(node: ValuePath) -> Predicate:
        raise invalid_filter(f"{print_filter(node)!r} stands inside another filter in brackets; write it outside.")

    return _compile(tree, leaf, value_path)


def value_target(path: Path, attribute: Attribute) -> Attribute | None:
    """The sub-attribute that a path inside `attribute[…]` names; the attribute itself for `value` of a simple one."""
    if path.schema or path.sub_attribute:
        raise invalid_filter(f"{print_path(path)!r}: inside brackets stand plain sub-attributes of {attribute.name}.")
    if attribute.open:
        return Attribute(path.attribute, case_exact=True, open=True)
    if attribute.type != "complex" and path.attribute.lower() == "value":
        return attribute
    return attribute.sub_attribute(path.attribute)


def compared(target: Target) -> Attribute:
    """The attribute whose values a comparison reads: a complex one is compared by its `value`; raises invalidFilter."""
    attribute = target.sub_attribute or target.attribute
    assert attribute is not None, "a comparison names an attribute"
    if attribute.type != "complex":
        return attribute
    return attribute.by_name.get("value") or attribute  # without one only pr makes sense, see comparand


def comparand(op: str, value: Literals, attribute: Attribute) -> Any:
    """The literal as it is compared with the attribute's values (folded, an instant, a number); raises invalidFilter.

    None stands for null.
    """
    name, kind = attribute.name, attribute.type
    if kind == "complex":
        raise invalid_filter(f"{name} has parts; compare one of them, such as {name}.{_a_part(attribute)}.")
    if value is None:
        if op not in {"eq", "ne"}:
            raise invalid_filter(f"{op} can't be used with null; use eq, ne or pr.")
        return None
    if attribute.open:
        return _open_form(value)
    if kind == "boolean":
        if not isinstance(value, bool) or op not in {"eq", "ne"}:
            raise invalid_filter(f"{name} is true or false; compare it with eq or ne and an unquoted true or false.")
        return value
    if kind in {"integer", "decimal"}:
        if isinstance(value, bool | str) or op in _TEXT:
            raise invalid_filter(f"{name} is a number; compare it with eq, ne, gt, ge, lt or le and a number.")
        return value
    if not isinstance(value, str):
        raise invalid_filter(f'{name} is text; write the value in quotation marks: "{value}".')
    if kind == "dateTime":
        moment = instant(value)
        if moment is None or op in _TEXT:
            raise invalid_filter(f"{name} is a time; compare it with eq, ne, gt, ge, lt or le and a dateTime.")
        return moment
    if kind == "binary" and op in _ORDER:
        raise invalid_filter(f"{name} is binary and has no order (RFC 7644 §3.4.2.2).")
    return value if attribute.case_exact else fold(value)


def _compile(
    tree: Filter,
    leaf: Callable[[Path, bool], _Leaf | None],
    value_path: Callable[[ValuePath], Predicate],
) -> Predicate:
    match tree:
        case And(operands):
            parts = [_compile(o, leaf, value_path) for o in operands]
            return lambda item: all(part(item) for part in parts)
        case Or(operands):
            parts = [_compile(o, leaf, value_path) for o in operands]
            return lambda item: any(part(item) for part in parts)
        case Not(operand):
            inner = _compile(operand, leaf, value_path)
            return lambda item: not inner(item)
        case ValuePath():
            return value_path(tree)
        case Present(path):
            found = leaf(path, True)
            if found is None:
                return _never
            read = found[1]
            return lambda item: any(value not in (None, "", {}, []) for value in read(item))
        case Compare(path, op, value):
            found = leaf(path, False)
            if found is None:
                # RFC 7644 §3.4.2.2: an attribute that the resource type lacks has no value.
                return _always if op == "ne" and value is not None else _never
            return _comparison(op, value, *found)


def _comparison(op: str, value: Literals, attribute: Attribute, read: Callable[[Any], list[Json]]) -> Predicate:
    wanted = comparand(op, value, attribute)
    if op == "eq" and wanted is None:
        return lambda item: not read(item)
    if op == "ne" and wanted is None:
        return lambda item: bool(read(item))
    test = _test(op, wanted, attribute)
    if op == "ne":
        return lambda item: any(test(found) for found in read(item) or [None])
    return lambda item: any(test(found) for found in read(item))


def _test(op: str, wanted: Any, attribute: Attribute) -> Predicate:
    form = _form(attribute)
    if op == "eq":
        return lambda value: bool(form(value) == wanted)
    if op == "ne":
        return lambda value: bool(form(value) != wanted)
    if attribute.open and isinstance(wanted, tuple):
        return _never  # true and false have no order
    compare = _ORDER.get(op) or _TEXT[op]

    def ordered(value: Json) -> bool:
        have = form(value)
        # Values of open attributes may be of another type than the literal: no order, no match.
        alike = type(have) is type(wanted) or (_is_number(have) and _is_number(wanted))
        return (
            alike and not isinstance(have, bool) and (op in _ORDER or isinstance(have, str)) and compare(have, wanted)
        )

    return ordered


def _form(attribute: Attribute) -> Callable[[Json], Any]:
    """How a stored value is brought into the form of the comparand."""
    if attribute.open:
        return _open_form
    if attribute.type == "dateTime":
        return lambda value: instant(value) if isinstance(value, str) else None
    if attribute.case_exact or attribute.type in {"boolean", "integer", "decimal"}:
        return lambda value: value
    return lambda value: fold(value) if isinstance(value, str) else value


def _values_of(target: Target, whole: bool) -> Callable[[Resource], list[Json]]:
    attribute, sub, urn = target.attribute, target.sub_attribute, target.extension
    assert attribute is not None, "the caller resolved an attribute"
    name = attribute.name
    inner = sub.name if sub is not None else None
    if not whole and sub is None and attribute.type == "complex" and "value" in attribute.by_name:
        inner = "value"

    def read(resource: Resource) -> list[Json]:
        holder = resource if urn is None else _extension_of(resource, urn)
        values = _listed(holder.get(name)) if isinstance(holder, dict) else []
        if inner is None:
            return values
        return [item for value in values if isinstance(value, dict) for item in _listed(value.get(inner))]

    return read


def _open_form(value: Json) -> Json:
    # In Python True == 1; in JSON it is not.
    return ("boolean", value) if isinstance(value, bool) else value


def _extension_of(resource: Resource, urn: str) -> Json:
    found = resource.get(urn)
    if found is None:  # the URN of an extension without schema is kept as its first writer spelt it
        found = next((value for key, value in resource.items() if key.lower() == urn.lower()), None)
    return found


def _listed(value: Json) -> list[Json]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _a_part(attribute: Attribute) -> str:
    return attribute.sub_attributes[0].name if attribute.sub_attributes else "value"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _always(_: Any) -> bool:
    return True


def _never(_: Any) -> bool:
    return False
