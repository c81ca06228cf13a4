"""A resource with PATCH operations carried out on it here, to be put back whole where a target takes no PATCH."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rollcall.provisioning.connectors.open_attribute import OddResource, changed_open
from rollcall.provisioning.model import Json, PatchOperation
from rollcall.provisioning.target_schema import parsed
from rollcall.scim.attribute import Attribute, ResourceType, names_custom_extension
from rollcall.scim.dialect import normalise_patch
from rollcall.scim.message import PATCH_URN, parse_patch
from rollcall.scim.patch import apply
from rollcall.scim.path import Target, resolve
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

    Attributes that no schema here knows are changed by what they hold. Raises ScimError for what can't be done, and
    OddResource where what is there has another shape than the operation or the schema speaks of.
    """
    resource_type = _RESOURCE_TYPES[kind]
    changed = {name: value for name, value in resource.items() if value is not None}
    for operation in operations:
        path = None if operation.path is None else parsed(operation.path)
        target = None if path is None else resolve(path, resource_type)
        if path is not None and (target is None or (target.attribute is not None and target.attribute.open)):
            changed = changed_open(changed, path, operation, resource_type.schema.id)
        else:
            _check_shape(changed, resource_type, target)
            body = normalise_patch(patch_request([operation]), resource_type)
            changed = apply(changed, parse_patch(body), resource_type)
    return changed


def _check_shape(resource: Mapping[str, Json], resource_type: ResourceType, target: Target | None) -> None:
    """That what the target of the operation holds, or all of the resource where it names none, is as the schemas say."""
    wanted = target.attribute if target is not None else None
    if wanted is None or (target is not None and target.extension is None):
        _check_attributes(resource, resource_type.schema.attributes if wanted is None else [wanted])
    for name, value in resource.items():
        if wanted is None and names_custom_extension(name) and not isinstance(value, Mapping):
            raise OddResource(f"{name} is not an object.")
    for extension in resource_type.extensions:
        urn = extension.schema.id
        if wanted is not None and target is not None and target.extension != urn:
            continue
        for name, value in resource.items():
            if name.lower() == urn.lower():
                if not isinstance(value, Mapping):
                    raise OddResource(f"{name} is not an object.")
                _check_attributes(value, extension.schema.attributes if wanted is None else [wanted])


def _check_attributes(holder: Mapping[str, Json], attributes: Iterable[Attribute]) -> None:
    for attribute in attributes:
        value = holder.get(attribute.name)
        if value is None:
            continue
        if attribute.multi_valued and not isinstance(value, list):
            raise OddResource(f"{attribute.name} is not a list.")
        for each in value if attribute.multi_valued else [value]:
            if (attribute.type == "complex") != isinstance(each, Mapping) or isinstance(each, list):
                raise OddResource(f"{attribute.name} holds a value of another type.")
            if isinstance(each, Mapping):
                _check_attributes(each, attribute.sub_attributes)


def version_of(resource: Mapping[str, Json], headers: Mapping[str, str]) -> str | None:
    """The version of a resource that was read: its ETag, or what its meta says (RFC 7644 §3.14)."""
    meta = resource.get("meta")
    stated = meta.get("version") if isinstance(meta, Mapping) else None
    version = headers.get("etag") or stated
    return version if isinstance(version, str) and version.isascii() and version.isprintable() else None
