"""Whose requests a target is sent: for each profile the bodies, the queries and the PATCH operations as they go out.

`rfc` is RFC 7644 in the form that every server reads the same way. The others are what known clients really send,
so that an endpoint can be tested against them (rules 15.1 to 15.4). What a plan holds, a log shows and a request
carries is one and the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import orjson

from rollcall.provisioning.differences import Change, patch_for
from rollcall.provisioning.model import (
    JobSettings,
    Json,
    Key,
    PatchOperation,
    ReferenceOperation,
    RequestProfile,
    Values,
)
from rollcall.provisioning.target_schema import build_resource, is_multi_valued_reference, is_value_path, parsed
from rollcall.scim.filter import And, Compare, Filter, print_filter
from rollcall.scim.path import parse_path
from rollcall.scim.schema import ENTERPRISE_USER_SCHEMA, USER

Query = dict[str, str | int]

_FLAGS: Mapping[str, RequestProfile] = {
    "aadoptscim062020": "entra-aadOptscim062020",
    "azureadscimpatch2017": "entra",  # the old form, for the day when the new one is the default
}
_ENTRA_GROUP_SCHEMA = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
_ROLE_TYPE = "WindowsAzureActiveDirectoryRole"
_MANAGER = f"{ENTERPRISE_USER_SCHEMA.id}:manager"
_OKTA_PAGE = 100


def _nameless(_kind: str, target_id: str) -> str:
    return target_id


@dataclass(frozen=True, slots=True)
class Ends:
    """What a request says of the far ends of references beside their ids: addresses, and names by source object."""

    location: Callable[[str, str], str] = _nameless
    names: Mapping[Key, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """How one client words its requests.

    `update` takes kind, target id, changes and what was there before. `blank` is how a blank in a query is sent.
    `lists`: the target may be read page by page. `checks_manager`: asks whether a manager is set before setting it
    (rule R4). `whole`: whether these operations go out as a PUT of the whole resource. `adapts`: what the target can
    do decides between PATCH and PUT and on Bulk; else the client does as it always does.
    """

    name: RequestProfile
    accept: str
    blank: Literal["+", "%20"]
    lists: bool
    checks_manager: bool
    adapts: bool
    body: Callable[[str, Values], dict[str, Json]]
    update: Callable[[str, str, Sequence[Change], Values], tuple[PatchOperation, ...]]
    references: Callable[[ReferenceOperation, Ends], tuple[PatchOperation, ...]]
    lookup: Callable[[str, str], Query]
    without_members: Query
    whole: Callable[[str, Sequence[PatchOperation]], bool]


def reference_query(target_id: str, attribute: str, referenced_id: str) -> Query:
    """The question whether a reference is set already (rule R4)."""
    tree: Filter = And(
        (Compare(parse_path("id"), "eq", target_id), Compare(parse_path(attribute), "eq", referenced_id)),
    )
    return {"attributes": "id", "filter": print_filter(tree)}


def flagged_profile(tenant_url: str) -> RequestProfile | None:
    """The profile that a Tenant URL asks for by Entra's flag (rules C1, 15.4); None where it asks for none."""
    named = {name.lower() for name, _ in parse_qsl(urlsplit(tenant_url).query, keep_blank_values=True)}
    return next((profile for flag, profile in _FLAGS.items() if flag in named), None)


def without_flags(tenant_url: str) -> str:
    """The Tenant URL that requests are sent to: Entra's flags speak to the client and are not sent."""
    parts = urlsplit(tenant_url)
    kept = "&".join(each for each in parts.query.split("&") if each.partition("=")[0].lower() not in _FLAGS)
    return urlunsplit(parts._replace(query=kept))


# ── RFC 7644 ──


def _rfc_update(_kind: str, _target_id: str, changes: Sequence[Change], before: Values) -> tuple[PatchOperation, ...]:
    return patch_for(changes, before)


def _rfc_references(operation: ReferenceOperation, _ends: Ends) -> tuple[PatchOperation, ...]:
    """Members are taken out by a value filter, which every server reads the same way; a removal with a value list
    empties the group on some."""
    attribute = operation.attribute
    if not is_multi_valued_reference(attribute):
        if not operation.added:
            return (PatchOperation("remove", attribute),)
        return (PatchOperation("replace", attribute, {"value": _added_ids(operation)[0]}),)
    patch = _removals_by_filter(operation)
    if operation.added:
        patch.append(PatchOperation("add", attribute, [{"value": each} for each in _added_ids(operation)]))
    return tuple(patch)


def _removals_by_filter(operation: ReferenceOperation) -> list[PatchOperation]:
    return [
        PatchOperation("remove", f'{operation.attribute}[value eq "{_quoted(each)}"]')
        for each in _removed_ids(operation)
    ]


