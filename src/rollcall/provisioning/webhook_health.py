"""Whether anything arrives at a webhook, as rows: one at which nothing does is disabled, and people are told."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from rollcall.db import Tx
from rollcall.outbound import client_host
from rollcall.provisioning.deliveries import Attempt
from rollcall.provisioning.notice_rules import WEBHOOK_DISABLED_AFTER
from rollcall.provisioning.notices import Notice, announce


async def judge_webhook(
    tx: Tx, job_id: UUID, webhook_id: UUID, attempt: Attempt, notice_id: UUID, now: datetime
) -> None:
    """Disable a webhook that wants no more (410), or at which nothing has arrived for five days.

    People are told by mail and by the job's other webhooks.
    """
    row = await tx.one(
        """
        update provisioning.webhooks
        set failing_since = case when %(delivered)s then null else least(failing_since, %(now)s) end
        where job_id = %(job)s and id = %(id)s and disabled is null returning url, failing_since
        """,
        {"delivered": attempt.delivered, "now": now, "job": job_id, "id": webhook_id},
    )
    if row is None or attempt.delivered:
        return
    since = row["failing_since"]
    if not attempt.gone and now - since < WEBHOOK_DISABLED_AFTER:
        return
    why = attempt.answer if attempt.gone else f"Nothing has arrived since {since:%Y-%m-%d %H:%M} UTC. {attempt.answer}"
    await tx.run(
        "update provisioning.webhooks set disabled = %s, disabled_because = %s where job_id = %s and id = %s",
        [now, why, job_id, webhook_id],
    )
    # Its host only: the path may be as good as a password.
    message = f"The webhook to {client_host(row['url'])} is sent nothing more. {why}"
    notice = Notice("webhook", f"WebhookDisabled {webhook_id}", message, {"webhook_id": str(webhook_id)})
    await announce(tx, job_id, notice_id, notice, now)
