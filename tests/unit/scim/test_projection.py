"""What of a resource is answered."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.scim.path import parse_path
from rollcall.scim.resource import Projection, project
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER, USER_URN, Attribute, ResourceType, Schema

CUSTOM = "urn:ietf:params:scim:schemas:extension:Orchard:2.0:User"
INES: dict[str, Any] = {
    "schemas": [USER_URN], "id": "u-1", "userName": "ines", "password": "secret",
    "name": {"givenName": "Ines", "familyName": "O"},
    "emails": [{"value": "a", "type": "work"}, {"type": "home"}],
    ENTERPRISE_USER_URN: {"department": "Press", "manager": {"value": "u-2", "displayName": "Tomo"}},
    CUSTOM: {"costRegion": "N4", "desk": {"floor": 1}},
}  # fmt: skip


def shown(attributes: str = "", excluded: str = "") -> dict[str, Any]:
    paths = [tuple(parse_path(text) for text in texts.split()) for texts in (attributes, excluded)]
    result = project(INES, USER, Projection(*paths))
    assert result.pop("schemas") == [USER_URN]
    assert result.pop("id") == "u-1"
    return result


def test_without_a_wish_everything_is_shown_but_secrets() -> None:
    assert shown() == {name: value for name, value in INES.items() if name not in {"password", "schemas", "id"}}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ("id", {}),
        ("USERNAME shoe", {"userName": "ines"}),
        ("password", {}),
        ("name.givenName", {"name": {"givenName": "Ines"}}),
        ("name name.givenName", {"name": INES["name"]}),
        ("emails.value", {"emails": [{"value": "a"}]}),
        ("emails.display", {}),
        ("manager.value", {ENTERPRISE_USER_URN: {"manager": {"value": "u-2"}}}),
        (f"{ENTERPRISE_USER_URN}:department", {ENTERPRISE_USER_URN: {"department": "Press"}}),
        (ENTERPRISE_USER_URN, {ENTERPRISE_USER_URN: INES[ENTERPRISE_USER_URN]}),
        (CUSTOM.lower(), {CUSTOM: INES[CUSTOM]}),
        (f"{CUSTOM}:desk.floor", {CUSTOM: {"desk": {"floor": 1}}}),
        (f"{USER_URN}:userName", {"userName": "ines"}),
    ],
)
def test_what_is_asked_for_is_shown_beside_what_always_is(attributes: str, expected: dict[str, Any]) -> None:
    assert shown(attributes) == expected


@pytest.mark.parametrize(
    ("excluded", "gone"),
    [
        ("id schemas", {}),
        ("userName", {"userName": None}),
        ("name.givenName", {"name": {"familyName": "O"}}),
        ("emails.type", {"emails": [{"value": "a"}]}),
        ("emails.value emails.type", {"emails": None}),
        ("manager", {ENTERPRISE_USER_URN: {"department": "Press"}}),
        (ENTERPRISE_USER_URN, {ENTERPRISE_USER_URN: None}),
        (f"{CUSTOM}:costRegion {CUSTOM}:desk", {CUSTOM: None}),
    ],
)
def test_what_is_excluded_is_left_out(excluded: str, gone: dict[str, Any]) -> None:
    expected = {name: value for name, value in (shown() | gone).items() if value is not None}

    assert shown(excluded=excluded) == expected


def test_attributes_returned_on_request_are_shown_on_request_only() -> None:
    inner = (
        Attribute("photo", returned="request"),
        Attribute("pin", returned="never"),
        Attribute("key", returned="always"),
        Attribute("x"),
    )
    kind = ResourceType(
        "T",
        "T",
        "/Ts",
        "",
        Schema(
            "urn:t", "T", "", (Attribute("big", returned="request"), Attribute("box", "complex", sub_attributes=inner))
        ),
    )
    thing = {"id": "1", "big": "b", "box": {"photo": "p", "pin": "1", "key": "k", "x": "y"}}

    def seen(*attributes: str, excluded: tuple[str, ...] = ()) -> dict[str, Any]:
        return project(thing, kind, Projection(tuple(map(parse_path, attributes)), tuple(map(parse_path, excluded))))

    assert seen() == {"id": "1", "box": {"key": "k", "x": "y"}}
    assert seen("big") == {"id": "1", "big": "b"}
    assert seen("box") == {"id": "1", "box": {"key": "k", "x": "y"}}
    assert seen("box.photo", "box.pin") == {"id": "1", "box": {"photo": "p", "key": "k"}}
    assert seen(excluded=("box.x", "box.key")) == {"id": "1", "box": {"key": "k"}}


@pytest.mark.parametrize(
    ("projection", "left_out"),
    [
        (Projection(), False),
        (Projection(excluded=(parse_path("MEMBERS"),)), True),
        (Projection(excluded=(parse_path("members.display"),)), False),
        (Projection(excluded=(parse_path("displayName"),)), False),
        (Projection(attributes=(parse_path("id"),)), True),
        (Projection(attributes=(parse_path("members.value"),)), False),
        (Projection(attributes=(parse_path("urn:ietf:params:scim:schemas:core:2.0:Group:members"),)), False),
    ],
)
def test_a_store_can_ask_whether_members_are_wanted(projection: Projection, left_out: bool) -> None:
    assert projection.leaves_out("members", GROUP) is left_out
    assert not projection.leaves_out("id", GROUP)
    assert projection.leaves_out("shoe", GROUP)
