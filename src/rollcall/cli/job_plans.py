"""`rollcall job plans`, `show-plan`, `approve` and `reject-plan`: plans that wait for somebody's word."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

import typer
from rich.console import Console

from rollcall import provisioning
from rollcall.cli import job_run, output, plan_out
from rollcall.cli.job_plan import JobName, show_plan
from rollcall.cli.naming import job_named
from rollcall.cli.output import Answer, moment, safe, shell_word
from rollcall.cli.ring import AsJson, At, ConfigFile, Data, TenantName, answer_in_tenant
from rollcall.db import TenantDatabase
from rollcall.errors import NotFound
from rollcall.main import Parts
from rollcall.provisioning import Compressed, Job, LeftOut, PlanHead, StoredPlan

_SIGN_OF_LIFE = timedelta(seconds=10)
_ACTIONS = ("create", "update", "disable", "delete")

PlanName = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's id, or a job whose newest plan is meant.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides; it is kept with the plan.")]
Comment = Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why; it is kept with the plan.")]


def plans(
    job: JobName = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """List the plans that wait for approval, and what became of earlier ones; of one job or of all.

    Example: rollcall job plans

    Example: rollcall job plans Example --json
    """

    async def work(_parts: Parts, db: TenantDatabase) -> Answer:
        found = None if job is None else await job_named(db, job)
        names = {each.id: each.display_name for each in await db.read(provisioning.list_jobs)}
        listed = await db.read(provisioning.list_plans, None if found is None else found.id)

        def show(console: Console) -> None:
            rows = [
                (
                    each.state,
                    names[each.job_id],
                    summary(each),
                    each.made,
                    each.expires,
                    each.decided_by or "–",
                    each.id,
                )
                for each in listed
            ]
            output.table(console, ("state", "job", "plan", "made", "expires", "decided by", "id"), rows)
            if not listed:
                output.note(
                    "No plan waits. Plans wait where a job asks for it: rollcall job settings approval=removals."
                )

        return Answer({"plans": [{**output.plain(each), "job": names[each.job_id]} for each in listed]}, show)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def summary(plan: StoredPlan) -> str:
    """How many objects and references a plan comes to, in a few words."""
    totals = plan.totals
    said = [f"{totals[action]:,} {action}" for action in _ACTIONS if totals[action]]
    for name, sign in (("references_added", "+"), ("references_removed", "-")):
        if totals[name]:
            said.append(f"{sign}{totals[name]:,} references")
    return ", ".join(said)


async def _plan_named(db: TenantDatabase, wanted: str) -> StoredPlan:
    """The plan with this id, or the newest one of the job with this name or id. Raises NotFound."""
    try:
        return await db.read(provisioning.read_plan_row, UUID(wanted))
    except (ValueError, NotFound):
        pass
    try:
        job = await db.read(provisioning.find_job, wanted)
    except NotFound:
        raise NotFound(f"There is no plan and no job {wanted!r}. Plans: rollcall job plans.") from None
    found = await db.read(provisioning.last_plan, job.id)
    if found is None:
        raise NotFound(f"The job {job.display_name} has no plan that waits or waited.")
    return found


def show_plan_command(
    plan: PlanName,
    out: plan_out.Out = None,
    format_: plan_out.FormatOption = None,
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Show a plan that waits for approval, or waited, as `rollcall job plan` shows one.

    Example: rollcall job show-plan Example

    Example: rollcall job show-plan Example --out plan.html
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        wanted = plan_out.format_of(out, format_, as_json=as_json)
        found = await _plan_named(db, plan)
        job = await db.read(provisioning.read_job, found.job_id)
        pieces = await db.read(provisioning.plan_pieces, found.id)
        if not pieces:
            raise NotFound(f"The plan {found.id} is {found.state}; what was in it is not kept any longer.")
        document = provisioning.plan_whole(Compressed(pieces))
        rate = document["expected"]["requests_per_second"]
        left_out: list[LeftOut] = []
        planned = provisioning.planned_of(document)
        head = PlanHead(found.given_at, db.tenant, job.id, document["job_name"], left_out, rate)
        said = plan_out.Plan(parts.provisioning, job, planned, head, show_plan, what_of(found, job))
        return plan_out.answer(said, wanted, out, 0, as_json=as_json)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def what_of(plan: StoredPlan, job: Job) -> str:
    """What became of a plan, or what to do about it, in a sentence."""
    name = shell_word(job.display_name)
    if plan.state == "waiting":
        return (
            f"It waits for approval until {moment(plan.expires)} UTC: rollcall job approve {name} --by NAME, or "
            f"rollcall job reject-plan {name} --by NAME."
        )
    if plan.state == "approved":
        return f"{plan.decided_by} approved it; a worker carries it out, or do it here: rollcall job run {name}."
    if plan.state == "rejected":
        return f"{plan.decided_by} rejected it; nothing of it is sent, until something moves and makes a new plan."
    ended = "" if plan.ended is None else f" since {moment(plan.ended)} UTC"
    return f"It is {plan.state}{ended}; what would be done now: rollcall job plan {name}."


def approve(
    plan: PlanName,
    by: By,
    comment: Comment = "",
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Approve a plan that waits: it is carried out at once, exactly as it is, or not at all when something moved.

    A worker carries it out where one runs and the job is started, else this command does.

    Example: rollcall job approve Example --by "Ada Lovelace" --comment "Checked with HR"
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await _decided(parts, db, plan, "approved", by, comment)
        job = await db.read(provisioning.read_job, found.job_id)
        since = parts.runtime.now() - _SIGN_OF_LIFE
        if job.state == "Active" and await parts.database.system(provisioning.has_worker, since):
            said = (
                f"Approved by {found.decided_by}; a worker carries it out now. What became of it: rollcall job plans."
            )
            return Answer({"plan": found, "applied_by": "worker"}, lambda console: console.print(safe(said)))
        return await job_run.run_job(parts, db, job)

    answer_in_tenant(At(data, config, tenant), as_json, work)


def reject_plan(
    plan: PlanName,
    by: By,
    comment: Comment = "",
    tenant: TenantName = None,
    data: Data = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> None:
    """Reject a plan that waits: nothing of it is sent, and the job waits until something moves and makes a new plan.

    Example: rollcall job reject-plan Example --by "Ada Lovelace" --comment "The import was wrong"
    """

    async def work(parts: Parts, db: TenantDatabase) -> Answer:
        found = await _decided(parts, db, plan, "rejected", by, comment)
        said = f"Rejected by {found.decided_by}. Nothing is sent until the directory or the job changes and a new plan is made."
        return Answer({"plan": found}, lambda console: console.print(safe(said)))

    answer_in_tenant(At(data, config, tenant), as_json, work)


async def _decided(
    parts: Parts, db: TenantDatabase, plan: str, state: Literal["approved", "rejected"], by: str, comment: str
) -> StoredPlan:
    found = await _plan_named(db, plan)
    return await provisioning.decide(parts.provisioning, db, found.id, state, by, comment)
