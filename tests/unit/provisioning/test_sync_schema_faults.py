"""What is wrong in a schema document is refused when it is saved: all of it at once, each fault with its path."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import orjson
import pytest

from rollcall.errors import Invalid
from rollcall.provisioning.defaults import computed, direct, schema_document
from rollcall.provisioning.sync_schema import check_schema, examine_schema

EXAMPLE = orjson.loads((Path(__file__).parent / "data" / "synchronization-schema-example.json").read_bytes())
RULE = "synchronizationRules[0]"
USERS, GROUPS = f"{RULE}.objectMappings[0]", f"{RULE}.objectMappings[1]"
NAME = direct("userPrincipalName", "userName", 1)
ACTIVE = computed('Switch([IsSoftDeleted], , "False", "True", "True", "False")', "active")
_MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
_FABRIKAM = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User"


def document(*users: dict[str, Any], groups: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    """A schema with matching, `active` and these mappings for users."""
    group = groups or [direct("displayName", "displayName", 1), direct("members", "members")]
    return copy.deepcopy(schema_document([NAME, ACTIVE, *users], group))


def faults(schema: Any, scope: str | None = None) -> list[tuple[str, str]]:
    """Path and message of every fault, and the refusal names the same ones."""
    found = examine_schema(schema, scope).faults
    with pytest.raises(Invalid) as refusal:
        check_schema(schema, scope)
    assert refusal.value.details == tuple(str(fault) for fault in found)
    return [(fault.path, fault.message) for fault in found]


def places(schema: Any, under: str = "") -> list[str]:
    """Only the paths, without what all of them begin with."""
    return [path.removeprefix(under) for path, _ in faults(schema)]


def warnings(schema: Any) -> list[tuple[str, str]]:
    """Path and message of every warning of a document without faults."""
    return [(warning.path, warning.message) for warning in check_schema(schema).warnings]


def fault_of(mapping: dict[str, Any]) -> tuple[str, str]:
    """The one fault of a mapping, its place seen from the mapping."""
    ((path, message),) = faults(document(mapping))
    return path.removeprefix(f"{USERS}.attributeMappings[2]."), message


def warning_of(mapping: dict[str, Any]) -> tuple[str, str]:
    """The one warning of a mapping, its place seen from the mapping."""
    ((path, message),) = warnings(document(mapping))
    return path.removeprefix(f"{USERS}.attributeMappings[2]."), message


def test_all_faults_of_a_document_are_named_at_once_with_their_paths() -> None:
    schema = document(
        direct("jobTitel", "title"),
        direct("mail", "id"),
        {**direct("mail", "displayName"), "targetAttributeName": "emails[type eq"},
        {**direct("mail", "nickName"), "flowType": "Sometimes", "flowBehavior": "FlowNever", "matchingPriority": "1"},
        {**direct("mail", "locale"), "source": {"type": "Function", "expression": 'Jion(" ", [mail])'}},
        {**direct("mail", "timezone"), "source": {"type": "Magic"}},
        direct("mail", "USERNAME"),
        direct("mailNickname", "externalId", 1),
        {**direct("mail", "profileUrl"), "source": "mail", "defaultValue": 5, "clearWhenNull": "yes"},
    )
    rule = schema["synchronizationRules"][0]
    rule["targetDirectoryName"] = "elsewhere"
    users, groups = rule["objectMappings"]
    users.update(enabled=False, flowTypes=["Add"], targetObjectName="urn:dog")
    clause = {"operatorName": "EQUALS", "sourceOperandName": "manager", "targetOperand": {"values": ["x"]}}
    odd = {"operatorName": "RESEMBLES", "sourceOperandName": "city", "targetOperand": {"values": "Oslo"}}
    users["scope"] = {"groups": [{"name": "north", "clauses": [clause, odd]}]}
    groups["attributeMappings"][0]["matchingPriority"] = 0

    found = places(schema, RULE)

    attribute = ".objectMappings[0].attributeMappings"
    assert found == [
        f"{attribute}[2].source.name",
        f"{attribute}[3].targetAttributeName",
        f"{attribute}[4].targetAttributeName",
        f"{attribute}[5].flowBehavior",
        f"{attribute}[5].flowType",
        f"{attribute}[5].matchingPriority",
        f"{attribute}[6].source.expression",
        f"{attribute}[7].source.type",
        f"{attribute}[8].targetAttributeName",
        f"{attribute}[9].matchingPriority",
        f"{attribute}[10].clearWhenNull",
        f"{attribute}[10].defaultValue",
        f"{attribute}[10].source",
        ".objectMappings[0].enabled",
        ".objectMappings[0].flowTypes",
        ".objectMappings[0].scope.groups[0].clauses[0].sourceOperandName",
        ".objectMappings[0].scope.groups[0].clauses[1].operatorName",
        ".objectMappings[0].scope.groups[0].clauses[1].targetOperand.values",
        ".objectMappings[0].targetObjectName",
        ".objectMappings[1].attributeMappings",
        ".targetDirectoryName",
    ]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ('Jion(" ", [mail])', "unknown function"),
        ("ToUpper()", "wrong number of arguments"),
        ("ToUpper([malil])", "Write [mail]"),
        ("Join(", "character"),
        ("[mail", "Add ]"),
        ('ToUpper("' + "x" * 10_000 + '")', "at most 10,000"),
        ("[appRoleAssignments]", "SingleAppRoleAssignment"),
    ],
)
def test_expressions_are_checked_against_the_source(expression: str, said: str) -> None:
    """A12: the length; and functions, arguments and attributes."""
    place, message = fault_of({**direct("mail", "title"), "source": {"type": "Function", "expression": expression}})

    assert place == "source.expression"
    assert said in message
    assert "haracter" in message, "the position is named"


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ({"type": "Attribute", "name": "mail", "expression": "[mailNickname]"}, "source.expression"),
        ({"type": "Attribute", "name": "mail", "expression": "mail"}, "source.expression"),
        ({"type": "Attribute", "name": "mail", "expression": "ToUpper([mail])"}, "source.expression"),
        ({"type": "Constant", "name": "a", "expression": '"b"'}, "source.expression"),
        ({"type": "Constant", "name": "a", "expression": "[a]"}, "source.expression"),
        ({"type": "Constant"}, "source.name"),
        ({"type": "Attribute", "name": ""}, "source.name"),
        ({"type": "Function", "name": "Join"}, "source.expression"),
        ({"type": "Attribute", "name": 7}, "source.name"),
        ({"name": "mail"}, "source.type"),
    ],
)
def test_a_source_that_contradicts_itself_or_says_nothing_is_refused(source: dict[str, Any], place: str) -> None:
    found = [path.removeprefix(f"{USERS}.attributeMappings[2].") for path, _ in faults(
        document({"targetAttributeName": "title", "source": source})
    )]  # fmt: skip

    assert set(found) == {place}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "Attribute", "name": "mail"}, ("Attribute", "mail")),
        ({"type": "Attribute", "expression": "[mail]"}, ("Attribute", "mail")),
        ({"type": "attribute", "name": "mail", "expression": " [mail] "}, ("Attribute", "mail")),
        ({"type": "Constant", "name": "x"}, ("Constant", "x")),
        ({"type": "Constant", "expression": '"a \\\\ b"'}, ("Constant", "a \\ b")),
        ({"type": "Constant", "name": "x y", "expression": "x y"}, ("Constant", "x y")),
        ({"type": "Constant", "name": "12", "expression": "12"}, ("Constant", "12")),
        ({"type": "Function", "expression": "[mail]"}, ("Attribute", "mail")),
        ({"type": "Function", "name": "ToUpper", "expression": "ToUpper([mail])"}, ("Function", "ToUpper([mail])")),
    ],
)
def test_one_of_name_and_expression_is_enough(source: dict[str, Any], expected: tuple[str, str]) -> None:
    """A1: direct, constant, expression."""
    parsed = check_schema(document({"targetAttributeName": "title", "source": source})).mappings["User"].attributes[2]

    assert (parsed.source.type, parsed.source.text) == expected


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("id", "M10"),
        ("ID", "M10"),
        ("meta.created", "can't be mapped"),
        ("schemas", "can't be mapped"),
        ("groups", "read-only"),
        ("name", "name.givenName".partition(".")[2]),
        ("a.b.c", "A10"),
        ("name.nick", "givenName"),
        ("title.value", "no parts"),
        ('title[type eq "x"].value', "one value"),
        ('emails[type eq "work"]', "add .value"),
        ('emails[type eq "work" and type eq "home"].value', "twice"),
        ('emails[type co "work"].value', "eq only"),
        ('emails[type eq "work" or primary eq true].value', "eq only"),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "is a schema"),
    ],
)
def test_a_target_that_no_mapping_can_reach_is_refused(target: str, said: str) -> None:
    """M10, A8, A10."""
    place, message = fault_of(direct("mail", target))

    assert place == "targetAttributeName"
    assert said in message


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("title", "TITLE"),
        ("title", "urn:ietf:params:scim:schemas:core:2.0:User:title"),
        ('emails[type eq "work"].value', 'emails[ TYPE eq "Work" ].Value'),
        ('emails[type eq "work" and primary eq true].value', 'emails[primary eq "True" and type eq "work"].value'),
        (f"{_FABRIKAM}:costRegion", f"{_FABRIKAM.lower()}:COSTREGION"),
    ],
)
def test_one_target_in_two_spellings_is_mapped_twice(first: str, second: str) -> None:
    """A10: each type at most once."""
    ((path, message),) = faults(document(direct("mail", first), direct("mailNickname", second)))

    assert path == f"{USERS}.attributeMappings[3].targetAttributeName"
    assert "mapped twice" in message
    assert f"{USERS}.attributeMappings[2] already" in message


@pytest.mark.parametrize(
    ("whole", "part"), [("emails", 'emails[type eq "work"].value'), ("roles", 'roles[primary eq "True"].value')]
)
def test_a_whole_and_a_part_of_it_are_not_both_mapped(whole: str, part: str) -> None:
    """A10: one would overwrite the other in every cycle."""
    ((path, message),) = faults(document(direct("otherMails", whole), direct("mail", part)))

    assert path == f"{USERS}.attributeMappings[3].targetAttributeName"
    assert "the whole that" in message


def test_different_elements_of_one_attribute_are_different_targets() -> None:
    """A10."""
    work, mobile = 'phoneNumbers[type eq "work"].value', 'phoneNumbers[type eq "mobile"].value'

    assert not check_schema(document(direct("telephoneNumber", work), direct("mobile", mobile))).warnings


@pytest.mark.parametrize(
    ("mapping", "place"),
    [
        (direct("mail", _MANAGER), "source.name"),
        (computed("ToUpper([manager])", _MANAGER), "source.expression"),
        ({"targetAttributeName": "manager", "source": {"type": "Constant", "name": "x"}}, "source.name"),
        (direct("manager", "title"), "targetAttributeName"),
        (direct("manager", f"{_MANAGER}.value"), "targetAttributeName"),
        ({**direct("manager", _MANAGER), "defaultValue": "x"}, "defaultValue"),
        ({**direct("manager", _MANAGER), "matchingPriority": 2}, "matchingPriority"),
    ],
)
def test_references_go_as_they_are_to_where_references_belong(mapping: dict[str, Any], place: str) -> None:
    """R1."""
    found = {path.removeprefix(f"{USERS}.attributeMappings[2].") for path, _ in faults(document(mapping))}

    assert place in found


def test_members_belong_to_groups() -> None:
    """R1."""
    assert "source.name" in {path.rpartition("[2].")[2] for path, _ in faults(document(direct("members", "members")))}
    assert fault_of(direct("mail", "members"))[1] == "members belong to groups."


def test_members_can_not_be_computed() -> None:
    """R1."""
    groups = [direct("displayName", "displayName", 1), computed("Count([members])", "externalId")]

    ((path, message),) = faults(document(groups=groups))

    assert path == f"{GROUPS}.attributeMappings[1].source.expression"
    assert "R1" in message


@pytest.mark.parametrize("target", ["Manager", _MANAGER.upper().replace("URN:", "urn:")])
def test_references_are_known_in_every_spelling(target: str) -> None:
    """R1: the engine has to know it for a reference, or the person's id would be sent as text."""
    parsed = check_schema(document(direct("manager", target))).mappings["User"].attributes[2]

    assert parsed.target in ("manager", _MANAGER)


