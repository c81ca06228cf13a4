"""The commands that keep running: `up`, `serve` and `work`; and `migrate`, which they need before."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from rollcall import directory
from rollcall.cli import output
from rollcall.cli.ring import FIRST_TENANT, AsJson, At, ConfigFile, Data, Failed, quiet, ring
from rollcall.config import Config
from rollcall.db import migrate as migrate_database
from rollcall.errors import Unavailable
from rollcall.main import (
    Demo,
    Parts,
    Running,
    demo_of,
    first_administrator_links,
    found_demo,
    open_parts,
    run_everything,
    serve_identity,
    serve_workspaces,
    stop_signals,
)
from rollcall.main import work as work_until_cancelled
from rollcall.main.opening import set_up_log

serve_app = typer.Typer(no_args_is_help=True, help="Serve one of the halves; `rollcall up` serves both.")

IdentityPort = Annotated[
    int | None, typer.Option("--identity-port", metavar="PORT", help="Port of the identity half; 0 is any free one.")
]
WorkspacesPort = Annotated[
    int | None,
    typer.Option("--workspaces-port", metavar="PORT", help="Port of the workspaces half; 0 is any free one."),
]
UntilStdinCloses = Annotated[
    bool, typer.Option("--until-stdin-closes", hidden=True, help="End when standard input closes.")
]


class Seed(StrEnum):
    """What `up` finds or puts into the data directory."""

    demo = "demo"
    none = "none"


def up(
    seed: Annotated[
        Seed, typer.Option(help="demo: a company of 1,000 people, provisioned; none: nothing but what is there.")
    ] = Seed.demo,
    identity_port: IdentityPort = None,
    workspaces_port: WorkspacesPort = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Serve both halves and run the worker until Ctrl-C or SIGTERM.

    Where a tenant has no administrator who can sign in, it prints a link by which the first one sets a password, once,
    within 24 hours. There are no default passwords.

    With --json the first line is one JSON object: identity_url, workspaces_url, of the demo organisation tenant_url,
    secret_token and job_id, which are null with --seed none, and first_administrator, those links by tenant.

    Example: rollcall up --seed none --data var/tutorial

    Example: rollcall up --json --identity-port 0 --workspaces-port 0
    """
    with ring(as_json) as known:
        settings = At(data, config).load(identity__port=identity_port, workspaces__port=workspaces_port)
        known.config = settings
        # A line for each of thousands of requests would bury what a person looks for; --config or the environment may ask.
        settings = quiet(settings)
        set_up_log(settings)
        asyncio.run(until_stopped(_up(settings, config, seed, as_json)))


async def _up(settings: Config, config_file: Path | None, seed: Seed, as_json: bool) -> None:
    async with run_everything(settings, config_file=config_file) as running:
        demo = None
        if seed is Seed.demo:
            demo = await demo_of(running.parts, running.workspaces_url)
            demo = demo or await found_demo(running.parts, running.workspaces_url)
        if not await running.parts.database.system(directory.list_tenants):
            await running.parts.database.system(directory.create_tenant, running.parts.runtime, FIRST_TENANT)
        links = await first_administrator_links(running.parts, running.identity_url)
        (_print_line if as_json else _print_banner)(running, demo, links)
        await running.failed.wait()
    raise Failed(Unavailable("A part of Rollcall ended and could not be started again; the lines above say why."))


def _print_line(running: Running, demo: Demo | None, links: Mapping[str, str]) -> None:
    output.print_json(
        {
            "identity_url": running.identity_url,
            "workspaces_url": running.workspaces_url,
            "tenant_url": demo and demo.tenant_url,
            "secret_token": demo and demo.secret_token,
            "job_id": demo and demo.job_id,
            "first_administrator": dict(links),
        }
    )


def _print_banner(running: Running, demo: Demo | None, links: Mapping[str, str]) -> None:
    console = output.out()
    console.print("[bold]Rollcall is up.[/] Ctrl-C ends it.")
    rows = [("identity", running.identity_url), ("workspaces", running.workspaces_url)]
    if demo is not None:
        rows += [("Tenant URL", demo.tenant_url), ("Secret Token", demo.secret_token), ("job", str(demo.job_id))]
    output.pairs(console, rows)
    print_links(console, links)
    where = f" --data {running.parts.config.data}"
    following = "rollcall job status --tenant demo" if demo is not None else "rollcall organisation create KEY NAME"
    console.print(f"Next, in another terminal: [bold]{output.safe(following + where)}[/]")
    console.file.flush()


def print_links(console: Console, links: Mapping[str, str]) -> None:
    """By which link the first administrator of each tenant comes in."""
    for tenant, link in links.items():
        console.print(f"First administrator of {output.safe(tenant)}, once, within 24 hours:")
        console.print(output.safe(link), soft_wrap=True)


@serve_app.command()
def identity(
    identity_port: IdentityPort = None,
    data: Data = None,
    config: ConfigFile = None,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve the identity half until Ctrl-C or SIGTERM.

    Example: rollcall serve identity --identity-port 8460
    """
    _run(At(data, config), serve_identity, until_stdin_closes, identity__port=identity_port)


@serve_app.command()
def workspaces(
    workspaces_port: WorkspacesPort = None,
    data: Data = None,
    config: ConfigFile = None,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve the workspaces half, with its SCIM endpoint, until Ctrl-C or SIGTERM.

    Example: rollcall serve workspaces --workspaces-port 8461
    """
    _run(At(data, config), serve_workspaces, until_stdin_closes, workspaces__port=workspaces_port)


def work(data: Data = None, config: ConfigFile = None, until_stdin_closes: UntilStdinCloses = False) -> None:
    """Run provisioning cycles and housekeeping until Ctrl-C or SIGTERM; any number may work on one database.

    Example: rollcall work
    """
    _run(At(data, config), work_until_cancelled, until_stdin_closes)


def _run(at: At, part: Callable[[Parts], Awaitable[None]], until_stdin_closes: bool, **flags: Any) -> None:
    async def opened(settings: Config) -> None:
        async with open_parts(settings) as parts:
            await part(parts)

    with ring(False) as known:
        settings = known.config = at.load(**flags)
        set_up_log(settings)
        asyncio.run(until_stopped(opened(settings), stdin=until_stdin_closes))


async def until_stopped(work: Coroutine[Any, Any, None], *, stdin: bool = False) -> None:
    """Run to the end, or until a signal; then what was begun is ended in order."""
    stop = stop_signals(stdin=stdin)
    working = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
    with suppress(asyncio.CancelledError):
        await working


def migrate(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Bring the database's schema forward to what this program expects; doing it twice does no harm.

    Example: ROLLCALL_DATABASE_URL=postgresql://owner@db.example/rollcall rollcall migrate
    """
    with ring(as_json) as known:
        settings = known.config = At(data, config).load()
        set_up_log(settings)
        revision = asyncio.run(_migrated(settings))
        if as_json:
            output.print_json({"revision": revision})
        else:
            output.out().print(f"The schema is at revision {revision}.")


async def _migrated(settings: Config) -> str:
    if settings.database.url is not None:
        return await asyncio.to_thread(migrate_database, settings.database.url)
    if settings.database.application_url is not None:
        raise Unavailable(
            "The owner's address is needed to migrate, and only the program's is known. Set ROLLCALL_DATABASE_URL."
        )
    async with open_parts(settings) as parts:  # an embedded database is migrated whenever it is opened
        assert parts.database.server is not None, "without an address the database is embedded"
        return await asyncio.to_thread(migrate_database, parts.database.server.url())
