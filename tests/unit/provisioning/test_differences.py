"""What flows to a resource that is there, and the PATCH that does it (rules A1 to A7, A9 to A11)."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.provisioning.differences import patch_for, waits_for_the_target
from rollcall.provisioning.matching import question
from rollcall.provisioning.model import (
    AttributeMapping,
    Desired,
    FlowType,
    JobSettings,
    MappingSource,
    ObjectMapping,
    Operation,
    PatchOperation,
    Skip,
    TargetAttribute,
)
from rollcall.provisioning.planning import plan_item
from rollcall.provisioning.scoping import decide
from tests.unit.provisioning.builders import (
    ADA,
    SETTINGS,
    computed,
    constant,
    direct,
    entry,
    item,
    linked,
    users,
    wanted,
)

CUSTOM = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User"
TAGS = f"{CUSTOM}:tags"
REGION = f"{CUSTOM}:costRegion"
WORK = 'emails[type eq "work"]'
HELD = {"userName": "ada@example.org"}
OTHER_MAILS = users(direct("otherMails", "emails"))
TAGGED = users(direct("tags", TAGS), target_attributes={TAGS: TargetAttribute(TAGS, multivalued=True)})


def planned(mapping: ObjectMapping, before: dict[str, Any], *, read: bool = False, **source: Any) -> Operation | Skip:
    link = linked(ADA, "t1", **{**HELD, **before})
    return plan_item(item(entry(**source), link, mapping=mapping, present=link.sent if read else None), SETTINGS)


def patch(mapping: ObjectMapping, before: dict[str, Any], *, read: bool = False, **source: Any) -> Any:
    """The PATCH for somebody whose target holds `before`, or the code of the reason why there is none."""
    found = planned(mapping, before, read=read, **source)
    return found.patch if isinstance(found, Operation) else found.code


def titled(flow_type: FlowType, **more: Any) -> ObjectMapping:
    return users(direct("jobTitle", "title", flow_type=flow_type, **more))


TITLE_SET = (PatchOperation("replace", "title", "Dr"),)


@pytest.mark.parametrize(
    ("flow_type", "before", "expected"),
    [
        ("Always", {"title": "old"}, TITLE_SET),
        ("ObjectAddOnly", {"title": "old"}, "RedundantExport"),
        ("ObjectAddOnly", {}, "RedundantExport"),
        ("MultiValueAddOnly", {"title": "old"}, TITLE_SET),
        ("ValueAddOnly", {"title": "old"}, "RedundantExport"),
        ("ValueAddOnly", {}, TITLE_SET),
        ("AttributeAddOnly", {"title": "old"}, "RedundantExport"),
        ("AttributeAddOnly", {}, TITLE_SET),
    ],
)
def test_a_single_value_flows_as_its_flow_type_says(flow_type: FlowType, before: dict[str, Any], expected: Any) -> None:
    """A3."""
    assert patch(titled(flow_type), before, jobTitle="Dr") == expected


MAILS_ADDED = (PatchOperation("add", "emails", [{"value": "b@x"}]),)
MAILS_CHANGED = (PatchOperation("remove", 'emails[value eq "a@x"]'), *MAILS_ADDED)


@pytest.mark.parametrize(
    ("flow_type", "before", "expected"),
    [
        ("Always", {"emails": [{"value": "a@x"}]}, MAILS_CHANGED),
        ("ObjectAddOnly", {"emails": [{"value": "a@x"}]}, "RedundantExport"),
        ("MultiValueAddOnly", {"emails": [{"value": "a@x"}]}, MAILS_ADDED),
        ("MultiValueAddOnly", {"emails": [{"value": "b@x", "type": "work"}]}, "RedundantExport"),
        ("ValueAddOnly", {"emails": [{"value": "a@x"}]}, MAILS_ADDED),
        ("AttributeAddOnly", {"emails": [{"value": "a@x"}]}, "RedundantExport"),
        ("AttributeAddOnly", {}, MAILS_ADDED),
        ("AttributeAddOnly", {"emails": []}, MAILS_ADDED),
    ],
)
def test_a_list_flows_as_its_flow_type_says(flow_type: FlowType, before: dict[str, Any], expected: Any) -> None:
    """A3, A11."""
    mapping = users(direct("otherMails", "emails", flow_type=flow_type))

    assert patch(mapping, before, otherMails=["b@x"]) == expected


def test_what_is_only_added_to_is_remembered_with_what_was_there() -> None:
    """A3, A11: else every cycle would add it again."""
    mapping = users(direct("otherMails", "emails", flow_type="MultiValueAddOnly"))
    made = planned(mapping, {"emails": [{"value": "a@x"}]}, otherMails=["b@x"])

    assert isinstance(made, Operation)
    assert made.values["emails"] == [{"value": "a@x"}, {"value": "b@x"}]
    assert patch(mapping, made.values, otherMails=["b@x"]) == "RedundantExport"


@pytest.mark.parametrize("flow_type", ["ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"])
def test_a_new_resource_gets_every_value_whatever_its_flow_type(flow_type: FlowType) -> None:
    """A3."""
    made = plan_item(item(entry(jobTitle="Dr"), mapping=titled(flow_type)), SETTINGS)

    assert isinstance(made, Operation)
    assert made.values["title"] == "Dr"


@pytest.mark.parametrize(
    ("flow_type", "clears"),
    [("Always", True), ("ObjectAddOnly", False), ("ValueAddOnly", False), ("AttributeAddOnly", False)],
)
def test_what_is_only_added_is_never_cleared(flow_type: FlowType, clears: bool) -> None:
    """A3, A5."""
    expected = (PatchOperation("remove", "title"),) if clears else "RedundantExport"

    assert patch(titled(flow_type, clear_when_null=True), {"title": "Dr"}) == expected


def test_a_list_that_is_only_added_to_is_not_cleared() -> None:
    """A3, A5."""
    mapping = users(direct("otherMails", "emails", flow_type="MultiValueAddOnly", clear_when_null=True))

    assert patch(mapping, {"emails": [{"value": "a@x"}]}) == "RedundantExport"


def test_none_gives_its_default_to_a_target_that_is_empty_and_else_leaves_it_alone() -> None:
    """A1, A2: every other type gives its default to a new resource only."""
    none = users(AttributeMapping("title", MappingSource("None"), default="Staff"))
    mapped = users(direct("jobTitle", "title", default="Staff"))

    assert patch(none, {"title": "Boss"}) == "RedundantExport"
    assert patch(none, {}) == (PatchOperation("replace", "title", "Staff"),)
    assert patch(mapped, {}) == "RedundantExport"
    for mapping in (none, mapped):
        made = plan_item(item(entry(), mapping=mapping), SETTINGS)
        assert isinstance(made, Operation)
        assert made.values["title"] == "Staff"


@pytest.mark.parametrize(
    ("attribute", "sent", "reads"),
    [
        (direct("jobTitle", "title", flow_type="ValueAddOnly"), {}, True),
        (direct("jobTitle", "title", flow_type="AttributeAddOnly"), {}, True),
        (AttributeMapping("title", MappingSource("None"), default="Staff"), {}, True),
        (direct("jobTitle", "title", flow_type="ValueAddOnly"), {"title": "x"}, False),
        (direct("jobTitle", "title"), {}, False),
        (direct("nothing", "title", flow_type="AttributeAddOnly"), {}, False),
    ],
)
def test_a_target_is_read_before_something_flows_that_only_may_while_it_is_empty(
    attribute: AttributeMapping, sent: dict[str, Any], reads: bool
) -> None:
    """A1, A3: what an administrator put there is not overwritten."""
    of, link = entry(jobTitle="Dr"), linked(ADA, "t1", **HELD, **sent)
    desired = wanted(of, users(attribute))

    assert waits_for_the_target(desired, link.sent) is reads
    assert (question(desired, decide(of, SETTINGS), link, verify=False) is not None) is reads


@pytest.mark.parametrize(
    "expression", ["IgnoreFlowIfNullOrEmpty([a])", 'Switch([a], IgnoreAttributeFlow, "x", "y")', "IgnoreAttributeFlow"]
)
def test_an_order_to_ignore_clears_nothing_and_gives_no_default(expression: str) -> None:
    """A2, A5."""
    mapping = users(computed(expression, "title", clear_when_null=True, default="Staff"))

    assert patch(mapping, {"title": "Dr"}) == "RedundantExport"
    assert "title" not in wanted(entry(), mapping).on_create


def test_an_ignored_object_is_left_alone_even_where_a_mapping_clears() -> None:
    """A5."""
    mapping = users(direct("jobTitle", "title", clear_when_null=True), computed("IgnoreObjectFlow", "nickName"))

    assert patch(mapping, {"title": "Dr"}) == "EntrySynchronizationSkipped"


# ── lists ──


def test_a_list_is_compared_without_order_and_updates_do_not_pile_up() -> None:
    """A6, A11."""
    before = {"emails": [{"value": "a@x", "type": "work"}, {"value": "b@x"}]}

    assert patch(OTHER_MAILS, before, otherMails=["b@x", "a@x"]) == "RedundantExport"
    assert patch(OTHER_MAILS, before, otherMails=["B@x", "A@x"], read=True) == "RedundantExport"
    assert patch(OTHER_MAILS, before, otherMails=["b@x"]) == (PatchOperation("remove", 'emails[value eq "a@x"]'),)


def test_a_custom_list_is_replaced_where_something_goes() -> None:
    """A9, A11: no schema says what a filter on it selects."""
    assert patch(TAGGED, {}, tags=["a", "b"]) == (PatchOperation("add", TAGS, ["a", "b"]),)
    assert patch(TAGGED, {TAGS: ["b", "a"]}, tags=["a", "b"]) == "RedundantExport"
    assert patch(TAGGED, {TAGS: ["a"]}, tags=["a", "b"]) == (PatchOperation("add", TAGS, ["b"]),)
    assert patch(TAGGED, {TAGS: ["a", "c"]}, tags=["b", "a"]) == (PatchOperation("replace", TAGS, ["b", "a"]),)


def test_special_characters_of_a_value_that_goes_are_escaped() -> None:
    before = {"emails": [{"value": 'a"\\b'}, {"value": "c"}]}

    assert patch(OTHER_MAILS, before, otherMails=["c"]) == (PatchOperation("remove", 'emails[value eq "a\\"\\\\b"]'),)


def test_an_element_of_the_same_value_is_not_taken_out_with_its_double() -> None:
    before = {"emails": [{"value": "a", "type": "work"}, {"value": "a", "type": "home"}]}

    assert patch(OTHER_MAILS, before, otherMails=["a"]) == (PatchOperation("replace", "emails", [{"value": "a"}]),)


def test_a_list_that_flows_always_is_sent_whole() -> None:
    """A4."""
    mapping = users(direct("otherMails", "emails", flow_behavior="FlowAlways"))

    assert patch(mapping, {"emails": [{"value": "a@x"}]}, otherMails=["a@x"]) == (
        PatchOperation("replace", "emails", [{"value": "a@x"}]),
    )


def test_clearing_a_list_removes_all_of_it() -> None:
    """A5."""
    mapping = users(direct("otherMails", "emails", clear_when_null=True))

    assert patch(mapping, {"emails": [{"value": "a@x"}, {"value": "b@x"}]}) == (PatchOperation("remove", "emails"),)
    assert patch(mapping, {"emails": []}) == "RedundantExport"


@pytest.mark.parametrize("expression", ['Split([all], ",")', "RemoveDuplicates([list])"])
def test_the_list_of_an_expression_flows_as_a_list(expression: str) -> None:
    """A8: Split, RemoveDuplicates."""
    mapping = users(computed(expression, "emails"))

    assert wanted(entry(all="a,b", list=["a", "b", "a"]), mapping).values["emails"] == [{"value": "a"}, {"value": "b"}]


# ── value paths ──


ADDRESS = 'addresses[type eq "work"]'
ADDRESSES = users(
    direct("city", f"{ADDRESS}.locality", clear_when_null=True),
    direct("postalCode", f"{ADDRESS}.postalCode", clear_when_null=True),
)
BERN = {f"{ADDRESS}.locality": "Bern", f"{ADDRESS}.postalCode": "3000"}


def test_two_parts_of_a_missing_element_are_added_together() -> None:
    """A10."""
    assert patch(ADDRESSES, {}, city="Bern", postalCode="3000") == (
        PatchOperation("add", "addresses", [{"type": "work", "locality": "Bern", "postalCode": "3000"}]),
    )


def test_an_element_that_loses_one_part_keeps_the_other() -> None:
    """A5, A10."""
    assert patch(ADDRESSES, BERN, city="Bern") == (PatchOperation("remove", f"{ADDRESS}.postalCode"),)


def test_an_element_that_loses_its_last_part_goes_whole() -> None:
    """A5, A10."""
    assert patch(ADDRESSES, BERN) == (PatchOperation("remove", ADDRESS),)
    assert patch(ADDRESSES, {f"{ADDRESS}.locality": "Bern"}) == (PatchOperation("remove", ADDRESS),)


def test_parts_of_a_mail_address_are_written_each() -> None:
    """A10: .primary and .display."""
    mapping = users(
        direct("mail", f"{WORK}.value"), constant("True", f"{WORK}.primary"), direct("displayName", f"{WORK}.display")
    )
    before = {f"{WORK}.value": "a@x", f"{WORK}.primary": False}

    assert patch(mapping, before, mail="a@x", displayName="Ada") == (
        PatchOperation("replace", f"{WORK}.primary", True),
        PatchOperation("replace", f"{WORK}.display", "Ada"),
    )


def test_a_boolean_in_a_filter_is_written_as_one() -> None:
    """A10: strict servers find nothing by primary eq "True"."""
    mapping = users(direct("role", 'roles[primary eq "True"].value'))
    before = {'roles[primary eq "True"].value': "reader"}

    assert patch(mapping, before, role="admin") == (PatchOperation("replace", "roles[primary eq true].value", "admin"),)
    assert patch(mapping, {}, role="admin") == (PatchOperation("add", "roles", [{"primary": True, "value": "admin"}]),)


def test_an_element_may_be_selected_by_two_parts() -> None:
    """A10."""
    path = 'emails[type eq "work" and primary eq true].value'

    assert patch_for([(path, None, "a@x")], {}) == (
        PatchOperation("add", "emails", [{"type": "work", "primary": True, "value": "a@x"}]),
    )


# ── letter case, types, what is required ──


@pytest.mark.parametrize(
    ("exact", "expected"), [(None, "RedundantExport"), (True, TITLE_SET), (False, "RedundantExport")]
)
def test_the_jobs_schema_says_whether_letter_case_counts(exact: bool | None, expected: Any) -> None:
    """A6, A8: against what a target shows."""
    mapping = users(
        direct("jobTitle", "title"), target_attributes={"title": TargetAttribute("title", case_exact=exact)}
    )

    assert patch(mapping, {"title": "DR"}, read=True, jobTitle="Dr") == expected


def test_letter_case_that_the_target_made_its_own_is_not_sent_by_the_next_cycle_either() -> None:
    """A6, A15: what agrees is remembered as it is wanted."""
    mapping = users(direct("jobTitle", "title"), direct("nick", "nickName"))
    first = planned(mapping, {"title": "DR"}, read=True, jobTitle="Dr", nick="ad")

    assert isinstance(first, Operation)
    assert first.values["title"] == "Dr"
    assert patch(mapping, first.values, jobTitle="Dr", nick="ad") == "RedundantExport"


@pytest.mark.parametrize(
    ("type_name", "value", "expected"),
    [("Integer", "7", 7), ("Boolean", "true", True), ("DateTime", "1/5/2026 8:00:00 AM", "2026-01-05T08:00:00Z")],
)
def test_a_custom_attribute_has_the_type_of_the_jobs_schema(type_name: Any, value: str, expected: Any) -> None:
    """A8, A9."""
    mapping = users(direct("x", REGION), target_attributes={REGION: TargetAttribute(REGION, type_name)})

    assert wanted(entry(x=value), mapping).values[REGION] == expected


def test_a_custom_value_of_another_type_fails_the_object_and_names_the_attribute() -> None:
    """A7, A8."""
    mapping = users(direct("x", REGION), target_attributes={REGION: TargetAttribute(REGION, "Integer")})
    problem = wanted(entry(x="many"), mapping).problem

    assert problem is not None
    assert (problem.code, problem.reason) == (
        "AttributeValidationFailed",
        f"{REGION}: an integer is expected, not 'many'.",
    )


REQUIRED = users(
    direct("costRegion", REGION, clear_when_null=True),
    target_attributes={
        REGION: TargetAttribute(REGION, required=True),
        "id": TargetAttribute("id", required=True, mutability="ReadOnly"),
    },
)


def test_nobody_is_created_without_a_required_value() -> None:
    """A7: AttributeValidationFailed, with the attribute named."""
    found = plan_item(item(entry(), mapping=REQUIRED), SETTINGS)

    assert isinstance(found, Skip)
    assert (found.code, found.failed) == ("AttributeValidationFailed", True)
    assert found.reason.startswith(f"{REGION}: required")
    assert isinstance(plan_item(item(entry(costRegion="N4"), mapping=REQUIRED), SETTINGS), Operation)


def test_a_default_satisfies_what_is_required() -> None:
    """A2, A7."""
    mapping = users(
        direct("x", REGION, default="N4"), target_attributes={REGION: TargetAttribute(REGION, required=True)}
    )

    assert isinstance(plan_item(item(entry(), mapping=mapping), SETTINGS), Operation)


def test_what_is_required_is_not_emptied() -> None:
    """A7: on update only this counts; an account that lacks the value already is updated."""
    emptying = planned(REQUIRED, {REGION: "N4"})

    assert isinstance(emptying, Skip)
    assert emptying.code == "AttributeValidationFailed"
    assert REGION in emptying.reason
    renamed = plan_item(item(entry(), linked(ADA, "t1", userName="old"), mapping=REQUIRED), SETTINGS)
    assert isinstance(renamed, Operation)


def test_the_core_schema_wants_a_user_name() -> None:
    """A7: by the name the mapping gives it, and in any letter case."""
    by_mail = ObjectMapping("User", (direct("mail", "externalId", 1),))
    found = plan_item(item(entry(mail="a@x"), mapping=by_mail), SETTINGS)

    assert isinstance(found, Skip)
    assert found.reason.startswith("userName: required")
    for name in ("USERNAME", "urn:ietf:params:scim:schemas:core:2.0:User:userName"):
        mapping = ObjectMapping("User", (direct("userPrincipalName", name, 1),))
        assert wanted(entry(), mapping).missing == ()


def test_a_required_list_is_there_when_one_of_its_elements_is() -> None:
    """A7, A10."""
    mapping = users(
        direct("mail", f"{WORK}.value"), target_attributes={"emails": TargetAttribute("emails", required=True)}
    )

    assert wanted(entry(), mapping).missing == ("emails",)
    assert wanted(entry(mail="a@x"), mapping).missing == ()


def test_somebody_who_leaves_lacks_nothing() -> None:
    """A7, D1: whoever is not told a value need not have one."""
    of = entry(assigned=False)

    assert wanted(of, REQUIRED).missing == ()


@pytest.mark.parametrize("settings", [SETTINGS, JobSettings(request_profile="entra")])
def test_a_custom_attribute_is_written_by_its_urn(settings: JobSettings) -> None:
    """A9."""
    mapping = users(direct("costRegion", REGION))
    link = linked(ADA, "t1", **HELD, **{REGION: "N3"})
    made = plan_item(item(entry(costRegion="N4"), link, mapping=mapping, settings=settings), settings)

    assert isinstance(made, Operation)
    assert [(each.op.lower(), each.path, each.value) for each in made.patch] == [("replace", REGION, "N4")]


def test_a_desired_resource_without_rules_is_compared_by_the_scim_schema() -> None:
    """A6."""
    bare = Desired(ADA, "ada", {"title": "Dr"}, {}, (), {})

    assert not waits_for_the_target(bare, {})
