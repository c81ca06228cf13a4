"""`rollcall job run` and `apply`: one cycle now, with live progress and a summary."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import ProgressColumn, Task
from rich.text import Text

from rollcall import provisioning
from rollcall.cli import output
from rollcall.cli.job_logs import whoever_asks
from rollcall.cli.job_plan import JobName, show_plan
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, counted, shell_word
from rollcall.cli.ring import DID_NOT_SUCCEED, AsJson, At, ConfigFile, Data, Failed, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import Denied, Invalid, Unavailable
from rollcall.main import Parts
from rollcall.provisioning import Counts, CycleResult, Job, Observer, Service

_DONE = ("created", "updated", "disabled", "deleted", "skipped", "withheld", "failed")


def run(
    job: JobName = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Run one cycle of a job now; exit code 1 when it stopped before its end or objects failed.

    Example: rollcall job run
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        return await run_job(parts, db, await job_named(db, job))

    answer_in_tenant(At(data, config, tenant), as_json, work)


def apply(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[FILE|JOB]", help="A plan that was kept in a file, or a job, to plan and to ask."),
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", metavar="JOB", help="The job that the plan in the file has to be for.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask; show the plan and carry it out.")] = False,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Carry out exactly the plan in a file; or plan a job, show the plan, ask, and carry out exactly that.

    What moved since a plan was made is shown, and nothing is done then. A file is one of rollcall job plan --out plan.json.

    Example: rollcall job apply plan.json

    Example: rollcall job apply Example --yes
    """
    file = None if what is None or not _is_file(what) else Path(what)

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        if file is not None:
            return await _apply_file(parts, db, file, job)
        return await _apply_now(parts, db, await job_named(db, what if what is not None else job), yes, as_json)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _is_file(what: str) -> bool:
    return Path(what).suffix.lower() == ".json" or Path(what).is_file()


async def _apply_file(parts: Parts, db: TenantDatabase, file: Path, wanted: str | None) -> Answer:
    try:
        stream = file.open(encoding="utf-8")
    except OSError as error:
        raise Invalid(f"The plan {file} can't be read: {error.strerror}.") from None
    with stream:
        read = provisioning.read_plan(parts.provisioning, stream)
        job = await db.read(provisioning.find_job, wanted or str(read.job_id))
        provisioning.check_fits(job, db.tenant, read)

        async def run(watch: Observer) -> CycleResult:
            return await provisioning.apply_plan(
                by_hand(parts),
                db.tenant,
                job.id,
                read,
                lambda keys: provisioning.objects_of(stream, keys),
                watch=watch,
            )

        return await _run(parts, job, run)


async def _apply_now(parts: Parts, db: TenantDatabase, job: Job, yes: bool, as_json: bool) -> Answer:
    await provisioning.check_no_cycle(parts.provisioning, job.id)
    planned = await provisioning.plan_job(parts.provisioning, db.tenant, job.id)
    if not as_json:
        show_plan(output.out(), job, planned)
    if planned.problem:
        raise Failed(Unavailable(f"The plan is not whole, so nothing was done. {planned.problem}"))
    if planned.is_empty and not planned.skips:
        return Answer({"job_id": job.id, "kind": None, "counts": Counts(), "problem": None}, lambda _: None)
    provisioning.check_no_approval_of(parts.provisioning, db.tenant, job, planned)
    if not yes:
        confirm("Carry this out?")

    async def run(watch: Observer) -> CycleResult:
        return await provisioning.apply_planned(by_hand(parts), db.tenant, job, planned, watch=watch)

    return await _run(parts, job, run)


def confirm(question: str) -> None:
    """Ask on the terminal. Raises Denied for no, and where nobody can be asked."""
    if not sys.stdin.isatty():
        raise Denied("Nobody can be asked here; say --yes if that is what you want.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Failed(Denied("Nothing was done."))


async def run_job(parts: Parts, db: TenantDatabase, job: Job) -> Answer:
    """One cycle of a job with its progress, or its plan handed in for approval."""

    async def run(watch: Observer) -> CycleResult:
        return await provisioning.run_job(by_hand(parts), db.tenant, job.id, watch=watch)

    return await _run(parts, job, run)


def by_hand(parts: Parts) -> Service:
    """The service, so that the log names who runs this command."""
    return replace(parts.provisioning, initiator=whoever_asks())


async def _run(parts: Parts, job: Job, run: Callable[[Observer], Awaitable[CycleResult]]) -> Answer:
    began = parts.runtime.monotonic()
    with output.progress(_Rate()) as bar:
        task = bar.add_task(output.printable(job.display_name), total=None)

        async def watch(counts: Counts) -> None:
            left = provisioning.progress(counts).seconds_left
            described = _described(job, counts)
            bar.update(task, completed=counts.imported, total=counts.total, description=described, left=left)

        result = await run(watch)
    seconds = parts.runtime.monotonic() - began
    failed = result.problem is not None or result.counts.failed > 0 or result.counts.references_failed > 0
    data: dict[str, Any] = {
        "job_id": job.id,
        "kind": result.kind,
        "seconds": round(seconds, 3),
        "counts": result.counts,
        "problem": result.problem,
    }
    return Answer(
        data, lambda console: _show(console, job, result, seconds), exit_code=DID_NOT_SUCCEED if failed else 0
    )


def _described(job: Job, counts: Counts) -> str:
    done = [f"{getattr(counts, name):,} {name}" for name in _DONE if getattr(counts, name)]
    return f"{job.display_name}: {', '.join(done) or 'reading'}"


class _Rate(ProgressColumn):
    """Objects a second, and how long the reading will take still."""

    def render(self, task: Task) -> Text:
        left = task.fields.get("left")
        rest = "" if left is None else f", {output.duration(left)} left"
        return Text(f"{task.completed:,.0f}, {task.speed:,.0f}/s{rest}" if task.speed else "")


def _show(console: Console, job: Job, result: CycleResult, seconds: float) -> None:
    if result.problem is not None and result.problem.code == provisioning.AWAITS_APPROVAL:
        console.print(output.safe(result.problem.reason))
        console.print(f"What is in it, and what to do: rollcall job show-plan {shell_word(job.display_name)}")
        return
    counts = result.counts
    ended = "stopped" if result.problem else "ended"
    read = f"{counted(counts.imported, 'object')} read, {counted(counts.requests, 'request')} sent"
    console.print(f"The {result.kind} cycle of {output.safe(job.display_name)} {ended} after {seconds:.1f} s: {read}.")
    done = [f"{getattr(counts, name):,} {name}" for name in _DONE if getattr(counts, name)]
    for number, word in (
        (counts.references_added, "added"),
        (counts.references_removed, "removed"),
        (counts.references_failed, "failed"),
    ):
        if number:
            done.append(f"{counted(number, 'reference')} {word}")
    console.print(f"{', '.join(done) or 'Nothing to do'}.")
    if result.problem is not None:
        console.print(
            f"[red]It stopped:[/] {output.safe(result.problem.reason)} [dim]({output.safe(result.problem.code)})[/]"
        )
    if counts.failed or counts.references_failed:
        console.print(f"Why objects failed: rollcall job logs {shell_word(job.display_name)} --status failure")
    if result.held:
        console.print(
            f"[yellow]Held back:[/] {output.safe(result.held_because)}\n"
            f"Which removals, and what to do: rollcall job held {shell_word(job.display_name)}"
        )
