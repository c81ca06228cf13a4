"""Deliveries as rows: claimed by one worker at a time, settled after each attempt, listed, and forgotten."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.provisioning.model import Json
from rollcall.provisioning.notice_rules import LONGEST_WAIT, MAIL_KEPT_FOR, Channel
from rollcall.provisioning.webhooks import secrets_of

NOTICES_KEPT_FOR = timedelta(days=90)
DeliveryState = Literal["pending", "delivered", "failed"]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this worker alone may try, until it is due again."""

    id: UUID
    tenant: UUID
    job_id: UUID
    claim: UUID


@dataclass(frozen=True, slots=True)
class Due:
    """What a claimed delivery is about. `secrets` sign it, if it goes to a webhook; that may have been disabled since."""

    id: UUID
    notice_id: UUID
    channel: Channel
    recipient: str
    webhook_id: UUID | None
    created: datetime
    attempts: int
    secrets: tuple[str, ...]
    endpoint_disabled: bool
    kind: str
    reason: str
    message: str
    details: dict[str, Json]
    at: datetime
    job_name: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """How one attempt to deliver ended.

    `status`: the SMTP reply code or HTTP status, None without an answer. `final`: of no use to try again. `gone`: the
    webhook wants no more of them, ever (410).
    """

    delivered: bool
    answer: str
    at: datetime
    duration_milliseconds: int
    status: int | None = None
    final: bool = False
    gone: bool = False
    retry_after_seconds: float | None = None


async def claim_due(
    tx: Tx, channel: Channel, claim: UUID, now: datetime, lease: timedelta, *, mail: bool, most: int = 16
) -> list[Claimed]:
    """Take deliveries of a channel that are due, over all tenants, in a transaction without tenant.

    No other worker takes them before the lease is over; a worker that dies leaves them to the next one. Without `mail`,
    mails are left to wait, but for those that have waited too long. What was put off by a clock that was ahead is due.
    """
    rows = await tx.all(
        """
        update queue.deliveries set claim = %(claim)s, due = %(until)s where id in (
            select id from queue.deliveries
            where channel = %(channel)s and (due <= %(now)s or due > %(never)s)
                and (channel = 'webhook' or %(mail)s or created <= %(too_old)s)
            order by due limit %(most)s for update skip locked)
        returning id, tenant, job_id, claim
        """,
        {
            "channel": channel,
            "claim": claim,
            "now": now,
            "never": now + LONGEST_WAIT + lease,
            "until": now + lease,
            "mail": mail,
            "too_old": now - MAIL_KEPT_FOR,
            "most": most,
        },
    )
    return [Claimed(**row) for row in rows]


async def forget_orphan(tx: Tx, claimed: Claimed, now: datetime) -> None:
    """Take a delivery out of the queue whose job or webhook was deleted, in a transaction without tenant."""
    await tx.run(
        "delete from queue.deliveries where id = %s and claim = %s and due > %s", [claimed.id, claimed.claim, now]
    )


async def read_due(tx: Tx, sealer: Sealer, claimed: Claimed, now: datetime) -> Due | None:
    """What a delivery is about; None when it is no more, is settled, or its lease is over and another may have it.

    Raises Unavailable when a seal can't be opened.
    """
    row = await tx.one(
        """
        select d.id, d.notice_id, d.recipient, d.webhook_id, d.created, d.attempts,
            n.kind, n.reason, n.message, n.details, n.at, j.display_name as job_name,
            w.sealed_secret, w.old_sealed_secret, w.old_secret_until, w.disabled is not null as endpoint_disabled
        from provisioning.deliveries d
            join queue.deliveries q on q.id = d.id and q.claim = %s and q.due > %s
            join provisioning.notices n on n.job_id = d.job_id and n.id = d.notice_id
            join provisioning.jobs j on j.id = d.job_id
            left join provisioning.webhooks w on w.job_id = d.job_id and w.id = d.webhook_id
        where d.job_id = %s and d.id = %s and d.state = 'pending'
        """,
        [claimed.claim, now, claimed.job_id, claimed.id],
    )
    if row is None:
        return None
    sealed = {name: row.pop(name) for name in ("sealed_secret", "old_sealed_secret", "old_secret_until")}
    webhook_id: UUID | None = row["webhook_id"]
    secrets = () if webhook_id is None else secrets_of(sealer, webhook_id, sealed, now)
    return Due(**row, channel="mail" if webhook_id is None else "webhook", secrets=secrets)


async def settle(tx: Tx, claimed: Claimed, attempt: Attempt, again: datetime | None) -> bool:
    """Write down an attempt and, unless it is tried `again`, its end; False when another worker has it by now."""
    state: DeliveryState = "delivered" if attempt.delivered else "pending" if again else "failed"
    if state == "pending":
        kept = await tx.run(
            "update queue.deliveries set claim = null, due = %s where id = %s and claim = %s",
            [again, claimed.id, claimed.claim],
        )
    else:
        kept = await tx.run("delete from queue.deliveries where id = %s and claim = %s", [claimed.id, claimed.claim])
    # Delivered is delivered: what another worker does about it meanwhile does not make it undone.
    if not kept and not attempt.delivered:
        return False
    if not kept:
        await tx.run("delete from queue.deliveries where id = %s", [claimed.id])
    await tx.run(
        """
        with settled as (
            update provisioning.deliveries set state = %(state)s, attempts = attempts + 1, last_attempt = %(at)s,
                next_attempt = %(again)s, status = %(status)s, answer = %(answer)s, duration_milliseconds = %(duration)s
            where job_id = %(job)s and id = %(id)s and state = 'pending' returning id, attempts)
        insert into provisioning.delivery_attempts
            (job_id, delivery_id, number, at, status, answer, duration_milliseconds)
        select %(job)s, id, attempts, %(at)s, %(status)s, %(answer)s, %(duration)s from settled
        """,
        {
            "state": state,
            "at": attempt.at,
            "again": again,
            "status": attempt.status,
            "answer": attempt.answer,
            "duration": attempt.duration_milliseconds,
            "job": claimed.job_id,
            "id": claimed.id,
        },
    )
    return True


