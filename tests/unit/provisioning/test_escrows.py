"""When something that failed is tried again, and when it is given up (rules E1, E2, E3); 28 days in milliseconds."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest

from rollcall.provisioning.escrows import GIVEN_UP_AFTER, next_escrow, retry_sentence
from rollcall.provisioning.failure_classes import FAILURE_CLASSES
from rollcall.provisioning.model import Escrow, JobSettings, Problem
from tests.unit.provisioning.expression_context import NOON

SWIFT = JobSettings(retry_schedule="swift")
ENTRA = JobSettings(retry_schedule="entra", interval_seconds=2400)
REFUSED = Problem("UnprocessableEntity", "No.")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AT_ONCE = sorted(code for code, row in FAILURE_CLASSES.items() if row.at_once)
SOON = sorted(code for code, row in FAILURE_CLASSES.items() if row.soon)


def series(settings: JobSettings, problem: Problem = REFUSED, until: timedelta = GIVEN_UP_AFTER) -> list[Escrow]:
    """The escrows of something that fails each time when its time has come."""
    escrows = [next_escrow(None, problem, NOON, settings)]
    while escrows[-1].next_attempt - NOON <= until and not escrows[-1].given_up:
        escrows.append(next_escrow(escrows[-1], problem, escrows[-1].next_attempt, settings))
    return escrows


def waits(escrows: list[Escrow]) -> list[timedelta]:
    moments = [NOON, *(escrow.next_attempt for escrow in escrows)]
    return [later - earlier for earlier, later in itertools.pairwise(moments)]


def test_the_first_failure_begins_a_series() -> None:
    assert next_escrow(None, REFUSED, NOON, SWIFT) == Escrow(
        1, NOON, NOON + timedelta(seconds=30), "UnprocessableEntity", "No."
    )


def test_a_further_failure_counts_on_keeps_the_beginning_and_takes_the_newest_reason() -> None:
    later = NOON + HOUR

    escrow = next_escrow(next_escrow(None, REFUSED, NOON, SWIFT), Problem("Timeout", "No answer."), later, SWIFT)

    assert escrow == Escrow(2, NOON, later + timedelta(seconds=120), "Timeout", "No answer.")


def test_swift_waits_longer_and_longer_up_to_six_hours() -> None:
    seconds = [wait.total_seconds() for wait in waits(series(SWIFT))]

    assert seconds[:6] == [30, 120, 600, 3600, 21600, 21600]
    assert set(seconds[6:-1]) == {21600}


def test_swift_forgets_nothing_and_tries_once_a_day_from_the_28th_day_on() -> None:
    """Better than E2: nothing is given up by itself."""
    year = series(SWIFT, until=365 * DAY)

    assert not any(escrow.given_up for escrow in year)
    assert {
        wait for escrow, wait in zip(year[1:], waits(year)[1:], strict=False) if escrow.next_attempt - NOON > 30 * DAY
    } == {DAY}


def test_entra_tries_after_6_12_and_24_hours_and_then_daily_until_the_28th_day() -> None:
    """E2: the moments count from the first failure."""
    escrows = series(ENTRA)

    moments = [escrow.next_attempt - NOON for escrow in escrows if not escrow.given_up]
    assert moments == [6 * HOUR, 12 * HOUR, *(day * DAY for day in range(1, 29))]
    assert [escrow.given_up for escrow in escrows[-2:]] == [False, True]
    assert escrows[-1].attempts == 31


@pytest.mark.parametrize("passed", [timedelta(minutes=5), 7 * HOUR, 13 * HOUR, 3 * DAY + HOUR])
def test_an_attempt_between_two_moments_does_not_move_them(passed: timedelta) -> None:
    """E2, E4: a change in the source is tried at once; the moments stay where the first failure put them."""
    before = next_escrow(None, REFUSED, NOON, ENTRA)

    again = next_escrow(before, REFUSED, NOON + passed, ENTRA).next_attempt

    assert again - NOON in {6 * HOUR, 12 * HOUR, *(day * DAY for day in range(1, 29))}
    assert timedelta(0) < again - (NOON + passed) <= DAY


@pytest.mark.parametrize("code", SOON)
def test_faults_that_go_by_are_tried_again_in_the_next_regular_cycle(code: str) -> None:
    """E3: not in this one any more, and before the next one is over."""
    escrow = next_escrow(None, Problem(code, ""), NOON, ENTRA)

    assert NOON < escrow.next_attempt < NOON + timedelta(seconds=ENTRA.interval_seconds)


@pytest.mark.parametrize("code", SOON)
def test_faults_that_do_not_go_by_end_after_28_days_as_others_do(code: str) -> None:
    escrow = Escrow(900, NOON, NOON, code, "")

    assert not next_escrow(escrow, Problem(code, ""), NOON + GIVEN_UP_AFTER - timedelta(seconds=1), ENTRA).given_up
    assert next_escrow(escrow, Problem(code, ""), NOON + GIVEN_UP_AFTER, ENTRA).given_up


@pytest.mark.parametrize("settings", [SWIFT, ENTRA], ids=["swift", "entra"])
@pytest.mark.parametrize("code", AT_ONCE)
def test_what_shows_that_the_ledger_was_wrong_is_tried_once_at_once(code: str, settings: JobSettings) -> None:
    first = next_escrow(None, Problem(code, ""), NOON, settings)

    assert first.next_attempt == NOON
    assert next_escrow(first, Problem(code, ""), NOON, settings).next_attempt > NOON


def test_what_was_given_up_and_is_tried_all_the_same_begins_anew() -> None:
    given_up = Escrow(31, NOON - 30 * DAY, NOON, "Timeout", "", given_up=True)

    assert next_escrow(given_up, REFUSED, NOON, ENTRA) == next_escrow(None, REFUSED, NOON, ENTRA)


@pytest.mark.parametrize(
    ("attempts", "given_up", "sentence"),
    [
        (1, False, "This operation was tried 1 time and is tried again after 2026-01-02 03:04:05 UTC."),
        (7, False, "This operation was tried 7 times and is tried again after 2026-01-02 03:04:05 UTC."),
        (31, True, "This operation was tried 31 times since 2026-01-01 00:00:00 UTC and is given up after 28 days."),
    ],
)
def test_the_sentence_says_how_often_and_when_again(attempts: int, given_up: bool, sentence: str) -> None:
    """E1."""
    began, again = datetime(2026, 1, 1, tzinfo=NOON.tzinfo), datetime(2026, 1, 2, 3, 4, 5, tzinfo=NOON.tzinfo)

    assert retry_sentence(Escrow(attempts, began, again, "", "", given_up)) == sentence
