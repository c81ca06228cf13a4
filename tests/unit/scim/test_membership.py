"""What a patch does to members, told without the group."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.membership import MemberChanges, membership_changes, split_membership
from rollcall.scim.patch import Operation, OperationName
from rollcall.scim.path import parse_path
from rollcall.scim.schema import GROUP_URN


def op(name: OperationName, path: str | None, value: Any = None) -> Operation:
    return Operation(name, None if path is None else parse_path(path), value)


def members(*ids: str) -> list[dict[str, str]]:
    return [{"value": member} for member in ids]


@pytest.mark.parametrize(
    ("operations", "add", "remove", "replace_all"),
    [
        ([op("add", "members", members("a", "b"))], "ab", "", False),
        ([op("add", "MEMBERS", {"value": "a", "$ref": None, "display": "A"})], "a", "", False),
        ([op("add", f"{GROUP_URN}:members", members("a"))], "a", "", False),
        ([op("add", "members", None)], "", "", False),
        ([op("remove", "members", members("a"))], "", "a", False),
        ([op("remove", "members", [])], "", "", False),
        ([op("remove", 'members[value eq "a"]')], "", "a", False),
        ([op("remove", 'members[VALUE eq "a" or value eq "b"]')], "", "ab", False),
        ([op("remove", "members")], "", "", True),
        ([op("replace", "members", members("a"))], "a", "", True),
        ([op("replace", "members", [])], "", "", True),
        ([op("replace", "members", None)], "", "", True),
        ([op("add", None, {"members": members("a")})], "a", "", False),
        ([op("replace", None, {"members": members("a")})], "a", "", True),
        ([op("add", "members", members("a")), op("remove", "members", members("a"))], "", "a", False),
        ([op("remove", "members", members("a")), op("add", "members", members("a"))], "a", "", False),
        ([op("add", "members", members("a")), op("remove", "members")], "", "", True),
        ([op("remove", "members"), op("add", "members", members("a")), op("remove", "members", members("b"))], "a", "", True),
    ],
)  # fmt: skip
def test_the_net_effect_is_told_in_order(operations: list[Operation], add: str, remove: str, replace_all: bool) -> None:
    changes = membership_changes(operations)

    assert changes is not None
    assert (set(changes.add), set(changes.remove), changes.replace_all) == (set(add), set(remove), replace_all)


def test_added_members_come_checked() -> None:
    changes = membership_changes([op("add", "members", [{"VALUE": "a", "$ref": None, "type": "User", "display": "A"}])])

    assert changes == MemberChanges({"a": {"value": "a", "type": "User"}}, frozenset())


@pytest.mark.parametrize(
    "operation",
    [
        op("remove", 'members[type eq "User"]'),
        op("remove", 'members[value ne "a"]'),
        op("remove", 'members[value eq "a" and type eq "User"]'),
        op("remove", "members[not (value pr)]"),
        op("remove", 'members[value eq "a"].type'),
        op("replace", 'members[value eq "a"]', {"value": "b"}),
        op("replace", "members.value", "a"),
    ],
)
def test_what_only_the_group_can_tell_is_not_told(operation: Operation) -> None:
    assert membership_changes([operation]) is None
    assert split_membership([operation]) is None


def test_members_are_told_apart_from_everything_else() -> None:
    rename, mixed = op("replace", "displayName", "x"), op("replace", None, {"externalId": "e", "members": members("a")})

    assert membership_changes([rename, mixed]) is None
    split = split_membership([rename, mixed])
    assert split == (
        MemberChanges({"a": {"value": "a"}}, frozenset(), True),
        [rename, op("replace", None, {"externalId": "e"})],
    )


def test_a_member_without_id_is_refused() -> None:
    with pytest.raises(ScimError) as refusal:
        membership_changes([op("add", "members", [{"type": "User"}])])

    assert refusal.value.scim_type == "invalidValue"
