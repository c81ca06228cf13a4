"""Shows whom a change brings into a job's scope and whom it puts out, and asks before it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import output
from rollcall.cli.job_run import confirm
from rollcall.cli.output import Answer, counted
from rollcall.main import Parts
from rollcall.provisioning import Job, ScopeChange, ScopePreview

Yes = Annotated[bool, typer.Option("--yes", help="Don't ask; show who enters and leaves scope, and save.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show who would enter and leave scope; save nothing.")]

_FATES = {
    "disable": "disabled in the next cycle",
    "delete": "deleted from it in the next cycle",
    "keep": "left there unchanged",
}


async def preview(
    parts: Parts,
    job: Job,
    tenant: UUID,
    *,
    schema: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    shown: bool = True,
) -> ScopePreview:
    """Who would enter and leave; told on standard error where a person may be reading."""
    found = await provisioning.preview_scope(parts.provisioning, tenant, job.id, schema=schema, settings=settings)
    if shown and not found.is_empty:
        show(output.err(), found)
    return found


def show(console: Console, found: ScopePreview) -> None:
    """Print who enters and leaves, by kind."""
    for noun, nouns, change in (("person", "people", found.users), ("group", "groups", found.groups)):
        for line in _lines(noun, nouns, change):
            console.print(output.safe(line))
    if found.reaches_threshold:
        reach = "reaches" if found.removals == 1 else "reach"
        console.print(
            f"[yellow]{counted(found.removals, 'removal')} {reach} the deletion threshold of {found.deletion_threshold:,}:[/] "
            "the next cycle holds removals back from the page that reaches it, and what earlier pages removed has gone out. "
            "rollcall job plan shows which, once this is saved."
        )


def _lines(noun: str, nouns: str, change: ScopeChange) -> list[str]:
    lines = []
    for moves, one, many in (
        (change.entering, "enters scope", "enter scope"),
        (change.leaving, "leaves scope", "leave scope"),
        (change.left_alone, "is left alone from now on", "are left alone from now on"),
        (change.undecided, "stays, since the filter can't be evaluated", "stay, since the filter can't be evaluated"),
    ):
        if moves.count:
            more = f" and {moves.count - len(moves.names):,} more" if moves.count > len(moves.names) else ""
            verb = one if moves.count == 1 else many
            lines.append(f"{counted(moves.count, noun, nouns)} {verb}: {', '.join(moves.names)}{more}.")
    if change.linked:
        verb = "is" if change.linked == 1 else "are"
        lines.append(
            f"Of those who leave, {change.linked:,} {verb} in the application and {verb} {_FATES[change.fate]}."
        )
    return lines


async def due_deletions(parts: Parts, job: Job, tenant: UUID, changes: Mapping[str, Any], *, shown: bool) -> int:
    """How many disabled accounts the changed settings have deleted at once; told on standard error."""
    due = await provisioning.count_due_deletions(parts.provisioning, tenant, job.id, changes)
    if shown and due:
        verb = "is" if due == 1 else "are"
        output.err().print(
            f"{counted(due, 'account')} {verb} disabled already, for long enough to be deleted in the next cycle. Who is "
            "back in scope by then stays."
        )
    return due


def ask(found: ScopePreview, *, yes: bool, deletions: int = 0) -> None:
    """Ask before a change that somebody enters, leaves or is deleted by.

    Raises Denied for no, and where nobody can be asked.
    """
    if not yes and (deletions or not found.is_empty):
        confirm("Save this?")


def answer(job: Job, found: ScopePreview, *, saved: bool, deletions: int | None = None) -> Answer:
    """What to say of a change that was saved, or only tried; `deletions` of settings."""
    text = f"{job.display_name} is changed; its next cycle looks at everybody again." if saved else "Nothing was saved."
    if found.is_empty:
        text = f"Nobody enters or leaves scope. {text}"
    more = {} if deletions is None else {"due_deletions": deletions}
    return Answer(
        {"job_id": job.id, "saved": saved, "scope_change": found, **more},
        lambda console: console.print(output.safe(text)),
    )
