"""A job and its status as the resources of Graph name them: synchronizationJob and synchronizationStatus (rules G1 to G4, Q8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from rollcall.provisioning.cycles import Cycle, Standing, exports, outcome_of
from rollcall.provisioning.health import Health, Quarantine
from rollcall.provisioning.job_settings import print_interval
from rollcall.provisioning.jobs import Job
from rollcall.provisioning.model import Json

NEVER = "0001-01-01T00:00:00Z"
"""How Graph writes that something has not happened yet."""

_ENTRY_TYPES = {
    "User": "User to urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "Group": "Group to urn:ietf:params:scim:schemas:core:2.0:Group",
}


@dataclass(frozen=True, slots=True)
class JobStatus:
    """How a job stands: its health, its last cycles, newest first, and what it holds.

    `last_ended`: the last cycle that is over; `last_success`: the last without any failure; `last_export`: the last of those that changed
    something.
    """

    job: Job
    health: Health
    cycles: Sequence[Cycle]
    last_ended: Cycle | None
    last_success: Cycle | None
    last_export: Cycle | None
    standing: Standing

    @property
    def running(self) -> Cycle | None:
        """The cycle that runs now."""
        return self.cycles[0] if self.cycles and self.cycles[0].ended is None else None


def synchronization_job(status: JobStatus) -> dict[str, Json]:
    """The job as Graph's synchronizationJob."""
    job = status.job
    return {
        "id": str(job.id),
        "templateId": job.template,
        "schedule": {"expiration": None, "interval": print_interval(job.settings.interval_seconds), "state": job.state},
        "status": synchronization_status(status),
        "synchronizationJobSettings": [
            {"name": "QuarantineTooManyDeletesThreshold", "value": str(job.settings.deletion_threshold)}
        ],
    }


def synchronization_status(status: JobStatus) -> dict[str, Json]:
    """How the job stands as Graph's synchronizationStatus."""
    health, standing = status.health, status.standing
    counts = {"User": standing.users, "Group": standing.groups}
    return {
        "code": status_code(status),
        "countSuccessiveCompleteFailures": health.failures_in_a_row,
        "escrowsPruned": False,
        "lastExecution": _execution(status.last_ended),
        "lastSuccessfulExecution": _execution(status.last_success),
        "lastSuccessfulExecutionWithExports": _execution(status.last_export),
        "progress": _progress(status),
        "quarantine": None if health.quarantine is None else _quarantine(health.quarantine),
        "steadyStateFirstAchievedTime": _moment(health.steady_first) or NEVER,
        "steadyStateLastAchievedTime": _moment(health.steady_last) or NEVER,
        "synchronizedEntryCountByType": [
            {"key": _ENTRY_TYPES[kind], "value": number} for kind, number in counts.items()
        ],
        "troubleshootingUrl": None,
    }


def status_code(status: JobStatus) -> str:
    """Graph's synchronizationStatusCode. A job that was disabled in quarantine stays there until somebody starts it."""
    job = status.job
    if not job.tenant_url:
        return "NotConfigured"
    if job.state == "Paused":
        return "Paused"
    if status.health.quarantine is not None:
        return "Quarantine"
    if not status.cycles:
        return "NotRun"
    return "Active" if job.state == "Active" else "Paused"


def pages(status: JobStatus) -> tuple[int, int | None] | None:
    """Pages that the running cycle has done, and how many there are where that is known (rule G1); None when none runs."""
    cycle = status.running
    if cycle is None:
        return None
    size = status.job.settings.page_size
    done = -(-cycle.counts.imported // size)
    if cycle.counts.total is None:
        return done, None
    return done, max(done, -(-cycle.counts.total // size))


def _progress(status: JobStatus) -> list[dict[str, Json]]:
    known, cycle = pages(status), status.running
    if known is None or cycle is None:
        return []
    return [
        {
            "completedUnits": known[0],
            "totalUnits": known[1],
            "units": "Pages",
            "progressObservationDateTime": _moment(cycle.observed),
        }
    ]


def _execution(cycle: Cycle | None) -> dict[str, Json] | None:
    """A cycle as Graph's synchronizationTaskExecution (rule G4)."""
    if cycle is None:
        return None
    counts, problem = cycle.counts, cycle.problem
    objects = counts.created + counts.updated + counts.disabled + counts.deleted
    ties = counts.references_added + counts.references_removed + counts.references_failed
    deltas = cycle.kind == "incremental"
    return {
        "activityIdentifier": str(cycle.id),
        "countEntitled": counts.in_scope,
        "countEntitledForProvisioning": counts.in_scope,
        "countEscrowed": counts.failed,
        "countEscrowedRaw": counts.failed + counts.references_failed,
        "countExported": objects,
        "countExports": exports(counts),
        "countImported": counts.imported,
        "countImportedDeltas": counts.imported if deltas else 0,
        "countImportedReferenceDeltas": ties if deltas else 0,
        "error": None if problem is None else _error(problem.code, problem.reason, actionable=True),
        "state": outcome_of(counts, problem),
        "timeBegan": _moment(cycle.began),
        "timeEnded": _moment(cycle.ended),
    }


def _quarantine(quarantine: Quarantine) -> dict[str, Json]:
    """Graph's synchronizationQuarantine (rule Q8)."""
    return {
        "currentBegan": _moment(quarantine.current_began),
        "error": _error(quarantine.code, quarantine.message, actionable=quarantine.tenant_actionable),
        "nextAttempt": _moment(quarantine.next_attempt),
        "reason": quarantine.reason,
        "seriesBegan": _moment(quarantine.series_began),
        "seriesCount": quarantine.series_count,
    }


def _error(code: str, message: str, *, actionable: bool) -> dict[str, Json]:
    return {"code": code, "message": message, "tenantActionable": actionable}


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
