"""The end of a cycle in one transaction: its row, the job's health, and what administrators have to be told of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rollcall.db import Tx
from rollcall.provisioning import cycles
from rollcall.provisioning.audit import SERVICE, audit
from rollcall.provisioning.health import Assessment, Ended, Health, Quarantine, assess
from rollcall.provisioning.job_states import read_health, save_health, schedule, set_state
from rollcall.provisioning.jobs import read_job
from rollcall.provisioning.model import Problem
from rollcall.provisioning.notices import Notice, announce
from rollcall.provisioning.quarantine_advice import advice
from rollcall.provisioning.road import Counts
from rollcall.provisioning.staging import close_empty_lots
from rollcall.runtime import Runtime


@dataclass(frozen=True, slots=True)
class CycleEnd:
    """How a cycle ended; `is_ours`: the problem is a fault of the service itself. The rest is as in CycleResult."""

    counts: Counts
    problem: Problem | None
    is_ours: bool = False
    resume_at: datetime | None = None
    held_because: str = ""


async def conclude_cycle(tx: Tx, runtime: Runtime, job_id: UUID, cycle_id: UUID, end: CycleEnd) -> Assessment | None:
    """Note how a cycle ended and what that means for the job (rules Q1 to Q7); None when the job is gone meanwhile."""
    now = runtime.now()
    await cycles.end_cycle(tx, job_id, cycle_id, end.counts, end.problem, now)
    before = await read_health(tx, job_id)
    if before is None:
        return None
    job = await read_job(tx, job_id)
    await close_empty_lots(tx, job_id, now)
    waiting, withheld = await cycles.something_waits(tx, job_id)
    ended = _ended(end, waiting=waiting, withheld=withheld)
    assessed = assess(before, ended, job.settings.quarantine_thresholds, job.settings.interval_seconds, now)
    await save_health(tx, job_id, assessed.health, end.resume_at, now)
    if assessed.news == "disabled":
        await set_state(tx, job_id, "Disabled")
    else:
        await schedule(tx, job_id, tell=assessed.news in ("entered", "left"))
    if assessed.news is not None:
        await _tell(tx, runtime, job_id, before, assessed, now)
    elif assessed.health.quarantine is None and assessed.health.steady_last == now:
        # Who was told of trouble hears of its end also when somebody lifted the quarantine by hand; else it is no news.
        well = Notice("well", "Steady", "A cycle ended with everybody in step: the job runs again as it should.")
        await announce(tx, job_id, runtime.new_id(), well, now)
    return assessed


def _ended(end: CycleEnd, *, waiting: bool, withheld: bool) -> Ended:
    counts = end.counts
    return Ended(
        fine=counts.created + counts.updated + counts.disabled + counts.deleted + counts.in_step,
        failed=counts.failed,
        failed_anew=counts.failed_anew,
        references_failed=counts.references_failed,
        problem=end.problem,
        is_ours=end.is_ours,
        postponed=end.resume_at is not None,
        held_because=end.held_because,
        waiting=int(waiting),
        withheld=int(withheld),
    )


async def _tell(tx: Tx, runtime: Runtime, job_id: UUID, before: Health, assessed: Assessment, now: datetime) -> None:
    """Whom it concerns is told, and the audit log keeps it (rule Q7)."""
    present = assessed.health.quarantine
    if present is None:
        assert before.quarantine is not None, "only who is in quarantine leaves it"
        notice = Notice("well", before.quarantine.reason, "The job runs again as it should: it is out of quarantine.")
    elif assessed.news == "disabled":
        notice = Notice("disabled", present.reason, _disabled(present), _details(present))
    else:
        notice = Notice("quarantine", present.reason, f"{present.message} {advice(present)}", _details(present))
    # Of removals that are held back, the guard has told already, with the lot; nobody is told twice of one cause.
    if (notice.kind, notice.reason) != ("quarantine", "TooManyDeletes"):
        await announce(tx, job_id, runtime.new_id(), notice, now)
    details = {"news": assessed.news, "reason": notice.reason, "message": notice.message}
    await audit(tx, job_id, runtime.new_id(), "Quarantine", SERVICE, details, now)


def _disabled(quarantine: Quarantine) -> str:
    since = f"{quarantine.series_began:%Y-%m-%d}"
    return f"The job was in quarantine since {since} and is now disabled: {quarantine.message} {advice(quarantine)}"


def _details(quarantine: Quarantine) -> dict[str, str | int]:
    return {
        "code": quarantine.code,
        "since": quarantine.series_began.isoformat(),
        "next_attempt": quarantine.next_attempt.isoformat(),
        "attempts": quarantine.series_count,
    }
