"""The source's schema agrees with the directory: what it stores, and what the connector makes of it."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.directory.attributes import GROUP_ATTRIBUTES, USER_ATTRIBUTES, Attribute
from rollcall.provisioning.connectors.directory import named
from rollcall.provisioning.expression import AttributeType
from rollcall.provisioning.model import SourceAttribute
from rollcall.provisioning.source_schema import (
    SOURCE_ATTRIBUTES,
    attribute_types,
    is_directory_extension,
    known_among,
)

NUMBERED = {f"extensionAttribute{number}": str(number) for number in range(1, 16)}
VALUES: dict[str, Any] = {
    "string": "x",
    "boolean": True,
    "strings": ["x", "y"],
    "dateTime": "2026-11-23T00:00:00Z",
    "extensionAttributes": NUMBERED,
}
TYPES = {"string": ("String", False), "boolean": ("Boolean", False), "strings": ("String", True), "dateTime": ("DateTime", False)}  # fmt: skip
# What the feed adds to the attributes that are stored, and what the service adds to what the connector delivers.
FEED = {"User": {"id": "1", "deletedDateTime": "2026-11-23T00:00:00Z", "manager": "2"}, "Group": {"id": "1", "deletedDateTime": "2026-11-23T00:00:00Z"}}  # fmt: skip
SERVICE = {"User": {"IsSoftDeleted", "appRoleAssignments"}, "Group": {"IsSoftDeleted", "members"}}


@pytest.mark.parametrize(("kind", "stored"), [("User", USER_ATTRIBUTES), ("Group", GROUP_ATTRIBUTES)])
def test_what_the_connector_delivers_is_the_schema_and_nothing_else(kind: str, stored: dict[str, Attribute]) -> None:
    whole = {name: VALUES[attribute.type] for name, attribute in stored.items()}

    delivered = named({**whole, **FEED[kind]})

    assert set(delivered) | SERVICE[kind] == set(SOURCE_ATTRIBUTES[kind])
    for name, value in delivered.items():
        known = SOURCE_ATTRIBUTES[kind][name]
        assert isinstance(value, list) == known.multivalued, name
        assert isinstance(value, bool) == (known.type == "Boolean"), name


@pytest.mark.parametrize(("kind", "stored"), [("User", USER_ATTRIBUTES), ("Group", GROUP_ATTRIBUTES)])
def test_types_are_the_directorys(kind: str, stored: dict[str, Attribute]) -> None:
    for name, attribute in stored.items():
        if attribute.type != "extensionAttributes":
            known = SOURCE_ATTRIBUTES[kind][name]
            assert (known.type, known.multivalued) == TYPES[attribute.type], name


def test_extension_attributes_have_their_short_name_and_their_long_one() -> None:
    delivered = named({"onPremisesExtensionAttributes": {"extensionAttribute3": "north"}})

    assert delivered == {"extensionAttribute3": "north", "onPremisesExtensionAttributes.extensionAttribute3": "north"}


@pytest.mark.parametrize(
    ("stored", "seen"),
    [
        ("ada_fabrikam.example#EXT#@contoso.example", "ada@fabrikam.example"),
        ("ada_king_fabrikam.example#EXT#@contoso.example", "ada_king@fabrikam.example"),
        ("ada_king@contoso.example", "ada_king@contoso.example"),
        ("odd#EXT#@contoso.example", "odd#EXT#@contoso.example"),
    ],
)
def test_a_guest_has_the_name_they_have_at_home(stored: str, seen: str) -> None:
    """M11: and the stored form under originalUserPrincipalName."""
    delivered = named({"userPrincipalName": stored})

    assert (delivered["userPrincipalName"], delivered["originalUserPrincipalName"]) == (seen, stored)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("extension_0a1b_costRegion", True),
        ("extension_0a1b_cost_region", True),
        ("Extension_0a1b_costRegion", False),
        ("extension_costRegion", False),
        ("extension_0a1b_", False),
    ],
)
def test_directory_extensions_are_known_by_their_form(name: str, expected: bool) -> None:
    assert is_directory_extension(name) == expected
    assert (name in known_among([name, "mail"], {})) == expected


def test_the_type_checker_gets_the_same_types() -> None:
    types = attribute_types(
        {"phones": SourceAttribute("phones", multivalued=True), "on": SourceAttribute("on", "Boolean")}
    )

    assert types == {"phones": AttributeType("String", multivalued=True), "on": AttributeType("Boolean")}
