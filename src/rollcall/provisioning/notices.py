"""What administrators have to be told of a job: kept in the transaction of what happened, delivered afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.job_settings import settings_of
from rollcall.provisioning.notice_rules import ALWAYS_NEWS, Endpoint, Notice, NoticeKind, Recipient, recipients_of

__all__ = ["DELIVERY_CHANNEL", "Notice", "NoticeKind", "announce"]

DELIVERY_CHANNEL = "rollcall_deliveries"
"""Notifications of notices that wait to be delivered. The payload is empty."""


async def announce(tx: Tx, job_id: UUID, notice_id: UUID, notice: Notice, now: datetime) -> bool:
    """Keep a notice for delivery, and say whether it is news; what was told for the same reason is not (rule Q7).

    That all is well is news only after trouble, and told to those who were told of the trouble.
    """
    # Held, so that two that happen at once can't both be news.
    row = await tx.one("select settings from provisioning.jobs where id = %s for no key update", [job_id])
    if row is None:
        return False  # deleted meanwhile
    kinds = notice.over or (notice.kind,)
    troubles = await _troubles(tx, job_id, kinds)
    if notice.kind == "well":
        if not troubles:
            return False
    elif notice.kind not in ALWAYS_NEWS and troubles and troubles[-1]["reason"] == notice.reason:
        return False
    await tx.run(
        """
        insert into provisioning.notices (job_id, id, at, kind, reason, message, details)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        [job_id, notice_id, now, notice.kind, notice.reason, notice.message, Jsonb(dict(notice.details))],
    )
    if notice.kind == "well":
        await _end(tx, job_id, [trouble["id"] for trouble in troubles], now)
    told = await _told(tx, job_id, [trouble["id"] for trouble in troubles])
    recipients = recipients_of(notice, settings_of(row["settings"]), await _endpoints(tx, job_id), told)
    await _send_later(tx, job_id, notice_id, recipients, now)
    return True


async def _troubles(tx: Tx, job_id: UUID, kinds: Sequence[str]) -> list[dict[str, Any]]:
    """The notices of trouble of these kinds that is not over, oldest first."""
    return await tx.all(
        """
        select id, kind, reason from provisioning.notices
        where job_id = %s and kind = any(%s) and over_at is null and kind <> 'well' order by number
        """,
        [job_id, list(kinds)],
    )


async def _end(tx: Tx, job_id: UUID, troubles: list[UUID], now: datetime) -> None:
    """Written on the troubles themselves, so that it holds however long the notice of their end is kept."""
    await tx.run(
        "update provisioning.notices set over_at = %s where job_id = %s and id = any(%s)", [now, job_id, troubles]
    )


async def _told(tx: Tx, job_id: UUID, notices: list[UUID]) -> set[Recipient]:
    """Whom these notices reached, or will reach as soon as they can."""
    rows = await tx.all(
        """
        select distinct recipient, webhook_id from provisioning.deliveries
        where job_id = %s and notice_id = any(%s) and state <> 'failed'
        """,
        [job_id, notices],
    )
    return {Recipient(row["recipient"], row["webhook_id"]) for row in rows}


async def _endpoints(tx: Tx, job_id: UUID) -> list[Endpoint]:
    rows = await tx.all(
        "select id, url, events from provisioning.webhooks where job_id = %s and disabled is null order by id", [job_id]
    )
    return [Endpoint(**row) for row in rows]


async def _send_later(tx: Tx, job_id: UUID, notice_id: UUID, recipients: list[Recipient], now: datetime) -> None:
    if not recipients:
        return
    # One recipient is told once of one notice, so the id follows from both.
    keyed = [(uuid5(notice_id, f"{each.channel} {each.address}"), each) for each in recipients]
    await tx.run_many(
        """
        insert into provisioning.deliveries (job_id, id, notice_id, webhook_id, recipient, created, next_attempt)
        values (%s, %s, %s, %s, %s, %s, %s)
        """,
        [(job_id, key, notice_id, each.webhook_id, each.address, now, now) for key, each in keyed],
    )
    await tx.run_many(
        "insert into queue.deliveries (id, tenant, job_id, channel, created, due) values (%s, %s, %s, %s, %s, %s)",
        [(key, tx.tenant, job_id, each.channel, now, now) for key, each in keyed],
    )
    await tx.run("select pg_notify(%s, '')", [DELIVERY_CHANNEL])
