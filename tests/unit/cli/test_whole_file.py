"""Plans and exported logs are written for their owner's eyes only, whole, and never through somebody's link."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rollcall.cli.whole_file import whole_file


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def test_nobody_else_may_read_it_not_even_while_it_is_written(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    with umask(0), whole_file(plan) as file:
        file.write("jane.doe@example.com")
        (part,) = tmp_path.iterdir()
        assert stat.S_IMODE(part.stat().st_mode) == 0o600

    assert stat.S_IMODE(plan.stat().st_mode) == 0o600
    assert plan.read_text() == "jane.doe@example.com"


def test_links_that_wait_under_its_names_lead_nowhere(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("keep me")
    plan = tmp_path / "plan.json"
    for name in (plan, tmp_path / "plan.json.part", tmp_path / ".plan.json.part"):
        name.symlink_to(victim)

    with whole_file(plan) as file:
        file.write("the plan")

    assert victim.read_text() == "keep me"
    assert plan.read_text() == "the plan"
    assert not plan.is_symlink()


def test_what_is_not_written_to_its_end_leaves_the_earlier_file_and_nothing_else(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text("the earlier one")

    def broken_off() -> None:
        with whole_file(plan) as file:
            file.write("half of")
            raise RuntimeError("broken off")

    with pytest.raises(RuntimeError):
        broken_off()

    assert [each.name for each in tmp_path.iterdir()] == ["plan.json"]
    assert plan.read_text() == "the earlier one"


def test_two_that_write_one_file_do_not_mix(tmp_path: Path) -> None:
    plan = tmp_path / "plan.json"
    with whole_file(plan) as one, whole_file(plan) as other:
        one.write("one " * 10_000)
        other.write("other " * 10_000)

    assert set(plan.read_text().split()) in ({"one"}, {"other"})
