"""`rollcall job plan`: what the next cycle would do, object by object and attribute by attribute."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import job_nested, plan_out
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, counted, safe, shell_word, shown_value
from rollcall.cli.ring import DID_NOT_SUCCEED, AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.main import Parts
from rollcall.provisioning import Job, Key, PlanHead, PlannedCycle, PlannedObject, referring, totals

JobName = Annotated[
    str | None, typer.Argument(metavar="JOB", help="The job's name or id; needed only when there are several.")
]

SOMETHING_TO_DO = 3
_ACTIONS = ("create", "update", "disable", "delete")
_COLOURS = {"create": "green", "update": "cyan", "disable": "yellow", "delete": "red"}
# A new group may have a hundred thousand members; a person wants to see that they come, not each of them.
_SHOWN_REFERENCES = 20
_SHOWN_HELD = 10


def plan(
    job: JobName = None,
    out: plan_out.Out = None,
    format_: plan_out.FormatOption = None,
    exit_code: Annotated[
        bool,
        typer.Option(
            "--exit-code",
            help=f"End with {SOMETHING_TO_DO} when there is something to do, 0 when not, 1 when it failed.",
        ),
    ] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print what the next cycle would do, with old and new values and the reasons for skips; write nothing anywhere.

    With --out the plan is kept in a file, in the format of its ending: .json can be applied (rollcall job apply FILE), .html
    is a page to look at and to hand on, .txt and .md are text.

    Example: rollcall job plan

    Example: rollcall job plan Example --out plan.json --exit-code

    Example: rollcall job plan Example --out plan.html
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        wanted = plan_out.format_of(out, format_, as_json=as_json)
        found = await job_named(db, job)
        planned = await provisioning.plan_job(parts.provisioning, db.tenant, found.id)
        code = SOMETHING_TO_DO if exit_code and not planned.is_empty else 0
        left_out = await job_nested.left_out(parts, db.tenant, found)
        rate = await db.read(provisioning.measured_rate, found.id, found.settings.requests_per_second)
        assert planned.given is not None, "a plan knows when it was made"
        head = PlanHead(planned.given.now, db.tenant, found.id, found.display_name, left_out, rate)
        said = plan_out.Plan(parts.provisioning, found, planned, head, show_plan)
        return plan_out.answer(said, wanted, out, DID_NOT_SUCCEED if planned.problem else code, as_json=as_json)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _show_head(console: Console, planned: PlannedCycle, head: PlanHead) -> None:
    """The warnings, and what it would take."""
    for warning in provisioning.plan_warnings(planned, head.left_out):
        console.print(f"[yellow]![/] {safe(warning)}")
    expected = provisioning.plan_expectation(planned, head.requests_per_second)
    seconds = expected["seconds"]
    time = (
        ""
        if seconds is None
        else f", about {seconds:,.0f} s at the {expected['requests_per_second']:g}/s of past cycles"
    )
    console.print(f"[dim]{counted(planned.requests, 'request')} expected{time}.[/]")


def show_plan(console: Console, job: Job, planned: PlannedCycle, head: PlanHead | None = None) -> None:
    """The plan for people; with `head`, warnings and what it takes on top."""
    console.print(f"The next cycle of [bold]{safe(job.display_name)}[/] is {_article(planned.kind)} one.")
    if head is not None:
        _show_head(console, planned, head)
    for each in planned.objects:
        _show_object(console, each)
    for key, attribute in referring(planned):
        _show_references(console, planned, key, attribute)
    for each in planned.withheld:
        console.print(f"[yellow]withheld[/] {each.action} {each.key.kind} {safe(each.name)}")
    if planned.withheld:
        name = shell_word(job.display_name)
        console.print(
            f"  {counted(len(planned.withheld), 'removal')} would be withheld. {safe(planned.held_because)} If they are "
            f"meant, let the cycle run, and then: rollcall job allow {name} --by WHO."
        )
    if planned.held:
        _show_held(console, job, planned)
    for skip in planned.skips:
        word = "[red]fails[/]" if skip.failed else "[dim]skip[/]"
        console.print(f"{word} {skip.key.kind} {safe(skip.name)}: {safe(skip.reason)} [dim]({skip.code})[/]")
    console.print(_summary(planned))
    if head is not None:
        job_nested.warn(console, job, head.left_out)
    if planned.problem:
        console.print(f"[red]The plan is not whole:[/] {safe(planned.problem)}")


def _show_held(console: Console, job: Job, planned: PlannedCycle) -> None:
    """What an earlier cycle held back: all of it where no guard would object now, else the first names; why, and the way on."""
    many = counted(len(planned.held), "removal")
    is_held = f"[yellow]{many} {'is' if len(planned.held) == 1 else 'are'} held back[/] since an earlier cycle"
    if planned.held_sent:
        console.print(f"{is_held}; by the limits and numbers of now no guard would object to:")
        for each in planned.held:
            _show_object(console, each)
    else:
        names = ", ".join(f"{each.action} {safe(each.name)}" for each in planned.held[:_SHOWN_HELD])
        more = f" … and {len(planned.held) - _SHOWN_HELD:,} more" if len(planned.held) > _SHOWN_HELD else ""
        console.print(f"{is_held}: {names}{more}.")
        for because in dict.fromkeys(each.reason for each in planned.held if each.reason):
            console.print(f"  {safe(because)}")
    name = shell_word(job.display_name)
    console.print(
        "  None of these is sent until somebody decides. If the source is wrong, repair it, then rollcall job reject "
        f"{name} --by WHO. If they are meant: rollcall job allow {name} --by WHO."
    )


def _article(kind: str) -> str:
    return f"an {kind}"


def _show_object(console: Console, each: PlannedObject) -> None:
    console.print(f"[{_COLOURS[each.action]}]{each.action}[/] {each.key.kind} [bold]{safe(each.name)}[/]")
    if each.reason:
        console.print(f"    [dim]{safe(each.reason)}[/]")
    for path, old, new in each.changes:
        before = f"{safe(shown_value(old))} → " if old is not None or each.action != "create" else ""
        console.print(f"    {safe(path)}: {before}{safe(shown_value(new))}")


def _show_references(console: Console, planned: PlannedCycle, key: Key, attribute: str) -> None:
    console.print(f"[cyan]{safe(attribute)}[/] of {key.kind} [bold]{safe(planned.names.get(key, key.id))}[/]")
    for sign, colour, others in (
        ("+", "green", planned.added.get((key, attribute), [])),
        ("-", "red", planned.removed.get((key, attribute), [])),
    ):
        for other in others[:_SHOWN_REFERENCES]:
            console.print(f"    [{colour}]{sign}[/] {safe(planned.names.get(other, other.id))}")
        if len(others) > _SHOWN_REFERENCES:
            console.print(f"    [{colour}]{sign}[/] … and {len(others) - _SHOWN_REFERENCES:,} more")


def _summary(planned: PlannedCycle) -> str:
    counts = totals(planned)
    said = [f"{counts[action]:,} to {action}" for action in _ACTIONS if counts[action]]
    if counts["references_added"]:
        said.append(f"{counted(counts['references_added'], 'reference')} to add")
    if counts["references_removed"]:
        said.append(f"{counted(counts['references_removed'], 'reference')} to remove")
    beside = [
        f"{counts[name]:,} {word}"
        for name, word in (
            ("withheld", "withheld"),
            ("held", "held back since an earlier cycle"),
            ("skipped", "skipped"),
            ("failed", "would fail"),
            ("in_step", "in step already"),
        )
        if counts[name]
    ]
    nothing = (
        "Nothing can be done"
        if counts["failed"]
        else "Nothing would be sent"
        if counts["withheld"] or counts["held"]
        else "Nothing to do"
    )
    return f"{', '.join(said) or nothing}{'; ' + ', '.join(beside) if beside else ''}."
