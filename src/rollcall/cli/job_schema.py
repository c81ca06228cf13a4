"""`rollcall job schema`: show, check, replace and reset the mappings of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import job_scope, output
from rollcall.cli.job_logs import command_line
from rollcall.cli.job_plan import JobName
from rollcall.cli.json_files import read_json
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, counted
from rollcall.cli.ring import (
    DID_NOT_SUCCEED,
    AsJson,
    At,
    ConfigFile,
    Data,
    TenantName,
    answer_in_tenant,
    print_answer,
    ring,
)
from rollcall.db import TenantDatabase
from rollcall.main import Parts
from rollcall.provisioning import Job, SchemaFindings

app = typer.Typer(no_args_is_help=True, help="The mappings of a job, as Microsoft Graph's synchronizationSchema.")

SchemaFile = Annotated[Path, typer.Argument(metavar="FILE", help="A JSON document as `show` prints it.")]


@app.command()
def show(
    job: JobName = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Print a job's mappings as a JSON document that `set` takes back; it is what was saved, member by member.

    Example: rollcall job schema show > mappings.json
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        document = (await job_named(db, job)).sync_schema
        text = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
        lines = [output.safe(line) for line in text.split("\n")]
        return Answer(document, lambda console: console.print("\n".join(lines)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def check(
    file: SchemaFile,
    job: Annotated[
        str | None, typer.Option("--job", metavar="JOB", help="Check it as it would be saved for this job.")
    ] = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Name every fault and every warning of a document and save nothing; exit code 1 when it has faults.

    Without a job no database is needed, so it fits the checks of a repository that keeps mappings.

    Example: rollcall job schema check mappings.json

    Example: rollcall job schema check mappings.json --job Example --json
    """
    if job is None:
        with ring(as_json):
            print_answer(_checked(provisioning.examine_schema(read_json(file))), as_json)
        return

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        return _checked(_examined(await job_named(db, job), read_json(file)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _examined(job: Job, document: Any) -> SchemaFindings:
    complete = provisioning.with_what_was_left_out(document, job.sync_schema)
    return provisioning.examine_schema(complete, job.settings.scope)


def _checked(found: SchemaFindings) -> Answer:
    data = {"ok": not found.faults, "faults": found.faults, "warnings": found.warnings}

    def show(console: Console) -> None:
        for word, colour, findings in (("fault", "red", found.faults), ("warning", "yellow", found.warnings)):
            for each in findings:
                console.print(f"[{colour}]{word}[/] {output.safe(each.path)}")
                console.print(f"    {output.safe(each.message)}")
        console.print(f"{counted(len(found.faults), 'fault')}, {counted(len(found.warnings), 'warning')}")

    return Answer(data, show, DID_NOT_SUCCEED if found.faults else 0)


@app.command("set")
def set_schema(
    file: SchemaFile,
    job: JobName = None,
    yes: job_scope.Yes = False,
    dry_run: job_scope.DryRun = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Replace a job's mappings; the next cycle looks at everybody again. Every fault is named, and then nothing is saved.

    Where filters change, it first shows who enters and who leaves scope, and asks.

    Example: rollcall job schema set mappings.json

    Example: rollcall job schema set mappings.json --dry-run
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        document = read_json(file)
        return await _save(parts, db, found, document, yes=yes, dry_run=dry_run, told=not as_json)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def reset(
    job: JobName = None,
    yes: job_scope.Yes = False,
    dry_run: job_scope.DryRun = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Put back the mappings that the job's template began with; filters go too, and the next cycle looks at everybody.

    Example: rollcall job schema reset --dry-run
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        document = provisioning.default_schema(db.tenant, found)
        return await _save(parts, db, found, document, yes=yes, dry_run=dry_run, told=not as_json)

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _save(
    parts: Parts, db: TenantDatabase, job: Job, document: Any, *, yes: bool, dry_run: bool, told: bool
) -> Answer:
    """Tell warnings and who enters and leaves, ask, save. Raises Invalid with every fault, Denied."""
    complete = provisioning.with_what_was_left_out(document, job.sync_schema)
    warnings = provisioning.check_schema(complete, job.settings.scope).warnings
    if told:
        for each in warnings:
            output.note(f"Warning: {each}")
    moves = await job_scope.preview(parts, job, db.tenant, schema=complete, shown=told)
    if not dry_run:
        job_scope.ask(moves, yes=yes)
        await provisioning.change_job_schema(parts.provisioning, db.tenant, job.id, document, command_line())
    said = job_scope.answer(job, moves, saved=not dry_run)
    return Answer({**said.data, "warnings": warnings}, said.show)
