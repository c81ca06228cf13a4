"""The order of resources by `sortBy` and `sortOrder` (RFC 7644 §3.4.2.3)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rollcall.scim.datatypes import fold, instant
from rollcall.scim.error import invalid_path
from rollcall.scim.path import Path, Target, print_path, resolve
from rollcall.scim.schema import Attribute, Json, Resource, ResourceType


def sort_resources(
    resources: Iterable[Resource], resource_type: ResourceType, sort_by: Path, *, descending: bool
) -> list[Resource]:
    """The resources in order; without a value they come last, or first when descending; equal ones stay as they are.

    A multi-valued attribute counts by its primary value, else by its first; a complex one by its `value`. An
    attribute that the resource type does not have orders nothing. Raises invalidPath for what has no single value.
    """
    target = resolve(sort_by, resource_type)
    if target is None or target.attribute is None:
        return list(resources)
    part = target.sub_attribute or target.attribute.sub_attribute("value")
    compared = part if target.attribute.type == "complex" else target.attribute
    if compared is None or compared.type == "complex":
        raise invalid_path(f"{print_path(sort_by)} has parts: sort by one of them.")

    keyed = [(_form(_value(each, target, compared), compared), each) for each in resources]
    missing = [each for value, each in keyed if value is None]
    present = [pair for pair in keyed if pair[0] is not None]
    present.sort(key=lambda pair: pair[0], reverse=descending)
    ordered = [each for _, each in present]
    return [*missing, *ordered] if descending else [*ordered, *missing]


def _value(resource: Resource, target: Target, compared: Attribute) -> Json:
    holder = resource if target.extension is None else resource.get(target.extension, {})
    assert target.attribute is not None, "resolved above"
    value = holder.get(target.attribute.name)
    if target.attribute.multi_valued and value:
        value = next((each for each in value if isinstance(each, dict) and each.get("primary") is True), value[0])
    return value.get(compared.name) if isinstance(value, dict) else value


def _form(value: Json, attribute: Attribute) -> Any:
    if value is None:
        return None
    if attribute.type == "dateTime":
        return instant(value)
    if isinstance(value, str):
        return value if attribute.case_exact else fold(value)
    return value if isinstance(value, bool | int | float) else None
