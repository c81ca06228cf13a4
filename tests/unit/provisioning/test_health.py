"""When something that failed is tried again (rule E1)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rollcall.provisioning.health import AT_ONCE, next_escrow, retry_delay_seconds
from rollcall.provisioning.model import Escrow, Problem
from tests.unit.provisioning.expression_context import NOON

TIMEOUT = Problem("Timeout", "No answer.")


def test_delays_grow_and_stay() -> None:
    assert [retry_delay_seconds(attempts) for attempts in range(1, 8)] == [30, 120, 600, 3600, 21600, 21600, 21600]


def test_what_never_failed_is_not_tried_again() -> None:
    with pytest.raises(AssertionError):
        retry_delay_seconds(0)


def test_the_first_failure_begins_a_series() -> None:
    assert next_escrow(None, TIMEOUT, NOON) == Escrow(1, NOON, NOON + timedelta(seconds=30), "Timeout", "No answer.")


def test_a_further_failure_counts_on_and_keeps_the_beginning() -> None:
    later = NOON + timedelta(hours=1)

    escrow = next_escrow(next_escrow(None, TIMEOUT, NOON), Problem("EntryConflict", "taken"), later)

    assert escrow == Escrow(2, NOON, later + timedelta(seconds=120), "EntryConflict", "taken")


@pytest.mark.parametrize("code", sorted(AT_ONCE))
def test_what_shows_that_the_ledger_was_wrong_is_tried_once_at_once(code: str) -> None:
    first = next_escrow(None, Problem(code, ""), NOON)

    assert first.next_attempt == NOON
    assert next_escrow(first, Problem(code, ""), NOON).next_attempt == NOON + timedelta(seconds=120)
