"""Splits a PATCH of a group into edits of its memberships and operations on everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rollcall.scim.attribute import Attribute, Json, ResourceType
from rollcall.scim.error import ScimError
from rollcall.scim.patch import Operation
from rollcall.scim.path import Path, Target, parse_path, resolve
from rollcall.scim.resource import check_value
from rollcall.scim.syntax import Compare, Filter, Or


@dataclass(frozen=True, slots=True)
class AddMembers:
    """These become members, unless they are already."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveMembers:
    """These are members no longer; who was none stays none."""

    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveMatching:
    """Members who satisfy the filter of `members[…]` are members no longer."""

    filter: Filter


@dataclass(frozen=True, slots=True)
class ReplaceMembers:
    """These are the members from now on, and nobody else."""

    ids: tuple[str, ...]


MemberEdit = AddMembers | RemoveMembers | RemoveMatching | ReplaceMembers


def split(
    operations: Sequence[Operation], resource_type: ResourceType
) -> tuple[list[Operation], list[MemberEdit]] | None:
    """The operations on other attributes, and the edits of memberships, each in order; the two don't touch each other.

    None when an operation edits parts of a membership: then the whole group has to be read. Raises ScimError
    invalidValue for members that are no list of values.
    """
    others: list[Operation] = []
    edits: list[MemberEdit] = []
    members = resource_type.attribute("members")
    assert members is not None, "groups have members"
    for operation in operations:
        if operation.path is None:
            rest = _split_object(operation, members, resource_type, edits)
            if rest is None:
                return None
            others += rest
            continue
        target = resolve(operation.path, resource_type)
        if target is not None and target.attribute is None and target.extension is None:
            return None  # the core schema as a whole
        if target is None or not _is_members(target):
            others.append(operation)
            continue
        edit = None if target.sub_attribute is not None else _edit(operation, operation.path, members)
        if edit is None:
            return None
        edits.append(edit)
    return others, edits


def member_ids(values: Json) -> tuple[str, ...]:
    """The ids in the checked value of `members`."""
    return tuple(value["value"] for value in values or ())


def _split_object(
    operation: Operation, members: Attribute, resource_type: ResourceType, edits: list[MemberEdit]
) -> list[Operation] | None:
    """An operation without path: its key `members`, however it is written, and the rest."""
    if operation.op == "remove" or not isinstance(operation.value, dict):
        return [operation]
    rest = {}
    for key, value in operation.value.items():
        try:
            path = parse_path(key)
        except ScimError:
            continue  # names of nothing are ignored, as in any body
        target = resolve(path, resource_type)
        if target is not None and target.attribute is None and target.extension is None:
            return None
        if target is None or not _is_members(target):
            rest[key] = value
            continue
        edit = None if target.sub_attribute is not None else _edit(replace(operation, value=value), path, members)
        if edit is None:
            return None
        edits.append(edit)
    return [replace(operation, value=rest)] if rest else []


def _is_members(target: Target) -> bool:
    return target.extension is None and target.attribute is not None and target.attribute.name == "members"


def _edit(operation: Operation, path: Path, members: Attribute) -> MemberEdit | None:
    if path.value_filter is not None:
        if operation.op != "remove" or operation.value is not None:
            return None
        ids = _ids_named(path.value_filter)
        return RemoveMatching(path.value_filter) if ids is None else RemoveMembers(ids)
    if operation.op == "remove" and operation.value is None:
        return ReplaceMembers(())
    values = operation.value
    if values is not None and not isinstance(values, list):
        values = [values]  # RFC 7644 §3.5.2.1: a single value may come without its array
    ids = member_ids(check_value(members, values))
    match operation.op:
        case "add":
            return AddMembers(ids)
        case "remove":
            return RemoveMembers(ids)
        case "replace":
            return ReplaceMembers(ids)


def _ids_named(tree: Filter) -> tuple[str, ...] | None:
    """The ids of `value eq "…" or value eq "…"`, None for any other filter."""
    ids = []
    for node in tree.operands if isinstance(tree, Or) else (tree,):
        if not isinstance(node, Compare) or node.op != "eq" or not isinstance(node.value, str):
            return None
        if node.path != Path("value"):
            return None
        ids.append(node.value)
    return tuple(ids)
