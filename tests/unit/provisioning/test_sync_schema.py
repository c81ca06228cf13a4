"""Graph's schema document becomes mappings, or every fault is named with its place."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from rollcall.errors import Invalid
from rollcall.provisioning.defaults import CUSTOM_SCHEMA, TEMPLATES, TUTORIAL_SCHEMA, direct, schema_document
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import FilterClause, FilterGroup, MappingSource
from rollcall.provisioning.sync_schema import parse_schema, references_of

USERS = "synchronizationRules[0].objectMappings[0]"


def document(*users: dict[str, Any], groups: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A schema with these mappings for users."""
    return copy.deepcopy(schema_document(list(users), groups or [direct("displayName", "displayName", 1)]))


def faults(schema: Any) -> tuple[str, ...]:
    """The faults that a document is refused for."""
    with pytest.raises(Invalid) as refusal:
        parse_schema(schema)
    return tuple(refusal.value.details)


NAME = direct("userPrincipalName", "userName", 1)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_can_be_read_and_evaluated(template: str) -> None:
    mappings = parse_schema(TEMPLATES[template])

    assert set(mappings) == {"User", "Group"}
    for mapping in mappings.values():
        compile_mapping(mapping)


def test_the_tutorials_mappings_are_the_tutorials() -> None:
    mappings = parse_schema(TUTORIAL_SCHEMA)

    assert [attribute.target for attribute in mappings["User"].attributes] == [
        "userName",
        "active",
        "name.givenName",
        "name.familyName",
        'phoneNumbers[type eq "mobile"].value',
        "externalId",
    ]
    assert [attribute.target for attribute in mappings["Group"].attributes] == ["displayName", "externalId", "members"]


def test_references_are_told_apart() -> None:
    mappings = parse_schema(CUSTOM_SCHEMA)

    assert references_of(mappings["Group"]) == ("members",)
    assert references_of(mappings["User"]) == ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",)


def test_matching_and_flow_are_read() -> None:
    """M10, A3, A4."""
    title = {**direct("jobTitle", "title"), "flowType": "ObjectAddOnly", "flowBehavior": "FlowAlways"}
    title.update(defaultValue="Staff", clearWhenNull=True)

    name, parsed = parse_schema(document(NAME, title))["User"].attributes

    assert name.matching_priority == 1
    assert (parsed.flow_type, parsed.flow_behavior, parsed.default) == ("ObjectAddOnly", "FlowAlways", "Staff")
    assert parsed.clear_when_null


def test_what_is_not_said_has_graphs_defaults() -> None:
    sparse = {"targetAttributeName": "title", "source": {"type": "Attribute", "name": "jobTitle"}}

    _, parsed = parse_schema(document(NAME, sparse))["User"].attributes

    assert (parsed.flow_type, parsed.flow_behavior, parsed.matching_priority) == ("Always", "FlowWhenChanged", 0)
    assert parsed.default is None


def test_a_mapping_may_have_no_source() -> None:
    """A1: None."""
    _, parsed = parse_schema(document(NAME, {"targetAttributeName": "title", "defaultValue": "x"}))["User"].attributes

    assert parsed.source == MappingSource("None")


@pytest.mark.parametrize(
    ("flow_types", "expected"),
    [
        ("Add, Update, Delete", (True, True, True)),
        ("Add,Update", (True, True, False)),
        ("Delete", (False, False, True)),
    ],
)
def test_object_actions_are_read(flow_types: str, expected: tuple[bool, bool, bool]) -> None:
    """A13: flowTypes."""
    schema = document(NAME)
    schema["synchronizationRules"][0]["objectMappings"][0]["flowTypes"] = flow_types

    users = parse_schema(schema)["User"]

    assert (users.create, users.update, users.delete) == expected


def test_an_object_mapping_may_be_switched_off() -> None:
    """S3."""
    schema = document(NAME)
    schema["synchronizationRules"][0]["objectMappings"][1]["enabled"] = False

    assert not parse_schema(schema)["Group"].enabled


@pytest.mark.parametrize(
    ("schema", "fault"),
    [
        ({}, "synchronizationRules: a list is expected; it is missing"),
        ({"synchronizationRules": []}, "synchronizationRules: one rule at least is expected; the list is empty."),
        ({"synchronizationRules": "x"}, 'synchronizationRules: a list is expected, not "x"'),
    ],
)
def test_a_schema_without_rules_is_refused(schema: dict[str, Any], fault: str) -> None:
    assert faults(schema) == (fault,)


def test_users_have_to_be_mapped() -> None:
    """S3."""
    schema = document(NAME)
    del schema["synchronizationRules"][0]["objectMappings"][0]

    assert faults(schema) == ("synchronizationRules: an object mapping for User is needed (rule S3).",)


@pytest.mark.parametrize(
    "rules",
    [
        ["x"],
        [None],
        [{"objectMappings": "x"}],
        [{"objectMappings": ["x"]}],
        [{"objectMappings": [{"sourceObjectName": "User", "attributeMappings": "x"}]}],
        [{"objectMappings": [{"sourceObjectName": "User", "attributeMappings": ["x"]}]}],
        [{"objectMappings": [{"sourceObjectName": ["User"]}]}],
    ],
)
def test_a_document_of_another_shape_is_refused_and_not_a_fault_of_ours(rules: Any) -> None:
    assert faults({"synchronizationRules": rules})


@pytest.mark.parametrize("value", [True, 1.5, "1"])
def test_a_priority_is_a_whole_number(value: Any) -> None:
    assert faults(document({**NAME, "matchingPriority": value}))


def test_scoping_and_input_filters_are_read() -> None:
    """S6: scope.groups and scope.inputFilterGroups of Graph's document."""
    schema = document(NAME)
    clause = {"sourceOperandName": "department", "operatorName": "EQUALS", "targetOperand": {"values": ["Sales"]}}
    bare = {"sourceOperandName": "jobTitle", "operatorName": "IS NOT NULL"}
    users = schema["synchronizationRules"][0]["objectMappings"][0]
    users["scope"] = {
        "groups": [{"name": "Staff", "clauses": [clause, bare]}],
        "inputFilterGroups": [{"clauses": [bare]}],
    }
    mappings = parse_schema(schema)

    titled = FilterClause("jobTitle", "IS NOT NULL")
    assert mappings["User"].filters == (
        FilterGroup("Staff", (FilterClause("department", "EQUALS", ("Sales",)), titled)),
    )
    assert mappings["User"].input_filters == (FilterGroup("", (titled,)),)
    assert (mappings["Group"].filters, mappings["Group"].input_filters) == ((), ())


def test_a_filter_of_the_wrong_shape_is_named_with_its_place() -> None:
    schema = document(NAME)
    wrong = {"sourceOperandName": 7, "operatorName": "EQUALS", "targetOperand": {"values": "Sales"}}
    schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = {"groups": [{"clauses": [wrong]}]}

    assert [fault.partition(":")[0] for fault in faults(schema)] == [
        f"{USERS}.scope.groups[0].clauses[0].sourceOperandName",
        f"{USERS}.scope.groups[0].clauses[0].targetOperand.values",
    ]
