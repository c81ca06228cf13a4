"""`rollcall job logs`: what a job did and why; asked for, followed, or written to files."""

from __future__ import annotations

import getpass
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.console import Console

from rollcall import directory, provisioning
from rollcall.cli import output
from rollcall.cli.job_plan import JobName
from rollcall.cli.log_files import csv_files, csv_text, json_file
from rollcall.cli.naming import as_id, job_named, key_named
from rollcall.cli.output import Answer, counted, moment, safe, shown_value
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.main import Parts
from rollcall.provisioning import Initiator, Job, LogFilter

_SHOWN = 20
_STATUS_COLOURS = {"success": "green", "failure": "red", "skipped": "dim", "warning": "yellow"}


class Status(StrEnum):
    """How an operation on one object ended."""

    success = "success"
    failure = "failure"
    skipped = "skipped"
    warning = "warning"


class Action(StrEnum):
    """What was done to an object; `other`: nothing."""

    create = "create"
    update = "update"
    disable = "disable"
    delete = "delete"
    staged_delete = "stagedDelete"
    staged_action = "stagedAction"
    other = "other"


def whoever_asks() -> Initiator:
    """Who runs this command, as the log names them: the account of this machine."""
    try:
        return Initiator(display_name=getpass.getuser(), type="user")
    except (KeyError, OSError):
        return Initiator(display_name="an account without a name", type="user")


def command_line() -> str:
    """Who does something by a command, as the audit log of a job names them."""
    return f"{whoever_asks().display_name} (command line)"


About = Annotated[
    str | None, typer.Option("--object", metavar="ID_OR_NAME", help="Only this user or group: an id, UPN or name.")
]
User = Annotated[str | None, typer.Option("--user", metavar="ID_OR_UPN", help="Only this user.")]
Group = Annotated[str | None, typer.Option("--group", metavar="ID_OR_NAME", help="Only this group.")]
Since = Annotated[
    str | None, typer.Option("--since", metavar="TIME", help="From a moment (ISO 8601) on, or 30m, 2h, 7d, 4w ago.")
]
Until = Annotated[str | None, typer.Option("--until", metavar="TIME", help="Before a moment, or so long ago.")]
CycleId = Annotated[str | None, typer.Option("--cycle", metavar="ID", help="Only this cycle.")]
Attribute = Annotated[
    str | None,
    typer.Option("--attribute", metavar="PATH", help="Only where it changed, or a part of it: name, members."),
]
Code = Annotated[str | None, typer.Option("--code", metavar="CODE", help="Only this error or skip code.")]
RecordId = Annotated[str | None, typer.Option("--id", metavar="ID", help="This record, with all that is known.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help=f"How many at most; without it {_SHOWN}, or all in a file.")
]
Cursor = Annotated[
    str | None, typer.Option("--cursor", metavar="TOKEN", help="Go on after a page: the cursor it gave.")
]
Follow = Annotated[
    bool,
    typer.Option("--follow", "-f", help="Print what comes from now on, until interrupted; a line each with --json."),
]
ExportFile = Annotated[
    Path | None,
    typer.Option("--export", metavar="FILE", help="Write .jsonl, or .csv: three files, joined by changeId."),
]


def logs(
    job: JobName = None,
    about: About = None,
    user: User = None,
    group: Group = None,
    action: Annotated[Action | None, typer.Option("--action", help="Only records of this action.")] = None,
    status: Annotated[Status | None, typer.Option("--status", help="Only records that ended so.")] = None,
    since: Since = None,
    until: Until = None,
    cycle: CycleId = None,
    attribute: Attribute = None,
    code: Code = None,
    record: RecordId = None,
    limit: Limit = None,
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="The oldest first, not the newest.")] = False,
    cursor: Cursor = None,
    follow: Follow = False,
    export: ExportFile = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the records as one CSV table.")] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print what a job did, newest first: each object's steps, old and new values, and reasons.

    All that is asked for has to hold together. A page that is not the last one tells its cursor.

    Example: rollcall job logs --user ada@example.com --since 7d

    Example: rollcall job logs --status failure --code EntryConflict --json

    Example: rollcall job logs --attribute department --since 2026-11-01 --export changes.csv

    Example: rollcall job logs --follow
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        asked = _Asked(about, user, group, action, status, since, until, cycle, attribute, code, record)
        which = await asked.filter(parts, db, found)
        which = replace(which, newest_first=not oldest_first)
        if sum((follow, export is not None, as_csv)) > 1:
            raise Invalid("Only one of --follow, --export and --csv is possible at a time.")
        if cursor is not None and (follow or export is not None or as_csv):
            raise Invalid("--cursor goes on with a printed page; --follow, --export and --csv have no pages.")
        if follow:
            return await _follow(parts, db, found, which, limit, as_json=as_json)
        if export is not None or as_csv:
            return await _export(db, found, which, limit, export)
        return await _page(db, found, which, limit or _SHOWN, cursor)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@dataclass(frozen=True, slots=True)
