"""A small failing world out of one seed: a directory that changes, a target that fails, cycles that die.

The engine is the real one. Time is virtual. When the faults stop, the target has to equal the source.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random  # noqa: TID251 - seeded
from typing import Any, cast, get_args

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.contract import Outcome, Refused, Unanswered
from rollcall.provisioning.connectors.fake import FakeSource, FakeTarget
from rollcall.provisioning.cycle import run_cycle, run_for
from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.ledger_contract import Commit, Ledger
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import FilterClause, FilterGroup, JobSettings, NestedGroups, PatchOperation
from rollcall.provisioning.request_profile import PROFILES
from rollcall.provisioning.road import Road
from rollcall.provisioning.sync_schema import parse_schema
from tests.simulation.changes import GROUPS, NAMES, World, add_group, add_user, meddle, mutate
from tests.simulation.clock import VirtualRuntime
from tests.simulation.judging import MANAGER

MAPPINGS = {kind: compile_mapping(mapping) for kind, mapping in parse_schema(CUSTOM_SCHEMA).items()}
PROFILE_NAMES = sorted(PROFILES)
FILTERS = (
    FilterGroup("Sales", (FilterClause("department", "EQUALS", ("Sales",)),)),
    FilterGroup(
        "Early", (FilterClause("department", "IS NULL"), FilterClause("givenName", "REGEX MATCH", ("[A-L].*",)))
    ),
)
FILTERED = {**MAPPINGS, "User": compile_mapping(replace(MAPPINGS["User"].mapping, filters=FILTERS))}
NOISY_CYCLES = 10
QUIET_CYCLES = 12


class CycleDiedError(Exception):
    """The process was killed at this moment."""


class DyingLedger:
    """A ledger whose process may be killed before or after any of its writes."""

    def __init__(self, ledger: Ledger, dies: Callable[[], bool]) -> None:
        self._ledger = ledger
        self._dies = dies

    def __getattr__(self, name: str) -> Callable[..., Awaitable[object]]:
        method = getattr(self._ledger, name)

        async def call(*arguments: object, **named: object) -> object:
            writes = name.startswith(("commit", "intend", "take", "finish", "hold", "note"))
            if writes and self._dies():
                raise CycleDiedError
            result: object = await method(*arguments, **named)
            if writes and self._dies():
                raise CycleDiedError
            return result

        return call


class LenientTarget(FakeTarget):
    """A target that passes over members and managers it does not know, and says nothing."""

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        known = [self._without_unknown(step) for step in operations]
        return await super().update(kind, target_id, [step for step in known if step is not None])

    def _without_unknown(self, step: PatchOperation) -> PatchOperation | None:
        if step.op.lower() == "add" and step.path == "members":
            return replace(step, value=[member for member in step.value if self._exists(member["value"])])
        if step.op.lower() != "remove" and step.path in (MANAGER, "manager") and not self._knows(step.value):
            return None
        return step

    def _knows(self, manager: object) -> bool:
        """Whether it is the id of a resource, in any of the forms of a manager; no manager at all is known too."""
        single = manager[0] if isinstance(manager, list) else manager
        target_id = single["value"] if isinstance(single, dict) else str(single)
        return target_id == "" or self._exists(target_id)


def _able(chance: Random, profile: str) -> Capabilities:
    """What the target of this world can do; a target for Entra's own requests has filters."""
    most = chance.choice((0, 0, 2, 100))
    return Capabilities(
        filter=profile.startswith("entra") or chance.random() < 0.8,
        excludes_members=chance.random() < 0.8,
        bulk=most > 0 and profile == "rfc",
        bulk_operations=most,
    )


