"""What the next cycle would do, found on the same road as the cycle itself, which ends here at the plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rollcall.provisioning.connectors.contract import SourcePage
from rollcall.provisioning.cycle import prepare
from rollcall.provisioning.model import Entry, Json, Key, ReferenceKey, Tie
from rollcall.provisioning.planning import Item, plan, shown_changes, source_anomaly
from rollcall.provisioning.road import Road

_EVERYTHING = 1 << 40
_MEMBERS_PAGE = 2000


@dataclass(frozen=True, slots=True)
class PlannedObject:
    """What would happen to one object, attribute by attribute: path, old value, new value."""

    key: Key
    name: str
    action: str
    target_id: str | None
    changes: tuple[tuple[str, Json, Json], ...]


@dataclass(frozen=True, slots=True)
class PlannedSkip:
    """Why nothing would happen to one object."""

    key: Key
    name: str
    code: str
    reason: str
    failed: bool


@dataclass(slots=True)
class PlannedCycle:
    """The whole plan. `added` and `removed` are references by object and attribute, as names or ids of the other end."""

    kind: str = "incremental"
    objects: list[PlannedObject] = field(default_factory=list)
    withheld: list[PlannedObject] = field(default_factory=list)
    skips: list[PlannedSkip] = field(default_factory=list)
    in_step: int = 0
    added: dict[tuple[Key, str], list[Key]] = field(default_factory=dict)
    removed: dict[tuple[Key, str], list[Key]] = field(default_factory=dict)
    names: dict[Key, str] = field(default_factory=dict)
    problem: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether the cycle would send nothing that writes."""
        return not (self.objects or self.added or self.removed)


@dataclass(slots=True)
class _Planning:
    """A plan that is being worked out."""

    road: Road
    planned: PlannedCycle
    seen: set[Key] = field(default_factory=set)
    wanted: set[Key] = field(default_factory=set)
    groups: list[Item] = field(default_factory=list)
    ties: list[Tie] = field(default_factory=list)
    managers: list[tuple[Key, str, Key | None]] = field(default_factory=list)
    removals: int = 0


async def plan_cycle(road: Road) -> PlannedCycle:
    """Work out what the next cycle would do. Reads source, ledger and target; writes nothing anywhere."""
    position = await road.ledger.position()
    road.position = position
    work = _Planning(road, PlannedCycle())
    full = position.watermark is None or position.reading_full
    work.planned.kind = "initial" if full else "incremental"
    watermark, more = position.watermark, True
    while more and road.exporter.stopped is None:
        page: SourcePage = await road.source.changes(watermark, road.settings.page_size)
        full = full or page.full
        if page.total is not None:
            road.counts.total = page.total
        await _plan_page(work, page.entries, full=page.full)
        work.ties.extend(() if page.full else page.ties)
        watermark, more = page.watermark, page.more
    await _plan_keys(work, await road.ledger.due(road.runtime.now(), None, _EVERYTHING))
    if full:
        linked = await road.ledger.unseen(_EVERYTHING, _EVERYTHING)
        road.hold = source_anomaly(sum(key not in work.seen for key in linked), len(linked))
        await _plan_keys(work, linked)
    await _plan_members(work)
    if road.exporter.stopped is not None:
        work.planned.problem = road.exporter.stopped.reason
    return work.planned


async def _plan_keys(work: _Planning, keys: Sequence[Key]) -> None:
    """Objects that no page of the source showed: failures that are due, and links a full reading would not meet."""
    missing = [key for key in keys if key not in work.seen]
    size = work.road.settings.page_size
    for start in range(0, len(missing), size):
        await _plan_page(work, await work.road.source.fetch(missing[start : start + size]), full=False)


