"""Follows the log of a job: new records as soon as a cycle has committed them, through losses of the database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from rollcall.errors import Unavailable
from rollcall.provisioning.connection import Service
from rollcall.provisioning.jobs import PROGRESS_CHANNEL
from rollcall.provisioning.log_filter import EVERYTHING, LogFilter, parse_cursor
from rollcall.provisioning.log_queries import last_record, records_after

_PAGE = 500
_AGAIN_AFTER_SECONDS = 1.0


async def follow_log(
    service: Service, tenant: UUID, job_id: UUID, which: LogFilter = EVERYTHING, after: UUID | None = None
) -> AsyncGenerator[dict[str, Any]]:
    """Records that are written from now on, or after one, the oldest first, until the caller has enough.

    Waits for notifications, which a running cycle sends a few times a second at the most, and reads nothing in between.
    """
    after = after or await service.database.tenant(tenant).read(last_record, job_id)
    async with aclosing(service.database.listen(PROGRESS_CHANNEL)) as payloads:
        async for payload in payloads:
            # "" comes when listening has begun and after each loss of the connection: something may have been missed.
            if payload not in ("", str(job_id)):
                continue
            async with aclosing(_new_records(service, tenant, job_id, which, after)) as records:
                async for record in records:
                    after = record["id"]
                    yield record


async def _new_records(
    service: Service, tenant: UUID, job_id: UUID, which: LogFilter, after: UUID | None
) -> AsyncGenerator[dict[str, Any]]:
    """What there is after a record; waits while the database is away."""
    while True:
        try:
            page = await service.database.tenant(tenant).read(records_after, job_id, which, after, _PAGE)
        except Unavailable:
            await service.runtime.sleep(_AGAIN_AFTER_SECONDS)
            continue
        for record in page.records:
            yield record
        if page.cursor is None:
            return
        after = parse_cursor(page.cursor, newest_first=False)
