"""A PATCH of a group taken apart: edits of memberships here, everything else there."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.filter import parse_filter
from rollcall.scim.patch import Operation, OperationName
from rollcall.scim.path import parse_path
from rollcall.scim.schema import GROUP, GROUP_URN
from rollcall.workspaces.member_edits import (
    AddMembers,
    MemberEdit,
    RemoveMatching,
    RemoveMembers,
    ReplaceMembers,
    split,
)


def operation(op: OperationName, path: str | None, value: Any = None) -> Operation:
    return Operation(op, None if path is None else parse_path(path), value)


@pytest.mark.parametrize(
    ("given", "edit"),
    [
        (operation("add", "members", [{"value": "a"}, {"value": "b", "$ref": None}]), AddMembers(("a", "b"))),
        (operation("add", "MEMBERS", {"value": "a"}), AddMembers(("a",))),
        (operation("add", f"{GROUP_URN}:members", [{"value": "a"}]), AddMembers(("a",))),
        (operation("add", "members", []), AddMembers(())),
        (operation("replace", "members", [{"value": "a"}]), ReplaceMembers(("a",))),
        (operation("replace", "members", None), ReplaceMembers(())),
        (operation("remove", "members"), ReplaceMembers(())),
        (operation("remove", "members", [{"value": "a"}]), RemoveMembers(("a",))),
        (operation("remove", "members", []), RemoveMembers(())),
        (operation("remove", 'members[value eq "a"]'), RemoveMembers(("a",))),
        (operation("remove", 'members[value eq "a" or value eq "b"]'), RemoveMembers(("a", "b"))),
        (operation("remove", 'members[type eq "User"]'), RemoveMatching(parse_filter('type eq "User"'))),
        (operation("remove", 'members[value sw "a"]'), RemoveMatching(parse_filter('value sw "a"'))),
    ],
)
def test_an_operation_on_members_becomes_an_edit(given: Operation, edit: MemberEdit) -> None:
    assert split([given], GROUP) == ([], [edit])


def test_an_empty_list_never_empties_a_group() -> None:
    assert split([operation("remove", "members", [])], GROUP) == ([], [RemoveMembers(())])


def test_a_value_without_path_is_taken_apart() -> None:
    given = operation("replace", None, {"displayName": "North", "Members": [{"value": "a"}], "externalId": "x"})

    assert split([given], GROUP) == (
        [operation("replace", None, {"displayName": "North", "externalId": "x"})],
        [ReplaceMembers(("a",))],
    )


def test_operations_keep_their_order() -> None:
    given = [
        operation("add", "members", [{"value": "a"}]),
        operation("replace", "displayName", "North"),
        operation("remove", "members", [{"value": "a"}]),
        operation("add", "externalId", "x"),
    ]

    assert split(given, GROUP) == ([given[1], given[3]], [AddMembers(("a",)), RemoveMembers(("a",))])


@pytest.mark.parametrize(
    "given",
    [
        operation("replace", 'members[value eq "a"].value', "b"),
        operation("replace", "members.type", "User"),
        operation("add", 'members[value eq "a"]', {"value": "b"}),
        operation("replace", GROUP_URN, {"members": []}),
        operation("replace", None, {GROUP_URN: {"members": []}}),
        operation("add", None, {"members.value": "a"}),
    ],
)
def test_an_edit_of_parts_needs_the_whole_group(given: Operation) -> None:
    assert split([given], GROUP) is None


@pytest.mark.parametrize("value", ["a", [1], [{"type": "User"}], [{"value": "a"}, 7]])
def test_members_without_value_are_refused(value: Any) -> None:
    with pytest.raises(ScimError) as caught:
        split([operation("add", "members", value)], GROUP)

    assert (caught.value.status, caught.value.scim_type) == (400, "invalidValue")
