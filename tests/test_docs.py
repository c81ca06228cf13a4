"""The documentation is tested: what it names exists, what exists is named, what is generated is fresh."""

from __future__ import annotations

import importlib
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer

import rollcall
from rollcall.cli.jobs import settings as job_settings
from rollcall.provisioning import JobSettings, print_interval
from scripts import rules
from scripts.reference import PARTS, ROOT, first_sentence, module_map, renewed, settings, walk

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md"))]
MAKEFILE = (ROOT / "Makefile").read_text()

page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())


def code(text: str) -> Iterator[str]:
    """Each line of code blocks, continued lines joined and prompts taken off, and each piece of inline code."""
    blocks = re.findall(r"^ *```[^\n]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    for block in blocks:
        for line in re.sub(r"\\\n\s*", " ", block).splitlines():
            yield line.partition(" #")[0].strip().removeprefix("$ ")
    yield from re.findall(r"`([^`\n]+)`", re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL))


def described_targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):.*## \S", MAKEFILE, re.MULTILINE))


def program() -> Any:
    """The command line program, as its library describes it."""
    return typer.main.get_command(importlib.import_module("rollcall.cli").app)


def unknown_word(command: Any, line: str) -> str | None:
    """The first command or option in a line of documentation that the program does not have."""
    words = shlex.split(line, comments=True)[1:]
    options = {option for param in command.params for option in param.opts + param.secondary_opts}
    for word in words:
        if word.startswith("--"):
            if word.partition("=")[0] not in options | {"--help"}:
                return word
        elif inner := getattr(command, "commands", {}):
            if word not in inner:
                return word
            command = inner[word]
            options |= {option for param in command.params for option in param.opts + param.secondary_opts}
    return None


# ── make ───────────────────────────────────────────────────────────────────────────────────────


@page
def test_make_targets_that_a_page_names_exist(page: Path) -> None:
    named = {word for line in code(page.read_text()) if line.startswith("make ") for word in line.split()[1:2]}

    assert named <= described_targets()


@pytest.mark.parametrize("target", ["demo", "test", "check", "bench", "sim", "up", "docs", "format", "lock", "clean"])
def test_make_has_the_target_with_a_sentence(target: str) -> None:
    assert target in described_targets()


def test_continuous_integration_runs_what_the_readme_says() -> None:
    run = re.findall(r"^make (.+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    asked = {word for line in run for word in line.split() if re.fullmatch(r"[a-z-]+", word)}
    told = {line.split()[1] for line in code((ROOT / "README.md").read_text()) if line.startswith("make ")}

    assert {"check", "test"} <= asked <= told


# ── rollcall ───────────────────────────────────────────────────────────────────────────────────


@page
def test_commands_and_options_that_a_page_names_exist(page: Path) -> None:
    lines = [line.removeprefix(".venv/bin/") for line in code(page.read_text())]
    unknown = {line: unknown_word(program(), line) for line in lines if re.match(r"rollcall [a-z-]", line)}

    assert not {line: word for line, word in unknown.items() if word}


def test_every_command_has_a_sentence() -> None:
    assert [words for words, command in walk("rollcall", program()) if not command.help] == []


def test_every_option_has_a_sentence() -> None:
    silent = [
        f"{words} {param.opts[0]}"
        for words, command in walk("rollcall", program())
        for param in command.params
        if param.param_type_name == "option" and not getattr(param, "hidden", False) and not param.help
    ]

    assert silent == []


def test_every_setting_has_a_sentence() -> None:
    config = importlib.import_module("rollcall.config").Config

    assert [key for key, _, about in settings(config) if not about] == []


sample = typer.Typer()
sample_job = typer.Typer()
sample.add_typer(sample_job, name="job")


@sample.callback()
def top() -> None:
    """A program with one command."""


@sample_job.command()
def plan(data: Annotated[Path, typer.Option(help="Where.")] = Path("var"), silent: bool = False) -> None:
    """Plans."""


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("rollcall job plan --data var  # reads", None),
        ("rollcall job plan --help", None),
        ("rollcall job plan ada@example.com", None),
        ("rollcall job apply", "apply"),
        ("rollcall jobs", "jobs"),
        ("rollcall job plan --data=var --force", "--force"),
    ],
)
def test_a_command_that_the_program_does_not_have_is_noticed(line: str, word: str | None) -> None:
    assert unknown_word(typer.main.get_command(sample), line) == word


