"""`rollcall job start`, `pause`, `restart` and `audit`: whether a job runs, what it forgets, and who said so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import output
from rollcall.cli.job_logs import command_line
from rollcall.cli.job_plan import JobName
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, moment
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.main import Parts


def start(
    job: JobName = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a job run (provisioning status On): a cycle now, then at every interval, and at once when the directory changes.

    A paused job goes on where it stopped; one in quarantine, or disabled after it, is let out of it.

    Example: rollcall job start
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        await provisioning.start_job(parts.provisioning, db.tenant, found.id, command_line())
        text = f"{found.display_name} runs from now on, wherever a worker does: rollcall up, or rollcall work."
        return Answer({"job_id": found.id, "state": "Active"}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def pause(
    job: JobName = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Stop a job from running (provisioning status Off); a cycle that runs goes on to its end, and `start` goes on where it stopped.

    Example: rollcall job pause
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        await provisioning.pause_job(parts.provisioning, db.tenant, found.id, command_line())
        text = f"{found.display_name} is paused; a cycle that runs already goes on to its end."
        return Answer({"job_id": found.id, "state": "Paused"}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


_RESETS = {
    "ConnectorDataStore": "matches everybody again",
    "Escrows": "forgets what failed before",
    "ForceDeletes": "carries out the removals that are held back",
    "QuarantineState": "is out of quarantine",
    "Watermark": "reads everything again in its next cycle",
}


def restart(
    job: JobName = None,
    scope: Annotated[
        str,
        typer.Option(
            "--scope",
            metavar="LIST",
            help="What is reset, separated by commas: QuarantineState, Watermark, Escrows, ConnectorDataStore, ForceDeletes, "
            "Full or None; without it QuarantineState,Watermark,Escrows.",
        ),
    ] = "",
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Let a job run afresh: everything is read again, and what failed or was withheld is tried at once.

    QuarantineState lets it out of quarantine; Watermark has everything read again; Escrows forgets what failed, which is tried again when
    it changes or is read again; ConnectorDataStore forgets who is who in the application, so that everybody is matched
    again; ForceDeletes carries out what is held back, in one cycle; Full is all of them but ForceDeletes; None just starts it.

    Example: rollcall job restart

    Example: rollcall job restart Workspaces --scope Watermark,Escrows
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        reset = await provisioning.restart_job(parts.provisioning, db.tenant, found.id, scope, command_line())
        done = ", ".join(_RESETS[each] for each in reset) or "runs; nothing was reset"
        text = f"{found.display_name} {done}."
        return Answer(
            {"job_id": found.id, "state": "Active", "reset": reset},
            lambda console: console.print(output.safe(text)),
        )

    answer_in_tenant(At(data, config, tenant), as_json, work)


def audit(
    job: JobName = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most, the newest.")] = 20,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what was done to a job, newest first, by whom and when: started, paused, restarted; other settings, credentials or
    mappings, with what was before; removals allowed or rejected; in quarantine and out of it.

    Example: rollcall job audit --limit 5
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        records = await db.read(provisioning.read_audit, found.id, limit)

        def show(console: Console) -> None:
            rows = [(moment(each.at), each.activity, each.who, _told(each.details)) for each in records]
            output.table(console, ("time (UTC)", "activity", "by", "details"), rows)
            if not records:
                output.note("Nothing was done to this job yet.")

        return Answer({"job_id": found.id, "records": records}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _told(details: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {_value(value)}" for name, value in details.items())


def _value(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return f"{_side(value.get('old'))} → {_side(value.get('new'))}"


def _side(value: Any) -> str:
    return "nothing" if value is None or value in ("", []) else output.shown_value(value)