@pytest.mark.parametrize(
    ("target", "default", "right"),
    [
        ("active", "yes", False),
        ("active", "False", True),
        ("title", "Staff", True),
        (f"{_FABRIKAM}:age", "old", False),
        (f"{_FABRIKAM}:age", "30", True),
    ],
)
def test_a_default_has_to_fit_the_type_of_its_target(target: str, default: str, right: bool) -> None:
    """A2, A8."""
    mapped = direct("mail", target)
    schema = schema_document([NAME, {**mapped, "defaultValue": default}], [direct("displayName", "displayName", 1)])
    for definition in schema["directories"][1]["objects"][0]["attributes"]:
        if definition["name"].endswith(":age"):
            definition["type"] = "Integer"

    found = [fault.path for fault in examine_schema(schema).faults]

    assert found == ([] if right else [f"{USERS}.attributeMappings[1].defaultValue"])


def test_a_constant_has_to_fit_the_type_of_its_target() -> None:
    """A8."""
    place, message = fault_of({"targetAttributeName": f"{_FABRIKAM}:x", "source": {"type": "Constant", "name": ""}})
    assert (place, message) == ("source.name", "the constant is missing.")

    schema = document()
    schema["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][1]["source"] = {
        "type": "Constant",
        "name": "on",
    }
    ((path, message),) = faults(schema)
    assert path == f"{USERS}.attributeMappings[1].source.name"
    assert "Boolean" in message


