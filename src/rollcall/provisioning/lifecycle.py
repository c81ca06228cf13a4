"""What administrators do to a job: start, pause and restart it, see how it stands. Each is kept in the audit log."""

from __future__ import annotations

from uuid import UUID

from rollcall.db import Tx
from rollcall.provisioning import cycles, job_states, jobs
from rollcall.provisioning.audit import keep
from rollcall.provisioning.connection import Service
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.log_requests import request_all
from rollcall.provisioning.reset_scope import parse_reset_scope
from rollcall.provisioning.synchronization_status import JobStatus
from rollcall.runtime import Runtime


async def start_job(service: Service, tenant: UUID, job_id: UUID, who: str) -> None:
    """Let a job run: provisioning status On. Lifts quarantine (rule Q6). Raises NotFound."""
    await service.database.tenant(tenant).write(_start, service.runtime, job_id, who)


async def pause_job(service: Service, tenant: UUID, job_id: UUID, who: str) -> None:
    """Stop a job after the cycle that runs: provisioning status Off (rule Y3). Raises NotFound."""
    await service.database.tenant(tenant).write(_pause, service.runtime, job_id, who)


async def restart_job(service: Service, tenant: UUID, job_id: UUID, scope: str, who: str) -> list[str]:
    """Let a job run with something forgotten, as `scope` says in Graph's words (rule table 10); what was reset.

    Raises Invalid naming every unknown scope, NotFound.
    """
    return await service.database.tenant(tenant).write(_restart, service.runtime, job_id, scope, who)


async def _start(tx: Tx, runtime: Runtime, job_id: UUID, who: str) -> None:
    await job_states.set_state(tx, job_id, "Active")
    await keep(tx, runtime, job_id, "Enable/start provisioning configuration", who, {})


async def _pause(tx: Tx, runtime: Runtime, job_id: UUID, who: str) -> None:
    await job_states.set_state(tx, job_id, "Paused")
    await keep(tx, runtime, job_id, "Disable/pause provisioning configuration", who, {})


async def _restart(tx: Tx, runtime: Runtime, job_id: UUID, scope: str, who: str) -> list[str]:
    scopes = parse_reset_scope(scope)
    await job_states.restart(tx, job_id, scopes, who)
    await request_all(tx, job_id, Initiator(display_name=who, type="user"), runtime.now())
    reset: list[str] = sorted(scopes)
    await keep(tx, runtime, job_id, "Enable/restart provisioning configuration", who, {"resetScope": ", ".join(reset)})
    return reset


async def read_status(tx: Tx, job_id: UUID, cycles_shown: int = 5) -> JobStatus:
    """How a job stands. Raises NotFound."""
    job = await jobs.read_job(tx, job_id)
    recent = await cycles.recent_cycles(tx, job_id, max(cycles_shown, 2))
    return JobStatus(
        job=job,
        health=await job_states.health_as_kept(tx, job_id),
        cycles=recent[:cycles_shown],
        last_ended=next((cycle for cycle in recent if cycle.ended is not None), None),
        last_success=await cycles.last_success(tx, job_id),
        last_export=await cycles.last_success(tx, job_id, exported=True),
        standing=await cycles.standing(tx, job_id),
    )
