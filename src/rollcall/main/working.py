"""The worker as a program: provisioning cycles, and the housekeeping of all rooms."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from rollcall import directory, provisioning
from rollcall.db import forget_turns
from rollcall.directory.signin.grants import forget_grants
from rollcall.directory.signin.keys import KeyRing
from rollcall.directory.signin.links import forget_links
from rollcall.directory.signin.sessions import forget_sessions
from rollcall.errors import Unavailable
from rollcall.main.opening import Parts
from rollcall.main.serving import serve_worker
from rollcall.provisioning import Worker

_log = structlog.get_logger()
_HOUSEKEEPING_EVERY_SECONDS = 3600.0


async def work(parts: Parts, ready: Callable[[], None] = lambda: None) -> None:
    """Run cycles and housekeeping until cancelled."""
    worker = Worker(parts.provisioning, directory.CHANNEL, parts.config.worker.concurrency)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(worker.run(ready))
        tasks.create_task(provisioning.Deliverer(parts.provisioning, parts.ways, _told_apart(parts)).run())
        tasks.create_task(serve_worker(parts, worker))
        tasks.create_task(_keep_house(parts))


def _told_apart(parts: Parts) -> Callable[[UUID], Awaitable[str | None]]:
    """Asks for a tenant's name, where there are several."""
    return lambda tenant: parts.database.system(directory.name_among_several, tenant)


async def _keep_house(parts: Parts) -> None:
    """Once an hour: purge what was deleted 30 days ago, prune what is kept for a time only, and warn of what expires."""
    while True:
        try:
            for tenant in await parts.database.system(directory.list_tenants):
                await _keep_tenant(parts, tenant.id)
            await KeyRing(parts.database, parts.sealer, parts.runtime).rotate()
            await parts.database.system(forget_turns, parts.runtime.now())
        except Unavailable as refusal:
            _log.warning("housekeeping waits", reason=refusal.message)
        await parts.runtime.sleep(_HOUSEKEEPING_EVERY_SECONDS)


async def _keep_tenant(parts: Parts, tenant: UUID) -> None:
    db = parts.database.tenant(tenant)
    now = parts.runtime.now()
    while await db.write(directory.purge_expired, now):
        await parts.runtime.sleep(0)
    for forget in (forget_grants, forget_sessions, forget_links):
        while await db.write(forget, now):
            await parts.runtime.sleep(0)
    while await db.write(provisioning.prune_history, now):
        await parts.runtime.sleep(0)
    while await db.write(provisioning.number_older, 1000):
        await parts.runtime.sleep(0)
    while await db.write(provisioning.prune_notices, now):
        await parts.runtime.sleep(0)
    await db.write(provisioning.announce_expiries, parts.runtime)
    while await db.write(directory.prune_changes, now - directory.CHANGES_KEPT_FOR):
        await parts.runtime.sleep(0)
