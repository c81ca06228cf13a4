"""The status of a job in the shape of Graph's synchronizationStatus (rules G1, G2, G4, Q8)."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from rollcall.provisioning.cycles import Cycle, Standing
from rollcall.provisioning.health import Health, Quarantine
from rollcall.provisioning.jobs import Job
from rollcall.provisioning.model import JobSettings, Problem
from rollcall.provisioning.road import Counts
from rollcall.provisioning.synchronization_status import JobStatus, pages, synchronization_job, synchronization_status
from tests.unit.provisioning.expression_context import NOON

JOB = Job(
    id=UUID(int=7),
    service_principal_id=UUID(int=8),
    display_name="Workspaces",
    template="scim",
    tenant_url="https://app.example/scim",
    has_token=True,
    settings=JobSettings(interval_seconds=2400, page_size=500, deletion_threshold=50),
    sync_schema={},
    state="Active",
    starts_over=False,
    created=NOON,
)
SECOND = timedelta(seconds=1)
DONE = Cycle(UUID(int=1), "incremental", NOON, NOON, NOON + 9 * SECOND, Counts(), None)
NOTHING = Standing(*[0] * len(fields(Standing)))
QUARANTINE = Quarantine(
    "EncounteredQuarantineException", "Unauthorized", "401.", NOON, NOON + timedelta(minutes=40), NOON, 2
)


def status(**values: Any) -> JobStatus:
    """A status in which everything is as it should be, but for these values."""
    whole = JobStatus(JOB, Health(), (DONE,), DONE, DONE, None, NOTHING)
    return replace(whole, **values)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, "Active"),
        ({"job": replace(JOB, tenant_url=None)}, "NotConfigured"),
        ({"cycles": (), "last_ended": None}, "NotRun"),
        ({"job": replace(JOB, state="Paused")}, "Paused"),
        ({"job": replace(JOB, state="Disabled")}, "Paused"),
        ({"job": replace(JOB, state="Disabled"), "cycles": ()}, "NotRun"),
        ({"health": Health(QUARANTINE)}, "Quarantine"),
        ({"health": Health(QUARANTINE), "job": replace(JOB, state="Disabled")}, "Quarantine"),
        ({"health": Health(QUARANTINE), "job": replace(JOB, state="Paused")}, "Paused"),
    ],
)
def test_the_code_is_one_of_graphs(changes: dict[str, Any], code: str) -> None:
    """G4."""
    assert synchronization_status(status(**changes))["code"] == code


def test_a_cycle_is_told_with_the_counters_of_graph() -> None:
    """G4."""
    counts = Counts(
        imported=15, in_scope=12, created=2, updated=1, disabled=1, failed=1, references_added=3, references_failed=2
    )
    ended = replace(DONE, counts=counts)

    assert synchronization_status(status(last_ended=ended))["lastExecution"] == {
        "activityIdentifier": str(UUID(int=1)),
        "countEntitled": 12,
        "countEntitledForProvisioning": 12,
        "countEscrowed": 1,
        "countEscrowedRaw": 3,
        "countExported": 4,
        "countExports": 7,
        "countImported": 15,
        "countImportedDeltas": 15,
        "countImportedReferenceDeltas": 5,
        "error": None,
        "state": "EntryLevelErrors",
        "timeBegan": "2025-07-30T12:00:00Z",
        "timeEnded": "2025-07-30T12:00:09Z",
    }


def test_a_cycle_that_stopped_tells_why() -> None:
    stopped = replace(DONE, kind="initial", problem=Problem("Unauthorized", "401."), counts=Counts(imported=5))

    execution = synchronization_status(status(last_ended=stopped))["lastExecution"]

    assert (execution["state"], execution["countImportedDeltas"]) == ("Failed", 0)
    assert execution["error"] == {"code": "Unauthorized", "message": "401.", "tenantActionable": True}


def test_quarantine_is_told_with_its_series() -> None:
    """Q8."""
    assert synchronization_status(status(health=Health(QUARANTINE)))["quarantine"] == {
        "currentBegan": "2025-07-30T12:00:00Z",
        "error": {"code": "Unauthorized", "message": "401.", "tenantActionable": True},
        "nextAttempt": "2025-07-30T12:40:00Z",
        "reason": "EncounteredQuarantineException",
        "seriesBegan": "2025-07-30T12:00:00Z",
        "seriesCount": 2,
    }


@pytest.mark.parametrize(
    ("imported", "total", "known"),
    [(0, 1201, (0, 3)), (500, 1201, (1, 3)), (1201, 1201, (3, 3)), (1700, 1201, (4, 4)), (501, None, (2, None))],
)
def test_progress_counts_pages(imported: int, total: int | None, known: tuple[int, int | None]) -> None:
    """G1."""
    running = replace(DONE, ended=None, counts=Counts(imported=imported, total=total))
    stands = status(cycles=(running, DONE))

    assert pages(stands) == known
    assert synchronization_status(stands)["progress"] == [
        {
            "completedUnits": known[0],
            "totalUnits": known[1],
            "units": "Pages",
            "progressObservationDateTime": "2025-07-30T12:00:00Z",
        }
    ]
    assert synchronization_status(stands)["lastExecution"]["activityIdentifier"] == str(DONE.id)


def test_without_a_running_cycle_there_is_no_progress() -> None:
    assert synchronization_status(status())["progress"] == []


def test_users_and_groups_are_the_linked_objects() -> None:
    """G2."""
    found = synchronization_status(status(standing=replace(NOTHING, users=11, groups=2)))

    assert found["synchronizedEntryCountByType"] == [
        {"key": "User to urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "value": 11},
        {"key": "Group to urn:ietf:params:scim:schemas:core:2.0:Group", "value": 2},
    ]


def test_what_never_happened_has_graphs_year_one() -> None:
    """G4."""
    never, once = synchronization_status(status()), synchronization_status(status(health=Health(steady_first=NOON)))

    assert never["steadyStateFirstAchievedTime"] == never["steadyStateLastAchievedTime"] == "0001-01-01T00:00:00Z"
    assert once["steadyStateFirstAchievedTime"] == "2025-07-30T12:00:00Z"


def test_the_job_stands_around_its_status() -> None:
    """G4."""
    job = synchronization_job(status())

    assert (job["templateId"], job["schedule"]) == (
        "scim",
        {"expiration": None, "interval": "PT40M", "state": "Active"},
    )
    assert job["synchronizationJobSettings"] == [{"name": "QuarantineTooManyDeletesThreshold", "value": "50"}]
