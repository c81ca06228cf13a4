"""Asks the guards before removals go out: at once where none can object, held back in lots where one does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from rollcall.provisioning.connectors.contract import Outcome, Refused
from rollcall.provisioning.exporter import Result
from rollcall.provisioning.guards import (
    Objection,
    Tally,
    advice,
    fewest_objected,
    is_guarded,
    objection,
    too_many_references,
)
from rollcall.provisioning.ledger_contract import Lot, ReferenceOutcome
from rollcall.provisioning.model import Entry, JobSettings, Key, Link, LogRecord, Operation, Plan, ReferenceOperation
from rollcall.provisioning.planning import REMOVALS, Allowance, Item
from rollcall.provisioning.road import Road

_A_GLANCE = 500
"""With more objects waiting for a retry or for their deletion it is not worth while to tell ahead what they come to."""
_DAY = timedelta(days=1)


def first_allowance(settings: JobSettings) -> Allowance:
    """What a cycle begins with: removals are kept back until they are counted, where anything guards them at all."""
    return Allowance(room=0 if is_guarded(settings) else None, keeps=True)


def take(road: Road, entries: Sequence[Entry], items: Iterable[Item]) -> None:
    """Note what the entries of a page say about the source itself."""
    if not road.settings.source_anomaly_check:
        return
    by_key = {entry.key: entry for entry in entries}
    for item in items:
        if not _is_counted(road, item.known):
            road.emptied.take(by_key[item.desired.key], item.known, item.filled)


def _is_counted(road: Road, known: Link) -> bool:
    """Whether what an object has lost was counted before: it is remembered as lost only when its removal is decided."""
    decided = known.staged == "held" and (road.allowance.keeps or road.force_deletes)
    return decided or known.staged in ("counting", "judged", "allowed")


def anomaly(road: Road) -> str:
    """Why the source looks broken, as far as this cycle has read it; or nothing."""
    return road.position.anomaly or road.emptied.anomaly()


async def tally(road: Road) -> Tally:
    """What this cycle's removals are compared with, as it was before the first of them."""
    if road.tally is None:
        linked = await road.ledger.count_links()
        road.tally = Tally(linked, await road.ledger.count_removals(road.runtime.now() - _DAY))
    return road.tally


async def may_go_at_once(road: Road, removals: int) -> bool:
    """Whether so many more removals may go out at once: no guard can object to all that the cycle may still come to.

    To be asked when the source is read to its end, or will be with this page.
    """
    if road.allowance.room is None:
        return True
    coming = await _may_come(road)
    if coming is None:
        return False
    before = await tally(road)
    waiting = await road.ledger.count_counting() if road.counting or road.position.unsettled else 0
    if objection(road.settings, road.removals + waiting + removals + coming, before, anomaly(road)):
        return False
    let_through(road, before)
    return True


def let_through(road: Road, before: Tally) -> None:
    """From here on removals go out at once, up to the number that a guard would object to."""
    limit = fewest_objected(road.settings, before)
    road.allowance = replace(road.allowance, room=None if limit is None else max(0, limit - 1 - road.removals))


async def _may_come(road: Road) -> int | None:
    """How many removals there may be at the most among what is still to be looked at; None: too many to tell."""
    now = road.runtime.now()
    waiting = len(await road.ledger.due(now, None, _A_GLANCE))
    overdue = 0
    if road.settings.delete_after_days:
        moment = now - timedelta(days=road.settings.delete_after_days)
        overdue = len(await road.ledger.disabled_before(moment, None, _A_GLANCE))
    if _A_GLANCE in (waiting, overdue):
        return None
    unseen = await road.ledger.count_links(road.position.generation) if road.position.reading_full else 0
    return waiting + overdue + unseen


def count(road: Road, plan: Plan) -> None:
    """Take what a page sent and kept back into the count of the cycle."""
    sent = guarded_removals(plan)
    road.removals += sent
    road.counting += len(plan.counting)
    if road.allowance.room is not None:
        road.allowance = replace(road.allowance, room=max(0, road.allowance.room - sent))


async def note(road: Road, items: Sequence[Item], plan: Plan) -> set[Key]:
    """Count the removals of a plan into the day before they are sent; a second try to disable is not counted again."""
    tried = {item.desired.key for item in items if item.known.state == "uncertain" and item.known.disabled}
    noted = {each.key for each in _guarded(plan) if each.action == "delete" or each.key not in tried}
    if noted:
        await road.ledger.note_removals(road.runtime.now(), len(noted))
    return noted


async def unnote(road: Road, noted: set[Key], results: Sequence[Result]) -> None:
    """What was surely not carried out does not count."""
    spared = sum(each.key in noted and _is_spared(outcome) for each, outcome, _ in results)
    if spared:
        await road.ledger.note_removals(road.runtime.now(), -spared)


def _is_spared(outcome: Outcome | None) -> bool:
    return outcome is None or (isinstance(outcome, Refused) and outcome.status != 404)


def guarded_removals(plan: Plan) -> int:
    """How many removals of a plan are sent without anybody's leave."""
    return len(_guarded(plan))


def _guarded(plan: Plan) -> list[Operation]:
    return [each for each in plan.operations if each.action in REMOVALS and each.key not in plan.unguarded]


def new_lot(road: Road, objected: Objection) -> Lot:
    """A lot for removals that a guard objects to in this cycle."""
    road.objections.append(objected)
    return Lot(str(road.runtime.new_id()), road.cycle_id, road.runtime.now(), objected)


async def hold_references(road: Road, now: datetime) -> None:
    """Hold the removals of members that are due at `now` back, where they are too many; what is added goes on."""
    limit = road.settings.membership_removal_threshold
    if not limit:
        return
    due = await road.ledger.count_removed_references(now, limit)
    objected = too_many_references(road.settings, road.removed_references + due)
    if objected is None:
        return
    held = await road.ledger.hold_references(new_lot(road, objected), now)
    links = await road.ledger.known(list(held))
    records = [
        _told(road, objected, key, links[key].name if key in links else key.id, held[key]) for key in sorted(held)
    ]
    await road.ledger.commit_references(ReferenceOutcome(log=records))


def count_references(road: Road, operation: ReferenceOperation) -> None:
    """Take the members that a request took out of a group, or may have, into the count of the cycle."""
    if operation.attribute == "members":
        road.removed_references += sum(not row.allowed for row in operation.removed)


def _told(road: Road, objected: Objection, key: Key, name: str, number: int) -> LogRecord:
    members = f"{number:,} {'removal' if number == 1 else 'removals'} from members"
    reason = f"{members} {'is' if number == 1 else 'are'} held back. {objected.because} {advice(objected.guard)}"
    step = {
        "name": "EntryExportUpdate",
        "provisioningStepType": "referenceResolution",
        "status": "warning",
        "description": reason,
        "details": {"References": str(number), "Attribute": "members"},
    }
    return LogRecord(
        id=str(road.runtime.new_id()),
        at=road.runtime.now(),
        cycle_id=road.cycle_id,
        key=key,
        name=name,
        target_id=None,
        action="stagedAction",
        status="warning",
        code="TooManyDeletes",
        reason=reason,
        duration_milliseconds=0,
        steps=(step,),
        modified=(),
    )
