"""The worker: runs a job's cycles when their time comes and when the directory changes, and takes over from dead workers."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from rollcall.db import Tx
from rollcall.errors import NotFound, Refusal, Unavailable
from rollcall.provisioning.connection import Service
from rollcall.provisioning.jobs import SCHEDULE_CHANNEL
from rollcall.provisioning.service import run_job

_log = structlog.get_logger()

QUEUE = "provisioning"
_SCHEMA = "queue"
_POLL_SECONDS = 1.0
_HEARTBEAT_SECONDS = 2.0
_DEAD_AFTER_SECONDS = 8.0
_LOOK_FOR_DEAD_EVERY_SECONDS = 4.0
_RESTART_AFTER_SECONDS = 1.0
_AGAIN_AFTER_SECONDS = 2.0
_END_WITHIN_SECONDS = 3.0
"""How long a cycle may go on when the worker is told to stop; it goes on from its last page elsewhere."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job the scheduler thinks of."""

    tenant: UUID
    job_id: UUID
    interval_seconds: float


async def scheduled_jobs(tx: Tx, tenant: UUID | None = None) -> list[Scheduled]:
    """Active jobs of all tenants, or of one."""
    rows = await tx.all(
        """
        select tenant, job_id, interval_seconds from queue.provisioning_schedule
        where %s::uuid is null or tenant = %s
        """,
        [tenant, tenant],
    )
    return [Scheduled(**row) for row in rows]


async def unscheduled_jobs(tx: Tx) -> list[Scheduled]:
    """Active jobs of all tenants that have no next cycle in the queue."""
    rows = await tx.all(
        """
        select tenant, job_id, interval_seconds from queue.provisioning_schedule s
        where not exists (
            select from queue.procrastinate_jobs j
            where j.queueing_lock = 'tick ' || s.job_id and j.status in ('todo', 'doing'))
        """
    )
    return [Scheduled(**row) for row in rows]


