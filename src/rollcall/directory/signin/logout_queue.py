"""What waits to be told to applications about sessions that ended, over all tenants (a store)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from rollcall.db import Tx


@dataclass(frozen=True, slots=True)
class Telling:
    """One application that has to be told of one session; `tries` is how often it was tried before."""

    id: UUID
    tenant: UUID
    app_id: UUID
    user_id: UUID
    session_id: UUID
    created: datetime
    tries: int


async def claim_logouts(tx: Tx, now: datetime, lease: timedelta, most: int) -> list[Telling]:
    """Take what is due; nobody else takes it before the lease is over. For a transaction without tenant."""
    rows = await tx.all(
        """
        update queue.logouts set due = %(until)s, tries = tries + 1 where id in (
            select id from queue.logouts where due <= %(now)s order by due limit %(most)s for update skip locked)
        returning id, tenant, app_id, user_id, session_id, created, tries - 1 as tries
        """,
        {"now": now, "until": now + lease, "most": most},
    )
    return [Telling(**row) for row in rows]


async def settle_logout(tx: Tx, identifier: UUID, due: datetime | None) -> None:
    """Try again then, or with None be done with it."""
    if due is None:
        await tx.run("delete from queue.logouts where id = %s", [identifier])
    else:
        await tx.run("update queue.logouts set due = %s where id = %s", [due, identifier])
