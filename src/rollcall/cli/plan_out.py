"""Where a plan goes: the terminal or a file, as text, as a JSON document or as a page of HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import output
from rollcall.cli.output import Answer, safe, shell_word
from rollcall.cli.whole_file import whole_file
from rollcall.errors import Invalid, Unavailable
from rollcall.provisioning import Job, PlanHead, PlannedCycle, Service

_WIDE = 10_000


class Format(StrEnum):
    """How a plan is written."""

    text = "text"
    json = "json"
    html = "html"


Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Keep the plan in a file: .json to be applied, .html, .txt or .md to be read."
    ),
]
FormatOption = Annotated[
    Format | None,
    typer.Option("--format", help="Another format than the ending of the file says; without a file, text."),
]
_ENDINGS = {".json": Format.json, ".html": Format.html, ".htm": Format.html, ".txt": Format.text, ".md": Format.text}
Show = Callable[[Console, Job, PlannedCycle, PlanHead], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan with all that is needed to write it."""

    service: Service
    job: Job
    planned: PlannedCycle
    head: PlanHead
    show: Show
    then: str | None = None
    """What to do with it, where it is not a plan of now."""


def format_of(out: Path | None, given: Format | None, *, as_json: bool) -> Format:
    """The format that was asked for. Raises Invalid for an ending that says nothing."""
    if given is not None:
        return given
    if out is None:
        return Format.json if as_json else Format.text
    if out.suffix.lower() not in _ENDINGS:
        raise Invalid(
            f"The ending of {out} says nothing of the format. Use one of {', '.join(_ENDINGS)}, or say --format."
        )
    return _ENDINGS[out.suffix.lower()]


def answer(plan: Plan, wanted: Format, out: Path | None, exit_code: int, *, as_json: bool) -> Answer:
    """The plan as an answer, or kept in a file."""
    if out is None:
        return _printed(plan, wanted, exit_code, as_json=as_json)
    with _written(out) as file:
        _WRITERS[wanted](plan, file, out)
    totals = provisioning.totals(plan.planned)
    data = {"file": str(out), "format": wanted.value, "totals": totals, "problem": plan.planned.problem}
    more = f"Carry it out: rollcall job apply {shell_word(str(out))}" if wanted is Format.json else ""
    more = more if plan.then is None else plan.then

    def show(console: Console) -> None:
        for warning in provisioning.plan_warnings(plan.planned, plan.head.left_out):
            console.print(f"[yellow]![/] {safe(warning)}")
        console.print(f"The plan is in {safe(str(out))}. {safe(more)}".rstrip())

    return Answer(data, show, exit_code)


def _printed(plan: Plan, wanted: Format, exit_code: int, *, as_json: bool) -> Answer:
    data = provisioning.plan_document(plan.service, plan.planned, plan.head) if as_json else None

    def show(console: Console) -> None:
        if wanted is Format.text:
            plan.show(console, plan.job, plan.planned, plan.head)
            if plan.then:
                console.print(safe(plan.then))
        else:
            _WRITERS[wanted](plan, console.file, Path())

    return Answer(data, show, exit_code)


@contextmanager
def _written(path: Path) -> Iterator[IO[str]]:
    """A file that is there as a whole or not at all. Raises Unavailable when it can't be written."""
    try:
        with whole_file(path) as file:
            yield file
    except OSError as error:
        raise Unavailable(f"The plan can't be written to {path}: {error.strerror}.") from None


def _write_json(plan: Plan, file: IO[str], _path: Path) -> None:
    for line in provisioning.plan_lines(plan.service, plan.planned, plan.head):
        file.write(line.decode())


def _write_html(plan: Plan, file: IO[str], _path: Path) -> None:
    for piece in provisioning.plan_page(plan.service, plan.planned, plan.head):
        file.write(piece)


def _write_text(plan: Plan, file: IO[str], path: Path) -> None:
    is_markdown = path.suffix.lower() == ".md"
    if is_markdown:
        file.write(f"# Plan for {output.printable(plan.job.display_name)}\n\n~~~text\n")
    console = Console(file=file, width=_WIDE, soft_wrap=True, highlight=False, emoji=False, color_system=None)
    plan.show(console, plan.job, plan.planned, plan.head)
    if is_markdown:
        file.write("~~~\n")


_WRITERS: dict[Format, Callable[[Plan, IO[str], Path], Any]] = {
    Format.json: _write_json,
    Format.html: _write_html,
    Format.text: _write_text,
}
