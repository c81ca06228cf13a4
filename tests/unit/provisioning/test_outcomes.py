"""What is remembered of a page, before and after it is carried out (rules E1, M9, P3, D6, O3)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from rollcall.provisioning.connectors.contract import Done, Outcome, Refused, Unanswered
from rollcall.provisioning.escrows import next_escrow
from rollcall.provisioning.guards import Objection
from rollcall.provisioning.ledger_contract import SingleReference
from rollcall.provisioning.model import JobSettings, Key, Link, Operation, Plan, Problem
from rollcall.provisioning.outcomes import Conclusion, conclude, intents, lost_by_looking
from rollcall.provisioning.planning import UNGUARDED, Allowance, Item, plan
from tests.unit.provisioning.builders import (
    ADA,
    BOB,
    MANAGER,
    RED,
    SETTINGS,
    direct,
    entry,
    item,
    linked,
    sent_for,
    users,
)
from tests.unit.provisioning.expression_context import NOON

TIMEOUT = Unanswered("Timeout", "No answer came within 30 s.")
CONFLICT = Refused("EntryConflict", "The name is taken.", 409)
NOT_FOUND = Refused("InvalidAnchor", "There is no t1.", 404)
FORBIDDEN = Refused("InsufficientRights", "Not allowed.", 403)
MADE = Done({"id": "new"})
FAILED = next_escrow(None, Problem("Timeout", ""), NOON - timedelta(minutes=1), JobSettings())


def concluded(
    items: Sequence[Item],
    outcome: Outcome | None = None,
    *,
    allowance: Allowance = UNGUARDED,
    members_pending: bool = False,
) -> Conclusion:
    """What a page comes to when each of its requests has this outcome."""
    planned = plan(items, SETTINGS, allowance)
    numbers = itertools.count()
    return conclude(
        items,
        planned,
        [(operation, outcome, 7) for operation in planned.operations],
        now=NOON,
        new_id=lambda: f"record-{next(numbers)}",
        cycle_id="cycle",
        generation=3,
        settings=SETTINGS,
        members_pending=members_pending,
    )


def only_link(conclusion: Conclusion) -> Link:
    (link,) = conclusion.commit.links
    return link


OBJECTS = Allowance(objection=Objection("source_anomaly", "2 of 3 are gone."), staging="lot")
JOINER = item(entry(givenName="Ada"))
CHANGED = item(entry(givenName="Lou"), sent_for(entry(givenName="Ada")))
LEAVER = item(entry(assigned=False), sent_for(entry()))
PURGED = item(entry(state="gone"), sent_for(entry()))
UNCHANGED = item(entry(), sent_for(entry()))


def test_what_may_happen_is_uncertain_before_it_happens() -> None:
    items = [JOINER, item(entry(BOB, givenName="Lou"), sent_for(entry(BOB)))]

    creation, update = sorted(intents(items, plan(items, SETTINGS)), key=lambda link: link.key)

    assert (creation.state, creation.target_id) == ("uncertain", None)
    assert creation.intent_matching == (("userName", "ada@example.org"),)
    assert (update.state, update.target_id) == ("uncertain", "t-bob")


def test_what_is_skipped_or_held_back_needs_no_intent() -> None:
    held = plan([LEAVER, UNCHANGED], SETTINGS, OBJECTS)

    assert held.withheld
    assert intents([LEAVER, UNCHANGED], held) == []


def test_intent_keeps_the_escrow_and_ends_the_holding_back() -> None:
    link = replace(sent_for(entry()), withheld=True, escrow=FAILED)
    leaving = item(entry(assigned=False), link)

    (intent,) = intents([leaving], plan([leaving], SETTINGS))

    assert intent.escrow == FAILED
    assert not intent.withheld


def test_looking_shows_what_is_lost() -> None:
    """M9."""
    known = linked(ADA, "t1")
    gone = item(entry(), known.forgotten(), known=known)
    other = item(entry(BOB), linked(BOB, "t9"), known=linked(BOB, "t2"))
    same = item(entry(RED), linked(RED, "g1"))

    assert lost_by_looking([gone, other, same, JOINER]) == {ADA, BOB}


def test_a_creation_that_is_done_is_a_link() -> None:
    conclusion = concluded([JOINER], MADE)

    link = only_link(conclusion)

    assert (link.state, link.target_id, link.sent) == ("linked", "new", JOINER.desired.values)
    assert (link.name, link.generation, link.escrow, link.intent_matching) == ("ada@example.org", 3, None, ())
    assert set(conclusion.commit.touched) == {ADA}
    assert conclusion.commit.lost == set()
    assert conclusion.done == {"create": 1}
    assert not conclusion.failed


def test_a_disable_that_is_done_is_remembered_as_such() -> None:
    assert only_link(concluded([LEAVER], Done())).disabled


def test_a_deletion_that_is_done_drops_the_link_and_loses_its_references() -> None:
    conclusion = concluded([PURGED], Done())

    assert conclusion.commit.links == []
    assert conclusion.commit.dropped == [ADA]
    assert set(conclusion.commit.lost) == set(conclusion.commit.touched) == {ADA}


def test_a_deletion_of_something_gone_is_done() -> None:
    conclusion = concluded([PURGED], NOT_FOUND)

    assert conclusion.commit.dropped == [ADA]
    assert not conclusion.failed
    assert conclusion.commit.log[0].status == "success"


@pytest.mark.parametrize("of", [JOINER, CHANGED, LEAVER, PURGED])
def test_what_is_not_answered_is_uncertain_and_tried_again(of: Item) -> None:
    """E1."""
    conclusion = concluded([of], TIMEOUT)

    link = only_link(conclusion)

    assert link.state == "uncertain"
    assert link.target_id == of.link.target_id
    assert link.sent == of.link.sent
    assert link.escrow == next_escrow(None, Problem("Timeout", TIMEOUT.reason), NOON, JobSettings())
    assert len(conclusion.failed) == 1


def test_a_creation_of_unknown_outcome_is_remembered_by_what_it_can_be_found_by() -> None:
    assert only_link(concluded([JOINER], TIMEOUT)).intent_matching == (("userName", "ada@example.org"),)


def test_a_refused_creation_made_nothing_and_is_tried_again() -> None:
    link = only_link(concluded([JOINER], CONFLICT))

    assert (link.state, link.target_id) == ("absent", None)
    assert link.escrow is not None
    assert link.escrow.next_attempt == NOON


@pytest.mark.parametrize("of", [CHANGED, LEAVER])
def test_an_update_of_something_gone_forgets_it_and_is_matched_again(of: Item) -> None:
    """M9: InvalidAnchor."""
    conclusion = concluded([of], NOT_FOUND)

    link = only_link(conclusion)

    assert (link.state, link.target_id, link.sent) == ("absent", None, {})
    assert set(conclusion.commit.lost) == {ADA}
    assert conclusion.commit.log[0].code == "InvalidAnchor"
    assert link.escrow is not None
    assert link.escrow.next_attempt == NOON


@pytest.mark.parametrize("status", [400, 409, 412])
def test_a_refusal_that_doubts_what_is_known_has_the_object_read(status: int) -> None:
    assert only_link(concluded([CHANGED], replace(CONFLICT, status=status))).state == "uncertain"


def test_any_other_refusal_leaves_what_is_known() -> None:
    link = only_link(concluded([CHANGED], FORBIDDEN))

    assert (link.state, link.sent) == ("linked", CHANGED.link.sent)


def test_failures_count_up() -> None:
    """E1: the line says how often, and when it is tried again."""
    failing = item(entry(givenName="Lou"), replace(sent_for(entry(givenName="Ada")), escrow=FAILED))

    conclusion = concluded([failing], FORBIDDEN)

    escrow = only_link(conclusion).escrow
    assert escrow is not None
    assert (escrow.attempts, escrow.first_failed) == (2, FAILED.first_failed)
    assert conclusion.commit.log[0].reason == (
        "Not allowed. This operation was tried 2 times and is tried again after 2025-07-30 12:02:00 UTC."
    )


def test_success_ends_the_escrow() -> None:
    failing = item(entry(givenName="Lou"), replace(sent_for(entry(givenName="Ada")), escrow=FAILED))

    assert only_link(concluded([failing], Done())).escrow is None


def test_a_skip_ends_the_escrow_too() -> None:
    failing = item(entry(), replace(sent_for(entry()), escrow=FAILED))

    assert only_link(concluded([failing])).escrow is None


def test_letter_case_of_the_target_is_remembered_as_it_is_wanted() -> None:
    """A6: so that the next cycle, which compares with what was sent, finds no difference."""
    shown = {**sent_for(entry()).sent, "userName": "ADA@Example.org"}

    assert only_link(concluded([item(entry(), sent_for(entry()), present=shown)])).sent["userName"] == "ada@example.org"


def test_a_success_ends_the_escrow_though_a_value_only_flows_to_an_empty_target() -> None:
    """A3, E1."""
    mapping = users(direct("nick", "nickName"), direct("jobTitle", "title", flow_type="ValueAddOnly"))
    link = replace(linked(ADA, "t1", userName="ada@example.org", title="Boss"), escrow=FAILED)
    mended = item(entry(nick="ad", jobTitle="Dr"), link, mapping=mapping)

    assert only_link(concluded([mended], Done())).escrow is None


def test_what_locked_somebody_out_without_the_rest_leaves_the_rest_to_be_tried_again() -> None:
    left = entry(assigned=False, userPrincipalName="new@example.org")
    leaving = item(left, replace(sent_for(entry()), escrow=FAILED))

    link = only_link(concluded([leaving], Done()))

    assert link.disabled
    assert link.sent["active"] is False
    assert link.sent["userName"] == "ada@example.org"
    assert link.escrow is not None
    assert link.escrow.attempts == 2


def test_what_was_not_attempted_changes_nothing_and_has_to_be_seen_again() -> None:
    known = replace(sent_for(entry(givenName="Ada")), generation=1)
    changed = item(entry(givenName="Lou"), known)

    conclusion = concluded([changed], None)

    assert only_link(conclusion) == replace(known, name="ada@example.org")
    assert conclusion.commit.log == []
    assert not conclusion.failed


def test_what_was_not_looked_up_has_to_be_seen_again() -> None:
    known = replace(sent_for(entry()), generation=1)

    conclusion = concluded([item(entry(), known, problem=Problem("NotAttempted", "Stopped."))])

    assert only_link(conclusion).generation == 1
    assert conclusion.commit.log == []


def test_what_is_held_back_is_staged_and_not_tried_by_itself() -> None:
    """P3: stagedDelete."""
    conclusion = concluded([PURGED], allowance=OBJECTS)

    (record,) = conclusion.commit.log
    assert (record.action, record.status, record.code) == ("stagedDelete", "warning", "TooManyDeletes")
    assert "2 of 3" in record.reason
    link = only_link(conclusion)
    assert (link.withheld, link.staged, link.staging) == (True, "held", "lot")


def test_what_waits_to_be_counted_is_not_told_and_keeps_its_attempts() -> None:
    leaving = item(entry(assigned=False), replace(sent_for(entry()), escrow=FAILED))

    conclusion = concluded([leaving], allowance=Allowance(0))

    link = only_link(conclusion)
    assert (link.withheld, link.staged, link.escrow) == (True, "counting", FAILED)
    assert conclusion.commit.log == []


@pytest.mark.parametrize(
    ("outcome", "staged"), [(Done(), ""), (TIMEOUT, "allowed"), (FORBIDDEN, "allowed"), (None, "allowed")]
)
def test_what_was_allowed_stays_so_until_it_has_come_about(outcome: Outcome | None, staged: str) -> None:
    """P4."""
    leaving = item(entry(assigned=False), replace(sent_for(entry()), staged="allowed", staging="lot"))

    assert only_link(concluded([leaving], outcome)).staged == staged


def test_leave_ends_when_somebody_is_back() -> None:
    back = item(entry(givenName="Lou"), replace(sent_for(entry()), staged="allowed", staging="lot"))

    assert only_link(concluded([back], FORBIDDEN)).staged == ""


def test_a_disable_that_is_held_back_is_a_staged_action() -> None:
    conclusion = concluded([LEAVER], allowance=OBJECTS)

    assert conclusion.commit.log[0].action == "stagedAction"


@pytest.mark.parametrize("outcome", [TIMEOUT, FORBIDDEN, Done()])
def test_what_was_held_back_and_then_sent_is_held_back_no_more(outcome: Outcome) -> None:
    leaving = item(entry(assigned=False), replace(sent_for(entry()), withheld=True))

    assert not only_link(concluded([leaving], outcome)).withheld


def test_what_was_held_back_and_can_not_be_looked_up_is_tried_again() -> None:
    leaving = item(entry(assigned=False), replace(sent_for(entry()), withheld=True), problem=Problem("Timeout", ""))

    assert not only_link(concluded([leaving])).withheld


def test_a_fault_keeps_the_link_as_it_was_known() -> None:
    known = sent_for(entry())
    faulty = item(entry(), known.forgotten(), known=known, problem=Problem("DuplicateTargetEntries", "Two."))

    link = only_link(concluded([faulty]))

    assert (link.state, link.target_id) == ("linked", "t-ada")


def test_a_repeated_disable_is_logged_as_skipped() -> None:
    """D6."""
    (record,) = concluded([item(entry(assigned=False), sent_for(entry(assigned=False)))]).commit.log

    assert (record.action, record.status, record.code) == ("other", "skipped", "RedundantSoftDelete")


def test_somebody_never_assigned_leaves_no_line() -> None:
    conclusion = concluded([item(entry(assigned=False))])

    assert conclusion.commit.log == []
    assert conclusion.commit.dropped == [ADA]


def test_the_manager_of_somebody_active_is_committed_as_a_reference() -> None:
    mapping = users(direct("manager", MANAGER))

    with_manager = concluded([item(entry(manager="bob"), mapping=mapping)], MADE)
    without = concluded([item(entry(), mapping=mapping)], MADE)
    leaver = concluded([item(entry(assigned=False, manager="bob"), sent_for(entry(), mapping), mapping=mapping)])

    assert with_manager.commit.single_references == [SingleReference(ADA, MANAGER, BOB)]
    assert without.commit.single_references == [SingleReference(ADA, MANAGER, None)]
    assert leaver.commit.single_references == []


def test_the_members_of_a_new_group_are_compared() -> None:
    """R1: groups are created without members."""
    assert only_link(concluded([item(entry(RED))], MADE)).members_pending
    assert not only_link(concluded([item(entry(RED), sent_for(entry(RED)))])).members_pending


def test_in_a_reading_of_everything_the_members_of_all_groups_are_compared() -> None:
    assert only_link(concluded([item(entry(RED), sent_for(entry(RED)))], members_pending=True)).members_pending
    assert not only_link(concluded([UNCHANGED], members_pending=True)).members_pending


def test_a_comparison_that_is_due_stays_due() -> None:
    waiting = replace(sent_for(entry(RED)), members_pending=True)

    assert only_link(concluded([item(entry(RED), waiting)])).members_pending


def test_an_object_that_stays_what_it_was_touches_no_references() -> None:
    assert concluded([CHANGED], Done()).commit.touched == set()


@pytest.mark.parametrize("outcome", [TIMEOUT, CONFLICT])
def test_an_object_that_becomes_uncertain_touches_its_references(outcome: Outcome) -> None:
    assert concluded([CHANGED], outcome).commit.touched == {ADA}


def test_a_log_line_says_who_what_how_long_and_every_change() -> None:
    (record,) = concluded([CHANGED], Done()).commit.log

    assert (record.id, record.cycle_id, record.at, record.key) == ("record-0", "cycle", NOON, ADA)
    assert (record.action, record.status, record.duration_milliseconds) == ("update", "success", 7)
    assert record.modified == (("name.givenName", "Ada", "Lou"),)


def test_the_steps_of_a_line_carry_the_names_of_entras_log() -> None:
    """13 steps."""
    (record,) = concluded([CHANGED], Done()).commit.log

    assert [(step["name"], step["provisioningStepType"]) for step in record.steps] == [
        ("EntryImportUpdate", "import"),
        ("EntryImport", "matching"),
        ("EntrySynchronizationScoping", "scoping"),
        ("EntrySynchronizationUpdate", "matching"),
        ("EntryExportUpdate", "export"),
    ]
    assert record.steps[2]["details"]["Assigned to the application"] is True


def test_a_skipped_line_names_its_reason_and_object() -> None:
    (record,) = concluded([UNCHANGED]).commit.log

    assert record.steps[-1]["details"] == {"SkipReason": "RedundantExport", "ReportableIdentifier": "ada@example.org"}


def test_a_failed_look_up_is_a_failed_matching_step() -> None:
    (record,) = concluded([item(entry(), problem=Problem("Timeout", "No answer."))]).commit.log

    assert record.steps[1]["status"] == "failure"
    assert record.steps[1]["details"] == {"userName": "ada@example.org"}


def test_every_entry_of_a_page_is_concluded() -> None:
    items = [JOINER, item(entry(BOB), sent_for(entry(BOB))), item(entry(Key("User", "gone"), "gone"))]

    conclusion = concluded(items, MADE)

    assert {link.key for link in conclusion.commit.links} | set(conclusion.commit.dropped) == {
        of.desired.key for of in items
    }


def test_a_plan_has_its_operations_in_order() -> None:
    first = Operation(ADA, "delete", "1", {})
    second = Operation(BOB, "create", None, {})

    assert Plan(((first,), (second,)), ()).operations == (first, second)
