"""A resource with PATCH operations carried out on it here, to be put back whole where a target takes no PATCH."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rollcall.provisioning.model import Json, PatchOperation
from rollcall.provisioning.target_schema import parsed
from rollcall.scim.dialect import normalise_patch
from rollcall.scim.message import PATCH_URN, parse_patch
from rollcall.scim.patch import apply
from rollcall.scim.path import resolve
from rollcall.scim.schema import GROUP, USER

_RESOURCE_TYPES = {"User": USER, "Group": GROUP}


def patch_request(operations: Sequence[PatchOperation]) -> dict[str, Json]:
    """The body of a PATCH request (RFC 7644 §3.5.2)."""
    return {"schemas": [PATCH_URN], "Operations": [_operation(each) for each in operations]}


def _operation(operation: PatchOperation) -> dict[str, Json]:
    body: dict[str, Json] = {"op": operation.op}
    if operation.path is not None:
        body["path"] = operation.path
    if operation.value is not None or operation.op.lower() != "remove":
        body["value"] = operation.value
    return body


def changed_resource(kind: str, resource: Mapping[str, Json], operations: Sequence[PatchOperation]) -> dict[str, Json]:
    """The resource after the operations, as a server would carry them out, clients' quirks included.

    Attributes that no schema here knows are set and removed by their names. Raises ScimError for what can't be done.
    """
    resource_type = _RESOURCE_TYPES[kind]
    changed = {name: value for name, value in resource.items() if value is not None}
    for operation in operations:
        if operation.path is not None and resolve(parsed(operation.path), resource_type) is None:
            changed = _set_unknown(changed, operation)
        else:
            body = normalise_patch(patch_request([operation]), resource_type)
            changed = apply(changed, parse_patch(body), resource_type)
    return changed


def _set_unknown(resource: dict[str, Json], operation: PatchOperation) -> dict[str, Json]:
    steps = parsed(operation.path or "")
    holder = dict(resource if steps.schema is None else resource.get(steps.schema) or {})
    named, value = steps.attribute, operation.value
    if steps.sub_attribute is not None:
        inner = holder.get(steps.attribute)
        value = {**(inner if isinstance(inner, Mapping) else {}), steps.sub_attribute: value}
    if operation.op.lower() == "remove":
        holder.pop(named, None)
    else:
        holder[named] = value
    return holder if steps.schema is None else {**resource, steps.schema: holder}


def version_of(resource: Mapping[str, Json], headers: Mapping[str, str]) -> str | None:
    """The version of a resource that was read: its ETag, or what its meta says (RFC 7644 §3.14)."""
    meta = resource.get("meta")
    stated = meta.get("version") if isinstance(meta, Mapping) else None
    version = headers.get("etag") or stated
    return version if isinstance(version, str) and version.isascii() and version.isprintable() else None
