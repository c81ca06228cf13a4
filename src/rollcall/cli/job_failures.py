"""`rollcall job failures`: what failed and when it is tried again; look at one, retry it, give it up."""

from __future__ import annotations

from datetime import timedelta
from getpass import getuser
from typing import Annotated

import orjson
import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import job_run, output
from rollcall.cli.job_logs import whoever_asks
from rollcall.cli.job_plan import JobName
from rollcall.cli.naming import job_named, key_named
from rollcall.cli.output import Answer, counted, moment, safe, shell_word
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Invalid
from rollcall.main import Parts
from rollcall.provisioning import Failure, FailureCounts, FailureDetails, FailureFilter, FailureKey, Job, Key, RetryTime

app = typer.Typer(no_args_is_help=True, help="What failed in a job, when it is tried again, and what to do about it.")
_CURSOR = "/"
_ANSWER_CHARACTERS = 2000
_SIGN_OF_LIFE = timedelta(seconds=10)

OfJob = Annotated[str | None, typer.Option("--job", metavar="JOB", help="Which job, by name or id.")]
Who = Annotated[
    list[str] | None,
    typer.Argument(metavar="[USER_OR_GROUP]…", help="Users by UPN or mail, groups by name, or ids."),
]
All = Annotated[bool, typer.Option("--all", help="Everything that failed.")]