async def _plan_page(work: _Planning, entries: Iterable[Entry], *, full: bool) -> None:
    fresh = [entry for entry in {entry.key: entry for entry in entries}.values() if entry.key not in work.seen]
    work.seen.update(entry.key for entry in fresh)
    items = await prepare(work.road, fresh, verify=full and work.road.verify)
    names = {item.desired.key: item.desired.name for item in items}
    redacted = {item.desired.key: item.desired.redacted for item in items}
    work.planned.names.update(names)
    page = plan(items, work.road.settings, work.removals, work.road.hold)
    work.removals += sum(operation.action in ("disable", "delete") for operation in page.operations)
    work.removals += len(page.withheld)
    for operations, into in ((page.operations, work.planned.objects), (page.withheld, work.planned.withheld)):
        into.extend(
            PlannedObject(
                each.key,
                names[each.key],
                each.action,
                each.target_id,
                shown_changes(each.changes, redacted[each.key]),
            )
            for each in operations
        )
    for skip in page.skips:
        if skip.code in ("RedundantExport", "RedundantSoftDelete"):
            work.planned.in_step += 1
        elif not skip.silent:
            work.planned.skips.append(PlannedSkip(skip.key, names[skip.key], skip.code, skip.reason, skip.failed))
    _note_references(work, items)


def _note_references(work: _Planning, items: Sequence[Item]) -> None:
    for item in items:
        key = item.desired.key
        if item.scope.verdict == "active" or item.link.may_exist:
            work.wanted.add(key)
        if item.scope.verdict != "active":
            continue
        if key.kind == "Group":
            work.groups.append(item)
        for attribute, referenced in item.desired.references.items():
            work.managers.append((key, attribute, referenced[0] if referenced else None))


async def _plan_members(work: _Planning) -> None:
    """References that would be written: whole lists of new groups, ties that changed, managers."""
    compared: set[Key] = set()
    for item in work.groups:
        if item.link.target_id is None or item.known.target_id is None or work.planned.kind == "initial":
            compared.add(item.desired.key)
            await _compare_members(work, item.desired.key)
    for tie in work.ties:
        if tie.key.source not in compared:
            await _compare_tie(work, tie)
    for key, attribute, referenced in work.managers:
        known = await work.road.ledger.references_of(key, attribute)
        present = {other for other, state in known.items() if state != "absent"}
        if referenced is not None and referenced not in present and await _is_or_will_be_there(work, referenced):
            work.planned.added.setdefault((key, attribute), []).append(referenced)
        elif referenced is None and present:
            work.planned.removed.setdefault((key, attribute), []).extend(sorted(present))


async def _compare_members(work: _Planning, group: Key) -> None:
    known = await work.road.ledger.references_of(group, "members")
    present = {key for key, state in known.items() if state != "absent"}
    after: str | None = None
    while members := await work.road.source.members(group.id, after, _MEMBERS_PAGE):
        after = members[-1].id
        there = await _there(work, [member for member in members if member not in present])
        if there:
            work.planned.added.setdefault((group, "members"), []).extend(there)
        present.difference_update(members)
    if present:
        work.planned.removed.setdefault((group, "members"), []).extend(sorted(present))


async def _compare_tie(work: _Planning, tie: Tie) -> None:
    key: ReferenceKey = tie.key
    link = (await work.road.ledger.known([key.source])).get(key.source)
    if link is None or not link.may_exist:
        return
    known = await work.road.ledger.references_of(key.source, key.attribute)
    is_present = known.get(key.referenced, "absent") != "absent"
    if tie.present and not is_present and await _is_or_will_be_there(work, key.referenced):
        work.planned.added.setdefault((key.source, key.attribute), []).append(key.referenced)
    elif not tie.present and is_present:
        work.planned.removed.setdefault((key.source, key.attribute), []).append(key.referenced)


async def _is_or_will_be_there(work: _Planning, key: Key) -> bool:
    return bool(await _there(work, [key]))


async def _there(work: _Planning, keys: Sequence[Key]) -> list[Key]:
    """Those of the objects that are in the target or would be after this cycle."""
    asked = [key for key in keys if key not in work.seen]
    known = await work.road.ledger.known(asked) if asked else {}
    for key, link in known.items():
        work.planned.names.setdefault(key, link.name)
    return [key for key in keys if key in work.wanted or (key in known and known[key].may_exist)]
