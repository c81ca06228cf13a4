"""Everything at once: both halves and the worker as processes, started together and ended together."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import structlog

from rollcall.config import Config, read_environment
from rollcall.errors import Conflict, Unavailable
from rollcall.main.opening import Parts, make_data_directory, open_parts
from rollcall.main.serving import free_port
from rollcall.main.site import address_of

_log = structlog.get_logger()
_READY_WITHIN_SECONDS = 30.0
_END_WITHIN_SECONDS = 10.0
_RESTART_AFTER_SECONDS = 1.0


@dataclass(slots=True)
class Running:
    """What serves now: addresses, and the parts it was opened with."""

    parts: Parts
    identity_url: str
    workspaces_url: str
    failed: asyncio.Event = field(default_factory=asyncio.Event)


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Hold the data directory for one `up` at a time; the kernel releases it with the process. Raises Conflict."""
    descriptor = os.open(data / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"Rollcall is up on {data} already. Stop it first, or choose another directory with --data."
            ) from None
        yield
    finally:
        os.close(descriptor)


@asynccontextmanager
async def run_everything(config: Config, *, config_file: Path | None = None) -> AsyncGenerator[Running]:
    """Both halves and the worker, for the length of the block.

    `config_file` is the file that was named by a flag, if one was: the processes read it as well.

    Raises Unavailable for a taken port, an unwritable directory or a part that does not start, Conflict for a second
    one on the same data.
    """
    make_data_directory(config.data)
    with _only_one(config.data):
        identity, workspaces = config.identity, config.workspaces
        identity = replace(identity, port=free_port(identity.host, identity.port))
        workspaces = replace(workspaces, port=free_port(workspaces.host, workspaces.port))
        if identity.port == workspaces.port and identity.host == workspaces.host:
            raise Unavailable(f"Both halves were given port {identity.port}. Choose two, or 0 for any free one.")
        settled = replace(config, identity=identity, workspaces=workspaces)
        async with open_parts(settled) as parts, _Processes(settled, config_file) as processes:
            running = Running(
                parts,
                address_of(identity.host, identity.port, identity.base_url),
                address_of(workspaces.host, workspaces.port, workspaces.base_url),
                processes.failed,
            )
            # The address that answers here may be another than the one the world knows.
            await processes.wait_until_ready(address_of(identity.host, identity.port, None))
            await processes.wait_until_ready(address_of(workspaces.host, workspaces.port, None))
            yield running


class _Processes:
    """The child processes. Each ends by itself when its standard input closes, even if this one was killed."""

    def __init__(self, config: Config, config_file: Path | None) -> None:
        common = ["--data", str(config.data), *(["--config", str(config_file)] if config_file else [])]
        identity = ["--identity-port", str(config.identity.port)]
        workspaces = ["--workspaces-port", str(config.workspaces.port)]
        self._commands: dict[str, Sequence[str]] = {
            "identity": ["serve", "identity", *common, *identity],
            "workspaces": ["serve", "workspaces", *common, *workspaces],
            "worker": ["work", *common],
        }
        # What was given as a flag here is told to the children as if it stood in the environment.
        self._environment = {
            **read_environment(),
            "ROLLCALL_LOG_LEVEL": config.log.level,
            "ROLLCALL_LOG_FORMAT": config.log.format,
        }
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._ending = False
        self.failed = asyncio.Event()

    async def __aenter__(self) -> _Processes:
        for name in self._commands:
            await self._start(name)
            self._watchers.append(asyncio.create_task(self._watch(name)))
        return self

    async def _start(self, name: str) -> None:
        self._children[name] = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "rollcall",
            *self._commands[name],
            "--until-stdin-closes",
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal is ours to handle, once and in order
        )

    async def _watch(self, name: str) -> None:
        """Start a part again that ended by itself; give up when it never came up."""
        while True:
            child = self._children[name]
            began = asyncio.get_running_loop().time()
            code = await child.wait()
            if self._ending:
                return
            if asyncio.get_running_loop().time() - began < _RESTART_AFTER_SECONDS or code == 2:
                self.failed.set()
                return
            _log.warning("a part ended and is started again", part=name, exit_code=code)
            await asyncio.sleep(_RESTART_AFTER_SECONDS)
            await self._start(name)

    async def wait_until_ready(self, url: str) -> None:
        """Until the half at this address answers. Raises Unavailable when it does not."""
        async with aiohttp.ClientSession() as session:
            deadline = asyncio.get_running_loop().time() + _READY_WITHIN_SECONDS
            while asyncio.get_running_loop().time() < deadline and not self.failed.is_set():
                with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
                    async with session.get(f"{url}/health/ready") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise Unavailable(f"{url} did not come up within {_READY_WITHIN_SECONDS:.0f} s; the lines above say why.")

    async def __aexit__(self, *_error: object) -> None:
        self._ending = True
        # The worker first: a cycle that loses its target under it would file half a page as failed.
        await self._end({name: child for name, child in self._children.items() if name == "worker"})
        await self._end(self._children)
        await asyncio.gather(*self._watchers, return_exceptions=True)

    async def _end(self, children: Mapping[str, asyncio.subprocess.Process]) -> None:
        running = [child for child in children.values() if child.returncode is None]
        for child in running:
            assert child.stdin is not None, "a child was started with a pipe"
            child.stdin.close()
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        if not running:
            return
        _, late = await asyncio.wait(
            [asyncio.create_task(child.wait()) for child in running], timeout=_END_WITHIN_SECONDS
        )
        for child in running if late else ():
            if child.returncode is None:
                child.kill()
        if late:
            await asyncio.wait(late)


def stop_signals(*, stdin: bool = False) -> asyncio.Event:
    """An event that SIGINT and SIGTERM set, and with `stdin` the end of standard input as well."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if stdin:
        loop.add_reader(sys.stdin.fileno(), _at_end, loop, stop)
    return stop


def _at_end(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        loop.remove_reader(sys.stdin.fileno())
        stop.set()