@app.command("list")
def list_failures(
    job: JobName = None,
    code: Annotated[
        str | None, typer.Option("--code", metavar="CODE", help="Only with this code, such as EntryConflict.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--kind", metavar="KIND", help="Only User or Group.")] = None,
    given_up: Annotated[
        bool | None, typer.Option("--given-up/--waiting", help="Only what is given up, or only what is tried again.")
    ] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="PLACE", help="Go on behind this place; a full list ends with it.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many at most.")] = 50,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List what failed, with code, attempts, since when, and the next attempt; references too, such as members.

    Example: rollcall job failures list

    Example: rollcall job failures list Workspaces --code EntryConflict --kind User --json
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        which = FailureFilter(code=_checked_code(code), kind=_checked_kind(kind), given_up=given_up)
        failures = await db.read(provisioning.list_failures, found.id, which, _place(after), limit)
        counts = await db.read(provisioning.count_failures, found.id, which)
        more = _CURSOR.join(failures[-1].at) if len(failures) == limit else None

        def show(console: Console) -> None:
            for failure in failures:
                _line(console, failure)
            if not failures:
                output.note(
                    "Nothing failed." if which == FailureFilter() and after is None else "There is no such failure."
                )
                return
            console.print(_counted(counts))
            if more is not None:
                console.print(f"More: rollcall job failures list --after {shell_word(more)}")
            console.print(f"Why, and what to do: rollcall job failures show {shell_word(failures[0].name)}")

        shown = {"job_id": found.id, "counts": counts, "total": counts.total, "failures": failures, "next": more}
        return Answer(shown, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _checked_code(code: str | None) -> str | None:
    if code is None:
        return None
    known = {each.casefold(): each for each in provisioning.FAILURE_CLASSES}
    if code.casefold() not in known:
        raise Invalid(f"There is no code {code!r}. Codes: {', '.join(sorted(known.values()))}.")
    return known[code.casefold()]


def _checked_kind(kind: str | None) -> str | None:
    if kind is not None and kind.capitalize() not in ("User", "Group"):
        raise Invalid(f"There is no kind {kind!r}; there are User and Group.")
    return None if kind is None else kind.capitalize()


def _place(after: str | None) -> FailureKey | None:
    if after is None:
        return None
    parts = after.split(_CURSOR)
    if len(parts) != len(FailureKey._fields):
        raise Invalid(f"{after!r} is no place in this list. Take the one that the list before ended with.")
    return FailureKey(*parts)


def _line(console: Console, failure: Failure) -> None:
    again = "given up" if failure.given_up else f"again at {moment(failure.next_attempt)}"
    tried = f"{counted(failure.attempts, 'attempt')} since {moment(failure.first_failed)}"
    console.print(
        f"{failure.kind} [bold]{safe(failure.name)}[/]{safe(_reference(failure))} [red]{safe(failure.code)}[/] "
        f"[dim]{tried}, {again}[/]"
    )
    console.print(f"    {safe(failure.reason)}")


def _reference(failure: Failure) -> str:
    return f" {failure.attribute} → {failure.referenced_name}" if failure.attribute else ""


def _counted(counts: FailureCounts) -> str:
    parts = [counted(counts.objects, "object"), counted(counts.references, "reference")]
    return f"{' and '.join(parts)} failed, {counts.given_up:,} given up."


@app.command()
def show(
    who: Annotated[
        str, typer.Argument(metavar="USER_OR_GROUP", help="A user by UPN or mail, a group by name, or an id.")
    ],
    job: OfJob = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what failed of one object, with the last request, the answer to it, and what to do.

    Example: rollcall job failures show ada@example.com
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        details = await db.read(provisioning.failures_of, found.id, await key_named(db, found.id, who))

        def print_all(console: Console) -> None:
            for each in details:
                _show_details(console, each)
            console.print(f"Try it now: rollcall job failures retry {shell_word(who)}{_job_option(job)}")

        return Answer({"job_id": found.id, "failures": details}, print_all)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _show_details(console: Console, details: FailureDetails) -> None:
    _line(console, details.failure)
    if details.remedy:
        console.print(f"    What to do: {safe(details.remedy)}")
    exchange = details.exchange
    if exchange is None:
        console.print("    [dim]No request was sent.[/]")
        return
    others = f", which was about {counted(exchange.number, 'reference')}" if exchange.number > 1 else ""
    console.print(
        f"    Last request at {moment(exchange.at)} UTC{others}: {safe(exchange.method)} {safe(exchange.path)}"
    )
    if exchange.body is not None:
        text = exchange.body if isinstance(exchange.body, str) else orjson.dumps(exchange.body).decode()
        console.print(f"    {safe(text)}")
    console.print(f"    Answer: {exchange.status if exchange.status is not None else 'none'}")
    if exchange.answer:
        console.print(f"    {safe(exchange.answer[:_ANSWER_CHARACTERS])}")


@app.command()
def retry(
    who: Who = None,
    everything: All = False,
    job: OfJob = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Have what failed tried again now instead of at its time; a worker that serves the job begins at once.

    Example: rollcall job failures retry ada@example.com "Field Sales"

    Example: rollcall job failures retry --all --job Workspaces
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        keys = await _keys(db, found, who, everything=everything)
        counts = await provisioning.retry_failures(db, found.id, keys, whoever_asks(), parts.runtime.now())
        when = await _when(parts, found)
        text = f"{_total(counts)} {'is' if counts.total == 1 else 'are'} tried again {_said_of(found, when)}."
        shown = {"job_id": found.id, "counts": counts, "total": counts.total, "state": found.state}
        return Answer(shown | {"tried": when}, lambda console: console.print(text))

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _when(parts: Parts, job: Job) -> RetryTime:
    now = parts.runtime.now()
    has_worker = await parts.database.system(provisioning.has_worker, now - _SIGN_OF_LIFE)
    quarantined_until = None if job.quarantine is None else job.quarantine.next_attempt
    return provisioning.retry_time(job.state, quarantined_until, job.resume_at, now, has_worker=has_worker)


def _said_of(job: Job, when: RetryTime) -> str:
    """What becomes of a retry, and what somebody can do where that is not at once."""
    name = shell_word(job.display_name)
    once = f"To try once now: rollcall job run {name}"
    match when.because:
        case "due":
            return "now: the worker begins a cycle at once"
        case "no worker":
            return f"in the next cycle; no worker runs, so begin one: rollcall up, or once: rollcall job run {name}"
        case "quarantine":
            return (
                f"at {moment(when.at)} UTC, not now: the job is in quarantine. When the cause is mended, let it out, and "
                f"it runs at once: rollcall job start {name}. {once}"
            )
        case "Retry-After":
            return (
                f"at {moment(when.at)} UTC, not now: the application asked to be left alone until then (Retry-After). "
                f"{once}"
            )
        case _:
            return f"once the job runs: it is {job.state.lower()}. Start it: rollcall job start {name}. {once}"


def _total(counts: FailureCounts) -> str:
    parts = [(counts.objects, "object"), (counts.references, "reference")]
    return " and ".join(counted(number, noun) for number, noun in parts if number) or "Nothing"


@app.command("give-up")
def give_up(
    who: Who = None,
    everything: All = False,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who decides so; without it, your login name.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    job: OfJob = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Take what failed off the schedule: it is tried again only when it changes, in a restart, or by `retry`.

    Example: rollcall job failures give-up ada@example.com

    Example: rollcall job failures give-up --all --by "Grace Hopper" --yes
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        keys = await _keys(db, found, who, everything=everything)
        which = FailureFilter(keys=keys, given_up=False)
        if everything and not yes:
            waiting = await db.read(provisioning.count_failures, found.id, which)
            job_run.confirm(f"Give up {_total(waiting).lower()} of {found.display_name}?")
        counts = await provisioning.give_up_failures(db, parts.runtime, found.id, keys, by or _login())
        text = f"{_total(counts)} {'is' if counts.total == 1 else 'are'} given up; see rollcall job failures list --given-up."
        return Answer(
            {"job_id": found.id, "counts": counts, "total": counts.total}, lambda console: console.print(text)
        )

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _keys(db: TenantDatabase, job: Job, who: list[str] | None, *, everything: bool) -> list[Key] | None:
    """The objects that are named; None for all. Raises Invalid for both or neither."""
    if everything == bool(who):
        raise Invalid("Name users and groups, or say --all for everything that failed.")
    return None if everything else [await key_named(db, job.id, word) for word in who or ()]


def _login() -> str:
    try:
        return getuser()
    except (KeyError, OSError):  # an account without a name, as in some containers
        raise Invalid("This account has no name; say who gives up: --by NAME.") from None


def _job_option(job: str | None) -> str:
    return "" if job is None else f" --job {shell_word(job)}"
