"""The files of an embedded server: where they are, whom they belong to, who may enter."""

from __future__ import annotations

import os
import pwd
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rollcall.db.keeper import take
from rollcall.errors import Unavailable

MAJOR_VERSION = "18"

_LOG_BYTES = 4_000_000
_SOCKET_PATH_BYTES = 107
"""sockaddr_un.sun_path holds 108 bytes with the closing zero (unix(7)); elsewhere less, but never under 103."""

_SERVER_USER_IDS = range(64_900, 65_500)
"""Where a user id for a server started by root is looked for: above people and packages, below `nobody`."""


class Directories:
    """The files of an embedded server below the data directory, and who owns them.

    The locks lie outside the server user's own directory, so that nothing in there is trusted by root.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.lock = self.root / "postgres.lock"
        self.users = self.root / "postgres.users"
        self.keeper = self.root / "postgres.keeper"
        self._socket_record = self.root / "postgres.socket"
        self.home = self.root / "postgres"
        self.data = self.home / "data"
        self._socket = self.home / "socket"

    def make_root(self) -> None:
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not os.access(self.root, os.W_OK | os.X_OK):
                raise PermissionError
        except OSError:
            raise Unavailable(
                f"The data directory {self.root} can't be written. Name another one, or run as its owner."
            ) from None

    def server_user_id(self) -> int | None:
        """The user the server runs as: None for our own; for root the directory's owner, or a free numeric id."""
        if os.geteuid() != 0:
            return None
        if not Path("/proc/self/cwd").exists():
            raise Unavailable("The embedded PostgreSQL can be started by root on Linux only. Run as a plain user.")
        with suppress(FileNotFoundError):
            owner = self.home.stat().st_uid
            if owner != 0:
                return owner
        return _free_user_id()

    def make_directories(self, user_id: int | None) -> None:
        for directory in (self.home, self._socket):
            directory.mkdir(mode=0o700, exist_ok=True)
            if user_id is not None:
                os.chown(directory, user_id, user_id, follow_symlinks=False)
            elif directory.stat().st_uid != os.geteuid():
                raise Unavailable(
                    f"{directory} belongs to another user. Run as that user, or name another data directory."
                )
            directory.chmod(0o700)

    def check_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != MAJOR_VERSION:
            raise Unavailable(
                f"The database in {self.data} was made by PostgreSQL {found}; this version of Rollcall brings "
                f"{MAJOR_VERSION}. Start the version of Rollcall that made it, or name another data directory."
            )

    def make_socket_directory(self, user_id: int | None, *, running: bool) -> Path | None:
        """None when the socket fits below the data directory; else a short private directory, which is recorded."""
        with suppress(FileNotFoundError):
            if running:
                return Path(self._socket_record.read_text())
        self._socket_record.unlink(missing_ok=True)
        if _socket_path_fits(self._socket):
            return None
        for parent in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes it private
            directory = Path(tempfile.mkdtemp(prefix="rollcall-", dir=parent))
            if _socket_path_fits(directory):
                break
            directory.rmdir()
        else:
            raise Unavailable("No directory with a path short enough for the database socket was found.")
        if user_id is not None:
            os.chown(directory, user_id, user_id)
        self._socket_record.write_text(str(directory))
        return directory

    def socket_directory(self) -> Path:
        try:
            return Path(self._socket_record.read_text())
        except FileNotFoundError:
            return self._socket

    def open_log(self) -> BinaryIO:
        """The server's log, opened for appending; a long one is begun anew, with the former kept beside it."""
        log = self.home / "log"
        with suppress(FileNotFoundError):
            if log.lstat().st_size > _LOG_BYTES:
                log.replace(log.with_name("log.1"))
        return open(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600), "ab")

    def last_words(self) -> tuple[str, ...]:
        try:
            return tuple((self.home / "log").read_text(errors="replace").splitlines()[-8:])
        except OSError:
            return ()


def locked(path: Path, operation: int) -> int:
    """The descriptor of a lock file, locked. Raises Unavailable when it belongs to another user."""
    try:
        descriptor = take(str(path), operation)
    except PermissionError:
        raise Unavailable(
            f"{path} can't be opened: another user runs Rollcall on this data directory. "
            "Run as that user, or name another data directory."
        ) from None
    assert descriptor is not None, "a lock that is waited for is had"
    return descriptor


def _free_user_id() -> int:
    for user_id in _SERVER_USER_IDS:
        try:
            pwd.getpwuid(user_id)
        except KeyError:
            return user_id
    raise Unavailable("No free user id for the database server was found. Run as a plain user.")


def _socket_path_fits(directory: Path) -> bool:
    return len(os.fsencode(directory / ".s.PGSQL.5432")) <= _SOCKET_PATH_BYTES
