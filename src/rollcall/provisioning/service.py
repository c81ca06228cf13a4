"""The provisioning service by hand: test a connection, run a cycle, work out a plan. Edges and the worker call this."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

import structlog

from rollcall.db import TenantDatabase
from rollcall.errors import Conflict, Invalid, NotFound, Refusal, Unavailable
from rollcall.provisioning import cycles, job_states, jobs, plans
from rollcall.provisioning.applying import Document, Work, apply, as_read, check_fits, check_no_approval
from rollcall.provisioning.approvals import Approvals
from rollcall.provisioning.assessing import CycleEnd, conclude_cycle
from rollcall.provisioning.capability_store import read_capabilities
from rollcall.provisioning.connection import Service, first_matching, open_target, test_connection
from rollcall.provisioning.connectors.contract import Target
from rollcall.provisioning.connectors.directory import DirectorySource
from rollcall.provisioning.cycle import CycleResult, run_cycle
from rollcall.provisioning.discovering import discover_if_due, keep_what_was_learnt
from rollcall.provisioning.dry_run import plan_cycle
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.gate import MOVED, OPEN, Gate
from rollcall.provisioning.jobs import Job
from rollcall.provisioning.ledger import Hold, take_hold
from rollcall.provisioning.ledger_database import DatabaseLedger
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.mapping import CompiledMapping, compile_mapping
from rollcall.provisioning.meter import NO_METER
from rollcall.provisioning.model import Json, LeftOut, Problem
from rollcall.provisioning.plan_document import PlanHead
from rollcall.provisioning.plan_files import document_lines, planned_objects, read_document, values_digest
from rollcall.provisioning.plan_reading import ReadPlan
from rollcall.provisioning.planned import Given, PlannedCycle
from rollcall.provisioning.progress import Speed
from rollcall.provisioning.request_profile import is_bulk_wanted
from rollcall.provisioning.road import Counts, Observer, Road
from rollcall.provisioning.sync_schema import parse_schema

_log = structlog.get_logger()
_OBSERVE_EVERY_SECONDS = 0.25


async def create_tested_job(service: Service, tenant: UUID, new: jobs.NewJob) -> UUID:
    """Make a job after its connection has been tested. Raises Invalid with the verdict when the test fails."""
    verdict = await test_connection(service, new.tenant_url, new.secret_token, new.settings)
    if not verdict.ok:
        raise Invalid(f"Test Connection failed; nothing was saved. {verdict.message}", code=verdict.code)
    db = service.database.tenant(tenant)
    job_id = await db.write(jobs.create_job, service.runtime, service.sealer, new)
    job = await db.read(jobs.read_job, job_id)
    async with open_target(service, new.tenant_url, new.secret_token, job.settings) as target:
        await discover_if_due(service, db, job, target, None, initial=True)
    return job_id


async def run_job(service: Service, tenant: UUID, job_id: UUID, *, watch: Observer | None = None) -> CycleResult:
    """Run one cycle now, or hand its plan in where the job wants it approved; the result's problem says so then.

    Raises Conflict when one runs already, here or on another machine.
    `watch` is told the counts after each page, beside those kept in the job's cycles.
    """
    async with service.database.exclusive(f"provisioning cycle {job_id}") as free:
        if not free:
            raise Conflict("A cycle of this job is running already. Wait for its end: rollcall job status.")
        db = service.database.tenant(tenant)
        job = await db.read(jobs.read_job, job_id)
        if job.settings.approval == "never":
            await db.write(plans.close_plans, job_id, service.runtime.now())
            return await run_seen(service, db, job, watch)
        return await _approvals(service, db, job, watch).run()


async def run_seen(
    service: Service,
    db: TenantDatabase,
    seen: Job,
    watch: Observer | None,
    gate: Gate = OPEN,
    given: Given | None = None,
) -> CycleResult:
    """One cycle of the job `seen`, through the gate that was chosen for it then.

    Raises Conflict when what the job wants approved is something else by now.
    """
    job_id, cycle_id = seen.id, service.runtime.new_id()
    hold = await db.write(take_hold, job_id, cycle_id)
    job = await db.read(jobs.read_job, job_id)
    if _approval(job) != _approval(seen):
        raise Conflict(
            "What the job wants approved was changed while its cycle began, so nothing was sent. Run it again."
        )
    url, token = await db.read(jobs.credentials, service.sealer, job_id)
    position = await DatabaseLedger(db, job_id).position()
    kind = "initial" if position.watermark is None or position.reading_full else "incremental"
    began = service.runtime.monotonic()
    await db.write(cycles.begin_cycle, job_id, cycle_id, kind, service.runtime.now())
    counts = Counts()
    try:
        known, asked_at = await db.read(read_capabilities, job_id)
        async with open_target(service, url, token, job.settings, known) as target:
            await discover_if_due(service, db, job, target, asked_at, initial=kind == "initial")
            before = target.capabilities
            road = make_road(service, db, job, target, str(cycle_id), hold)
            road.force_deletes = await db.read(job_states.has_force_deletes, job_id)
            road.observer = _observer(service, db, job_id, cycle_id, watch)
            road.gate, road.given = gate, given
            counts = road.counts
            result = await _proved(job, target, await run_cycle(road))
            # Used up by the cycle that carried them out, not by one that was cut off before or that something stopped.
            if road.force_deletes and result.problem is None:
                await db.write(job_states.end_force_deletes, job_id)
            await keep_what_was_learnt(db, job_id, before, target)
    except Exception as error:
        # Whatever it was, the cycle has ended, and its row says why.
        _measure(service, job_id, kind, "failed", counts)
        with contextlib.suppress(Unavailable):
            await _conclude_early(service, db, job_id, cycle_id, counts, error)
        raise
    end = CycleEnd(
        result.counts,
        result.problem,
        resume_at=result.resume_at,
        held_because=result.held_because or ("A guard holds removals back." if result.held else ""),
    )
    assessed = await db.write(conclude_cycle, service.runtime, job_id, cycle_id, end)
    _measure(service, job_id, kind, "stopped" if result.problem else "done", result.counts)
    _log.info(
        "cycle ended",
        job=str(job_id),
        cycle=str(cycle_id),
        kind=kind,
        seconds=round(service.runtime.monotonic() - began, 3),
        imported=result.counts.imported,
        requests=result.counts.requests,
        failed=result.counts.failed,
        problem=result.problem.code if result.problem else None,
        quarantine=assessed.health.quarantine.reason if assessed and assessed.health.quarantine else None,
    )
    return result


def _approval(job: Job) -> tuple[str, int]:
    return job.settings.approval, job.settings.approval_over


def _measure(service: Service, job_id: UUID, kind: str, result: str, counts: Counts) -> None:
    if service.metrics is not None:
        service.metrics.cycle_ended(job_id, kind, result, counts.withheld)


async def _conclude_early(
    service: Service, db: TenantDatabase, job_id: UUID, cycle_id: UUID, counts: Counts, error: Exception
) -> None:
    """A cycle that ended by an exception has failed too; but being told to begin anew, or to give way, is no failure."""
    problem = _why_ended(error)
    if isinstance(error, Conflict | NotFound):
        await db.write(cycles.end_cycle, job_id, cycle_id, counts, problem, service.runtime.now())
        return
    end = CycleEnd(counts, problem, is_ours=not isinstance(error, Invalid))
    await db.write(conclude_cycle, service.runtime, job_id, cycle_id, end)


async def _proved(job: Job, target: Target, result: CycleResult) -> CycleResult:
    """The result, where a job that was in quarantine because its target failed has shown that it does not any more.

    A cycle that had nothing to send proves nothing; so the connection is tested (rule C4).
    """
    quarantine = job.quarantine
    if quarantine is None or quarantine.reason != "EncounteredQuarantineException":
        return result
    if result.problem is not None or result.counts.requests:
        return result
    verdict = await target.test(first_matching(job))
    return result if verdict.ok else replace(result, problem=Problem(quarantine.code, verdict.message))


def _work(service: Service, db: TenantDatabase, job: Job, watch: Observer | None) -> Work:
    async def planning(given: Given | None) -> PlannedCycle:
        return await plan_job(service, db.tenant, job.id, given)

    async def running(gate: Gate, given: Given | None) -> CycleResult:
        return await run_seen(service, db, job, watch, gate, given)

    def by(initiator: Initiator) -> Work:
        return _work(replace(service, initiator=initiator), db, job, watch)

    return Work(job, db.tenant, values_digest(service), planning, running, by)


def _approvals(service: Service, db: TenantDatabase, job: Job, watch: Observer | None) -> Approvals:
    def write(planned: PlannedCycle) -> Iterable[bytes]:
        assert planned.given is not None, "a plan knows when it was made"
        return document_lines(service, planned, PlanHead(planned.given.now, db.tenant, job.id, job.display_name))

    async def moves(watermark: dict[str, Json] | None) -> bool:
        if watermark is None:
            return True
        page = await DirectorySource(db, job.service_principal_id, job.settings.nested_groups).changes(watermark, 1)
        return bool(page.entries or page.ties or page.more or page.full)

    return Approvals(
        service, db, _work(service, db, job, watch), write, lambda stream: read_document(service, stream), moves
    )


async def apply_plan(
    service: Service, tenant: UUID, job_id: UUID, read: ReadPlan, document: Document, *, watch: Observer | None = None
) -> CycleResult:
    """Carry out exactly this plan, or the rest of it where it was cut off.

    Raises Invalid for a plan of something else, Denied where it has to be approved, Conflict (plan_moved) with what moved
    since, or when a cycle runs, and Unavailable when nothing can be planned now.
    """
    async with service.database.exclusive(f"provisioning cycle {job_id}") as free:
        if not free:
            raise Conflict("A cycle of this job is running, so nothing can be applied yet. Try again in a moment.")
        db = service.database.tenant(tenant)
        job = await db.read(jobs.read_job, job_id)
        check_fits(job, tenant, read)
        check_no_approval(job, read)
        which = f"{read.given.seed} {read.digest}"
        begun = await db.read(plans.is_begun, job_id, which)

        async def begin() -> None:
            await db.write(plans.note_begun, job_id, which)

        result = await apply(_work(service, db, job, watch), read, document, begin, begun=begun)
        if result.problem is None or result.problem.code == MOVED:
            await db.write(plans.note_begun, job_id, None)
        return result


async def apply_planned(
    service: Service, tenant: UUID, job: Job, planned: PlannedCycle, *, watch: Observer | None = None
) -> CycleResult:
    """The same for a plan that was just made."""
    read = as_read(planned, job, tenant, values_digest(service))
    return await apply_plan(service, tenant, job.id, read, planned_objects(planned), watch=watch)


def check_no_approval_of(service: Service, tenant: UUID, job: Job, planned: PlannedCycle) -> None:
    """That a plan which was just made needs nobody's approval. Raises Denied."""
    check_no_approval(job, as_read(planned, job, tenant, values_digest(service)))


