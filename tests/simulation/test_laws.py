"""Every law of the engine is needed: without it, worlds end with a target that differs from its source.

Each law is broken by something handed in, a ledger or a target that lies; the engine's code is the real one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from rollcall.provisioning.connectors.contract import Done, Outcome, Refused, Unanswered
from rollcall.provisioning.connectors.fake import FakeSource, FakeTarget
from rollcall.provisioning.ledger_contract import Commit, Ledger
from rollcall.provisioning.model import Entry, JobSettings, Key, Link, PatchOperation, Reference, ReferenceKey
from tests.simulation.changes import World
from tests.simulation.judging import differences, is_in_scope
from tests.simulation.world import CycleDiedError, make_world, one_cycle, restart, run_world

SEEDS = range(1, 2001)
"""Where a world that ends wrong is looked for; with all laws, each of these ends right (test_simulation)."""


class Lawless:
    """A ledger that hands everything on, to be broken in one point."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.true = world.ledger

    def __getattr__(self, name: str) -> Any:
        return getattr(self.true, name)


class IntendsNothing(Lawless):
    """Intent is committed before the first effect: here it is not."""

    async def intend(self, links: Sequence[Link], lost: Collection[Key]) -> None:
        await self.true.intend((), lost)


class IntendsNoReferences(Lawless):
    """Intent is committed for references too: here it is not."""

    async def intend_references(self, keys: Sequence[ReferenceKey]) -> None:
        return None


class ForgetsNothing(Lawless):
    """Losing a target object forgets what was exported to and through it: here it does not."""

    async def intend(self, links: Sequence[Link], lost: Collection[Key]) -> None:
        await self.true.intend(links, ())

    async def commit(self, commit: Commit) -> None:
        await self.true.commit(replace(commit, lost=()))


class ForgetsLate(Lawless):
    """What looking showed to be lost is forgotten before the first effect: here only afterwards."""

    async def intend(self, links: Sequence[Link], lost: Collection[Key]) -> None:
        await self.true.intend(links, ())


class TouchesNothing(Lawless):
    """References are due when either end changes: here only when the reference itself does."""

    async def commit(self, commit: Commit) -> None:
        await self.true.commit(replace(commit, touched=()))


class HidesUnwanted(Lawless):
    """An account that may exist is looked up even when it is no longer wanted: here it is not."""

    async def known(self, keys: Collection[Key]) -> dict[Key, Link]:
        known = await self.true.known(keys)
        return {
            key: link.forgotten() if _is_creation(link) and not self._is_wanted(key) else link
            for key, link in known.items()
        }

    def _is_wanted(self, key: Key) -> bool:
        entry = self.world.source.entries.get(key)
        return entry is not None and is_in_scope(self.world, entry)


def _is_creation(link: Link) -> bool:
    return link.state == "uncertain" and link.target_id is None


class BelievesUncertain(Lawless):
    """What is uncertain is read before it is believed: here it is believed to be as it was."""

    async def known(self, keys: Collection[Key]) -> dict[Key, Link]:
        known = await self.true.known(keys)
        return {
            key: replace(link, state="linked") if link.state == "uncertain" and link.target_id else link
            for key, link in known.items()
        }


