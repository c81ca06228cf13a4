"""`rollcall job`: create, test, list and set up provisioning jobs."""

from __future__ import annotations

import sys
from dataclasses import asdict
from enum import StrEnum
from getpass import getpass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
import typer
from rich.console import Console

from rollcall import directory, provisioning
from rollcall.cli import (
    job_capabilities,
    job_explain,
    job_failures,
    job_held,
    job_logs,
    job_nested,
    job_notices,
    job_on_demand,
    job_plan,
    job_plans,
    job_report,
    job_run,
    job_schema,
    job_scope,
    job_states,
    output,
)
from rollcall.cli.job_logs import command_line
from rollcall.cli.naming import application_named, assignments, job_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, Failed, TenantName, answer_in_tenant
from rollcall.config import read_environment
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid, NotFound
from rollcall.main import Parts
from rollcall.provisioning import JobSettings, NewJob, Verdict

app = typer.Typer(
    no_args_is_help=True, help="Provisioning jobs: each keeps one application in step with the directory."
)
app.add_typer(job_schema.app, name="schema")
app.add_typer(job_notices.app, name="webhook")
app.command("notices")(job_notices.notices)
app.add_typer(job_failures.app, name="failures")
app.command("plan")(job_plan.plan)
app.command("apply")(job_run.apply)
app.command("plans")(job_plans.plans)
app.command("show-plan")(job_plans.show_plan_command)
app.command("approve")(job_plans.approve)
app.command("reject-plan")(job_plans.reject_plan)
app.command("run")(job_run.run)
app.command("status")(job_report.status)
app.command("held")(job_held.held)
app.command("allow")(job_held.allow)
app.command("reject")(job_held.reject)
app.command("logs")(job_logs.logs)
app.command("capabilities")(job_capabilities.capabilities)
app.command("explain")(job_explain.explain)
app.command("on-demand")(job_on_demand.on_demand)
app.command("start")(job_states.start)
app.command("pause")(job_states.pause)
app.command("restart")(job_states.restart)
app.command("audit")(job_states.audit)

JobName = job_plan.JobName
SecretToken = Annotated[
    str,
    typer.Option(
        "--secret-token",
        metavar="TOKEN",
        help="The token itself, file:PATH, env:NAME, or - for standard input, where a terminal asks for it.",
    ),
]

# Not given, the token is asked for.
_ASK = "-"


class Template(StrEnum):
    """Which mappings a new job begins with."""

    scim = "scim"
    tutorial = "tutorial"


class RequestProfile(StrEnum):
    """Whose requests an application is sent."""

    rfc = "rfc"
    entra = "entra"
    entra_flagged = "entra-aadOptscim062020"
    okta = "okta"


class Scope(StrEnum):
    """Who is provisioned."""

    assigned = "assigned"
    all = "all"


