"""One listing of a target instead of many look-ups: where that costs fewer requests, or where there are no look-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rollcall.provisioning.connectors.contract import Done, Found
from rollcall.provisioning.mapping import CompiledMapping
from rollcall.provisioning.matching import TargetIndex, listing_pays, may_be_unique
from rollcall.provisioning.model import Json, Values
from rollcall.provisioning.outcomes import Result, created_id
from rollcall.provisioning.request_profile import PROFILES
from rollcall.provisioning.road import Road
from rollcall.provisioning.target_schema import read_value, read_values, storable

_LISTING_FROM_LOOKUPS = 10
_LISTING_PAGE = 100
_LISTING_MOST = 20_000
"""More resources than this are not held in memory; they are looked up one by one."""
_WITHOUT_FILTERS_MOST = 200_000
"""The same for a target that can't be asked for one: beyond it nobody new is matched."""


def is_asked(road: Road) -> bool:
    """Whether the target is asked for single resources; one without filters is listed, if the profile may list."""
    return road.target.capabilities.filter or not PROFILES[road.settings.request_profile].lists


def mapped_values(resource: Mapping[str, Json], compiled: CompiledMapping) -> Values:
    """The values of the mapped attributes in a resource of the target."""
    values = {}
    for step in compiled.steps:
        value = read_value(resource, step[0].target)
        if value is not None:
            values[step[0].target] = storable(value)
    return values


async def listing_where_it_pays(road: Road, kind: str, lookups: int) -> TargetIndex | None:
    """One listing of the target for the whole cycle, where that costs fewer requests than look-ups would."""
    if not PROFILES[road.settings.request_profile].lists or not road.target.capabilities.listing:
        return None
    if kind in road.indexes or lookups < _LISTING_FROM_LOOKUPS:
        return road.indexes.get(kind)
    expected = max(lookups, road.counts.total or 0)
    road.indexes[kind] = await _read(road, kind, _LISTING_MOST, expected)
    return road.indexes[kind]


async def listed_anew(road: Road, kind: str) -> TargetIndex | None:
    """A listing from now, whatever it costs; None where the target can't be listed to its end."""
    road.indexes[kind] = await _read(road, kind, _WITHOUT_FILTERS_MOST, None)
    return road.indexes[kind]


async def _read(road: Road, kind: str, most: int, lookups: int | None) -> TargetIndex | None:
    """Page after page; None for what broke off, is larger than `most`, or costs more than so many look-ups."""
    compiled = road.mappings[kind]
    index = _empty_index(kind, compiled)
    start, total = 1, None
    while total is None or start <= total:
        page = await _page(road, kind, start)
        if page is None or page.total > most:
            return None
        if lookups is not None and not listing_pays(lookups, page.total, _LISTING_PAGE):
            return None
        total = page.total
        for resource in page.resources:
            found_by = {path: read_values(resource, path) for path in index.attributes}
            index.add(str(resource["id"]), mapped_values(resource, compiled), found_by)
        if not page.resources:
            break
        start += len(page.resources)
    # A listing that broke off, or gave one page again and again, proves nobody's absence.
    return index if index.size >= total else None


def _empty_index(kind: str, compiled: CompiledMapping) -> TargetIndex:
    """An index by all attributes that objects are matched by, or that may have to be unique."""
    attributes = (step[0] for step in compiled.steps)
    paths = {each.target for each in attributes if each.matching_priority or may_be_unique(kind, each.target)}
    return TargetIndex(frozenset(paths), frozenset(path for path in paths if compiled.rules[path].case_exact))


def remember_in_listings(road: Road, results: Sequence[Result]) -> None:
    """What a page has changed in the target, taken into the listings that later pages are matched by."""
    for operation, outcome, _ in results:
        index = road.indexes.get(operation.key.kind)
        if index is None or not isinstance(outcome, Done):
            continue
        target_id = created_id(outcome) if operation.action == "create" else operation.target_id
        assert target_id is not None, "only a creation has no target id"
        if operation.action == "delete":
            index.drop(target_id)
        elif is_asked(road) and index.read(target_id) is None:
            index.note_made(operation.values)
        else:
            index.add(target_id, operation.values)


async def _page(road: Road, kind: str, start: int) -> Found | None:
    replies = await road.exporter.send_all([lambda: road.target.list(kind, start, _LISTING_PAGE)])
    reply = replies[0]
    return reply if isinstance(reply, Found) else None
