"""`rollcall organisation`: organisations of the workspaces half and the credentials they are provisioned with."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from rollcall import workspaces
from rollcall.cli import output
from rollcall.cli.output import Answer
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, answer
from rollcall.config import Config
from rollcall.db import TenantDatabase
from rollcall.errors import Conflict, NotFound
from rollcall.main import Parts

app = typer.Typer(no_args_is_help=True, help="Organisations of the workspaces half, and what provisions them.")

Key = Annotated[str, typer.Argument(metavar="KEY", help="The organisation's key, which stands in its Tenant URL.")]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="Where the workspaces half is reached, if not as configured."),
]


@app.command()
def create(
    key: Annotated[str, typer.Argument(metavar="KEY", help="Small letters, digits and hyphens; for the Tenant URL.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The organisation's name.")],
    base_url: BaseUrl = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Make an organisation that can be provisioned, and print its Tenant URL and, this once, its Secret Token.

    Example: rollcall organisation create contoso "Contoso Ltd"
    """

    async def work(parts: Parts) -> Answer:
        there = parts.database.tenant(parts.runtime.new_id())
        await there.write(workspaces.create_organisation, parts.runtime, key=key, name=name, synchronization=True)
        return await _issue(parts, there, key, base_url)

    answer(At(data, config), as_json, work)


@app.command()
def token(
    key: Key, base_url: BaseUrl = None, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Issue another Secret Token, shown this once; two may be live at a time, so that one can replace the other.

    Example: rollcall organisation token contoso
    """

    async def work(parts: Parts) -> Answer:
        return await _issue(parts, await _organisation(parts, key), key, base_url)

    answer(At(data, config), as_json, work)


async def _issue(parts: Parts, there: TenantDatabase, key: str, base_url: str | None) -> Answer:
    issued = await there.write(workspaces.create_credential, parts.runtime)
    url = workspaces.tenant_url(base_url or _base_url(parts.config), key)

    def show(console: Console) -> None:
        rows = [("Tenant URL", url), ("Secret Token", issued.token), ("credential", issued.credential.id)]
        output.pairs(console, rows)
        if base_url is None:
            output.note("The Tenant URL has the configured address; served elsewhere, say so with --base-url URL.")
        output.note("The Secret Token is shown only now; keep it where only you can read it.")

    data = {"organisation_id": there.tenant, "tenant_url": url, "secret_token": issued.token}
    return Answer(data | {"credential_id": issued.credential.id}, show)


def _base_url(config: Config) -> str:
    settings = config.workspaces
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return settings.base_url or f"http://{host}:{settings.port}"


async def _organisation(parts: Parts, key: str) -> TenantDatabase:
    found = await parts.database.system(workspaces.organisation_id, key)
    if found is None:
        known = ", ".join(await parts.database.system(workspaces.organisation_keys)) or "none yet"
        raise NotFound(f"There is no organisation {key!r}. Organisations: {known}.")
    return parts.database.tenant(found)


@app.command()
def revoke(
    key: Key,
    credential: Annotated[
        str, typer.Argument(metavar="CREDENTIAL", help="The credential's id, or the last four characters of its token.")
    ],
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """End a Secret Token for good; within a second nobody gets in with it any more.

    Example: rollcall organisation revoke contoso 9f3K
    """

    async def work(parts: Parts) -> Answer:
        there = await _organisation(parts, key)
        revoked = await _credential(there, credential)
        await there.write(workspaces.revoke_credential, parts.runtime, revoked)
        return Answer({"credential_id": revoked}, lambda console: console.print(f"Revoked {revoked}."))

    answer(At(data, config), as_json, work)


Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="The person's e-mail address.")]


@app.command("main-user")
def main_user(
    key: Key, address: Address, data: Data = None, config: ConfigFile = None, as_json: AsJson = False
) -> None:
    """Make somebody a main user, who may enter the Main User Dashboard with a mailed PIN.

    Example: rollcall organisation main-user contoso ada@contoso.example
    """

    async def work(parts: Parts) -> Answer:
        there = await _organisation(parts, key)
        user = await there.write(workspaces.make_main_user, parts.runtime, address)
        login = f"{_base_url(parts.config)}/o/{key}/login"

        def show(console: Console) -> None:
            output.pairs(console, [("main user", address), ("signs in at", login)])
            if parts.config.mail.host is None:
                output.note(f"Without a mail server the PIN is read with rollcall organisation pin {key} {address}.")

        return Answer({"user_id": user, "login": login}, show)

    answer(At(data, config), as_json, work)


@app.command()
def pin(key: Key, address: Address, data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Read the PIN that a main user asked for, where the installation has no mail server to send it with.

    Example: rollcall organisation pin contoso ada@contoso.example
    """

    async def work(parts: Parts) -> Answer:
        there, now = await _organisation(parts, key), parts.runtime.now()
        found, ends = await there.read(workspaces.waiting_pin, parts.sealer, address, now)

        def show(console: Console) -> None:
            output.pairs(console, [("PIN", f"{found[:4]} {found[4:]}"), ("good until", output.moment(ends))])

        return Answer({"pin": found, "expires": ends}, show)

    answer(At(data, config), as_json, work)


async def _credential(there: TenantDatabase, wanted: str) -> UUID:
    found = [each.id for each in await there.read(workspaces.credentials) if wanted in (str(each.id), each.ends_with)]
    if not found:
        raise NotFound(f"There is no credential {wanted!r}; rollcall organisation list shows them.")
    if len(found) > 1:
        raise Conflict(f"Several credentials end with {wanted!r}; name one by its id.")
    return found[0]


@app.command("list")
def list_all(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """List the organisations with their credentials; tokens themselves are known to nobody.

    Example: rollcall organisation list
    """

    async def work(parts: Parts) -> Answer:
        found = []
        for each in (await parts.database.system(workspaces.organisation_keys)).values():
            there = parts.database.tenant(each)
            credentials = await there.read(workspaces.credentials)
            found.append((await there.read(workspaces.organisation), credentials))
        now = parts.runtime.now()

        def show(console: Console) -> None:
            for organisation, credentials in found:
                switched = "on" if organisation.synchronization else "off"
                console.print(
                    f"[bold]{output.safe(organisation.key)}[/]  {output.safe(organisation.name)}  synchronization {switched}"
                )
                for each in credentials:
                    state = "live" if each.is_live(now) else "revoked" if each.revoked else "expired"
                    used = output.moment(each.last_used) if each.last_used else "never"
                    console.print(f"  {each.id}  …{output.safe(each.ends_with)}  {state}, last used {used}")

        data = [{"organisation": organisation, "credentials": held} for organisation, held in found]
        return Answer({"organisations": data}, show)

    answer(At(data, config), as_json, work)
