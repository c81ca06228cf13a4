"""The form in which filters compare a resource's values: text folded, times in UTC; kept beside the resource."""

from __future__ import annotations

from datetime import datetime

from rollcall.scim.attribute import Attribute, Json, Resource, ResourceType
from rollcall.scim.datatypes import fold, instant


def folded_resource(resource: Resource, resource_type: ResourceType) -> Resource:
    """`resource` (checked) with every value as `rollcall.scim.filter` compares it.

    An extension without schema stands under its URN in small letters, its values as they are.
    """
    folded: Resource = {}
    for name, value in resource.items():
        attribute = resource_type.attribute(name)
        if attribute is not None:
            folded[name] = _folded(value, attribute)
            continue
        extension = resource_type.extension(name)
        if extension is None:
            folded[name.lower()] = value
        elif isinstance(value, dict):
            folded[extension.id] = {
                inner: _folded(part, found) for inner, part in value.items() if (found := extension.attribute(inner))
            }
    return folded


def moment_text(moment: tuple[datetime, str]) -> str:
    """An instant of `rollcall.scim.datatypes.instant` as text that orders by time."""
    return f"{moment[0].replace(tzinfo=None).isoformat()}.{moment[1]}"


def _folded(value: Json, attribute: Attribute) -> Json:
    if isinstance(value, list):
        return [_folded(item, attribute) for item in value]
    if attribute.type == "complex" and isinstance(value, dict):
        return {
            name: _folded(part, sub)
            for name, part in value.items()
            if (sub := attribute.sub_attribute(name)) is not None
        }
    if not isinstance(value, str) or attribute.open:
        return value
    if attribute.type == "dateTime":
        moment = instant(value)
        return value if moment is None else moment_text(moment)
    return value if attribute.case_exact else fold(value)
