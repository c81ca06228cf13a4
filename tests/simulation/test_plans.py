"""In worlds that went through faults, a plan says what the next cycle does, operation by operation."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollcall.provisioning.cycle import run_cycle
from rollcall.provisioning.dry_run import plan_cycle, unkeyed
from rollcall.provisioning.gate import Approved, reference_digest
from rollcall.provisioning.model import ReferenceKey
from rollcall.provisioning.planned import PlannedCycle
from tests.simulation.changes import World, mutate
from tests.simulation.world import make_world, one_cycle, restart, road_of

SEEDS = range(1, 121)


class Witness(Approved):
    """Notes which references pass, too."""

    def __init__(self, planned: PlannedCycle) -> None:
        objects = {(each.key, each.action): each.digest for each in planned.objects}
        super().__init__(objects, references_of(planned), unkeyed)
        self.seen: set[str] = set()

    def references(self, operations):  # type: ignore[no-untyped-def]
        for each in operations:
            self.seen |= {reference_digest(row.key, added=True, digest=unkeyed) for row in each.added}
            self.seen |= {reference_digest(row.key, added=False, digest=unkeyed) for row in each.removed}
        return super().references(operations)


def references_of(planned: PlannedCycle) -> set[str]:
    return {
        reference_digest(ReferenceKey(source, attribute, other), added=added, digest=unkeyed)
        for references, added in ((planned.added, True), (planned.removed, False))
        for (source, attribute), others in references.items()
        for other in others
    }


async def grown(seed: int) -> World:
    """A world after a few cycles with faults, and more changes since."""
    world = make_world(seed)
    for round_number in range(3):
        world.faults = 0.2 if round_number else 0.0
        await one_cycle(world, dies=0.1)
        for _ in range(4):
            mutate(world)
    world.faults = 0.0
    if seed % 3 == 0:
        await restart(world)
    return world


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_a_plan_says_is_what_the_cycle_does(seed: int) -> None:
    world = await grown(seed)
    road = road_of(world, world.ledger)
    planned = await plan_cycle(road)
    gate = Witness(planned)

    result = await run_cycle(replace(road_of(world, world.ledger), gate=gate, given=planned.given))

    if result.counts.failed or result.counts.references_failed:
        return
    assert result.problem is None
    assert gate.sent == {(each.key, each.action) for each in planned.objects}
    assert gate.seen == references_of(planned)
