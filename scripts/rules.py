"""The rules of Entra's provisioning service, what became of each here, and which tests prove it.

The rules stand in docs/rules.toml; the tests say themselves which rules they prove, in a docstring or in their name:

    \"\"\"M5: two hits are a fault.\"\"\"        the whole docstring begins with rules
    \"\"\"Skips (rules A1 to A5, M3).\"\"\"     or names them in brackets, in a function or at the top of a module
    def test_a_purge_is_sent_d4(): …       or the name carries one
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "docs" / "rules.toml"
STATUSES = ("same", "better", "left out", "not yet")
PROVEN = ("same", "better")

_TABLE = r"(?:3\.1|4\.2|8|10|13|15\.[1-4])(?: (?!and |to )[\w!&][\w/&-]*)?"
_RULE = rf"(?:[CMSARYEQDPOG]\d{{1,2}}|{_TABLE})(?!\w|\.\d)"
_LIST = rf"{_RULE}(?:(?:, | and | to |, and ){_RULE})*"
_LEADING = re.compile(rf"(?P<list>{_LIST})[:.]")
_BRACKETED = re.compile(rf"\((?:engine )?rules? (?P<list>{_LIST})[^)]*\)")
_IN_NAME = re.compile(r"_([cmsaryeqdpog]\d{1,2})(?=_|$)")
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its number, what it says in a line, its status here and a remark."""

    id: str
    meaning: str
    status: str
    remark: str


@dataclass(frozen=True, slots=True)
class Section:
    """Rules on one subject, in their order."""

    title: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Marker:
    """A test, or a module of tests (`name` empty), that names a rule."""

    rule: str
    path: str
    name: str


def read_rules(data: Path = DATA) -> list[Section]:
    """The rules as the file holds them. Raises ValueError for an unknown status or a number given twice."""
    sections = [
        Section(each["title"], tuple(Rule(*row) for row in each["rules"]))
        for each in tomllib.loads(data.read_text())["section"]
    ]
    seen: set[str] = set()
    for rule in (rule for section in sections for rule in section.rules):
        if rule.status not in STATUSES:
            raise ValueError(f"{rule.id}: the status {rule.status!r} is none of {', '.join(STATUSES)}")
        if rule.id in seen:
            raise ValueError(f"{rule.id}: there are two of it")
        seen.add(rule.id)
    return sections


def find_markers(root: Path = ROOT) -> list[Marker]:
    """Every rule that a test below `root`/tests names, in the order of the files.

    Tests of the workspaces half name rows of other tables, whose marks look alike (O1, P1).
    """
    return [
        Marker(rule, path.relative_to(root).as_posix(), name)
        for path in sorted((root / "tests").rglob("*.py"))
        if "workspaces" not in path.parts
        for name, rule in _named_in(ast.parse(path.read_text()))
    ]


def _named_in(module: ast.Module) -> Iterator[tuple[str, str]]:
    for rule in rules_named(ast.get_docstring(module) or ""):
        yield "", rule
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            named = rules_named(ast.get_docstring(node) or "")
            if node.name.startswith("test_"):
                named += [found.upper() for found in _IN_NAME.findall(node.name)]
            for rule in dict.fromkeys(named):
                yield node.name, rule


def rules_named(docstring: str) -> list[str]:
    """The rules a docstring names, ranges spelt out."""
    text = " ".join(docstring.split())
    lists = [found["list"] for found in _BRACKETED.finditer(text)]
    if leading := _LEADING.match(text):
        lists.insert(0, leading["list"])
    return list(dict.fromkeys(rule for each in lists for rule in _spelt_out(each)))


def _spelt_out(text: str) -> Iterator[str]:
    for part in re.split(r", and |, | and ", text):
        first, _, last = part.partition(" to ")
        if last and first[0] == last[0] and first[1:].isdigit():
            yield from (f"{first[0]}{number}" for number in range(int(first[1:]), int(last[1:]) + 1))
        else:
            yield from (each for each in (first, last) if each)


def proofs(rule: Rule, markers: Sequence[Marker]) -> list[Marker]:
    """The tests that name a rule; of a table such as 3.1, also those that name the whole table."""
    table = rule.id.partition(" ")[0]
    named = [marker for marker in markers if marker.rule in (rule.id, table)]
    # A module's list says less than a function of it that names the rule itself.
    told = {marker.path for marker in named if marker.name}
    return [marker for marker in named if marker.name or marker.path not in told]


def unknown(sections: Sequence[Section], markers: Sequence[Marker]) -> list[Marker]:
    """Markers of rules that are not in the file."""
    ids = {rule.id for section in sections for rule in section.rules}
    known = ids | {each.partition(" ")[0] for each in ids}
    return [marker for marker in markers if marker.rule not in known]


def unproven(sections: Sequence[Section], markers: Sequence[Marker]) -> list[str]:
    """Rules that are said to hold and that no test names."""
    rules = [rule for section in sections for rule in section.rules]
    return [rule.id for rule in rules if rule.status in PROVEN and not proofs(rule, markers)]


def page(sections: Sequence[Section], markers: Sequence[Marker]) -> str:
    """The table of all rules by subject, after a count of their statuses."""
    rules = [rule for section in sections for rule in section.rules]
    counts = ", ".join(f"{sum(rule.status == status for rule in rules)} {status}" for status in STATUSES)
    lines = [f"{len(rules)} rules: {counts}.", ""]
    for section in sections:
        lines += [f"## {section.title}", "", "| rule | says | here | tests |", "|---|---|---|---|"]
        lines += [_row(rule, markers) for rule in section.rules] + [""]
    return "\n".join(lines)


def _row(rule: Rule, markers: Sequence[Marker]) -> str:
    status = f"**{rule.status}**" + (f": {rule.remark}" if rule.remark else "")
    cells = (rule.id, rule.meaning, status, _tests(proofs(rule, markers)))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _tests(named: Sequence[Marker]) -> str:
    """The tests by file, functions before whole modules, no more than a few of each."""
    by_path: dict[str, list[str]] = {}
    for marker in sorted(named, key=lambda marker: not marker.name):
        by_path.setdefault(marker.path, []).append(marker.name)
    shown = []
    for path, names in by_path.items():
        listed = "".join(f"<br>· `{name}`" for name in names[:_SHOWN] if name)
        more = f"<br>· and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        shown.append(f"`{path.removeprefix('tests/')}`{listed}{more}")
    return "<br>".join(shown)
