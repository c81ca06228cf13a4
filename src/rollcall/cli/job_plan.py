"""`rollcall job plan`: what the next cycle would do, object by object and attribute by attribute."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import job_nested
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, counted, safe, shell_word, shown_value
from rollcall.cli.ring import DID_NOT_SUCCEED, AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.main import Parts
from rollcall.provisioning import Job, Key, PlannedCycle, PlannedObject

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
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help=f"End with {SOMETHING_TO_DO} when there is something to do.")
    ] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print what the next cycle would do, with old and new values and the reasons for skips; write nothing anywhere.

    Example: rollcall job plan

    Example: rollcall job plan Example --json --exit-code
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        planned = await provisioning.plan_job(parts.provisioning, db.tenant, found.id)
        code = SOMETHING_TO_DO if exit_code and not planned.is_empty else 0
        left_out = await job_nested.left_out(parts, db.tenant, found)

        def show(console: Console) -> None:
            show_plan(console, found, planned)
            job_nested.warn(console, found, left_out)

        data = plan_to_json(found, planned) | {"left_out": job_nested.to_json(left_out)}
        return Answer(data, show, DID_NOT_SUCCEED if planned.problem else code)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def plan_to_json(job: Job, planned: PlannedCycle) -> dict[str, Any]:
    """The whole plan as data."""

    def named(key: Key) -> dict[str, str]:
        return {"kind": key.kind, "id": key.id, "name": planned.names.get(key, key.id)}

    def object_to_json(each: PlannedObject) -> dict[str, Any]:
        changes = [{"attribute": path, "old": old, "new": new} for path, old, new in each.changes]
        return {
            **named(each.key),
            "action": each.action,
            "target_id": each.target_id,
            "changes": changes,
            "reason": each.reason,
        }

    return {
        "job_id": job.id,
        "kind": planned.kind,
        "objects": [object_to_json(each) for each in planned.objects],
        "withheld": [object_to_json(each) for each in planned.withheld],
        "held": [object_to_json(each) for each in planned.held],
        "held_sent_by_restart": planned.held_sent,
        "references": [
            {
                **named(key),
                "attribute": attribute,
                "added": [named(other) for other in planned.added.get((key, attribute), ())],
                "removed": [named(other) for other in planned.removed.get((key, attribute), ())],
            }
            for key, attribute in _referring(planned)
        ],
        "skips": [
            {**named(each.key), "code": each.code, "reason": each.reason, "failed": each.failed}
            for each in planned.skips
        ],
        "totals": totals(planned),
        "problem": planned.problem,
    }


def _referring(planned: PlannedCycle) -> list[tuple[Key, str]]:
    return list(dict.fromkeys([*planned.added, *planned.removed]))


def totals(planned: PlannedCycle) -> dict[str, int]:
    """How many objects and references the plan comes to."""
    by_action = Counter(each.action for each in planned.objects)
    return {
        **{action: by_action[action] for action in _ACTIONS},
        "references_added": sum(map(len, planned.added.values())),
        "references_removed": sum(map(len, planned.removed.values())),
        "withheld": len(planned.withheld),
        "held": len(planned.held),
        "skipped": sum(not each.failed for each in planned.skips),
        "failed": sum(each.failed for each in planned.skips),
        "in_step": planned.in_step,
    }


def show_plan(console: Console, job: Job, planned: PlannedCycle) -> None:
    """The plan for people."""
    console.print(f"The next cycle of [bold]{safe(job.display_name)}[/] is {_article(planned.kind)} one.")
    for each in planned.objects:
        _show_object(console, each)
    for key, attribute in _referring(planned):
        _show_references(console, planned, key, attribute)
    for each in planned.withheld:
        console.print(f"[yellow]withheld[/] {each.action} {each.key.kind} {safe(each.name)}")
    if planned.withheld:
        name = shell_word(job.display_name)
        console.print(
            f"  {counted(len(planned.withheld), 'removal')} would be withheld, because a cycle may remove fewer than "
            f"{job.settings.deletion_threshold}. If they are meant: rollcall job settings {name} deletion_threshold=NUMBER, "
            f"and rollcall job restart {name}."
        )
    if planned.held:
        _show_held(console, job, planned)
    for skip in planned.skips:
        word = "[red]fails[/]" if skip.failed else "[dim]skip[/]"
        console.print(f"{word} {skip.key.kind} {safe(skip.name)}: {safe(skip.reason)} [dim]({skip.code})[/]")
    console.print(_summary(planned))
    if planned.problem:
        console.print(f"[red]The plan is not whole:[/] {safe(planned.problem)}")


def _show_held(console: Console, job: Job, planned: PlannedCycle) -> None:
    """What an earlier cycle held back: all of it where a restart would send it, else the first names and the way on."""
    many = counted(len(planned.held), "removal")
    is_held = f"[yellow]{many} {'is' if len(planned.held) == 1 else 'are'} held back[/] since an earlier cycle"
    threshold = job.settings.deletion_threshold
    if planned.held_sent:
        allowed = f"the deletion threshold is {threshold:,} now" if threshold else "there is no deletion threshold now"
        console.print(f"{is_held}; {allowed}. No cycle sends them until the job is restarted. A restart would:")
        for each in planned.held:
            _show_object(console, each)
        console.print("  If they are meant: rollcall job restart. It reads everything again, too.")
        return
    names = ", ".join(f"{each.action} {safe(each.name)}" for each in planned.held[:_SHOWN_HELD])
    more = f" … and {len(planned.held) - _SHOWN_HELD:,} more" if len(planned.held) > _SHOWN_HELD else ""
    console.print(f"{is_held}: {names}{more}.")
    console.print(
        f"  A cycle may remove fewer than {threshold:,}, and none of these is sent until the job is restarted. If they "
        f"are wrong, correct the directory. If they are meant: rollcall job pause, rollcall job settings "
        f"deletion_threshold=NUMBER, rollcall job plan to read them all, and rollcall job restart."
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
