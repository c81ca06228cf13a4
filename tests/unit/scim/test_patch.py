"""PATCH operations one by one: what they do, and which they refuse."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.patch import STRICT, Operation, OperationName, apply, diff
from rollcall.scim.path import parse_path, print_path
from rollcall.scim.resource import check
from rollcall.scim.schema import (
    ENTERPRISE_USER_SCHEMA,
    ENTERPRISE_USER_URN,
    GROUP,
    USER,
    USER_URN,
    Attribute,
    Extension,
    ResourceType,
    Schema,
)

CUSTOM = "urn:ietf:params:scim:schemas:extension:Orchard:2.0:User"
WORK = {"value": "w", "type": "work", "primary": True}
HOME = {"value": "h", "type": "home"}
INES = check(
    {"id": "u-1", "userName": "ines", "name": {"givenName": "Ines"}, "emails": [WORK, HOME], "active": True,
     "groups": [{"value": "g"}], ENTERPRISE_USER_URN: {"department": "Harvest", "manager": {"value": "u-2", "$ref": "x"}}},
    USER, "query",
)  # fmt: skip


def op(name: OperationName, path: str | None, value: Any = None) -> Operation:
    return Operation(name, None if path is None else parse_path(path), value)


def changed(*operations: Operation) -> dict[str, Any]:
    """What is different after the operations; None stands for what is gone."""
    after = apply(INES, operations, USER)
    assert check(after, USER, "query") == after
    names = [*after, *(name for name in INES if name not in after)]
    return {name: after.get(name) for name in names if after.get(name) != INES.get(name)}


def refusal(*operations: Operation, rules: Any = None) -> str | None:
    with pytest.raises(ScimError) as raised:
        apply(INES, operations, USER, **({"rules": rules} if rules else {}))
    assert raised.value.status == 400
    return raised.value.scim_type


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (op("add", "title", "Cook"), {"title": "Cook"}),
        (op("add", "title", None), {}),
        (op("replace", "TITLE", "Cook"), {"title": "Cook"}),
        (op("replace", "active", None), {"active": None}),
        (op("remove", "active"), {"active": None}),
        (op("remove", "title"), {}),
        (op("add", "name.familyName", "O"), {"name": {"givenName": "Ines", "familyName": "O"}}),
        (op("remove", "name.givenName"), {"name": None}),
        (op("replace", "name", {"familyName": "O", "givenName": None}), {"name": {"familyName": "O"}}),
        (op("replace", "name", {"givenName": None}), {"name": None}),
        (op("replace", "name", None), {"name": None}),
        (op("add", "emails", [WORK]), {}),
        (op("add", "emails", {"value": "w"}), {}),
        (op("add", "emails", [{"value": "h", "type": "home", "display": "H"}]), {"emails": [WORK, HOME | {"display": "H"}]}),
        (op("add", "emails", [{"value": "h", "type": "other"}]), {"emails": [WORK, HOME, {"value": "h", "type": "other"}]}),
        (op("add", "emails", []), {}),
        (op("replace", "emails", []), {"emails": None}),
        (op("replace", "emails", [HOME]), {"emails": [HOME]}),
        (op("remove", "emails"), {"emails": None}),
        (op("remove", 'emails[type eq "work"]'), {"emails": [HOME]}),
        (op("remove", 'emails[type eq "WORK" or value eq "h"]'), {"emails": None}),
        (op("remove", 'emails[type eq "home"].type'), {"emails": [WORK, {"value": "h"}]}),
        (op("remove", "emails", [HOME]), {"emails": [WORK]}),
        (op("remove", "emails", [{"value": "h"}]), {"emails": [WORK]}),
        (op("remove", "emails", [{"type": "home"}]), {"emails": [WORK]}),
        (op("remove", "emails", [{"value": "h", "type": "work"}]), {}),
        (op("remove", "emails", []), {}),
        (op("remove", "emails.display"), {}),
        (op("replace", "emails.display", "D"), {"emails": [WORK | {"display": "D"}, HOME | {"display": "D"}]}),
        (op("add", 'emails[type eq "home"]', {"display": "H"}), {"emails": [WORK, HOME | {"display": "H"}]}),
        (op("replace", 'emails[type eq "home"]', {"value": "n"}), {"emails": [WORK, {"value": "n"}]}),
        (op("replace", 'emails[type eq "home"]', [{"value": "n"}]), {"emails": [WORK, {"value": "n"}]}),
        (op("replace", 'emails[type eq "home"].value', None), {"emails": [WORK, {"type": "home"}]}),
        (op("replace", 'emails[type eq "home"].primary', True), {"emails": [WORK | {"primary": False}, HOME | {"primary": True}]}),
        (op("add", "emails", [{"value": "n", "primary": True}]), {"emails": [WORK | {"primary": False}, HOME, {"value": "n", "primary": True}]}),
        (op("replace", 'emails[type eq "other"].value', "o"), {"emails": [WORK, HOME, {"type": "other", "value": "o"}]}),
        (op("add", 'phoneNumbers[type eq "mobile"].value', "1"), {"phoneNumbers": [{"type": "mobile", "value": "1"}]}),
        (op("replace", 'roles[primary eq true and type eq "x"]', {"value": "a"}), {"roles": [{"primary": True, "type": "x", "value": "a"}]}),
        (op("add", 'emails[type eq "home"].value', None), {}),
        (op("add", 'emails[type eq "home"]', None), {}),
        (op("add", "roles.value", "a"), {"roles": [{"value": "a"}]}),
        (op("remove", 'phoneNumbers[type eq "mobile"]'), {}),
        (op("replace", 'phoneNumbers[type eq "mobile"].value', None), {}),
        (op("add", None, {"title": "Cook", "name.familyName": "O", "shoe": 1, "bad name": 2}), {"title": "Cook", "name": {"givenName": "Ines", "familyName": "O"}}),
        (op("replace", None, {"id": "u-1", "meta": {"x": 1}, "schemas": ["y"], "active": False}), {"active": False}),
        (op("add", None, {f"{USER_URN}:title": "Cook", USER_URN: {"nickName": "I"}}), {"title": "Cook", "nickName": "I"}),
        (op("add", "schemas", [CUSTOM]), {}),
    ],
)  # fmt: skip
def test_the_operation_changes_just_that(operation: Operation, expected: dict[str, Any]) -> None:
    assert changed(operation) == expected


def test_an_extension_comes_and_goes_with_its_attributes_and_schemas_follow() -> None:
    added = changed(op("add", f"{CUSTOM}:costRegion", "N4"))
    gone = changed(op("remove", f"{ENTERPRISE_USER_URN}:department"), op("remove", "manager"))

    assert added == {"schemas": [USER_URN, ENTERPRISE_USER_URN, CUSTOM], CUSTOM: {"costRegion": "N4"}}
    assert gone == {"schemas": [USER_URN], ENTERPRISE_USER_URN: None}


def test_values_are_added_to_a_list_of_an_extension_without_schema() -> None:
    """RFC 7644 §3.5.2.1: one that is there already is not added again."""
    tags = f"{CUSTOM}:tags"

    added = changed(
        op("add", tags, ["a", "b"]), op("add", tags, ["b", "c"]), op("add", tags, "d"), op("add", tags, None)
    )

    assert added[CUSTOM] == {"tags": ["a", "b", "c", "d"]}
    assert changed(op("add", tags, ["a"]), op("replace", tags, ["z"]))[CUSTOM] == {"tags": ["z"]}


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (op("remove", ENTERPRISE_USER_URN), None),
        (op("replace", ENTERPRISE_USER_URN, None), None),
        (op("add", ENTERPRISE_USER_URN, None), INES[ENTERPRISE_USER_URN]),
        (op("replace", ENTERPRISE_USER_URN, {"department": "Press"}), INES[ENTERPRISE_USER_URN] | {"department": "Press"}),
        (op("add", None, {ENTERPRISE_USER_URN.upper(): {"DEPARTMENT": "Press"}}), INES[ENTERPRISE_USER_URN] | {"department": "Press"}),
        (op("replace", None, {f"{ENTERPRISE_USER_URN}:department": None}), {"manager": {"value": "u-2", "$ref": "x"}}),
        (op("replace", None, {f"{ENTERPRISE_USER_URN}:manager.value": "u-3"}), {"department": "Harvest", "manager": {"value": "u-3"}}),
        (op("replace", "manager", {"value": "u-3"}), {"department": "Harvest", "manager": {"value": "u-3"}}),
        (op("replace", "manager", {"value": "u-2"}), INES[ENTERPRISE_USER_URN]),
        (op("remove", "manager"), {"department": "Harvest"}),
    ],
)  # fmt: skip
def test_an_extension_is_reached_by_its_urn_as_a_whole_and_in_parts(operation: Operation, expected: Any) -> None:
    assert apply(INES, [operation], USER).get(ENTERPRISE_USER_URN) == expected


def test_a_custom_extension_is_patched_without_a_schema() -> None:
    first = apply(INES, [op("add", None, {CUSTOM: {"a": {"b": 1}, "2.0:User": 1}})], USER)
    second = apply(first, [op("replace", f"{CUSTOM.lower()}:a.c", [2])], USER)
    third = apply(second, [op("remove", f"{CUSTOM}:a.b")], USER)
    fourth = apply(third, [op("remove", f"{CUSTOM}:a")], USER)

    assert first[CUSTOM] == {"a": {"b": 1}}
    assert second[CUSTOM] == {"a": {"b": 1, "c": [2]}}
    assert third[CUSTOM] == {"a": {"c": [2]}}
    assert fourth == INES


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        (op("remove", None), "noTarget"),
        (op("add", None, "x"), "invalidValue"),
        (op("add", None, {ENTERPRISE_USER_URN: "x"}), "invalidValue"),
        (op("replace", "shoe", 1), "invalidPath"),
        (op("replace", "emails.shoe", 1), "invalidPath"),
        (op("replace", "urn:example:x:y", 1), "invalidPath"),
        (op("replace", 'name[givenName eq "Ines"]', {}), "invalidPath"),
        (op("replace", 'userName[value eq "a"]', "b"), "invalidPath"),
        (op("replace", "id", "x"), "mutability"),
        (op("replace", "meta.version", "x"), "mutability"),
        (op("add", "groups", [{"value": "x"}]), "mutability"),
        (op("remove", 'groups[value eq "g"]'), "mutability"),
        (op("replace", "manager.displayName", "x"), "mutability"),
        (op("replace", None, {"id": "other"}), "mutability"),
        (op("remove", "userName"), "mutability"),
        (op("replace", "userName", None), "mutability"),
        (op("remove", "schemas"), "mutability"),
        (op("replace", "schemas", [CUSTOM]), "mutability"),
        (op("remove", USER_URN), "mutability"),
        (op("replace", "active", "False"), "invalidValue"),
        (op("replace", "userName", 7), "invalidValue"),
        (op("add", "name", "Ines"), "invalidValue"),
        (op("add", "emails", "w"), "invalidValue"),
        (op("add", 'emails[type eq "work"]', "w"), "invalidValue"),
        (op("replace", 'emails[type eq "work"]', [HOME, WORK]), "invalidValue"),
        (op("replace", "emails", [WORK, HOME | {"primary": True}]), "invalidValue"),
        (op("add", "emails", [{"value": "a", "primary": True}, {"value": "b", "primary": True}]), "invalidValue"),
        (op("replace", "emails.primary", True), "invalidValue"),
        (op("replace", 'roles[type ne "x"].value', "a"), "noTarget"),
        (op("replace", 'roles[type eq "x" or type eq "y"].value', "a"), "noTarget"),
        (op("replace", 'roles[type eq "x" and type eq "y"].value', "a"), "noTarget"),
        (op("remove", "emails[type gt true]"), "invalidFilter"),
        (op("remove", 'emails[value[type pr].x eq "a"]'), "invalidFilter"),
    ],
)
def test_the_operation_is_refused(operation: Operation, scim_type: str) -> None:
    assert refusal(operation) == scim_type


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        (op("replace", 'emails[type eq "other"].value', "o"), "noTarget"),
        (op("add", 'emails[type eq "other"].value', "o"), "noTarget"),
        (op("remove", 'emails[type eq "other"]'), "noTarget"),
        (op("remove", "phoneNumbers"), "noTarget"),
        (op("remove", "title"), "noTarget"),
        (op("remove", "name.familyName"), "noTarget"),
        (op("remove", "emails", [HOME]), "invalidValue"),
        (op("remove", "active", True), "invalidValue"),
    ],
)
def test_the_rfc_alone_refuses_what_known_clients_rely_on(operation: Operation, scim_type: str) -> None:
    assert refusal(operation, rules=STRICT) == scim_type
    changed(operation)


def test_a_patch_is_done_whole_or_not_at_all() -> None:
    before = repr(INES)

    refusal(op("replace", "title", "Cook"), op("remove", 'emails[type eq "work"]'), op("replace", "id", "x"))

    assert repr(INES) == before


TEAM = check({"displayName": "Team", "members": [{"value": "a", "type": "User"}, {"value": "b"}]}, GROUP, "create")


def test_a_member_that_is_there_stays_as_it_is() -> None:
    again = [{"value": "a", "type": "Group", "$ref": "x"}, {"value": "c"}]

    after = apply(TEAM, [op("add", "members", again)], GROUP)

    assert after["members"] == [{"value": "a", "type": "User", "$ref": "x"}, {"value": "b"}, {"value": "c"}]


@pytest.mark.parametrize("path", ['members[value eq "a"].value', 'members[value eq "a"].type', 'members[value eq "a"]'])
def test_a_member_can_not_be_turned_into_another(path: str) -> None:
    value: Any = {"value": "z"} if path.endswith("]") else "z"
    with pytest.raises(ScimError) as raised:
        apply(TEAM, [op("replace", path, value)], GROUP)
    with pytest.raises(ScimError) as removed:
        apply(TEAM, [op("remove", 'members[value eq "a"].value')], GROUP)

    assert raised.value.scim_type == removed.value.scim_type == "mutability"


def test_a_part_of_a_member_is_added_without_naming_the_member_again() -> None:
    after = apply(TEAM, [op("add", 'members[value eq "b"]', {"type": "User"})], GROUP)

    assert after["members"][1] == {"value": "b", "type": "User"}


def test_a_required_extension_can_not_be_removed() -> None:
    kind = ResourceType("U", "User", "/Users", "", USER.schema, (Extension(ENTERPRISE_USER_SCHEMA, required=True),))

    with pytest.raises(ScimError) as raised:
        apply(INES, [op("remove", ENTERPRISE_USER_URN)], kind)

    assert raised.value.scim_type == "mutability"


def test_an_immutable_attribute_is_set_once() -> None:
    kind = ResourceType("T", "T", "/Ts", "", Schema("urn:t", "T", "", (Attribute("serial", mutability="immutable"),)))
    once = apply({}, [op("add", "serial", "1")], kind)

    assert apply(once, [op("replace", "serial", "1")], kind) == once
    for operation in (op("replace", "serial", "2"), op("remove", "serial")):
        with pytest.raises(ScimError) as raised:
            apply(once, [operation], kind)
        assert raised.value.scim_type == "mutability"


def described(before: dict[str, Any], after: dict[str, Any], kind: ResourceType = USER) -> list[tuple[str, str, Any]]:
    return [(o.op, print_path(o.path) if o.path else "", o.value) for o in diff(before, after, kind)]


def test_a_difference_is_told_in_small_operations() -> None:
    after = check(
        INES | {"name": {"familyName": "O"}, "emails": [HOME, WORK | {"value": "n"}], "title": "Cook", "active": None,
                ENTERPRISE_USER_URN: {"department": "Press", "manager": {"value": "u-3"}}, CUSTOM: {"a": 1}},
        USER, "query",
    )  # fmt: skip

    assert described(INES, after) == [
        ("add", "name.familyName", "O"),
        ("remove", "name.givenName", None),
        ("replace", 'emails[type eq "work"].value', "n"),
        ("replace", f"{ENTERPRISE_USER_URN}:department", "Press"),
        ("replace", f"{ENTERPRISE_USER_URN}:manager", {"value": "u-3"}),
        ("add", "title", "Cook"),
        ("add", f"{CUSTOM}:a", 1),
        ("remove", "active", None),
    ]


def test_a_difference_of_members_is_told_one_by_one() -> None:
    after = TEAM | {"members": [{"value": "c"}, {"value": "b"}, {"value": "d"}]}

    assert described(TEAM, after, GROUP) == [
        ("remove", 'members[value eq "a"]', None),
        ("add", "members", [{"value": "c"}, {"value": "d"}]),
    ]


def test_members_that_are_all_others_are_replaced_at_once() -> None:
    assert described(TEAM, TEAM | {"members": [{"value": "z"}]}, GROUP) == [("replace", "members", [{"value": "z"}])]


@pytest.mark.parametrize(
    "mails",
    [
        [WORK, HOME, {"value": "o", "type": "other"}],
        [WORK],
        [WORK | {"primary": False}, HOME | {"primary": True}],
        [WORK | {"type": "Work"}, HOME],
        [WORK, HOME, HOME | {"value": "second"}],
        [WORK, {"value": "h"}],
    ],
)
def test_values_that_can_not_be_told_apart_safely_are_replaced_as_a_whole(mails: list[dict[str, Any]]) -> None:
    assert described(INES, INES | {"emails": mails}) == [("replace", "emails", mails)]


def test_what_no_client_can_write_is_no_difference() -> None:
    after = INES | {"id": "u-9", "groups": [], "meta": {"version": "2"}, "schemas": []}

    assert diff(INES, after, USER) == []
