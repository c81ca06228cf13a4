"""When something that failed is tried again, and when it is given up: the schedule of each job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from rollcall.provisioning.failure_classes import class_of
from rollcall.provisioning.model import Escrow, JobSettings, Problem

GIVEN_UP_AFTER = timedelta(days=28)
"""So long after its first failure what the schedule `entra` still could not carry out is given up (rule E2)."""

_DAY = timedelta(days=1)
LONGEST_WAIT = timedelta(hours=25)
"""No attempt is due later than in a day; one that is was put down by a clock that ran ahead, and is due now."""
_SWIFT_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (30, 120, 600, 3600))
_SWIFT_LAST_DELAY = timedelta(hours=6)
_ENTRA_FIRST_DAY = (timedelta(hours=6), timedelta(hours=12))
"""After the first failure; then once a day."""


def next_escrow(before: Escrow | None, problem: Problem, now: datetime, settings: JobSettings) -> Escrow:
    """The escrow of what failed now, after what happened before (rules E1, E2, E3).

    `swift`: after 30 s, 2 min, 10 min, 1 h, then every 6 h, and from 28 days after the first failure on daily, without an
    end. `entra`: 6, 12 and 24 h after the first failure, then daily until 28 days after it; what fails then is given up.
    Faults that go by are tried again in the next regular cycle. With both, the first failure that shows that the
    ledger was wrong is tried again at once, and what was given up and is tried all the same begins anew.
    """
    if before is not None and before.given_up:
        before = None
    attempts = 1 if before is None else before.attempts + 1
    first = now if before is None else before.first_failed
    row = class_of(problem.code)
    given_up = settings.retry_schedule == "entra" and now - first >= GIVEN_UP_AFTER
    if given_up or (attempts == 1 and row.at_once):
        again = now
    elif settings.retry_schedule == "swift":
        again = now + _swift_delay(attempts, now - first)
    elif row.soon:
        again = now + _until_next_cycle(settings)
    else:
        again = first + _entra_moment(now - first)
    return Escrow(attempts, first, again, problem.code, problem.reason, given_up)


def _swift_delay(attempts: int, passed: timedelta) -> timedelta:
    if passed >= GIVEN_UP_AFTER:
        return _DAY
    return _SWIFT_DELAYS[attempts - 1] if attempts <= len(_SWIFT_DELAYS) else _SWIFT_LAST_DELAY


def _entra_moment(passed: timedelta) -> timedelta:
    """How long after the first failure the next attempt is, when so much time has passed since."""
    for moment in _ENTRA_FIRST_DAY:
        if passed < moment:
            return moment
    return (passed // _DAY + 1) * _DAY


def _until_next_cycle(settings: JobSettings) -> timedelta:
    """Long enough for this cycle to end, short enough for the next one to begin, whenever in this one it failed."""
    return timedelta(seconds=settings.interval_seconds / 2)


def as_it_is_kept(kept: Escrow | None, written: Escrow | None) -> Escrow | None:
    """The escrow to keep where another one is kept by now: what somebody did with it meanwhile holds.

    One that was given up while it was tried stays given up; one that was not tried keeps the time it has by now.
    """
    if kept is None or written is None or kept.first_failed != written.first_failed:
        return written
    if kept.attempts == written.attempts:
        return replace(written, next_attempt=kept.next_attempt, given_up=kept.given_up)
    return replace(written, given_up=written.given_up or kept.given_up)


def retry_sentence(escrow: Escrow) -> str:
    """How often it was tried, and when it is tried again (rule E1)."""
    times = f"{escrow.attempts} {'time' if escrow.attempts == 1 else 'times'}"
    if escrow.given_up:
        return f"This operation was tried {times} since {_moment(escrow.first_failed)} and is given up after 28 days."
    return f"This operation was tried {times} and is tried again after {_moment(escrow.next_attempt)}."


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


@dataclass(frozen=True, slots=True)
class RetryTime:
    """When what is to be tried again is: `at` None: not before somebody acts; `because`: what it waits for."""

    at: datetime | None
    because: Literal["due", "no worker", "quarantine", "Retry-After", "Paused", "Disabled"]


def retry_time(
    state: Literal["Active", "Paused", "Disabled"],
    quarantined_until: datetime | None,
    resume_at: datetime | None,
    now: datetime,
    *,
    has_worker: bool,
) -> RetryTime:
    """When a retry comes about that is asked of a job in this state, and what its next cycle waits for."""
    if state != "Active":
        return RetryTime(None, state)
    if quarantined_until is not None and quarantined_until > now:
        return RetryTime(quarantined_until, "quarantine")
    if resume_at is not None and resume_at > now:
        return RetryTime(resume_at, "Retry-After")
    return RetryTime(now, "due") if has_worker else RetryTime(None, "no worker")


def is_time_for(escrow: Escrow, now: datetime) -> bool:
    """Whether the next attempt is due, also after a clock that ran ahead has put it down for some far day."""
    return escrow.next_attempt <= now or escrow.next_attempt > now + LONGEST_WAIT
