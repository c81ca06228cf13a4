"""The worker: runs a job's cycles when their time comes and when the directory changes, and takes over from dead workers."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
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
from rollcall.provisioning.health import LONGEST_WAIT, seconds_to_wait
from rollcall.provisioning.job_states import SCHEDULE_CHANNEL
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
_SOONEST_SECONDS = 1.0
"""No sooner than this after a cycle another one begins for what failed in it."""
_STUCK_AFTER_SECONDS = 30.0
_END_WITHIN_SECONDS = 3.0
"""How long a cycle may go on when the worker is told to stop; it goes on from its last page elsewhere."""


_COLUMNS = "tenant, job_id, interval_seconds, not_before, not_before_since, next_due"


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A job the scheduler thinks of.

    `not_before`, said at `not_before_since`: quarantine, or its target, wants no cycle to begin by itself before. `next_due`: something
    that failed is tried again then.
    """

    tenant: UUID
    job_id: UUID
    interval_seconds: float
    not_before: datetime | None = None
    not_before_since: datetime | None = None
    next_due: datetime | None = None

    def seconds_to_wait(self, now: datetime) -> float:
        """How long no cycle may begin by itself; 0: it may."""
        if self.not_before is None or self.not_before_since is None:
            return 0.0
        return seconds_to_wait(self.not_before, self.not_before_since, self.interval_seconds, now)

    def seconds_until_due(self, now: datetime) -> float | None:
        """How long until something that failed is tried again, where that is sooner than the next regular cycle."""
        if self.next_due is None:
            return None
        seconds = max((self.next_due - now).total_seconds(), _SOONEST_SECONDS)
        return seconds if seconds < self.interval_seconds else None


async def scheduled_jobs(tx: Tx, tenant: UUID | None = None) -> list[Scheduled]:
    """Active jobs of all tenants, or of one."""
    rows = await tx.all(
        f"select {_COLUMNS} from queue.provisioning_schedule where %s::uuid is null or tenant = %s", [tenant, tenant]
    )
    return [Scheduled(**row) for row in rows]


async def unscheduled_jobs(tx: Tx) -> list[Scheduled]:
    """Active jobs of all tenants that have no next cycle in the queue, or one too late, as when the clock went back."""
    rows = await tx.all(
        f"""
        select {_COLUMNS} from queue.provisioning_schedule s
        where not exists (
            select from queue.procrastinate_jobs j
            where j.queueing_lock = 'tick ' || s.job_id and j.status in ('todo', 'doing')
              and (j.scheduled_at is null
                   or j.scheduled_at <= now() + make_interval(secs => %s + greatest(
                       s.interval_seconds, least(%s, extract(epoch from s.not_before - now()))::float8))))
        """,
        [_AGAIN_AFTER_SECONDS, LONGEST_WAIT.total_seconds()],
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
        self._turned_at = service.runtime.monotonic()
        # The options that are there, the role and the time limits among them, hold for the queue as well.
        options = str(conninfo_to_dict(service.database.conninfo).get("options") or "")
        conninfo = make_conninfo(service.database.conninfo, options=f"{options} -c search_path={_SCHEMA}".strip())
        self.queue = procrastinate.App(
            connector=procrastinate.PsycopgConnector(conninfo=conninfo, min_size=1, max_size=4)
        )
        self._wake = self.queue.task(name="provisioning.wake", queue=QUEUE)(self._run_woken)
        self._tick = self.queue.task(name="provisioning.cycle", queue=QUEUE)(self._run_ticking)

    def is_turning(self) -> bool:
        """Whether the loop that everything of the worker runs in has turned lately."""
        return self._service.runtime.monotonic() - self._turned_at < _STUCK_AFTER_SECONDS

    async def _turn(self) -> None:
        while True:
            self._turned_at = self._service.runtime.monotonic()
            await self._service.runtime.sleep(1.0)

    async def check_queue(self) -> None:
        """Ask the queue for an answer. Raises Unavailable when there is none."""
        try:
            reached = await self.queue.check_connection_async()
        except ConnectorException:
            reached = False
        if not reached:
            raise Unavailable("The queue does not answer.")

    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Work until cancelled; through losses of the database."""
        async with self.queue.open_async():
            ready()
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._turn())
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
            await self._put_tick(scheduled, 0.0)

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
            await self._put_tick(scheduled, 0.0)

    async def _defer_wake(self, scheduled: Scheduled, seconds: float = 0.0) -> None:
        # One waiting wake-up is enough: the cycle reads what is there when it starts. Its lock keeps two cycles of one
        # job apart, over all workers.
        await self._defer(
            self._wake, scheduled, f"wake {scheduled.job_id}", lock=str(scheduled.job_id), seconds=seconds
        )

    async def _defer_tick(self, scheduled: Scheduled, seconds: float) -> None:
        # Without the lock: a queue serves one lock in order, and a tick that waits for its time would hold up wake-ups.
        await self._defer(self._tick, scheduled, f"tick {scheduled.job_id}", seconds=seconds)

    async def _put_tick(self, scheduled: Scheduled, seconds: float) -> None:
        """Let the next tick come then, whenever it would have come."""
        waiting = await self.queue.job_manager.list_jobs_async(
            queue=QUEUE, status="todo", queueing_lock=f"tick {scheduled.job_id}"
        )
        for job in waiting:
            assert job.id is not None, "a job in the queue has an id"
            await self.queue.job_manager.cancel_job_by_id_async(job.id, delete_job=True)
        await self._defer_tick(scheduled, seconds)

    async def _scheduled(self, tenant: UUID, job_id: UUID) -> Scheduled | None:
        """The job as the scheduler knows it now; None when it was paused or deleted."""
        jobs = await self._service.database.system(scheduled_jobs, tenant)
        return next((each for each in jobs if each.job_id == job_id), None)

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
        scheduled = await self._scheduled(UUID(tenant), UUID(job_id))
        if scheduled is None:
            return  # paused or deleted
        if seconds := scheduled.seconds_to_wait(self._service.runtime.now()):
            # Rounded up, or it would find itself a moment too early.
            await self._defer_tick(scheduled, ceil(seconds))
            return
        await self._defer_tick(scheduled, scheduled.interval_seconds)
        await self._defer_wake(scheduled)

    async def _cycle(self, tenant: UUID, job_id: UUID) -> None:
        scheduled = await self._scheduled(tenant, job_id)
        if scheduled is None:
            return  # paused after it was put into the queue
        if seconds := scheduled.seconds_to_wait(self._service.runtime.now()):
            # What changed is read by the cycle that comes then; its tick is in the queue.
            _log.info("cycle left out", job=str(job_id), reason="quarantine or Retry-After", seconds=round(seconds))
            return
        try:
            await run_job(self._service, tenant, job_id)
            await self._tick_when_due(tenant, job_id)
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

    async def _tick_when_due(self, tenant: UUID, job_id: UUID) -> None:
        """What failed is tried again in its time, even where the next regular cycle comes later."""
        scheduled = await self._scheduled(tenant, job_id)
        if scheduled is None:
            return
        seconds = scheduled.seconds_until_due(self._service.runtime.now())
        if seconds is not None:
            await self._put_tick(scheduled, ceil(seconds))

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
