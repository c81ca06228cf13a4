"""`rollcall job status`: how a job stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.console import Console

from rollcall import provisioning
from rollcall.cli import job_nested, job_plans, mail, output
from rollcall.cli.job_plan import JobName
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, counted, moment
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.main import Parts
from rollcall.provisioning import Cycle, Job, JobStatus, Progress, Quarantine, StoredPlan, WaitingFailure

_CYCLES = 5
_SHOWN_FAILURES = 10
_COUNTED = ("created", "updated", "disabled", "deleted", "skipped", "withheld", "failed", "requests")
_WAITS = {
    "waiting": "a plan waits for approval",
    "approved": "an approved plan is still to be carried out",
    "rejected": "a plan was rejected",
}
_RUNS = {"Active": "runs", "Paused": "is paused", "Disabled": "is not started"}


def status(
    job: JobName = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show how a job stands: state, quarantine, whether the application is in step, what waits, and the last cycles.

    With --json also as Graph's synchronizationJob.

    Example: rollcall job status

    Example: rollcall job status Workspaces --json
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await job_named(db, job)
        left_out = await job_nested.left_out(parts, db.tenant, found)
        stands = await db.read(provisioning.read_status, found.id, _CYCLES)
        standing, now = stands.standing, parts.runtime.now()
        waiting = await db.read(provisioning.waiting_failures, found.id, _SHOWN_FAILURES)
        plan = _pending(stands, await db.read(provisioning.last_plan, found.id), now)
        why_not = _out_of_step(stands)
        if plan is not None:
            why_not.append(f"{_WAITS[plan.state]} ({job_plans.summary(plan)})")
        data = {
            "job_id": found.id,
            "name": found.display_name,
            "state": found.state,
            "tenant_url": found.tenant_url,
            "interval": provisioning.print_interval(found.settings.interval_seconds),
            "in_step": not why_not,
            "not_in_step_because": why_not,
            "standing": standing,
            "waiting": waiting,
            "left_out": job_nested.to_json(left_out),
            "cycles": stands.cycles,
            "quarantine": stands.health.quarantine,
            "not_before": provisioning.not_before(stands.health.quarantine, stands.job.resume_at),
            "synchronization_job": provisioning.synchronization_job(stands),
            "mail_configured": parts.ways.mail is not None,
            "plan": plan,
            "progress": provisioning.progress(stands.cycles[0].counts)
            if stands.cycles and stands.cycles[0].ended is None
            else None,
        }

        def show(console: Console) -> None:
            _show(console, stands, waiting, why_not, now)
            if plan is not None:
                name = output.shell_word(found.display_name)
                console.print(f"[yellow]Plan[/] {plan.id}: rollcall job show-plan {name}")
                console.print(f"  {output.safe(job_plans.what_of(plan, found))}")
            job_nested.warn(console, found, left_out)
            if found.settings.notification_emails and parts.ways.mail is None:
                output.note(mail.NOT_CONFIGURED)

        return Answer(data, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def _pending(stands: JobStatus, plan: StoredPlan | None, now: datetime) -> StoredPlan | None:
    """The plan that stands between the directory and the application; None when none does."""
    if plan is None or plan.state not in _WAITS or stands.job.settings.approval == "never":
        return None
    if plan.state != "rejected" and plan.expires <= now:
        return None
    last = stands.cycles[0].began if stands.cycles else None
    # A cycle after the rejection: something has moved, and nobody needed to approve it.
    return None if plan.state == "rejected" and last and plan.decided and last > plan.decided else plan


def _out_of_step(stands: JobStatus) -> list[str]:
    """Why the application may differ from what the last cycle saw; nothing when it is in step."""
    job, cycles, standing = stands.job, stands.cycles, stands.standing
    reasons = []
    if not cycles:
        reasons.append("no cycle has run yet")
    elif job.starts_over:
        reasons.append("the next cycle looks at everybody again")
    if cycles and cycles[0].ended is None:
        reasons.append("a cycle is running")
    elif cycles and cycles[0].problem is not None:
        reasons.append(f"the last cycle stopped: {cycles[0].problem.reason}")
    for number, noun, nouns, what in (
        (standing.escrowed, "object", "objects", "failed and will be tried again"),
        (standing.uncertain, "object", "objects", "may have been written and will be looked up"),
        (standing.withheld, "removal", "removals", "withheld"),
        (standing.allowed, "removal", "removals", "allowed, not sent yet"),
        (standing.references_due, "reference", "references", "still to be written"),
        (standing.given_up, "failure", "failures", "given up"),
    ):
        if number:
            reasons.append(f"{counted(number, noun, nouns)} {what}")
    return reasons


def _show(
    console: Console, stands: JobStatus, waiting: Sequence[WaitingFailure], why_not: list[str], now: datetime
) -> None:
    job, cycles, standing = stands.job, stands.cycles, stands.standing
    interval = provisioning.print_interval(job.settings.interval_seconds)
    console.print(
        f"[bold]{output.safe(job.display_name)}[/] {_RUNS[job.state]}; {job.settings.scope}, every {interval}."
    )
    console.print(f"{output.safe(job.tenant_url or '')}  [dim]{job.id}[/]")
    _show_quarantine(console, job, stands.health.quarantine)
    if job.resume_at is not None and job.resume_at > now:
        console.print(f"[yellow]Waits:[/] the application asked to be left alone until {moment(job.resume_at)} UTC.")
    if (known := provisioning.pages(stands)) is not None:
        console.print(f"A cycle runs: {_progress(*known)}.")
    if why_not:
        console.print(f"[yellow]Not in step:[/] {output.safe('; '.join(why_not))}.")
    else:
        console.print(f"[green]In step[/] with the directory as of {moment(cycles[0].observed)} UTC.")
    console.print(
        f"{counted(standing.users, 'user')} ({standing.disabled:,} disabled), {counted(standing.groups, 'group')}, "
        f"{counted(standing.references, 'reference')} in the application."
    )
    for each in waiting:
        console.print(
            f"  [red]waits[/] {each.kind} {output.safe(each.name)}: {output.safe(each.reason)} "
            f"[dim](tried {each.attempts}×, again at {moment(each.next_attempt)})[/]"
        )
    if standing.escrowed > len(waiting):
        console.print(f"  … and {standing.escrowed - len(waiting):,} more")
    if standing.escrowed or standing.references_failed or standing.given_up:
        console.print(f"What failed, and what to do: rollcall job failures list {output.shell_word(job.display_name)}")
    for cycle in cycles:
        console.print(f"{moment(cycle.began)} [dim]{cycle.kind}[/] {output.safe(_told(cycle))}")


def _show_quarantine(console: Console, job: Job, quarantine: Quarantine | None) -> None:
    """Why the job is in quarantine, what to do, and when it is tried again (rules Q5, Q8)."""
    if quarantine is None:
        return
    told = f"since {moment(quarantine.series_began)} UTC ({quarantine.reason}): {quarantine.message}"
    console.print(f"[red]In quarantine[/] {output.safe(told)}")
    console.print(f"  {output.safe(provisioning.advice(quarantine))}")
    started = f"rollcall job start {output.shell_word(job.display_name)}"
    if job.state == "Disabled":
        console.print(f"  It lasted over 28 days, so the job was disabled. When it is mended: {started}.")
    elif job.state == "Active" and provisioning.slows(quarantine):
        console.print(
            f"  It is tried again at {moment(quarantine.next_attempt)} UTC; changes in the directory wait until then. "
            f"At once: {started}."
        )


def _progress(done: int, total: int | None) -> str:
    """How many pages are done (rule G1)."""
    if total is None:
        return f"{counted(done, 'page')} done"
    return f"{done:,} of {counted(total, 'page')} done, {100 * done // total if total else 0} %"


def _told(cycle: Cycle) -> str:
    done = ", ".join(f"{getattr(cycle.counts, name):,} {name}" for name in _COUNTED if getattr(cycle.counts, name))
    if cycle.ended is None:
        return f"running, {done or 'reading'}{_left(provisioning.progress(cycle.counts))}"
    seconds = (cycle.ended - cycle.began).total_seconds()
    stopped = f"; stopped: {cycle.problem.reason}" if cycle.problem is not None else ""
    return f"{seconds:.1f} s, {done or 'nothing to do'}{stopped}"


def _left(far: Progress) -> str:
    percent = "" if far.percent is None else f"; {far.percent} % of the pages"
    return percent if far.seconds_left is None else f"{percent}, about {output.duration(far.seconds_left)} left to read"
