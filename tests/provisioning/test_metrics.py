"""Metrics and health of a worker, asked over HTTP, with a real database behind it."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from rollcall import directory
from rollcall.config import Config
from rollcall.db import Database
from rollcall.main.monitoring import worker_app
from rollcall.main.opening import Parts
from rollcall.provisioning import Metrics, Worker, job_gauges
from rollcall.runtime import Runtime
from tests.provisioning.world import SEALER, World
from tests.scim_http.serving import served

pytestmark = pytest.mark.usefixtures("proxy")


async def _asked(base: str, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{base}{path}") as response:
        return response.status, await response.text()


async def test_a_worker_shows_what_it_did_and_what_the_database_holds(
    world: World, database: Database, runtime: Runtime
) -> None:
    parts = Parts(Config(), runtime, database, SEALER, Metrics())
    world.service = parts.provisioning
    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    await world.db.write(directory.update_user, ada, {"givenName": "Augusta"})
    await world.cycle()
    worker = Worker(parts.provisioning, directory.CHANNEL)

    async with worker.queue.open_async(), served(worker_app(parts, worker)) as base:
        assert (await _asked(base, "/health/live"))[0] == 200
        assert (await _asked(base, "/health/ready"))[0] == 200
        status, said = await _asked(base, "/metrics")

    assert status == 200
    assert f'rollcall_cycles_total{{job="{world.job_id}",kind="initial",result="done"}} 1.0' in said
    assert f'rollcall_operations_total{{action="update",job="{world.job_id}",status="success"}} 1.0' in said
    assert f'rollcall_arrival_seconds_count{{job="{world.job_id}"}} 1.0' in said
    assert "ada" not in said


async def test_gauges_are_read_over_tenants_and_leave_the_wall_between_them_standing(
    world: World, database: Database
) -> None:
    (gauges,) = await database.system(job_gauges, [world.db.tenant])

    assert (gauges.job_id, gauges.escrowed, gauges.withheld, gauges.quarantine_reason) == (world.job_id, 0, 0, None)
    assert await database.system(job_gauges, []) == []
    assert await asyncio.gather(*[database.system(job_gauges, []) for _ in range(5)]) == [[]] * 5
