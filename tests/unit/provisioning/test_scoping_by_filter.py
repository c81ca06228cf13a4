"""What scoping filters and input filters do to an entry: in, out, left alone, undecided (rules S6, S7, O3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.matching import question
from rollcall.provisioning.model import FilterClause, FilterGroup, JobSettings, Link, Operation, Scope, Skip
from rollcall.provisioning.outcomes import conclude
from rollcall.provisioning.planning import Item, plan, plan_item
from rollcall.provisioning.scoping import decide
from tests.unit.provisioning.builders import (
    ADA,
    GROUPS,
    RED,
    SETTINGS,
    USERS,
    computed,
    entry,
    item,
    linked,
    users,
    wanted,
)

ALL = JobSettings(scope="all")
SALES = FilterGroup("Sales", (FilterClause("department", "EQUALS", ("Sales",)),))
NORTH = FilterGroup("North", (FilterClause("city", "EQUALS", ("Oulu",)), FilterClause("jobTitle", "IS NOT NULL")))
SLOW = FilterGroup("Slow", (FilterClause("department", "REGEX MATCH", ("(a|aa)+[bc]",)),))
FILTERED = replace(USERS, filters=(SALES, NORTH))
INPUT = replace(USERS, input_filters=(SALES,))
UNDECIDABLE = replace(USERS, filters=(SLOW,))
CATASTROPHE = "a" * 60


def scope_of(mapping: object = FILTERED, settings: JobSettings = SETTINGS, **attributes: object) -> Scope:
    return item(entry(**attributes), mapping=mapping, settings=settings).scope  # type: ignore[arg-type]


def test_one_filter_that_holds_is_enough() -> None:
    """S6: AND in a filter, OR between filters."""
    assert scope_of(department="Sales").verdict == "active"
    assert scope_of(city="Oulu", jobTitle="Engineer").verdict == "active"
    assert scope_of(city="Oulu").verdict == "inactive"


def test_filters_come_on_top_of_assignment() -> None:
    """S6: with mode assigned both are needed; with mode all the filter alone decides."""
    unassigned = entry(assigned=False, department="Sales")
    filters = compile_mapping(FILTERED).filters

    assert decide(unassigned, SETTINGS, filters).verdict == "inactive"
    assert decide(unassigned, ALL, filters).verdict == "active"
    assert decide(entry(assigned=False), ALL, filters).verdict == "inactive"


def test_a_group_outside_the_filters_is_out() -> None:
    """S6: a filter sits on the mapping of groups as well."""
    mapping = replace(GROUPS, filters=(FilterGroup("", (FilterClause("displayName", "ENDS_WITH", ("-x",)),)),))

    assert item(entry(RED), mapping=mapping).scope.verdict == "out"


def test_the_reason_names_the_clause_that_fails_with_its_value() -> None:
    """O3: in plain words."""
    one = scope_of(replace(USERS, filters=(SALES,)), department="Law")
    none = scope_of(department="Law", city="Oulu")

    assert one.reason == 'The scoping filter Sales: department EQUALS Sales, but the value is "Law".'
    assert none.reason == (
        'None of the 2 scoping filters holds. Sales: department EQUALS Sales, but the value is "Law"; '
        "North: jobTitle IS NOT NULL, but there is no value."
    )


def test_the_details_list_every_clause() -> None:
    """O3: each filter as title, attribute, operator, value, with its verdict."""
    assert scope_of(department="Law", city="Oulu").details == {
        "Active in the source system": True,
        "Assigned to the application": True,
        "Scope sync all": False,
        "User has the required role": True,
        "Scoping filter evaluation passed": False,
        "Sales department EQUALS Sales": 'failed: the value is "Law"',
        "North city EQUALS Oulu": 'passed: the value is "Oulu"',
        "North jobTitle IS NOT NULL": "failed: there is no value",
        "ScopeEvaluationResult": "out of scope",
    }


def test_the_clauses_are_told_one_by_one() -> None:
    scope = scope_of(department="Law", city="Oulu")

    assert [(each.filter, each.number, each.attribute, each.value, each.holds) for each in scope.clauses] == [
        ("Sales", 0, "department", "Law", False),
        ("North", 1, "city", "Oulu", True),
        ("North", 1, "jobTitle", None, False),
    ]


def test_a_value_that_the_mapping_hides_is_not_shown() -> None:
    mapping = users(computed("Redact([department])", "title"), filters=(SALES,))
    scope = scope_of(mapping, department="Secret")

    assert "Secret" not in scope.reason + str(scope.details) + str(scope.clauses)
    assert "[Redact]" in scope.reason


def test_who_falls_out_of_a_filter_is_disabled_and_never_made() -> None:
    """8 filtered: S7, §8: IsSoftDeleted is true for those who fall out."""
    outsider = entry(department="Law")

    fallen = plan_item(item(outsider, linked(userName="ada@example.org", active=True), mapping=FILTERED), SETTINGS)
    never = plan_item(item(outsider, mapping=FILTERED), SETTINGS)

    assert isinstance(fallen, Operation)
    assert (fallen.action, fallen.changes) == ("disable", (("active", True, False),))
    assert isinstance(never, Skip)
    assert (never.code, never.silent) == ("NotEffectivelyEntitled", False)


@pytest.mark.parametrize("of", [{"assigned": True}, {"assigned": False}, {"state": "deleted"}], ids=str)
@pytest.mark.parametrize("link", [None, linked(active=True), linked(active=False)], ids=["new", "there", "disabled"])
def test_what_the_input_filters_keep_out_is_left_alone(of: dict[str, bool], link: Link | None) -> None:
    """Never created, changed or deprovisioned, whatever happens to it; the skip says so."""
    skip = plan_item(item(entry(department="Law", **of), link, mapping=INPUT), SETTINGS)  # type: ignore[arg-type]

    assert isinstance(skip, Skip)
    assert (skip.code, skip.failed) == ("EntrySynchronizationSkipped", False)
    assert skip.reason == (
        'The input filter Sales: department EQUALS Sales, but the value is "Law". '
        "It is left alone: neither created nor changed nor removed."
    )


def test_a_purged_object_is_removed_whatever_the_input_filters_were() -> None:
    """Nothing is left of it that a filter could read."""
    removal = plan_item(item(entry(state="gone"), linked(), mapping=INPUT), SETTINGS)

    assert isinstance(removal, Operation)
    assert removal.action == "delete"


def test_being_left_alone_does_not_enable_anybody() -> None:
    """A link that was disabled stays so in memory."""
    left = item(entry(department="Law"), replace(linked(active=False), disabled=True), mapping=INPUT)

    assert concluded(left).disabled


def test_an_account_that_may_exist_is_looked_for_even_where_a_filter_leaves_it_alone() -> None:
    """Reading is no change, and what is uncertain does not stay so."""
    left = item(entry(department="Law"), replace(linked(), state="uncertain"), mapping=INPUT)
    still = item(entry(department="Law"), linked(), mapping=INPUT)

    assert question(left.desired, left.scope, left.link, verify=True) is not None
    assert question(still.desired, still.scope, still.link, verify=True) is None


@pytest.mark.parametrize("link", [None, linked(active=True)], ids=["new", "there"])
def test_an_object_whose_filter_runs_out_of_time_fails_and_stays(link: Link | None) -> None:
    """Neither enters nor leaves: it fails with the reason and is tried again."""
    undecided = item(entry(department=CATASTROPHE), link, mapping=UNDECIDABLE)
    skip = plan_item(undecided, SETTINGS)

    assert isinstance(skip, Skip)
    assert (skip.code, skip.failed) == ("AttributeValidationFailed", True)
    assert "took longer than" in skip.reason
    kept = concluded(undecided)
    assert (kept.state, kept.disabled) == ("absent" if link is None else "linked", False)
    assert kept.escrow is not None


def test_a_filter_that_runs_out_of_time_keeps_nobody_in_who_is_out_anyway() -> None:
    assert scope_of(UNDECIDABLE, accountEnabled=False, department=CATASTROPHE).verdict == "inactive"


def concluded(one: Item) -> Link:
    """The link after a page with this item alone."""
    conclusion = conclude(
        [one], plan([one], SETTINGS), [], now=datetime(2026, 1, 1, tzinfo=UTC), new_id=lambda: "1", cycle_id="c",
        generation=1, settings=SETTINGS, members_pending=False,
    )  # fmt: skip
    (link,) = conclusion.commit.links
    return link


def test_the_desired_resource_of_who_falls_out_only_locks_out() -> None:
    """§8."""
    assert wanted(entry(department="Law", givenName="Ada"), FILTERED).values == {
        "userName": f"{ADA.id}@example.org",
        "active": False,
    }
