"""`rollcall directory import`: people and groups out of a file, with progress and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from rollcall import directory
from rollcall.cli import output
from rollcall.cli.naming import application_named
from rollcall.cli.output import Answer, counted
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, Failed, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Conflict, Refusal
from rollcall.main import Parts


def import_people(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV, JSON or LDIF file.")],
    skip_bad_rows: Annotated[
        bool, typer.Option("--skip-bad-rows", help="Import the rest when rows are wrong, instead of nothing.")
    ] = False,
    assign: Annotated[
        str | None,
        typer.Option("--assign", metavar="APPLICATION", help="Assign everybody in the file to this application."),
    ] = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Create and update the people and groups of a file, all of it or, when a row is wrong, nothing (exit code 1).

    Example: rollcall directory import people.csv

    Example: rollcall directory import export.ldif --skip-bad-rows --assign Workspaces
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        application = None if assign is None else (await application_named(db, assign)).id
        with output.progress() as bar:
            task = bar.add_task(output.printable(f"importing {file.name}"), total=None)
            try:
                report = await directory.import_file(
                    db,
                    file,
                    skip_bad_rows=skip_bad_rows,
                    assign_to=application,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
            except Refusal as refusal:
                if refusal.code in ("bad_rows", Conflict.code):
                    raise Failed(refusal) from None
                raise
        return Answer(report, lambda console: _show(console, report))

    answer_in_tenant(At(data, config, tenant), as_json, work, found=True)


def _show(console: Console, report: directory.ImportReport) -> None:
    console.print(
        f"People: {report.created:,} created, {report.updated:,} updated, {report.unchanged:,} unchanged.\n"
        f"Groups: {report.groups_created:,} created, {report.groups_updated:,} updated, "
        f"{report.groups_unchanged:,} unchanged.\n"
        f"{counted(report.memberships_added, 'membership')} and "
        f"{counted(report.assignments_added, 'assignment')} added."
    )
    for warning in report.warnings:
        console.print(f"Note: {output.safe(warning)}")
    if report.bad_rows:
        console.print(f"{counted(len(report.bad_rows), 'row was', 'rows were')} left out:")
        for row in report.bad_rows:
            console.print(f"  {output.safe(str(row))}")