def test_every_command_of_a_program_is_walked() -> None:
    walked = [words for words, _ in walk("rollcall", typer.main.get_command(sample))]

    assert walked == ["rollcall", "rollcall job", "rollcall job plan"]


@dataclass(frozen=True)
class SamplePool:
    size: int = field(default=10, metadata={"help": "How many."})


@dataclass(frozen=True)
class SampleConfig:
    data: Path = field(default=Path("var"), metadata={"help": "Where."})
    url: str | None = None
    pool: SamplePool = field(default_factory=SamplePool)


def test_settings_are_listed_with_default_and_sentence() -> None:
    assert list(settings(SampleConfig)) == [
        ("data", "`var`", "Where."),
        ("url", "", ""),
        ("pool.size", "`10`", "How many."),
    ]


# ── generated parts ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", PARTS)
def test_a_generated_part_is_fresh(name: str) -> None:
    path, generate = PARTS[name]
    text = (ROOT / path).read_text()

    assert renewed(text, name, generate()) == text, "run `make docs` and commit what it wrote"


def test_a_module_without_its_line_in_the_map_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "errors.py").write_text('"""Says no. Politely."""\n')
    (tmp_path / "scim").mkdir()
    (tmp_path / "scim" / "__init__.py").write_text('"""The standard."""\n')
    (tmp_path / "scim" / "path.py").write_text('"""Paths a|b, and\nhow they print."""\n')

    lines = module_map(tmp_path).splitlines()

    assert lines[4:] == [
        "| `scim/` | The standard. |",
        "| `scim/path.py` | Paths a\\|b, and how they print. |",
        "| `errors.py` | Says no. |",
    ]


@pytest.mark.parametrize(
    ("docstring", "sentence"),
    [
        ("One thing.\n\nMore.", "One thing."),
        ("One thing,\nover lines. And another.", "One thing, over lines."),
        ("Refusals: few, each `a.b` with e.g. a code.", "Refusals: few, each `a.b` with e.g. a code."),
    ],
)
def test_the_first_sentence_of_a_docstring_is_found(docstring: str, sentence: str) -> None:
    assert first_sentence(docstring) == sentence


# ── rules ──────────────────────────────────────────────────────────────────────────────────────


def test_a_rule_that_is_said_to_hold_is_named_by_a_test() -> None:
    assert rules.unproven(rules.read_rules(), rules.find_markers()) == []


def test_no_test_names_a_rule_that_there_is_not() -> None:
    assert rules.unknown(rules.read_rules(), rules.find_markers()) == []


def test_rules_come_in_the_order_of_their_numbers_without_a_gap() -> None:
    numbers = [rule.id for section in rules.read_rules() for rule in section.rules if rule.id[0].isalpha()]
    most = {"C": 10, "M": 12, "S": 10, "A": 15, "R": 6, "Y": 7, "E": 6, "Q": 8, "D": 8, "P": 5, "O": 9, "G": 5}

    assert numbers == [f"{letter}{number}" for letter, count in most.items() for number in range(1, count + 1)]


