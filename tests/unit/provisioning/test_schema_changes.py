"""What the audit log keeps of a change of mappings: each difference, old and new, in words."""

from __future__ import annotations

from dataclasses import replace

from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.model import AttributeMapping, FilterClause, FilterGroup, MappingSource
from rollcall.provisioning.schema_changes import changes, schema_changes
from rollcall.provisioning.sync_schema import parse_schema

_OLD = parse_schema(CUSTOM_SCHEMA)


def test_mappings_that_are_the_same_differ_in_nothing() -> None:
    assert schema_changes(_OLD, parse_schema(CUSTOM_SCHEMA)) == {}


def test_each_difference_of_mappings_filters_and_actions_is_told_old_and_new() -> None:
    """Y4."""
    user = _OLD["User"]
    kept = [each for each in user.attributes if each.target not in ("title", "displayName")]
    nickname = AttributeMapping(
        "nickName", MappingSource("Function", "Trim([givenName])"), default="x", flow_type="ObjectAddOnly"
    )
    name = AttributeMapping("displayName", MappingSource("Constant", "Ada"), matching_priority=2, clear_when_null=True)
    clauses = (FilterClause("department", "EQUALS", ("Sales",)), FilterClause("city", "IS NULL"))
    new = replace(user, attributes=(*kept, name, nickname), filters=(FilterGroup("Sales", clauses),), delete=False)

    assert schema_changes(_OLD, {**_OLD, "User": new}) == {
        "User actions": {"old": "create, update, delete", "new": "create, update"},
        "User title": {"old": "[jobTitle]", "new": None},
        "User displayName": {"old": "[displayName]", "new": '"Ada", matching 2, clear when null'},
        "User filter 1": {"old": None, "new": "Sales: department EQUALS Sales AND city IS NULL"},
        "User nickName": {"old": None, "new": "Trim([givenName]), default x, ObjectAddOnly"},
    }


def test_a_kind_that_is_left_out_is_told_with_all_that_it_had() -> None:
    gone = schema_changes(_OLD, {"User": _OLD["User"]})

    assert gone["Group displayName"] == {"old": "[displayName], matching 1", "new": None}
    assert all(name.startswith("Group ") for name in gone)


def test_nothing_and_a_name_that_is_missing_are_told_apart() -> None:
    assert changes({"a": None, "b": 1}, {"a": None, "b": 1, "c": None}) == {"c": {"old": None, "new": None}}
