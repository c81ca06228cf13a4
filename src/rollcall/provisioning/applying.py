"""Carries out exactly one plan, or refuses and shows what moved since it was made."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from uuid import UUID

from rollcall.errors import Conflict, Denied, Invalid, Unavailable
from rollcall.provisioning.cycle import CycleResult
from rollcall.provisioning.gate import MOVED, REMOVING, Approved, Digest, Gate, is_approval_demanded
from rollcall.provisioning.jobs import Job
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.model import Json, Problem
from rollcall.provisioning.plan_comparison import Which, compare, shown
from rollcall.provisioning.plan_document import reference_digests
from rollcall.provisioning.plan_reading import ReadPlan
from rollcall.provisioning.planned import Given, PlannedCycle

Document = Callable[[set[Which]], Mapping[Which, Json]]


@dataclass(frozen=True, slots=True)
class Work:
    """How a job is planned and run: `plan` as of `given`, or of now; `run` a cycle through a gate; `by` the same as somebody had
    it done."""

    job: Job
    tenant: UUID
    digest: Digest
    plan: Callable[[Given | None], Awaitable[PlannedCycle]]
    run: Callable[[Gate, Given | None], Awaitable[CycleResult]]
    by: Callable[[Initiator], Work]


def check_fits(job: Job, tenant: UUID, read: ReadPlan) -> None:
    """That a plan is one of this job, and whole. Raises Invalid."""
    if (read.tenant, read.job_id) != (tenant, job.id):
        raise Invalid(
            f"The plan is for the job {read.job_name} ({read.job_id}) of tenant {read.tenant}, not for {job.display_name} "
            f"({job.id}) of tenant {tenant}. A plan can be applied to its own job only."
        )
    if read.problem is not None:
        raise Invalid(f"The plan is not whole ({read.problem}), so it can't be applied. Make a new one.")


def check_no_approval(job: Job, read: ReadPlan) -> None:
    """That the job does not ask for an approval of such a plan. Raises Denied."""
    removes = bool(read.totals.get("references_removed")) or any(action in REMOVING for _, action in read.objects)
    operations = len(read.objects) + len(read.references)
    settings = job.settings
    if is_approval_demanded(settings.approval, settings.approval_over, operations, removes=removes):
        raise Denied(
            f"The job {job.display_name} wants such a plan approved (approval={settings.approval}). `rollcall job run` "
            "hands it in; `rollcall job plans` lists what waits."
        )


def as_read(planned: PlannedCycle, job: Job, tenant: UUID, digest: Digest) -> ReadPlan:
    """A plan that was just made, as one that was read."""
    assert planned.given is not None, "a plan knows when it was made"
    objects = {(each.key, each.action): each.digest for each in planned.objects}
    removed = {"references_removed": sum(map(len, planned.removed.values()))}
    references = reference_digests(planned, digest)
    return ReadPlan(tenant, job.id, job.display_name, planned.given, "", planned.problem, removed, objects, references)


async def apply(
    work: Work, read: ReadPlan, document: Document, begin: Callable[[], Awaitable[None]], *, begun: bool = False
) -> CycleResult:
    """Plan again, compare, and run the cycle with the plan as its gate.

    `document` gives the planned objects, to show what moved; `begin` is told just before the cycle; `begun`: a part of the
    plan was carried out before. Raises Conflict (plan_moved) with what moved, and Unavailable when nothing can be planned now.
    """
    now = await work.plan(read.given)
    if now.problem is not None:
        raise Unavailable(f"What moved since the plan was made can't be worked out, so nothing was done. {now.problem}")
    moved = compare(read, now, reference_digests(now, work.digest))
    if begun:  # what is not to be done any more is done
        moved = replace(moved, gone=frozenset(), references_gone=0)
    if moved.number:
        if moved.is_all_gone(read):
            raise Conflict(
                "Nothing of the plan is left to do: it was carried out, or what it was about is gone. What was done: "
                "rollcall job logs.",
                code="plan_moved",
                details=shown(moved, document),
            )
        raise Conflict(
            f"{moved.number:,} {'thing has' if moved.number == 1 else 'things have'} moved since the plan was made, so "
            "nothing was done. Make a new plan.",
            code="plan_moved",
            details=shown(moved, document),
        )
    gate = Approved(read.objects, read.references, work.digest)
    await begin()
    result = await work.run(gate, read.given)
    left = len(read.objects.keys() - gate.sent)
    if begun or not left or result.problem is not None or result.counts.failed:
        return result
    reason = f"{left:,} operations of the plan were not to be done any more when their turn came."
    return replace(result, problem=Problem(MOVED, reason))
