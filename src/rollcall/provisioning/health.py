"""How a job does: in quarantine or out of it after each cycle, and when its next cycle comes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from rollcall.provisioning.failure_classes import Follows, class_of
from rollcall.provisioning.gate import AWAITS_APPROVAL, MOVED
from rollcall.provisioning.model import Problem, QuarantineThresholds

QuarantineReason = Literal[
    "EncounteredBaseEscrowThreshold",
    "EncounteredTotalEscrowThreshold",
    "EncounteredEscrowProportionThreshold",
    "EncounteredQuarantineException",
    "QuarantinedOnDemand",
    "TooManyDeletes",
    "IngestionInterrupted",
    "Unknown",
]
"""Why a job is in quarantine, in the words of Graph's quarantineReason (rule Q4)."""

_FAILURE_REASONS = frozenset(
    {
        "EncounteredBaseEscrowThreshold",
        "EncounteredTotalEscrowThreshold",
        "EncounteredEscrowProportionThreshold",
    }
)
_OWN_REASONS = frozenset({"IngestionInterrupted", "Unknown"})

LONGEST_WAIT = timedelta(days=1)
DISABLED_AFTER = timedelta(days=28)
_STOPS_IN_A_ROW = 3
"""A cycle that stops by what goes by of itself is a blip; so many in a row are not."""

_SAYS_NOTHING = frozenset({AWAITS_APPROVAL, MOVED})
"""A cycle that stopped because somebody has to approve its plan, or the plan had moved, shows nothing of target or service."""

_SHARE = 0.40
_LEAST_OPERATIONS = 20
_ENTRA_LEAST_FAILURES = 5_000
_ENTRA_FAILURES = 40_000
_ENTRA_FAILURES_WITH_REFERENCES = 60_000


@dataclass(frozen=True, slots=True)
class Quarantine:
    """A job that fails too much, and is tried less and less often (rules Q4, Q5, Q8).

    `code`, `message`: what to tell administrators. `current_began`: when it was last imposed or found to be still needed;
    `next_attempt`: when the next cycle of its own comes; `series_began`, `series_count`: since when, and how often it was
    found to be still needed; a series ends when the quarantine is lifted. `tenant_actionable`: whether an
    administrator of the tenant can do something about it.
    """

    reason: QuarantineReason
    code: str
    message: str
    current_began: datetime
    next_attempt: datetime
    series_began: datetime
    series_count: int = 0
    tenant_actionable: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """What is remembered of how a job's cycles went.

    `failures_in_a_row`: cycles that stopped before their end, since the last that did not. `operations`, `failures`: what
    cycles too small to judge came to since the last judgement. `steady_first`, `steady_last`: when a cycle first and last
    left nothing to do.
    """

    quarantine: Quarantine | None = None
    failures_in_a_row: int = 0
    operations: int = 0
    failures: int = 0
    steady_first: datetime | None = None
    steady_last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """How a cycle ended, as far as the job's health goes.

    `fine`: objects that the target took, or showed to be in step. `failed`: objects whose last attempt failed, `failed_anew` those of
    them that had not failed before; `references_failed` likewise for ties. `problem`: why it stopped before its end; `is_ours`: by a fault of
    the service, not of the target. `postponed`: the target asked to be left alone for a while. `held_because`: the evidence of a
    guard that held removals back. `waiting`: objects that wait for their next attempt, `withheld` those whose removal is held back,
    of this cycle or an earlier one.
    """

    fine: int = 0
    failed: int = 0
    failed_anew: int = 0
    references_failed: int = 0
    problem: Problem | None = None
    is_ours: bool = False
    postponed: bool = False
    held_because: str = ""
    waiting: int = 0
    withheld: int = 0


@dataclass(frozen=True, slots=True)
class Assessment:
    """The job's health after a cycle, and what is news of it: `disabled` means that the job is to run no more (rule Q5)."""

    health: Health
    news: Literal["entered", "changed", "left", "disabled"] | None = None


