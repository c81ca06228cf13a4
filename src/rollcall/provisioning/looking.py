"""Asks the target what has to be known before a page can be planned, with as few requests as will do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from rollcall.provisioning.connectors.contract import Done, Found, Refused, Unanswered
from rollcall.provisioning.mapping import CompiledMapping
from rollcall.provisioning.matching import Lookup, NotOurs, Question, Seen, TargetIndex, listing_pays, question, settle
from rollcall.provisioning.model import Desired, Json, Key, Link, Problem, Scope, Values
from rollcall.provisioning.planning import Item
from rollcall.provisioning.road import Road
from rollcall.provisioning.target_schema import read_value, storable

Considered = tuple[Scope, Desired, CompiledMapping]

_LISTING_FROM_LOOKUPS = 10
_LISTING_PAGE = 100
_LISTING_MOST = 20_000
"""More resources than this are not held in memory; they are looked up one by one."""

_NOT_ATTEMPTED = Problem("NotAttempted", "The cycle stopped before this object was looked up.")


async def look(road: Road, considered: Sequence[Considered], known: Mapping[Key, Link], *, verify: bool) -> list[Item]:
    """Entries with their link as it is after matching."""
    rows = []
    for scope, desired, compiled in considered:
        link = known.get(desired.key, Link(desired.key))
        asked = question(desired, scope, link, verify=verify)
        rows.append((Item(scope, desired, link, link, compiled.mapping), asked))
    seen = await _answers(road, [asked for _, asked in rows if asked is not None])
    matched = await _settled(road, [item for item, asked in rows if asked is not None], seen)
    again = [item.desired.key for item in matched.values() if isinstance(item, _Again)]
    if again:
        matched.update(await _ask_again(road, [matched[key] for key in again]))
    return [matched.get(item.desired.key, item) for item, _ in rows]


class _Again(Item):
    """An entry whose uncertain creation came to nothing: it is matched by what it is now."""


async def _ask_again(road: Road, items: Sequence[Item]) -> dict[Key, Item]:
    plain = {item.desired.key: Item(item.scope, item.desired, item.known, item.link, item.mapping) for item in items}
    questions = []
    for item in plain.values():
        asked = question(item.desired, item.scope, item.link, verify=False)
        if asked is not None:
            questions.append(Question(asked.key, None, asked.lookups, fresh=True))
    seen = await _ask(road, questions)
    matched = await _settled(road, [plain[asked.key] for asked in questions], seen)
    return {**plain, **matched}


async def _settled(road: Road, items: Sequence[Item], seen: Mapping[Key, Seen]) -> dict[Key, Item]:
    """Each item with its link settled, those first that may own something without knowing it."""
    owners: dict[tuple[str, str], Key] = {}
    claims: dict[str, dict[tuple[str, str], Key]] = {}
    for kind in road.mappings:
        ids = {target_id for key, answer in seen.items() if key.kind == kind for target_id, _ in answer.hits}
        if ids:
            for target_id, owner in (await road.ledger.owners(kind, ids)).items():
                owners[kind, target_id] = owner
            claims[kind] = await road.ledger.claims(kind)
    matched: dict[Key, Item] = {}
    for item in sorted(items, key=lambda item: item.link.state != "uncertain"):
        kind = item.desired.key.kind
        answer = seen[item.desired.key]
        mine = {target: owners[kind, target] for target, _ in answer.hits if (kind, target) in owners}
        settled = settle(item.link, item.desired.matching, answer, mine, claims.get(kind, {}))
        matched[item.desired.key] = _with(item, settled, answer)
        if isinstance(settled, Link):
            claims[kind] = {value: key for value, key in claims.get(kind, {}).items() if key != item.desired.key}
            if settled.target_id is not None:
                owners.setdefault((kind, settled.target_id), item.desired.key)
    return matched


def _with(item: Item, settled: Link | NotOurs | Problem, answer: Seen) -> Item:
    if isinstance(settled, Problem):
        return Item(item.scope, item.desired, item.known, item.link, item.mapping, problem=settled)
    if isinstance(settled, NotOurs):
        return _Again(item.scope, item.desired, item.known, item.link.forgotten(), item.mapping)
    present = answer.hits[0][1] if answer.hits else None
    return Item(item.scope, item.desired, item.known, settled, item.mapping, present=present)


def mapped_values(resource: Mapping[str, Json], compiled: CompiledMapping) -> Values:
    """The values of the mapped attributes in a resource of the target."""
    values = {}
    for step in compiled.steps:
        value = read_value(resource, step[0].target)
        if value is not None:
            values[step[0].target] = storable(value)
    return values


async def _answers(road: Road, questions: Sequence[Question]) -> dict[Key, Seen]:
    """What the target says to each question: out of one listing where that is cheaper, else by asking."""
    indexes = {}
    for kind in road.mappings:
        answerable = [asked for asked in questions if asked.key.kind == kind and not asked.fresh]
        indexes[kind] = await _index(road, kind, len(answerable))
    answers: dict[Key, Seen] = {}
    remaining = []
    for asked in questions:
        index = indexes.get(asked.key.kind)
        seen = _from_index(index, asked) if index is not None and not asked.fresh else None
        if seen is None:
            remaining.append(asked)
        else:
            answers[asked.key] = seen
    answers.update(await _ask(road, remaining))
    return answers


async def _listed(road: Road, kind: str, start: int) -> Found | None:
    replies = await road.exporter.send_all([lambda: road.target.list(kind, start, _LISTING_PAGE)])
    reply = replies[0]
    return reply if isinstance(reply, Found) else None


def _from_index(index: TargetIndex, asked: Question) -> Seen | None:
    """What the listing says; None for a linked resource that it did not show, which has to be read."""
    if asked.target_id is not None:
        values = index.read(asked.target_id)
        return None if values is None else Seen([(asked.target_id, values)])
    for attribute, value in asked.lookups:
        hits = index.find(attribute, value)
        if hits:
            return Seen(hits, by=(attribute, value))
    return Seen()


async def _ask(road: Road, questions: Sequence[Question]) -> dict[Key, Seen]:
    """Answers by asking: everybody's first look-up, then the second of those the first did not find, and so on."""
    answers: dict[Key, Seen] = {}
    pending = [(asked, requests) for asked in questions if (requests := _requests(road, asked))]
    answers.update((asked.key, Seen()) for asked in questions if asked.target_id is None and not asked.lookups)
    while pending:
        replies = await road.exporter.send_all([requests[0][1] for _, requests in pending])
        unanswered = []
        for (asked, requests), reply in zip(pending, replies, strict=True):
            seen = _seen(reply, road.mappings[asked.key.kind], requests[0][0])
            if seen.problem is None and not seen.hits and len(requests) > 1:
                unanswered.append((asked, requests[1:]))
            else:
                answers[asked.key] = seen
        pending = unanswered
    return answers


Request = Callable[[], Awaitable[Found | Refused | Unanswered]]


def _requests(road: Road, asked: Question) -> list[tuple[Lookup | None, Request]]:
    requests: list[tuple[Lookup | None, Request]] = []
    if asked.target_id is not None:
        requests.append((None, _reading(road, asked.key.kind, asked.target_id)))
    requests.extend((lookup, _finding(road, asked.key.kind, *lookup)) for lookup in asked.lookups)
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


def _seen(reply: Found | Refused | Unanswered | None, compiled: CompiledMapping, by: Lookup | None) -> Seen:
    if reply is None:
        return Seen(problem=_NOT_ATTEMPTED)
    if isinstance(reply, Found):
        return Seen([(str(row["id"]), mapped_values(row, compiled)) for row in reply.resources], by=by)
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
    if index is not None and total is not None and index.size < total:
        index = None  # a listing that broke off, or gave one page again and again, proves nobody's absence
    road.indexes[kind] = index
    return index
