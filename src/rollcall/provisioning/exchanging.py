"""Lets objects that wait for each other's names exchange them: one gets a name for the meantime, then all get theirs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from rollcall.provisioning.conflicts import Wish, given_up, rings
from rollcall.provisioning.holders import holders_of
from rollcall.provisioning.model import Key, Operation, Plan
from rollcall.provisioning.page import carry_out, prepare, run_page
from rollcall.provisioning.planning import Item, interim, plan_item
from rollcall.provisioning.road import Road


async def exchange_names(road: Road) -> None:
    """Break the rings among objects whose update was refused in this cycle.

    Each step is an ordinary page with its intent, so that after a crash anywhere the retries end it: whoever has
    a name for the meantime is due at once.
    """
    contested, road.contested = list(road.contested), {}
    links = await road.ledger.known(contested) if contested else {}
    waiting = [key for key in contested if key in links and links[key].target_id and links[key].escrow]
    if not waiting or road.exporter.stopped is not None:
        return
    items, wishes = await _wishes(road, waiting)
    for ring in rings(wishes):
        # A step between is taken only where all steps may follow: nobody is left with a name for the meantime.
        if road.gate.objects([each for key in ring if (each := _wanted(road, items[key]))]) is None:
            await _exchange(road, ring, items[ring[0]], given_up(ring, wishes))


async def _wishes(road: Road, start: Sequence[Key]) -> tuple[dict[Key, Item], dict[Key, Wish]]:
    """What these objects wait for at present, and those they wait for, and so on."""
    items: dict[Key, Item] = {}
    wishes: dict[Key, Wish] = {}
    frontier = list(start)
    while frontier and road.exporter.stopped is None:
        found = await prepare(road, await road.source.fetch(frontier), verify=True, fresh=True)
        items.update((item.desired.key, item) for item in found)
        wishes.update(await _wishes_of(road, found))
        owners = {holder.owner for wish in wishes.values() for holder in wish.holders if holder.owner is not None}
        asked = {*frontier, *items}
        frontier = sorted(owners - asked)
    return items, wishes


def _wanted(road: Road, item: Item) -> Operation | None:
    planned = plan_item(item, road.settings, road.runtime.now())
    return planned if isinstance(planned, Operation) else None


async def _wishes_of(road: Road, items: Sequence[Item]) -> Mapping[Key, Wish]:
    updates = []
    for item in items:
        planned = _wanted(road, item)
        if planned is not None and planned.action in ("update", "disable"):
            updates.append((planned, item.desired))
    holders = await holders_of(road, updates, fresh=True)
    return {
        operation.key: Wish(
            holders.get(operation.key, ()), frozenset(path for path, _, new in operation.changes if new is not None)
        )
        for operation, _ in updates
    }


async def _exchange(road: Road, ring: Sequence[Key], first: Item, attributes: Collection[str]) -> None:
    token = road.runtime.new_id().hex[-8:]
    operation = interim(first, road.settings, attributes, f"swap-{token}-")
    if (await carry_out(road, [first], Plan(((operation,),), ()))).done.get("update"):
        for key in [*reversed(ring[1:]), ring[0]]:
            await run_page(road, await road.source.fetch([key]), (), None)
