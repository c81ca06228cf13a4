"""One cycle, page by page: the only place that states the order.

Every road is this one: initial and incremental cycles, retries, and dry runs, which stop at the plan.
A page reads twice (what is known, what the target shows) and commits twice (what may happen, what did).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollcall.provisioning import looking, outcomes, planning
from rollcall.provisioning.connectors.contract import Done
from rollcall.provisioning.ledger_contract import Commit, Position
from rollcall.provisioning.mapping import desired
from rollcall.provisioning.model import Entry, Key, Plan, Problem, Tie
from rollcall.provisioning.planning import Item
from rollcall.provisioning.reference_pass import send_due_references, take_pending_members
from rollcall.provisioning.road import Counts, Road
from rollcall.provisioning.scoping import decide


@dataclass(frozen=True, slots=True)
class CycleResult:
    """How a cycle ended. `problem` is set when it stopped before its end; `held` when the guard held removals back."""

    kind: str
    counts: Counts
    problem: Problem | None
    held: bool


async def run_cycle(road: Road) -> CycleResult:
    """Bring the target in step with the source: what changed, what failed before, what vanished, and the ties.

    Stops early, and keeps its place, when the target is away or refuses the credentials.
    """
    road.position = await road.ledger.position()
    initial = road.position.watermark is None or road.position.reading_full
    while await _read_source(road):
        # The directory changes faster than it is read: memberships do not wait for a quiet moment.
        await take_pending_members(road)
        await send_due_references(road)
    await _retry(road)
    if road.position.reading_full:
        await _sweep(road)
    await _delete_overdue(road)
    await take_pending_members(road)
    await _retry(road)
    await send_due_references(road)
    await _retry_lost(road)
    road.counts.requests = road.exporter.traffic.requests
    await road.observer(road.counts)
    return CycleResult(
        "initial" if initial else "incremental", road.counts, road.exporter.stopped, road.counts.withheld > 0
    )


async def run_for(road: Road, keys: Sequence[Key]) -> CycleResult:
    """The same road for chosen objects only: provision on demand. Watermark and schedule stay as they are."""
    road.position = await road.ledger.position()
    await run_page(road, await road.source.fetch(keys), (), None)
    await take_pending_members(road)
    await send_due_references(road)
    road.counts.requests = road.exporter.traffic.requests
    return CycleResult("on demand", road.counts, road.exporter.stopped, road.counts.withheld > 0)


_PAGES_AT_ONCE = 20


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
        await run_page(road, page.entries, () if page.full else page.ties, position, full=page.full)
        more = page.more
        pages += 0 if page.full else 1
    return False


async def _start_reading_full(road: Road) -> None:
    """Number this reading of everything, for good before its first page: one that is abandoned marks nothing for the next."""
    road.position = replace(road.position, reading_full=True, generation=road.position.generation + 1)
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
    missing = await road.ledger.count_links(road.position.generation)
    road.hold = planning.source_anomaly(missing, await road.ledger.count_links())
    while road.exporter.stopped is None:
        keys = await road.ledger.unseen(road.position.generation, road.settings.page_size)
        if not keys:
            road.position = replace(road.position, reading_full=False)
            road.hold = ""
            await road.ledger.commit(Commit(position=road.position))
            return
        await run_page(road, await road.source.fetch(keys), (), None)


async def run_page(
    road: Road, entries: Sequence[Entry], ties: Sequence[Tie], position: Position | None, *, full: bool = False
) -> None:
    """One page of entries down the whole road."""
    unique = list({entry.key: entry for entry in entries}.values())
    items = await prepare(road, unique, verify=full and road.verify)
    plan = planning.plan(items, road.settings, road.removals, road.hold, road.runtime.now())
    await road.ledger.intend(outcomes.intents(items, plan), outcomes.lost_by_looking(items))
    results = await road.exporter.export(plan.waves)
    conclusion = outcomes.conclude(
        items,
        plan,
        results,
        now=road.runtime.now(),
        new_id=lambda: str(road.runtime.new_id()),
        cycle_id=road.cycle_id,
        generation=position.generation if position is not None else road.position.generation,
        members_pending=full,
        owners=await _owners_of_created(road, results),
    )
    _count(road, items, plan, conclusion)
    # A page that stopped half-way is read again: its watermark is not kept.
    keep = position if road.exporter.stopped is None else None
    await road.ledger.commit(replace(conclusion.commit, ties=tuple(ties), position=keep))
    if keep is not None:
        road.position = keep
    road.counts.requests = road.exporter.traffic.requests
    await road.observer(road.counts)


async def _owners_of_created(road: Road, results: Sequence[outcomes.Result]) -> dict[tuple[str, str], Key]:
    """Which source objects the ids of just created resources belong to: a target may give an id twice."""
    owners: dict[tuple[str, str], Key] = {}
    for kind in road.mappings:
        ids = {
            outcomes.created_id(outcome)
            for operation, outcome, _ in results
            if operation.key.kind == kind and operation.action == "create" and isinstance(outcome, Done)
        }
        if ids:
            for target_id, owner in (await road.ledger.owners(kind, ids)).items():
                owners[kind, target_id] = owner
    return owners


async def prepare(road: Road, entries: Sequence[Entry], *, verify: bool = False) -> list[Item]:
    """Entries with their scope, what is desired, what is known, and what the target shows."""
    known = await road.ledger.known([entry.key for entry in entries])
    context = road.context()
    considered = []
    for entry in entries:
        compiled = road.mappings.get(entry.key.kind)
        if compiled is None or not compiled.mapping.enabled:
            continue
        scope = decide(entry, road.settings, compiled.filters)
        considered.append((scope, desired(entry, scope, compiled, context), compiled))
    return await looking.look(road, considered, known, verify=verify)


def _count(road: Road, items: Sequence[Item], plan: Plan, conclusion: outcomes.Conclusion) -> None:
    counts = road.counts
    counts.imported += len(items)
    counts.in_scope += sum(1 for item in items if item.scope.verdict == "active")
    for action, number in conclusion.done.items():
        name = {"create": "created", "update": "updated", "disable": "disabled", "delete": "deleted"}[action]
        setattr(counts, name, getattr(counts, name) + number)
    counts.failed += conclusion.failed
    counts.skipped += sum(1 for skip in plan.skips if not skip.failed)
    counts.withheld += len(plan.withheld)
    road.removals += sum(1 for operation in plan.operations if operation.action in planning.REMOVALS)
    road.removals += len(plan.withheld)
