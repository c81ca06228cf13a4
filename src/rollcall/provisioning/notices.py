"""What administrators have to be told of a job: kept in the transaction of what happened, delivered afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.model import Json

NoticeKind = Literal["quarantine", "disabled", "held", "approval", "credentials", "well"]


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell.

    `kind`: the job is in quarantine or disabled after it, removals are held back, a plan waits for approval, credentials
    expire, or all is well again. `reason`: a stable code; as long as the newest notice of its kind has the same, nobody is
    told once more (rule Q7). `message`: what happened, in plain sentences. `details`: numbers and names for templates.
    """

    kind: NoticeKind
    reason: str
    message: str
    details: Mapping[str, Json] = field(default_factory=dict)


async def announce(tx: Tx, job_id: UUID, notice_id: UUID, notice: Notice, now: datetime) -> bool:
    """Keep a notice for delivery, and say whether it is news; what was told for the same reason is not."""
    last = await tx.one(
        """
        select kind, reason from provisioning.notices
        where job_id = %s and kind in (%s, 'well') order by id desc limit 1
        """,
        [job_id, notice.kind],
    )
    if last is not None and (last["kind"], last["reason"]) == (notice.kind, notice.reason):
        return False
    await tx.run(
        "insert into provisioning.notices (job_id, id, at, kind, reason, message, details) values (%s, %s, %s, %s, %s, %s, %s)",
        [job_id, notice_id, now, notice.kind, notice.reason, notice.message, Jsonb(dict(notice.details))],
    )
    return True
