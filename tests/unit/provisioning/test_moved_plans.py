"""What moves after a plan was compared, while its cycle runs, is not sent."""

from __future__ import annotations

from dataclasses import replace

from rollcall.provisioning.cycle import run_cycle
from rollcall.provisioning.dry_run import plan_cycle, unkeyed
from rollcall.provisioning.gate import Approved
from tests.simulation.changes import World
from tests.simulation.world import make_world, road_of


async def approved(world: World, *, without_last: bool) -> tuple[str | None, int]:
    """How the cycle of a plan ends, and how many objects there are then in the target, against those planned."""
    planned = await plan_cycle(road_of(world, world.ledger))
    objects = {(each.key, each.action): each.digest for each in planned.objects}
    assert len(objects) > 1
    if without_last:
        objects.popitem()
    road = replace(road_of(world, world.ledger), gate=Approved(objects, (), unkeyed), given=planned.given)
    result = await run_cycle(road)
    made = sum(len(of_kind) for of_kind in world.target.resources.values())
    return (result.problem.code if result.problem else None), made - len(objects)


async def test_a_cycle_stops_before_the_first_operation_that_was_not_planned() -> None:
    world = make_world(3)
    world.settings = replace(world.settings, scope="all", page_size=50)

    code, beyond = await approved(world, without_last=True)

    assert code == "PlanMoved"
    assert beyond <= 0