def test_a_word_of_the_language_is_no_text() -> None:
    """A1: unquoted it is an order, quoted it is text."""
    word = {"type": "Constant", "name": "IgnoreAttributeFlow", "expression": "IgnoreAttributeFlow"}
    quoted = {**word, "expression": '"IgnoreAttributeFlow"'}
    users = check_schema(
        document({"targetAttributeName": "title", "source": word}, {"targetAttributeName": "locale", "source": quoted})
    ).mappings["User"]

    assert [each.source.type for each in users.attributes[2:]] == ["Function", "Constant"]


def test_what_the_document_defines_as_read_only_is_not_mapped() -> None:
    """A8."""
    schema = document(direct("mail", "title"))
    attributes = schema["directories"][1]["objects"][0]["attributes"]
    next(each for each in attributes if each["name"] == "title")["mutability"] = "ReadOnly"

    ((path, message),) = faults(schema)

    assert path == f"{USERS}.attributeMappings[2].targetAttributeName"
    assert "read-only" in message


def test_source_attributes_of_the_document_are_known_with_a_warning_and_extensions_without() -> None:
    schema = document(direct("badge", "title"), direct("extension_0a1b_costRegion", "nickName"))
    schema["directories"][0]["objects"][0]["attributes"].append({"name": "badge", "type": "String"})

    assert [message for _, message in warnings(schema)] == ["a user has no attribute badge; it is always empty."]


