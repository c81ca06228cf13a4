"""What a service provider says about itself: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 §4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rollcall.scim.error import forbidden, method_not_allowed, not_found
from rollcall.scim.message import list_response
from rollcall.scim.schema import (
    RESOURCE_TYPE_SCHEMA,
    SCHEMA_SCHEMA,
    SERVICE_PROVIDER_CONFIG_SCHEMA,
    Resource,
    ResourceType,
    Schema,
    resource_type_to_json,
    schema_to_json,
)
from rollcall.scim_http.request import Request
from rollcall.scim_http.response import Response

ENDPOINTS = frozenset({"ServiceProviderConfig", "ResourceTypes", "Schemas"})


def discover(request: Request, resource_types: Sequence[ResourceType], max_results: int) -> Response:
    """The answer to a request below one of `ENDPOINTS`; raises 404, 405, or 403 for a filter (RFC 7644 §4)."""
    endpoint, *rest = request.segments
    if len(rest) > 1 or (rest and endpoint == "ServiceProviderConfig"):
        raise not_found("There is no such endpoint.")
    if request.method not in ("GET", "HEAD"):
        raise method_not_allowed(f"{endpoint} can only be read.", "GET, HEAD")
    if "filter" in request.query():
        raise forbidden(f"{endpoint} can't be filtered.")
    if endpoint == "ServiceProviderConfig":
        return _found(service_provider_config(request.base_url, max_results))
    if endpoint == "ResourceTypes":
        documents = [resource_type_to_json(each, request.base_url) for each in resource_types]
    else:
        documents = [schema_to_json(each, request.base_url) for each in schemas_of(resource_types)]
    if not rest:
        return Response(200, list_response(documents, len(documents), 1))
    # RFC 7643 §2.1: URNs and names of attributes are compared without case.
    found = next((each for each in documents if each["id"].lower() == rest[0].lower()), None)
    if found is None:
        raise not_found(f"{endpoint} has no such id.")
    return _found(found)


def schemas_of(resource_types: Sequence[ResourceType]) -> list[Schema]:
    """Every schema that the resource types use, each once, and those of discovery itself."""
    schemas: dict[str, Schema] = {}
    for resource_type in resource_types:
        for schema in (resource_type.schema, *(extension.schema for extension in resource_type.extensions)):
            schemas[schema.id] = schema
    for schema in (SERVICE_PROVIDER_CONFIG_SCHEMA, RESOURCE_TYPE_SCHEMA, SCHEMA_SCHEMA):
        schemas[schema.id] = schema
    return list(schemas.values())


def service_provider_config(base_url: str, max_results: int) -> dict[str, Any]:
    """What this server can do (RFC 7643 §5 and §8.5)."""
    return {
        "schemas": [SERVICE_PROVIDER_CONFIG_SCHEMA.id],
        "patch": {"supported": True},
        "bulk": {"supported": False, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": True, "maxResults": max_results},
        "changePassword": {"supported": False},
        "sort": {"supported": True},
        "etag": {"supported": True},
        "authenticationSchemes": [
            {
                "type": "oauthbearertoken",
                "name": "Secret token",
                "description": "The secret token, sent as an OAuth 2.0 bearer token",
                "specUri": "https://www.rfc-editor.org/rfc/rfc6750",
                "primary": True,
            }
        ],
        "meta": {"resourceType": "ServiceProviderConfig", "location": f"{base_url}/ServiceProviderConfig"},
    }


def _found(document: Resource) -> Response:
    return Response(200, document, (("Location", document["meta"]["location"]),))
