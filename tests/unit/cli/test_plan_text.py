"""What a plan says in its last line."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from rich.console import Console

from rollcall.cli.job_plan import show_plan
from rollcall.provisioning import Job, JobSettings, Key, PlannedCycle, PlannedObject, PlannedSkip

ADA = Key("User", "1")
JOB = Job(
    UUID(int=1), UUID(int=2), "Example", "scim", "https://example.com", False, JobSettings(), {}, "Active", False,
    datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
REMOVAL = PlannedObject(ADA, "ada", "disable", "t1", ())
FAULT = PlannedSkip(ADA, "ada", "DuplicateTargetEntries", "Two match.", failed=True)


def shown(planned: PlannedCycle) -> list[str]:
    console = Console(file=io.StringIO(), width=1000)
    show_plan(console, JOB, planned)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("planned", "last"),
    [
        (PlannedCycle(), "Nothing to do."),
        (PlannedCycle(withheld=[REMOVAL]), "Nothing would be sent; 1 withheld."),
        (PlannedCycle(held=[REMOVAL]), "Nothing would be sent; 1 held back since an earlier cycle."),
        (PlannedCycle(skips=[FAULT]), "Nothing can be done; 1 would fail."),
        (PlannedCycle(objects=[REMOVAL], in_step=3), "1 to disable; 3 in step already."),
    ],
)
def test_the_last_line_says_what_would_be_sent_and_what_not(planned: PlannedCycle, last: str) -> None:
    """P3: removals that are held back are not nothing."""
    assert shown(planned)[-1] == last


def test_what_an_earlier_cycle_held_back_is_named_with_the_way_to_let_it_through() -> None:
    """P3, P4."""
    held = [replace(REMOVAL, reason="12 removals; the job's limit is 1 % within a day.")] * 12
    _, names, because, way, _ = shown(PlannedCycle(held=held))

    assert names.startswith("12 removals are held back since an earlier cycle: disable ada, ")
    assert names.endswith("disable ada … and 2 more.")
    assert because.strip() == "12 removals; the job's limit is 1 % within a day.", "of whichever guard, and once"
    assert ("rollcall job reject" in way, "rollcall job allow" in way, "restart" in way) == (True, True, False)


def test_what_this_cycle_would_hold_back_is_told_with_the_evidence_of_the_guard_that_objects() -> None:
    """P3."""
    evidence = "12 removals are due in this cycle; the job's limit is 1 % within a day."
    told = shown(PlannedCycle(withheld=[REMOVAL], held_because=evidence))

    assert evidence in told[2]
    assert "rollcall job allow" in told[2]


def test_what_no_guard_would_object_to_any_more_is_listed_with_its_changes() -> None:
    """P4."""
    removal = PlannedObject(ADA, "ada", "disable", "t1", (("active", True, False),), "Blocked.")
    told = shown(PlannedCycle(held=[removal], held_sent=True))

    assert "no guard would object" in told[1]
    assert told[2:5] == ["disable User ada", "    Blocked.", "    active: true → false"]
    assert "rollcall job allow" in told[5]
