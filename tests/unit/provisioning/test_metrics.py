"""What is measured: requests, operations, arrivals and cycles, with labels that stay within bounds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from rollcall.provisioning import JobGauges, Metrics, described
from rollcall.provisioning.connectors.contract import Done, Refused, Unanswered
from rollcall.provisioning.cycle import run_cycle
from rollcall.provisioning.exporter import Exporter
from tests.unit.provisioning.builders import entry
from tests.unit.provisioning.one_job import Job

JOB = UUID(int=7)
PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "prometheus.md"


def test_requests_are_counted_by_result_with_their_time() -> None:
    metrics = Metrics()
    meter = metrics.meter(JOB)
    for answer in (
        Done(),
        Refused("Conflict", "", 409),
        Refused("TooManyRequests", "", 429),
        Unanswered("Timeout", ""),
    ):
        meter.answered(answer, 0.2)

    said = metrics.exposition([]).decode()

    for result in ("done", "refused", "throttled", "unanswered"):
        assert f'rollcall_target_request_seconds_count{{job="{JOB}",result="{result}"}} 1.0' in said


def test_gauges_are_those_that_the_database_held_for_this_scrape() -> None:
    metrics = Metrics()
    metrics.exposition([JobGauges(JOB, "Active", None, 9, 9)])

    said = metrics.exposition([JobGauges(JOB, "Active", "TooManyDeletes", 2, 1)]).decode()

    assert f'rollcall_escrow_objects{{job="{JOB}"}} 2.0' in said
    assert f'rollcall_held_objects{{job="{JOB}"}} 1.0' in said
    assert f'rollcall_job_quarantine{{job="{JOB}",reason="TooManyDeletes"}} 1.0' in said


def test_cycles_are_counted_by_kind_and_result() -> None:
    metrics = Metrics()
    metrics.cycle_ended(JOB, "initial", "done", 3)

    said = metrics.exposition([]).decode()

    assert f'rollcall_cycles_total{{job="{JOB}",kind="initial",result="done"}} 1.0' in said
    assert f'rollcall_removals_held_total{{job="{JOB}"}} 3.0' in said


def test_jobs_beyond_a_thousand_share_a_label() -> None:
    metrics = Metrics()
    for number in range(1200):
        metrics.cycle_ended(UUID(int=number), "incremental", "done", 0)

    lines = [line for line in metrics.exposition([]).decode().splitlines() if line.startswith("rollcall_cycles_total")]

    assert len(lines) == 1001
    assert any('job="other"' in line and line.endswith(" 200.0") for line in lines)


async def test_a_cycle_tells_what_it_did_and_how_long_changes_took_and_names_nobody() -> None:
    metrics, job = Metrics(), Job()
    job.source.put(entry())
    await job.cycle()
    changed = job.runtime.now() - timedelta(seconds=40)
    job.source.put(replace(entry(givenName="Augusta"), changed_at=changed))
    road = job.road()
    road.exporter = Exporter(job.target, job.runtime, 1, meter=metrics.meter(JOB))

    await run_cycle(road)

    said = metrics.exposition([]).decode()
    assert f'rollcall_operations_total{{action="update",job="{JOB}",status="success"}} 1.0' in said
    assert f'rollcall_arrival_seconds_sum{{job="{JOB}"}} 40.0' in said
    assert "ada" not in said


def test_the_page_of_metrics_names_each_with_its_type_labels_and_meaning() -> None:
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `rollcall_")]
    shown = [(row[0].strip("| `"), row[1], row[3].rstrip(" |")) for row in rows]

    assert shown == [(name, kind, meaning) for name, kind, meaning in described(Metrics())]