# ── reading them ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Delivery:
    """One recipient of one notice, and what became of it. `recipient`: a mail address or a URL."""

    id: UUID
    channel: Channel
    recipient: str
    state: DeliveryState
    attempts: int
    last_attempt: datetime | None
    next_attempt: datetime | None
    status: int | None
    answer: str | None
    duration_milliseconds: int | None


@dataclass(frozen=True, slots=True)
class ToldNotice:
    """A notice with its deliveries."""

    id: UUID
    at: datetime
    kind: str
    reason: str
    message: str
    details: dict[str, Json]
    deliveries: tuple[Delivery, ...]


async def list_notices(tx: Tx, job_id: UUID, limit: int = 50) -> list[ToldNotice]:
    """The newest notices of a job, each with whom it was told and with what result."""
    notices = await tx.all(
        """
        select id, at, kind, reason, message, details from provisioning.notices
        where job_id = %s order by number desc limit %s
        """,
        [job_id, limit],
    )
    rows = await tx.all(
        f"select notice_id, {_DELIVERY} from provisioning.deliveries"
        " where job_id = %s and notice_id = any(%s) order by recipient",
        [job_id, [notice["id"] for notice in notices]],
    )
    of: dict[UUID, list[Delivery]] = {}
    for row in rows:
        of.setdefault(row.pop("notice_id"), []).append(Delivery(**row))
    return [ToldNotice(**notice, deliveries=tuple(of.get(notice["id"], ()))) for notice in notices]


_DELIVERY = """id, case when webhook_id is null then 'mail' else 'webhook' end as channel, recipient, state, attempts,
    last_attempt, next_attempt, status, answer, duration_milliseconds"""


@dataclass(frozen=True, slots=True)
class LoggedAttempt:
    """One request to a webhook: of which event, and what it answered."""

    at: datetime
    delivery_id: UUID
    notice_id: UUID | None
    kind: str | None
    number: int
    status: int | None
    duration_milliseconds: int
    answer: str
    state: DeliveryState
    next_attempt: datetime | None


async def webhook_log(tx: Tx, job_id: UUID, webhook_id: UUID, limit: int = 50) -> list[LoggedAttempt]:
    """The newest requests to a webhook; `state` and `next_attempt` are those of the whole delivery."""
    rows = await tx.all(
        """
        select a.at, a.delivery_id, d.notice_id, n.kind, a.number, a.status, a.duration_milliseconds, a.answer,
            d.state, d.next_attempt
        from provisioning.deliveries d
            join provisioning.delivery_attempts a on a.job_id = d.job_id and a.delivery_id = d.id
            left join provisioning.notices n on n.job_id = d.job_id and n.id = d.notice_id
        where d.job_id = %s and d.webhook_id = %s order by a.at desc limit %s
        """,
        [job_id, webhook_id, limit],
    )
    return [LoggedAttempt(**row) for row in rows]


async def log_test(tx: Tx, job_id: UUID, delivery_id: UUID, webhook_id: UUID, url: str, attempt: Attempt) -> None:
    """Write down a request that an administrator sent to a webhook as a test."""
    state: DeliveryState = "delivered" if attempt.delivered else "failed"
    values: dict[str, Any] = {
        "job": job_id,
        "id": delivery_id,
        "webhook": webhook_id,
        "url": url,
        "at": attempt.at,
        "state": state,
        "status": attempt.status,
        "answer": attempt.answer,
        "duration": attempt.duration_milliseconds,
    }
    await tx.run(
        """
        insert into provisioning.deliveries (job_id, id, webhook_id, recipient, created, state, attempts, last_attempt,
            status, answer, duration_milliseconds)
        values (%(job)s, %(id)s, %(webhook)s, %(url)s, %(at)s, %(state)s, 1, %(at)s, %(status)s, %(answer)s, %(duration)s)
        """,
        values,
    )
    await tx.run(
        """
        insert into provisioning.delivery_attempts (job_id, delivery_id, number, at, status, answer, duration_milliseconds)
        values (%(job)s, %(id)s, 1, %(at)s, %(status)s, %(answer)s, %(duration)s)
        """,
        values,
    )


async def prune_notices(tx: Tx, now: datetime, limit: int = 10_000) -> int:
    """Forget notices and tests after 90 days, with their deliveries; how many went. Call it until it returns 0.

    The last trouble of each kind stays until it is over: it says whether the next one is news.
    """
    before = now - NOTICES_KEPT_FOR
    gone = await tx.run(
        """
        delete from provisioning.notices n where (tenant_id, job_id, id) in (
            select tenant_id, job_id, id from provisioning.notices old
            where old.at < %(before)s and (old.kind = 'well' or old.over_at is not null or exists (
                select from provisioning.notices newer
                where newer.job_id = old.job_id and newer.kind = old.kind and newer.over_at is null
                    and newer.number > old.number))
            limit %(limit)s)
        """,
        {"before": before, "limit": limit},
    )
    return gone + await tx.run(
        """
        delete from provisioning.deliveries where (tenant_id, job_id, id) in (
            select tenant_id, job_id, id from provisioning.deliveries
            where notice_id is null and created < %s limit %s)
        """,
        [before, limit],
    )
