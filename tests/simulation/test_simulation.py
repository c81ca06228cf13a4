"""The engine in failing worlds: when the faults stop, the target equals the source."""

from __future__ import annotations

import subprocess
import sys

import pytest
from psycopg.types.json import Jsonb

from rollcall.db import TenantDatabase, Tx
from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.ledger_database import DatabaseLedger
from rollcall.runtime import Runtime
from tests.simulation.__main__ import run_seed
from tests.simulation.changes import World
from tests.simulation.judging import differences
from tests.simulation.world import make_world, run_world

SEEDS = 2000
CHUNK = 100
DATABASE_SEEDS = 60
DATABASE_CHUNK = 10

DIGEST = """
import asyncio
from tests.simulation.test_simulation import story
from tests.simulation.world import make_world, run_world
for seed in range(20):
    world = make_world(seed)
    asyncio.run(run_world(world))
    print(story(world))
"""


def story(world: World) -> str:
    """All that a world's target went through and has become, and all that the log tells of it."""
    log = getattr(world.ledger, "log", ())
    return repr((world.target.requests, world.target.resources, log))


@pytest.mark.parametrize("first", range(1, SEEDS + 1, CHUNK))
async def test_when_the_faults_stop_the_target_equals_the_source(first: int) -> None:
    wrong = {seed: faults for seed in range(first, first + CHUNK) if (faults := await run_seed(seed))}

    assert not wrong, f"replay with: python -m tests.simulation --seed {min(wrong)}"


@pytest.mark.parametrize("first", range(1, DATABASE_SEEDS + 1, DATABASE_CHUNK))
async def test_the_ledger_in_the_database_ends_the_same_way(
    first: int, tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    for seed in range(first, first + DATABASE_CHUNK):
        job_id = runtime.new_id()
        await tenant_db.write(insert_job, job_id)
        world = make_world(seed, DatabaseLedger(tenant_db, job_id))

        await run_world(world)

        assert not await differences(world), f"seed {seed}"


async def insert_job(tx: Tx, job_id: object) -> None:
    """A job for a ledger to belong to."""
    await tx.run(
        "insert into provisioning.jobs (id, service_principal_id, display_name, template, sync_schema)"
        " values (%s, %s, %s, 'scim', %s)",
        [job_id, job_id, str(job_id), Jsonb(CUSTOM_SCHEMA)],
    )


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_both_ledgers_live_through_the_same_story(seed: int, tenant_db: TenantDatabase, runtime: Runtime) -> None:
    job_id = runtime.new_id()
    await tenant_db.write(insert_job, job_id)
    in_database, in_memory = make_world(seed, DatabaseLedger(tenant_db, job_id)), make_world(seed)

    await run_world(in_database)
    await run_world(in_memory)

    assert in_database.target.requests == in_memory.target.requests
    assert in_database.target.resources == in_memory.target.resources


async def test_the_same_seed_tells_the_same_story() -> None:
    stories = set()
    for _ in range(2):
        world = make_world(7)
        await run_world(world)
        stories.add(story(world))

    assert len(stories) == 1


def test_the_same_seed_tells_the_same_story_in_another_process() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-c", DIGEST], env={"PYTHONHASHSEED": hash_seed}, check=True, capture_output=True
        ).stdout
        for hash_seed in ("1", "2")
    }

    assert len(told) == 1


async def test_other_seeds_tell_other_stories() -> None:
    stories = set()
    for seed in range(10):
        world = make_world(seed)
        await run_world(world)
        stories.add(story(world))

    assert len(stories) == 10