def test_an_extension_of_another_form_is_unknown() -> None:
    place, message = fault_of(direct("extension_costRegion", "title"))

    assert (place, "unknown attribute" in message) == ("source.name", True)


def test_one_matching_attribute_at_least_and_an_order_among_them() -> None:
    """M1."""
    unmatched = document()
    unmatched["synchronizationRules"][0]["objectMappings"][0]["attributeMappings"][0]["matchingPriority"] = 0
    twice = document(direct("mailNickname", "externalId", 1))

    assert places(unmatched) == [f"{USERS}.attributeMappings"]
    assert places(twice) == [f"{USERS}.attributeMappings[2].matchingPriority"]


@pytest.mark.parametrize(
    "mapping",
    [
        {**computed("SelectUniqueValue([mail], [mailNickname])", "externalId"), "matchingPriority": 2},
        {"targetAttributeName": "externalId", "source": {"type": "Constant", "name": "x"}, "matchingPriority": 2},
        {"targetAttributeName": "externalId", "defaultValue": "x", "matchingPriority": 2},
        {**direct("mail", "roles"), "matchingPriority": 2},
    ],
)
def test_what_can_not_tell_people_apart_is_not_matching(mapping: dict[str, Any]) -> None:
    """M1, M6."""
    assert len(faults(document(mapping))) == 1


