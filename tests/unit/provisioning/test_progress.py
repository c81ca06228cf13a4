"""How far a cycle is counts pages, and how long it takes still is worked out from its measured rate (rule G1)."""

from __future__ import annotations

import pytest

from rollcall.provisioning.model import Key
from rollcall.provisioning.progress import Speed, progress
from rollcall.provisioning.road import Counts
from tests.unit.provisioning.builders import entry
from tests.unit.provisioning.one_job import Job


def test_percent_counts_pages_and_not_objects() -> None:
    """Rule G1."""
    assert progress(Counts(imported=900, total=1000, pages=2, pages_total=8)).percent == 25


def test_a_cycle_that_still_runs_is_never_at_a_hundred() -> None:
    assert progress(Counts(pages=8, pages_total=8)).percent == 99


def test_the_time_left_is_what_is_left_at_the_measured_rate() -> None:
    assert progress(Counts(imported=400, total=1000, objects_per_second=5)).seconds_left == 120


@pytest.mark.parametrize("counts", [Counts(imported=40, objects_per_second=5), Counts(imported=40, total=90), Counts()])
def test_without_a_total_or_a_rate_nothing_is_promised(counts: Counts) -> None:
    assert progress(counts).seconds_left is None


def test_the_rate_is_that_of_the_last_minute_or_so() -> None:
    speed = Speed(0)
    for second in range(1, 601):
        speed.note(second, second * 100)
    for second in range(601, 901):
        measured = speed.note(second, 60_000 + (second - 600) * 5)

    assert measured == pytest.approx(5, rel=0.7)
    assert Speed(0).note(0, 0) is None


async def test_a_cycle_counts_the_pages_that_it_read() -> None:
    job = Job()
    for number in range(3):
        job.source.put(entry(Key("User", f"n{number}")))

    result = await job.cycle()

    assert result.counts.pages >= 1
    assert result.counts.pages_total is not None
    assert result.counts.pages_total >= result.counts.pages - 1
