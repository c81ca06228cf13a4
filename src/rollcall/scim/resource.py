"""Checking a resource against its resource type: the copy that may be stored, or the error that says why not.

Null, an empty array and a complex value without parts are all "unassigned" and are left out (RFC 7643 §2.5).
Unknown attributes are ignored in bodies, as are URNs we know nothing of; extensions of the custom form
`urn:ietf:params:scim:schemas:extension:…` are kept as they are. `schemas` follows from what is there.
"""

from __future__ import annotations

import re
from typing import Literal

from rollcall.scim.attribute import Attribute, Json, Resource, ResourceType, is_custom_extension, open_attribute
from rollcall.scim.datatypes import fault_in
from rollcall.scim.error import ScimError, invalid_syntax, invalid_value, mutability
from rollcall.scim.projection import Projection, project, projector
from rollcall.scim.version import version_tag

__all__ = [
    "Projection", "Situation", "check", "check_part", "check_value", "frozen", "project", "projector",
    "schemas_of", "settle", "version_tag",
]  # fmt: skip

Situation = Literal["create", "replace", "query"]

_OPEN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_$-]{0,199}\Z")


def check(
    resource: Json, resource_type: ResourceType, situation: Situation, previous: Resource | None = None
) -> Resource:
    """The resource as it may be stored: canonical names, nothing unassigned, only what `situation` lets through.

    "create" and "replace" ignore readOnly values and insist on what is required; "replace" with the `previous`
    resource keeps its readOnly values and unsent writeOnly ones, and refuses other immutable values (RFC 7644
    §3.5.1). "query" reads a server's answer: readOnly values stay, what is never returned goes, nothing is
    required. Raises invalidSyntax, invalidValue or mutability, naming attribute, rule and remedy.
    """
    if not isinstance(resource, dict):
        raise invalid_syntax("The body must be a JSON object that holds the resource.")
    client = situation != "query"
    result: Resource = {"schemas": []}
    by_name = resource_type.by_name
    for key, value in resource.items():
        attribute = by_name.get(key) or by_name.get(key.lower())
        if attribute is None:
            if value is not None and ":" in key:
                _check_extension(key, value, resource_type, client, result)
            continue
        if attribute.name == "schemas":
            _check_schemas(value, resource_type)
            continue
        if client and attribute.mutability == "readOnly":
            continue
        checked = check_value(attribute, value, client)
        if checked is not None:
            if attribute.name in result:
                raise invalid_syntax(f"{attribute.name} is given twice; names of attributes ignore case.")
            result[attribute.name] = checked
    if not client:
        for name in [name for name in result if (by := by_name.get(name)) is not None and by.returned == "never"]:
            del result[name]
    if situation == "replace" and previous is not None:
        _carry_over(result, previous, resource_type)
    return settle(result, resource_type, required=client)


def check_value(attribute: Attribute, value: Json, client: bool = True, parent: str = "") -> Json:
    """The value of one attribute as it may be stored, None if it is unassigned; raises invalidValue.

    `client` says whether readOnly parts are dropped; `parent` begins the name in messages ("emails.").
    """
    if value is None:
        return None
    if attribute.multi_valued:
        if not isinstance(value, list):
            raise _wrong(parent, attribute, 'has several values: send an array, such as ["…"]')
        return _check_values(attribute, value, client, parent)
    return _check_single(attribute, value, client, parent)


def check_part(attribute: Attribute, value: Json) -> Json:
    """One value of an attribute, single or multi-valued, of which required parts may be left out; raises invalidValue."""
    if value is None:
        return None
    if attribute.type == "complex":
        return _check_complex(attribute, value, True, "", partial=True)
    return _check_single(attribute, value, True, "")