def _quoted(target_id: str) -> str:
    return target_id.replace("\\", "\\\\").replace('"', '\\"')


def _added_ids(operation: ReferenceOperation) -> list[str]:
    return [_sure(row.referenced_target_id) for row in operation.added]


def _removed_ids(operation: ReferenceOperation) -> list[str]:
    return [_sure(row.referenced_target_id) for row in operation.removed]


def _sure(target_id: str | None) -> str:
    assert target_id is not None, "only references with both ends in the target are sent"
    return target_id


def _lookup_without_members(kind: str, filter_text: str) -> Query:
    query: Query = {"excludedAttributes": "members"} if kind == "Group" else {}
    return {**query, "filter": filter_text}


def _never(_kind: str, _operations: Sequence[PatchOperation]) -> bool:
    return False


# ── Entra, without the flag ──


def _entra_body(kind: str, values: Values) -> dict[str, Json]:
    """A creation as Entra sends it (rules 15.1, 15.2).

    Only core and enterprise schema are listed, extensions of one's own are not; a user without roles carries the
    empty array of the documented body.
    """
    resource = build_resource(kind, values)
    resource["meta"] = {"resourceType": kind}
    if kind == "Group":
        resource["schemas"] = [resource["schemas"][0], _ENTRA_GROUP_SCHEMA]
        return resource
    listed = (USER.schema.id, ENTERPRISE_USER_SCHEMA.id)
    resource["schemas"] = [urn for urn in listed if urn in resource["schemas"]]
    roles = values.get("roles") or resource.get("roles") or ()
    resource["roles"] = [_created_role(each) for each in roles]
    return resource


def _created_role(role: Json) -> Json:
    if not isinstance(role, Mapping):
        return role
    left_out = {"id"}
    if role.get("primary") is True:
        # The one role of SingleAppRoleAssignment goes without its name.
        role = {"type": _ROLE_TYPE, **role}
        left_out |= {"display", "displayName"}
    return {name: value for name, value in role.items() if name not in left_out}


def _entra_update(
    _kind: str, _target_id: str, changes: Sequence[Change], _before: Values
) -> tuple[PatchOperation, ...]:
    """One operation for each attribute; what had no value is added; a boolean goes as text (rule 15.4)."""
    return tuple(_entra_operation(*change) for change in changes)


def _entra_operation(path: str, old: Json, new: Json) -> PatchOperation:
    if new is None:
        return PatchOperation("Remove", path)
    if path == "roles":
        return _role_operation("Add", new, as_text=True)
    value = str(new) if isinstance(new, bool) else new
    return PatchOperation("Add" if old is None else "Replace", path, value)


def _role_operation(op: str, roles: Json, *, as_text: bool) -> PatchOperation:
    """The roles of a user: asserted ones replace the list, op in lower case as in the documented body; others are added.

    Those added are JSON text, or with the flag what a creation carries.
    """
    given = roles if isinstance(roles, list) else [roles]
    # What the target showed of roles that are only added to has no id; it is there and need not be sent.
    items = [item for item in given if isinstance(item, Mapping) and "id" in item] or given
    if any(isinstance(item, Mapping) and "display" in item for item in items):
        return PatchOperation("replace", "roles", [_created_role(item) for item in items])
    return PatchOperation(op, "roles", [_role_text(item) if as_text else _created_role(item) for item in items])


def _role_text(role: Json) -> Json:
    if not isinstance(role, Mapping):
        return role
    known = {name: role[name] for name in ("id", "value", "displayName") if name in role}
    return {"value": orjson.dumps(known).decode()}


def _entra_references(operation: ReferenceOperation, ends: Ends) -> tuple[PatchOperation, ...]:
    """Members and managers (rules 15.1, 15.2): the first manager as documented, others as seen in the field."""
    if not is_multi_valued_reference(operation.attribute):
        return (_entra_manager(operation, ends, "Add", "Replace"),)
    patch = []
    for op, ids in (("Remove", _removed_ids(operation)), ("Add", _added_ids(operation))):
        if ids:
            patch.append(PatchOperation(op, operation.attribute, [{"$ref": None, "value": each} for each in ids]))
    return tuple(patch)


def _entra_manager(operation: ReferenceOperation, ends: Ends, add: str, substitute: str) -> PatchOperation:
    if not operation.added:
        return PatchOperation(substitute, _MANAGER, "")
    target_id = _added_ids(operation)[0]
    if operation.removed:
        return PatchOperation(substitute, _MANAGER, target_id)
    return PatchOperation(add, "manager", [{"$ref": ends.location("User", target_id), "value": target_id}])


# ── Entra with aadOptscim062020 ──


