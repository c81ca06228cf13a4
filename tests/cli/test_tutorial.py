"""The tutorial, followed to the letter: every command line in it, in order, in an empty folder."""

from __future__ import annotations

import re
from pathlib import Path

from tests.cli.program import Program

PAGE = Path(__file__).parents[2] / "docs" / "tutorial" / "first-provisioned-user.md"


def test_every_command_of_the_tutorial_runs_as_it_is_written(tmp_path: Path) -> None:
    text = PAGE.read_text()
    (people,) = re.findall(r"`people\.csv`:\n\n```text\n(.*?)```", text, re.DOTALL)
    (tmp_path / "people.csv").write_text(people)
    lines = re.findall(r"^\$ rollcall (.+)$", text, re.MULTILINE)
    program = Program(tmp_path, {"ROLLCALL_DATA": "var/tutorial"})
    assert lines[0] == "up --seed none --data var/tutorial"

    printed: dict[str, str] = {}
    with program.up("--seed", "none", "--data", "var/tutorial") as up:
        program = Program(tmp_path, {**program.environment, "ROLLCALL_WORKSPACES_BASE_URL": up.line["workspaces_url"]})
        for line in lines[1:]:
            words = [word.strip("'\"") for word in re.findall(r"\"[^\"]*\"|'[^']*'|\S+", line)]
            here = [word.replace("http://127.0.0.1:8461", up.line["workspaces_url"]) for word in words]
            printed[line] = program.ok(*here, stdin=_token(printed)).out

    assert "3 to create" in printed["job plan"]
    assert "3 created" in printed["job run"]
    assert "2 users" in printed["job status"]


def _token(printed: dict[str, str]) -> str:
    """The Secret Token, as soon as it was printed: a person would type it where it is asked for."""
    found = re.findall(r"rcs_\w+", "".join(printed.values()))
    return f"{found[0]}\n" if found else ""
