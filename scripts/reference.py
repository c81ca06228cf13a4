"""Writes the generated parts of the documentation: module map, commands, configuration, operators, functions, rules.

A page marks such a part with two comments, `<!-- generated: NAME -->` and `<!-- end of NAME -->`; what stands
between them belongs to this program.

    python scripts/reference.py            write them anew
    python scripts/reference.py --check    say which are out of date, and fail
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "rollcall"

# The storeys of .importlinter, from the top, with what the page says about each.
STOREYS = (
    ("Top", "words in, one call, words out", ("__main__", "cli", "main")),
    ("Rooms", "each owns its words, tables, pages and wire", ("directory", "provisioning", "workspaces")),
    ("Kits", "what rooms are built with", ("scim_http", "web", "db", "mail")),
    ("Floor", "knows nobody above it", ("scim", "config", "crypto", "runtime", "errors", "mail_address")),
)

_EXAMPLES_NOW = datetime(2025, 7, 30, 12, tzinfo=UTC)

# How a command's help marks a paragraph that is a line to try.
_EXAMPLE = "Example: "


def first_sentence(text: str) -> str:
    """The first sentence of a docstring, with its lines joined."""
    paragraph = " ".join(text.strip().split("\n\n")[0].split())
    found = re.match(r".*?[.!?](?=\s|$)(?<!e\.g\.)(?<!i\.e\.)", paragraph)
    return found.group() if found else paragraph


def module_map(source: Path = SOURCE) -> str:
    """A table of every module and the first sentence of its docstring, by storey."""
    lines: list[str] = []
    for storey, about, names in STOREYS:
        modules = [module for name in names for module in _modules_of(source, name)]
        if modules:
            lines += [f"**{storey}** — {about}.", "", "| module | is responsible for |", "|---|---|"]
            lines += [f"| `{path}` | {sentence} |" for path, sentence in modules] + [""]
    return "\n".join(lines)


def _modules_of(source: Path, name: str) -> Iterator[tuple[str, str]]:
    """Path and sentence of a module or, package first, of all modules of a package."""
    single = source / f"{name}.py"
    files = [single] if single.is_file() else sorted((source / name).rglob("*.py"), key=_order)
    for file in files:
        if "versions" in file.parts or (file.name == "__init__.py" and not file.read_text().strip()):
            continue
        path = file.relative_to(source).as_posix()
        shown = path.removesuffix("__init__.py")
        yield shown, first_sentence(ast.get_docstring(ast.parse(file.read_text())) or "").replace("|", "\\|")


def _order(file: Path) -> tuple[Path, bool, str]:
    return file.parent, file.name != "__init__.py", file.name


def commands() -> str:
    """Every command of the `rollcall` program with its arguments and options."""
    program = typer.main.get_command(importlib.import_module("rollcall.cli").app)
    return "\n".join(line for words, command in walk("rollcall", program) for line in _command_lines(words, command))


def walk(words: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and all below it, each with the words that call it; hidden ones are left out."""
    if command.hidden:
        return
    yield words, command
    for name, inner in sorted(getattr(command, "commands", {}).items()):
        yield from walk(f"{words} {name}", inner)


def _command_lines(words: str, command: Any) -> Iterator[str]:
    yield f"{'##' if words.count(' ') < 2 else '###'} `{words}`" if " " in words else "## Everywhere"
    yield ""
    paragraphs = [" ".join(each.split()) for each in (command.help or "…").split("\f")[0].split("\n\n")]
    for paragraph in paragraphs:
        if not paragraph.startswith(_EXAMPLE):
            yield from (paragraph, "")
    if examples := [each.removeprefix(_EXAMPLE) for each in paragraphs if each.startswith(_EXAMPLE)]:
        yield from ("```console", *(f"$ {each}" for each in examples), "```", "")
    params = [param for param in command.params if param.name != "help" and not getattr(param, "hidden", False)]
    if params:
        yield from ("| argument or option | default | |", "|---|---|---|")
        for param in params:
            names = param.opts + param.secondary_opts
            takes = param.metavar or (param.name.upper() if param.param_type_name == "argument" else "")
            shown = f"{', '.join(names)} {takes}".strip() if param.param_type_name == "option" else takes
            default = "" if param.default in (None, False, ...) or callable(param.default) else f"`{param.default}`"
            about = " ".join((getattr(param, "help", None) or "").split()).replace("|", "\\|")
            yield f"| `{shown}` | {default} | {about} |"
        yield ""


def configuration() -> str:
    """Every setting of the process: its key in the file, its environment variable, its default."""
    config = importlib.import_module("rollcall.config").Config
    rows = [f"| `{key}` | `{_variable(key)}` | {default} | {about} |" for key, default, about in settings(config)]
    return "\n".join(["| key | environment | default | |", "|---|---|---|---|", *rows, ""])


