"""The embedded server: started, shared, stopped, and recovered after every kind of death, by real processes."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

import rollcall
from rollcall.db import Server, embedded_server
from rollcall.db.binaries import find_binaries, installed_package
from rollcall.errors import Unavailable

_ROOT = os.geteuid() == 0
_ANOTHER_USER = 65_534
_PATIENCE_SECONDS = 60

_PROGRAM = """
import sys
from pathlib import Path
from rollcall.db import embedded_server
with embedded_server(Path(sys.argv[1]), durable=False) as server:
    print(server.pid, flush=True)
    sys.stdin.read()
"""


@contextmanager
def program(data: Path, python: str = sys.executable, **popen: Any) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another program that uses the server on `data` until its input ends; with the server's process id."""
    with subprocess.Popen(
        [python, "-c", _PROGRAM, str(data)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **popen,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process, int(process.stdout.readline())
        finally:
            with suppress(BrokenPipeError):
                process.stdin.close()


def answer(server: Server) -> Any:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        row = connection.execute("select 42").fetchone()
    return None if row is None else row[0]


def wait_for_the_end(pid: int) -> None:
    give_up = time.monotonic() + _PATIENCE_SECONDS
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < give_up, f"process {pid} is still there"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    return bool(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)


def test_a_server_is_started_answers_and_ends_with_its_user(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False) as server:
        pid = server.pid
        assert pid is not None
        assert answer(server) == 42

    assert not alive(pid)
    assert server.pid is None


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    with embedded_server(tmp_path) as server, psycopg.connect(server.url("postgres")) as connection:
        connection.execute("create table kept as select 7 as n")
    with embedded_server(tmp_path) as server, psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("select n from kept").fetchone() == (7,)


def test_two_programs_on_one_directory_share_the_server_until_the_last_leaves(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False) as server:
        with program(tmp_path) as (_, shared):
            assert shared == server.pid
        assert answer(server) == 42
        with program(tmp_path) as (last, _):
            server.stop()
            assert alive(shared)
            assert last.poll() is None

    wait_for_the_end(shared)


def test_programs_that_start_at_once_share_one_server(tmp_path: Path) -> None:
    programs = [
        subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    outputs = [process.communicate("", timeout=_PATIENCE_SECONDS)[0] for process in programs]

    assert [process.returncode for process in programs] == [0, 0, 0]
    assert all(int(output) for output in outputs)
    assert Server(tmp_path).pid is None


def test_a_program_killed_takes_the_server_with_it_when_it_was_the_last(tmp_path: Path) -> None:
    with program(tmp_path) as (killed, pid):
        killed.kill()
        killed.wait()
        wait_for_the_end(pid)

    with embedded_server(tmp_path, durable=False) as server:
        assert answer(server) == 42
        assert server.pid != pid


def test_a_program_killed_leaves_the_server_to_the_others_and_the_count_right(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False) as server:
        pid = server.pid
        assert pid is not None
        with program(tmp_path) as (killed, _):
            killed.kill()
            killed.wait()
        time.sleep(0.5)  # several rounds of the keeper
        assert server.pid == pid
        assert answer(server) == 42

    assert not alive(pid)


def test_a_program_killed_together_with_its_server_is_recovered_from(tmp_path: Path) -> None:
    with program(tmp_path) as (killed, pid):
        keeper = psutil.Process(pid).ppid()
        for number in (keeper, killed.pid, pid):
            os.kill(number, signal.SIGKILL)
        killed.wait()
    assert (tmp_path / "postgres" / "data" / "postmaster.pid").exists()

    with embedded_server(tmp_path, durable=False) as server:
        assert answer(server) == 42


def test_a_server_whose_keeper_was_killed_is_taken_over_and_ended(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False) as server:
        pid = server.pid
        assert pid is not None
        os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
        assert answer(server) == 42

    assert not alive(pid)


def test_a_stale_process_id_that_means_another_process_now_is_not_believed(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False) as server:
        lines = (tmp_path / "postgres" / "data" / "postmaster.pid").read_text().splitlines()
    # A process of the server's own user, so that PostgreSQL itself would take it for a server.
    as_server: dict[str, Any] = {"user": (tmp_path / "postgres").stat().st_uid} if _ROOT else {}
    with subprocess.Popen(["sleep", "600"], cwd="/", **as_server) as stranger:
        stale = "\n".join([str(stranger.pid), *lines[1:], ""])
        (tmp_path / "postgres" / "data" / "postmaster.pid").write_text(stale)
        (server.socket_directory / ".s.PGSQL.5432.lock").write_text(stale)
        try:
            assert server.pid is None
            with embedded_server(tmp_path, durable=False) as again:
                assert answer(again) == 42
            assert stranger.poll() is None
        finally:
            stranger.kill()


def test_a_deleted_data_directory_ends_the_server(tmp_path: Path) -> None:
    with embedded_server(tmp_path / "var", durable=False) as server:
        pid = server.pid
        assert pid is not None
        shutil.rmtree(tmp_path / "var", ignore_errors=True)  # the server writes meanwhile
        wait_for_the_end(pid)


def test_an_interrupted_initialisation_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data.new").mkdir(parents=True)
    (tmp_path / "postgres" / "data.new" / "PG_VERSION").write_text("18\n")

    with embedded_server(tmp_path, durable=False) as server:
        assert answer(server) == 42


def test_the_only_door_is_a_socket_in_a_directory_nobody_else_may_enter(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False) as server:
        assert server.pid is not None
        postmaster = psutil.Process(server.pid)
        directory = server.socket_directory.stat()
        listening = [
            connection
            for process in (postmaster, *postmaster.children(recursive=True))
            for connection in process.net_connections(kind="inet")
        ]

        assert stat.S_IMODE(directory.st_mode) == 0o700
        assert directory.st_uid == postmaster.uids().effective
        assert stat.S_IMODE((tmp_path / "postgres").stat().st_mode) == 0o700
        assert listening == []
        with psycopg.connect(server.url("postgres")) as connection:
            assert connection.execute("show listen_addresses").fetchone() == ("",)


def test_the_server_never_runs_as_root(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False) as server:
        assert server.pid is not None
        user = psutil.Process(server.pid).uids().effective

    assert user != 0
    assert _ROOT or user == os.geteuid()


def test_a_long_path_gets_a_short_private_socket_directory_that_is_removed_at_the_end(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 30)
    with embedded_server(data, durable=False) as server:
        directory = server.socket_directory
        assert answer(server) == 42
        assert not directory.is_relative_to(tmp_path)
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        with program(data) as (_, pid):
            assert pid == server.pid

    assert not directory.exists()


def test_a_data_directory_that_can_not_be_made_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(Unavailable, match="can't be written"):
        Server(tmp_path / "file" / "var").start()


def test_a_database_of_another_version_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with embedded_server(tmp_path, durable=False):
        pass
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("17\n")

    with pytest.raises(Unavailable, match="made by PostgreSQL 17"):
        Server(tmp_path).start()


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user may enter, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="rollcall-test-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


@pytest.mark.skipif(not _ROOT, reason="a plain user runs every other test here")
def test_it_works_as_a_plain_user(open_directory: Path) -> None:
    source, packages = Path(rollcall.__file__).parents[1], installed_package().parent
    as_user: dict[str, Any] = {"user": _ANOTHER_USER, "group": _ANOTHER_USER, "extra_groups": ()}
    python = python_for(source, packages, as_user)
    if python is None:
        pytest.skip("this interpreter or this checkout is closed to other users")
    data = open_directory / "var"
    data.mkdir()
    os.chown(data, _ANOTHER_USER, _ANOTHER_USER)

    environment = {"PYTHONPATH": f"{source}:{packages}", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"}
    with program(data, python, env=environment, cwd="/", **as_user) as (_, pid):
        assert psutil.Process(pid).uids().effective == _ANOTHER_USER
    wait_for_the_end(pid)


def python_for(source: Path, packages: Path, as_user: dict[str, Any]) -> str | None:
    """An interpreter of this version that the user can run with these packages, or None."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for python in (sys.executable, f"/usr/bin/{name}", f"/usr/local/bin/{name}"):
        with suppress(OSError):
            environment = {"PYTHONPATH": f"{source}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
            command = [python, "-c", "import rollcall.db"]
            if not subprocess.run(
                command, env=environment, cwd="/", capture_output=True, check=False, **as_user
            ).returncode:
                return python
    return None


@pytest.mark.skipif(not _ROOT, reason="only root starts the server as another user")
def test_programs_in_a_directory_closed_to_the_server_are_copied_and_the_directory_stays_closed(
    open_directory: Path,
) -> None:
    closed = open_directory / "home"
    package = closed / "site-packages" / installed_package().name
    shutil.copytree(installed_package() / "pginstall18", package / "pginstall18", symlinks=True)
    libraries = installed_package().with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, package.with_name(libraries.name), symlinks=True)
    closed.chmod(0o700)

    binaries = find_binaries(64_900, package=package, cache=open_directory / "cache")
    again = find_binaries(64_900, package=package, cache=open_directory / "cache")
    data = open_directory / "data"
    binaries.initialise(data, 64_900, "postgres")

    assert binaries == again
    assert binaries.postgres.is_relative_to(open_directory / "cache")
    assert binaries.postgres.stat().st_uid == 0
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert data.stat().st_uid == 64_900
    assert find_binaries(0, package=package, cache=open_directory / "cache").postgres.is_relative_to(package)
