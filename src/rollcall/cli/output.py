"""What commands print: answers as tables or JSON on standard output, everything else on standard error."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from rollcall.errors import Refusal

Json = Any
_SHOWN_VALUE_CHARACTERS = 200
# C0 and C1 controls, which a terminal obeys (ECMA-48 §8.3) or ends a line at; what reorders the text around it (UAX #9
# §2); separators of lines and paragraphs; halves of surrogate pairs, which no encoding can write.
_OBEYED = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\u200e\u200f\u061c\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has to say: as data for programs, as text for people, and with which code it ends."""

    data: Json
    show: Callable[[Console], None]
    exit_code: int = 0


def out() -> Console:
    """Standard output; without a terminal no line is broken or cut."""
    terminal = sys.stdout.isatty()
    width = None if terminal else 10_000
    return Console(file=sys.stdout, soft_wrap=not terminal, highlight=False, emoji=False, width=width)


def err() -> Console:
    """Standard error."""
    return Console(file=sys.stderr, soft_wrap=True, highlight=False, emoji=False)


def printable(text: str) -> str:
    """`text` with a � in the place of each character that a terminal would obey instead of showing it."""
    return _OBEYED.sub("�", text)


def safe(text: str) -> str:
    """`text` as a part of what `Console.print` is given: on one line, nothing in it obeyed, nothing taken for markup.

    Everything that comes from a directory, an application or a command line is printed through this.
    """
    return escape(printable(text))


def print_json(data: Json) -> None:
    """One JSON object on one line, at once."""
    sys.stdout.write(orjson.dumps(plain(data)).decode() + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Json:
    """A value as JSON has it: dataclasses as objects, ids and moments as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | Path) else value


def print_refusal(refusal: Refusal, *, as_json: bool) -> None:
    """Why nothing came of it: a sentence and its details, or one JSON object."""
    if as_json:
        error = {"code": refusal.code, "message": refusal.message, "details": refusal.details}
        print_json({"error": error})
        return
    console = err()
    console.print(safe(refusal.message))
    for detail in refusal.details:
        if detail != refusal.message:
            console.print(f"  {safe(detail)}")


def note(text: str) -> None:
    """Tell a person something beside the answer."""
    err().print(safe(text))


def table(console: Console, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their column names. Cells are text, never markup; for a pipe, columns stand apart by a tab."""
    if not console.is_terminal:
        for row in rows:
            console.print("\t".join(safe(_cell(cell)) for cell in row))
        return
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold", no_wrap=column == "id")
    for row in rows:
        shown.add_row(*(Text(_cell(cell)) for cell in row))
    console.print(shown)


def pairs(console: Console, rows: Iterable[tuple[str, object]]) -> None:
    """Print names with their values, one pair a line."""
    listed = [(name, _cell(value)) for name, value in rows]
    width = max((len(name) for name, _ in listed), default=0)
    for name, value in listed:
        console.print(f"[dim]{safe(name.ljust(width))}[/]  {safe(value)}")


def shown_value(value: Json) -> str:
    """An attribute's value in a line for people: text as it is, the rest as JSON, what is not there as a dash."""
    if value is None:
        return "–"
    text = value if isinstance(value, str) else orjson.dumps(plain(value)).decode()
    text = "".join(each if each.isprintable() else "�" for each in printable(text))
    return text if len(text) <= _SHOWN_VALUE_CHARACTERS else f"{text[:_SHOWN_VALUE_CHARACTERS]}…"


def moment(at: datetime | None) -> str:
    """A moment for people, in UTC to the second."""
    return "–" if at is None else at.strftime("%Y-%m-%d %H:%M:%S")


def duration(seconds: float) -> str:
    """So many seconds in words: `40 s`, `12 min`, `3.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def shell_word(text: str) -> str:
    """A name as a command that is shown takes it: in quotes where it has blanks, and safe to print."""
    return safe(shlex.quote(text))


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """`1 user`, `2 users`."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def _cell(value: object) -> str:
    if isinstance(value, datetime):
        return moment(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shown_value(plain(value))


def progress(*columns: ProgressColumn) -> Progress:
    """A progress bar on standard error that is seen only on a terminal and leaves nothing behind."""
    console = Console(file=sys.stderr, highlight=False, emoji=False)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        *columns,
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
