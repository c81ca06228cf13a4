"""A real `rollcall job apply FILE` that is killed: applied again, it finishes exactly that plan, and nothing is doubled."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from rollcall import directory
from rollcall.db import DatabaseConfig
from rollcall.main import Parts, open_parts
from rollcall.provisioning import JobSettings
from tests.e2e.workers import Workers, config_for, workers_of
from tests.provisioning.agreement import assert_in_step
from tests.provisioning.proxy import Proxy, proxy_to
from tests.provisioning.world import World, found_world, upn, workspaces_apart

# Small pages and few requests at once, so that a cycle has many moments in which it may die.
_SLOW = JobSettings(interval_seconds=3600.0, page_size=10, concurrency=3, deletion_percent=None)
_PEOPLE = 40


@pytest.fixture
async def parts(database_config: DatabaseConfig, tmp_path: Path) -> AsyncIterator[Parts]:
    """This module's database with a data directory of this test's own, where the sealing key lies."""
    async with open_parts(config_for(tmp_path, database_config)) as parts:
        yield parts


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def origin(database_config: DatabaseConfig) -> AsyncIterator[str]:
    """Where this module's workspaces half answers."""
    async with workspaces_apart(database_config) as origin:
        yield origin


@pytest.fixture
async def world(parts: Parts, origin: str) -> AsyncIterator[World]:
    """Forty people in two groups, none of them provisioned."""
    async with proxy_to(origin) as proxy:
        made = await found_world(parts.database, parts.runtime, proxy, settings=_SLOW, sealer=parts.sealer)
        people = [await made.user(f"p{number}") for number in range(_PEOPLE)]
        for number in range(2):
            await made.group(f"G{number}", people[number::2])
        yield made


@pytest.fixture
async def environment(parts: Parts) -> AsyncIterator[Workers]:
    """What a command of this database is started with; no worker runs."""
    async with workers_of(parts.config) as workers:
        yield workers


class Command:
    """`rollcall job …` for one world."""

    def __init__(self, world: World, around: Workers) -> None:
        self._world, self._around = world, around

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """Start one, and do not wait for its end."""
        named = ("--tenant", str(self._world.db.tenant), "--data", str(self._around.data))
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "rollcall", "job", *words, *named),
            env=self._around.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )

    async def run(self, *words: str) -> tuple[int | None, str]:
        """Exit code of one, and all it printed."""
        process = await self.start(*words)
        said, _ = await process.communicate()
        return process.returncode, said.decode()


def made(proxy: Proxy) -> Counter[str]:
    """How often each name was created."""
    created = [each for each in proxy.passed if each.method == "POST" and each.status == 201]
    return Counter(each.body.get("userName") or each.body["displayName"] for each in created)


async def cut_off(world: World, command: Command, file: Path, moment: int) -> None:
    """Plan into a file, apply it, and kill that once so many requests have written."""
    assert (await command.run("plan", "--out", str(file)))[0] == 0
    world.proxy.delay_seconds = 0.03
    process = await command.start("apply", str(file))
    await world.proxy.until(lambda: len(world.proxy.written()) >= moment and bool(world.proxy.under_way))
    process.kill()
    await process.wait()
    await world.proxy.until(lambda: not +world.proxy.under_way)
    world.proxy.delay_seconds = 0.0
    assert 0 < len(made(world.proxy)) < _PEOPLE + 2


@pytest.mark.parametrize("moment", [3, 17, 39])
async def test_an_apply_that_was_killed_is_finished_by_applying_the_file_again(
    world: World, environment: Workers, tmp_path: Path, moment: int
) -> None:
    command, file = Command(world, environment), tmp_path / "plan.json"
    await cut_off(world, command, file, moment)

    code, said = await command.run("apply", str(file))
    again, left = await command.run("apply", str(file))

    assert code == 0, said
    assert made(world.proxy) == Counter([*(upn(f"p{number}") for number in range(_PEOPLE)), "G0", "G1"])
    await assert_in_step(world)
    assert (again, "Nothing of the plan is left" in left) == (2, True), left


async def test_an_apply_that_was_killed_does_nothing_more_once_something_moved(
    world: World, environment: Workers, tmp_path: Path
) -> None:
    command, file = Command(world, environment), tmp_path / "plan.json"
    await cut_off(world, command, file, 12)
    before = made(world.proxy)
    eve = await world.user("eve")
    await world.db.write(directory.assign, world.application, eve)

    code, said = await command.run("apply", str(file))

    assert (code, "create User eve@example.com" in said) == (2, True), said
    assert "p0@example.com" not in said, "what the plan did itself has not moved"
    assert made(world.proxy) == before
