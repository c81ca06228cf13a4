"""Worker processes as an operator runs them: `rollcall work`, each one a process that may be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from rollcall.config import Config, DatabaseSettings, read_environment
from rollcall.db import DatabaseConfig

GENEROUS_SECONDS = 20.0
"""No promise is so slow; a machine that is busy with other tests may be."""


@dataclass
class Workers:
    """The workers of one database."""

    data: Path
    environment: dict[str, str]
    running: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def start(self) -> asyncio.subprocess.Process:
        """One more worker. It ends by itself when this process does."""
        with (self.data / "workers.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "rollcall",
                "work",
                "--data",
                str(self.data),
                "--until-stdin-closes",
                env=self.environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        self.running.append(process)
        return process

    def owner_of(self, port: int) -> asyncio.subprocess.Process | None:
        """The worker whose connection has this local port."""
        for process in self.running:
            with suppress(psutil.Error):
                connections = psutil.Process(process.pid).net_connections("tcp")
                if any(each.laddr and each.laddr.port == port for each in connections):
                    return process
        return None

    async def kill(self, process: asyncio.subprocess.Process) -> None:
        """Kill it as the kernel kills: nothing is said, nothing is tidied up."""
        process.send_signal(signal.SIGKILL)
        await process.wait()
        self.running.remove(process)

    async def stop(self) -> None:
        """End all of them."""
        for process in list(self.running):
            with suppress(ProcessLookupError):
                await self.kill(process)

    def log(self) -> str:
        """What the workers said."""
        file = self.data / "workers.log"
        return file.read_text(errors="replace") if file.exists() else ""


def config_for(data: Path, database: DatabaseConfig | None = None) -> Config:
    """The configuration of this process and its workers: a data directory, and a server unless it is embedded."""
    if database is None:
        return Config(data=data)
    return Config(data=data, database=DatabaseSettings(url=database.url, application_url=database.application_url))


def environment_of(config: Config) -> dict[str, str]:
    """The environment in which programs use this configuration's database."""
    named = {"DATABASE_URL": config.database.url, "DATABASE_APPLICATION_URL": config.database.application_url}
    environment = {name: value for name, value in read_environment().items() if not name.startswith("ROLLCALL_")}
    return environment | {f"ROLLCALL_{name}": value for name, value in named.items() if value is not None}


@asynccontextmanager
async def workers_of(config: Config) -> AsyncIterator[Workers]:
    """Workers on a configuration; none yet."""
    workers = Workers(config.data, environment_of(config))
    try:
        yield workers
    finally:
        await workers.stop()


async def soon(holds: Callable[[], object], seconds: float = GENEROUS_SECONDS) -> None:
    """Wait until something holds; fails when it never does."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - it happens in another process
            await asyncio.sleep(0.05)


def end(pid: int) -> None:
    """Kill a process as the kernel kills."""
    os.kill(pid, signal.SIGKILL)
