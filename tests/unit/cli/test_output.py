"""What commands print is shown by the terminal, never obeyed by it."""

from __future__ import annotations

import ast
import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import rollcall.cli
from rollcall.cli import output
from rollcall.cli.job_logs import show_record
from rollcall.errors import Invalid

HOSTILE = "x\x1b[2Jy\n\x9b1mz\u202egpj.exe\u2066\x7f\r[red]\\"
OBEYED = {*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"}


def printed(terminal: bool = False) -> tuple[Console, io.StringIO]:
    file = io.StringIO()
    return Console(file=file, force_terminal=terminal, color_system=None, width=10_000, highlight=False), file


def obeyed(text: str) -> set[str]:
    """What a terminal would obey in the text, but for the lines' ends, columns and styles that are ours."""
    return set(text) & (OBEYED - {"\n", "\t"})


@pytest.mark.parametrize("character", sorted(OBEYED))
def test_what_a_terminal_obeys_is_replaced(character: str) -> None:
    assert output.safe(f"a{character}b") == "a�b"


def test_what_people_are_called_stays_as_it_is() -> None:
    for name in ("Zoë Müller-Łukasz", "محمد", "王小明", "Ada [dev]", "👩‍💻"):
        console, file = printed()
        console.print(output.safe(name))
        assert file.getvalue() == f"{name}\n"


def test_a_log_record_stays_on_its_lines() -> None:
    record: dict[str, Any] = {
        "at": datetime(2026, 1, 1, tzinfo=UTC), "status": "failure", "code": HOSTILE, "action": "create", "kind": "User",
        "name": HOSTILE, "source_id": "1", "duration_milliseconds": 1, "reason": HOSTILE,
        "steps": [{"provisioningStepType": HOSTILE, "status": "failure", "description": HOSTILE}],
        "modified": [(HOSTILE, HOSTILE, [HOSTILE])],
    }  # fmt: skip
    console, file = printed()

    show_record(console, record)

    assert obeyed(file.getvalue()) == set()
    assert file.getvalue().count("\n") == 4


@pytest.mark.parametrize("terminal", [False, True])
def test_rows_and_pairs_stay_on_their_lines(terminal: bool) -> None:
    console, file = printed(terminal)

    output.table(console, ["name"], [[HOSTILE], [HOSTILE]])
    output.pairs(console, [(HOSTILE, HOSTILE)])

    assert obeyed(file.getvalue()) - ({"\x1b"} if terminal else set()) == set()
    assert "\x1b[2J" not in file.getvalue()
    assert file.getvalue().count("\n") == (4 if terminal else 3)


def test_a_refusal_stays_on_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_refusal(Invalid(HOSTILE, details=(HOSTILE + "2",)), as_json=False)
    output.note(HOSTILE)

    said = capsys.readouterr().err
    assert obeyed(said) == set()
    assert said.count("\n") == 3


def test_json_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"name": "\u202eAda"})

    assert capsys.readouterr().out == '{"name":"\u202eAda"}\n'


def test_no_command_escapes_by_itself() -> None:
    """Markup's own escaping leaves control characters, so only `output.safe` calls it."""
    folder = Path(rollcall.cli.__file__).parent
    own = [
        path.name
        for path in sorted(folder.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "rich.markup"
    ]

    assert own == ["output.py"]
