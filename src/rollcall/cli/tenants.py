"""`rollcall tenant`: the customers of one installation, each with a directory of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from rollcall import directory
from rollcall.cli import output
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, answer
from rollcall.main import Parts

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