@pytest.mark.parametrize("function", ["SingleAppRoleAssignment", "AppRoleAssignmentsComplex", "AssertiveAppRoleAssignmentsComplex"])  # fmt: skip
def test_role_functions_do_not_go_with_everybody_in_scope(function: str) -> None:
    """S10."""
    target = 'roles[primary eq "True"].value' if function.startswith("Single") else "roles"
    schema = document(computed(f"{function}([appRoleAssignments])", target))

    assert not examine_schema(schema, "assigned").faults
    ((path, message),) = faults(schema, "all")
    assert path == f"{USERS}.attributeMappings[2].source.expression"
    assert "S10" in message


@pytest.mark.parametrize("place", ["groups", "inputFilterGroups"])
@pytest.mark.parametrize("name", ["manager", "appRoleAssignments", "businessPhones", "userType", "IsMemberOf", "employeeHireDate", "citty"])  # fmt: skip
def test_filters_on_forbidden_attributes_are_refused(place: str, name: str) -> None:
    """S9."""
    clause = {"operatorName": "EQUALS", "sourceOperandName": name, "targetOperand": {"values": ["x"]}}
    schema = document()
    schema["synchronizationRules"][0]["objectMappings"][0]["scope"] = {place: [{"name": "f", "clauses": [clause]}]}

    assert places(schema) == [f"{USERS}.scope.{place}[0].clauses[0].sourceOperandName"]


def test_filters_that_nothing_would_carry_out_are_refused() -> None:
    schema = document()
    rule = schema["synchronizationRules"][0]
    rule.update(containerFilter={"includedContainers": ["ou=x"]}, groupFilter={"includedGroups": ["g"]})
    rule["objectMappings"][0]["scope"] = {"groups": [], "categoryFilterGroups": [{"name": "x", "clauses": []}]}

    assert places(schema, RULE) == [
        ".containerFilter.includedContainers",
        ".groupFilter.includedGroups",
        ".objectMappings[0].scope.categoryFilterGroups",
    ]


def test_a_kind_is_mapped_once_and_users_always() -> None:
    """S3."""
    twice, disabled, without = document(), document(), document()
    mappings = twice["synchronizationRules"][0]["objectMappings"]
    mappings.append(copy.deepcopy(mappings[0]))
    disabled["synchronizationRules"][0]["objectMappings"][0]["enabled"] = False
    del without["synchronizationRules"][0]["objectMappings"][0]

    assert places(twice) == [f"{RULE}.objectMappings[2].sourceObjectName"]
    assert places(disabled) == [f"{USERS}.enabled"]
    assert places(without) == ["synchronizationRules"]


def test_warnings_name_what_may_be_a_mistake() -> None:
    """A9, A10, D1, M6: and the linter of expressions."""
    spelled = {**direct("mail", "title"), "matchingPriorty": 1}
    single = {**direct("jobTitle", "title"), "matchingPriority": 2}

    assert warning_of(spelled) == (
        "matchingPriorty",
        "attributeMapping has no such member; did you mean matchingPriority? It is kept as it is.",
    )
    assert "M6" in warning_of(single)[1]
    assert "did you mean" in warning_of(direct("jobTitle", "titel"))[1].lower()
    assert "A9" in warning_of(direct("jobTitle", "urn:ietf:params:scim:schemas:extension:Fabrikam:9.0:User:x"))[1]
    assert "A10" in warning_of(direct("jobTitle", 'entitlements[type eq "x"].value'))[1]
    assert "default" in warning_of(computed('Switch([city], , "a", "b")', "title"))[1]
    assert "always null" in warning_of(computed("IgnoreAttributeFlow", "title"))[1]
    assert "no effect" in warning_of({**direct("mail", "title"), "exportMissingReferences": True})[1]
    random = {**computed("Guid()", "externalId"), "matchingPriority": 2}
    assert "never finds the object again" in warning_of(random)[1]
    assert "the expression counts" in warning_of({**computed("ToUpper([mail])", "title"), "source": {"type": "Function", "name": "ToLower", "expression": "ToUpper([mail])"}})[1]  # fmt: skip


