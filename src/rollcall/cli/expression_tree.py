"""The tree of an expression's intermediate values, as commands show it."""

from __future__ import annotations

from rich.tree import Tree

from rollcall.cli import output
from rollcall.cli.output import shown_value
from rollcall.provisioning import Explanation


def branch(part: Explanation) -> str:
    """A part of an expression with its value, in a line."""
    if part.error is not None:
        value = f"[red]fails:[/] {output.safe(part.error)}"
    elif not part.evaluated:
        value = "[dim]not needed[/]"
    else:
        value = "[dim]null[/]" if part.value is None else output.safe(shown_value(part.value))
    return f"[dim]{output.safe(part.expression)}[/] = {value}"


def grow(tree: Tree, part: Explanation) -> None:
    """Hang the parts of an expression below it."""
    for each in part.parts:
        grow(tree.add(branch(each)), each)
