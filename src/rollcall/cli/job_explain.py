"""`rollcall job explain`: why a person or a group is what it is in the application, now or at a past moment."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.tree import Tree

from rollcall import provisioning
from rollcall.cli.expression_tree import branch, grow
from rollcall.cli.naming import job_named, key_named
from rollcall.cli.output import Answer, counted, moment, plain, safe, shown_value
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.main import Parts
from rollcall.provisioning import ExplainedObject, Key, PastStep, ReferenceFacts

_SHOWN_REFERENCES = 10


def explain(
    words: Annotated[
        list[str],
        typer.Argument(
            metavar="[JOB] USER_OR_GROUP",
            help="The job, needed only when there are several, and whom: an id, UPN, mail or name.",
        ),
    ],
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="As it was at this moment (ISO 8601, or 2h ago), out of the log."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also the intermediate values of every expression.")
    ] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print why somebody is or is not in the application: scope, mappings, link, what would be sent, what was; write nothing.

    Example: rollcall job explain ada@example.com

    Example: rollcall job explain Workspaces "Field Sales" --json

    Example: rollcall job explain ada@example.com --at 2026-11-24T09:00:00Z
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        *job, who = words
        if len(job) > 1:
            raise Invalid("Say which job and whom, in this order; a name with blanks stands in quotes.")
        when = None if at is None else provisioning.parse_time(at, parts.runtime.now())
        found = await job_named(db, job[0] if job else None)
        key = await key_named(db, found.id, who)
        told = await provisioning.explain_object(parts.provisioning, db.tenant, found.id, key, when)
        return Answer(plain(told), lambda console: show_explained(console, told, verbose=verbose))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def show_explained(console: Console, told: ExplainedObject, *, verbose: bool) -> None:
    """Print an explanation for people, part by part."""
    console.print(f"[bold]{safe(told.key.kind)} {safe(told.name)}[/] in {safe(told.job)} [dim]{safe(told.key.id)}[/]")
    if told.past:
        console.print(f"As of {moment(told.at)} UTC, out of the log.")
    console.print(safe(told.verdict))
    if told.past:
        _show_past(console, told)
        return
    _show_scope(console, told)
    _show_mappings(console, told, verbose=verbose)
    _show_link(console, told)
    _show_references(console, told)
    _show_next(console, told)
    _title(console, "Sent last")
    if told.last is None:
        console.print("  Nothing was ever sent for it, as far as the log reaches.")
    else:
        _show_step(console, told.last)


def _title(console: Console, text: str) -> None:
    console.print(f"\n[bold]{text}[/]")


def _show_scope(console: Console, told: ExplainedObject) -> None:
    _title(console, "Scope")
    source = told.source
    assert source is not None, "an explanation of now has what the source says"
    state = {"present": "there", "deleted": "deleted, may come back", "gone": "gone"}[source.state]
    console.print(f"  In the source: {state}, {'active' if source.active else 'not active'}")
    by = ", ".join(source.assigned_by) if source.assigned else ""
    console.print(f"  Assigned: {safe(by) or ('yes' if source.assigned else 'no')}")
    if source.roles:
        roles = ", ".join(str(each.get("displayName") or each.get("value") or each.get("id")) for each in source.roles)
        console.print(f"  Roles: {safe(roles)}")
    if told.scope is None:
        return
    for clause in told.scope.clauses:
        mark = {True: "[green]holds[/]", False: "[red]fails[/]", None: "[yellow]undecided[/]"}[clause.holds]
        operand = "" if clause.operand is None else f" {clause.operand}"
        what = "input filter" if clause.is_input else "filter"
        value = clause.problem if clause.holds is None else f"the value is {shown_value(clause.value)}"
        console.print(
            f"  {what} {safe(clause.filter)}: {safe(clause.attribute)} {safe(clause.operator)}{safe(operand)} "
            f"{mark}, {safe(value)}"
        )
    if not told.scope.clauses:
        console.print("  Filters: none")


def _show_mappings(console: Console, told: ExplainedObject, *, verbose: bool) -> None:
    if not told.mappings:
        return
    _title(console, "Mappings")
    if told.nothing_flows:
        console.print(
            f"  {safe(told.nothing_flows.capitalize())}{'' if verbose else ' [dim](-v shows the values)[/]'}."
        )
        if not verbose:
            return
    for each in told.mappings:
        colour = "red" if each.failed else "dim"
        console.print(
            f"  {safe(each.target)} = {safe(shown_value(each.value))} [dim]← {safe(each.source) or each.source_type}:[/] "
            f"[{colour}]{safe(each.verdict)}[/]"
        )
        if verbose and each.tree is not None:
            tree = Tree(branch(each.tree))
            grow(tree, each.tree)
            console.print(tree)


def _show_link(console: Console, told: ExplainedObject) -> None:
    _title(console, "In the application")
    link = told.link
    if link is None:
        console.print("  The job remembers nothing of it.")
        return
    target = f" as {link.target_id}" if link.target_id else ""
    since = f" at {moment(link.since)} UTC" if link.since is not None else ""
    console.print(f"  {safe(link.state)}{safe(target)}: {safe(link.how)}{since}")
    if link.disabled:
        console.print(
            f"  [yellow]Disabled[/] since {moment(link.disabled_at)} UTC"
            if link.disabled_at
            else "  [yellow]Disabled[/]"
        )
    if link.deleted_after is not None:
        console.print(f"  Deleted after {moment(link.deleted_after)} UTC (delete_after_days)")
    if link.withheld:
        why = f": {safe(link.held_because)}" if link.held_because else " until all of its cycle are counted."
        console.print(f"  [yellow]Its removal is held back[/]{why}")
    if link.escrow is not None:
        again = f"tried again after {moment(link.escrow.next_attempt)} UTC"
        console.print(
            f"  [red]Failed[/] {counted(link.escrow.attempts, 'time')} since {moment(link.escrow.first_failed)} UTC, "
            f"{'given up' if link.escrow.given_up else again} ({safe(link.escrow.code)}): "
            f"{safe(link.escrow.reason)}"
        )


def _show_references(console: Console, told: ExplainedObject) -> None:
    if not told.references:
        return
    _title(console, "References")
    console.print(f"  {told.references_present:,} in the application, {told.references_open:,} not as wanted")
    for each in told.references[:_SHOWN_REFERENCES]:
        console.print(f"  {safe(_reference(told.key, each))} [dim]{safe(each.why)}[/]")
    shown = sum(each.state != "absent" for each in told.references[:_SHOWN_REFERENCES])
    if (more := told.references_present + told.references_open - shown) > 0:
        console.print(f"  … and {more:,} more")


def _reference(key: Key, each: ReferenceFacts) -> str:
    if each.source == key:
        return f"{each.attribute} {each.referenced_name}:"
    return f"in {each.attribute} of {each.source_name}:"


def _show_next(console: Console, told: ExplainedObject) -> None:
    _title(console, "Would be sent now")
    step = told.next
    if step is None:
        console.print("  Nothing: the job does not provision such objects.")
        return
    if step.problem is not None:
        console.print(f"  [red]The application could not be asked:[/] {safe(step.problem)}")
        return
    if step.action == "none" or not step.requests:
        code = f" [dim]({safe(step.code)})[/]" if step.code else ""
        console.print(f"  {'Nothing' if not step.requests else 'Only references'}: {safe(step.reason)}{code}")
    _show_changes(console, step.changes)
    for request in step.requests:
        console.print(f"  {request.method} {safe(request.path)}")
        if request.body is not None:
            console.print(f"    {safe(orjson.dumps(request.body).decode())}")


def _show_changes(console: Console, changes: Any) -> None:
    for path, old, new in changes:
        console.print(f"  {safe(path)}: {safe(shown_value(old))} → {safe(shown_value(new))}")


def _show_step(console: Console, step: PastStep) -> None:
    code = f" [dim]({safe(step.code)})[/]" if step.code else ""
    console.print(
        f"  {moment(step.at)} UTC {step.status} {safe(step.action)}{code} [dim]cycle {safe(step.cycle_id)}[/]"
    )
    if step.request:
        answered = "not answered" if step.http_status is None else f"answered {step.http_status}"
        console.print(f"  {safe(step.request)}: {answered} after {step.duration_milliseconds} ms")
    if step.reason:
        console.print(f"  {safe(step.reason)}")
    _show_changes(console, step.changes)


def _show_past(console: Console, told: ExplainedObject) -> None:
    if told.silence:
        return
    if told.record is not None:
        _title(console, "The record that held then")
        _show_step(console, told.record)
        for step in told.record.steps:
            console.print(
                f"  [dim]{safe(step['provisioningStepType'])}: {step['status']}.[/] {safe(step['description'])}"
            )
            for name, value in step["details"].items():
                console.print(f"    {safe(name)}: {safe(shown_value(value))}")
    if told.last is not None and (told.record is None or told.last.at != told.record.at):
        _title(console, "Sent last until then")
        _show_step(console, told.last)
    if told.values:
        _title(console, "What the application had been told by then")
        for path, value in told.values.items():
            console.print(f"  {safe(path)}: {safe(shown_value(value))}")
