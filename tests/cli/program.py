"""Runs the `rollcall` program for tests: single commands in processes forked off a warm one, and those that keep running."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import rollcall.cli
from rollcall.config import read_environment
from rollcall.db import DatabaseConfig

_PATIENCE_SECONDS = 60.0
# Importing the program takes a second; the processes of single commands are forked off one that has done it.
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["rollcall.cli"])


@dataclass(frozen=True)
class Said:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        lines = self.out.splitlines()
        assert len(lines) == 1, f"one JSON object on one line is expected, not {self.out!r}; {self.err}"
        return json.loads(lines[0])


@dataclass(frozen=True)
class Program:
    """The program in one folder, with one database."""

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def whole_environment(self) -> dict[str, str]:
        inherited = read_environment().items()
        return {name: value for name, value in inherited if not name.startswith("ROLLCALL_")} | dict(self.environment)

    def __call__(self, *words: str | Path, stdin: str = "") -> Said:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "in").write_text(stdin, encoding="utf-8")
            process = _FORKS.Process(
                target=_run, args=([str(word) for word in words], self.whole_environment, str(self.folder), folder)
            )
            process.start()
            process.join(_PATIENCE_SECONDS)
            if process.exitcode is None:
                process.kill()
                process.join()
            assert process.exitcode is not None
            out, err = ((Path(folder) / name).read_text(encoding="utf-8") for name in ("out", "err"))
            return Said(process.exitcode, out, err)

    def ok(self, *words: str | Path, stdin: str = "") -> Said:
        said = self(*words, stdin=stdin)
        assert said.code == 0, f"{words} ended with {said.code}: {said.out}{said.err}"
        return said

    @contextmanager
    def up(self, *words: str | Path) -> Iterator[Up]:
        """`rollcall up --json` on free ports, until the end of the block."""
        ports = ("--identity-port", "0", "--workspaces-port", "0")
        with (self.folder / "up.err").open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "rollcall", "up", "--json", *ports, *map(str, words)],
                cwd=self.folder,
                env=self.whole_environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line, (self.folder / "up.err").read_text()
            yield Up(process, json.loads(line))
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(_PATIENCE_SECONDS)
            process.stdout.close()


@dataclass(frozen=True)
class Up:
    """A running `rollcall up` and its first line."""

    process: subprocess.Popen[str]
    line: dict[str, Any]

    def children(self) -> list[psutil.Process]:
        return list(psutil.Process(self.process.pid).children(recursive=True))

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(_PATIENCE_SECONDS)


def all_end(processes: list[psutil.Process]) -> bool:
    """Whether all of these processes are gone before patience is."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes):
            return True
        time.sleep(0.05)
    return False


def environment_of(config: DatabaseConfig, data: Path) -> dict[str, str]:
    """The settings that name a test's database and data directory."""
    assert config.url is not None
    assert config.application_url is not None
    return {
        "ROLLCALL_DATA": str(data),
        "ROLLCALL_DATABASE_URL": config.url,
        "ROLLCALL_DATABASE_APPLICATION_URL": config.application_url,
    }


def _run(words: list[str], environment: dict[str, str], cwd: str, folder: str) -> None:
    os.chdir(cwd)
    os.environ.clear()  # noqa: TID251 - what a shell does for a command
    os.environ.update(environment)  # noqa: TID251
    writes = os.O_WRONLY | os.O_CREAT
    for number, name, flags in ((0, "in", os.O_RDONLY), (1, "out", writes), (2, "err", writes)):
        os.dup2(os.open(os.path.join(folder, name), flags, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", buffering=1)
    sys.argv = ["rollcall", *words]
    try:
        rollcall.cli.main()
    finally:
        sys.stdout.flush()
