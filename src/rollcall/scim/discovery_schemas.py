"""The schemas of the discovery documents as data: ServiceProviderConfig, ResourceType and Schema (RFC 7643 §5-§7)."""

from __future__ import annotations

from rollcall.scim.attribute import Attribute, AttributeType, Schema

SERVICE_PROVIDER_CONFIG_URN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
RESOURCE_TYPE_URN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
SCHEMA_URN = "urn:ietf:params:scim:schemas:core:2.0:Schema"


def _fixed(
    name: str,
    kind: AttributeType = "string",
    description: str = "",
    *,
    many: bool = False,
    required: bool = True,
    exact: bool = False,
    subs: tuple[Attribute, ...] = (),
    values: tuple[str, ...] = (),
    references: tuple[str, ...] = (),
) -> Attribute:
    """A read-only attribute, as all of discovery is."""
    return Attribute(
        name, kind, many, description, required=required, canonical_values=values, case_exact=exact,
        mutability="readOnly", sub_attributes=subs, reference_types=references,
    )  # fmt: skip


def _ability(name: str, description: str, *more: Attribute) -> Attribute:
    supported = _fixed("supported", "boolean", "Whether it is served.")
    return _fixed(name, "complex", description, subs=(supported, *more))


SERVICE_PROVIDER_CONFIG_SCHEMA = Schema(
    SERVICE_PROVIDER_CONFIG_URN, "Service Provider Configuration", "What the service provider can do",
    (
        _fixed("documentationUri", "reference", "Page for people.", required=False, exact=True,
               references=("external",)),
        _ability("patch", "PATCH, RFC 7644 §3.5.2."),
        _ability("bulk", "Bulk, RFC 7644 §3.7.",
                 _fixed("maxOperations", "integer", "Most operations in a request."),
                 _fixed("maxPayloadSize", "integer", "Largest body in bytes.")),
        _ability("filter", "Filters, RFC 7644 §3.4.2.2.",
                 _fixed("maxResults", "integer", "Most resources in an answer.")),
        _ability("changePassword", "Changing passwords."),
        _ability("sort", "Sorting, RFC 7644 §3.4.2.3."),
        _ability("etag", "Versions, RFC 7644 §3.14."),
        _fixed("authenticationSchemes", "complex", "How to authenticate.", many=True, subs=(
            _fixed("type", description="Scheme.",
                   values=("oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest")),
            _fixed("name", description="Name of the scheme."),
            _fixed("description", description="Description of the scheme."),
            _fixed("specUri", "reference", "Its specification.", required=False, exact=True,
                   references=("external",)),
            _fixed("documentationUri", "reference", "How to use it.", required=False, exact=True,
                   references=("external",)),
            _fixed("primary", "boolean", "Whether it is the preferred one.", required=False),
        )),
    ),
)  # fmt: skip

RESOURCE_TYPE_SCHEMA = Schema(
    RESOURCE_TYPE_URN, "ResourceType", "The kinds of resources and where they are",
    (
        _fixed("id", description="Identifier of the resource type.", required=False),
        _fixed("name", description="Name of the resource type."),
        _fixed("description", description="Description for people.", required=False),
        _fixed("endpoint", "reference", "Where its resources are, below the base URL.", exact=True,
               references=("uri",)),
        _fixed("schema", "reference", "URN of its core schema.", exact=True, references=("uri",)),
        _fixed("schemaExtensions", "complex", "Its extensions.", many=True, required=False, subs=(
            _fixed("schema", "reference", "URN of the extension.", exact=True, references=("uri",)),
            _fixed("required", "boolean", "Whether each resource must carry it."),
        )),
    ),
)  # fmt: skip

_TYPES = ("string", "boolean", "decimal", "integer", "dateTime", "reference", "binary", "complex")


def _attribute_description(*, nested: bool) -> tuple[Attribute, ...]:
    own = (
        _fixed("name", description="The attribute's name.", exact=True),
        _fixed("type", description="Its data type.", exact=True, values=_TYPES),
        _fixed("multiValued", "boolean", "Whether it has several values."),
        _fixed("description", description="Description for people.", required=False),
        _fixed("required", "boolean", "Whether it must have a value.", required=False),
        _fixed("canonicalValues", description="Suggested values.", many=True, required=False, exact=True),
        _fixed("caseExact", "boolean", "Whether case matters.", required=False),
        _fixed("mutability", description="When it may be written.", required=False, exact=True,
               values=("readOnly", "readWrite", "immutable", "writeOnly")),
        _fixed("returned", description="When it is in an answer.", required=False, exact=True,
               values=("always", "never", "default", "request")),
        _fixed("uniqueness", description="Whether two resources may share a value.", required=False, exact=True,
               values=("none", "server", "global")),
        _fixed("referenceTypes", description="What it may refer to.", many=True, required=False, exact=True),
    )  # fmt: skip
    if not nested:
        return own
    subs = _attribute_description(nested=False)
    return (*own, _fixed("subAttributes", "complex", "Its sub-attributes.", many=True, required=False, subs=subs))


SCHEMA_SCHEMA = Schema(
    SCHEMA_URN, "Schema", "The attributes of a schema",
    (
        _fixed("id", "reference", "URN of the schema.", exact=True, references=("uri",)),
        _fixed("name", description="Name of the schema.", required=False),
        _fixed("description", description="Description for people.", required=False),
        _fixed("attributes", "complex", "The schema's attributes.", many=True, subs=_attribute_description(nested=True)),
    ),
)  # fmt: skip
