"""Asks the target who has the values that it refused because they are taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from rollcall.provisioning.conflicts import Holder, contested_values
from rollcall.provisioning.connectors.contract import Found, Refused, Unanswered
from rollcall.provisioning.matching import Lookup, TargetIndex, resembles
from rollcall.provisioning.model import Desired, Key, Link, Operation
from rollcall.provisioning.outcomes import Result, is_conflict
from rollcall.provisioning.planning import Item
from rollcall.provisioning.road import Road
from rollcall.provisioning.target_listing import is_asked, listed_anew
from rollcall.provisioning.target_schema import read_values

Asked = tuple[Operation, Lookup]


async def find_holders(road: Road, items: Sequence[Item], results: Sequence[Result]) -> dict[Key, tuple[Holder, ...]]:
    """Who has what, for each operation of a page that the target refused as a conflict."""
    wanted = {item.desired.key: item.desired for item in items}
    refused = [operation for operation, outcome, _ in results if is_conflict(outcome)]
    return await holders_of(road, [(operation, wanted[operation.key]) for operation in refused])


async def holders_of(
    road: Road, operations: Sequence[tuple[Operation, Desired]], *, fresh: bool = False
) -> dict[Key, tuple[Holder, ...]]:
    """Who has the values that may have to be unique, for each operation; the object itself does not count.

    `fresh`: where the target does not filter, an earlier listing of it will not do.
    """
    asked = [(operation, lookup) for operation, wanted in operations for lookup in contested_values(operation, wanted)]
    answers = await (_found(road, asked) if is_asked(road) else _listed(road, asked, fresh=fresh))
    hits = [
        (operation, lookup, target_id)
        for (operation, lookup), ids in zip(asked, answers, strict=True)
        for target_id in ids
        if target_id != operation.target_id
    ]
    links = await _links_of(road, {(operation.key.kind, target_id) for operation, _, target_id in hits})
    found: dict[Key, tuple[Holder, ...]] = {}
    for operation, (attribute, value), target_id in hits:
        link = links.get((operation.key.kind, target_id))
        owner, name = (None, "") if link is None else (link.key, link.name)
        holder = Holder(attribute, str(value), target_id, owner, name)
        found[operation.key] = (*found.get(operation.key, ()), holder)
    return found


async def _found(road: Road, asked: Sequence[Asked]) -> list[list[str]]:
    """The ids of the resources with each value, by asking for each."""
    replies = await road.exporter.send_all([_finding(road, *each) for each in asked])
    return [_holding(lookup, reply) for (_, lookup), reply in zip(asked, replies, strict=True)]


def _holding(lookup: Lookup, reply: Found | Refused | Unanswered | None) -> list[str]:
    """Of a target that ignores the filter, only those are believed that show the value."""
    if not isinstance(reply, Found):
        return []
    attribute, value = lookup
    return [str(row["id"]) for row in reply.resources if resembles(value, read_values(row, attribute))]


async def _listed(road: Road, asked: Sequence[Asked], *, fresh: bool) -> list[list[str]]:
    """The ids of the resources with each value, out of a listing."""
    listings: dict[str, TargetIndex | None] = {}
    for kind in {operation.key.kind: None for operation, _ in asked}:
        index = None if fresh else road.indexes.get(kind)
        listings[kind] = index if index is not None and index.is_complete else await listed_anew(road, kind)
    return [
        [] if index is None else [target_id for target_id, _ in index.find(*lookup)]
        for operation, lookup in asked
        for index in [listings[operation.key.kind]]
    ]


async def _links_of(road: Road, ids: set[tuple[str, str]]) -> dict[tuple[str, str], Link]:
    found: dict[tuple[str, str], Link] = {}
    for kind in sorted({kind for kind, _ in ids}):
        owners = await road.ledger.owners(kind, [target_id for each, target_id in sorted(ids) if each == kind])
        links = await road.ledger.known(list(owners.values()))
        found.update({(kind, target_id): links[key] for target_id, key in owners.items()})
    return found


def _finding(road: Road, operation: Operation, lookup: Lookup) -> Callable[[], Awaitable[Found | Refused | Unanswered]]:
    return lambda: road.target.find(operation.key.kind, *lookup)
