"""`rollcall user`: how people come to sign in to the identity half, and how they are signed out of it."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from rollcall import directory
from rollcall.cli import output
from rollcall.cli.naming import user_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Conflict
from rollcall.main import Parts, first_administrator_link, link_for

app = typer.Typer(no_args_is_help=True, help="How people sign in: one-time links, sessions.")

Upn = Annotated[str, typer.Argument(metavar="UPN", help="The userPrincipalName, or the id.")]
Upns = Annotated[list[str], typer.Argument(metavar="UPN...", help="userPrincipalNames, or ids.")]


@app.command()
def invite(
    upns: Upns, tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Make a link by which a user sets a password, once, within 24 hours; a newer link takes its place.

    Example: rollcall user invite ada@example.com

    Example: rollcall user invite ada@example.com charles@example.com
    """
    _links(At(data, config, tenant), as_json, upns, without_totp=False)


@app.command("reset-password")
def reset_password(
    upns: Upns,
    authenticator: Annotated[
        bool, typer.Option("--authenticator", help="Forget the authenticator app and the recovery codes as well.")
    ] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a link by which a user sets a new password; when they use it, all their sessions end.

    Example: rollcall user reset-password ada@example.com

    Example: rollcall user reset-password ada@example.com --authenticator
    """
    _links(At(data, config, tenant), as_json, upns, without_totp=authenticator)


def _links(at: At, as_json: bool, upns: list[str], *, without_totp: bool) -> None:
    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        # Whoever can't be found is told before the first link is made.
        found = [await user_named(db, upn) for upn in upns]
        links = [
            {
                "id": user.id,
                "user_principal_name": user.attributes["userPrincipalName"],
                "link": await link_for(parts, db.tenant, user.id, without_totp=without_totp),
            }
            for user in found
        ]

        def show(console: Console) -> None:
            output.note("Each link is good once, for 24 hours.")
            for each in links:
                console.print(
                    f"{output.safe(each['user_principal_name'])}\t{output.safe(each['link'])}", soft_wrap=True
                )

        return Answer({"links": links}, show)

    answer_in_tenant(at, as_json, work)


@app.command("first-administrator")
def first_administrator(
    tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Make another link for the first administrator; it takes the place of the one that `rollcall up` printed.

    Example: rollcall user first-administrator
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        link = await first_administrator_link(parts, db.tenant)
        if link is None:
            raise Conflict(
                "This tenant has an administrator who can sign in. For another one: rollcall user invite UPN, "
                "rollcall role grant 'Global Administrator' UPN."
            )

        def show(console: Console) -> None:
            output.note("The link is good once, for 24 hours.")
            console.print(output.safe(link), soft_wrap=True)

        return Answer({"link": link}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work, found=True)


@app.command()
def sessions(
    upn: Upn, tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """List where a user is signed in, the latest used first.

    Example: rollcall user sessions ada@example.com
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await user_named(db, upn)
        listed = await db.read(directory.list_sessions, found.id, parts.runtime.now())
        rows = [
            {
                "id": each.id,
                "network": each.network,
                "user_agent": each.user_agent,
                "methods": each.methods,
                "signed_in": each.authenticated,
                "last_used": each.last_seen,
                "ends": each.ends,
            }
            for each in listed
        ]

        def show(console: Console) -> None:
            columns = ("signed in", "last used", "network", "methods", "browser")
            cells = [(s.authenticated, s.last_seen, s.network, ", ".join(s.methods), s.user_agent) for s in listed]
            output.table(console, columns, cells)
            if not listed:
                output.note(f"{upn} is signed in nowhere.")

        return Answer({"sessions": rows}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


@app.command("sign-out")
def sign_out(
    upn: Upn, tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Sign a user out everywhere: all sessions and refresh tokens end, and applications that want it are told.

    Example: rollcall user sign-out ada@example.com
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await user_named(db, upn)
        ended = await db.write(directory.end_sessions_of, found.id, parts.runtime.now())
        text = f"{upn} is signed out everywhere; {output.counted(ended, 'session')} ended."
        return Answer({"id": found.id, "sessions": ended}, lambda console: console.print(output.safe(text)))

    answer_in_tenant(At(data, config, tenant), as_json, work)
