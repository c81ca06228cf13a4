"""One cycle, page by page: the only place that states the order.

Every road is this one: initial and incremental cycles, retries, and dry runs, which stop at the plan.
A page (page.run_page) reads twice (what is known, what the target shows) and commits twice (what may happen, what did).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollcall.provisioning import guarding, settling
from rollcall.provisioning.exchanging import exchange_names
from rollcall.provisioning.guards import Guard
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.model import Key, Problem, Tie
from rollcall.provisioning.page import run_page
from rollcall.provisioning.reference_pass import send_due_references, take_pending_members
from rollcall.provisioning.road import Counts, Road


@dataclass(frozen=True, slots=True)
class CycleResult:
    """How a cycle ended.

    `problem` is set when it stopped before its end; `held` when a guard held removals back, `held_because` with the
    evidence and `held_by` with the guard. `resume_at`: the target does not want to be asked again before.
    """

    kind: str
    counts: Counts
    problem: Problem | None
    held: bool
    held_because: str = ""
    resume_at: datetime | None = None
    held_by: Guard | None = None


async def run_cycle(road: Road) -> CycleResult:
    """Bring the target in step with the source: what changed, what failed before, what vanished, and the ties.

    Stops early, and keeps its place, when the target is away or refuses the credentials.
    """
    road.position = await road.ledger.position()
    initial = road.position.watermark is None or road.position.reading_full
    # A reading of everything judges anew what was held back.
    road.allowance = replace(guarding.first_allowance(road.settings), keeps=not initial)
    await settling.take_up(road)
    chunks = 0
    while await _read_source(road):
        # The directory changes faster than it is read: leavers and memberships do not wait for a quiet moment.
        chunks += 1
        if chunks % _CHUNKS_COUNTED == 0:
            await settling.settle(road)
        if chunks % _CHUNKS_COUNTED == 0 or not road.settings.membership_removal_threshold:
            await take_pending_members(road)
            await send_due_references(road)
    await settling.note_missing(road)
    await settling.send_if_sure(road)
    await _retry(road)
    if road.position.reading_full:
        await _sweep(road)
    await _delete_overdue(road)
    await settling.settle(road)
    await take_pending_members(road)
    await _retry(road)
    await exchange_names(road)
    await send_due_references(road)
    await _retry_lost(road)
    await settling.settle(road)
    road.counts.requests = road.exporter.traffic.requests
    await road.observer(road.counts)
    return _result(road, "initial" if initial else "incremental")


def _result(road: Road, kind: str) -> CycleResult:
    objection = road.objections[0] if road.objections else None
    return CycleResult(
        kind,
        road.counts,
        road.exporter.stopped,
        objection is not None,
        " ".join(each.because for each in road.objections),
        resume_at=road.exporter.resume_at,
        held_by=None if objection is None else objection.guard,
    )


async def run_for(road: Road, keys: Sequence[Key], ties: Sequence[Tie] = (), *, named: bool = True) -> CycleResult:
    """The same road for chosen objects only: provision on demand. Watermark and schedule stay as they are.

    `ties`: references of the source that are looked at as well. `named`: each of them was meant; what was held back of them
    is looked at anew then, and of others stays held.
    """
    road.position = await road.ledger.position()
    road.allowance = replace(guarding.first_allowance(road.settings), keeps=not named)
    size = road.settings.page_size
    for first in range(0, len(keys), size):
        entries = await road.source.fetch(keys[first : first + size])
        await run_page(road, entries, (), None, last=len(keys) <= size)
    if road.exporter.stopped is None:
        await _again_at_once(road, keys)
        await settling.settle(road)
        await exchange_names(road)
        if ties:
            await road.ledger.commit(Commit(ties=ties))
    await take_pending_members(road)
    await send_due_references(road)
    road.counts.requests = road.exporter.traffic.requests
    return _result(road, "on demand")


async def _again_at_once(road: Road, keys: Sequence[Key]) -> None:
    """Once more for those of them whose failure showed that the ledger was wrong."""
    now = road.runtime.now()
    links = await road.ledger.known(keys)
    again = [key for key, link in links.items() if link.escrow is not None and link.escrow.next_attempt <= now]
    if again:
        await run_page(road, await road.source.fetch(again), (), None)


_PAGES_AT_ONCE = 20
_CHUNKS_COUNTED = 10
"""So many times as many pages of changes are counted together before a cycle that finds no end judges what it has."""


async def _read_source(road: Road) -> bool:
    """Page after page of what changed since the watermark; whether there is more after so many pages of changes.

    A reading of everything goes on to its end, since its references are sent best together.
    """
    more, pages = True, 0
    while more and road.exporter.stopped is None:
        if pages == _PAGES_AT_ONCE:
            return True
        page = await road.source.changes(road.position.watermark, road.settings.page_size)
        if page.full and (road.position.watermark is None or not road.position.reading_full):
            await _start_reading_full(road)
        position = replace(
            road.position, watermark=page.watermark, reading_full=page.full or road.position.reading_full
        )
        if page.total is not None:
            road.counts.total = page.total
            # Users and groups are paged each for themselves.
            road.counts.pages_total = -(-page.total // road.settings.page_size) + 1
        ties = () if page.full else page.ties
        await run_page(road, page.entries, ties, position, full=page.full, last=not page.more)
        road.counts.pages += 1
        more = page.more
        pages += 0 if page.full else 1
    return False


async def _start_reading_full(road: Road) -> None:
    """Number this reading of everything, for good before its first page: one that is abandoned marks nothing for the next."""
    road.position = replace(road.position, reading_full=True, generation=road.position.generation + 1, anomaly="")
    road.allowance = replace(road.allowance, keeps=False)  # everything is judged anew
    await road.ledger.commit(Commit(position=road.position))


async def _retry(road: Road) -> None:
    """Objects that failed or whose state is uncertain, when their time has come."""
    now = road.runtime.now()
    after: Key | None = None
    while road.exporter.stopped is None:
        keys = await road.ledger.due(now, after, road.settings.page_size)
        if not keys:
            return
        after = keys[-1]
        await run_page(road, await road.source.fetch(keys), (), None)


async def _retry_lost(road: Road) -> None:
    """Once more for objects that turned out to be lost while their references were sent."""
    if road.exporter.stopped is None and await road.ledger.due(road.runtime.now(), None, 1):
        await _retry(road)
        await take_pending_members(road)
        await send_due_references(road)


async def _delete_overdue(road: Road) -> None:
    """Whoever was disabled so many days ago as the job waits until it deletes; each is looked at afresh."""
    settings, users = road.settings, road.mappings.get("User")
    if not settings.delete_after_days or settings.skip_out_of_scope_deletions or not users or not users.mapping.delete:
        return
    moment = road.runtime.now() - timedelta(days=settings.delete_after_days)
    after: tuple[datetime, Key] | None = None
    while road.exporter.stopped is None:
        overdue = await road.ledger.disabled_before(moment, after, settings.page_size)
        if not overdue:
            return
        last = overdue[-1]
        assert last.disabled_at is not None, "who is disabled is so since some time"
        after = (last.disabled_at, last.key)
        await run_page(road, await road.source.fetch([link.key for link in overdue]), (), None)


async def _sweep(road: Road) -> None:
    """Objects with a link that a reading of everything did not show: what has become of them?"""
    while road.exporter.stopped is None:
        keys = await road.ledger.unseen(road.position.generation, road.settings.page_size)
        if not keys:
            road.position = replace(road.position, reading_full=False)
            await road.ledger.commit(Commit(position=road.position))
            return
        await run_page(road, await road.source.fetch(keys), (), None)