def _flagged_update(
    _kind: str, _target_id: str, changes: Sequence[Change], _before: Values
) -> tuple[PatchOperation, ...]:
    """Filtered paths first, each an operation of its own; the rest in one without path (rule 15.4).

    Roles and removals keep their path too, and so does the only attribute of a request that is new or `active`.
    """
    apart: list[PatchOperation] = []
    rest: list[Change] = []
    for path, old, new in changes:
        if new is None:
            apart.append(PatchOperation("remove", path))
        elif path == "roles":
            apart.append(_role_operation("add", new, as_text=False))
        elif is_value_path(path):
            apart.append(PatchOperation("add" if old is None else "replace", path, new))
        else:
            rest.append((path, old, new))
    if len(rest) == 1 and (rest[0][0] == "active" or rest[0][1] is None):
        path, old, new = rest[0]
        return (*apart, PatchOperation("add" if old is None else "replace", path, new))
    if not rest:
        return tuple(apart)
    return (*apart, PatchOperation("replace", None, {path: new for path, _, new in rest}))


def _flagged_references(operation: ReferenceOperation, ends: Ends) -> tuple[PatchOperation, ...]:
    if not is_multi_valued_reference(operation.attribute):
        return (_entra_manager(operation, ends, "add", "replace"),)
    return _rfc_references(operation, ends)


# ── Okta ──


def _okta_body(kind: str, values: Values) -> dict[str, Json]:
    """A creation as Okta sends it, with the empty arrays of its documented bodies; no password."""
    empty = "groups" if kind == "User" else "members"
    return {**build_resource(kind, values), empty: []}


def _okta_update(kind: str, target_id: str, changes: Sequence[Change], before: Values) -> tuple[PatchOperation, ...]:
    """Without path for a group's name and for `active` alone; other changes of a user go out as a PUT (see `_okta_whole`)."""
    plain = all(new is not None and parsed(path).sub_attribute is None for path, _, new in changes)
    if kind == "Group" and plain and not any(is_value_path(path) for path, _, _ in changes):
        return (PatchOperation("replace", None, {"id": target_id, **{path: new for path, _, new in changes}}),)
    if kind == "User" and [path for path, _, _ in changes] == ["active"] and plain:
        return (PatchOperation("replace", None, {"active": changes[0][2]}),)
    return patch_for(changes, before)


def _okta_whole(kind: str, operations: Sequence[PatchOperation]) -> bool:
    return kind == "User" and not (len(operations) == 1 and operations[0].path is None)


def _okta_references(operation: ReferenceOperation, ends: Ends) -> tuple[PatchOperation, ...]:
    if not is_multi_valued_reference(operation.attribute):
        return _rfc_references(operation, ends)
    patch = _removals_by_filter(operation)
    if operation.added:
        members = [
            {"value": _sure(row.referenced_target_id), **_display(ends, row.key.referenced)} for row in operation.added
        ]
        patch.append(PatchOperation("add", operation.attribute, members))
    return tuple(patch)


def _display(ends: Ends, member: Key) -> dict[str, str]:
    return {"display": ends.names[member]} if ends.names.get(member) else {}


def _okta_lookup(_kind: str, filter_text: str) -> Query:
    return {"filter": filter_text, "startIndex": 1, "count": _OKTA_PAGE}


_RFC = Profile(
    name="rfc",
    accept="application/scim+json, application/json;q=0.9",
    blank="%20",
    lists=True,
    checks_manager=False,
    adapts=True,
    body=build_resource,
    update=_rfc_update,
    references=_rfc_references,
    lookup=_lookup_without_members,
    without_members={"excludedAttributes": "members"},
    whole=_never,
)
_ENTRA = Profile(
    name="entra",
    accept="application/scim+json",
    blank="+",
    lists=False,
    checks_manager=True,
    adapts=False,
    body=_entra_body,
    update=_entra_update,
    references=_entra_references,
    lookup=_lookup_without_members,
    without_members={"excludedAttributes": "members"},
    whole=_never,
)
_FLAGGED = replace(_ENTRA, name="entra-aadOptscim062020", update=_flagged_update, references=_flagged_references)
_OKTA = Profile(
    name="okta",
    accept="application/scim+json",
    blank="%20",
    lists=True,
    checks_manager=False,
    adapts=False,
    body=_okta_body,
    update=_okta_update,
    references=_okta_references,
    lookup=_okta_lookup,
    without_members={},
    whole=_okta_whole,
)
PROFILES: Mapping[RequestProfile, Profile] = {each.name: each for each in (_RFC, _ENTRA, _FLAGGED, _OKTA)}


def is_bulk_wanted(settings: JobSettings) -> bool:
    """Whether operations may go out together; only a client that adapts to its target does that."""
    return settings.bulk and PROFILES[settings.request_profile].adapts
