"""What the next cycle would do: the cycle itself, rehearsed against a ledger and a target that keep nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from rollcall.provisioning import guarding
from rollcall.provisioning.cycle import run_cycle
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.gate import Digest, Recorder
from rollcall.provisioning.guards import objection
from rollcall.provisioning.model import Key, LogRecord, ReferenceKey
from rollcall.provisioning.page import run_page
from rollcall.provisioning.planned import Given, PlannedCycle, PlannedObject, PlannedSkip
from rollcall.provisioning.planning import REMOVALS
from rollcall.provisioning.rehearsal import RehearsalLedger
from rollcall.provisioning.rehearsal_target import RehearsalTarget
from rollcall.provisioning.request_profile import is_bulk_wanted
from rollcall.provisioning.road import Road, nobody_watches

_ACTIONS = frozenset({"create", "update", "disable", "delete"})
_STAGED = {"stagedAction": "disable", "stagedDelete": "delete"}


def unkeyed(content: bytes) -> str:
    """A digest without a key, for plans that nobody else gets to see."""
    return hashlib.sha256(content).hexdigest()[:32]


async def plan_cycle(road: Road, digest: Digest = unkeyed) -> PlannedCycle:
    """Work out what the next cycle would do. Reads source, ledger and target; writes nothing anywhere."""
    ledger, target, recorder = RehearsalLedger(road.ledger), RehearsalTarget(road.target), Recorder(digest)
    now = road.runtime.now()
    given = road.given or Given(now, road.runtime.new_id().hex)
    await ledger.begin(now)
    exporter = _exporter(road, target)
    road = replace(road, given=given)
    result = await run_cycle(
        replace(road, ledger=ledger, target=target, exporter=exporter, observer=nobody_watches, gate=recorder)
    )
    planned = PlannedCycle(result.kind, in_step=ledger.in_step, given=given, requests=result.counts.requests)
    planned.basis = await ledger.position()
    for record in _of_this_cycle(ledger, recorder):
        planned.names[record.key] = record.name
        _take(planned, record, ledger, recorder)
    for references, into in ((ledger.added, planned.added), (ledger.removed, planned.removed)):
        for reference in references:
            _take_reference(planned, into, reference, ledger)
    planned.held_because = result.held_because
    await _plan_held(road, planned, ledger, result.held_because if result.held_by == "source_anomaly" else "")
    planned.problem = result.problem.reason if result.problem else None
    return planned


def _of_this_cycle(ledger: RehearsalLedger, recorder: Recorder) -> list[LogRecord]:
    """The records without those of earlier requests whose answer was lost: these come first where an object has both."""
    left = Counter(recorder.times)
    kept = []
    for record in reversed(ledger.records):
        if record.action not in _ACTIONS or left[record.key, record.action]:
            left[record.key, record.action] -= 1
            kept.append(record)
    return kept[::-1]


def _exporter(road: Road, target: RehearsalTarget) -> Exporter:
    """Asks at the pace of the cycle; what would write goes nowhere, and so at once."""
    settings = road.settings
    return Exporter(
        target,
        road.runtime,
        settings.concurrency,
        bulk=is_bulk_wanted(settings),
        requests_per_second=settings.requests_per_second,
        rehearsed=True,
    )


async def _plan_held(road: Road, planned: PlannedCycle, cycle: RehearsalLedger, anomaly: str) -> None:
    """What a restart would do with the removals that an earlier cycle held back and this one does not look at."""
    ledger, target = RehearsalLedger(road.ledger), RehearsalTarget(road.target)
    await ledger.begin(road.runtime.now())
    # Unguarded, so that all of them are planned; whether there are too many is counted below.
    exporter = _exporter(road, target)
    recorder = Recorder(unkeyed)
    alone = replace(
        road,
        ledger=ledger,
        target=target,
        exporter=exporter,
        observer=nobody_watches,
        gate=recorder,
    )
    looked_at = {record.key for record in cycle.records}
    after: Key | None = None
    while exporter.stopped is None and (keys := await road.ledger.withheld(after, road.settings.page_size)):
        after = keys[-1]
        left = [key for key in keys if key not in looked_at and _is_left_held(cycle, key)]
        if left:
            await run_page(alone, await road.source.fetch(left), (), None)
    found = [record for record in _of_this_cycle(ledger, recorder) if record.action in _ACTIONS]
    reasons = await _why_held(road, [record.key for record in found])
    for record in found:
        planned.held.append(_planned_object(record, record.action, reasons.get(record.key, record.reason)))
        planned.names[record.key] = record.name
    removals = sum(each.action in REMOVALS for each in (*planned.objects, *planned.withheld, *planned.held))
    fine = objection(road.settings, removals, await guarding.tally(road), anomaly) is None
    planned.held_sent = bool(planned.held) and fine


async def _why_held(road: Road, keys: Sequence[Key]) -> dict[Key, str]:
    """What a guard objected to when it held each of these removals back."""
    lots: dict[str, str] = {}
    reasons = {}
    for first in range(0, len(keys), road.settings.page_size):
        for key, link in (await road.ledger.known(keys[first : first + road.settings.page_size])).items():
            if link.staging is None:
                continue
            if link.staging not in lots:
                lot = await road.ledger.lot(link.staging)
                lots[link.staging] = "" if lot is None else lot.objection.because
            reasons[key] = lots[link.staging]
    return reasons


def _is_left_held(cycle: RehearsalLedger, key: Key) -> bool:
    """Whether the rehearsed cycle left the removal held back, rather than forget about the object or find it in step."""
    return key not in cycle.taken or (key in cycle.links and cycle.links[key].withheld)


def _planned_object(record: LogRecord, action: str, reason: str, digest: str = "") -> PlannedObject:
    # What is made has no id yet but the one that the rehearsal gave it.
    target_id = None if action == "create" else record.target_id
    return PlannedObject(record.key, record.name, action, target_id, record.modified, reason, digest)


def _take(planned: PlannedCycle, record: LogRecord, ledger: RehearsalLedger, recorder: Recorder) -> None:
    action = _STAGED.get(record.action, record.action)
    if action in _ACTIONS:
        into = planned.withheld if record.action in _STAGED else planned.objects
        reason = "" if record.action in _STAGED else record.reason
        into.append(_planned_object(record, action, reason, recorder.digests.get((record.key, action), "")))
        return
    link = ledger.links.get(record.key)
    failed = record.status == "failure"
    # Without when it is tried again: that depends on when it is tried.
    reason = link.escrow.reason if failed and link is not None and link.escrow is not None else record.reason
    skip = PlannedSkip(record.key, record.name, record.code, reason, failed)
    if skip not in planned.skips[-1:]:
        planned.skips.append(skip)


def _take_reference(
    planned: PlannedCycle,
    into: dict[tuple[Key, str], list[Key]],
    reference: ReferenceKey,
    ledger: RehearsalLedger,
) -> None:
    into.setdefault((reference.source, reference.attribute), []).append(reference.referenced)
    for end in (reference.source, reference.referenced):
        if end in ledger.links:
            planned.names.setdefault(end, ledger.links[end].name)
