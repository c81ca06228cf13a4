"""When something that failed is tried again."""

from __future__ import annotations

from datetime import datetime, timedelta

from rollcall.provisioning.model import Escrow, Problem

_DELAYS_SECONDS = (30, 120, 600, 3600)
_LAST_DELAY_SECONDS = 6 * 3600

AT_ONCE = frozenset({"InvalidAnchor", "EntryConflict", "DuplicateSourceEntries"})
"""Failures of which a second look in the same cycle often is the cure: what was believed was wrong."""


def next_escrow(before: Escrow | None, problem: Problem, now: datetime) -> Escrow:
    """The escrow of an object that failed now, after what happened before (rule E1).

    Delays: 30 s, 2 min, 10 min, 1 h, then every 6 h. The first failure that shows that the ledger was
    wrong is tried again at once.
    """
    attempts = 1 if before is None else before.attempts + 1
    delay = 0.0 if attempts == 1 and problem.code in AT_ONCE else retry_delay_seconds(attempts)
    first = now if before is None else before.first_failed
    return Escrow(attempts, first, now + timedelta(seconds=delay), problem.code, problem.reason)


def retry_delay_seconds(attempts: int) -> float:
    """Seconds to wait after the so-many-th failure in a row."""
    assert attempts > 0, "something that never failed is not tried again"
    return _DELAYS_SECONDS[attempts - 1] if attempts <= len(_DELAYS_SECONDS) else _LAST_DELAY_SECONDS
