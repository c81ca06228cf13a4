"""A job goes into quarantine, is tried more and more rarely, and comes out again (rules Q1 to Q6)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rollcall.provisioning.failure_classes import INCOMPATIBLE_FILTERING
from rollcall.provisioning.gate import AWAITS_APPROVAL, MOVED
from rollcall.provisioning.health import (
    Assessment,
    Ended,
    Health,
    Quarantine,
    assess,
    entra_threshold,
    proportional_threshold,
    seconds_to_wait,
    slows,
)
from rollcall.provisioning.model import Problem, QuarantineThresholds
from tests.unit.provisioning.expression_context import NOON

SECOND, MINUTE, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=1)
INTERVAL = 40 * 60.0
DENIED = Ended(problem=Problem("Unauthorized", "The target answered 401."))
OWN_FAULT = Ended(problem=Problem("InternalError", "A fault of the service."), is_ours=True)
CLEAN = Ended(fine=1)
IDLE = Ended()


def after(
    health: Health,
    ended: Ended,
    now: datetime = NOON,
    thresholds: QuarantineThresholds = "proportional",
    interval: float = INTERVAL,
) -> Assessment:
    return assess(health, ended, thresholds, interval, now)


def quarantined(ended: Ended = DENIED) -> Health:
    return after(Health(), ended).health


def needed(health: Health) -> Quarantine:
    assert health.quarantine is not None
    return health.quarantine


@pytest.mark.parametrize(
    ("failures", "fine", "references", "reason"),
    [
        (4_000, 0, 0, None),
        (4_999, 0, 0, None),
        (5_000, 0, 0, "EncounteredEscrowProportionThreshold"),
        (45_000, 1_000_000, 0, "EncounteredBaseEscrowThreshold"),
        (40_000, 1_000_000, 0, None),
        (30_000, 5_000, 0, "EncounteredEscrowProportionThreshold"),
        (20_000, 100_000, 0, None),
        (40_000, 60_000, 0, None),  # 40 % is not over 40 %
        (40_000, 59_999, 0, "EncounteredEscrowProportionThreshold"),
        (40_000, 1_000_000, 21_000, "EncounteredTotalEscrowThreshold"),
        (0, 1_000_000, 60_001, "EncounteredTotalEscrowThreshold"),
        (4_000, 0, 50_000, None),
    ],
)
def test_entras_thresholds(failures: int, fine: int, references: int, reason: str | None) -> None:
    """Q2, Q3: the examples of the documentation and the edges."""
    assert entra_threshold(failures, fine, references) == reason


@pytest.mark.parametrize(
    ("failures", "fine", "over"), [(19, 0, False), (20, 0, True), (8, 12, False), (9, 11, True), (40, 60, False)]
)
def test_the_share_counts_from_twenty_operations_on(failures: int, fine: int, over: bool) -> None:
    """Q2, for tenants of any size."""
    assert (proportional_threshold(failures, fine) is not None) is over


def test_the_threshold_profile_is_the_jobs() -> None:
    """Q2: what puts one profile into quarantine does not concern the other."""
    half = Ended(fine=500, failed=500, failed_anew=500)
    many = Ended(fine=1_000_000, failed=45_000, failed_anew=45_000)

    assert after(Health(), half, thresholds="proportional").news == "entered"
    assert after(Health(), half, thresholds="entra").news is None
    assert after(Health(), many, thresholds="proportional").news is None
    assert after(Health(), many, thresholds="entra").news == "entered"


def test_refused_credentials_put_the_job_into_quarantine_at_once() -> None:
    """Q1, Q8."""
    result = after(Health(), DENIED)

    assert result.news == "entered"
    assert result.health.quarantine == Quarantine(
        "EncounteredQuarantineException",
        "Unauthorized",
        "The target answered 401.",
        current_began=NOON,
        next_attempt=NOON + 40 * MINUTE,
        series_began=NOON,
    )
    assert result.health.failures_in_a_row == 1


def test_one_clean_cycle_lifts_it() -> None:
    """Q6: a blip keeps nobody in quarantine."""
    result = after(quarantined(), CLEAN, NOON + 40 * MINUTE)

    assert (result.news, result.health.quarantine, result.health.failures_in_a_row) == ("left", None, 0)


def test_a_target_that_asks_for_patience_is_no_cause() -> None:
    """C9: Retry-After pauses the job."""
    throttled = Ended(problem=Problem("TooManyRequests", "Come back later."), postponed=True)

    assert after(Health(), throttled) == Assessment(Health())
    assert needed(after(quarantined(), throttled, NOON + DAY).health).reason == "EncounteredQuarantineException"


@pytest.mark.parametrize("code", [AWAITS_APPROVAL, MOVED])
def test_a_cycle_that_waits_for_somebody_says_nothing_of_the_jobs_health(code: str) -> None:
    waits = Ended(problem=Problem(code, "A plan waits."))
    health = quarantined()

    for _ in range(5):
        assert after(health, waits, NOON + DAY) == Assessment(health)
        assert after(Health(), waits) == Assessment(Health())


@pytest.mark.parametrize(
    ("code", "cycles"),
    [("Unauthorized", 1), ("WebExceptionProtocolError", 1), (INCOMPATIBLE_FILTERING, 1), ("Timeout", 3)],
)
def test_what_goes_by_of_itself_has_to_come_three_times(code: str, cycles: int) -> None:
    """Q1: what the table of failures says about a whole target decides."""
    stopped, health = Ended(problem=Problem(code, "The whole target answers so.")), Health()
    for _ in range(cycles):
        assert health.quarantine is None
        health = after(health, stopped).health

    assert needed(health).reason == "EncounteredQuarantineException"


def test_cycles_become_rarer_down_to_one_a_day() -> None:
    """Q5: the interval, then twice as long each time."""
    health, now, waits = quarantined(), NOON, []
    for _ in range(8):
        waits.append(needed(health).next_attempt - now)
        now = needed(health).next_attempt
        health = after(health, DENIED, now).health

    assert waits == [MINUTE * minutes for minutes in (40, 80, 160, 320, 640, 1280, 1440, 1440)]
    assert (needed(health).series_began, needed(health).series_count) == (NOON, 8)


def test_an_interval_over_a_day_is_not_shortened() -> None:
    week = 7 * 86_400.0
    health = after(Health(), DENIED, interval=week).health

    assert needed(health).next_attempt == NOON + 7 * DAY
    assert needed(after(health, DENIED, NOON + 7 * DAY, interval=week).health).next_attempt == NOON + 14 * DAY


@pytest.mark.parametrize("interval", [40.0, INTERVAL, 86_400.0, 3 * 86_400.0, 366 * 86_400.0])
def test_after_28_days_the_job_is_disabled(interval: float) -> None:
    """Q5: over four weeks, and not before; whatever the interval."""
    health, now, news, cycles = after(Health(), DENIED, interval=interval).health, NOON, None, 0
    while news != "disabled":
        before, now = now, needed(health).next_attempt
        result = after(health, DENIED, now, interval=interval)
        health, news, cycles = result.health, result.news, cycles + 1
        assert cycles < 60

    assert now - NOON > 28 * DAY
    assert before - NOON <= 28 * DAY


def test_a_clock_that_leaps_ahead_disables_nothing() -> None:
    """A clock that jumps ends no job."""
    assert after(quarantined(), DENIED, NOON + 400 * DAY).news is None


def test_a_failing_cycle_by_hand_moves_no_step() -> None:
    health = after(quarantined(), DENIED, NOON + 40 * MINUTE).health

    by_hand = after(health, DENIED, NOON + 50 * MINUTE)

    assert by_hand.health.quarantine == health.quarantine


def test_a_change_of_reason_is_news_and_continues_the_series() -> None:
    """Q7, Q8."""
    failing = Ended(fine=0, failed=30, failed_anew=30)

    result = after(quarantined(), failing, NOON + 40 * MINUTE)

    assert result.news == "changed"
    assert (needed(result.health).reason, needed(result.health).series_began) == (
        "EncounteredEscrowProportionThreshold",
        NOON,
    )
    assert after(result.health, failing, NOON + 3 * DAY).news is None


def test_small_cycles_are_judged_together() -> None:
    """Q2: in a small tenant a target that takes nothing shows only over several cycles."""
    health, news = Health(), None
    for _ in range(20):
        assert news is None
        result = after(health, Ended(failed=1, failed_anew=1))
        health, news = result.health, result.news

    assert news == "entered"


def test_what_was_judged_does_not_count_again() -> None:
    fine = after(Health(), Ended(fine=20)).health

    assert (fine.operations, fine.failures) == (0, 0)


def test_a_record_that_nobody_mends_puts_no_job_into_quarantine() -> None:
    """An object is counted when it fails for the first time, not each time it is tried again."""
    health = after(Health(), Ended(failed=5, failed_anew=5, waiting=5)).health
    for _ in range(100):
        result = after(health, Ended(failed=5, waiting=5))
        assert result.news is None
        health = result.health


def test_what_fails_again_keeps_a_quarantine_up() -> None:
    health = quarantined(Ended(fine=10, failed=20, failed_anew=20, waiting=20))

    assert needed(after(health, Ended(fine=1, failed=20, waiting=20), NOON + DAY).health).series_count == 1
    assert after(health, Ended(fine=18, failed=2, waiting=2), NOON + DAY).news == "left"


def test_a_cycle_in_which_nothing_was_due_shows_nothing() -> None:
    health = quarantined(Ended(failed=20, failed_anew=20, waiting=20))

    assert after(health, replace(IDLE, waiting=20), NOON + DAY).health.quarantine is not None
    assert after(health, IDLE, NOON + DAY).news == "left"


def test_removals_held_back_are_a_quarantine_until_somebody_decides() -> None:
    """Q4, P3: and who is new does not wait for that."""
    held = Ended(fine=3, held_because="It would reach the threshold of 500.", withheld=500)
    health = quarantined(held)

    assert (needed(health).reason, needed(health).message) == (
        "TooManyDeletes",
        "It would reach the threshold of 500.",
    )
    assert not slows(health.quarantine)
    assert after(health, replace(CLEAN, withheld=500), NOON + DAY).health.quarantine is not None
    assert after(health, CLEAN, NOON + DAY).news == "left"


def test_a_fault_of_the_service_counts_from_the_third_in_a_row_on() -> None:
    """Q4: reason Unknown, which no administrator of the tenant can mend."""
    health = after(after(Health(), OWN_FAULT).health, OWN_FAULT).health
    assert health.quarantine is None

    third = needed(after(health, OWN_FAULT).health)

    assert (third.reason, third.tenant_actionable) == ("Unknown", False)
    assert after(after(health, CLEAN).health, OWN_FAULT).health.quarantine is None


def test_a_source_that_is_away_interrupts_the_reading() -> None:
    """Q4."""
    away = Ended(problem=Problem("unavailable", "The database is away."), is_ours=True)

    assert needed(after(Health(failures_in_a_row=2), away).health).reason == "IngestionInterrupted"


def test_steady_is_a_cycle_that_leaves_nothing_to_do() -> None:
    """G4."""
    first = after(Health(), CLEAN).health
    second = after(first, IDLE, NOON + DAY).health
    third = after(second, Ended(failed=1, failed_anew=1, waiting=1), NOON + 2 * DAY).health

    assert (first.steady_first, first.steady_last) == (NOON, NOON)
    assert (third.steady_first, third.steady_last) == (NOON, NOON + DAY)


@pytest.mark.parametrize(
    ("since", "until", "seconds"),
    [
        (-MINUTE, MINUTE, 60),
        (-MINUTE, -SECOND, 0),
        (MINUTE, 2 * MINUTE, 0),  # the clock went back behind the moment at which it was said
        (-3650 * DAY, 3650 * DAY, 0),
        (-MINUTE, DAY, 86_400),
        (-MINUTE, DAY + SECOND, 0),
    ],
)
def test_a_clock_that_jumps_stops_no_job(since: timedelta, until: timedelta, seconds: float) -> None:
    assert seconds_to_wait(NOON + until, NOON + since, INTERVAL, NOON) == seconds
