"""Quirks of known clients, and that nothing else is touched."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from rollcall.scim.dialect import normalise_filter, normalise_patch, normalise_query, normalise_resource
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER

MANAGER = f"{ENTERPRISE_USER_URN}:manager"


def patched(operation: dict[str, Any]) -> dict[str, Any]:
    """The one operation of a patch of a user, after the dialect."""
    body = {"schemas": ["x"], "Operations": [operation]}
    before = deepcopy(body)
    result = normalise_patch(body, USER)
    assert body == before
    assert result["schemas"] == ["x"]
    return dict(result["Operations"][0])


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "Remove", "path": "title"}, {"op": "remove", "path": "title"}),
        ({"OP": "ADD", "Path": "title", "Value": "x"}, {"op": "add", "path": "title", "value": "x"}),
        ({"path": "active", "value": "False"}, {"path": "active", "value": False}),
        ({"path": "active", "value": " tRUE "}, {"path": "active", "value": True}),
        ({"path": "active", "value": ["True"]}, {"path": "active", "value": True}),
        ({"path": "active", "value": "maybe"}, {"path": "active", "value": "maybe"}),
        ({"path": "title", "value": "True"}, {"path": "title", "value": "True"}),
        ({"path": 'emails[type eq "work"].primary', "value": "True"}, {"path": 'emails[type eq "work"].primary', "value": True}),
        ({"path": 'roles[primary eq "True"].value', "value": "a"}, {"path": "roles[primary eq true].value", "value": "a"}),
        ({"path": "emails[type eq work].value", "value": "a"}, {"path": 'emails[type eq "work"].value', "value": "a"}),
        ({"path": 'emails[type eq "work"]', "value": [{"primary": "False"}]}, {"path": 'emails[type eq "work"]', "value": {"primary": False}}),
        ({"path": "manager", "value": "u-2"}, {"path": "manager", "value": {"value": "u-2"}}),
        ({"path": MANAGER, "value": [{"value": "u-2"}]}, {"path": MANAGER, "value": {"value": "u-2"}}),
        ({"path": MANAGER, "value": ""}, {"path": MANAGER, "value": None}),
        ({"path": MANAGER, "value": []}, {"path": MANAGER, "value": None}),
        ({"path": "emails", "value": {"value": "a", "primary": "True"}}, {"path": "emails", "value": [{"value": "a", "primary": True}]}),
        ({"path": "emails", "value": "a"}, {"path": "emails", "value": [{"value": "a"}]}),
        ({"path": "", "value": {"active": "True"}}, {"value": {"active": True}}),
        ({"path": None, "value": {MANAGER: "u-2"}}, {"value": {MANAGER: {"value": "u-2"}}}),
        ({"value": {ENTERPRISE_USER_URN: {"manager": "u-2"}}}, {"value": {ENTERPRISE_USER_URN: {"manager": {"value": "u-2"}}}}),
        ({"value": {"shoe": "True", "bad name": "True"}}, {"value": {"shoe": "True", "bad name": "True"}}),
        ({"path": "bad path", "value": "True"}, {"path": "bad path", "value": "True"}),
        ({"path": "shoe", "value": "True"}, {"path": "shoe", "value": "True"}),
        ({"path": "roles", "value": [{"value": '{"id":"1","value":"25","displayName":"Grower"}'}]}, {"path": "roles", "value": [{"value": "25", "display": "Grower"}]}),
        ({"path": "roles", "value": [{"value": "{not json"}]}, {"path": "roles", "value": [{"value": "{not json"}]}),
        ({"path": "roles", "value": [{"value": '{"a":' * 5000}]}, {"path": "roles", "value": [{"value": '{"a":' * 5000}]}),
        ({"path": "roles", "value": [{"value": '{"id": 1}'}]}, {"path": "roles", "value": [{"value": '{"id": 1}'}]}),
    ],
)  # fmt: skip
def test_an_operation_comes_out_as_the_rfc_has_it(operation: dict[str, Any], expected: dict[str, Any]) -> None:
    assert patched(operation) == expected


def test_members_by_bare_id_become_members() -> None:
    body = {"Operations": [{"op": "Add", "path": "members", "value": "u-1"}]}

    assert normalise_patch(body, GROUP)["Operations"] == [{"op": "add", "path": "members", "value": [{"value": "u-1"}]}]


@pytest.mark.parametrize(
    "body", [None, 7, [], {}, {"Operations": 7}, {"Operations": [7, None]}, {"Operations": [{"op": 7, "path": 7}]}]
)
def test_what_is_no_patch_passes_for_the_core_to_refuse(body: Any) -> None:
    normalise_patch(body, USER)
    normalise_resource(body, USER)


def test_enterprise_attributes_at_the_top_level_move_to_their_extension() -> None:
    body = {"userName": "a", "department": "Top", "manager": "u-2", "costCenter": None, "shoe": 1}

    assert normalise_resource(body, USER) == {
        "userName": "a", ENTERPRISE_USER_URN: {"department": "Top", "manager": {"value": "u-2"}}, "shoe": 1,
    }  # fmt: skip


@pytest.mark.parametrize("first", [True, False])
def test_an_attribute_in_its_extension_counts_more_than_one_at_the_top_level(first: bool) -> None:
    parts: list[dict[str, Any]] = [{"department": "Top", "division": "D"}, {ENTERPRISE_USER_URN: {"department": "Own"}}]
    body = parts[0] | parts[1] if first else parts[1] | parts[0]

    assert normalise_resource(body, USER)[ENTERPRISE_USER_URN] == {"department": "Own", "division": "D"}


def test_a_resource_is_read_as_tolerantly_as_a_patch() -> None:
    body = {
        "active": "True",
        "emails": {"value": "a", "primary": "FALSE"},
        "roles": [{"value": "r", "displayName": "R"}],
        "name": [{"givenName": "I"}],
    }

    assert normalise_resource(body, USER) == {
        "active": True, "emails": [{"value": "a", "primary": False}], "roles": [{"value": "r", "display": "R"}], "name": {"givenName": "I"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("externalId eq iokafor", 'externalId eq "iokafor"'),
        ("userName eq a@b.example and id eq u-1", 'userName eq "a@b.example" and id eq "u-1"'),
        ("emails[type eq work].value pr", 'emails[type eq "work"].value pr'),
        ('active eq "True"', "active eq true"),
        ('not (active eq "false") or emails[primary eq "TRUE"]', "not (active eq false) or emails[primary eq true]"),
        ('title eq "True"', 'title eq "True"'),
        ("active eq true and meta.x eq null and a gt 5", "active eq true and meta.x eq null and a gt 5"),
        ('userName eq "a b"', 'userName eq "a b"'),
        ("eq eq eq", 'eq eq "eq"'),
        ('userName eq "', 'userName eq "'),
        ('active eq "true" and', 'active eq "true" and'),
    ],
)
def test_a_filter_comes_out_as_the_rfc_has_it(text: str, expected: str) -> None:
    assert normalise_filter(text, USER) == expected


def test_only_the_filter_of_a_query_is_touched() -> None:
    query = {"Filter": "id eq x", "count": "5", "attributes": ["a"]}

    assert normalise_query(query, USER) == {"Filter": 'id eq "x"', "count": "5", "attributes": ["a"]}
