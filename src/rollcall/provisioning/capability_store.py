"""What is known of a job's target, as it was last found out: two columns of the job."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.errors import NotFound
from rollcall.provisioning.connectors.capabilities import (
    Capabilities,
    capabilities_from_json,
    capabilities_to_json,
)


async def read_capabilities(tx: Tx, job_id: UUID) -> tuple[Capabilities, datetime | None]:
    """What is known, and when it was last asked for; None: not yet, so that all is assumed. Raises NotFound."""
    row = await tx.one("select capabilities, capabilities_at from provisioning.jobs where id = %s", [job_id])
    if row is None:
        raise NotFound(f"There is no job {job_id}.")
    return capabilities_from_json(row["capabilities"]), row["capabilities_at"]


async def keep_capabilities(tx: Tx, job_id: UUID, capabilities: Capabilities, asked_at: datetime | None = None) -> None:
    """Remember what is known now; `asked_at`: when the target was asked, None where its answers have taught it."""
    await tx.run(
        """
        update provisioning.jobs set capabilities = %s, capabilities_at = coalesce(%s, capabilities_at) where id = %s
        """,
        [Jsonb(capabilities_to_json(capabilities)), asked_at, job_id],
    )
