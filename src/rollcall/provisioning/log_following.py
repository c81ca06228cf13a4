"""Follows the log of a job: new records as soon as they are committed, none twice, through losses of the database."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Unavailable
from rollcall.provisioning.connection import Service
from rollcall.provisioning.jobs import PROGRESS_CHANNEL
from rollcall.provisioning.log_attributes import is_about_sql, sets_about
from rollcall.provisioning.log_filter import EVERYTHING, LogFilter
from rollcall.provisioning.log_queries import COLUMNS, conditions_of

_PAGE = 500
_AGAIN_AFTER_SECONDS = 1.0
_FIRST = (0, UUID(int=0))


@dataclass(frozen=True, slots=True)
class LogPosition:
    """What of the log had been committed at a moment: a snapshot of PostgreSQL.

    Ids of records can't tell that: they follow the clock of whoever writes, and are made before their page is committed.
    """

    xmin: int
    xmax: int
    running: tuple[int, ...]


async def log_position(tx: Tx) -> LogPosition:
    """What is committed now, from which somebody who follows goes on."""
    row = await tx.one(
        """
        select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin,
            pg_snapshot_xmax(pg_current_snapshot())::text::bigint as xmax,
            array(select xid::text::bigint from pg_snapshot_xip(pg_current_snapshot()) as xid) as running
        """
    )
    assert row is not None, "a snapshot is a row"
    return LogPosition(row["xmin"], row["xmax"], tuple(row["running"]))


async def follow_log(
    service: Service, tenant: UUID, job_id: UUID, which: LogFilter = EVERYTHING, since: LogPosition | None = None
) -> AsyncGenerator[dict[str, Any]]:
    """Records that are committed from now on, or since a position, until the caller has enough: each once, by whomever.

    They come in the order of the transactions that wrote them, and of one transaction the oldest first. Waits for
    notifications, which a running cycle sends a few times a second at the most, and reads nothing in between.
    """
    db = service.database.tenant(tenant)
    since = since or await db.read(log_position)
    async with aclosing(service.database.listen(PROGRESS_CHANNEL)) as payloads:
        async for payload in payloads:
            # "" comes when listening has begun and after each loss of the connection: something may have been missed.
            if payload not in ("", str(job_id)):
                continue
            now = await _patiently(service, tenant, log_position)
            after: tuple[int, UUID] | None = _FIRST
            while after is not None:
                page = await _patiently(service, tenant, records_between, job_id, which, since, now, after, _PAGE)
                for record in page:
                    yield record
                after = (page[-1]["xid"], page[-1]["id"]) if len(page) == _PAGE else None
            since = now


async def _patiently(service: Service, tenant: UUID, reads: Any, *given: Any) -> Any:
    """What is read; waits while the database is away."""
    while True:
        try:
            return await service.database.tenant(tenant).read(reads, *given)
        except Unavailable:
            await service.runtime.sleep(_AGAIN_AFTER_SECONDS)


async def records_between(
    tx: Tx, job_id: UUID, which: LogFilter, since: LogPosition, upto: LogPosition, after: tuple[int, UUID], limit: int
) -> list[dict[str, Any]]:
    """Records that `upto` sees and `since` did not, after the transaction and the id of one of them."""
    sets = None if which.attribute is None else await sets_about(tx, job_id, which.attribute)
    statement, params = statement_between(job_id, which, sets, since, upto, after, limit)
    return await tx.all(statement, params)


def statement_between(
    job_id: UUID,
    which: LogFilter,
    sets: list[int] | None,
    since: LogPosition,
    upto: LogPosition,
    after: tuple[int, UUID],
    limit: int,
) -> tuple[str, dict[str, Any]]:
    """The statement for such records, and its parameters; no row that was written before `since` is looked at."""
    conditions, params = conditions_of(job_id, which, None)
    if sets is not None:
        conditions.append(is_about_sql())
    if which.source is not None:
        conditions.append("(source_id = %(source)s or name = %(source)s)")
    statement = f"""
        select {COLUMNS}, xid from provisioning.log
        where {" and ".join(conditions)}
          and xid >= %(since_xmin)s and (xid, id) > (%(after_xid)s, %(after_id)s)
          and xid < %(upto_xmax)s and not xid = any(%(upto_running)s)
          and (xid >= %(since_xmax)s or xid = any(%(since_running)s))
        order by xid, id limit %(limit)s
    """
    return statement, params | {
        "sets": sets,
        "since_xmin": since.xmin,
        "since_xmax": since.xmax,
        "since_running": list(since.running),
        "upto_xmax": upto.xmax,
        "upto_running": list(upto.running),
        "after_xid": after[0],
        "after_id": after[1],
        "limit": limit,
    }
