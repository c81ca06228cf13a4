"""A company of 1,000 people and 60 groups: its first cycle, and a cycle with nothing to do."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Iterator
from uuid import UUID

from benchmarks.figure import Figure
from benchmarks.halves import Halves, halves
from rollcall import directory
from rollcall.db import TenantDatabase

PEOPLE, GROUPS = 1_000, 60
_SEED = 2026
_IDLE_CYCLES = 9


def measure() -> Iterator[Figure]:
    """Seconds and requests of both cycles."""
    yield from asyncio.run(_measure())


async def _found(db: TenantDatabase, application: UUID) -> None:
    await db.write(directory.found_company, directory.demo_company(_SEED, PEOPLE, GROUPS), application)


async def _measure() -> list[Figure]:
    async with halves(_found) as joined:
        return [*await _initial(joined), *await _idle(joined)]


async def _initial(joined: Halves) -> list[Figure]:
    began = time.monotonic()
    result = await joined.run_cycle()
    seconds = time.monotonic() - began
    counts = result.counts
    assert counts.created == PEOPLE + GROUPS, "everybody arrived"
    assert not counts.failed, "nobody failed"
    what = f"initial cycle, {PEOPLE:,} people, {GROUPS} groups, {counts.references_added:,} members"
    return [
        Figure(what, seconds, "s", "≤ 5"),
        Figure("the same: requests for each person", counts.requests / PEOPLE, "requests", "≤ 2"),
    ]


async def _idle(joined: Halves) -> list[Figure]:
    milliseconds, requests = [], 0
    for _ in range(_IDLE_CYCLES):
        began = time.monotonic()
        result = await joined.run_cycle()
        milliseconds.append((time.monotonic() - began) * 1000)
        requests += result.counts.requests
    return [
        Figure("a cycle with nothing to do", statistics.median(milliseconds), "ms"),
        Figure("the same: requests", requests, "requests", "0"),
    ]
