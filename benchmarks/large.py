"""A large directory: its first cycle with the worker as it runs in earnest, a group of everybody, and single changes."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from benchmarks.figure import Figure
from benchmarks.halves import Halves, halves, peak_megabytes, wait_for_cycle, worker
from rollcall import directory
from rollcall.db import TenantDatabase
from rollcall.directory import Company, CompanyGroup
from rollcall.provisioning import Cycle
from rollcall.scim_http.client import Done, ScimClient
from rollcall.scim_http.lookup import equal

_SEED = 2026
_GROUPS = 60
_EVERYBODY = "Everybody"
_CHANGES = 7
_LOOK_EVERY_SECONDS = 0.004


@dataclass(slots=True)
class _Pace:
    """How far the first cycle was at which moment."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def look(self, cycle: Cycle) -> None:
        self.seen.append(((cycle.observed - cycle.began).total_seconds(), cycle.counts.imported))

    def seconds_at(self, imported: int) -> float:
        """When so many objects were done, between two looks."""
        before = (0.0, 0)
        for seconds, reached in self.seen:
            if reached >= imported:
                share = (imported - before[1]) / max(1, reached - before[1])
                return before[0] + share * (seconds - before[0])
            before = (seconds, reached)
        return before[0]

    def per_second(self, first: int, last: int) -> float:
        """Objects a second between the object `first` and the object `last`."""
        return (last - first) / max(1e-9, self.seconds_at(last) - self.seconds_at(first))


def measure(full: bool) -> Iterator[Figure]:
    """Pace, memory and requests for 100,000 people, for 5,000 without `full`."""
    people = 100_000 if full else 5_000
    company = _company(people)

    async def fill(db: TenantDatabase, application: UUID) -> None:
        await db.write(directory.found_company, company, application)

    async def run() -> list[Figure]:
        async with halves(fill) as joined, worker(joined) as pid:
            initial = await _initial(joined, pid, company)
            return [*initial, *await _single_changes(joined, company), _memory(pid, "worker", people)]

    yield from asyncio.run(run())


def _company(people: int) -> Company:
    company = directory.demo_company(_SEED, people, _GROUPS)
    everybody = CompanyGroup(
        "department",
        {"displayName": _EVERYBODY, "mailEnabled": False, "securityEnabled": True, "mailNickname": "everybody"},
        tuple(person.user_principal_name for person in company.people),
    )
    return replace(company, groups=(*company.groups, everybody))


async def _initial(joined: Halves, pid: int, company: Company) -> list[Figure]:
    people, groups = len(company.people), len(company.groups)
    pace = _Pace()
    cycle = await wait_for_cycle(joined, 0, pace.look)
    pace.look(cycle)
    counts = cycle.counts
    assert counts.created == people + groups, f"everybody arrived: {counts}"
    assert not counts.failed, f"nobody failed: {counts}"
    assert cycle.ended is not None
    seconds = (cycle.ended - cycle.began).total_seconds()
    objects = pace.seconds_at(people + groups)
    tenth = people // 10
    what = f"initial cycle, {people:,} people, {groups} groups, one of everybody"
    return [
        Figure(what, seconds, "s"),
        Figure("the same: people", pace.per_second(0, people), "per s", "≥ 800"),
        Figure("the same: people of the first tenth", pace.per_second(0, tenth), "per s"),
        Figure("the same: people of the last tenth", pace.per_second(people - tenth, people), "per s"),
        Figure(f"the same: {counts.references_added:,} members, after that", seconds - objects, "s"),
        Figure("the same: requests for each person", counts.requests / people, "requests", "≤ 2"),
        _memory(pid, "worker during it", people),
        _memory(joined.application_pid, "application during it", people, aim=""),
    ]


def _memory(pid: int, whose: str, people: int, aim: str = "≤ 250") -> Figure:
    return Figure(f"peak memory of the {whose}, {people:,} people", peak_megabytes(pid), "MB", aim)


async def _single_changes(joined: Halves, company: Company) -> list[Figure]:
    people = len(company.people)
    figures: list[Figure] = []
    async with ScimClient(joined.tenant_url, joined.token) as client:
        everybody = await joined.db.read(directory.find_groups, _EVERYBODY)
        group_id = everybody[0].id
        changed, left, joined_again = [], [], []
        requests: list[int] = []
        for number in range(1, _CHANGES + 1):
            person = company.people[number * (people // (_CHANGES + 1))]
            user = await joined.db.read(directory.find_user, person.user_principal_name)
            assert user is not None
            there = await _user_there(client, person.user_principal_name)
            name = f"Zoë {number}"
            async with _cycle_counted(joined, requests):
                change = joined.db.write(directory.update_user, user.id, {"givenName": name})
                changed.append(await _arrival(client, there, change, _is_named(name)))
            async with _cycle_counted(joined, requests):
                change = joined.db.write(directory.remove_member, group_id, user.id)
                left.append(await _arrival(client, there, change, lambda shown: not _is_in(shown)))
            async with _cycle_counted(joined, requests):
                change = joined.db.write(directory.add_member, group_id, user.id)
                joined_again.append(await _arrival(client, there, change, _is_in))
    of = f"of {people:,}"
    figures.append(Figure(f"one changed person {of}: until the application has it", _ms(changed), "ms", "≤ 1,000"))
    figures.append(Figure(f"one member removed from the group {of}: until it has it", _ms(left), "ms"))
    figures.append(Figure(f"one member added to the group {of}: until it has it", _ms(joined_again), "ms"))
    figures.append(Figure("each of these: requests, at most", max(requests), "requests", "1"))
    return figures


@asynccontextmanager
async def _cycle_counted(joined: Halves, requests: list[int]) -> AsyncGenerator[None]:
    """Notes how many requests the cycle made that a change in the block woke, and waits for its end."""
    before = {cycle.id for cycle in await joined.cycles()}
    yield
    cycle = (await joined.cycles())[0]
    while cycle.id in before or cycle.ended is None:
        await asyncio.sleep(_LOOK_EVERY_SECONDS)
        cycle = (await joined.cycles())[0]
    requests.append(cycle.counts.requests)


async def _user_there(client: ScimClient, user_name: str) -> str:
    answer = await client.send("GET", "/Users", query={"filter": equal("userName", user_name)})
    assert isinstance(answer, Done), answer
    assert answer.body is not None
    return str(answer.body["Resources"][0]["id"])


async def _arrival(client: ScimClient, user_id: str, change: Any, shows: Callable[[dict[str, Any]], bool]) -> float:
    """Seconds from the commit of a change until the application shows it to somebody who asks."""
    await change
    committed = time.monotonic()
    while True:
        answer = await client.send("GET", f"/Users/{user_id}")
        assert isinstance(answer, Done), answer
        if shows(answer.body or {}):
            return time.monotonic() - committed
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


def _is_named(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda shown: bool(shown["name"]["givenName"] == name)


def _is_in(shown: dict[str, Any]) -> bool:
    return any(group.get("display") == _EVERYBODY for group in shown.get("groups", ()))


def _ms(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000
