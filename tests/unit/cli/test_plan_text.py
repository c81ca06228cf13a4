"""What a plan says in its last line."""

from __future__ import annotations

import io
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


@pytest.mark.parametrize(
    ("planned", "last"),
    [
        (PlannedCycle(), "Nothing to do."),
        (PlannedCycle(withheld=[REMOVAL]), "Nothing would be sent; 1 withheld."),
        (PlannedCycle(skips=[FAULT]), "Nothing can be done; 1 would fail."),
        (PlannedCycle(objects=[REMOVAL], in_step=3), "1 to disable; 3 in step already."),
    ],
)
def test_the_last_line_says_what_would_be_sent_and_what_not(planned: PlannedCycle, last: str) -> None:
    """P3: removals that are held back are not nothing."""
    console = Console(file=io.StringIO(), width=1000)
    show_plan(console, JOB, planned)
    assert isinstance(console.file, io.StringIO)

    assert console.file.getvalue().splitlines()[-1] == last
