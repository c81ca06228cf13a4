"""Settles what the guards kept back: counted when the cycle has read everything, then sent or held; allowed, then sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rollcall.provisioning import guarding, guards
from rollcall.provisioning.ledger_contract import Commit
from rollcall.provisioning.model import Key, Staged
from rollcall.provisioning.page import run_page
from rollcall.provisioning.planning import UNGUARDED, Allowance
from rollcall.provisioning.road import Road


async def take_up(road: Road) -> None:
    """What earlier cycles left: allowed removals go first; of what waits to be counted, the evidence is taken in again."""
    if road.force_deletes:
        await _look_at(road, "held", UNGUARDED)
    if not road.position.unsettled:
        return
    await _look_at(road, "allowed", road.allowance)
    after: Key | None = None
    while keys := await road.ledger.staged("counting", after, road.settings.page_size):
        after = keys[-1]
        known = await road.ledger.known(keys)
        for entry in await road.source.fetch(keys):
            if entry.key in known and entry.key.kind in road.mappings:
                mapping = road.mappings[entry.key.kind].mapping
                road.emptied.take(entry, known[entry.key], guards.filled(entry, mapping))


async def note_missing(road: Road) -> None:
    """Whether a reading of everything showed far fewer objects than are linked; kept, so that a crash does not lose it."""
    if not road.position.reading_full or road.position.anomaly:
        return
    missing = await road.ledger.count_links(road.position.generation)
    found = guards.source_anomaly(missing, await road.ledger.count_links()) if missing else ""
    if found:
        road.position = replace(road.position, anomaly=found)
        await road.ledger.commit(Commit(position=road.position))


async def send_if_sure(road: Road) -> None:
    """Send what was kept back already now, where nothing that is still to come can make it too much."""
    if road.counting and road.exporter.stopped is None and await guarding.may_go_at_once(road, 0):
        await _send(road)


async def settle(road: Road) -> None:
    """Judge all removals of the cycle together: each is looked at afresh and sent, or held back (rules P2, P3)."""
    if road.exporter.stopped is not None:
        return
    if road.counting or road.position.unsettled:
        await _tell(road)  # what a cycle that died had judged
        number = await road.ledger.count_counting()
        before = await guarding.tally(road)
        total = road.removals + road.counts.withheld + number
        objected = guards.objection(road.settings, total, before, guarding.anomaly(road))
        if number and objected is not None:
            await road.ledger.hold_counted(guarding.new_lot(road, objected))
            road.counting = 0
            await _tell(road)
        elif number:
            await _send(road)
    if road.position.anomaly and not road.position.reading_full and road.exporter.stopped is None:
        road.position = replace(road.position, anomaly="")
        await road.ledger.commit(Commit(position=road.position))


async def _send(road: Road) -> None:
    await _look_at(road, "counting", Allowance(room=None, keeps=True))
    road.counting = 0
    guarding.let_through(road, await guarding.tally(road))


async def _tell(road: Road) -> None:
    """Look at what was judged too much, and tell of each removal that is held back."""
    while keys := await road.ledger.staged("judged", None, 1):
        (link,) = (await road.ledger.known(keys)).values()
        lot = None if link.staging is None else await road.ledger.lot(link.staging)
        assert lot is not None, "what was judged belongs to a lot"
        await _look_at(road, "judged", Allowance(objection=lot.objection, staging=lot.id))
        if road.exporter.stopped is not None:
            return


async def _look_at(road: Road, state: Staged, allowance: Allowance) -> None:
    """Objects that have come so far with the guards, page after page, down the road with this allowance."""
    after: Key | None = None
    before = road.allowance
    while road.exporter.stopped is None:
        keys = await road.ledger.staged(state, after, road.settings.page_size)
        if not keys:
            break
        after = keys[-1]
        road.allowance = allowance
        await run_page(road, await road.source.fetch(keys), (), None)
        await _forget_unmapped(road, keys, state)
    road.allowance = before


async def _forget_unmapped(road: Road, keys: Sequence[Key], state: Staged) -> None:
    """Objects of a kind that the job does not provision any more are let be, and nothing of theirs is counted."""
    kinds = {kind for kind, compiled in road.mappings.items() if compiled.mapping.enabled}
    left = [key for key in keys if key.kind not in kinds]
    if left:
        links = (await road.ledger.known(left)).values()
        freed = [replace(link, withheld=False, staged="", staging=None) for link in links if link.staged == state]
        await road.ledger.commit(Commit(links=freed))
