"""`rollcall demo`: a company is provisioned before one's eyes, then people join, move and leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from rollcall.cli import output
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, Failed, quiet, ring
from rollcall.cli.serving import IdentityPort, WorkspacesPort, print_links, until_stopped
from rollcall.config import Config
from rollcall.errors import Unavailable
from rollcall.main import (
    Arrival,
    Demo,
    Running,
    first_administrator_links,
    found_demo,
    free_demo_name,
    run_everything,
    second_act,
    set_up_log,
    watch_first_cycle,
)
from rollcall.provisioning import Counts, Cycle

_WORDS = {"joiner": "joined", "mover": "moved", "leaver": "left"}
_COLOURS = {"joiner": "green", "mover": "blue", "leaver": "yellow"}


@dataclass(frozen=True, slots=True)
class _Options:
    """What the demo was asked to show."""

    people: int
    groups: int
    once: bool
    as_json: bool
    config: Path | None


@dataclass(slots=True)
class _Story:
    """What has happened so far."""

    founded_seconds: float = 0.0
    first: Cycle | None = None
    arrivals: list[Arrival] = field(default_factory=list)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the summary instead of serving on.")] = False,
    people: Annotated[int, typer.Option(min=50, max=200_000, help="How many people the company has.")] = 1000,
    groups: Annotated[int, typer.Option(min=4, max=5000, help="How many groups it has.")] = 60,
    identity_port: IdentityPort = None,
    workspaces_port: WorkspacesPort = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Provision a made-up company live: everybody at first, then those who join, move and leave.

    Each run founds a company of its own beside what the data directory holds. With --json a summary is printed as
    one JSON object at the end.

    Example: rollcall demo

    Example: rollcall demo --once --json --identity-port 0 --workspaces-port 0
    """
    options = _Options(people, groups, once, as_json, config)
    with ring(as_json) as known:
        settings = At(data, config).load(identity__port=identity_port, workspaces__port=workspaces_port)
        known.config = settings
        settings = quiet(settings)
        set_up_log(settings)
        asyncio.run(until_stopped(_demo(settings, options)))


async def _demo(settings: Config, options: _Options) -> None:
    console = output.err() if options.as_json else output.out()
    clock = asyncio.get_running_loop().time
    began = clock()
    _say(console, "Starting the database, both halves and the worker …")
    async with run_everything(settings, config_file=options.config) as running:
        story = _Story()
        name = await free_demo_name(running.parts)
        _say(console, f"Founding a company of {options.people:,} people and {options.groups:,} groups …")
        demo = await found_demo(
            running.parts, running.workspaces_url, name, people=options.people, groups=options.groups
        )
        story.founded_seconds = clock() - began
        await _first_act(console, running, demo, options, story)
        await _second_act(console, running, demo, options, story)
        if options.as_json:
            output.print_json(_summary(running, demo, story))
        else:
            _show_summary(console, running, demo, story)
        if options.once:
            return
        print_links(console, await first_administrator_links(running.parts, running.identity_url))
        console.print("Serving on; Ctrl-C ends it.")
        await running.failed.wait()
    raise Failed(Unavailable("A part of Rollcall ended and could not be started again; the lines above say why."))


def _say(console: Console, text: str) -> None:
    console.print(f"[dim]{output.safe(text)}[/]")


async def _first_act(console: Console, running: Running, demo: Demo, options: _Options, story: _Story) -> None:
    """The initial cycle, with its counts as they grow."""
    with _progress(console) as bars:
        bars.add_task("Initial cycle", total=options.people + options.groups, counts="")
        story.first = await watch_first_cycle(running.parts, demo, _shower(bars))
    first = story.first
    seconds = _seconds_of(first)
    counts = first.counts
    console.print(
        f"[green]●[/] In step: {counts.created:,} created and {counts.references_added:,} memberships set "
        f"in {seconds:.1f} s, {counts.requests:,} requests, {counts.failed:,} failures."
    )


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[counts]}", markup=False),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _shower(bars: Progress) -> Callable[[Counts], Awaitable[None]]:
    async def show(counts: Counts) -> None:
        speed = bars.tasks[0].speed
        rate = f" · {speed:,.0f}/s" if speed else ""
        told = (
            f"created {counts.created:,} · updated {counts.updated:,} · disabled {counts.disabled:,}"
            f" · skipped {counts.skipped:,} · failed {counts.failed:,}{rate}"
        )
        bars.update(bars.tasks[0].id, completed=counts.imported, total=counts.total, counts=told)

    return show


def _seconds_of(cycle: Cycle) -> float:
    assert cycle.ended is not None, "the cycle has ended"
    return (cycle.ended - cycle.began).total_seconds()


async def _second_act(console: Console, running: Running, demo: Demo, options: _Options, story: _Story) -> None:
    """Joiners, movers and leavers, one after the other, each as it arrives."""
    arriving = second_act(running.parts, demo, people=options.people, groups=options.groups)
    async with aclosing(arriving) as arrivals:
        async for arrival in arrivals:
            story.arrivals.append(arrival)
            movement = arrival.movement
            colour, word = _COLOURS[movement.kind], _WORDS[movement.kind]
            seconds = "not within a minute" if arrival.seconds is None else f"{arrival.seconds:.2f} s"
            if not arrival.told:
                seconds = "nothing to send: not mapped"
            line = Text(f"{word:>6}", style=colour)
            line.append(output.printable(f"  {movement.display_name}: {movement.what}"), style="default")
            line.append(f"  {seconds}", style="bold")
            console.print(line)


def _summary(running: Running, demo: Demo, story: _Story) -> dict[str, object]:
    assert story.first is not None, "the first act is over"
    return {
        "identity_url": running.identity_url,
        "workspaces_url": running.workspaces_url,
        "tenant_url": demo.tenant_url,
        "job_id": demo.job_id,
        "ready_seconds": round(story.founded_seconds, 3),
        "initial_cycle": {"seconds": round(_seconds_of(story.first), 3), **output.plain(story.first.counts)},
        "movements": [
            {
                "kind": arrival.movement.kind,
                "user": arrival.movement.user_principal_name,
                "what": arrival.movement.what,
                "seconds": None if arrival.seconds is None else round(arrival.seconds, 3),
                "sent": arrival.told,
            }
            for arrival in story.arrivals
        ],
        "all_arrived": all(arrival.seconds is not None for arrival in story.arrivals),
    }


def _show_summary(console: Console, running: Running, demo: Demo, story: _Story) -> None:
    table = Table(title="What happened, and how long it took to reach the application", title_justify="left")
    for column, justify in (("", "left"), ("people", "right"), ("fastest", "right"), ("slowest", "right")):
        table.add_column(column, justify=justify)  # type: ignore[arg-type]  # one of Rich's four words
    for kind, word in _WORDS.items():
        times = [
            each.seconds
            for each in story.arrivals
            if each.movement.kind == kind and each.seconds is not None and each.told
        ]
        number = sum(each.movement.kind == kind for each in story.arrivals)
        fastest, slowest = (f"{min(times):.2f} s", f"{max(times):.2f} s") if times else ("–", "–")
        table.add_row(word, str(number), fastest, slowest)
    console.print(table)
    data = running.parts.config.data
    output.pairs(
        console,
        [
            ("identity", running.identity_url),
            ("workspaces", running.workspaces_url),
            ("Tenant URL", demo.tenant_url),
            ("Secret Token", demo.secret_token),
        ],
    )
    console.print(
        f"Look closer: [bold]rollcall job logs {demo.job_id} --tenant {demo.tenant} --data {output.safe(str(data))}[/]"
    )
