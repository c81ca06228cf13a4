"""The outermost ring of every command: options to configuration to parts, then an answer, or a sentence and an exit code."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import structlog
import typer

from rollcall import directory
from rollcall.cli import output
from rollcall.cli.output import Answer
from rollcall.config import Config, explain, load_config, read_environment
from rollcall.db import TenantDatabase
from rollcall.errors import NotFound, Refusal
from rollcall.main import Parts, open_parts
from rollcall.main.opening import set_up_log
from rollcall.runtime import SystemRuntime

_log = structlog.get_logger()

FIRST_TENANT = "default"
"""The tenant that the first write makes when there is none."""
DID_NOT_SUCCEED = 1
COULD_NOT_BEGIN = 2
_INTERRUPTED = 130  # as shells say it: 128 and the number of SIGINT
_ERRORS_FILE = "errors.log"

Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The directory of the embedded database and of the sealing key."),
]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="A configuration file in TOML instead of rollcall.toml.")
]
TenantName = Annotated[
    str | None,
    typer.Option("--tenant", metavar="NAME", help="The tenant to work in; needed only when there are several."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


class Failed(Exception):
    """What was asked for was done, and it failed: exit code 1 instead of 2."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class At:
    """Where a command works, as its options say."""

    data: Path | None
    config: Path | None
    tenant: str | None = None

    def load(self, **settings: Any) -> Config:
        """The configuration; `settings` are more flags, with two underscores for a dot. Raises Invalid."""
        flags = {name.replace("__", "."): value for name, value in settings.items()}
        data = None if self.data is None else str(self.data)
        return load_config({"data": data, "config": self.config, **flags}, read_environment(), Path.cwd())


def answer(at: At, as_json: bool, work: Callable[[Parts], Awaitable[Answer]]) -> None:
    """Open the parts, do the work, print its answer, and end with its exit code."""

    async def opened(config: Config) -> Answer:
        async with open_parts(config) as parts:
            return await work(parts)

    with ring(as_json) as known:
        config = known.config = at.load()
        set_up_log(quiet(config))
        said = asyncio.run(opened(config))
        print_answer(said, as_json)


def print_answer(said: Answer, as_json: bool) -> None:
    """Print an answer, and end with its exit code unless that is 0."""
    if as_json:
        output.print_json(said.data)
    else:
        said.show(output.out())
    if said.exit_code:
        raise typer.Exit(said.exit_code)


def answer_in_tenant(
    at: At, as_json: bool, work: Callable[[Parts, TenantDatabase], Awaitable[Answer]], *, found: bool = False
) -> None:
    """The same for work in one tenant; with `found`, the first tenant is made when there is none."""

    async def inside(parts: Parts) -> Answer:
        return await work(parts, await _tenant(parts, at.tenant, found=found))

    answer(at, as_json, inside)


async def _tenant(parts: Parts, wanted: str | None, *, found: bool) -> TenantDatabase:
    tenants = await parts.database.system(directory.list_tenants)
    if not tenants and found and wanted in (None, FIRST_TENANT):
        made = await parts.database.system(directory.create_tenant, parts.runtime, FIRST_TENANT)
        return parts.database.tenant(made)
    if not tenants and wanted is None:
        raise NotFound("The directory is empty. Begin with people: rollcall directory import FILE.")
    return parts.database.tenant((await parts.database.system(directory.find_tenant, wanted or "")).id)


@dataclass(slots=True)
class Known:
    """What the ring knows of the command when something goes wrong."""

    config: Config | None = None


@contextmanager
def ring(as_json: bool) -> Iterator[Known]:
    """Turn whatever ends a command into a sentence and an exit code: 1 it did not succeed, 2 it could not begin."""
    known = Known()
    try:
        yield known
    except Failed as failed:
        output.print_refusal(failed.refusal, as_json=as_json)
        raise typer.Exit(DID_NOT_SUCCEED) from None
    except Refusal as refusal:
        output.print_refusal(refusal, as_json=as_json)
        raise typer.Exit(COULD_NOT_BEGIN) from None
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    except BrokenPipeError:
        raise typer.Exit(DID_NOT_SUCCEED) from None  # whoever read the answer has gone
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        foreseen = _refusal_in(error)
        output.print_refusal(foreseen or _unforeseen(error, known.config), as_json=as_json)
        raise typer.Exit(COULD_NOT_BEGIN if foreseen else DID_NOT_SUCCEED) from None


def _refusal_in(error: BaseException) -> Refusal | None:
    """The refusal that ended a group of tasks, if it was one."""
    if isinstance(error, BaseExceptionGroup):
        return next((found for each in error.exceptions if (found := _refusal_in(each))), None)
    return error if isinstance(error, Refusal) else None


def _unforeseen(error: Exception, config: Config | None) -> Refusal:
    """A mistake of ours, with an id that finds its traceback in the log."""
    number = SystemRuntime().new_id().hex[-12:]
    told = "".join(traceback.format_exception(error))  # as text: no log is given local variables to print
    where = "the log"
    try:
        if config is None:
            raise FileNotFoundError
        file = config.data / _ERRORS_FILE
        with file.open("a", encoding="utf-8") as log:
            log.write(f"{number} {SystemRuntime().now().isoformat()}\n{told}\n")
        where = str(file)
    except OSError:
        _log.error("command failed", error_id=number, exception=told)
    return Refusal(
        f"Something went wrong that should not have ({type(error).__name__}). "
        f"Its id is {number}; the details are in {where}.",
        code="internal_error",
    )


def quiet(config: Config) -> Config:
    """What runs in the background tells of its work, a command answers: without other orders it logs warnings only."""
    origin = next(setting.origin for setting in explain(config) if setting.key == "log.level")
    return replace(config, log=replace(config.log, level="warning")) if origin == "default" else config
