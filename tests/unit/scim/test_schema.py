"""The schemas as data, and as discovery documents."""

from __future__ import annotations

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.resource import check
from rollcall.scim.schema import (
    ENTERPRISE_USER_SCHEMA,
    ENTERPRISE_USER_URN,
    GROUP,
    GROUP_SCHEMA,
    RESOURCE_TYPE,
    RESOURCE_TYPE_SCHEMA,
    SCHEMA,
    SCHEMA_SCHEMA,
    SERVICE_PROVIDER_CONFIG_SCHEMA,
    USER,
    USER_SCHEMA,
    Attribute,
    Extension,
    ResourceType,
    Schema,
    resource_type_to_json,
    schema_from_json,
    schema_to_json,
)

EVERY_SCHEMA = [
    USER_SCHEMA, ENTERPRISE_USER_SCHEMA, GROUP_SCHEMA,
    SERVICE_PROVIDER_CONFIG_SCHEMA, RESOURCE_TYPE_SCHEMA, SCHEMA_SCHEMA,
]  # fmt: skip


def some_attribute(name: str) -> Attribute:
    attribute = USER.attribute(name)
    assert attribute is not None
    return attribute


@pytest.mark.parametrize("schema", EVERY_SCHEMA, ids=lambda s: s.name)
def test_a_schema_survives_its_discovery_document(schema: Schema) -> None:
    assert schema_from_json(schema_to_json(schema)) == schema


# The schema of schemas describes attributes to the depth that others have, its own are one level deeper (RFC 7643 §8.7.2).
@pytest.mark.parametrize("schema", EVERY_SCHEMA[:-1], ids=lambda s: s.name)
def test_a_discovery_document_satisfies_the_schema_of_schemas(schema: Schema) -> None:
    document = schema_to_json(schema, "https://example.com/v2")

    assert check(document, SCHEMA, "query") == document


def test_a_discovery_document_holds_every_characteristic_and_no_null() -> None:
    emails = next(a for a in schema_to_json(USER_SCHEMA)["attributes"] if a["name"] == "emails")
    kind = next(a for a in emails["subAttributes"] if a["name"] == "type")

    assert kind == {
        "name": "type",
        "type": "string",
        "multiValued": False,
        "description": "What the value is for.",
        "required": False,
        "canonicalValues": ["work", "home", "other"],
        "caseExact": False,
        "mutability": "readWrite",
        "returned": "default",
        "uniqueness": "none",
    }


def test_a_resource_type_names_its_schema_and_its_extensions() -> None:
    document = resource_type_to_json(USER, "https://example.com/v2")

    assert document["endpoint"] == "/Users"
    assert document["schemaExtensions"] == [{"schema": ENTERPRISE_USER_URN, "required": False}]
    assert check(document, RESOURCE_TYPE, "query") == document


def test_names_of_attributes_ignore_case() -> None:
    assert some_attribute("USERNAME") is some_attribute("userName")
    assert some_attribute("emails").sub_attribute("VALUE") is some_attribute("emails").sub_attribute("value")
    assert USER.extension(ENTERPRISE_USER_URN.upper()) is ENTERPRISE_USER_SCHEMA


@pytest.mark.parametrize(
    ("name", "characteristic", "expected"),
    [
        ("userName", "uniqueness", "server"),
        ("userName", "required", True),
        ("id", "mutability", "readOnly"),
        ("id", "returned", "always"),
        ("id", "case_exact", True),
        ("password", "returned", "never"),
        ("password", "mutability", "writeOnly"),
        ("groups", "mutability", "readOnly"),
        ("externalId", "case_exact", True),
        ("x509Certificates", "multi_valued", True),
    ],
)
def test_the_characteristics_that_matter_most_are_those_of_the_rfc(
    name: str, characteristic: str, expected: object
) -> None:
    assert getattr(some_attribute(name), characteristic) == expected


def test_members_are_immutable_inside_and_told_apart_exactly() -> None:
    members = GROUP.attribute("members")

    assert members is not None
    assert {s.name: s.mutability for s in members.sub_attributes} == {
        "value": "immutable", "$ref": "immutable", "type": "immutable", "display": "readOnly",
    }  # fmt: skip
    assert members.by_name["value"].case_exact


def test_a_foreign_schema_with_gaps_and_odd_words_is_read_with_the_defaults() -> None:
    schema = schema_from_json({
        "id": "urn:x:y",
        "attributes": [{"name": "badge", "type": "STRING", "mutability": "sometimes", "required": None}, {"name": "box", "subAttributes": [{"name": "colour"}]}],
    })  # fmt: skip

    assert schema.name == "urn:x:y"
    assert schema.attributes[0] == Attribute("badge")
    assert schema.attributes[1].type == "complex"


@pytest.mark.parametrize("document", [None, [], {}, {"id": 7}, {"id": "urn:x", "attributes": [{}]}])
def test_a_document_that_names_nothing_is_no_schema(document: object) -> None:
    with pytest.raises(ScimError) as refusal:
        schema_from_json(document)

    assert refusal.value.scim_type == "invalidSyntax"


def test_a_required_extension_must_be_there_and_stay() -> None:
    strict = ResourceType("U", "User", "/Users", "", USER_SCHEMA, (Extension(ENTERPRISE_USER_SCHEMA, required=True),))

    with pytest.raises(ScimError, match=r"extension .* is required"):
        check({"userName": "a"}, strict, "create")
    assert check({"userName": "a", ENTERPRISE_USER_URN: {"department": "x"}}, strict, "create")["userName"] == "a"
