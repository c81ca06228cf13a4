"""PostgreSQL 18 out of a wheel: started, shared by the programs on one data directory, stopped after the last."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from rollcall.db import keeper
from rollcall.db.binaries import find_binaries, installed_package
from rollcall.db.directories import Directories, locked
from rollcall.db.keeper import Plan, give, take
from rollcall.errors import Unavailable

OWNER = "postgres"
LOGIN = "rollcall_login"
DATABASE = "rollcall"

_START_SECONDS = 60.0
_STOP_SECONDS = 60.0

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "128MB",
    "max_connections": "100",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_checkpoints": "off",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",  # statements carry people's data; errors reach the program anyway
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_UNSAFE_SETTINGS = {"fsync": "off", "full_page_writes": "off"}


class Server:
    """An embedded server that this program uses until `stop`."""

    def __init__(self, data: Path, *, durable: bool = True) -> None:
        self._paths = Directories(data)
        self._durable = durable
        self._use: int | None = None

    @property
    def socket_directory(self) -> Path:
        """Where the server's only door is; nobody but its user (and root) may enter."""
        return self._paths.socket_directory()

    @property
    def pid(self) -> int | None:
        """The process id of the server, or None when it is down at this moment."""
        return keeper.server_pid(self._paths.data)

    def url(self, database: str = DATABASE, user: str = OWNER) -> str:
        """A connection URL of one database, for the owner unless another user is named."""
        return f"postgresql://{user}@/{database}?host={quote(str(self.socket_directory), safe='/')}"

    def start(self) -> None:
        """Join the server on this directory, starting it when it is down, and wait until it is ready.

        Raises Unavailable when the directory can't be used or the server does not come up.
        """
        assert self._use is None, "a server is started once"
        self._paths.make_root()
        joining = locked(self._paths.lock, fcntl.LOCK_EX)
        try:
            self._use = locked(self._paths.users, fcntl.LOCK_SH)
            self._start_keeper()
        except BaseException:
            self.stop()
            raise
        finally:
            give(joining)

    def ensure(self, seconds: float = _START_SECONDS) -> None:
        """Bring the server back when even its keeper was killed, and wait so long until it is ready.

        Raises Unavailable when it does not come up.
        """
        joining = locked(self._paths.lock, fcntl.LOCK_EX)
        try:
            self._start_keeper(seconds)
        finally:
            give(joining)

    def stop(self) -> None:
        """Leave; the server ends when this was its last user, and then this waits for its end."""
        if self._use is None:
            return
        give(self._use)
        self._use = None
        with suppress(FileNotFoundError):  # somebody has deleted the data directory
            self._wait_for_the_end()

    def _wait_for_the_end(self) -> None:
        give_up = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < give_up:
            kept = take(str(self._paths.keeper), fcntl.LOCK_EX | fcntl.LOCK_NB)
            if kept is not None:
                if self.pid is None:
                    give(kept)
                    return
                self._spawn_keeper(kept)  # its keeper was killed: another one ends it
            last = take(str(self._paths.users), fcntl.LOCK_EX | fcntl.LOCK_NB)
            if last is None and self._others_use_it():
                return
            if last is not None:
                give(last)
            time.sleep(0.02)

    def _others_use_it(self) -> bool:
        # The keeper takes the users' lock too, for a moment or to leave; it never has it shared.
        shared = take(str(self._paths.users), fcntl.LOCK_SH | fcntl.LOCK_NB)
        if shared is None:
            return False
        give(shared)
        return True

    def _start_keeper(self, seconds: float = _START_SECONDS) -> None:
        kept = take(str(self._paths.keeper), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if kept is not None:
            self._spawn_keeper(kept)
        self._wait_until_ready(seconds)

    def _spawn_keeper(self, kept: int) -> None:
        """Start a keeper, which finds or starts the server; it inherits the keeper's lock, which is closed here."""
        try:
            plan = self._plan()
            with self._paths.open_log() as log:
                subprocess.run(  # noqa: S603 - our own argument list, no shell
                    [sys.executable, "-I", "-S", keeper.__file__, plan.print()],
                    check=True,
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(kept,),
                    start_new_session=True,
                )
        finally:
            os.close(kept)

    def _plan(self) -> Plan:
        user_id = self._paths.server_user_id()
        binaries = find_binaries(user_id, package=installed_package())
        self._paths.make_directories(user_id)
        if not self._paths.data.exists():
            binaries.initialise(self._paths.data, user_id, OWNER)
        self._paths.check_version()
        foreign_socket = self._paths.make_socket_directory(user_id, running=self.pid is not None)
        settings = _SETTINGS if self._durable else _SETTINGS | _UNSAFE_SETTINGS
        # A relative path has no length limit here, and no parent directory the server's user would have to enter.
        settings = settings | {"unix_socket_directories": str(foreign_socket or "../socket")}
        # Likewise its working directory is reachable for the server even below a directory closed to its user.
        data = str(self._paths.data) if user_id is None else "/proc/self/cwd"
        return Plan(
            lock=str(self._paths.lock),
            users=str(self._paths.users),
            data=str(self._paths.data),
            command=[
                str(binaries.postgres),
                "-D",
                data,
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            user_id=user_id,
            foreign_socket=None if foreign_socket is None else str(foreign_socket),
        )

    def _wait_until_ready(self, seconds: float) -> None:
        give_up = time.monotonic() + seconds
        while not self._ready():
            kept = take(str(self._paths.keeper), fcntl.LOCK_EX | fcntl.LOCK_NB)
            if kept is not None:
                give(kept)
            if kept is not None or time.monotonic() > give_up:
                raise Unavailable(
                    f"The embedded PostgreSQL in {self._paths.home} did not start. "
                    "Its last words are below; the rest is in its log.",
                    details=self._paths.last_words(),
                )
            time.sleep(0.01)

    def _ready(self) -> bool:
        try:
            lines = (self._paths.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) > 7 and lines[7].strip() == "ready" and self.pid is not None


@contextmanager
def embedded_server(data: Path, *, durable: bool = True) -> Iterator[Server]:
    """The server on data directory `data`, started or joined, left at the end.

    `durable=False` trades safety in a power cut for speed, for tests. Raises Unavailable.
    """
    server = Server(data, durable=durable)
    server.start()
    try:
        yield server
    finally:
        server.stop()
