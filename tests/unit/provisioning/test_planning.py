"""From what is wanted and what is known to a plan (rules A3, A4, A6, A13, A15, D1, D5, D6, D7, M12, P2, P3)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rollcall.provisioning.differences import patch_for
from rollcall.provisioning.escrows import next_escrow
from rollcall.provisioning.guards import Objection
from rollcall.provisioning.model import JobSettings, Key, Link, Operation, PatchOperation, Problem, Skip
from rollcall.provisioning.planning import Allowance, Item, plan, plan_item
from tests.unit.provisioning.builders import (
    ADA,
    BOB,
    GROUPS,
    PHONE,
    RED,
    SETTINGS,
    USERS,
    computed,
    direct,
    entry,
    item,
    linked,
    sent_for,
    users,
)
from tests.unit.provisioning.expression_context import NOON

LEAVERS = [{"assigned": False}, {"state": "deleted"}, {"accountEnabled": False}]


def operation(of: Item, settings: JobSettings = SETTINGS) -> Operation:
    planned = plan_item(of, settings)
    assert isinstance(planned, Operation), planned
    return planned


def skip(of: Item, settings: JobSettings = SETTINGS) -> Skip:
    planned = plan_item(of, settings)
    assert isinstance(planned, Skip), planned
    return planned


def test_a_joiner_is_created_with_values_and_defaults() -> None:
    """A2, A3."""
    mapping = users(direct("jobTitle", "title", default="Staff"), direct("nick", "nickName", flow_type="ObjectAddOnly"))

    made = operation(item(entry(nick="ad"), mapping=mapping))

    assert made.action == "create"
    assert made.target_id is None
    assert made.values == {"title": "Staff", "nickName": "ad", "userName": "ada@example.org"}
    assert made.matching == (("userName", "ada@example.org"),)
    assert ("title", None, "Staff") in made.changes


def test_a_matched_account_is_taken_over_without_what_flows_on_creation() -> None:
    """M12."""
    mapping = users(direct("jobTitle", "title"), direct("nick", "nickName", flow_type="ObjectAddOnly"))
    link = linked(ADA, "t1", userName="ada@example.org", nickName="old")

    made = operation(item(entry(jobTitle="Dr", nick="ad"), link, mapping=mapping, known=Link(ADA)))

    assert (made.action, made.target_id) == ("update", "t1")
    assert made.changes == (("title", None, "Dr"),)
    assert made.values == {"userName": "ada@example.org", "nickName": "old", "title": "Dr"}


def test_only_what_differs_is_sent() -> None:
    of = entry(givenName="Ada", mobile="+1")
    link = sent_for(entry(givenName="Ada", mobile="+2"))

    made = operation(item(of, link))

    assert made.patch == (PatchOperation("replace", PHONE, "+1"),)
    assert made.changes == ((PHONE, "+2", "+1"),)


def test_when_nothing_differs_nothing_is_sent() -> None:
    """A15: RedundantExport."""
    of = entry(givenName="Ada", mobile="+1")

    assert skip(item(of, sent_for(of))).code == "RedundantExport"


def test_what_flows_always_is_sent_even_so() -> None:
    """A4: FlowAlways."""
    mapping = users(direct("jobTitle", "title", flow_behavior="FlowAlways"))
    of = entry(jobTitle="Dr")

    assert operation(item(of, sent_for(of, mapping), mapping=mapping)).changes == (("title", "Dr", "Dr"),)


def test_what_flows_always_and_has_no_value_is_not_sent() -> None:
    mapping = users(direct("jobTitle", "title", flow_behavior="FlowAlways"))

    assert skip(item(entry(), sent_for(entry(), mapping), mapping=mapping)).code == "RedundantExport"


def test_letter_case_that_the_target_changed_is_no_difference() -> None:
    """A6: caseExact of userName is false."""
    of, link = entry(), linked(ADA, "t1", userName="ADA@example.org", active=True)

    assert skip(item(of, link, present=link.sent)).code == "RedundantExport"


def test_letter_case_counts_where_the_attribute_is_case_exact() -> None:
    """A6."""
    mapping = users(direct("nick", "externalId"))
    link = linked(ADA, "t1", userName="ada@example.org", externalId="AD")

    assert operation(item(entry(nick="ad"), link, mapping=mapping, present=link.sent)).changes == (
        ("externalId", "AD", "ad"),
    )


def test_letter_case_that_the_source_changed_is_a_difference() -> None:
    link = linked(ADA, "t1", userName="ada@example.org", active=True)

    changed = operation(item(entry(userPrincipalName="Ada@example.org"), link))

    assert changed.changes == (("userName", "ada@example.org", "Ada@example.org"),)


def test_true_is_not_one() -> None:
    link = linked(ADA, "t1", userName="ada@example.org", active=1)

    assert operation(item(entry(), link)).changes == (("active", 1, True),)


def test_what_the_target_shows_counts_more_than_what_was_sent() -> None:
    """Y6."""
    of = entry(givenName="Ada")
    drifted = {**sent_for(of).sent, "name.givenName": "Zed"}

    assert operation(item(of, sent_for(of), present=drifted)).changes == (("name.givenName", "Zed", "Ada"),)


def test_clearing_removes_what_is_there() -> None:
    mapping = users(direct("jobTitle", "title", clear_when_null=True))
    made = operation(item(entry(), linked(ADA, "t1", userName="ada@example.org", title="Dr"), mapping=mapping))

    assert made.patch == (PatchOperation("remove", "title"),)
    assert made.values == {"userName": "ada@example.org"}


def test_clearing_what_is_empty_is_nothing_to_do() -> None:
    mapping = users(direct("jobTitle", "title", clear_when_null=True))

    assert skip(item(entry(), sent_for(entry(), mapping), mapping=mapping)).code == "RedundantExport"


@pytest.mark.parametrize("out", LEAVERS)
def test_a_leaver_is_disabled(out: dict[str, Any]) -> None:
    """D1."""
    made = operation(item(entry(givenName="Lou", **out), sent_for(entry(givenName="Ada"))))

    assert made.action == "disable"
    assert made.patch == (PatchOperation("replace", "active", False),)
    assert made.values["name.givenName"] == "Ada"


@pytest.mark.parametrize("out", LEAVERS)
def test_a_leaver_who_never_came_is_not_created(out: dict[str, Any]) -> None:
    """D5, S5."""
    assert skip(item(entry(**out))).code == "NotEffectivelyEntitled"


def test_somebody_never_assigned_is_passed_over_in_silence() -> None:
    assert skip(item(entry(assigned=False))).silent
    assert not skip(item(entry(accountEnabled=False))).silent


def test_a_repeated_disable_is_skipped() -> None:
    """D6: RedundantSoftDelete."""
    left = entry(assigned=False)

    assert skip(item(left, sent_for(left, disabled=True))).code == "RedundantSoftDelete"


def test_a_change_of_a_leavers_name_is_an_update_and_no_second_disable() -> None:
    left = entry(assigned=False)
    renamed = entry(assigned=False, userPrincipalName="new@example.org")

    made = operation(item(renamed, sent_for(left, disabled=True)))

    assert made.action == "update"
    assert made.patch == (PatchOperation("replace", "userName", "new@example.org"),)


def test_somebody_who_returns_is_enabled() -> None:
    back = operation(item(entry(), sent_for(entry(assigned=False), disabled=True)))

    assert back.action == "update"
    assert ("active", False, True) in back.changes


def test_a_name_that_the_target_refused_does_not_keep_a_leaver_signed_in() -> None:
    """Locking out goes alone once the whole request has failed."""
    left = entry(assigned=False, userPrincipalName="new@example.org")
    link = sent_for(entry())
    failed = replace(link, escrow=next_escrow(None, Problem("EntryConflict", "taken"), NOON, JobSettings()))

    first = operation(item(left, link))
    second = operation(item(left, failed))

    assert [change[0] for change in first.changes] == ["userName", "active"]
    assert second.action == "disable"
    assert second.patch == (PatchOperation("replace", "active", False),)
    assert second.values["userName"] == "ada@example.org"


def test_a_leaver_who_is_locked_out_still_gives_up_the_old_name_after_a_failure() -> None:
    left = entry(assigned=False, userPrincipalName="new@example.org")
    failed = replace(
        sent_for(entry(assigned=False), disabled=True),
        escrow=next_escrow(None, Problem("EntryConflict", "taken"), NOON, JobSettings()),
    )

    assert operation(item(left, failed)).patch == (PatchOperation("replace", "userName", "new@example.org"),)


def test_without_a_mapping_of_issoftdeleted_nobody_is_disabled() -> None:
    mapping = users(direct("jobTitle", "title"))

    assert skip(item(entry(assigned=False), sent_for(entry(), mapping), mapping=mapping)).code == (
        "EntrySynchronizationSkipped"
    )


@pytest.mark.parametrize("key", [ADA, RED])
def test_what_is_purged_is_deleted(key: Key) -> None:
    made = operation(item(entry(key, "gone"), sent_for(entry(key))))

    assert (made.action, made.target_id) == ("delete", f"t-{key.id}")
    assert made.changes[0][2] is None


@pytest.mark.parametrize("out", [{"assigned": False}, {"state": "deleted"}])
def test_a_group_that_leaves_is_deleted(out: dict[str, Any]) -> None:
    assert operation(item(entry(RED, **out), sent_for(entry(RED)))).action == "delete"


def test_a_job_may_leave_leavers_as_they_are() -> None:
    """D7: SkipOutOfScopeDeletions; a purge is another matter."""
    settings = JobSettings(skip_out_of_scope_deletions=True)

    assert skip(item(entry(assigned=False), sent_for(entry())), settings).code == "SkipOutOfScopeDeletions"
    assert skip(item(entry(RED, assigned=False), sent_for(entry(RED))), settings).code == "SkipOutOfScopeDeletions"
    assert operation(item(entry(state="gone"), sent_for(entry())), settings).action == "delete"


@pytest.mark.parametrize("action", ["create", "update", "delete"])
def test_an_object_action_that_is_not_ticked_is_not_taken(action: str) -> None:
    """A13."""
    without = {action: False}
    mapping = replace(USERS, **without)  # type: ignore[arg-type]  # one of three switches
    by_action = {
        "create": item(entry(), mapping=mapping),
        "update": item(entry(givenName="Lou"), sent_for(entry()), mapping=mapping),
        "delete": item(entry(state="gone"), sent_for(entry()), mapping=mapping),
    }

    outcomes = {name: type(plan_item(of, SETTINGS)) for name, of in by_action.items()}

    assert outcomes == {name: Skip if name == action else Operation for name in by_action}


def test_without_the_update_action_nobody_is_disabled() -> None:
    """D1."""
    mapping = replace(USERS, update=False)

    assert skip(item(entry(assigned=False), sent_for(entry()), mapping=mapping)).code == "EntrySynchronizationSkipped"


def test_without_a_matching_value_an_object_is_not_created() -> None:
    """M4."""
    missing = skip(item(entry(userPrincipalName=None)))

    assert missing.code == "EntryJoiningPropertyValueIsMissing"


def test_a_value_that_could_not_be_worked_out_is_a_fault() -> None:
    """A7."""
    faulty = skip(item(entry(flag="perhaps"), mapping=users(direct("flag", "active"))))

    assert faulty.failed
    assert faulty.code == "AttributeValidationFailed"


def test_an_object_that_is_to_be_ignored_is_no_fault() -> None:
    mapping = users(computed("IgnoreObjectFlow", "title"))

    ignored = skip(item(entry(), mapping=mapping))

    assert not ignored.failed
    assert ignored.code == "EntrySynchronizationSkipped"


def test_what_kept_the_matching_from_an_answer_keeps_the_object() -> None:
    kept = skip(item(entry(), problem=Problem("Timeout", "No answer.")))

    assert kept.failed
    assert kept.code == "Timeout"


def test_leavers_go_first_then_names_are_given_up_then_taken_then_groups() -> None:
    def user(name: str) -> Key:
        return Key("User", name)

    blue, green = Key("Group", "blue"), Key("Group", "green")
    items = [
        item(entry(green)),
        item(entry(RED, "gone"), sent_for(entry(RED))),
        item(entry(blue, displayName="Blue"), sent_for(entry(blue))),
        item(entry(user("new"))),
        item(entry(user("moved"), givenName="X"), sent_for(entry(user("moved")))),
        item(entry(user("left"), assigned=False), sent_for(entry(user("left")))),
        item(entry(user("purged"), "gone"), sent_for(entry(user("purged")))),
    ]

    waves = [[(op.key.id, op.action) for op in wave] for wave in plan(items, SETTINGS).waves]

    assert waves == [
        [("left", "disable"), ("purged", "delete")],
        [("moved", "update")],
        [("new", "create")],
        [("red", "delete"), ("blue", "update")],
        [("green", "create")],
    ]


OBJECTS = Allowance(objection=Objection("source_anomaly", "2 of 3 are gone."), staging="lot")


def leavers(count: int) -> list[Item]:
    keys = [Key("User", f"u{number}") for number in range(count)]
    return [item(entry(key, assigned=False), sent_for(entry(key))) for key in keys]


@pytest.mark.parametrize(("room", "leaving", "waiting"), [(2, 3, 3), (2, 2, 0), (0, 1, 1), (None, 1000, 0), (0, 0, 0)])
def test_more_removals_than_there_is_room_for_wait_and_nothing_else(
    room: int | None, leaving: int, waiting: int
) -> None:
    """P3: all removals of the page or none."""
    result = plan([*leavers(leaving), item(entry(BOB))], SETTINGS, Allowance(room))

    assert (len(result.counting), result.withheld) == (waiting, ())
    assert [op.action for op in result.operations] == ["disable"] * (leaving - waiting) + ["create"]


def test_what_a_guard_objects_to_is_held_back_with_the_evidence() -> None:
    """P3."""
    result = plan([*leavers(2), item(entry(BOB))], SETTINGS, OBJECTS)

    assert ([op.action for op in result.withheld], result.staging) == (["disable"] * 2, "lot")
    assert "2 of 3" in result.held_because
    assert [op.action for op in result.operations] == ["create"]


def test_deletions_of_groups_count_for_the_guards_and_their_members_do_not() -> None:
    """P2."""
    items = [item(entry(RED, "gone"), sent_for(entry(RED)), mapping=GROUPS)]

    assert len(plan(items, SETTINGS, Allowance(0)).counting) == 1


@pytest.mark.parametrize("allowance", [Allowance(0), Allowance(objection=Objection("deletion_threshold", "Too many."))])
def test_what_somebody_allowed_goes_whatever_the_guards_say(allowance: Allowance) -> None:
    """P4."""
    leaving = item(entry(assigned=False), replace(sent_for(entry()), staged="allowed"))

    result = plan([leaving], SETTINGS, allowance)

    assert [op.action for op in result.operations] == ["disable"]
    assert result.unguarded == {leaving.desired.key}


@pytest.mark.parametrize(("keeps", "kept", "sent"), [(True, 1, 0), (False, 0, 1)])
def test_what_an_earlier_cycle_held_back_stays_so_however_often_the_source_tells_of_it(
    keeps: bool, kept: int, sent: int
) -> None:
    """P3, P4: only somebody's leave, or reading everything anew, opens it."""
    leaving = item(entry(assigned=False), replace(sent_for(entry()), withheld=True, staged="held"))

    result = plan([leaving], SETTINGS, Allowance(None, keeps=keeps))

    assert (len(result.kept), len(result.operations)) == (kept, sent)


def test_an_element_that_is_not_there_is_added_whole() -> None:
    """RFC 7644 §3.5.2.3: a replace by a filter without a match is noTarget."""
    work = 'addresses[type eq "work"]'
    changes = ((f"{work}.locality", None, "Bern"), ("title", None, "Dr"), (f"{work}.country", None, "CH"))

    assert patch_for(changes, {}) == (
        PatchOperation("add", "addresses", [{"type": "work", "locality": "Bern", "country": "CH"}]),
        PatchOperation("replace", "title", "Dr"),
    )


def test_a_sub_attribute_of_an_element_that_is_there_is_replaced() -> None:
    work = 'addresses[type eq "work"]'

    assert patch_for(((f"{work}.country", None, "CH"),), {f"{work}.locality": "Bern"}) == (
        PatchOperation("replace", f"{work}.country", "CH"),
    )


def test_an_element_of_another_type_does_not_count() -> None:
    before = {'phoneNumbers[type eq "work"].value': "+2", PHONE: None}

    assert patch_for(((PHONE, None, "+1"),), before) == (
        PatchOperation("add", "phoneNumbers", [{"type": "mobile", "value": "+1"}]),
    )
