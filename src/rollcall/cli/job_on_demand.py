"""`rollcall job on-demand`: bring chosen people and groups in step now, and see each of the five steps."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.console import Console

from rollcall import directory, provisioning
from rollcall.cli import output
from rollcall.cli.job_run import by_hand
from rollcall.cli.naming import job_named, key_named
from rollcall.cli.output import Answer, counted, shown_value
from rollcall.cli.ring import DID_NOT_SUCCEED, AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.main import Parts
from rollcall.provisioning import DemandReport, DemandStep, Job, Key

_COLOURS = {"success": "green", "failure": "red", "skipped": "dim", "warning": "yellow"}
_STEPS = ("", "Test connection", "Import", "Determine scope", "Match", "Perform action")


def on_demand(
    who: Annotated[
        list[str] | None,
        typer.Argument(metavar="[USER_OR_GROUP]…", help="Users by UPN, mail or name, groups by name, or ids."),
    ] = None,
    filter_text: Annotated[
        str | None,
        typer.Option(
            "--filter",
            metavar="FILTER",
            help='All users that fit, as department eq "Sales". Everybody is read to find them.',
        ),
    ] = None,
    group_filter: Annotated[
        str | None, typer.Option("--group-filter", metavar="FILTER", help="All groups that fit.")
    ] = None,
    members: Annotated[
        str | None,
        typer.Option("--members", metavar="USER,…", help="Of the groups only these members; without it all due."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would be done; write nothing anywhere.")
    ] = False,
    job: Annotated[str | None, typer.Option("--job", metavar="JOB", help="Which job, by name or id.")] = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Provision these people and groups now, outside the schedule, and print each one's steps.

    Example: rollcall job on-demand ada@example.com

    Example: rollcall job on-demand --filter 'department eq "Sales" and jobTitle sw "Head"' --dry-run

    Example: rollcall job on-demand "Field Sales" --members ada@example.com,bob@example.com --job Workspaces
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        keys = await _chosen(parts, db, found, who or [], {"User": filter_text, "Group": group_filter})
        some = None if members is None else await _members(db, found, members)
        live = _Live(output.out()) if not as_json else None
        demanded = await provisioning.provision_on_demand(
            by_hand(parts),
            db.tenant,
            found.id,
            keys,
            members=some,
            named=not (filter_text or group_filter),
            dry_run=dry_run,
            watch=(lambda *_: None) if live is None else live.tell,
        )
        application = await db.read(directory.read_service_principal, found.service_principal_id)
        failed = any(report.result == "failure" for report in demanded.reports)

        def show(console: Console) -> None:
            _show_end(console, demanded.reports, dry_run=dry_run)

        data = {
            "job_id": found.id,
            "cycle_id": demanded.cycle_id,
            "dry_run": dry_run,
            "reports": [_to_json(report, application) for report in demanded.reports],
        }
        return Answer(data, show, DID_NOT_SUCCEED if failed else 0)

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _chosen(
    parts: Parts, db: TenantDatabase, job: Job, words: list[str], filters: dict[str, str | None]
) -> list[Key]:
    """Whom the words and filters name. Raises Invalid when they name nobody, NotFound."""
    if not words and not any(filters.values()):
        raise Invalid(
            "Say whom to provision: users and groups by name or id, --filter for users, or --group-filter for groups."
        )
    keys = [await key_named(db, job.id, word) for word in words]
    for kind, text in filters.items():
        if text is not None:
            keys += await provisioning.choose_by_filter(parts.provisioning, db.tenant, job.id, kind, text)
    return keys


async def _members(db: TenantDatabase, job: Job, words: str) -> list[Key]:
    named = [word.strip() for word in words.split(",") if word.strip()]
    if not named:
        raise Invalid(
            "--members names nobody. Give names with commas between them, as ada@example.com,bob@example.com."
        )
    return [await key_named(db, job.id, word) for word in named]


class _Live:
    """Prints each step as it ends, under the name of whom it is about."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._about: Key | None = None

    def tell(self, key: Key, name: str, step: DemandStep) -> None:
        """Print one step."""
        if key != self._about:
            self._console.print(f"[bold]{output.safe(name)}[/] [dim]{key.kind} {output.safe(key.id)}[/]")
            self._about = key
        self._console.print(
            f"  {step.number}. {_STEPS[step.number]}: [{_COLOURS[step.status]}]{step.status}[/]. "
            f"{output.safe(step.description)}"
        )
        for title, value in step.details.items():
            self._console.print(f"       [dim]{output.safe(title)}:[/] {output.safe(_shown(value))}")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        if not value:
            return "nothing found"
        return "; ".join(_shown(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{path} = {shown_value(each)}" for path, each in value.items())
    return shown_value(value)


def _show_end(console: Console, reports: tuple[DemandReport, ...], *, dry_run: bool) -> None:
    for report in reports:
        for path, old, new in report.modified:
            tried = " [dim](tried)[/]" if report.result == "failure" else ""
            console.print(
                f"{output.safe(report.name)}: {output.safe(path)}: {output.safe(shown_value(old))} → "
                f"{output.safe(shown_value(new))}{tried}"
            )
    told = ", ".join(
        f"{number} {result}"
        for result in ("success", "skipped", "failure", "warning")
        if (number := sum(report.result == result for report in reports))
    )
    sent = " Nothing was written: this was a dry run." if dry_run else ""
    console.print(f"{counted(len(reports), 'object')}: {told}.{sent}")


def _to_json(report: DemandReport, application: directory.ServicePrincipal) -> dict[str, Any]:
    """A report, and the same as the Graph API answers."""
    named = {"id": str(application.id), "displayName": application.display_name}
    return {**output.plain(report), "graph": provisioning.to_graph(report, application=named)}
