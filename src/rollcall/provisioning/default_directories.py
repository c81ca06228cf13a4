"""The directories of a default schema document: what source and target have, in Graph's directoryDefinition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rollcall.provisioning.model import Json, SourceAttribute
from rollcall.provisioning.schema_directories import graph_type
from rollcall.provisioning.schema_findings import Findings
from rollcall.provisioning.schema_paths import RESOURCE_TYPES, TargetPath, read_target_path
from rollcall.provisioning.source_schema import SOURCE_ATTRIBUTES
from rollcall.scim.attribute import Attribute, Schema

SOURCE_NAME = "Rollcall directory"
TARGET_NAME = "customappsso"
TARGET_OBJECTS = {
    "User": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "Group": "urn:ietf:params:scim:schemas:core:2.0:Group",
}
_SOURCE_ID = "7b0f6a52-0f0b-4a5c-9d0e-5d6c1c1f3a01"
_TARGET_ID = "7b0f6a52-0f0b-4a5c-9d0e-5d6c1c1f3a02"
_READ_ONLY = frozenset(("id", "objectId", "IsSoftDeleted", "deletedDateTime"))
_USER_METADATA = {
    "PropertyNameAccountEnabled": "accountEnabled",
    "PropertyNameSoftDeleted": "IsSoftDeleted",
    "IsSoftDeletionSupported": "true",
    "IsSynchronizeAllSupported": "true",
}


def source_directory() -> dict[str, Json]:
    """The directory: all that it delivers of users and groups."""
    objects = []
    for kind, attributes in SOURCE_ATTRIBUTES.items():
        metadata = _USER_METADATA if kind == "User" else {}
        listed = [_source_attribute(each) for each in sorted(attributes.values(), key=lambda each: each.name.lower())]
        objects.append(_object(kind, [], metadata, listed))
    return _directory(_SOURCE_ID, SOURCE_NAME, "None", objects)


def target_directory(users: Iterable[str], groups: Iterable[str]) -> dict[str, Json]:
    """A SCIM application: the attributes of the SCIM schemas that hold one value, and the paths that are mapped."""
    objects = []
    for kind, paths in (("User", users), ("Group", groups)):
        name = TARGET_OBJECTS[kind]
        attributes = {path.identity: _target_attribute(path) for path in _definable(kind, paths)}
        anchor = _definition("id", "String", anchor=True, required=True, mutability="ReadOnly", case_exact=True)
        metadata = {"ConnectorDataStorageRequired": "true"} if kind == "User" else {}
        objects.append(_object(name, [name], metadata, [anchor, *attributes.values()]))
    return _directory(_TARGET_ID, TARGET_NAME, "AttributeNames, AttributeDataTypes", objects)


def _directory(directory_id: str, name: str, discoverabilities: str, objects: list[dict[str, Json]]) -> dict[str, Json]:
    return {
        "id": directory_id,
        "name": name,
        "readOnly": False,
        "version": "v1",
        "discoverabilities": discoverabilities,
        "discoveryDateTime": None,
        "objects": objects,
    }


def _object(name: str, apis: list[str], metadata: dict[str, str], attributes: list[dict[str, Json]]) -> dict[str, Json]:
    return {
        "name": name,
        "supportedApis": apis,
        "metadata": [{"key": key, "value": value} for key, value in metadata.items()],
        "attributes": attributes,
    }


def _definition(name: str, type_name: str, **known: Any) -> dict[str, Json]:
    return {
        "anchor": known.get("anchor", False),
        "apiExpressions": [],
        "caseExact": known.get("case_exact", False),
        "defaultValue": None,
        "flowNullValues": False,
        "metadata": [],
        "multivalued": known.get("multivalued", False),
        "mutability": known.get("mutability", "ReadWrite"),
        "name": name,
        "referencedObjects": known.get("referenced", []),
        "required": known.get("required", False),
        "type": type_name,
    }


def _source_attribute(attribute: SourceAttribute) -> dict[str, Json]:
    kinds = {"manager": ("User",), "members": ("User", "Group")}.get(attribute.name, ())
    return _definition(
        attribute.name,
        attribute.type,
        anchor=attribute.name == "objectId",
        required=attribute.name in ("objectId", "userPrincipalName"),
        multivalued=attribute.multivalued,
        mutability="ReadOnly" if attribute.name in _READ_ONLY else "ReadWrite",
        referenced=[{"referencedObjectName": kind, "referencedProperty": "objectId"} for kind in kinds],
    )


def _paths(kind: str, mapped: Iterable[str]) -> list[str]:
    resource_type = RESOURCE_TYPES[kind]
    paths = ["externalId", *_single_values(resource_type.schema, "")]
    for extension in resource_type.extensions:
        paths += _single_values(extension.schema, f"{extension.schema.id}:")
    return list(dict.fromkeys([*paths, *mapped]))


def _single_values(schema: Schema, prefix: str) -> list[str]:
    paths = []
    for attribute in schema.attributes:
        if attribute.multi_valued or attribute.mutability == "readOnly" or attribute.returned == "never":
            continue
        if attribute.type == "complex" and attribute.name != "manager":
            paths += [f"{prefix}{attribute.name}.{part.name}" for part in attribute.sub_attributes]
        else:
            paths.append(prefix + attribute.name)
    return paths


def _definable(kind: str, mapped: Iterable[str]) -> Iterator[TargetPath]:
    """What can be read of these paths and holds values; the rest is refused with the mapping."""
    for written in _paths(kind, mapped):
        path = read_target_path(kind, written, "", Findings())
        if path is None:
            continue
        attribute = path.attribute
        if path.is_reference or attribute is None or attribute.type != "complex" or attribute.multi_valued:
            yield path


def _target_attribute(path: TargetPath) -> dict[str, Json]:
    attribute = path.attribute or Attribute(path.path)
    if path.is_reference:
        referenced = [{"referencedObjectName": TARGET_OBJECTS["User"], "referencedProperty": "id"}]
        several = path.identity.endswith(":members")
        return _definition(path.path, "Reference", multivalued=several, referenced=referenced)
    return _definition(
        path.path,
        graph_type(attribute.type),
        required=attribute.required,
        case_exact=attribute.case_exact,
        multivalued=attribute.multi_valued and not path.selects,
        mutability="ReadOnly" if attribute.mutability == "readOnly" else "ReadWrite",
    )
