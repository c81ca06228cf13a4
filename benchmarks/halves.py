"""Both halves as they run in earnest, for the length of a block: a database, a served application, a worker, a job."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from uuid import UUID

import aiohttp

from rollcall import directory, provisioning, workspaces
from rollcall.config import Config
from rollcall.db import TenantDatabase
from rollcall.main import Parts, free_port, open_parts
from rollcall.provisioning import Cycle, JobSettings, NewJob

_READY_WITHIN_SECONDS = 30.0
_LOOK_EVERY_SECONDS = 0.1
_WITHOUT_A_CHANGE_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Halves:
    """An application that is served, a directory, and a job between them that was not started."""

    parts: Parts
    tenant: UUID
    application: UUID
    job_id: UUID
    tenant_url: str
    token: str
    application_pid: int

    @property
    def db(self) -> TenantDatabase:
        """The directory and the job, as their tenant sees them."""
        return self.parts.database.tenant(self.tenant)

    async def run_cycle(self) -> provisioning.CycleResult:
        """One cycle in this process."""
        return await provisioning.run_job(self.parts.provisioning, self.tenant, self.job_id)

    async def cycles(self) -> list[Cycle]:
        """The job's cycles, newest first."""
        return await self.db.read(provisioning.recent_cycles, self.job_id, 1000)


@asynccontextmanager
async def halves(fill: Callable[[TenantDatabase, UUID], Awaitable[None]]) -> AsyncGenerator[Halves]:
    """A new data directory with an embedded, durable database; `fill` puts people into the directory.

    `fill` is given the directory's tenant and the application that people are to be entitled to. The application is
    served by a process of its own.
    """
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as data:
        config = Config(data=Path(data))
        async with open_parts(config) as parts:
            port = free_port("127.0.0.1", 0)
            serving = ["serve", "workspaces", "--workspaces-port", str(port)]
            async with program(config.data, *serving) as application_pid:
                await wait_until_ready(f"http://127.0.0.1:{port}/health/ready")
                yield await _join(parts, f"http://127.0.0.1:{port}", fill, application_pid)


async def _join(
    parts: Parts, url: str, fill: Callable[[TenantDatabase, UUID], Awaitable[None]], application_pid: int
) -> Halves:
    tenant = await parts.database.system(directory.create_tenant, parts.runtime, "bench")
    db = parts.database.tenant(tenant)
    application = await db.write(directory.create_service_principal, "Workspaces")
    await fill(db, application)
    there = parts.database.tenant(parts.runtime.new_id())
    await there.write(workspaces.create_organisation, parts.runtime, key="bench", name="Bench", synchronization=True)
    token = (await there.write(workspaces.create_credential, parts.runtime)).token
    tenant_url = workspaces.tenant_url(url, "bench")
    settings = JobSettings(interval_seconds=_WITHOUT_A_CHANGE_SECONDS)
    new = NewJob(application, "Workspaces", tenant_url, token, "tutorial", settings)
    job_id = await provisioning.create_tested_job(parts.provisioning, tenant, new)
    return Halves(parts, tenant, application, job_id, tenant_url, token, application_pid)


@asynccontextmanager
async def worker(joined: Halves) -> AsyncGenerator[int]:
    """The worker as a program of its own, and the job started; its process id."""
    async with program(joined.parts.config.data, "work") as pid:
        await joined.db.write(provisioning.set_state, joined.job_id, "Active")
        yield pid


async def wait_for_cycle(joined: Halves, after: int, watch: Callable[[Cycle], None] = lambda _: None) -> Cycle:
    """The job's newest cycle, when the job has more than `after` and the newest has ended."""
    while True:
        cycles = await joined.cycles()
        if len(cycles) > after:
            watch(cycles[0])
            if cycles[0].ended is not None:
                return cycles[0]
        await asyncio.sleep(_LOOK_EVERY_SECONDS)


def peak_megabytes(pid: int | Literal["self"]) -> float:
    """The most memory (resident set, as Linux counts it) that a process has had, in MB of a million bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise AssertionError("Linux tells the peak of a process")


def command(joined: Halves, *words: str, told: Path) -> tuple[float, float]:
    """Seconds and peak megabytes of one command, as a process of its own; what it prints goes into `told`."""
    began = time.perf_counter()
    with told.open("w") as out:
        data = str(joined.parts.config.data)
        process = subprocess.Popen([sys.executable, "-m", "rollcall", *words, "--data", data], stdout=out)
        megabytes = 0.0
        # Not from wait4, which counts what this process had when it forked.
        while process.poll() is None:
            with suppress(AssertionError, ProcessLookupError):  # it has just ended
                megabytes = peak_megabytes(process.pid)
            time.sleep(0.02)
    assert process.returncode == 0, f"{words} succeeded"
    return time.perf_counter() - began, megabytes


@asynccontextmanager
async def program(data: Path, *arguments: str) -> AsyncGenerator[int]:
    """`rollcall …` on this data directory until the block ends; its process id."""
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rollcall", *arguments, "--data", str(data), "--until-stdin-closes"),
        env={**os.environ, "ROLLCALL_LOG_LEVEL": "warning"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        yield program.pid
    finally:
        assert program.stdin is not None
        program.stdin.close()
        await program.wait()


async def wait_until_ready(url: str) -> None:
    give_up_at = time.monotonic() + _READY_WITHIN_SECONDS
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < give_up_at:
            with suppress(aiohttp.ClientError, OSError):
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.05)
    raise AssertionError(f"{url} did not come up within {_READY_WITHIN_SECONDS:.0f} s")
