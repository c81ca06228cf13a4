"""The audit log of a job: who did what to it, in the words of Entra's audit activities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.model import Json

Activity = Literal[
    "Enable/start provisioning configuration",
    "Disable/pause provisioning configuration",
    "Enable/restart provisioning configuration",
    "Update provisioning setting or credentials",
    "Update attribute mappings or scope",
    "Quarantine",
]
SERVICE = "provisioning service"
"""Who did it where nobody did: the service itself."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One thing that was done to a job. `who`: a name, or the service itself."""

    id: UUID
    at: datetime
    activity: str
    who: str
    details: Mapping[str, Json]


async def audit(
    tx: Tx, job_id: UUID, record_id: UUID, activity: Activity, who: str, details: Mapping[str, Json], now: datetime
) -> None:
    """Keep what was done to a job, in the transaction in which it was done."""
    await tx.run(
        "insert into provisioning.audit (job_id, id, at, activity, who, details) values (%s, %s, %s, %s, %s, %s)",
        [job_id, record_id, now, activity, who, Jsonb(dict(details))],
    )


async def read_audit(tx: Tx, job_id: UUID, limit: int = 50) -> list[AuditRecord]:
    """What was done to a job, newest first."""
    rows: list[dict[str, Any]] = await tx.all(
        """
        select id, at, activity, who, details from provisioning.audit where job_id = %s order by id desc limit %s
        """,
        [job_id, limit],
    )
    return [AuditRecord(**row) for row in rows]
