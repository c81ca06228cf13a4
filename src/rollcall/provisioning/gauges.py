"""What the jobs of some tenants hold now, in one question for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from rollcall.db import Tx


@dataclass(frozen=True, slots=True)
class JobGauges:
    """One job: its state, why it is in quarantine if it is, objects in escrow, removals held back."""

    job_id: UUID
    state: str
    quarantine_reason: str | None
    escrowed: int
    withheld: int


async def job_gauges(tx: Tx, tenants: Sequence[UUID]) -> list[JobGauges]:
    """The gauges of all jobs of these tenants; counts out of indexes that hold nothing else."""
    rows = await tx.all(
        "select job_id, state, quarantine_reason, escrowed, withheld from provisioning.job_gauges(%s)", [list(tenants)]
    )
    return [JobGauges(**row) for row in rows]
