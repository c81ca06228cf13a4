"""Names that are taken: whose they are, who only waits for another to give one up, and what breaks such a ring."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.matching import Lookup, match_form, may_be_unique
from rollcall.provisioning.model import Desired, Key, Operation, Problem
from rollcall.provisioning.planning import Item


@dataclass(frozen=True, slots=True)
class Holder:
    """The target object that carries a value somebody else should have; `owner`: whose it is, where it is linked."""

    attribute: str
    value: str
    target_id: str
    owner: Key | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Wish:
    """What one linked object waits for, and which attributes of its own it is about to give up."""

    holders: tuple[Holder, ...]
    changing: frozenset[str]


def contested_values(operation: Operation, desired: Desired) -> tuple[Lookup, ...]:
    """The new values of an operation that a target may want to be unique (matching ones, names, mail addresses)."""
    matching = {attribute for attribute, _ in desired.matching}
    return tuple(
        (path, new)
        for path, _, new in operation.changes
        if new is not None and (path in matching or may_be_unique(operation.key.kind, path))
    )


def conflict_reason(reason: str, holders: Sequence[Holder], redacted: Collection[str] = ()) -> str:
    """Why a value was refused, with who has it; values of the attributes in `redacted` are not shown."""
    return " ".join([reason, *(_holder_sentence(holder, holder.attribute in redacted) for holder in holders)])


def _holder_sentence(holder: Holder, is_hidden: bool) -> str:
    value = REDACTED if is_hidden else f'"{holder.value}"'
    held = f"{holder.attribute} {value} belongs to object {holder.target_id} in the target,"
    if holder.owner is None:
        return f"{held} which is linked to nobody. Rename or delete it there, or change the value in the source."
    return f"{held} which is {holder.owner.kind} {holder.name} ({holder.owner.id}) of the source."


def without_duplicates(items: Sequence[Item]) -> list[Item]:
    """The items, where one that would be made with a matching value of another one is a fault (rules M5, M10).

    The first of a page is made; whoever is in the target already comes before those who are not.
    """
    taken: dict[tuple[str, str, str], Key] = {}
    for item in items:
        if item.link.state == "linked" and item.scope.verdict == "active":
            taken.update(dict.fromkeys(_forms(item, item.desired.matching), item.desired.key))
        elif item.link.state == "uncertain" and item.link.target_id is None:
            taken.update(dict.fromkeys(_forms(item, item.link.intent_matching), item.desired.key))
    names = {item.desired.key: item.desired.name for item in items}
    return [_unless_taken(item, taken, names) if _is_new(item) else item for item in items]


def _is_new(item: Item) -> bool:
    wanted = item.scope.verdict == "active" and item.desired.problem is None and item.problem is None
    return wanted and item.link.state == "absent" and item.mapping.create


def _told(key: Key, names: Mapping[Key, str]) -> str:
    return f"{key.kind} {names[key]} ({key.id})"


def _unless_taken(item: Item, taken: dict[tuple[str, str, str], Key], names: Mapping[Key, str]) -> Item:
    key, forms = item.desired.key, _forms(item, item.desired.matching)
    clash = next((form for form in forms if taken.get(form, key) != key), None)
    if clash is None:
        taken.update(dict.fromkeys(forms, key))
        return item
    other = taken[clash]
    reason = (
        f"{_told(key, names)} and {_told(other, names)} of the source both have this {clash[1]}, by which they are "
        "matched. The first keeps it; give the two different values."
    )
    return replace(item, problem=Problem("DuplicateSourceEntries", reason))


def _forms(item: Item, lookups: Sequence[Lookup]) -> list[tuple[str, str, str]]:
    return [(item.desired.key.kind, attribute, match_form(value)) for attribute, value in lookups]


def rings(wishes: Mapping[Key, Wish]) -> list[list[Key]]:
    """Objects in a ring, each of which waits only for values that the next ones are about to give up.

    Whoever waits for somebody outside, or for a value its holder keeps, can't be helped, nor who waits for them.
    """
    left = {key: wish for key, wish in wishes.items() if wish.holders}
    while stuck := [key for key, wish in left.items() if not all(_gives_up(left, holder) for holder in wish.holders)]:
        for key in stuck:
            del left[key]
    found: list[list[Key]] = []
    done: set[Key] = set()
    for start in sorted(left):
        path: list[Key] = []
        key = start
        while key not in done and key not in path:
            path.append(key)
            owner = left[key].holders[0].owner
            assert owner is not None, "a value that is given up has an owner"
            key = owner
        if key in path:
            found.append(path[path.index(key) :])
        done.update(path)
    return [_from_smallest(ring) for ring in found]


def _gives_up(wishes: Mapping[Key, Wish], holder: Holder) -> bool:
    return holder.owner is not None and holder.owner in wishes and holder.attribute in wishes[holder.owner].changing


def _from_smallest(ring: list[Key]) -> list[Key]:
    first = ring.index(min(ring))
    return ring[first:] + ring[:first]


def given_up(ring: Sequence[Key], wishes: Mapping[Key, Wish]) -> frozenset[str]:
    """The attributes of the ring's first object that others of the ring wait for."""
    return frozenset(holder.attribute for key in ring for holder in wishes[key].holders if holder.owner == ring[0])
