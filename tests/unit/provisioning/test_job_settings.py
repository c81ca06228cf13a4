"""What the settings of a job may be: a number that would end every cycle is refused before it is saved."""

from __future__ import annotations

import math
from typing import Any

import pytest

from rollcall.errors import Invalid
from rollcall.provisioning.job_settings import check_settings
from rollcall.provisioning.model import JobSettings


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("delete_after_days", 1_000_000, "a number from 0 to 3650 is expected, not 1000000"),
        ("delete_after_days", 10**10, "a number from 0 to 3650 is expected, not 10000000000"),
        ("delete_after_days", math.nan, "a number from 0 to 3650 is expected, not nan"),
        ("interval_seconds", math.inf, "a number from 5 to 31622400 is expected, not inf"),
        ("interval_seconds", 4, "a number from 5 to 31622400 is expected, not 4"),
        ("concurrency", 1.5, "a whole number from 1 to 256 is expected, not 1.5"),
        ("concurrency", 257, "a whole number from 1 to 256 is expected, not 257"),
        ("page_size", 1.5, "a whole number from 1 to 10000 is expected, not 1.5"),
        ("page_size", True, "a whole number from 1 to 10000 is expected, not True"),
        ("members_per_request", 1.5, "a whole number from 1 to 100000 is expected, not 1.5"),
        ("members_per_request", 0, "a whole number from 1 to 100000 is expected, not 0"),
        ("deletion_threshold", 1.5, "a whole number from 1 to 10000000, or off, is expected, not 1.5"),
        ("deletion_threshold", 0, "a whole number from 1 to 10000000, or off, is expected, not 0"),
        ("deletion_threshold", -1, "a whole number from 1 to 10000000, or off, is expected, not -1"),
        ("deletion_percent", 0, "a number from 0.01 to 100, or off, is expected, not 0"),
        ("deletion_percent", 101, "a number from 0.01 to 100, or off, is expected, not 101"),
        ("deletions_per_day", 0, "a whole number from 1 to 10000000, or off, is expected, not 0"),
        ("membership_removal_threshold", 0, "a whole number from 1 to 10000000, or off, is expected, not 0"),
    ],
)
def test_a_number_that_no_cycle_could_work_with_is_refused(name: str, value: Any, expected: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_settings({name: value})

    assert refused.value.details == (f"{name}: {expected}",)


def test_the_ends_of_each_range_and_parts_of_days_are_taken() -> None:
    given = {"delete_after_days": 0.5, "interval_seconds": 5, "concurrency": 256, "page_size": 1}

    assert check_settings(given) == JobSettings(delete_after_days=0.5, interval_seconds=5, concurrency=256, page_size=1)


@pytest.mark.parametrize("off", [None, "off"])
def test_each_guard_can_be_switched_off(off: str | None) -> None:
    names = ("deletion_threshold", "deletion_percent", "deletions_per_day", "membership_removal_threshold")

    settings = check_settings(dict.fromkeys(names, off))

    assert [getattr(settings, name) for name in names] == [None] * 4
