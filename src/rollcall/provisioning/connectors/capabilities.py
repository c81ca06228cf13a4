"""What a target can do, how that is known, and which attributes it knows (RFC 7643 §5 to §7, rule C7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args

from rollcall.provisioning.target_schema import parsed
from rollcall.scim.error import ScimError
from rollcall.scim.schema import ENTERPRISE_USER_SCHEMA, GROUP, USER

Origin = Literal["ServiceProviderConfig", "Schemas", "probe", "learnt", "assumed"]
Documents = Iterable[Mapping[str, Any]]

_CORE = {"User": USER.schema.id, "Group": GROUP.schema.id}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a target can do; what nothing is known of is assumed.

    `patch`: changes as PATCH, else as PUT of the whole resource. `filter`: a question is answered with the hits, else
    the target is listed. `listing`: page by page with startIndex and count. `excludes_members`: members stay out where
    asked (rule R6). `etag`: a PUT may name the version it changes. `bulk`: many operations in one request, at most
    `bulk_operations` in `bulk_bytes`. `members_per_patch`: as many members as one PATCH may carry, 0 where no limit is
    known. `requests_per_second`: how many it was found to take, 0 where it never objected. `attributes`: names known by kind; none where the target shows no schemas. `origins`: how each is known.
    """

    patch: bool = True
    filter: bool = True
    listing: bool = True
    excludes_members: bool = True
    etag: bool = False
    bulk: bool = False
    bulk_operations: int = 0
    bulk_bytes: int = 0
    members_per_patch: int = 0
    requests_per_second: float = 0.0
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def origin(self, name: str) -> Origin:
        """How the value is known."""
        return self.origins.get(name, "assumed")

    def known(self, origin: Origin, **values: Any) -> Capabilities:
        """The same with values that are known from now on."""
        return replace(self, **values, origins={**self.origins, **dict.fromkeys(values, origin)})


def capabilities_to_json(capabilities: Capabilities) -> dict[str, Any]:
    """As a JSON object, for storage and reports."""
    return asdict(capabilities)


def capabilities_from_json(document: Mapping[str, Any] | None) -> Capabilities:
    """What was stored; fields of another version and of another type are left out."""
    plain = Capabilities()
    if document is None:
        return plain
    names = {each.name for each in fields(Capabilities)} - {"attributes", "origins"}
    kept = {
        name: value for name, value in document.items() if name in names and type(value) is type(getattr(plain, name))
    }
    attributes = {kind: tuple(paths) for kind, paths in (document.get("attributes") or {}).items()}
    origins = {name: value for name, value in (document.get("origins") or {}).items() if value in get_args(Origin)}
    return Capabilities(**kept, attributes=attributes, origins=origins)


def of_config(capabilities: Capabilities, config: Mapping[str, Any]) -> Capabilities:
    """With what a ServiceProviderConfig says (RFC 7643 §5); what it does not say stays as it was."""
    found: dict[str, Any] = {}
    for name in ("patch", "filter", "etag", "bulk"):
        supported = _part(config, name).get("supported")
        if isinstance(supported, bool):
            found[name] = supported
    bulk = _part(config, "bulk")
    for name, key in (("bulk_operations", "maxOperations"), ("bulk_bytes", "maxPayloadSize")):
        limit = bulk.get(key)
        if isinstance(limit, int) and not isinstance(limit, bool) and limit > 0:
            found[name] = limit
    if found.get("bulk") and found.get("bulk_operations", 0) < 2:
        found["bulk"] = False  # what takes one operation at a time is no gain, and what names no limit is no offer
    return capabilities.known("ServiceProviderConfig", **found)


def _part(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = config.get(name)
    return part if isinstance(part, Mapping) else {}


def of_schemas(capabilities: Capabilities, schemas: Documents, resource_types: Documents) -> Capabilities:
    """With the attributes of its Schemas, by kind (RFC 7643 §7).

    Without ResourceTypes the core schema and the enterprise extension are those of a kind.
    """
    by_id = {str(each.get("id")).lower(): each for each in schemas}
    extensions = {"User": [ENTERPRISE_USER_SCHEMA.id], "Group": []}
    for each in resource_types:
        named = [extension.get("schema") for extension in _objects(each.get("schemaExtensions"))]
        name = each.get("name")
        if isinstance(name, str) and name in extensions and named:
            extensions[name] = [urn for urn in named if isinstance(urn, str)]
    attributes = {}
    for kind, core in _CORE.items():
        if core.lower() in by_id:
            paths = ["id", "externalId", "meta", "schemas", *_names(by_id[core.lower()])]
            for urn in extensions[kind]:
                paths.extend(f"{urn}:{name}" for name in _names(by_id.get(urn.lower(), {})))
            attributes[kind] = tuple(paths)
    return capabilities.known("Schemas", attributes=attributes) if attributes else capabilities


def _names(schema: Mapping[str, Any]) -> Iterable[str]:
    for attribute in _objects(schema.get("attributes")):
        name = attribute.get("name")
        if isinstance(name, str):
            yield name
            yield from (f"{name}.{sub.get('name')}" for sub in _objects(attribute.get("subAttributes")))


def _objects(value: Any) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []


def unknown_attributes(capabilities: Capabilities, kind: str, paths: Iterable[str]) -> list[str]:
    """Those of the mapped target attributes that the target's schemas do not name; none where it shows no schemas.

    Discovery only ever adds to what may be mapped (rule C7): these are told about, and sent all the same.
    """
    if kind not in capabilities.attributes:
        return []
    known = {name.lower() for name in capabilities.attributes[kind]}
    return [path for path in paths if _plain_name(kind, path) not in known]


def _plain_name(kind: str, path: str) -> str:
    """The path without a value filter, and without the core schema's URN."""
    try:
        steps = parsed(path)
    except ScimError:
        return path.lower()
    name = steps.attribute if steps.sub_attribute is None else f"{steps.attribute}.{steps.sub_attribute}"
    foreign = steps.schema is not None and steps.schema.lower() != _CORE[kind].lower()
    return (f"{steps.schema}:{name}" if foreign else name).lower()