@dataclass(frozen=True, slots=True)
class _Cause:
    reason: QuarantineReason
    code: str
    message: str


def assess(
    before: Health, ended: Ended, thresholds: QuarantineThresholds, interval_seconds: float, now: datetime
) -> Assessment:
    """The job's health after a cycle has ended (rules Q1, Q2, Q4 to Q6).

    Immediate causes and failures over a threshold impose the quarantine, or keep it up; a cycle that shows the cause to be gone
    lifts it. One that shows nothing, since nothing was due, leaves it as it is.
    """
    if ended.problem is not None and ended.problem.code in _SAYS_NOTHING:
        return Assessment(before)
    health = _counted(before, ended, thresholds, now)
    cause = _cause(health, ended, thresholds)
    health = _judged(health, thresholds)
    present = before.quarantine
    if present is None:
        if cause is None:
            return Assessment(health)
        return Assessment(replace(health, quarantine=_imposed(cause, interval_seconds, now)), "entered")
    if cause is None and not _still_needed(present, ended):
        return Assessment(replace(health, quarantine=None, operations=0, failures=0), "left")
    kept = _kept_up(present, cause, interval_seconds, now)
    health = replace(health, quarantine=kept)
    if _is_over(kept, interval_seconds, now):
        return Assessment(health, "disabled")
    return Assessment(health, None if kept.reason == present.reason else "changed")


def _counted(before: Health, ended: Ended, thresholds: QuarantineThresholds, now: datetime) -> Health:
    """What was remembered, with this cycle counted in."""
    stopped = ended.problem is not None and not ended.postponed
    steady = not (ended.problem or ended.failed or ended.references_failed or ended.waiting or ended.withheld)
    return replace(
        before,
        failures_in_a_row=before.failures_in_a_row + 1 if stopped else 0,
        operations=before.operations + ended.fine + ended.failed_anew if thresholds == "proportional" else 0,
        failures=before.failures + ended.failed_anew if thresholds == "proportional" else 0,
        steady_first=(before.steady_first or now) if steady else before.steady_first,
        steady_last=now if steady else before.steady_last,
    )


def _judged(health: Health, thresholds: QuarantineThresholds) -> Health:
    """What counts on: nothing once there was enough to judge by."""
    enough = thresholds != "proportional" or health.operations >= _LEAST_OPERATIONS
    return replace(health, operations=0, failures=0) if enough else health


def _cause(health: Health, ended: Ended, thresholds: QuarantineThresholds) -> _Cause | None:
    """Why the job has to be in quarantine after this cycle, if it has to."""
    if ended.problem is not None and not ended.postponed:
        return _immediate(ended.problem, health.failures_in_a_row, is_ours=ended.is_ours)
    if ended.held_because:
        return _Cause("TooManyDeletes", "TooManyDeletes", ended.held_because)
    if thresholds == "entra":
        reason = entra_threshold(ended.failed, ended.fine, ended.references_failed)
        counts = (
            f"{ended.failed:,} objects failed, {ended.fine:,} did not; {ended.references_failed:,} references failed."
        )
    else:
        reason = proportional_threshold(health.failures, health.operations - health.failures)
        counts = f"{health.failures:,} of the last {health.operations:,} objects failed."
    return None if reason is None else _Cause(reason, reason, f"Too much fails: {counts}")


def _immediate(problem: Problem, in_a_row: int, *, is_ours: bool) -> _Cause | None:
    at_once = not is_ours and class_of(problem.code).ended is Follows.QUARANTINE
    if not at_once and in_a_row < _STOPS_IN_A_ROW:
        return None
    reason: QuarantineReason = "EncounteredQuarantineException"
    if is_ours:
        reason = "IngestionInterrupted" if problem.code == "unavailable" else "Unknown"
    return _Cause(reason, problem.code, problem.reason)


