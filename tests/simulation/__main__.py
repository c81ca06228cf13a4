"""`python -m tests.simulation`: run the engine in many failing worlds, and say which seeds end wrong."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.simulation.judging import differences, log_gaps
from tests.simulation.world import make_world, run_world


async def run_seed(seed: int) -> list[str]:
    """What is wrong in the target, or lacking in the log, when the world of this seed has come to rest."""
    world = make_world(seed)
    await run_world(world)
    # What administrators of the target do by hand is in no log.
    return [*await differences(world), *([] if world.meddling else log_gaps(world))]


def main() -> None:
    """Run the seeds that the command line asks for."""
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, from the first on")
    options = parser.parse_args()
    failed = 0
    for seed in range(options.seed, options.seed + options.seeds):
        if wrong := asyncio.run(run_seed(seed)):
            failed += 1
            sys.stdout.write(f"seed {seed}: {'; '.join(wrong)}\n")
    sys.stdout.write(f"{options.seeds - failed} seeds end with the target equal to the source, {failed} do not.\n")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