class ForgetfulTarget(FakeTarget):
    """A target that takes whoever is set inactive out of all groups, and away from whom they manage."""

    def _changed(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> dict[str, Any]:
        changed = super()._changed(kind, target_id, operations)
        if kind == "User" and changed.get("active") is False:
            self._drop_references(target_id)
            extension, _, manager = MANAGER.rpartition(":")
            changed[extension] = {name: each for name, each in changed.get(extension, {}).items() if name != manager}
        return changed


def make_world(seed: int, ledger: Ledger | None = None) -> World:
    """The world of one seed, with a few people and groups in it; in some there are enough to list the target."""
    chance = Random(seed)
    crowded = chance.random() < 0.15
    settings = JobSettings(
        scope=chance.choice(("assigned", "all")),
        deletion_threshold=None,
        deletion_percent=None,
        deletions_per_day=None,
        members_per_request=chance.choice((1, 2, 100)),
        concurrency=chance.choice((1, 4)),
        page_size=50 if crowded else chance.choice((1, 2, 3, 50)),
        request_profile=chance.choice(PROFILE_NAMES),
        nested_groups=Random(f"nested groups of {seed}").choice(get_args(NestedGroups)),
    )
    world = World(
        chance=chance,
        runtime=VirtualRuntime(chance),
        source=FakeSource(settings.nested_groups),
        target=FakeTarget(),
        ledger=ledger or MemoryLedger(),
        settings=settings,
        names=NAMES if crowded else NAMES[:8],
        meddling=chance.random() < 0.4,
    )
    if world.meddling and chance.random() < 0.5:
        world.settings = replace(settings, deletion_threshold=2)
        world.restart_due = True
    world.settings = replace(world.settings, **chance.choice(_LEAVING))
    world.target = chance.choice(_TARGETS)(_fault_of(world), _able(chance, settings.request_profile))
    world.filtered = chance.random() < 0.4
    world.forgetful = isinstance(world.target, ForgetfulTarget)
    for _ in range(chance.randint(10, 18) if crowded else chance.randint(2, 5)):
        add_user(world)
    for name in GROUPS[: chance.randint(1, 3)]:
        add_group(world, name)
    for _ in range(6):
        mutate(world)
    return world


_LEAVING: Sequence[dict[str, Any]] = ({}, {}, {}, {"delete_after_days": 1}, {"soft_delete": False})
_TARGETS = (FakeTarget, FakeTarget, FakeTarget, LenientTarget, LenientTarget, ForgetfulTarget, ForgetfulTarget)


def _fault_of(world: World) -> Callable[[str], Awaitable[Refused | Unanswered | None]]:
    async def fault(moment: str) -> Refused | Unanswered | None:
        chance = world.chance
        if chance.random() < 0.2:
            await asyncio.sleep(0)  # another request of the same cycle goes first
        if world.faults and chance.random() < 0.15:
            mutate(world)
        if world.faults and world.meddling and chance.random() < 0.05:
            await meddle(world)
        if chance.random() >= world.faults:
            return None
        if chance.random() < 0.1:
            raise CycleDiedError
        world.runtime.time += timedelta(seconds=1)
        if moment.startswith("after"):
            return Unanswered("Timeout", "No answer came within 30 s.", away=chance.random() < 0.2)
        return chance.choice(_answers(chance))

    return fault


def _answers(chance: Random) -> Sequence[Refused | Unanswered]:
    return (
        Unanswered("Timeout", "No answer came within 30 s.", away=True),
        Unanswered("InternalServerError", "The target answered 500."),
        Refused("TooManyRequests", "The target asks to slow down.", 429, chance.choice((1, 500))),
        Refused("InsufficientRights", "The target does not allow this.", 403),
        Refused("WebExceptionProtocolError", "Connection refused.", None, away=True),
        Refused("Unauthorized", "The secret token is not accepted.", 401, denied=True),
    )


async def run_world(world: World) -> None:
    """Noisy cycles, then quiet ones until nothing is left to do."""
    chance = world.chance
    for _ in range(6 if world.meddling else 0):
        await meddle(world)
    for _ in range(NOISY_CYCLES):
        world.faults = chance.choice((0.0, 0.1, 0.3, 0.6))
        for _ in range(chance.randint(0, 5)):
            mutate(world)
        await one_cycle(world, dies=chance.choice((0.0, 0.05, 0.2)))
        if chance.random() < 0.2:
            await one_demand(world, dies=chance.choice((0.0, 0.05, 0.2)))
        world.runtime.time += timedelta(seconds=chance.choice((1, 60, 4000)))
        if chance.random() < 0.1:
            await restart(world, escrows=chance.random() < 0.5)
        if world.meddling and chance.random() < 0.1:
            world.settings = replace(world.settings, scope=chance.choice(("assigned", "all")))
            world.filtered = chance.random() < 0.5
            world.restart_due = True
        if world.meddling and chance.random() < 0.1:
            await _nest_otherwise(world)
    world.faults = 0.0
    if world.restart_due:
        world.settings = replace(world.settings, deletion_threshold=None)
        await restart(world)
    for _ in range(QUIET_CYCLES):
        sent = len(world.target.requests)
        await one_cycle(world)
        world.idle_requests = len(world.target.requests) - sent
        world.runtime.time += timedelta(hours=7)


async def _nest_otherwise(world: World) -> None:
    """The job takes nested groups otherwise from now on, and so reads everything again."""
    nested = world.chance.choice(get_args(NestedGroups))
    world.settings = replace(world.settings, nested_groups=nested)
    world.source.nested_groups = nested
    await restart(world)


async def restart(world: World, *, escrows: bool = False) -> None:
    """Drop the watermark, and `escrows` if asked, as Graph's synchronizationJob restart does."""
    position = await world.ledger.position()
    links = await world.ledger.known(list(world.source.entries)) if escrows else {}
    emptied = [replace(link, escrow=None) for _, link in sorted(links.items())]
    await world.ledger.commit(Commit(links=emptied, position=replace(position, watermark=None)))


async def one_demand(world: World, dies: float = 0.0) -> None:
    """Some objects are provisioned on demand."""
    chosen = world.chance.sample(sorted(world.source.entries), min(3, len(world.source.entries)))
    await one_cycle(world, dies, lambda road: run_for(road, chosen))


async def one_cycle(world: World, dies: float = 0.0, run: Callable[[Road], Awaitable[object]] = run_cycle) -> None:
    """One cycle; being killed in the middle of it is part of the game."""
    ledger = DyingLedger(world.ledger, lambda: world.chance.random() < dies)
    try:
        await run(road_of(world, cast("Ledger", ledger)))
    except CycleDiedError:
        return


def road_of(world: World, ledger: Ledger) -> Road:
    """What a cycle of this world works with."""
    runtime = world.runtime
    return Road(
        settings=world.settings,
        mappings=FILTERED if world.filtered else MAPPINGS,
        source=world.source,
        target=world.target,
        ledger=ledger,
        runtime=runtime,
        exporter=Exporter(world.target, runtime, world.settings.concurrency, bulk=True),
        context=lambda: Context(now=runtime.now(), new_guid=lambda: str(runtime.new_id()), random=runtime.chance()),
        cycle_id=str(runtime.new_id()),
        verify=True,
    )
