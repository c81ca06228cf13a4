"""The resource types that are served, and schemas as discovery documents, both ways (RFC 7643 §6, §7)."""

from __future__ import annotations

from typing import get_args

from rollcall.scim.attribute import (
    COMMON_ATTRIBUTES,
    Attribute,
    AttributeType,
    Extension,
    Json,
    Mutability,
    Resource,
    ResourceType,
    Returned,
    Schema,
    Uniqueness,
)
from rollcall.scim.core_schemas import (
    ENTERPRISE_USER_SCHEMA,
    ENTERPRISE_USER_URN,
    GROUP_SCHEMA,
    GROUP_URN,
    USER_SCHEMA,
    USER_URN,
)
from rollcall.scim.discovery_schemas import (
    RESOURCE_TYPE_SCHEMA,
    RESOURCE_TYPE_URN,
    SCHEMA_SCHEMA,
    SCHEMA_URN,
    SERVICE_PROVIDER_CONFIG_SCHEMA,
    SERVICE_PROVIDER_CONFIG_URN,
)
from rollcall.scim.error import invalid_syntax

__all__ = [
    "COMMON_ATTRIBUTES", "ENTERPRISE_USER_SCHEMA", "ENTERPRISE_USER_URN", "GROUP", "GROUP_SCHEMA", "GROUP_URN",
    "RESOURCE_TYPE", "RESOURCE_TYPE_SCHEMA", "SCHEMA", "SCHEMA_SCHEMA", "SERVICE_PROVIDER_CONFIG",
    "SERVICE_PROVIDER_CONFIG_SCHEMA", "SERVICE_PROVIDER_CONFIG_URN", "USER", "USER_SCHEMA", "USER_URN",
    "Attribute", "Extension", "Json", "Resource", "ResourceType", "Schema",
    "resource_type_to_json", "schema_from_json", "schema_to_json",
]  # fmt: skip

USER = ResourceType("User", "User", "/Users", "User Account", USER_SCHEMA, (Extension(ENTERPRISE_USER_SCHEMA),))
GROUP = ResourceType("Group", "Group", "/Groups", "Group", GROUP_SCHEMA)
# Discovery itself, so that its documents can be checked, projected and filtered like any resource.
SERVICE_PROVIDER_CONFIG = ResourceType(
    "ServiceProviderConfig", "ServiceProviderConfig", "/ServiceProviderConfig",
    "Service Provider Configuration", SERVICE_PROVIDER_CONFIG_SCHEMA,
)  # fmt: skip
RESOURCE_TYPE = ResourceType("ResourceType", "ResourceType", "/ResourceTypes", "Resource Type", RESOURCE_TYPE_SCHEMA)
SCHEMA = ResourceType("Schema", "Schema", "/Schemas", "Schema", SCHEMA_SCHEMA)


def schema_to_json(schema: Schema, base_url: str = "") -> Resource:
    """The schema as served at /Schemas/{urn}; no nulls, all characteristics spelt out (RFC 7643 §8.7)."""
    return {
        "schemas": [SCHEMA_URN],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [_attribute_to_json(attribute) for attribute in schema.attributes],
        "meta": {"resourceType": "Schema", "location": f"{base_url}/Schemas/{schema.id}"},
    }


def resource_type_to_json(resource_type: ResourceType, base_url: str = "") -> Resource:
    """The resource type as served at /ResourceTypes/{id} (RFC 7643 §8.6)."""
    return {
        "schemas": [RESOURCE_TYPE_URN],
        "id": resource_type.id,
        "name": resource_type.name,
        "endpoint": resource_type.endpoint,
        "description": resource_type.description,
        "schema": resource_type.schema.id,
        "schemaExtensions": [{"schema": e.schema.id, "required": e.required} for e in resource_type.extensions],
        "meta": {"resourceType": "ResourceType", "location": f"{base_url}/ResourceTypes/{resource_type.id}"},
    }


def schema_from_json(document: Json) -> Schema:
    """The schema in a discovery document of some other server, read tolerantly.

    What is absent gets the default of RFC 7643 §2.2 and unknown words fall back to it too; raises
    invalidSyntax only where no attribute could be named.
    """
    if not isinstance(document, dict) or not isinstance(document.get("id"), str):
        raise invalid_syntax("A schema needs an id: send the document of /Schemas/{urn}.")
    return Schema(
        document["id"],
        str(document.get("name") or document["id"]),
        str(document.get("description") or ""),
        _attributes_from_json(document.get("attributes"), depth=0),
    )


def _attribute_to_json(attribute: Attribute) -> Resource:
    result: Resource = {
        "name": attribute.name,
        "type": attribute.type,
        "multiValued": attribute.multi_valued,
        "description": attribute.description,
        "required": attribute.required,
    }
    if attribute.canonical_values:
        result["canonicalValues"] = list(attribute.canonical_values)
    result |= {
        "caseExact": attribute.case_exact,
        "mutability": attribute.mutability,
        "returned": attribute.returned,
        "uniqueness": attribute.uniqueness,
    }
    if attribute.reference_types:
        result["referenceTypes"] = list(attribute.reference_types)
    if attribute.sub_attributes:
        result["subAttributes"] = [_attribute_to_json(sub) for sub in attribute.sub_attributes]
    return result


def _attributes_from_json(documents: Json, depth: int) -> tuple[Attribute, ...]:
    # RFC 7643 §2.3.8 forbids complex sub-attributes, §7 has them once (subAttributes); deeper is not read.
    if not isinstance(documents, list) or depth > 2:
        return ()
    return tuple(_attribute_from_json(document, depth) for document in documents)


def _attribute_from_json(document: Json, depth: int) -> Attribute:
    if not isinstance(document, dict) or not isinstance(document.get("name"), str):
        raise invalid_syntax("Each attribute of a schema needs a name.")
    subs = _attributes_from_json(document.get("subAttributes"), depth + 1)
    kind: AttributeType = _word(document.get("type"), get_args(AttributeType), "complex" if subs else "string")
    mutability: Mutability = _word(document.get("mutability"), get_args(Mutability), "readWrite")
    returned: Returned = _word(document.get("returned"), get_args(Returned), "default")
    uniqueness: Uniqueness = _word(document.get("uniqueness"), get_args(Uniqueness), "none")
    return Attribute(
        document["name"],
        kind,
        document.get("multiValued") is True,
        str(document.get("description") or ""),
        required=document.get("required") is True,
        canonical_values=_strings(document.get("canonicalValues")),
        case_exact=document.get("caseExact") is True,
        mutability=mutability,
        returned=returned,
        uniqueness=uniqueness,
        sub_attributes=subs,
        reference_types=_strings(document.get("referenceTypes")),
    )


def _word(value: Json, words: tuple[str, ...], default: str) -> Json:
    return next((word for word in words if isinstance(value, str) and word.lower() == value.lower()), default)


def _strings(value: Json) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