@pytest.mark.parametrize(
    ("docstring", "named"),
    [
        ("M5: two hits are a fault.", ["M5"]),
        ("A2, A3.", ["A2", "A3"]),
        ("8 unassigned, 8 blocked: they are disabled.", ["8 unassigned", "8 blocked"]),
        ("What goes first (rules A1 to A3, M3,\n15.2 and 4.2 Single).", ["A1", "A2", "A3", "M3", "15.2", "4.2 Single"]),
        ("Nothing is sent (rule C9). It waits (rule E1, as ever).", ["C9", "E1"]),
        ("An A4 page; B2, see RFC 7644 §3.5: nothing. P2 comes later.", []),
        ("10.5 seconds.", []),
    ],
)
def test_rules_are_read_out_of_a_docstring(docstring: str, named: list[str]) -> None:
    assert rules.rules_named(docstring) == named


def test_markers_are_found_and_judged(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_text(
        '"""Tests (rules M1, M5, Q9)."""\ndef test_two_m5(): ...\ndef test_all(): """15.1: every row."""\n'
    )
    markers = rules.find_markers(tmp_path)
    found = {each: rules.Rule(each, "…", "same", "") for each in ("M1", "M5", "15.1 read", "M7")}
    sections = [rules.Section("All", tuple(found.values()))]

    assert [marker.name for marker in rules.proofs(found["M1"], markers)] == [""]
    assert [marker.name for marker in rules.proofs(found["M5"], markers)] == ["test_two_m5"]
    assert [marker.name for marker in rules.proofs(found["15.1 read"], markers)] == ["test_all"]
    assert rules.unproven(sections, markers) == ["M7"]
    assert [marker.rule for marker in rules.unknown(sections, markers)] == ["Q9"]


@pytest.mark.parametrize(
    ("rows", "part"), [('["M1", "…", "done", ""]', "done"), ('["M1", "", "same", ""], ["M1", "", "same", ""]', "two")]
)
def test_faults_in_the_file_of_rules_are_said(tmp_path: Path, rows: str, part: str) -> None:
    data = tmp_path / "rules.toml"
    data.write_text(f'[[section]]\ntitle = "All"\nrules = [{rows}]')

    with pytest.raises(ValueError, match=part):
        rules.read_rules(data)


# ── versions, decisions, links ─────────────────────────────────────────────────────────────────


def test_the_version_is_the_same_everywhere() -> None:
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]

    assert rollcall.__version__ == package == newest


def test_decisions_are_numbered_told_whole_and_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    notes = sorted(folder.glob("[0-9]*.md"))
    index = (folder / "index.md").read_text()

    assert [int(note.name[:4]) for note in notes] == list(range(1, len(notes) + 1))
    for note in notes:
        assert re.findall(r"^## (.+)$", note.read_text(), re.MULTILINE) == ["Context", "Decision", "Consequences"]
        assert f"]({note.name})" in index


def test_every_page_is_in_the_navigation() -> None:
    _, _, nav = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]

    assert [path for path in pages if path not in nav] == []


@page
def test_links_to_files_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    files = [link for link in links if "://" not in link and not link.startswith("mailto:")]

    assert [link for link in files if not (page.parent / link).exists()] == []


def test_decisions_named_in_pyproject_exist() -> None:
    numbers = re.findall(r"decision (\d{4})", (ROOT / "pyproject.toml").read_text())

    assert [number for number in numbers if not list((ROOT / "docs" / "decisions").glob(f"{number}-*.md"))] == []


_NOTHING = {(): "none", None: "off"}


def test_every_setting_of_a_job_is_on_its_page_and_in_the_help_with_its_default() -> None:
    rows = dict(
        re.findall(
            r"^\| `(\w+)` \| .*? \| `?([\w.-]+)`? \|", (ROOT / "docs/reference/job-settings.md").read_text(), re.M
        )
    )
    told = {name: rows.get(name) for name in asdict(JobSettings()) if name != "interval_seconds"}

    assert told == {
        name: str(value).lower() if isinstance(value, bool) else _NOTHING.get(value) or str(value)
        for name, value in asdict(JobSettings()).items()
        if name != "interval_seconds"
    }
    assert rows["interval"] == print_interval(JobSettings().interval_seconds)
    assert all(name in str(job_settings.__doc__) for name in rows)
