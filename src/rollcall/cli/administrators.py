"""`rollcall role`: who administers a tenant, and who owns which application."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from rollcall import directory
from rollcall.cli import output
from rollcall.cli.naming import application_named, user_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.main import Parts

app = typer.Typer(no_args_is_help=True, help="Roles of administrators, and owners of applications.")

Role = Annotated[
    str,
    typer.Argument(
        metavar="ROLE",
        help="Global Administrator, Application Administrator, Cloud Application Administrator, User Administrator, or "
        "Application Owner with --application.",
    ),
]
Upn = Annotated[str, typer.Argument(metavar="UPN", help="The userPrincipalName, or the id.")]
Application = Annotated[
    str | None,
    typer.Option("--application", metavar="APPLICATION", help="The registered application that somebody owns."),
]


@app.command("list")
def list_all(tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List who has which role, and who owns which application.

    Example: rollcall role list
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        held = await db.read(directory.list_roles)

        def show(console: Console) -> None:
            rows = [(each.role, each.application, each.user_principal_name, each.display_name) for each in held]
            output.table(console, ("role", "application", "user", "name"), rows)
            if not held:
                output.note(
                    "Nobody has a role. The first administrator comes by a link: rollcall user first-administrator."
                )

        return Answer({"roles": held}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command()
def grant(
    role: Role,
    upn: Upn,
    application: Application = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Give a user a role.

    Example: rollcall role grant 'Application Administrator' ada@example.com

    Example: rollcall role grant 'Application Owner' ada@example.com --application Workspaces
    """
    _change(At(data, config, tenant), as_json, role, upn, application, wanted=True)


@app.command()
def revoke(
    role: Role,
    upn: Upn,
    application: Application = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take a role from a user; the last Global Administrator keeps it.

    Example: rollcall role revoke 'Application Administrator' ada@example.com
    """
    _change(At(data, config, tenant), as_json, role, upn, application, wanted=False)


def _change(at: At, as_json: bool, word: str, upn: str, application: str | None, *, wanted: bool) -> None:
    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        role = directory.role_named(word)
        if (role == directory.APPLICATION_OWNER) != (application is not None):
            raise Invalid("Application Owner needs --application, and the other roles hold for all applications.")
        user = await user_named(db, upn)
        if application is not None:
            found = await application_named(db, application)
            await db.read(directory.read_registration, found.app_id)  # only what is registered here has owners
            change = directory.add_owner if wanted else directory.remove_owner
            changed = await db.write(change, found.app_id, user.id)
            role = f"{role} of {found.display_name}"
        elif wanted:
            changed = await db.write(directory.give_role, user.id, role, parts.runtime.now())
        else:
            changed = await db.write(directory.take_role, user.id, role)
        verb = {(True, True): "is now", (True, False): "was already", (False, True): "is no longer"}
        text = f"{upn} {verb.get((wanted, changed), 'was not')} {role}."
        return Answer(
            {"id": user.id, "role": role, "changed": changed}, lambda console: console.print(output.safe(text))
        )

    answer_in_tenant(at, as_json, work)
