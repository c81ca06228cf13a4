"""Attribute paths: parsing, printing, and what a path names in a resource type."""

from __future__ import annotations

from dataclasses import dataclass

from rollcall.scim.attribute import (
    Attribute,
    ResourceType,
    is_custom_extension,
    names_custom_extension,
    open_attribute,
)
from rollcall.scim.parser import parse_path
from rollcall.scim.syntax import Path, print_path

__all__ = ["Path", "Target", "parse_path", "print_path", "resolve"]


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names: `extension` is the URN under which the attribute lies, None for the core schema.

    Without `attribute` it is the extension as a whole (or, with neither, the core schema).
    """

    extension: str | None
    attribute: Attribute | None
    sub_attribute: Attribute | None = None


def resolve(path: Path, resource_type: ResourceType) -> Target | None:
    """What the path names in the resource type, or None if it names nothing; names in any case.

    A name without URN that the core schema lacks is sought in the extensions: RFC 7644 §3.10 wants the URN,
    but Entra filters and patches plain `manager`.
    """
    if path.schema is None:
        return _unqualified(path, resource_type)
    whole = f"{path.schema}:{path.attribute}"
    if path.sub_attribute is None and path.value_filter is None:
        extension = resource_type.extension(whole)
        if extension is not None:
            return Target(extension.id, None)
        if whole.lower() == resource_type.schema.id.lower():
            return Target(None, None)
        if names_custom_extension(whole):
            return Target(whole, None)
    if path.schema.lower() == resource_type.schema.id.lower():
        return _sub(None, resource_type.attribute(path.attribute), path)
    extension = resource_type.extension(path.schema)
    if extension is not None:
        return _sub(extension.id, extension.attribute(path.attribute), path)
    if is_custom_extension(path.schema):
        return _sub(path.schema, open_attribute(path.attribute), path)
    return None


def _unqualified(path: Path, resource_type: ResourceType) -> Target | None:
    attribute = resource_type.attribute(path.attribute)
    if attribute is not None:
        return _sub(None, attribute, path)
    for extension in resource_type.extensions:
        attribute = extension.schema.attribute(path.attribute)
        if attribute is not None:
            return _sub(extension.schema.id, attribute, path)
    return None


def _sub(extension: str | None, attribute: Attribute | None, path: Path) -> Target | None:
    if attribute is None:
        return None
    if path.sub_attribute is None:
        return Target(extension, attribute)
    sub = open_attribute(path.sub_attribute) if attribute.open else attribute.sub_attribute(path.sub_attribute)
    return None if sub is None else Target(extension, attribute, sub)
