"""The log of changes: what each write appends, and how it is pruned."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.model import Kind

# Sent with the directory tenant's id whenever a transaction that changed something commits.
CHANNEL = "rollcall_directory"


async def append(tx: Tx, kind: str, object_id: UUID, operation: str, other: tuple[UUID, Kind] | None = None) -> None:
    """Append one change to the log, in the transaction that makes it.

    Of a membership `other` is the member, of an assignment the principal: id and kind.
    """
    other_id, other_kind = other or (None, None)
    await tx.run(
        "insert into directory.changes (kind, object_id, other_id, other_kind, operation) values (%s, %s, %s, %s, %s)",
        (kind, object_id, other_id, other_kind, operation),
    )


async def prune_changes(tx: Tx, before: datetime, limit: int = 10_000) -> int:
    """Forget up to `limit` changes older than `before`, oldest first; how many were forgotten.

    A reader whose watermark lies before what was forgotten reads in full next time.
    """
    pruned = await tx.one(
        """
        with oldest as (
            select xid, seq from (select xid, seq, at from directory.changes order by xid, seq limit %(limit)s) as first
            where at < %(before)s
        ), gone as (
            delete from directory.changes as change using oldest
            where change.xid = oldest.xid and change.seq = oldest.seq
            returning change.xid
        )
        select count(*) as rows, max(xid) as xid from gone
        """,
        {"before": before, "limit": limit},
    )
    if pruned is None or not pruned["rows"]:
        return 0
    await tx.run(
        """
        insert into directory.pruned as pruned (xid) values (%s)
        on conflict (tenant_id) do update
        set xid = greatest(pruned.xid, excluded.xid), pruned_by = excluded.pruned_by
        """,
        (pruned["xid"],),
    )
    return int(pruned["rows"])
