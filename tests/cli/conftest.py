"""Fixtures of the command line's tests: the program on a database of the module's own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rollcall.db import DatabaseConfig
from tests.cli.program import Program, Up, environment_of


@pytest.fixture(scope="module")
def program(database_config: DatabaseConfig, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program on this module's own database."""
    folder = tmp_path_factory.mktemp("program")
    return Program(folder, environment_of(database_config, folder / "var"))


@pytest.fixture(scope="module")
def up(program: Program) -> Iterator[Up]:
    """Both halves and a worker, on this module's own database."""
    with program.up("--seed", "none") as up:
        yield up
