"""`rollcall job capabilities`: what a job's application can do, and what is done because of it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import output
from rollcall.cli.job_plan import JobName
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, moment
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.main import Parts
from rollcall.provisioning import CapabilityReport


def capabilities(
    job: JobName = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the application again, now.")] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what a job's application can do, how that is known, and what provisioning does because of it.

    Example: rollcall job capabilities

    Example: rollcall job capabilities Example --refresh
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        report = await provisioning.capabilities_of_job(parts.provisioning, db.tenant, found.id, refresh=refresh)
        return Answer(report, lambda console: _show(console, report))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _show(console: Console, report: CapabilityReport) -> None:
    asked = "never" if report.asked_at is None else f"{moment(report.asked_at)} UTC"
    console.print(f"Request profile [bold]{report.profile}[/]; last asked {asked}.")
    rows = [(each.name, _worded(each.value), each.origin, each.effect) for each in report.capabilities]
    output.table(console, ("capability", "value", "known from", "so"), rows)
    for warning in report.warnings:
        console.print(f"[yellow]{output.safe(warning)}[/]")


def _worded(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "not known" if value == 0 else str(value)