def entra_threshold(failures: int, fine: int, references_failed: int) -> QuarantineReason | None:
    """Which of Entra's thresholds a cycle is over (rules Q2, Q3): objects that failed and that did not, and ties that failed."""
    if failures + references_failed > _ENTRA_FAILURES_WITH_REFERENCES:
        return "EncounteredTotalEscrowThreshold"
    if failures < _ENTRA_LEAST_FAILURES:
        return None
    if failures > _ENTRA_FAILURES:
        return "EncounteredBaseEscrowThreshold"
    return "EncounteredEscrowProportionThreshold" if failures > _SHARE * (failures + fine) else None


def proportional_threshold(failures: int, fine: int) -> QuarantineReason | None:
    """Whether over 40 % of at least 20 objects failed; each that failed is counted once, however often it is tried again.

    So ten records that nobody mends put no job into quarantine, and a target that takes nothing does so in a small tenant too.
    """
    if failures + fine < _LEAST_OPERATIONS:
        return None
    return "EncounteredEscrowProportionThreshold" if failures > _SHARE * (failures + fine) else None


def _still_needed(present: Quarantine, ended: Ended) -> bool:
    """Whether a cycle without a cause of its own leaves the quarantine as it is."""
    if ended.problem is not None or ended.postponed:
        return True
    if present.reason == "TooManyDeletes":
        return ended.withheld > 0
    if present.reason in _FAILURE_REASONS:
        tried = ended.failed + ended.fine
        return ended.failed > _SHARE * tried if tried else ended.waiting > 0
    return False


def _imposed(cause: _Cause, interval_seconds: float, now: datetime) -> Quarantine:
    return Quarantine(
        cause.reason,
        cause.code,
        cause.message,
        current_began=now,
        next_attempt=now + _wait(cause.reason, interval_seconds, 0),
        series_began=now,
        tenant_actionable=cause.reason not in _OWN_REASONS,
    )


def _kept_up(present: Quarantine, cause: _Cause | None, interval_seconds: float, now: datetime) -> Quarantine:
    """The quarantine once more, with the next step of waiting; a cycle before its time, by hand, moves no step."""
    if cause is not None:
        present = replace(
            present,
            reason=cause.reason,
            code=cause.code,
            message=cause.message,
            tenant_actionable=cause.reason not in _OWN_REASONS,
        )
    if seconds_to_wait(present.next_attempt, present.current_began, interval_seconds, now) > 0:
        return present
    count = present.series_count + 1
    return replace(
        present,
        current_began=now,
        next_attempt=now + _wait(present.reason, interval_seconds, count),
        series_count=count,
    )


def _wait(reason: QuarantineReason, interval_seconds: float, count: int) -> timedelta:
    """How long the job waits: its interval, then twice as long each time, up to a day (rule Q5).

    Where removals are held back the target works, and who is new does not wait.
    """
    if reason == "TooManyDeletes":
        return timedelta(seconds=interval_seconds)
    return timedelta(seconds=min(interval_seconds * 2.0 ** min(count, 64), _longest_seconds(interval_seconds)))


def _longest_seconds(interval_seconds: float) -> float:
    return max(LONGEST_WAIT.total_seconds(), interval_seconds)


def _is_over(quarantine: Quarantine, interval_seconds: float, now: datetime) -> bool:
    """Whether it lasted over 28 days, and as many attempts as belong to that: a clock that leaps ahead ends no job."""
    attempts = int(DISABLED_AFTER.total_seconds() / _longest_seconds(interval_seconds))
    return now - quarantine.series_began > DISABLED_AFTER and quarantine.series_count >= attempts


def seconds_to_wait(until: datetime, since: datetime, interval_seconds: float, now: datetime) -> float:
    """Seconds from now to `until`, which was set at `since`; 0 where there is nothing to wait for.

    So there is not when the clock went back behind `since`, and never longer than a day or the interval: a clock
    that jumps must not stop a job.
    """
    seconds = (until - now).total_seconds()
    return seconds if now >= since and 0 < seconds <= _longest_seconds(interval_seconds) else 0.0


def slows(quarantine: Quarantine | None) -> bool:
    """Whether cycles of this job wait for the quarantine's next attempt."""
    return quarantine is not None and quarantine.reason != "TooManyDeletes"