class Worker:
    """Runs cycles until it is stopped. Any number of workers may share a database.

    `changes`: the channel on which the source tells, with the tenant as payload, that something changed.
    """

    def __init__(self, service: Service, changes: str, concurrency: int = 4) -> None:
        self._service = service
        self._changes = changes
        self._concurrency = concurrency
        # The options that are there, the role and the time limits among them, hold for the queue as well.
        options = str(conninfo_to_dict(service.database.conninfo).get("options") or "")
        conninfo = make_conninfo(service.database.conninfo, options=f"{options} -c search_path={_SCHEMA}".strip())
        self.queue = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4)
        )
        self._wake = self.queue.task(name="provisioning.wake", queue=QUEUE)(self._run_woken)
        self._tick = self.queue.task(name="provisioning.cycle", queue=QUEUE)(self._run_ticking)

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled; through losses of the database."""
        async with self.queue.open_async():
            ready()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._forever(self._work))
                tasks.create_task(self._forever(self._listen, self._changes, self._wake_tenant))
                tasks.create_task(self._forever(self._listen, SCHEDULE_CHANNEL, self._reschedule))
                tasks.create_task(self._forever(self._take_over))

    async def _forever(self, part: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """Run a part of the worker again when the database went away under it."""
        while True:
            try:
                await part(*arguments)
            except (Unavailable, ConnectorException) as error:
                _log.warning("worker lost the database", part=part.__name__, error=type(error).__name__)
            await self._service.runtime.sleep(_RESTART_AFTER_SECONDS)

    async def _work(self) -> None:
        await self._ensure_scheduled()
        await self.queue.run_worker_async(
            queues=[QUEUE],
            concurrency=self._concurrency,
            fetch_job_polling_interval=_POLL_SECONDS,
            update_heartbeat_interval=_HEARTBEAT_SECONDS,
            stalled_worker_timeout=_DEAD_AFTER_SECONDS,
            delete_jobs="always",
            install_signal_handlers=False,
            shutdown_graceful_timeout=_END_WITHIN_SECONDS,
        )

    async def _ensure_scheduled(self) -> None:
        """Every active job has its next cycle in the queue, whatever became of the last one."""
        for scheduled in await self._service.database.system(unscheduled_jobs):
            await self._defer_tick(scheduled, 0.0)

    async def _listen(self, channel: str, wake: Callable[[str], Awaitable[None]]) -> None:
        async with contextlib.aclosing(self._service.database.listen(channel)) as payloads:
            async for payload in payloads:
                await wake(payload)

    async def _wake_tenant(self, payload: str) -> None:
        """Something changed for a tenant; without payload the connection was lost, so anything may have."""
        tenant = UUID(payload) if payload else None
        for scheduled in await self._service.database.system(scheduled_jobs, tenant):
            await self._defer_wake(scheduled)

    async def _reschedule(self, payload: str) -> None:
        """A job was started, paused or given another interval: its next cycle is due now, or is taken out."""
        for scheduled in await self._service.database.system(scheduled_jobs):
            if payload and str(scheduled.job_id) != payload:
                continue
            waiting = await self.queue.job_manager.list_jobs_async(
                queue=QUEUE, status="todo", queueing_lock=f"tick {scheduled.job_id}"
            )
            for job in waiting:
                assert job.id is not None, "a job in the queue has an id"
                await self.queue.job_manager.cancel_job_by_id_async(job.id, delete_job=True)
            await self._defer_tick(scheduled, 0.0)

    async def _defer_wake(self, scheduled: Scheduled, seconds: float = 0.0) -> None:
        # One waiting wake-up is enough: the cycle reads what is there when it starts. Its lock keeps two cycles of one
        # job apart, over all workers.
        await self._defer(
            self._wake, scheduled, f"wake {scheduled.job_id}", lock=str(scheduled.job_id), seconds=seconds
        )

    async def _defer_tick(self, scheduled: Scheduled, seconds: float) -> None:
        # Without the lock: a queue serves one lock in order, and a tick that waits for its time would hold up wake-ups.
        await self._defer(self._tick, scheduled, f"tick {scheduled.job_id}", seconds=seconds)

    async def _defer(
        self, task: Any, scheduled: Scheduled, queueing_lock: str, *, lock: str | None = None, seconds: float = 0.0
    ) -> None:
        schedule = {"seconds": int(seconds)} if seconds else None
        deferrer = task.configure(lock=lock, queueing_lock=queueing_lock, schedule_in=schedule)
        with contextlib.suppress(AlreadyEnqueued):
            await deferrer.defer_async(tenant=str(scheduled.tenant), job_id=str(scheduled.job_id))

    async def _run_woken(self, tenant: str, job_id: str) -> None:
        await self._cycle(UUID(tenant), UUID(job_id))

    async def _run_ticking(self, tenant: str, job_id: str) -> None:
        """It is time for a cycle: put it into the queue, and the next tick, so that the chain never breaks."""
        jobs = await self._service.database.system(scheduled_jobs, UUID(tenant))
        scheduled = next((each for each in jobs if str(each.job_id) == job_id), None)
        if scheduled is None:
            return  # paused or deleted
        await self._defer_tick(scheduled, scheduled.interval_seconds)
        await self._defer_wake(scheduled)

    async def _cycle(self, tenant: UUID, job_id: UUID) -> None:
        jobs = await self._service.database.system(scheduled_jobs, tenant)
        scheduled = next((each for each in jobs if each.job_id == job_id), None)
        if scheduled is None:
            return  # paused after it was put into the queue
        try:
            await run_job(self._service, tenant, job_id)
        except NotFound as refusal:
            _log.info("cycle left out", job=str(job_id), reason=refusal.message)
        except Refusal as refusal:
            # Somebody else is at it, or something is away: what woke this cycle may have come too late for them.
            _log.info("cycle put off", job=str(job_id), code=refusal.code, reason=refusal.message)
            await self._defer_wake(scheduled, _AGAIN_AFTER_SECONDS)
        except asyncio.CancelledError:
            with contextlib.suppress(ConnectorException):
                await asyncio.shield(self._defer_wake(scheduled))
            raise
        except Exception as error:
            # A fault of ours ends this cycle, not the worker. Its message may quote a row, so it is not logged.
            frames = traceback.format_tb(error.__traceback__)
            sqlstate = getattr(error, "sqlstate", None)
            _log.error("cycle failed", job=str(job_id), error=type(error).__name__, sqlstate=sqlstate, frames=frames)

    async def _take_over(self) -> None:
        """Put the work of dead workers back into the queue, and mend what is missing in it."""
        while True:
            await self._ensure_scheduled()
            stalled = await self.queue.job_manager.get_stalled_jobs(
                queue=QUEUE, seconds_since_heartbeat=_DEAD_AFTER_SECONDS
            )
            for job in stalled:
                assert job.id is not None, "a job in the queue has an id"
                _log.warning("taking over from a dead worker", job=job.task_kwargs.get("job_id"))
                if job.queueing_lock is not None and await self._has_successor(job.queueing_lock):
                    await self.queue.job_manager.finish_job_by_id_async(job.id, Status.FAILED, delete_job=True)
                    await self._wake_tenant(str(job.task_kwargs["tenant"]))
                else:
                    await self.queue.job_manager.retry_job(job)
            await self._service.runtime.sleep(_LOOK_FOR_DEAD_EVERY_SECONDS)

    async def _has_successor(self, queueing_lock: str) -> bool:
        """Whether the same work waits in the queue already: it may wait there only once."""
        waiting = await self.queue.job_manager.list_jobs_async(queue=QUEUE, status="todo", queueing_lock=queueing_lock)
        return bool(list(waiting))
