"""Checking a resource when it is created, replaced and read from a server."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.resource import check
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER, USER_URN, Attribute, ResourceType, Schema

CUSTOM = "urn:ietf:params:scim:schemas:extension:Orchard:2.0:User"


def created(**attributes: Any) -> dict[str, Any]:
    return check({"userName": "ines", **attributes}, USER, "create")


def refused(body: Any, resource_type: ResourceType = USER) -> ScimError:
    with pytest.raises(ScimError) as refusal:
        check(body, resource_type, "create")
    assert refusal.value.status == 400
    return refusal.value


def test_what_a_client_may_not_write_is_ignored() -> None:
    user = created(id="mine", meta={"resourceType": "User"}, groups=[{"value": "g"}])

    assert user == {"schemas": [USER_URN], "userName": "ines"}


def test_read_only_parts_are_ignored_too() -> None:
    user = created(**{ENTERPRISE_USER_URN: {"manager": {"value": "u-2", "displayName": "Made Up"}}})

    assert user[ENTERPRISE_USER_URN] == {"manager": {"value": "u-2"}}


@pytest.mark.parametrize("nothing", [None, [], [None], [{}], [{"value": None}]])
def test_nothing_is_nothing_however_it_is_written(nothing: object) -> None:
    assert "emails" not in created(emails=nothing)


def test_a_complex_value_without_parts_is_nothing() -> None:
    assert created(name={"givenName": None}, **{ENTERPRISE_USER_URN: {"manager": {}}}) == created()


def test_names_come_out_as_the_schema_spells_them() -> None:
    assert created(DISPLAYNAME="Ines", Emails=[{"VALUE": "a@b.example"}]) == created(
        displayName="Ines", emails=[{"value": "a@b.example"}]
    )


def test_a_name_given_twice_in_two_spellings_is_refused() -> None:
    assert refused({"userName": "a", "USERNAME": "b"}).scim_type == "invalidSyntax"
    assert refused({"userName": "a", "name": {"givenName": "a", "GIVENNAME": "b"}}).scim_type == "invalidSyntax"


def test_unknown_attributes_are_ignored() -> None:
    assert created(shoeSize=43, name={"nick": "x", "givenName": "Ines"}) == created(name={"givenName": "Ines"})


def test_an_extension_of_the_custom_form_is_kept_as_it_is() -> None:
    user = created(**{CUSTOM: {"costRegion": "N4", "tags": ["a", {"b": None}], "empty": [], "nothing": None}})

    assert user[CUSTOM] == {"costRegion": "N4", "tags": ["a", {"b": None}]}
    assert user["schemas"] == [USER_URN, CUSTOM]


@pytest.mark.parametrize(
    "urn",
    [
        "urn:example:mine:2.0:User",
        "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/User",
        "urn:ietf:params:scim:schemas:extension:with blank:User",
        "urn:ietf:params:scim:schemas:extension:Orchard:2.0",
    ],
)
def test_an_extension_of_any_other_form_is_ignored(urn: str) -> None:
    assert created(**{urn: {"a": 1}}) == created()


@pytest.mark.parametrize("value", ["text", 7, [1]])
def test_an_extension_must_be_an_object(value: object) -> None:
    assert refused({"userName": "a", CUSTOM: value}).scim_type == "invalidValue"


def test_names_in_a_custom_extension_must_be_names_and_differ() -> None:
    assert refused({"userName": "a", CUSTOM: {"two words": 1}}).scim_type == "invalidSyntax"
    assert refused({"userName": "a", CUSTOM: {"a": 1, "A": 2}}).scim_type == "invalidSyntax"
    assert refused({"userName": "a", CUSTOM: {"a": 1}, CUSTOM.lower(): {"a": 1}}).scim_type == "invalidSyntax"


def test_values_in_a_custom_extension_may_not_be_nested_without_end() -> None:
    value: Any = "deep"
    for _ in range(900):
        value = [value]

    assert refused({"userName": "a", CUSTOM: {"a": value}}).scim_type == "invalidValue"


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("userName", 7, "must be text"),
        ("userName", True, "must be text"),
        ("userName", ["a"], "must be text"),
        ("displayName", "a\x00b", "NUL"),
        ("displayName", "\ud800", "surrogate"),
        ("active", "True", "true or false"),
        ("active", 1, "true or false"),
        ("emails", {"value": "a"}, "array"),
        ("emails", "a", "array"),
        ("emails", ["a"], "must be an object"),
        ("emails", [{"value": 7}], r"emails\.value must be text"),
        ("emails", [{"primary": "true"}], r"emails\.primary must be true or false"),
        ("name", "Ines", "must be an object"),
        ("x509Certificates", [{"value": "no base64!"}], "base64"),
        ("x509Certificates", [{"value": "abcde"}], "base64"),
        ("profileUrl", 7, "must be text"),
        (ENTERPRISE_USER_URN, {"department": 7}, f"{ENTERPRISE_USER_URN}:department must be text"),
        (ENTERPRISE_USER_URN, {"manager": "u-2"}, "manager must be an object"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused_by_name(name: str, value: object, fault: str) -> None:
    with pytest.raises(ScimError, match=fault) as refusal:
        created(**{name: value})

    assert refusal.value.scim_type == "invalidValue"


ODD = ResourceType(
    "Odd", "Odd", "/Odds", "",
    Schema("urn:odd", "Odd", "", (
        Attribute("whole", "integer"), Attribute("part", "decimal"), Attribute("when", "dateTime"),
        Attribute("secret", returned="never"), Attribute("fixed", mutability="immutable"),
        Attribute("box", "complex", sub_attributes=(Attribute("lid", mutability="immutable"), Attribute("ink"))),
        Attribute("tags", multi_valued=True),
    )),
)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole", 1.5), ("whole", True), ("whole", "1"), ("part", "1"), ("part", float("inf")), ("part", False),
        ("when", "yesterday"), ("when", "2026-02-30T00:00:00Z"), ("when", "2026-01-05"), ("when", 7),
        ("when", "2026-01-05T08:00:00+99:00"), ("when", "0001-01-01T00:00:00+14:00"), ("tags", [7]),
    ],
)  # fmt: skip
def test_numbers_and_times_must_be_numbers_and_times(name: str, value: object) -> None:
    assert refused({name: value}, ODD).scim_type == "invalidValue"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole", -3), ("part", 1.5), ("part", 2), ("when", "2026-01-05T08:00:00Z"), ("tags", ["a", "b"]),
        ("when", "2026-01-05T08:00:00.123456789+05:30"), ("when", "2026-01-05T08:00:00"),
    ],
)  # fmt: skip
def test_numbers_and_times_are_kept_as_sent(name: str, value: object) -> None:
    assert check({name: value}, ODD, "create")[name] == value


def test_types_that_are_not_among_the_suggested_are_kept_as_sent() -> None:
    mails = [{"value": "a", "type": "Weekend"}, {"value": "b", "type": "WORK"}]

    assert created(emails=mails)["emails"] == mails


def test_text_is_kept_as_sent() -> None:
    assert created(displayName="  Straße\tİ e\u0301 ")["displayName"] == "  Straße\tİ e\u0301 "


def test_two_primaries_are_refused() -> None:
    body = {"userName": "a", "emails": [{"value": "a", "primary": True}, {"value": "b", "primary": True}]}

    assert "primary" in refused(body).detail


def test_the_same_value_twice_is_once() -> None:
    mails = [{"value": "a", "type": "work"}, {"type": "work", "value": "a"}, {"value": "a", "type": "home"}]

    assert created(emails=mails)["emails"] == [mails[0], mails[2]]


def test_the_same_member_twice_is_once() -> None:
    group = check({"displayName": "G", "members": [{"value": "a"}, {"value": "a", "type": "User"}]}, GROUP, "create")

    assert group["members"] == [{"value": "a"}]


def test_what_is_required_must_have_a_value() -> None:
    assert refused({"displayName": "x"}).detail == "userName is required; send it with a value."
    assert refused({"userName": None}).scim_type == "invalidValue"
    assert refused({"displayName": "G", "members": [{"type": "User"}]}, GROUP).detail.startswith("members.value")


@pytest.mark.parametrize("schemas", ["urn", [], [7], ["urn:ietf:params:scim:schemas:core:2.0:Group"]])
def test_schemas_must_name_the_core_schema_where_they_are_sent(schemas: object) -> None:
    assert refused({"schemas": schemas, "userName": "a"}).scim_type == "invalidSyntax"


def test_schemas_follow_from_what_is_there() -> None:
    user = created(schemas=[USER_URN.upper(), ENTERPRISE_USER_URN, "urn:whatever"])

    assert user["schemas"] == [USER_URN]


@pytest.mark.parametrize("body", [None, [], "text", 7])
def test_a_body_must_be_an_object(body: object) -> None:
    assert refused(body).scim_type == "invalidSyntax"


def test_the_body_that_was_given_stays_as_it_is() -> None:
    body = {"userName": "a", "emails": [{"value": "x", "display": None}], "roles": []}

    check(body, USER, "create")

    assert body == {"userName": "a", "emails": [{"value": "x", "display": None}], "roles": []}


def test_replacing_keeps_what_clients_may_not_write() -> None:
    before = {
        "id": "u-1",
        "userName": "ines",
        "title": "Cook",
        "password": "p",
        "groups": [{"value": "g"}],
        "meta": {"version": "1"},
    }

    after = check({"id": "other", "userName": "ines"}, USER, "replace", before)

    assert after == {
        "schemas": [USER_URN],
        "userName": "ines",
        "id": "u-1",
        "password": "p",
        "groups": [{"value": "g"}],
        "meta": {"version": "1"},
    }


def test_replacing_may_not_change_what_is_immutable_and_keeps_it_if_unsent() -> None:
    before = {"fixed": "a", "box": {"lid": "red", "ink": "blue"}}

    assert check({"box": {"ink": "green"}}, ODD, "replace", before) == {
        "schemas": ["urn:odd"], "fixed": "a", "box": {"ink": "green", "lid": "red"},
    }  # fmt: skip
    for body in ({"fixed": "b"}, {"fixed": "a", "box": {"lid": "green"}}):
        with pytest.raises(ScimError) as refusal:
            check(body, ODD, "replace", before)
        assert refusal.value.scim_type == "mutability"


def test_the_answer_of_a_server_keeps_what_is_read_only_and_loses_what_is_never_returned() -> None:
    answer = {"id": "u-1", "password": "p", "meta": {"version": "1"}, "groups": [{"value": "g", "display": "G"}]}

    assert check(answer, USER, "query") == {
        "schemas": [USER_URN], "id": "u-1", "meta": {"version": "1"}, "groups": [{"value": "g", "display": "G"}],
    }  # fmt: skip