async def check_no_cycle(service: Service, job_id: UUID) -> None:
    """Raises Conflict while a cycle of the job runs, here or on another machine."""
    async with service.database.exclusive(f"provisioning cycle {job_id}") as free:
        if not free:
            raise Conflict("A cycle of this job is running, so there is nothing to apply yet. Try again in a moment.")


def _why_ended(error: Exception) -> Problem:
    if isinstance(error, Refusal):
        return Problem(error.code, error.message)
    return Problem(
        "InternalError", f"A fault of the service ({type(error).__name__}); the next cycle goes on from here."
    )


def make_road(
    service: Service, db: TenantDatabase, job: Job, target: Target, cycle_id: str, hold: Hold | None = None
) -> Road:
    """Everything one cycle of a job works with."""
    return Road(
        settings=job.settings,
        mappings=compiled_mappings(job),
        source=DirectorySource(db, job.service_principal_id, job.settings.nested_groups),
        target=target,
        ledger=DatabaseLedger(db, job.id, hold, service.initiator),
        runtime=service.runtime,
        exporter=Exporter(
            target,
            service.runtime,
            job.settings.concurrency,
            bulk=is_bulk_wanted(job.settings),
            requests_per_second=job.settings.requests_per_second,
            meter=NO_METER if service.metrics is None else service.metrics.meter(job.id),
        ),
        context=lambda: Context(
            now=service.runtime.now(), new_guid=lambda: str(service.runtime.new_id()), random=service.runtime.chance()
        ),
        cycle_id=cycle_id,
        verify=True,
    )