def settings(config: type, prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Key, default and sentence of each field of a configuration dataclass; `metadata["help"]` is the sentence."""
    for field in dataclasses.fields(config):
        key = prefix + field.name
        made = field.default_factory() if field.default_factory is not dataclasses.MISSING else field.default
        if dataclasses.is_dataclass(made):
            yield from settings(type(made), f"{key}.")
            continue
        default = "" if made in (None, dataclasses.MISSING, "") else f"`{made}`"
        yield key, default, field.metadata.get("help", "")


def _variable(key: str) -> str:
    return "ROLLCALL_" + key.upper().replace(".", "_")


def functions() -> str:
    """Every function of the mapping language: how it is written, what it gives, an example."""
    module = importlib.import_module("rollcall.provisioning.functions")
    return "\n".join(line for function in _functions(module) for line in _function_lines(function))


def _functions(module: Any) -> Iterator[Any]:
    table = module.FUNCTIONS
    yield from (table[name] for name in sorted(table, key=str.lower))


def _function_lines(function: Any) -> Iterator[str]:
    yield from (f"### {function.name}", "", f"`{function.signature}`", "", function.meaning, "")
    if function.errors:
        yield from (f"Fails for: {'; '.join(function.errors)}.", "")
    if function.notes:
        yield from (" ".join(function.notes), "")
    if function.cloud_sync_only:
        yield from ("Known from Entra's cloud sync only.", "")
    example = function.example
    given = json.dumps(example.source, ensure_ascii=False) if example.source else ""
    if example.ignored:
        result = "# leaves the attribute out"
    elif example.matches:
        result = f"# matches {example.matches}"
    else:
        result = f"# {json.dumps(example.expected, ensure_ascii=False, default=str)}"
    yield from ("```text", *([f"# given {given}"] if given else []), example.expression, result, "```", "")


def open_examples() -> str:
    """Published examples that contradict themselves or are called unsupported, and what they give here."""
    module = importlib.import_module("rollcall.provisioning.expression_vectors")
    context = importlib.import_module("rollcall.provisioning.expression").Context
    surroundings = context(now=_EXAMPLES_NOW, new_guid=lambda: "", random=None, default_domain="contoso.com")
    vectors = json.loads((ROOT / "tests" / "unit" / "provisioning" / "data" / "expressions.json").read_bytes())
    lines = ["| example | published | here | why |", "|---|---|---|---|"]
    for each in vectors:
        if each.get("inconsistent") or each.get("unsupported"):
            published = each.get("documented_output")
            cells = (
                f"`{' '.join(each['expression'].split())}`<br>given `{json.dumps(each['source'], ensure_ascii=False)}`",
                "*nothing*" if published is None else f"`{published}`",
                f"`{module.given(each, surroundings)}`",
                each.get("note", ""),
            )
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def rules() -> str:
    """Every rule of Entra's provisioning service, what became of it here, and the tests that prove it."""
    table = importlib.import_module("scripts.rules")
    return str(table.page(table.read_rules(), table.find_markers()))


def codes() -> str:
    """Every code of the provisioning log with what follows it and what to do."""
    classes = importlib.import_module("rollcall.provisioning").FAILURE_CLASSES.values()
    rows = [f"| `{each.code}` | {each.follows} | {each.remedy or 'nothing; it is no fault'} |" for each in classes]
    return "\n".join(["| code | follows | what to do |", "|---|---|---|", *rows])


def filter_operators() -> str:
    """Every operator of scoping filters: its operand, the attribute types it takes, when it holds."""
    operators = importlib.import_module("rollcall.provisioning.filter_operators").OPERATORS.values()
    operands = {"none": "none", "text": "text", "integer": "whole number", "pattern": ".NET pattern"}
    rows = [
        f"| `{each.name}` | {operands[each.operand]} | {', '.join(each.types)} | {each.meaning} |" for each in operators
    ]
    return "\n".join(["| operator | operand | attributes of type | holds when |", "|---|---|---|---|", *rows])


def access_reasons() -> str:
    """Every reason why somebody may not enter: what the person sees, what an administrator makes of it."""
    words = importlib.import_module("rollcall.workspaces").WORDS
    lines = []
    for reason, each in words.items():
        seen = each.person if each.shown_as is None else f"the same as `{each.shown_as}`: {each.person}"
        lines += [f"### `{reason}`", "", f"Status {each.status}. The person sees: *{seen}*", "", each.administrator, ""]
    return "\n".join(lines)


def access_lines() -> str:
    """Every step of a decision about entering."""
    rules = importlib.import_module("rollcall.workspaces").RULES
    return "\n".join(
        ["| step | holds when |", "|---|---|", *(f"| `{step}` | {rule} |" for step, rule in rules.items())]
    )


PARTS: dict[str, tuple[str, Callable[[], str]]] = {
    "module map": ("docs/explanation/architecture.md", module_map),
    "commands": ("docs/reference/commands.md", commands),
    "configuration": ("docs/reference/configuration.md", configuration),
    "filter operators": ("docs/how-to/scoping-filters.md", filter_operators),
    "functions": ("docs/reference/expressions.md", functions),
    "open examples": ("docs/reference/expressions.md", open_examples),
    "codes": ("docs/reference/log.md", codes),
    "rules": ("docs/reference/rules.md", rules),
    "access lines": ("docs/reference/access.md", access_lines),
    "access reasons": ("docs/reference/access.md", access_reasons),
}


def renewed(page: str, name: str, part: str) -> str:
    """The page with its part of that name replaced. Raises ValueError when the page has no such part."""
    begin, end = f"<!-- generated: {name} -->", f"<!-- end of {name} -->"
    if page.count(begin) != 1 or page.count(end) != 1:
        raise ValueError(f"the page has no part '{name}'")
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}\n\n{part.strip()}\n\n{end}{after}"


def main(arguments: list[str]) -> int:
    """Writes or, with --check, compares every generated part; returns the exit code."""
    sys.path.insert(0, str(ROOT))  # run as a program, only scripts/ would be looked through
    wrong: list[str] = []
    for name, (path, generate) in PARTS.items():
        page = (ROOT / path).read_text()
        try:
            wanted = renewed(page, name, generate())
        except ModuleNotFoundError as missing:
            wrong.append(f"{path}: {missing}")
            continue
        if wanted == page:
            continue
        if "--check" in arguments:
            wrong.append(f"{path} is out of date; run `make docs` and commit what it wrote.")
        else:
            (ROOT / path).write_text(wanted)
            print(f"wrote {path}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
