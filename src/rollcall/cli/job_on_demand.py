"""`rollcall job on-demand`: bring chosen people and groups in step now, and see each step."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from rollcall import directory, provisioning
from rollcall.cli import output
from rollcall.cli.job_report import record_to_json, show_record
from rollcall.cli.naming import job_named, principal_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import DID_NOT_SUCCEED, AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import NotFound
from rollcall.main import Parts
from rollcall.provisioning import Key


def on_demand(
    who: Annotated[list[str], typer.Argument(metavar="USER_OR_GROUP…", help="Users by UPN, groups by name, or ids.")],
    job: Annotated[str | None, typer.Option("--job", metavar="JOB", help="Which job, by name or id.")] = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Provision these people and groups now, outside the schedule, and print each one's steps.

    Example: rollcall job on-demand ada@example.com

    Example: rollcall job on-demand "Field Sales" --job Workspaces --json
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        keys = [await _key(db, word) for word in who]
        cycle = await provisioning.provision_on_demand(parts.provisioning, db.tenant, found.id, keys)
        records = await db.read(provisioning.read_log, found.id, cycle=UUID(cycle), limit=len(keys) * 10)
        application = await db.read(directory.read_service_principal, found.service_principal_id)

        def show(console: Console) -> None:
            for record in reversed(records):
                show_record(console, record)
            if not records:
                output.note("Nothing to do: they are not assigned to the application, and it does not know them.")

        failed = any(record["status"] == "failure" for record in records)
        shown = [record_to_json(each, db.tenant, found, application) for each in records]
        return Answer({"job_id": found.id, "records": shown}, show, DID_NOT_SUCCEED if failed else 0)

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _key(db: TenantDatabase, word: str) -> Key:
    """The user or group that a word names. Raises NotFound."""
    principal, _ = await principal_named(db, word)
    try:
        await db.read(directory.read_user, principal)
    except NotFound:
        return Key("Group", str((await db.read(directory.read_group, principal)).id))
    return Key("User", str(principal))