def settle(resource: Resource, resource_type: ResourceType, *, required: bool = True) -> Resource:
    """The resource with `schemas` as its content has it and without empty extensions; raises invalidValue.

    With `required`, each attribute that the schemas require must be there.
    """
    empty = [key for key, value in resource.items() if value == {}]
    for key in empty:
        del resource[key]
    resource["schemas"] = schemas_of(resource, resource_type)
    if required:
        for name in resource_type.schema.required_names:
            if name not in resource and resource_type.by_name[name].mutability != "readOnly":
                raise invalid_value(f"{name} is required; send it with a value.")
        for extension in resource_type.extensions:
            _check_required_extension(extension.schema.id, extension.required, resource, resource_type)
    return resource


def schemas_of(resource: Resource, resource_type: ResourceType) -> list[str]:
    """The URNs of the schemas that the resource's attributes come from, the core schema first (RFC 7643 §3)."""
    return [resource_type.schema.id, *(key for key in resource if ":" in key)]


def frozen(value: Json) -> Json:
    """A JSON value as something that can be hashed, alike for equal values whatever the order of their names."""
    if isinstance(value, dict):
        return frozenset((key, frozen(item)) for key, item in value.items())
    if isinstance(value, list):
        return tuple(frozen(item) for item in value)
    # In Python True == 1; in JSON it is not.
    return (bool, value) if isinstance(value, bool) else value


def _check_schemas(value: Json, resource_type: ResourceType) -> None:
    """`schemas` must name the core schema where it is sent at all; other URNs are ignored.

    Entra sends Microsoft's own URN with groups, and a misspelt one with users.
    """
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(urn, str) for urn in value):
        raise invalid_syntax("schemas must be an array of URNs.")
    if resource_type.schema.id.lower() not in (urn.lower() for urn in value):
        raise invalid_syntax(f"schemas must hold {resource_type.schema.id}, the schema of a {resource_type.name}.")


def _check_extension(urn: str, value: Json, resource_type: ResourceType, client: bool, result: Resource) -> None:
    schema = resource_type.extension(urn)
    if schema is None and not is_custom_extension(urn):
        return
    name = schema.id if schema is not None else urn
    if not isinstance(value, dict):
        raise invalid_value(f"{name} must be an object with the attributes of that extension.")
    if any(name.lower() == key.lower() for key in result):
        raise invalid_syntax(f"{name} is given twice; URNs ignore case.")
    parent = f"{name}:"
    checked: Resource = {}
    for key, item in value.items():
        attribute = schema.attribute(key) if schema is not None else _open(key, checked, parent)
        if attribute is None or (client and attribute.mutability == "readOnly"):
            continue
        if attribute.name in checked:
            raise invalid_syntax(f"{parent}{attribute.name} is given twice; names of attributes ignore case.")
        kept = check_value(attribute, item, client, parent)
        if kept is not None and (client or attribute.returned != "never"):
            checked[attribute.name] = kept
    if checked:
        result[name] = checked


def _open(key: str, checked: Resource, parent: str) -> Attribute:
    if not _OPEN_NAME.match(key):
        raise invalid_syntax(f"{parent}{key[:80]} is no name of an attribute (RFC 7643 §2.1).")
    if any(key.lower() == other.lower() for other in checked):
        raise invalid_syntax(f"{parent}{key} is given twice; names of attributes ignore case.")
    return open_attribute(key)


def _check_single(attribute: Attribute, value: Json, client: bool, parent: str) -> Json:
    if attribute.type == "complex":
        return _check_complex(attribute, value, client, parent)
    if attribute.type == "string" and type(value) is str and value.isascii() and "\x00" not in value:
        return value  # nearly every value there is
    fault = fault_in(attribute, value)
    if fault is not None:
        raise _wrong(parent, attribute, fault)
    return None if attribute.open and value in ([], {}) else value


