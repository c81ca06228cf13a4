"""The process that keeps one embedded PostgreSQL alive while anybody uses it, and ends it after its last user.

It runs as a script of its own, on the standard library alone, so that it is small, outlives the program that
started it, and is there to end the server when that program was killed.

Locks, all flock(2), so that the kernel releases them when their holder dies, however it dies:

    postgres.users    shared, held by every program that uses the server
    postgres.keeper   exclusive, held by the keeper for as long as it lives
    postgres.lock     exclusive, held while a program joins and while the keeper leaves
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

_POLL_SECONDS = 0.1
_STOP_SECONDS = 30.0
_RESTART_SECONDS = (0.1, 0.3, 1.0, 3.0, 3.0, 3.0, 3.0)
"""Pauses before the server is started again. What is left of a killed server may be in the way for some seconds."""

_STEADY_SECONDS = 5.0
"""A server that has run so long did start; its next end is not counted with the failures before."""


@dataclass(frozen=True)
class Plan:
    """What the keeper is told: paths are absolute, `command` is run in `data` as `user_id` (None: as we are)."""

    lock: str
    users: str
    data: str
    command: list[str]
    user_id: int | None
    foreign_socket: str | None
    """A socket directory outside the data directory, removed when the server ends."""

    def print(self) -> str:
        """The plan as one command line argument."""
        return json.dumps(asdict(self))


def take(path: str, operation: int, *, create: bool = True) -> int | None:
    """The descriptor of a file locked as asked (flock's LOCK_…), or None when LOCK_NB was asked and another has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_CREAT if create else 0), 0o600)
    try:
        fcntl.flock(descriptor, operation)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def give(descriptor: int) -> None:
    """Release a lock that was taken; programs forked meanwhile do not keep it."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def server_pid(data: Path) -> int | None:
    """The process id of the server that runs on `data`, or None.

    A process id that the machine has since given to something else is not believed: a server's working directory
    is its data directory.
    """
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, 0)
    except (OSError, ValueError, IndexError):
        return None
    process = Path("/proc") / str(pid)
    if not process.parent.joinpath("self").exists():
        return pid
    try:
        is_ours = process.joinpath("cwd").samefile(data) and " Z " not in process.joinpath("stat").read_text()
    except OSError:
        return None
    return pid if is_ours else None


class Keeper:
    """Starts the server, starts it again when it died, and stops it when told or unused."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._data = Path(plan.data)
        self._child: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started = 0.0
        self._start_not_before = 0.0
        self.told_to_stop = False

    def run(self) -> None:
        """Keep the server until its last user is gone, or until it has failed to start too often."""
        try:
            while not self._leave_when_unused() and self._failures <= len(_RESTART_SECONDS):
                self._start_when_down()
                time.sleep(_POLL_SECONDS)
        except FileNotFoundError:
            self._stop()  # somebody has deleted the data directory

    def _socket_directory(self) -> Path:
        """Where the socket of this server is, and of no other."""
        return Path(self._plan.foreign_socket or self._data.parent / "socket")

    def _running(self) -> int | None:
        if self._child is not None and self._child.poll() is None:
            return self._child.pid
        return server_pid(self._data)

    def _start_when_down(self) -> None:
        if self._running() is not None:
            return
        if self._child is not None:
            self._child = None
            if time.monotonic() - self._started > _STEADY_SECONDS:
                self._failures = 0
            self._start_not_before = time.monotonic() + _RESTART_SECONDS[self._failures % len(_RESTART_SECONDS)]
            self._failures += 1
        if time.monotonic() < self._start_not_before:
            return
        self._started = time.monotonic()
        # PostgreSQL would refuse to start beside any process with the id in a stale file, a killed server's own included
        # as long as nobody has reaped it.
        (self._data / "postmaster.pid").unlink(missing_ok=True)
        for stale in self._socket_directory().glob(".s.PGSQL.*.lock"):
            stale.unlink(missing_ok=True)
        as_user: dict[str, Any] = {}
        if self._plan.user_id is not None:
            as_user = {"user": self._plan.user_id, "group": self._plan.user_id, "extra_groups": ()}
        self._child = subprocess.Popen(  # noqa: S603 - our own argument list, no shell
            self._plan.command,
            cwd=self._plan.data,
            stdin=subprocess.DEVNULL,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            start_new_session=True,
            **as_user,
        )

    def _leave_when_unused(self) -> bool:
        joining = take(self._plan.lock, fcntl.LOCK_EX | fcntl.LOCK_NB, create=False)
        if joining is None and not self.told_to_stop:
            return False
        users = take(self._plan.users, fcntl.LOCK_EX | fcntl.LOCK_NB, create=False)
        if users is not None or self.told_to_stop:
            self._stop()
            return True  # the locks go with the process, in whatever order: the server is down
        if joining is not None:
            give(joining)
        return False

    def _stop(self) -> None:
        # "Fast" first, as PostgreSQL calls it: sessions are ended, what is committed is written out.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            pid = self._running()
            if pid is None:
                break
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            give_up = time.monotonic() + _STOP_SECONDS
            while self._running() is not None and time.monotonic() < give_up:
                time.sleep(_POLL_SECONDS / 5)
        if self._plan.foreign_socket is not None:
            shutil.rmtree(self._plan.foreign_socket, ignore_errors=True)


def main() -> None:
    """Leave the caller's session and keep the server; the inherited descriptor with the keeper's lock stays open."""
    plan = Plan(**json.loads(sys.argv[1]))
    if os.fork():
        os._exit(0)  # the caller waits for this process only, and need not know of the other
    keeper = Keeper(plan)

    def stop(_number: int, _frame: FrameType | None) -> None:
        keeper.told_to_stop = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    keeper.run()


if __name__ == "__main__":
    main()
