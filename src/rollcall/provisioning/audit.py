"""The audit log of a job: who did what to it, in the words of Entra's audit activities, and of our own for the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import structlog
from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.model import Json
from rollcall.runtime import Runtime

_log = structlog.get_logger()

Activity = Literal[
    "Enable/start provisioning configuration",
    "Disable/pause provisioning configuration",
    "Enable/restart provisioning configuration",
    "Update provisioning setting or credentials",
    "Update attribute mappings or scope",
    "Quarantine",
    "Allow removals that were held back",
    "Reject removals that were held back",
]
SERVICE = "provisioning service"
"""Who did it where nobody did: the service itself."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One thing that was done to a job. `who`: a name, or the service itself.

    `details` by name; what was changed is an object of `old` and `new`. No secrets are among them.
    """

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


async def keep(
    tx: Tx, runtime: Runtime, job_id: UUID, activity: Activity, who: str, details: Mapping[str, Json]
) -> None:
    """Keep what somebody did to a job now, and tell the process log that they did, without what may be personal."""
    await audit(tx, job_id, runtime.new_id(), activity, who, details, runtime.now())
    _log.info("audit", job=str(job_id), activity=activity, names=sorted(details))


async def read_audit(tx: Tx, job_id: UUID, limit: int = 50) -> list[AuditRecord]:
    """What was done to a job, newest first."""
    rows: list[dict[str, Any]] = await tx.all(
        """
        select id, at, activity, who, details from provisioning.audit where job_id = %s order by id desc limit %s
        """,
        [job_id, limit],
    )
    return [AuditRecord(**row) for row in rows]