@app.command()
def create(
    tenant_url: Annotated[str, typer.Argument(metavar="TENANT_URL", help="The address of the SCIM endpoint.")],
    secret_token: SecretToken = _ASK,
    name: Annotated[
        str | None, typer.Option("--name", help="The job's name; without it the name of the application.")
    ] = None,
    application: Annotated[
        str | None,
        typer.Option(
            "--application",
            metavar="NAME",
            help="Whose assignments count; made if missing. Without it, the host in the Tenant URL.",
        ),
    ] = None,
    template: Annotated[Template, typer.Option(help="The mappings to begin with.")] = Template.scim,
    scope: Annotated[Scope, typer.Option(help="Provision those who are assigned, or all.")] = Scope.assigned,
    request_profile: Annotated[
        RequestProfile | None,
        typer.Option(
            "--request-profile",
            help="Whose requests the application is sent; without it what a flag in the Tenant URL asks for, or rfc.",
        ),
    ] = None,
    interval: Annotated[str, typer.Option(help="Time between two cycles, as an ISO 8601 duration.")] = "PT40S",
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a job after testing its connection; it waits for `rollcall job start`.

    Example: rollcall job create https://app.example/scim/v2 --secret-token file:token.txt --application Example

    Example: rollcall job create http://127.0.0.1:8461/scim/v2/contoso --template tutorial --scope all
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        settings = JobSettings(
            scope=scope.value,
            interval_seconds=provisioning.parse_interval(interval),
            request_profile="rfc" if request_profile is None else request_profile.value,
        )
        token = secret(secret_token)
        # Tested before anything is made, so that a refused job leaves no application behind.
        _must_succeed(await provisioning.test_connection(parts.provisioning, tenant_url, token, settings))
        wanted = application or urlsplit(tenant_url).hostname or tenant_url
        service_principal, called = await _application(db, wanted)
        new = NewJob(service_principal, name or called, tenant_url, token, template.value, settings)
        job_id = await provisioning.create_tested_job(parts.provisioning, db.tenant, new)
        made = await db.read(provisioning.read_job, job_id)
        left_out = await job_nested.left_out(parts, db.tenant, made)

        def show(console: Console) -> None:
            console.print("The connection test succeeded.")
            rows = [("job", new.display_name), ("id", job_id), ("application", called), ("scope", scope.value)]
            output.pairs(console, rows)
            job_nested.warn(console, made, left_out)
            console.print("It does nothing yet. Look first: rollcall job plan; then: rollcall job start.")

        data = {"job_id": job_id, "name": new.display_name, "application_id": service_principal}
        return Answer(data | {"left_out": job_nested.to_json(left_out)}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work, found=True)


async def _application(db: TenantDatabase, wanted: str) -> tuple[UUID, str]:
    try:
        found = await application_named(db, wanted)
    except NotFound:
        return await db.write(directory.create_service_principal, wanted), wanted
    return found.id, found.display_name


def secret(given: str) -> str:
    """The secret that an option stands for. Raises Invalid when its file or variable is not there."""
    kind, _, place = given.partition(":")
    if given == "-":
        return getpass("Secret Token: ").strip() if sys.stdin.isatty() else sys.stdin.readline().strip()
    if kind == "file" and place:
        try:
            return Path(place).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise Invalid(f"The file {place} that should hold the Secret Token can't be read.") from None
    if kind == "env" and place:
        if value := read_environment().get(place, ""):
            return value
        raise Invalid(f"The environment variable {place} that should hold the Secret Token is not set.")
    return given


def _must_succeed(verdict: Verdict) -> None:
    if not verdict.ok:
        raise Failed(Invalid(f"The connection test failed, so nothing was saved. {verdict.message}", code=verdict.code))


@app.command("test")
def run_test(
    job: JobName = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Test a job's connection: the application must answer, accept the token, and find nobody who can't exist.

    Example: rollcall job test
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        verdict = await provisioning.test_job(parts.provisioning, db.tenant, found.id)
        if not verdict.ok and not as_json:
            raise Failed(Invalid(verdict.message, code=verdict.code))
        return Answer(verdict, lambda console: console.print(output.safe(verdict.message)), 0 if verdict.ok else 1)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("list")
def list_all(tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the jobs.

    Example: rollcall job list
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        jobs = await db.read(provisioning.list_jobs)

        def show(console: Console) -> None:
            rows = [(each.display_name, each.state, each.settings.scope, each.tenant_url, each.id) for each in jobs]
            output.table(console, ("job", "state", "scope", "Tenant URL", "id"), rows)
            if not jobs:
                output.note("There is no job yet. Make one: rollcall job create TENANT_URL.")

        shown = [_without_schema(each) for each in jobs]
        return Answer({"jobs": shown}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _without_schema(job: provisioning.Job) -> dict[str, Any]:
    return {name: value for name, value in output.plain(job).items() if name != "sync_schema"}


@app.command()
def delete(
    job: JobName = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Remove a job with all it remembers; the application's accounts stay as they are.

    Example: rollcall job delete Example --yes
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        if not yes:
            job_run.confirm(f"Delete the job {found.display_name} with its log?")
        await db.write(provisioning.delete_job, found.id)
        return Answer(
            {"job_id": found.id}, lambda console: console.print(output.safe(f"Deleted the job {found.display_name}."))
        )

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def credentials(
    job: JobName = None,
    tenant_url: Annotated[
        str | None, typer.Option("--tenant-url", metavar="URL", help="Another Tenant URL; without it, the same.")
    ] = None,
    secret_token: SecretToken = _ASK,
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="DAY",
            help="The last day on which the token is good; administrators are warned 30, 7 and 1 days before.",
        ),
    ] = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a job another Secret Token or Tenant URL, if the connection test succeeds with it.

    Example: rollcall job credentials --secret-token file:token.txt

    Example: rollcall job credentials --secret-token file:token.txt --expires 2031-01-31
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        until = None if expires is None else provisioning.parse_expiry(expires, parts.runtime.now())
        url, token = tenant_url or found.tenant_url or "", secret(secret_token)
        _must_succeed(await provisioning.test_connection(parts.provisioning, url, token, found.settings))
        await provisioning.change_job_credentials(
            parts.provisioning, db.tenant, found.id, url, token, until, command_line()
        )
        return Answer(
            {"job_id": found.id, "tenant_url": url, "expires": until},
            lambda console: console.print("The connection test succeeded; the next cycle uses it."),
        )

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def settings(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[JOB] [KEY=VALUE]...", help="The job, if there are several, and what to change."),
    ] = None,
    yes: job_scope.Yes = False,
    dry_run: job_scope.DryRun = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a job's settings, or change some; `interval` takes an ISO 8601 duration.

    Settings: interval, scope, nested_groups, skip_out_of_scope_deletions, soft_delete, delete_after_days,
    deletion_threshold, deletion_percent, deletions_per_day, membership_removal_threshold, source_anomaly_check,
    approval, approval_over, approval_expires_hours, retry_schedule, quarantine_thresholds, notification_emails,
    notify_on_failure, request_profile, bulk, members_per_request, concurrency, requests_per_second, page_size.

    A change of `scope` or `nested_groups` first shows who enters and who leaves scope, and asks; one of
    `delete_after_days` or `soft_delete` how many disabled accounts are due for deletion at once.

    Example: rollcall job settings

    Example: rollcall job settings interval=PT5M deletion_threshold=50

    Example: rollcall job settings scope=all --dry-run

    Example: rollcall job settings notification_emails=ops@contoso.com,night@contoso.com notify_on_failure=true
    """
    given = list(words or ())
    job = given.pop(0) if given and "=" not in given[0] else None

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        now, more = found.settings, {}
        if given:
            changes = _settings(assignments(given))
            moves = await job_scope.preview(parts, found, db.tenant, settings=changes, shown=not as_json)
            due = await job_scope.due_deletions(parts, found, db.tenant, changes, shown=not as_json)
            if dry_run:
                return job_scope.answer(found, moves, saved=False, deletions=due)
            job_scope.ask(moves, yes=yes, deletions=due)
            now = await provisioning.change_job_settings(
                parts.provisioning, db.tenant, found.id, changes, command_line()
            )
            more = {"scope_change": moves, "due_deletions": due}
        rows = {"interval": provisioning.print_interval(now.interval_seconds), **asdict(now)}
        del rows["interval_seconds"]  # the same once more
        return Answer({**asdict(now), **more}, lambda console: output.pairs(console, rows.items()))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _settings(written: dict[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, text in written.items():
        if name == "interval":
            values["interval_seconds"] = provisioning.parse_interval(text)
            continue
        if name == "notification_emails":
            values[name] = provisioning.split_recipients(text)
            continue
        try:
            values[name] = orjson.loads(text)
        except orjson.JSONDecodeError:
            values[name] = text
    return values