class NeverWaits(Lawless):
    """A reference waits while either end is uncertain: here it is sent with the ids of last time."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.ids: dict[Key, str] = {}

    async def commit(self, commit: Commit) -> None:
        self.ids.update((link.key, link.target_id) for link in commit.links if link.target_id is not None)
        await self.true.commit(commit)

    async def due_references(self, now: datetime, limit: int) -> list[Reference]:
        rows, ids = await self.true.due_references(now, limit), self.ids
        return [
            replace(
                row,
                source_target_id=row.source_target_id or ids.get(row.key.source),
                referenced_target_id=row.referenced_target_id or ids.get(row.key.referenced),
            )
            for row in rows
        ]


class WatermarkFirst(Lawless):
    """The watermark is committed with what its page did: here on its own, before."""

    async def commit(self, commit: Commit) -> None:
        await self.true.commit(Commit(position=commit.position))
        if self.world.chance.random() < 0.1:
            return
        await self.true.commit(replace(commit, position=None))


class DropsEscrows(Lawless):
    """What failed is tried again: here it is not."""

    async def due(self, now: datetime, after: Key | None, limit: int) -> list[Key]:
        return []


class NeverSweeps(Lawless):
    """What a reading of everything does not show is gone: here nobody asks."""

    async def unseen(self, generation: int, limit: int) -> list[Key]:
        return []


class TrustsReturned(Lawless):
    """What is wanted of somebody who returns is sent again: here the target is trusted to have kept it."""

    async def commit(self, commit: Commit) -> None:
        await self.true.commit(replace(commit, returned=()))


class TwoValued(FakeTarget):
    """An outcome has three values: here what is not answered counts as `instead`."""

    def __init__(self, world: World, instead: Outcome) -> None:
        super().__init__()
        self.true, self.instead = world.target, instead
        self.resources, self.requests = world.target.resources, world.target.requests
        self.find = self.true.find  # type: ignore[method-assign]
        self.list = self.true.list  # type: ignore[method-assign]
        self.read = self.true.read  # type: ignore[method-assign]

    def _told(self, outcome: Outcome) -> Outcome:
        return self.instead if isinstance(outcome, Unanswered) else outcome

    async def create(self, kind: str, values: dict[str, Any]) -> Outcome:
        outcome = await self.true.create(kind, values)
        return outcome if isinstance(self.instead, Done) else self._told(outcome)

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        return self._told(await self.true.update(kind, target_id, operations))

    async def delete(self, kind: str, target_id: str) -> Outcome:
        return self._told(await self.true.delete(kind, target_id))


async def ends_wrong(seed: int, break_law: Callable[[World], None]) -> bool:
    """Whether the world of this seed ends with a target that differs from its source."""
    world = make_world(seed)
    break_law(world)
    await run_world(world)
    return bool(await differences(world))


async def first_wrong(break_law: Callable[[World], None]) -> int | None:
    """The first seed that ends wrong, or None."""
    for seed in SEEDS:
        if await ends_wrong(seed, break_law):
            return seed
    return None


LAWS = [
    IntendsNothing,
    IntendsNoReferences,
    ForgetsNothing,
    TouchesNothing,
    HidesUnwanted,
    BelievesUncertain,
    NeverWaits,
    WatermarkFirst,
    DropsEscrows,
    NeverSweeps,
    TrustsReturned,
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_without_the_law_worlds_end_wrong(law: type[Lawless]) -> None:
    def break_law(world: World) -> None:
        world.ledger = cast("Ledger", law(world))

    assert await first_wrong(break_law) is not None


@pytest.mark.parametrize("instead", [Done(), Refused("Timeout", "No answer.")], ids=["done", "refused"])
async def test_with_two_valued_outcomes_worlds_end_wrong(instead: Outcome) -> None:
    def break_law(world: World) -> None:
        world.target = TwoValued(world, instead)

    assert await first_wrong(break_law) is not None


async def test_without_names_for_the_meantime_worlds_end_wrong() -> None:
    """Names of linked people are exchanged by way of a name for the meantime: here the target refuses it."""

    def break_law(world: World) -> None:
        true = world.target.update

        async def update(kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
            if any("swap-" in str(step.value) for step in operations):
                return Refused("AttributeValidationFailed", "No such names here.", 400)
            return await true(kind, target_id, operations)

        world.target.update = update  # type: ignore[method-assign]

    assert await first_wrong(break_law) is not None


class DiesOnce(Lawless):
    """A ledger whose process is killed when it commits a page for the first time."""

    killed = False

    async def commit(self, commit: Commit) -> None:
        if commit.links and not self.killed:
            self.killed = True
            raise CycleDiedError
        await self.true.commit(commit)


@pytest.mark.parametrize("forgets_late", [False, True])
async def test_a_group_that_was_made_again_by_a_cycle_that_died_gets_its_members_back(forgets_late: bool) -> None:
    """One world in some thousands needs this law, so here is that world."""
    world = make_world(1)
    world.source, world.target, world.settings = FakeSource(), FakeTarget(), JobSettings(deletion_threshold=None)
    world.filtered = False
    group, user = Key("Group", "G1"), Key("User", "U1")
    for key, name in ((group, "displayName"), (user, "userPrincipalName")):
        world.source.put(Entry(key, "present", {name: "x", "givenName": "X", "mailNickname": "x"}, assigned=True))
    world.source.join(group.id, user)
    await one_cycle(world)
    world.target.delete_by_hand("Group", next(iter(world.target.resources["Group"])))
    await restart(world)
    memory = world.ledger
    if forgets_late:
        world.ledger = cast("Ledger", ForgetsLate(world))
    world.ledger = cast("Ledger", DiesOnce(world))
    await one_cycle(world)
    world.ledger = memory
    world.runtime.time += timedelta(days=1)

    await one_cycle(world)

    (made,) = world.target.resources["Group"].values()
    assert bool(made.get("members")) is not forgets_late
