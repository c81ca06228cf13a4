"""`rollcall job held`, `allow`, `reject`: removals that guards held back, and what somebody decides about them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import output
from rollcall.cli.job_plan import JobName
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, counted, moment, safe, shell_word
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.main import Parts
from rollcall.provisioning import Held, HeldObject, Job

_SHOWN = 200
By = Annotated[str, typer.Option("--by", help="Who decides; kept with the decision.", show_default=False)]
Lot = Annotated[str | None, typer.Option("--lot", help="Only this lot, by the id that `held` shows; else all.")]


def held(
    job: JobName = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what was decided, by whom and when.")] = False,
    limit: Annotated[int, typer.Option("--limit", help="How many objects to list.", min=1)] = _SHOWN,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the removals that guards hold back: why, since when, and of whom.

    Example: rollcall job held

    Example: rollcall job held Example --all
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        lots = await db.read(provisioning.list_held, found.id, decided=everything)
        objects = await db.read(provisioning.list_held_objects, found.id, None, limit)
        shown = {
            "job": found.display_name,
            "lots": [_lot_to_json(lot) for lot in lots],
            "objects": [_object_to_json(each) for each in objects],
        }
        return Answer(shown, lambda console: _show(console, found, lots, objects))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _lot_to_json(lot: Held) -> dict[str, object]:
    return {
        "id": str(lot.id),
        "at": lot.at,
        "cycle": str(lot.cycle_id),
        "guard": lot.guard,
        "because": lot.because,
        "number": lot.number,
        "objects": lot.objects,
        "memberships": lot.references,
        "decision": lot.decision,
        "decided_at": lot.decided_at,
        "decided_by": lot.decided_by,
    }


def _object_to_json(each: HeldObject) -> dict[str, object]:
    return {
        "kind": each.key.kind,
        "id": each.key.id,
        "name": each.name,
        "lot": str(each.staging),
        "memberships": each.references,
    }


def _show(console: Console, job: Job, lots: Sequence[Held], objects: Sequence[HeldObject]) -> None:
    if not lots:
        console.print(f"Nothing of {safe(job.display_name)} is held back.")
        return
    for lot in lots:
        waiting = counted(lot.objects, "removal") if lot.objects else counted(lot.references, "membership removal")
        state = f"[yellow]{waiting} held back[/] since {moment(lot.at)} UTC"
        if lot.decision is not None:
            by = f" by {safe(lot.decided_by)}" if lot.decided_by else ""
            state = f"{lot.number:,} held back {moment(lot.at)} UTC, {lot.decision} {moment(lot.decided_at)} UTC{by}"
        console.print(f"{state} [dim]({lot.id})[/]\n  {safe(lot.because)}")
    rows = [
        (each.key.kind, each.name, counted(each.references, "member") if each.references else "itself")
        for each in objects
    ]
    if rows:
        output.table(console, ("kind", "name", "removal of"), rows)
    waiting_now = sum(lot.objects for lot in lots if lot.decision is None)
    if waiting_now > len(objects):
        console.print(f"  … of {waiting_now:,}; --limit shows more.")
    if any(lot.decision is None for lot in lots):
        name = shell_word(job.display_name)
        console.print(
            f"If the source is wrong, repair it, then rollcall job reject {name} --by WHO. "
            f"If they are meant: rollcall job allow {name} --by WHO."
        )


def allow(
    by: By,
    job: JobName = None,
    lot: Lot = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let the next cycle send the removals that are held back now; each is looked at afresh, and later ones are not included.

    Example: rollcall job allow --by "Ada, ticket 4711"
    """
    told = "{number} allowed by {by}. The next cycle sends what is wanted still: a worker at once, or rollcall job run {name}."
    _decide(At(data, config, tenant), as_json, job, lot, by, provisioning.allow_held, told)


def reject(
    by: By,
    job: JobName = None,
    lot: Lot = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Forget the removals that are held back now: nothing is sent until the source tells of these objects again.

    Repair the source, the assignments or the filter first; what is in scope again is held back no longer.

    Example: rollcall job reject --by Ada
    """
    told = "{number} rejected by {by}. They stay as they are until the source tells of them again."
    _decide(At(data, config, tenant), as_json, job, lot, by, provisioning.reject_held, told)


def _decide(
    at: At,
    as_json: bool,
    job: str | None,
    lot: str | None,
    by: str,
    decide: Callable[..., Awaitable[list[Held]]],
    told: str,
) -> None:
    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        if not by.strip():
            raise Invalid("--by: the name of who decides is expected, not an empty text.")
        found = await job_named(db, job)
        lots = await decide(parts.provisioning, db.tenant, found.id, _lot_id(lot), by.strip())
        number = sum(each.objects + each.references for each in lots)
        text = told.format(number=counted(number, "removal"), by=safe(by.strip()), name=shell_word(found.display_name))
        shown = {
            "job": found.display_name,
            "by": by.strip(),
            "removals": number,
            "lots": [str(each.id) for each in lots],
        }
        return Answer(shown, lambda console: console.print(text))

    answer_in_tenant(at, as_json, work)


def _lot_id(text: str | None) -> UUID | None:
    try:
        return None if text is None else UUID(text)
    except ValueError:
        raise Invalid(f"--lot: {text!r} is no id of a lot. See them with rollcall job held.") from None
