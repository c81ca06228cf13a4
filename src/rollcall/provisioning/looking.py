"""Asks the target what has to be known before a page can be planned, with as few requests as will do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from rollcall.provisioning.conflicts import without_duplicates
from rollcall.provisioning.connectors.contract import Done, Found, Refused, Unanswered
from rollcall.provisioning.mapping import CompiledMapping
from rollcall.provisioning.matching import (
    Lookup,
    NotOurs,
    Question,
    Seen,
    TargetIndex,
    believed,
    match_form,
    question,
    settle,
)
from rollcall.provisioning.model import Desired, Json, Key, Link, Problem, Scope
from rollcall.provisioning.planning import Item
from rollcall.provisioning.redaction import hidden_of, without
from rollcall.provisioning.road import Road
from rollcall.provisioning.target_listing import is_asked, listed_anew, listing_where_it_pays, mapped_values
from rollcall.provisioning.target_schema import read_values

Considered = tuple[Scope, Desired, CompiledMapping]

_NOT_ATTEMPTED = Problem("NotAttempted", "The cycle stopped before this object was looked up.")
_STOPPED = Seen(problem=_NOT_ATTEMPTED)
_NOT_LISTED = Seen(
    problem=Problem(
        "SystemForCrossDomainIdentityManagementServiceIncompatible",
        "The target does not filter, and it could not be listed to its end either.",
    )
)


async def look(
    road: Road, considered: Sequence[Considered], known: Mapping[Key, Link], *, verify: bool, fresh: bool = False
) -> list[Item]:
    """Entries with their link as it is after matching; `fresh`: an earlier listing will not do."""
    rows = []
    for scope, desired, compiled in considered:
        link = known.get(desired.key, Link(desired.key))
        asked = question(desired, scope, link, verify=verify)
        if asked is not None and fresh:
            asked = replace(asked, fresh=True)
        rows.append((Item(scope, desired, link, link, compiled.mapping), asked))
    seen = await _answers(road, [asked for _, asked in rows if asked is not None])
    matched = await _settled(road, [item for item, asked in rows if asked is not None], seen)
    again = [item.desired.key for item in matched.values() if isinstance(item, _Again)]
    if again:
        matched.update(await _ask_again(road, [matched[key] for key in again]))
    return without_duplicates([matched.get(item.desired.key, item) for item, _ in rows])


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
    names = await _names(road, items, owners, claims, seen)
    matched: dict[Key, Item] = {}
    for item in sorted(items, key=lambda item: item.link.state != "uncertain"):
        kind = item.desired.key.kind
        answer = seen[item.desired.key]
        mine = {target: owners[kind, target] for target, _ in answer.hits if (kind, target) in owners}
        settled = settle(item.link, item.desired.matching, answer, mine, claims.get(kind, {}), names)
        matched[item.desired.key] = _with(item, settled, answer)
        if isinstance(settled, Link):
            claims[kind] = {value: key for value, key in claims.get(kind, {}).items() if key != item.desired.key}
            if settled.target_id is not None:
                owners.setdefault((kind, settled.target_id), item.desired.key)
    return matched


async def _names(
    road: Road,
    items: Sequence[Item],
    owners: Mapping[tuple[str, str], Key],
    claims: Mapping[str, Mapping[Lookup, Key]],
    seen: Mapping[Key, Seen],
) -> dict[Key, str]:
    """What the objects of a page are called, and those that own or claim something that was found for another one."""
    names = {item.desired.key: item.desired.name for item in items}
    others = set(owners.values())
    for key, answer in seen.items():
        if answer.by is not None:
            claimant = claims.get(key.kind, {}).get((answer.by[0], match_form(answer.by[1])))
            others |= {claimant} if claimant is not None else set()
    others -= names.keys()
    if others:
        names |= {key: link.name for key, link in (await road.ledger.known(list(others))).items()}
    return names


def _with(item: Item, settled: Link | NotOurs | Problem, answer: Seen) -> Item:
    if isinstance(settled, Problem):
        said = Problem(settled.code, without(settled.reason, hidden_of(item.desired, item.known.sent)))
        return Item(item.scope, item.desired, item.known, item.link, item.mapping, problem=said, refusal=answer.refusal)
    if isinstance(settled, NotOurs):
        return _Again(item.scope, item.desired, item.known, item.link.forgotten(), item.mapping)
    present = answer.hits[0][1] if answer.hits else None
    return Item(item.scope, item.desired, item.known, settled, item.mapping, present=present)


async def _answers(road: Road, questions: Sequence[Question]) -> dict[Key, Seen]:
    """What the target says to each question: out of one listing where that is cheaper, else by asking."""
    indexes = {}
    for kind in road.mappings:
        answerable = [asked for asked in questions if asked.key.kind == kind and not asked.fresh]
        indexes[kind] = await listing_where_it_pays(road, kind, len(answerable))
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


def _from_index(index: TargetIndex, asked: Question) -> Seen | None:
    """What the listing says; None for a linked resource that it did not show, and for what may be made since: that has to be asked."""
    if asked.target_id is not None:
        values = index.read(asked.target_id)
        return None if values is None else Seen([(asked.target_id, values)])
    for attribute, value in asked.lookups:
        if index.may_be_made(attribute, value):
            return None
        hits = index.find(attribute, value)
        if hits:
            return Seen(hits, by=(attribute, value))
    return Seen()


async def _ask(road: Road, questions: Sequence[Question]) -> dict[Key, Seen]:
    """Answers by asking, or out of a listing of the target where it does not filter."""
    if not is_asked(road):
        return await _ask_without_filters(road, questions)
    answers = await _ask_each(road, questions)
    if not is_asked(road):  # as its answers have shown
        refused = [asked for asked in questions if answers[asked.key].problem is not None]
        answers.update(await _ask_without_filters(road, refused))
    return answers


async def _ask_without_filters(road: Road, questions: Sequence[Question]) -> dict[Key, Seen]:
    """Linked resources are read one by one; the others are found in one listing, a new one where an old will not do."""
    by_id = [replace(asked, lookups=()) for asked in questions if asked.target_id is not None]
    answers = await _ask_each(road, by_id)
    unseen = [
        replace(asked, target_id=None)
        for asked in questions
        if asked.lookups and (asked.key not in answers or _is_nothing(answers[asked.key]))
    ]
    for kind in road.mappings:
        of_kind = [asked for asked in unseen if asked.key.kind == kind]
        index = road.indexes.get(kind)
        if of_kind and (index is None or not index.is_complete or any(asked.fresh for asked in of_kind)):
            index = await listed_anew(road, kind)
        for asked in of_kind:
            found = None if index is None else _from_index(index, asked)
            answers[asked.key] = found or (_NOT_LISTED if road.exporter.stopped is None else _STOPPED)
    return answers


def _is_nothing(seen: Seen) -> bool:
    return seen.problem is None and not seen.hits


async def _ask_each(road: Road, questions: Sequence[Question]) -> dict[Key, Seen]:
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
    if not isinstance(reply, Found):
        return Seen(problem=Problem(reply.code, reply.reason), refusal=reply)
    hits = [(str(row["id"]), mapped_values(row, compiled)) for row in reply.resources]
    if by is None:
        return Seen(hits)
    rule = compiled.rules.get(by[0])  # none for what an uncertain creation was matched by, and mapped no longer
    shown = [read_values(row, by[0]) for row in reply.resources]
    return believed(by, hits, shown, exact=rule is not None and rule.case_exact)
