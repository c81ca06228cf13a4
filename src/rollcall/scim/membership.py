"""What a PATCH does to the members of a group, told without loading the group, so that a store can change rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rollcall.scim.attribute import Attribute, Json, Resource, ResourceType
from rollcall.scim.error import ScimError
from rollcall.scim.operation import Operation
from rollcall.scim.path import Path, parse_path, resolve
from rollcall.scim.resource import check_value
from rollcall.scim.schema import GROUP
from rollcall.scim.syntax import Compare, Filter, Or


@dataclass(frozen=True, slots=True)
class MemberChanges:
    """The net effect of the operations on `members`, by member id.

    With `replace_all` the members are exactly `add` afterwards; otherwise `remove` goes and `add` comes (one that
    is there already stays as it is). `add` holds checked member values; no id is in both.
    """

    add: dict[str, Resource]
    remove: frozenset[str]
    replace_all: bool = False


def membership_changes(operations: Sequence[Operation], resource_type: ResourceType = GROUP) -> MemberChanges | None:
    """The changes if the patch touches nothing but members, None if it needs the group; raises what apply raises."""
    found = split_membership(operations, resource_type)
    return None if found is None or found[1] else found[0]


def split_membership(
    operations: Sequence[Operation], resource_type: ResourceType = GROUP
) -> tuple[MemberChanges, list[Operation]] | None:
    """The changes of members, and the operations on everything else in their order.

    None if an operation selects members by anything but their ids: then only the loaded group can tell.
    """
    members = resource_type.attribute("members")
    assert members is not None, "only resource types with members have a membership"
    add: dict[str, Resource] = {}
    remove: set[str] = set()
    replace_all = False
    others: list[Operation] = []
    for operation in _one_by_one(operations, resource_type):
        if operation.path is None or not _is_members(operation.path, resource_type):
            others.append(operation)
            continue
        read = _read(operation, operation.path, members)
        if read is None:
            return None
        values, ids, clears = read
        if clears:
            add, replace_all = {}, True
        for member in ids:
            add.pop(member, None)
            remove.add(member)
        for value in values:
            remove.discard(value["value"])
            add.setdefault(value["value"], value)
    return MemberChanges(add, frozenset() if replace_all else frozenset(remove), replace_all), others


def _read(operation: Operation, path: Path, members: Attribute) -> tuple[list[Resource], list[str], bool] | None:
    """What one operation on members adds, which ids it removes, and whether it removes all there were before."""
    if path.sub_attribute is not None:
        return None
    if path.value_filter is not None:
        ids = _ids(path.value_filter, members)
        return None if operation.op != "remove" or ids is None else ([], ids, False)
    if operation.op == "remove" and operation.value is None:
        return [], [], True
    value = operation.value
    values = check_value(members, value if value is None or isinstance(value, list) else [value]) or []
    if operation.op == "remove":
        return [], [item["value"] for item in values], False
    return values, [], operation.op == "replace"


def _ids(tree: Filter, members: Attribute) -> list[str] | None:
    """The member ids that a filter such as `value eq "a" or value eq "b"` selects."""
    result = []
    for clause in tree.operands if isinstance(tree, Or) else (tree,):
        if not isinstance(clause, Compare) or clause.op != "eq" or not isinstance(clause.value, str):
            return None
        if members.sub_attribute(clause.path.attribute) is not members.by_name["value"] or clause.path.schema:
            return None
        result.append(clause.value)
    return result


def _one_by_one(operations: Sequence[Operation], resource_type: ResourceType) -> list[Operation]:
    """The operations, with members taken out of the value of those without path."""
    result: list[Operation] = []
    for operation in operations:
        value = operation.value
        if operation.path is not None or not isinstance(value, dict):
            result.append(operation)
            continue
        rest: dict[str, Json] = {}
        for key, item in value.items():
            path = _path(key)
            if path is not None and _is_members(path, resource_type):
                result.append(replace(operation, path=path, value=item))
            else:
                rest[key] = item
        if rest or not value:
            result.append(replace(operation, value=rest))
    return result


def _path(key: str) -> Path | None:
    try:
        return parse_path(key)
    except ScimError:
        return None


def _is_members(path: Path, resource_type: ResourceType) -> bool:
    target = resolve(path, resource_type)
    return target is not None and target.attribute is not None and target.attribute.name == "members"