class _Asked:
    """The options as they were written, and the filter that they mean."""

    about: str | None
    user: str | None
    group: str | None
    action: Action | None
    status: Status | None
    since: str | None
    until: str | None
    cycle: str | None
    attribute: str | None
    code: str | None
    record: str | None

    async def filter(self, parts: Parts, db: TenantDatabase, job: Job) -> LogFilter:
        """Raises Invalid and NotFound for what nothing is known of."""
        now = parts.runtime.now()
        sources = [(None, self.about), ("User", self.user), ("Group", self.group)]
        given = [(kind, word) for kind, word in sources if word is not None]
        if len(given) > 1:
            raise Invalid("Ask for one object: --object, --user or --group.")
        kind, source = await _source(db, job, *given[0]) if given else (None, None)
        which = LogFilter(
            source=source,
            kind=kind,
            action=self.action and str(self.action),
            status=self.status and str(self.status),
            since=None if self.since is None else provisioning.parse_time(self.since, now),
            until=None if self.until is None else provisioning.parse_time(self.until, now),
            cycle=_id("cycle", self.cycle),
            attribute=self.attribute,
            code=self.code,
            record=_id("id", self.record),
        )
        await db.read(provisioning.check_known, job.id, which)
        return which


def _id(name: str, word: str | None) -> UUID | None:
    found = None if word is None else as_id(word)
    if word is not None and found is None:
        raise Invalid(f"--{name}: {word!r} is no id. Ids look like 019e2b1c-5a1e-7000-8000-000000000000.")
    return found


async def _source(db: TenantDatabase, job: Job, kind: str | None, word: str) -> tuple[str | None, str]:
    """Kind and id of the object that a word names; the word itself for one that only the log knows any more."""
    try:
        key = await key_named(db, job.id, word)
    except (NotFound, Conflict) as refusal:
        for each in ("User", "Group") if kind is None else (kind,):
            if await db.read(provisioning.knows_source, job.id, each, word):
                return kind, word
        raise refusal from None
    if kind is not None and key.kind != kind:
        raise Invalid(f"{word!r} is a {key.kind}; ask with --{key.kind.lower()}.")
    return kind, key.id


async def _page(db: TenantDatabase, job: Job, which: LogFilter, limit: int, cursor: str | None) -> Answer:
    page = await db.read(provisioning.read_log, job.id, which, limit=limit, cursor=cursor)
    application = await db.read(directory.read_service_principal, job.service_principal_id)

    def show(console: Console) -> None:
        for record in page.records:
            show_record(console, record, whole=which.record is not None)
        if not page.records:
            output.note("There is no such record.")
        if page.cursor is not None:
            output.note(f"There are more. The next page: the same with --cursor {page.cursor}")

    records = [record_to_json(each, db.tenant, job, application) for each in page.records]
    return Answer({"job_id": job.id, "records": records, "cursor": page.cursor}, show)


