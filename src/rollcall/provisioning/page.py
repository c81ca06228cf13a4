"""One page of entries down the whole road: looked up, planned, carried out, remembered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from rollcall.provisioning import guarding, looking, outcomes, planning
from rollcall.provisioning.belated import what_came_to_light
from rollcall.provisioning.connectors.contract import Done
from rollcall.provisioning.expression import Context
from rollcall.provisioning.guards import filled
from rollcall.provisioning.holders import find_holders
from rollcall.provisioning.ledger_contract import Commit, Position
from rollcall.provisioning.mapping import desired
from rollcall.provisioning.model import Desired, Entry, Key, Link, Plan, Tie
from rollcall.provisioning.planning import Item
from rollcall.provisioning.redaction import Hidden, hidden_of
from rollcall.provisioning.road import Road
from rollcall.provisioning.scoping import decide
from rollcall.provisioning.target_listing import remember_in_listings
from rollcall.runtime import seeded

_IN_STEP = frozenset({"RedundantExport", "RedundantSoftDelete"})


async def run_page(
    road: Road,
    entries: Sequence[Entry],
    ties: Sequence[Tie],
    position: Position | None,
    *,
    full: bool = False,
    last: bool = False,
) -> None:
    """One page of entries down the whole road; `last`: the cycle reads nothing more of the source."""
    unique = list({entry.key: entry for entry in entries}.values())
    items = await prepare(road, unique, verify=full and road.verify)
    guarding.take(road, unique, items)
    now = road.runtime.now()
    plan = planning.plan(items, road.settings, road.allowance, now)
    # Who leaves waits for nothing: where all that this cycle may remove is known before its first write, it goes now.
    if plan.counting and last and not full and await guarding.may_go_at_once(road, len(plan.counting)):
        plan = planning.plan(items, road.settings, road.allowance, now)
    conclusion = await carry_out(road, items, plan, ties, position, full=full)
    _measure(road, items, {entry.key: entry.changed_at for entry in unique}, conclusion)


def _measure(
    road: Road, items: Sequence[Item], changed: Mapping[Key, datetime | None], conclusion: outcomes.Conclusion
) -> None:
    """How the operations ended, and how long a change took to arrive; one that had failed, since it did so first."""
    meter, now = road.exporter.meter, road.runtime.now()
    failed = {item.desired.key: item.known.escrow.first_failed for item in items if item.known.escrow is not None}
    for record in conclusion.commit.log:
        meter.operated(record.action, record.status)
        since = failed.get(record.key) or changed.get(record.key)
        if record.status == "success" and since is not None:
            meter.arrived((now - since).total_seconds())


async def carry_out(
    road: Road,
    items: Sequence[Item],
    plan: Plan,
    ties: Sequence[Tie] = (),
    position: Position | None = None,
    *,
    full: bool = False,
) -> outcomes.Conclusion:
    """A plan from its intent to what is remembered of it; nothing of it when the gate does not let it pass."""
    lately = what_came_to_light(
        items, now=road.runtime.now(), new_id=lambda: str(road.runtime.new_id()), cycle_id=road.cycle_id
    )
    if lately is not None:
        await road.ledger.commit(lately)
    if refused := road.gate.objects(plan.operations):
        road.exporter.stopped = refused
        return outcomes.Conclusion(Commit(), {}, frozenset())
    noted = await guarding.note(road, items, plan)
    await road.ledger.intend(outcomes.intents(items, plan), outcomes.lost_by_looking(items))
    results = await road.exporter.export(plan.waves)
    await guarding.unnote(road, noted, results)
    remember_in_listings(road, results)
    holders = await find_holders(road, items, results)
    conclusion = outcomes.conclude(
        items,
        plan,
        results,
        now=road.runtime.now(),
        new_id=lambda: str(road.runtime.new_id()),
        cycle_id=road.cycle_id,
        generation=position.generation if position is not None else road.position.generation,
        settings=road.settings,
        members_pending=full,
        owners=await _owners_of_created(road, results),
        holders=holders,
    )
    road.contested.update(dict.fromkeys(holders))
    _count(road, items, plan, conclusion)
    # A page that stopped half-way is read again: its watermark is not kept.
    keep = position if road.exporter.stopped is None else None
    await road.ledger.commit(replace(conclusion.commit, ties=tuple(ties), position=keep))
    if keep is not None:
        road.position = keep
    road.counts.requests = road.exporter.traffic.requests
    await road.observer(road.counts)
    return conclusion


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


async def prepare(road: Road, entries: Sequence[Entry], *, verify: bool = False, fresh: bool = False) -> list[Item]:
    """Entries with their scope, what is desired, what is known, and what the target shows; `fresh`: right now."""
    known = await road.ledger.known([entry.key for entry in entries])
    context = road.context()
    considered = []
    for entry in entries:
        compiled = road.mappings.get(entry.key.kind)
        if compiled is None or not compiled.mapping.enabled:
            continue
        scope = decide(entry, road.settings, compiled.filters)
        considered.append((scope, desired(entry, scope, compiled, _given(road, context, entry.key)), compiled))
    road.exporter.hidden = _hidden_among([each for _, each, _ in considered], known)
    items = await looking.look(road, considered, known, verify=verify, fresh=fresh)
    by_key = {entry.key: entry for entry in entries}
    return [replace(item, filled=filled(by_key[item.desired.key], item.mapping)) for item in items]


def _hidden_among(wanted: Sequence[Desired], known: Mapping[Key, Link]) -> Hidden:
    """What must be shown nowhere of the objects of a page: they are in the hands of the target together."""
    some = [each for each in wanted if each.redacted]
    of = [hidden_of(each, known[each.key].sent if each.key in known else {}) for each in some]
    return Hidden(frozenset().union(*(each.paths for each in of)), tuple(value for each in of for value in each.values))


def _given(road: Road, context: Context, key: Key) -> Context:
    """The context of one object: in a cycle that was planned, the moment and the chance of its plan."""
    if road.given is None:
        return context
    chance = seeded(f"{road.given.seed} {key.kind} {key.id}")
    return replace(
        context,
        now=road.given.now,
        random=chance,
        new_guid=lambda: str(UUID(int=chance.getrandbits(128), version=4)),
    )


def _count(road: Road, items: Sequence[Item], plan: Plan, conclusion: outcomes.Conclusion) -> None:
    counts = road.counts
    counts.imported += len(items)
    counts.in_scope += sum(1 for item in items if item.scope.verdict == "active")
    for action, number in conclusion.done.items():
        name = {"create": "created", "update": "updated", "disable": "disabled", "delete": "deleted"}[action]
        setattr(counts, name, getattr(counts, name) + number)
    road.failed = (road.failed - {item.desired.key for item in items}) | conclusion.failed
    counts.failed = len(road.failed)
    anew = {item.desired.key for item in items if item.known.escrow is None}
    road.failed_anew = (road.failed_anew | (conclusion.failed & anew)) & road.failed
    counts.failed_anew = len(road.failed_anew)
    shown = {item.desired.key for item in items if item.present is not None}
    counts.in_step += sum(1 for skip in plan.skips if skip.code in _IN_STEP and skip.key in shown)
    counts.skipped += sum(1 for skip in plan.skips if not skip.failed)
    counts.withheld += len(plan.withheld)
    guarding.count(road, plan)
