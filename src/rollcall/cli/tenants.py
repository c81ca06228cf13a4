"""`rollcall tenant`: the customers of one installation, each with a directory of its own."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Annotated

import typer

from rollcall import directory, provisioning
from rollcall.cli import output
from rollcall.cli.naming import assignments
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.main import Parts
from rollcall.provisioning import TenantSettings

app = typer.Typer(no_args_is_help=True, help="Tenants: each has a directory and jobs of its own.")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="A name that no other tenant has.")],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a tenant with an empty directory; the first one is made by itself.

    Example: rollcall tenant create contoso
    """

    async def work(parts: Parts) -> Answer:
        made = await parts.database.system(directory.create_tenant, parts.runtime, name)
        return Answer(
            {"id": made, "name": name}, lambda console: console.print(f"Made the tenant {output.safe(name)}.")
        )

    answer(At(data, config), as_json, work)


@app.command("list")
def list_all(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the tenants.

    Example: rollcall tenant list
    """

    async def work(parts: Parts) -> Answer:
        tenants = await parts.database.system(directory.list_tenants)
        rows = [(each.name, each.id, each.created) for each in tenants]
        return Answer({"tenants": tenants}, lambda console: output.table(console, ("name", "id", "created"), rows))

    answer(At(data, config), as_json, work)


@app.command()
def settings(
    words: Annotated[list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="What to change.")] = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a tenant's settings, or change some: `log_kept_days`, how long the provisioning log is kept (1 to 3650 days).

    Example: rollcall tenant settings

    Example: rollcall tenant settings log_kept_days=90
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        now = await db.read(provisioning.tenant_settings)
        if words:
            now = await db.write(provisioning.change_tenant_settings, _days(assignments(words)))
        return Answer(now, lambda console: output.pairs(console, asdict(now).items()))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _days(written: dict[str, str]) -> int:
    """Raises Invalid for another setting, or no whole number."""
    known = {field.name for field in fields(TenantSettings)}
    if others := sorted(written.keys() - known):
        raise Invalid(f"There is no setting {others[0]!r}. There is: {', '.join(sorted(known))}.")
    text = written["log_kept_days"]
    if not text.isascii() or not text.isdigit():
        raise Invalid(f"log_kept_days: a whole number of days from 1 to 3650 is expected, not {text!r}.")
    return int(text)