def compiled_mappings(job: Job) -> dict[str, CompiledMapping]:
    """The job's mappings, ready for use."""
    return {kind: compile_mapping(mapping) for kind, mapping in parse_schema(job.sync_schema).items()}


def _observer(service: Service, db: TenantDatabase, job_id: UUID, cycle_id: UUID, watch: Observer | None) -> Observer:
    """Keeps the counts of a running cycle, a few times a second at the most."""
    last = service.runtime.monotonic()
    speed = Speed(last)

    async def observe(counts: Counts) -> None:
        nonlocal last
        measured = speed.note(service.runtime.monotonic(), counts.imported)
        counts.objects_per_second = None if measured is None else round(measured, 2)
        if watch is not None:
            await watch(counts)
        now = service.runtime.monotonic()
        if now - last >= _OBSERVE_EVERY_SECONDS:
            last = now
            await db.write(cycles.observe_cycle, job_id, cycle_id, counts, service.runtime.now())

    return observe


async def plan_job(service: Service, tenant: UUID, job_id: UUID, given: Given | None = None) -> PlannedCycle:
    """What the next cycle would do; writes nothing, neither here nor in the target. `given`: as of another plan."""
    db = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    url, token = await db.read(jobs.credentials, service.sealer, job_id)
    known, _ = await db.read(read_capabilities, job_id)
    async with open_target(service, url, token, job.settings, known) as target:
        road = make_road(service, db, job, target, "plan")
        road.given = given
        road.force_deletes = await db.read(job_states.has_force_deletes, job_id)
        return await plan_cycle(road, values_digest(service))


async def left_out(service: Service, tenant: UUID, job_id: UUID, inside: UUID | None = None) -> list[LeftOut]:
    """The groups inside assigned groups that the job passes over, because it takes direct members only (rule S2).

    With `inside` only those in that group. Nothing for a job that flattens or mirrors nested groups, or provisions everybody.
    """
    db = service.database.tenant(tenant)
    job = await db.read(jobs.read_job, job_id)
    if job.settings.scope == "all":
        return []
    return await DirectorySource(db, job.service_principal_id, job.settings.nested_groups).left_out(inside)
