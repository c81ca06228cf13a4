"""`rollcall directory invite` and `reset-password`: one-time links by which people set a password."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from rollcall.cli import output
from rollcall.cli.naming import user_named
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.main import Parts, link_for

Upn = Annotated[str, typer.Argument(metavar="UPN", help="The userPrincipalName, or the id.")]


def invite(
    upn: Upn, tenant: TenantName = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Make a link by which a user sets a password, once, within 24 hours; a newer link takes its place.

    Example: rollcall directory invite ada@example.com
    """
    _link(At(data, config, tenant), as_json, upn, without_totp=False)


def reset_password(
    upn: Upn,
    authenticator: Annotated[
        bool, typer.Option("--authenticator", help="Forget the authenticator app and the recovery codes as well.")
    ] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make a link by which a user sets a new password; when they use it, all their sessions end.

    Example: rollcall directory reset-password ada@example.com

    Example: rollcall directory reset-password ada@example.com --authenticator
    """
    _link(At(data, config, tenant), as_json, upn, without_totp=authenticator)


def _link(at: At, as_json: bool, upn: str, *, without_totp: bool) -> None:
    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await user_named(db, upn)
        url = await link_for(parts, db.tenant, found.id, without_totp=without_totp)

        def show(console: Console) -> None:
            console.print(f"Give this link to {output.safe(upn)}; it is good once, for 24 hours:")
            console.print(output.safe(url), soft_wrap=True)

        return Answer({"id": found.id, "link": url}, show)

    answer_in_tenant(at, as_json, work)