def test_a_mapping_that_can_not_work_as_a_whole_is_warned_about() -> None:
    """A7, D1, R1."""
    schema = schema_document([direct("mailNickname", "externalId", 1)], [direct("displayName", "displayName", 1)])

    said = [message for _, message in warnings(schema)]

    assert [next(rule for rule in ("A7", "D1", "R1") if rule in message) for message in said] == ["A7", "D1", "R1"]


def test_flow_null_values_alone_clears_nothing() -> None:
    """A5: Entra wants two switches; ours is clearWhenNull."""
    schema = document(direct("jobTitle", "title"))
    attributes = schema["directories"][0]["objects"][0]["attributes"]
    next(each for each in attributes if each["name"] == "jobTitle")["flowNullValues"] = True

    found = check_schema(schema)

    assert not found.mappings["User"].attributes[2].clear_when_null
    assert "clearWhenNull" in found.warnings[0].message


@pytest.mark.parametrize(("value", "expected"), [("None", (False,) * 3), ("add,DELETE", (True, False, True)), (None, (True,) * 3)])  # fmt: skip
def test_flow_types_are_read_as_graph_writes_them(value: str | None, expected: tuple[bool, bool, bool]) -> None:
    """A13."""
    schema = document()
    schema["synchronizationRules"][0]["objectMappings"][0]["flowTypes"] = value

    users = check_schema(schema).mappings["User"]

    assert (users.create, users.update, users.delete) == expected


@pytest.mark.parametrize("value", ["", "Add, Remove", "None, Add", 3])
def test_other_flow_types_are_refused(value: Any) -> None:
    """A13."""
    schema = document()
    schema["synchronizationRules"][0]["objectMappings"][0]["flowTypes"] = value

    assert places(schema) == [f"{USERS}.flowTypes"]


@pytest.mark.parametrize("flow_type", ["Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"])  # fmt: skip
def test_all_flow_types_of_attributes_are_read(flow_type: str) -> None:
    """A3."""
    parsed = check_schema(document({**direct("mail", "title"), "flowType": flow_type})).mappings["User"].attributes[2]

    assert parsed.flow_type == flow_type


def test_what_no_database_can_keep_is_refused() -> None:
    deep: Any = "x"
    for _ in range(600):
        deep = [deep]

    assert places({**document(), "note": "a\x00b"}) == ["note"]
    assert places({**document(), "note": float("inf")}) == ["note"]
    assert places({**document(), "note": {"a\x00": 1}}) == ["note"]
    assert "250" in faults({**document(), "note": deep})[0][1]


@pytest.mark.parametrize("junk", [None, [], "x", 1, True])
def test_a_document_that_is_no_object_is_refused(junk: Any) -> None:
    assert places(junk) == ["document"]


def test_filters_and_target_attributes_reach_the_engine() -> None:
    """S6, A8: of the example document."""
    users = check_schema(EXAMPLE).mappings["User"]

    (group,) = users.filters
    assert (group.name, [clause.attribute for clause in group.clauses]) == (
        "Northern staff",
        ["department", "jobTitle"],
    )
    assert group.clauses[0].values == ("Logistics",)
    assert users.target_attributes["userName"].required
    assert users.target_attributes["id"].mutability == "ReadOnly"
    assert users.target_attributes[_MANAGER].type == "Reference"
    assert users.target_attributes["roles"].multivalued
    assert users.target_attributes["userName"].case_exact is False
    assert check_schema(EXAMPLE).warnings == ()
