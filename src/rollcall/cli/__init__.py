"""The commands: words in, one call inward, words out; one module a subject."""

from __future__ import annotations

from typing import Annotated

import typer

import rollcall
from rollcall.cli import (
    administrators,
    applications,
    configuration,
    demo,
    directory,
    expressions,
    jobs,
    mail,
    organisations,
    output,
    serving,
    tenants,
    users,
)

app = typer.Typer(
    name="rollcall",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.command()(demo.demo)
app.command()(serving.up)
app.add_typer(directory.app, name="directory")
app.add_typer(users.app, name="user")
app.add_typer(administrators.app, name="role")
app.add_typer(applications.app, name="application")
app.add_typer(jobs.app, name="job")
app.add_typer(expressions.app, name="expression")
app.add_typer(organisations.app, name="organisation")
app.add_typer(mail.app, name="mail")
app.add_typer(tenants.app, name="tenant")
app.add_typer(configuration.app, name="config")
app.add_typer(serving.serve_app, name="serve")
app.command()(serving.work)
app.command()(serving.migrate)


def _version(wanted: bool) -> None:
    if wanted:
        output.out().print(f"rollcall {rollcall.__version__}")
        raise typer.Exit


@app.callback()
def top(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Keep the people in applications in step with a directory."""


def main() -> None:
    """Run the program with the words of its command line; ends the process with the exit code."""
    app(prog_name="rollcall")