async def _follow(
    parts: Parts, db: TenantDatabase, job: Job, which: LogFilter, most: int | None, *, as_json: bool
) -> Answer:
    application = await db.read(directory.read_service_principal, job.service_principal_id)
    console, told = output.out(), 0
    since = await db.read(provisioning.log_position)
    output.note(f"Following {job.display_name}; end with Ctrl-C.")
    async with aclosing(provisioning.follow_log(parts.provisioning, db.tenant, job.id, which, since)) as records:
        async for record in records:
            if as_json:
                output.print_json(record_to_json(record, db.tenant, job, application))
            else:
                show_record(console, record)
                sys.stdout.flush()
            told += 1
            if told == most:
                break
    raise typer.Exit(0)


async def _export(db: TenantDatabase, job: Job, which: LogFilter, most: int | None, file: Path | None) -> Answer:
    application = await db.read(directory.read_service_principal, job.service_principal_id)

    async def summaries() -> AsyncIterator[dict[str, Any]]:
        async with aclosing(provisioning.log_records(db, job.id, which, most=most)) as records:
            async for record in records:
                yield record_to_json(record, db.tenant, job, application)

    if file is None:
        await csv_text(summaries())
        raise typer.Exit(0)
    if file.suffix == ".jsonl":
        number, files = await json_file(file, summaries())
    elif file.suffix == ".csv":
        number, files = await csv_files(file, summaries())
    else:
        raise Invalid(f"{file.name}: a file of the log ends with .jsonl (JSON Lines) or .csv (three CSV files).")
    names = ", ".join(str(each) for each in files)
    return Answer(
        {"job_id": job.id, "records": number, "files": files},
        lambda console: console.print(safe(f"Wrote {counted(number, 'record')} to {names}.")),
    )


def record_to_json(
    record: dict[str, Any], tenant: UUID, job: Job, application: directory.ServicePrincipal
) -> dict[str, Any]:
    """A record as Graph's provisioningObjectSummary."""
    named = {
        "id": str(application.id),
        "appId": str(application.app_id),
        "displayName": application.display_name,
    }
    return provisioning.provisioning_object_summary(
        record, tenant_id=str(tenant), job_id=str(job.id), application=named
    )


def show_record(console: Console, record: dict[str, Any], *, whole: bool = False) -> None:
    """Print a record: what was done to whom, its steps, old and new values; `whole`: all that is known of it."""
    colour = _STATUS_COLOURS[record["status"]]
    code = f" [dim]({safe(record['code'])})[/]" if record["code"] else ""
    console.print(
        f"{moment(record['at'])} [{colour}]{record['status']}[/] {record['action']} {record['kind']} "
        f"[bold]{safe(record['name'] or record['source_id'])}[/]{code} [dim]{record['duration_milliseconds']} ms[/]"
    )
    if record["reason"]:
        console.print(f"    {safe(record['reason'])}")
    if whole:
        _show_whole(console, record)
    for step in record["steps"]:
        console.print(
            f"    [dim]{safe(step['provisioningStepType'])}: {step['status']}.[/] {safe(step['description'])}"
        )
        for name, value in step["details"].items() if whole else ():
            console.print(f"        {safe(name)}: {safe(shown_value(value))}")
    for path, old, new in record["modified"]:
        console.print(f"    {safe(path)}: {safe(_with_name(old))} → {safe(_with_name(new))}")


def _show_whole(console: Console, record: dict[str, Any]) -> None:
    remedy = provisioning.remedy_for(record["code"]) if record["status"] in ("failure", "warning") else ""
    initiator = record["initiated_by"]
    rows = [
        ("what to do", remedy),
        ("id", str(record["id"])),
        ("cycle", str(record["cycle_id"])),
        ("id in the source", record["source_id"]),
        ("id in the application", record["target_id"] or ""),
        ("initiated by", "" if initiator is None else f"{initiator['display_name']} ({initiator['type']})"),
    ]
    for name, text in rows:
        if text:
            console.print(f"    [dim]{name}:[/] {safe(text)}")


def _with_name(value: Any) -> str:
    """A value for people; a reference as the name of the other end, with its id."""
    if isinstance(value, dict) and value.keys() == {"value", "display"}:
        return shown_value(f"{value['display']} ({value['value']})")
    return shown_value(value)