def _check_complex(
    attribute: Attribute, value: Json, client: bool, parent: str, partial: bool = False
) -> Resource | None:
    if not isinstance(value, dict):
        raise _wrong(parent, attribute, "must be an object with " + ", ".join(s.name for s in attribute.sub_attributes))
    result: Resource = {}
    by_name = attribute.by_name
    for key, item in value.items():
        sub = by_name.get(key) or by_name.get(key.lower())
        if sub is None or item is None or (client and sub.mutability == "readOnly"):
            continue
        if sub.name in result:
            raise invalid_syntax(f"{parent}{attribute.name}.{sub.name} is given twice; names ignore case.")
        if sub.type == "string" and type(item) is str and item.isascii() and "\x00" not in item:
            result[sub.name] = item
            continue
        checked = check_value(sub, item, client, f"{parent}{attribute.name}.")
        if checked is not None:
            result[sub.name] = checked
    if client and result and not partial:
        for name in attribute.required_names:
            if name not in result and attribute.by_name[name].mutability != "readOnly":
                raise invalid_value(f"{parent}{attribute.name}.{name} is required; send it with a value.")
    return result or None


def _check_values(attribute: Attribute, values: list[Json], client: bool, parent: str) -> list[Json] | None:
    result = []
    for value in values:
        checked = None if value is None else _check_single(attribute, value, client, parent)
        if checked is not None:
            result.append(checked)
    if len(result) > 1:
        # RFC 7643 §2.4: no value twice, and primary is true at most once.
        if "primary" in attribute.by_name and sum(value.get("primary") is True for value in result) > 1:
            raise _wrong(parent, attribute, "has more than one primary value; mark one at most")
        result = _distinct(attribute, result)
    return result or None


def _distinct(attribute: Attribute, values: list[Json]) -> list[Json]:
    """The values without repetitions, the first of each; references are the same if they refer to the same."""
    found: dict[Json, Json] = {}
    reference = "$ref" in attribute.by_name
    for value in values:
        found.setdefault(value["value"] if reference and "value" in value else frozen(value), value)
    return list(found.values())


def _carry_over(result: Resource, previous: Resource, resource_type: ResourceType) -> None:
    """RFC 7644 §3.5.1: what a PUT leaves as it was, and what it may not change."""
    for name, value in previous.items():
        attribute = resource_type.by_name.get(name)
        if attribute is None:
            schema = resource_type.by_urn.get(name)
            if schema is not None:
                holder = result.setdefault(name, {})
                for inner, old in value.items():
                    _carry_attribute(holder, inner, old, schema.by_name.get(inner), f"{name}:")
        elif name != "schemas":
            _carry_attribute(result, name, value, attribute, "")


def _carry_attribute(holder: Resource, name: str, old: Json, attribute: Attribute | None, parent: str) -> None:
    if attribute is None:
        return
    if attribute.mutability == "readOnly" or (attribute.mutability == "writeOnly" and name not in holder):
        holder[name] = old
    elif attribute.mutability == "immutable" and frozen(holder.setdefault(name, old)) != frozen(old):
        raise mutability(f"{parent}{name} is immutable; send the value it has, or leave it out.")
    elif attribute.type == "complex" and not attribute.multi_valued and name in holder:
        for sub in attribute.sub_attributes:
            # A readOnly part (manager.displayName) belongs to the value it was computed from.
            if sub.mutability != "readOnly" and sub.name in old:
                _carry_attribute(holder[name], sub.name, old[sub.name], sub, f"{parent}{name}.")


def _check_required_extension(urn: str, required: bool, resource: Resource, resource_type: ResourceType) -> None:
    if urn not in resource:
        if required:
            raise invalid_value(f"The extension {urn} is required; send it with its attributes.")
        return
    for name in resource_type.by_urn[urn].required_names:
        if name not in resource[urn] and resource_type.by_urn[urn].by_name[name].mutability != "readOnly":
            raise invalid_value(f"{urn}:{name} is required; send it with a value.")


def _wrong(parent: str, attribute: Attribute, fault: str) -> ScimError:
    return invalid_value(f"{parent}{attribute.name} {fault}.")
