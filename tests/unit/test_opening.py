"""The data directory: whose it is, and what is said when it can't be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from rollcall.errors import Unavailable
from rollcall.main.opening import make_data_directory


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


def test_a_file_is_no_data_directory(tmp_path: Path) -> None:
    data = tmp_path / "var"
    data.touch()

    with pytest.raises(Unavailable, match="--data"):
        make_data_directory(data)
