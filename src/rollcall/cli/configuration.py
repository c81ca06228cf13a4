"""`rollcall config`: what the program was told, and by whom."""

from __future__ import annotations

import typer
from rich.console import Console

from rollcall.cli import output
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, ring
from rollcall.config import explain

app = typer.Typer(no_args_is_help=True, help="What the program was told, and by whom.")


@app.command()
def show(data: Data = None, config: ConfigFile = None, as_json: AsJson = False) -> None:
    """Print every setting with its value and where that came from; secrets are dots.

    Example: rollcall config show --config production.toml
    """
    with ring(as_json):
        settings = explain(At(data, config).load())
        if as_json:
            output.print_json({each.key: {"value": each.shown, "origin": each.origin} for each in settings})
        else:
            console: Console = output.out()
            output.table(console, ("setting", "value", "from"), settings)
