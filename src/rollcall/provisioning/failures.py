"""What waits for its next attempt: the objects of a job that failed, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rollcall.db import Tx


@dataclass(frozen=True, slots=True)
class WaitingFailure:
    """One object that failed and is tried again at `next_attempt`."""

    kind: str
    source_id: str
    name: str
    attempts: int
    first_failed: datetime
    next_attempt: datetime
    code: str
    reason: str


async def waiting_failures(tx: Tx, job_id: UUID, limit: int = 20) -> list[WaitingFailure]:
    """The objects of a job that wait for their next attempt, the soonest first."""
    rows = await tx.all(
        """
        select kind, source_id, name, escrow_attempts as attempts, escrow_first_failed as first_failed,
            escrow_next_attempt as next_attempt, escrow_code as code, escrow_reason as reason
        from provisioning.links
        where job_id = %s and escrow_next_attempt is not null
        order by escrow_next_attempt, kind, source_id limit %s
        """,
        [job_id, limit],
    )
    return [WaitingFailure(**row) for row in rows]
