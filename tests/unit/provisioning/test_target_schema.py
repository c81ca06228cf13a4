"""What the schemas say about target attributes, and how resources are read and built (rules A8 to A10, 15.1)."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.provisioning.target_schema import (
    build_resource,
    element_attribute,
    is_multi_valued_reference,
    is_reference,
    is_value_path,
    new_element,
    read_value,
    target_rule,
)
from tests.unit.provisioning.builders import MANAGER, PHONE

ENTERPRISE = MANAGER.rpartition(":")[0]
CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
WORK = 'addresses[type eq "work"]'


@pytest.mark.parametrize(
    ("kind", "path", "type_name"),
    [
        ("User", "active", "boolean"),
        ("User", "userName", "string"),
        ("User", "name.givenName", "string"),
        ("User", PHONE, "string"),
        ("User", 'emails[type eq "work"].primary', "boolean"),
        ("User", "profileUrl", "reference"),
        ("User", f"{ENTERPRISE}:department", "string"),
        ("Group", "displayName", "string"),
        ("User", "urn:example:custom:2.0:User:shoeSize", "string"),
    ],
)
def test_the_schema_tells_the_type(kind: str, path: str, type_name: str) -> None:
    assert target_rule(kind, path).type == type_name


@pytest.mark.parametrize(
    ("path", "exact"), [("userName", False), ("externalId", True), ("displayName", False), ("urn:x:User:a", True)]
)
def test_the_schema_tells_whether_letter_case_counts(path: str, exact: bool) -> None:
    """A6."""
    assert target_rule("User", path).case_exact is exact


def test_members_and_managers_are_references() -> None:
    """R1."""
    assert is_reference("Group", "members")
    assert is_reference("User", MANAGER)
    assert not is_reference("User", "members")
    assert not is_reference("Group", MANAGER)
    assert is_multi_valued_reference("members")
    assert not is_multi_valued_reference(MANAGER)


RESOURCE: dict[str, Any] = {
    "userName": "ada",
    "name": {"givenName": "Ada"},
    "phoneNumbers": [{"type": "work", "value": "+1"}, {"type": "Mobile", "value": "+2"}],
    "emails": [{"value": "first@x.y"}, {"value": "second@x.y"}],
    ENTERPRISE: {"department": "Sales", "manager": {"value": "t9"}},
}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("userName", "ada"),
        ("USERNAME", "ada"),
        ("name.givenName", "Ada"),
        ("name.familyName", None),
        ("title", None),
        ("title.part", None),
        (PHONE, "+2"),
        ('phoneNumbers[type eq "fax"].value', None),
        ('addresses[type eq "work"].locality', None),
        ("emails.value", "first@x.y"),
        (f"{ENTERPRISE}:department", "Sales"),
        (f"{MANAGER}.value", "t9"),
        (f"{CORE}:userName", "ada"),
        ("urn:example:other:2.0:User:shoe", None),
    ],
)
def test_values_are_read_by_path(path: str, value: Any) -> None:
    assert read_value(RESOURCE, path) == value


def test_a_single_element_where_a_list_is_expected_is_read_too() -> None:
    assert read_value({"phoneNumbers": {"type": "mobile", "value": "+1"}}, PHONE) == "+1"


@pytest.mark.parametrize("there", [True, "True", "true"])
def test_an_element_may_be_selected_by_a_boolean_written_as_text(there: Any) -> None:
    """A10: roles[primary eq "True"]."""
    path = 'roles[primary eq "True"].value'

    assert new_element(path, "admin") == {"primary": True, "value": "admin"}
    assert read_value({"roles": [{"primary": there, "value": "admin"}]}, path) == ("admin" if there is True else None)


def test_a_resource_is_built_from_paths() -> None:
    """15.1."""
    resource = build_resource(
        "User",
        {
            "userName": "ada",
            "name.givenName": "Ada",
            "name.familyName": "L",
            PHONE: "+1",
            f"{WORK}.locality": "Bern",
            f"{WORK}.country": "CH",
            f"{ENTERPRISE}:department": "Sales",
            f"{CORE}:title": "Dr",
        },
    )

    assert resource == {
        "schemas": [CORE, ENTERPRISE],
        "userName": "ada",
        "name": {"givenName": "Ada", "familyName": "L"},
        "phoneNumbers": [{"type": "mobile", "value": "+1"}],
        "addresses": [{"type": "work", "locality": "Bern", "country": "CH"}],
        ENTERPRISE: {"department": "Sales"},
        "title": "Dr",
    }


def test_what_is_built_can_be_read() -> None:
    values = {"userName": "ada", "name.givenName": "Ada", PHONE: "+1", f"{ENTERPRISE}:department": "Sales"}

    resource = build_resource("User", values)

    assert {path: read_value(resource, path) for path in values} == values


def test_elements_of_two_types_stand_side_by_side() -> None:
    resource = build_resource("User", {PHONE: "+1", 'phoneNumbers[type eq "work"].value': "+2"})

    assert resource["phoneNumbers"] == [{"type": "mobile", "value": "+1"}, {"type": "work", "value": "+2"}]


def test_a_group_is_built_with_its_own_schema() -> None:
    assert build_resource("Group", {"displayName": "Red"}) == {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "Red",
    }


def test_value_paths_are_told_apart_and_taken_apart() -> None:
    assert is_value_path(PHONE)
    assert not is_value_path("name.givenName")
    assert element_attribute(PHONE) == "phoneNumbers"
    assert element_attribute('urn:x:User:cars[type eq "fast"].name') == "urn:x:User:cars"
