"""What a plan costs: seconds, memory and size of `rollcall job plan --out`, as a process of its own."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from benchmarks.figure import Figure
from benchmarks.halves import Halves, command, halves
from rollcall import directory
from rollcall.db import TenantDatabase, Tx
from rollcall.directory import Company

_SEED = 2026
_GROUPS = 60


def measure(full: bool) -> Iterator[Figure]:
    """For 100,000 people and 1,000 changes, for 5,000 and 50 without `full`."""
    yield from asyncio.run(_measure(100_000 if full else 5_000))


async def _measure(people: int) -> list[Figure]:
    company = directory.demo_company(_SEED, people, _GROUPS)
    changed = people // 100

    async def fill(db: TenantDatabase, application: UUID) -> None:
        await db.write(directory.found_company, company, application)

    async with halves(fill) as joined:
        first = await asyncio.to_thread(_plan, joined, f"{people:,} people to create", "create", people)
        result = await joined.run_cycle()
        assert result.problem is None, "the directory is in step"
        await joined.db.write(_change, company, changed)
        what = f"{changed:,} changes among {people:,} people in step"
        return first + await asyncio.to_thread(_plan, joined, what, "update", changed)


async def _change(tx: Tx, company: Company, number: int) -> None:
    for person in company.people[:number]:
        user = await directory.find_user(tx, person.user_principal_name)
        assert user is not None
        await directory.update_user(tx, user.id, {"givenName": "Changed"})


def _plan(joined: Halves, what: str, action: str, number: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        file, told = Path(folder) / "plan.json", Path(folder) / "told.json"
        seconds, megabytes = command(joined, "job", "plan", "--json", "--out", str(file), told=told)
        assert json.loads(told.read_text())["totals"][action] >= number, "everybody is in the plan"
        return [
            Figure(f"plan of {what}, from the command's start to its end", seconds, "s"),
            Figure("the same: peak memory", megabytes, "MB"),
            Figure("the same: its document", file.stat().st_size / 1e6, "MB"),
        ]
