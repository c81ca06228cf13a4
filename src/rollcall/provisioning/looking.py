"""Asks the target what has to be known before a page can be planned, with as few requests as will do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from rollcall.provisioning.connectors.contract import Done, Found, Refused, Unanswered
from rollcall.provisioning.mapping import CompiledMapping
from rollcall.provisioning.matching import Question, Seen, TargetIndex, listing_pays, question, settle
from rollcall.provisioning.model import Desired, Json, Key, Link, Problem, Scope, Values
from rollcall.provisioning.planning import Item
from rollcall.provisioning.road import Road
from rollcall.provisioning.target_schema import read_value

Considered = tuple[Scope, Desired, CompiledMapping]

_LISTING_FROM_LOOKUPS = 10
_LISTING_PAGE = 100
_LISTING_MOST = 20_000
"""More resources than this are not held in memory; they are looked up one by one."""

_NOT_ATTEMPTED = Problem("NotAttempted", "The cycle stopped before this object was looked up.")


async def look(
    road: Road, considered: Sequence[Considered], known: Mapping[Key, Link], *, verify: bool
) -> list[Item]:
    """Entries with their link as it is after matching."""
    rows = []
    questions: list[Question] = []
    for scope, desired, compiled in considered:
        link = known.get(desired.key, Link(desired.key))
        asked = question(desired, scope, link, verify=verify)
        rows.append((scope, desired, compiled, link, asked))
        if asked is not None:
            questions.append(asked)
    seen = await _answers(road, questions)
    owners = await _owners(road, seen)
    items = []
    for scope, desired, compiled, link, asked in rows:
        item = Item(scope, desired, link, link, compiled.mapping)
        if asked is not None:
            item = _matched(item, seen[desired.key], owners)
            if item.link.target_id is not None:
                owners.setdefault((desired.key.kind, item.link.target_id), desired.key)
        items.append(item)
    return items


def _matched(
    item: Item, seen: Seen, owners: Mapping[tuple[str, str], Key]
) -> Item:
    kind = item.desired.key.kind
    ids = [target_id for target_id, _ in seen.hits]
    settled = settle(item.link, seen, {target: owners[kind, target] for target in ids if (kind, target) in owners})
    if isinstance(settled, Problem):
        return Item(item.scope, item.desired, item.known, item.link, item.mapping, problem=settled)
    present = seen.hits[0][1] if seen.hits else None
    return Item(item.scope, item.desired, item.known, settled, item.mapping, present=present)


def mapped_values(resource: Mapping[str, Json], compiled: CompiledMapping) -> Values:
    """The values of the mapped attributes in a resource of the target."""
    values = {}
    for step in compiled.steps:
        value = read_value(resource, step[0].target)
        if value is not None:
            values[step[0].target] = value
    return values


async def _owners(road: Road, seen: Mapping[Key, Seen]) -> dict[tuple[str, str], Key]:
    owners: dict[tuple[str, str], Key] = {}
    for kind in road.mappings:
        ids = {target_id for key, answer in seen.items() if key.kind == kind for target_id, _ in answer.hits}
        if ids:
            for target_id, owner in (await road.ledger.owners(kind, ids)).items():
                owners[kind, target_id] = owner
    return owners


async def _answers(road: Road, questions: Sequence[Question]) -> dict[Key, Seen]:
    """What the target says to each question: out of one listing where that is cheaper, else by asking."""
    indexes = {}
    for kind in road.mappings:
        by_value = [asked for asked in questions if asked.key.kind == kind and _may_use_index(asked)]
        indexes[kind] = await _index(road, kind, len(by_value))
    answers: dict[Key, Seen] = {}
    remaining = []
    for asked in questions:
        index = indexes.get(asked.key.kind)
        if index is not None and _may_use_index(asked):
            answers[asked.key] = _from_index(index, asked)
        else:
            remaining.append(asked)
    answers.update(await _ask(road, remaining))
    return answers


def _may_use_index(asked: Question) -> bool:
    return not asked.fresh and asked.target_id is None


async def _listed(road: Road, kind: str, start: int) -> Found | None:
    replies = await road.exporter.send_all([lambda: road.target.list(kind, start, _LISTING_PAGE)])
    reply = replies[0]
    return reply if isinstance(reply, Found) else None


def _from_index(index: TargetIndex, asked: Question) -> Seen:
    for attribute, value in asked.lookups:
        hits = index.find(attribute, value)
        if hits:
            return Seen(hits)
    return Seen()


async def _ask(road: Road, questions: Sequence[Question]) -> dict[Key, Seen]:
    """Answers by asking: everybody's first look-up, then the second of those the first did not find, and so on."""
    answers: dict[Key, Seen] = {}
    pending = [(asked, _requests(road, asked)) for asked in questions]
    while pending:
        replies = await road.exporter.send_all([requests[0] for _, requests in pending])
        unanswered = []
        for (asked, requests), reply in zip(pending, replies, strict=True):
            seen = _seen(reply, road.mappings[asked.key.kind])
            if seen.problem is None and not seen.hits and len(requests) > 1:
                unanswered.append((asked, requests[1:]))
            else:
                answers[asked.key] = seen
        pending = unanswered
    return answers


Request = Callable[[], Awaitable[Found | Refused | Unanswered]]


def _requests(road: Road, asked: Question) -> list[Request]:
    requests: list[Request] = []
    if asked.target_id is not None:
        requests.append(_reading(road, asked.key.kind, asked.target_id))
    requests.extend(_finding(road, asked.key.kind, attribute, value) for attribute, value in asked.lookups)
    return requests


def _finding(road: Road, kind: str, attribute: str, value: Json) -> Request:
    return lambda: road.target.find(kind, attribute, value)


def _reading(road: Road, kind: str, target_id: str) -> Request:
    async def read() -> Found | Refused | Unanswered:
        answer = await road.target.read(kind, target_id)
        if isinstance(answer, Done):
            assert answer.resource is not None, "a resource that was read has content"
            return Found([answer.resource], 1)
        if isinstance(answer, Refused) and answer.status == 404:
            return Found([], 0)
        return answer

    return read


def _seen(reply: Found | Refused | Unanswered | None, compiled: CompiledMapping) -> Seen:
    if reply is None:
        return Seen(problem=_NOT_ATTEMPTED)
    if isinstance(reply, Found):
        return Seen([(str(row["id"]), mapped_values(row, compiled)) for row in reply.resources])
    return Seen(problem=Problem(reply.code, reply.reason))


async def _index(road: Road, kind: str, lookups: int) -> TargetIndex | None:
    """One listing of the target for the whole cycle, where that costs fewer requests than look-ups would."""
    if kind in road.indexes or lookups < _LISTING_FROM_LOOKUPS:
        return road.indexes.get(kind)
    expected = max(lookups, road.counts.total or 0)
    compiled = road.mappings[kind]
    matching = frozenset(step[0].target for step in compiled.steps if step[0].matching_priority > 0)
    index: TargetIndex | None = TargetIndex(matching)
    start, total = 1, None
    while index is not None and (total is None or start <= total):
        page = await _listed(road, kind, start)
        if page is None or page.total > _LISTING_MOST or not listing_pays(expected, page.total, _LISTING_PAGE):
            index = None
            break
        total = page.total
        for resource in page.resources:
            index.add(str(resource["id"]), mapped_values(resource, compiled))
        if not page.resources:
            break
        start += len(page.resources)
    road.indexes[kind] = index
    return index
