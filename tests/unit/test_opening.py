"""The data directory: whose it is, and what is said when it can't be one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import structlog

from rollcall.config import Config
from rollcall.errors import Unavailable
from rollcall.main.opening import make_data_directory, set_up_log


def test_a_data_directory_that_we_make_is_its_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "deep" / "var"

    make_data_directory(data)

    assert data.stat().st_mode & 0o777 == 0o700


def test_a_data_directory_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.mkdir()
    data.chmod(0o750)

    make_data_directory(data)

    assert data.stat().st_mode & 0o777 == 0o750
    assert list(data.iterdir()) == []


def test_any_number_of_processes_make_one_data_directory_at_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as at_once:
        made = [at_once.submit(make_data_directory, tmp_path / "var") for _ in range(400)]

    assert [each.exception() for each in made] == [None] * 400
    assert list((tmp_path / "var").iterdir()) == []


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.touch()

    with pytest.raises(Unavailable, match="--data"):
        make_data_directory(data)


@pytest.fixture
def log_as_it_was() -> Iterator[None]:
    """What a test sets up for logging is gone afterwards."""
    handlers, level = list(logging.root.handlers), logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("log_as_it_was")
def test_lines_of_libraries_have_the_same_shape_as_our_own(capsys: pytest.CaptureFixture[str]) -> None:
    config = Config()
    set_up_log(replace(config, log=replace(config.log, format="json")))

    structlog.get_logger().warning("ours", job="j")
    logging.getLogger("some.library").warning("theirs: %s", "pool")

    ours, theirs = [orjson.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (ours["event"], ours["job"], ours["level"]) == ("ours", "j", "warning")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == ("theirs: pool", "some.library", "warning")
    assert ours.keys() - {"job"} == theirs.keys() - {"logger"}
