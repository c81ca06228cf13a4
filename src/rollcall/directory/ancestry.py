"""Which groups hold an object, directly or through groups inside groups, and by which chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Holder:
    """A group that holds others: its name, whether it is soft-deleted, and the groups it is itself a member of."""

    name: str
    deleted: bool
    parents: tuple[UUID, ...]


@dataclass(slots=True)
class Ancestry:
    """The groups above some objects.

    `holders`: by object, the groups it is a direct member of; `groups`: every group that can be reached upwards. A
    soft-deleted group holds its members still, but hands them to no group above it. Groups may hold each other in a
    circle.
    """

    holders: Mapping[UUID, tuple[UUID, ...]]
    groups: Mapping[UUID, Holder]
    _chains: dict[UUID, dict[UUID, tuple[UUID, ...]]] = field(default_factory=dict)

    def chains_of(self, member: UUID) -> dict[UUID, tuple[UUID, ...]]:
        """Each group that holds the member, with the shortest chain from it to the member's own group.

        Of chains of one length the one that is first by the groups' names, so that the same people always read the same.
        """
        found: dict[UUID, tuple[UUID, ...]] = {}
        for holder in self.holders.get(member, ()):
            for top, chain in self._chains_up(holder).items():
                if top not in found or self._order(chain) < self._order(found[top]):
                    found[top] = chain
        return found

    def describe(self, chain: tuple[UUID, ...]) -> str:
        """The chain in words, outermost group first."""
        return " › ".join(f"group {self.groups[each].name}" for each in chain)

    def _chains_up(self, group: UUID) -> dict[UUID, tuple[UUID, ...]]:
        if group not in self._chains:
            self._chains[group] = self._walk_up(group)
        return self._chains[group]

    def _walk_up(self, group: UUID) -> dict[UUID, tuple[UUID, ...]]:
        found: dict[UUID, tuple[UUID, ...]] = {group: (group,)}
        level = dict(found)
        while level:
            above: dict[UUID, tuple[UUID, ...]] = {}
            for child, chain in level.items():
                for parent in () if self.groups[child].deleted else self.groups[child].parents:
                    longer = (parent, *chain)
                    if parent not in found and (
                        parent not in above or self._order(longer) < self._order(above[parent])
                    ):
                        above[parent] = longer
            found |= above
            level = above
        return found

    def _order(self, chain: tuple[UUID, ...]) -> tuple[int, list[tuple[str, UUID]]]:
        return len(chain), [(self.groups[each].name, each) for each in chain]


def everything_above(group: UUID, parents: Mapping[UUID, tuple[UUID, ...]]) -> tuple[UUID, ...]:
    """The group itself and all that can be reached upwards from it, each once."""
    found: dict[UUID, None] = {group: None}
    waiting = [group]
    while waiting:
        for parent in parents.get(waiting.pop(), ()):
            if parent not in found:
                found[parent] = None
                waiting.append(parent)
    return tuple(found)
