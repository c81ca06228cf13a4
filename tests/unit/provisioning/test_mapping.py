"""From an entry to the resource as it should be (rules A1 to A5, M3, S5)."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.provisioning.expression import ExpressionError
from rollcall.provisioning.mapping import compile_mapping, reportable_identifier
from rollcall.provisioning.model import AttributeMapping, Entry, Key, MappingSource
from tests.unit.provisioning.builders import (
    ADA,
    BOB,
    IS_ACTIVE,
    MANAGER,
    PHONE,
    computed,
    constant,
    direct,
    entry,
    users,
    wanted,
)

TITLE = direct("jobTitle", "title")


def test_direct_constant_and_computed_values_flow() -> None:
    """A1: Direct, Constant, Expression."""
    mapping = users(TITLE, constant("en", "locale"), computed('Join(" ", [a], [b])', "displayName"))

    assert wanted(entry(jobTitle="Dr", a="A", b="B"), mapping).values == {
        "userName": "ada@example.org",
        "title": "Dr",
        "locale": "en",
        "displayName": "A B",
    }


def test_a_mapping_without_a_source_only_has_its_default() -> None:
    """A1: None leaves the target alone, and gives it the default whenever it is empty."""
    result = wanted(entry(), users(AttributeMapping("title", MappingSource("None"), default="Staff")))

    assert result.values["title"] == "Staff"
    assert result.rules["title"].flow_type == "AttributeAddOnly"


def test_a_mapping_without_source_and_default_says_nothing() -> None:
    """A1, A5: not even where it is told to clear."""
    result = wanted(entry(), users(AttributeMapping("title", MappingSource("None"), clear_when_null=True)))

    assert result.values == {"userName": "ada@example.org"}
    assert (result.on_create, result.cleared) == ({}, ())


@pytest.mark.parametrize("value", [None, "", []])
def test_null_never_flows(value: Any) -> None:
    """A5."""
    result = wanted(entry(jobTitle=value), users(TITLE))

    assert "title" not in result.values
    assert result.cleared == ()


def test_null_clears_where_the_mapping_says_so() -> None:
    """A5: clearing is a choice for each mapping."""
    mapping = users(direct("jobTitle", "title", clear_when_null=True, default="Staff"))

    assert wanted(entry(), mapping).cleared == ("title",)
    assert wanted(entry(), mapping).on_create == {"title": "Staff"}
    assert wanted(entry(jobTitle="Dr"), mapping).cleared == ()


def test_a_default_applies_on_creation_only() -> None:
    """A2."""
    mapping = users(direct("jobTitle", "title", default="Staff"))

    assert wanted(entry(), mapping).on_create == {"title": "Staff"}
    assert wanted(entry(), mapping).values == {"userName": "ada@example.org"}
    assert wanted(entry(jobTitle="Dr"), mapping).on_create == {}


def test_what_flows_only_during_creation_is_kept_apart() -> None:
    """A3: ObjectAddOnly."""
    result = wanted(entry(jobTitle="Dr"), users(direct("jobTitle", "title", flow_type="ObjectAddOnly")))

    assert result.on_create == {"title": "Dr"}
    assert "title" not in result.values


def test_what_flows_always_is_marked() -> None:
    """A4: FlowAlways."""
    assert wanted(entry(), users(direct("jobTitle", "title", flow_behavior="FlowAlways"))).always == {"title"}


def test_matching_values_come_in_their_order_of_precedence() -> None:
    """M1."""
    mapping = users(direct("mail", "externalId", 3), direct("nick", "nickName", 2))

    assert wanted(entry(mail="a@b.c", nick="ad"), mapping).matching == (
        ("userName", "ada@example.org"),
        ("nickName", "ad"),
        ("externalId", "a@b.c"),
    )


def test_an_empty_matching_value_is_not_looked_up() -> None:
    """M1, M4."""
    assert wanted(entry(userPrincipalName="")).matching == ()


def test_the_matching_value_is_the_result_of_the_mapping() -> None:
    """M3."""
    mapping = users(computed("ToUpper([nick])", "nickName", matching_priority=2))

    assert wanted(entry(nick="ad"), mapping).matching[1] == ("nickName", "AD")


@pytest.mark.parametrize(
    ("value", "expected"), [("True", True), ("false", False), (True, True), (0, False), ("1", True)]
)
def test_values_take_the_type_of_a_boolean_target(value: Any, expected: bool) -> None:
    assert wanted(entry(flag=value), users(direct("flag", "active"))).values["active"] is expected


def test_a_value_that_is_no_boolean_fails_the_object() -> None:
    """A7."""
    problem = wanted(entry(flag="perhaps"), users(direct("flag", "active"))).problem

    assert problem is not None
    assert problem.code == "AttributeValidationFailed"
    assert problem.reason.startswith("active: ")


def test_other_types_become_text_in_a_text_target() -> None:
    assert wanted(entry(jobTitle=7), users(TITLE)).values["title"] == "7"
    assert wanted(entry(jobTitle=True), users(TITLE)).values["title"] == "True"


def test_several_values_for_a_single_target_fail_the_object_and_name_the_attribute() -> None:
    """6.1: SchemaPropertyCanOnlyAcceptValue."""
    problem = wanted(entry(jobTitle=["Dr", "Prof"]), users(TITLE)).problem

    assert problem is not None
    assert problem.code == "SchemaPropertyCanOnlyAcceptValue"
    assert problem.reason.startswith("title: there are 2 values")


@pytest.mark.parametrize("value", [["Dr"], ["Dr", ""], [None, "Dr"]])
def test_a_list_of_one_value_is_that_value(value: list[Any]) -> None:
    """A8."""
    assert wanted(entry(jobTitle=value), users(TITLE)).values["title"] == "Dr"


def test_an_expression_that_fails_fails_the_object_and_names_the_attribute() -> None:
    problem = wanted(
        entry(birth="yesterday"), users(computed('FormatDateTime([birth], , "yyyy", "MM")', "title"))
    ).problem

    assert problem is not None
    assert problem.code == "AttributeValidationFailed"
    assert "title" in problem.reason


def test_an_expression_that_can_not_be_read_is_refused_when_the_mapping_is_compiled() -> None:
    with pytest.raises(ExpressionError):
        compile_mapping(users(computed("Join(", "title")))


def test_ignoreattributeflow_leaves_the_attribute_alone() -> None:
    mapping = users(computed('Switch([kind], [kind], "robot", IgnoreAttributeFlow)', "title"))

    assert "title" not in wanted(entry(kind="robot"), mapping).values
    assert wanted(entry(kind="person"), mapping).values["title"] == "person"


def test_ignoreobjectflow_leaves_the_whole_object_alone() -> None:
    mapping = users(computed('Switch([kind], [kind], "robot", IgnoreObjectFlow)', "title"))
    problem = wanted(entry(kind="robot"), mapping).problem

    assert problem is not None
    assert problem.code == "EntrySynchronizationSkipped"


@pytest.mark.parametrize("out", [{"assigned": False}, {"state": "deleted"}, {"accountEnabled": False}])
def test_of_a_leaver_nothing_is_told_but_active_and_the_matching_values(out: dict[str, Any]) -> None:
    """D1: the event is turned into IsSoftDeleted, and only what depends on it flows."""
    result = wanted(entry(givenName="Ada", mobile="+1", **out))

    assert result.values == {"userName": "ada@example.org", "active": False}
    assert result.on_create == {}
    assert result.disables


def test_without_a_mapping_of_issoftdeleted_nothing_disables() -> None:
    assert not wanted(entry(assigned=False), users(TITLE)).disables


def test_a_leaver_is_cleared_of_nothing() -> None:
    mapping = users(computed(IS_ACTIVE, "active"), direct("jobTitle", "title", clear_when_null=True, default="x"))

    assert wanted(entry(assigned=False), mapping).cleared == ()


def test_the_manager_is_a_reference_and_no_value() -> None:
    """R1."""
    mapping = users(direct("manager", MANAGER))

    assert wanted(entry(manager="bob"), mapping).references == {MANAGER: (BOB,)}
    assert MANAGER not in wanted(entry(manager="bob"), mapping).values
    assert wanted(entry(), mapping).references == {MANAGER: ()}


def test_without_a_mapping_of_the_manager_there_is_no_reference() -> None:
    assert wanted(entry(manager="bob")).references == {}


def test_value_paths_are_mapped() -> None:
    """A10."""
    assert wanted(entry(mobile="+1 555")).values[PHONE] == "+1 555"


@pytest.mark.parametrize(
    ("attributes", "name"),
    [
        ({"userPrincipalName": "a@b.c", "displayName": "Ada"}, "a@b.c"),
        ({"userPrincipalName": "", "displayName": "Ada"}, "Ada"),
        ({"mail": "m@b.c"}, "m@b.c"),
        ({}, "ada"),
    ],
)
def test_an_object_is_reported_by_the_name_people_know(attributes: dict[str, str], name: str) -> None:
    assert reportable_identifier(Entry(ADA, "present", attributes)) == name


def test_a_group_maps_as_a_group() -> None:
    assert reportable_identifier(Entry(Key("Group", "g"), "present", {"displayName": "Red"})) == "Red"
