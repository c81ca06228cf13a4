"""Delivers notices by mail and webhook, at least once, wherever a worker runs; two workers don't send the same."""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import aiohttp
import structlog

from rollcall.errors import Invalid, Unavailable
from rollcall.mail import MailServer, NotSent, Sent, send_mail
from rollcall.mail_address import check_mail_address
from rollcall.provisioning.connection import Service
from rollcall.provisioning.deliveries import (
    Attempt,
    Claimed,
    Due,
    claim_due,
    forget_orphan,
    log_test,
    read_due,
    settle,
)
from rollcall.provisioning.model import Json
from rollcall.provisioning.notice_mail import Told, notice_mail, trial_mail
from rollcall.provisioning.notice_rules import EVENTS, TEST_EVENT, Channel, next_attempt
from rollcall.provisioning.notice_words import without_secrets
from rollcall.provisioning.notices import DELIVERY_CHANNEL
from rollcall.provisioning.webhook_health import judge_webhook
from rollcall.provisioning.webhook_sending import Message, WebhookClient, send_webhook
from rollcall.provisioning.webhooks import Webhook, read_secrets
from rollcall.runtime import Runtime

_log = structlog.get_logger()
_LOOK_EVERY_SECONDS = 5.0
_RESTART_AFTER_SECONDS = 1.0
_LEASE_BEYOND_TIMEOUT_SECONDS = 60.0
_AT_ONCE = 16
"""So many of each channel, each in its own time: what hangs holds up neither the other channel nor those beside it."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How notices leave: the mail server, None without one; webhooks; and where people reach this installation."""

    mail: MailServer | None = None
    webhooks: WebhookClient = field(default_factory=WebhookClient)
    installation: str | None = None

    @property
    def lease(self) -> timedelta:
        """How long a worker may take for what it has claimed; longer than any attempt takes."""
        longest = max(self.webhooks.timeout_seconds, self.mail.timeout_seconds if self.mail else 0.0)
        return timedelta(seconds=longest + _LEASE_BEYOND_TIMEOUT_SECONDS)


TenantNames = Callable[[UUID], Awaitable[str | None]]


async def _one_tenant(_tenant: UUID) -> str | None:
    return None


class Deliverer:
    """Delivers what waits until it is stopped. Any number of them may share a database.

    `told_apart` gives a tenant's name where there is more than one, so that the commands in a mail name it.
    """

    def __init__(self, service: Service, ways: Ways, told_apart: TenantNames = _one_tenant) -> None:
        self._service = service
        self._ways = ways
        self._told_apart = told_apart
        self._wake: dict[Channel, asyncio.Event] = {"mail": asyncio.Event(), "webhook": asyncio.Event()}

    async def run(self) -> None:
        """Deliver until cancelled; through losses of the database."""
        async with self._ways.webhooks.session() as session, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen())
            tasks.create_task(self._look())
            for channel, wake in self._wake.items():
                tasks.create_task(self._serve(channel, wake, session))

    async def _serve(self, channel: Channel, wake: asyncio.Event, session: aiohttp.ClientSession) -> None:
        """Keep as many deliveries of a channel under way as there is room for."""
        under_way: set[asyncio.Task[None]] = set()

        def ended(task: asyncio.Task[None]) -> None:
            under_way.discard(task)
            wake.set()

        async with asyncio.TaskGroup() as tasks:
            while True:
                await wake.wait()
                wake.clear()
                if len(under_way) == _AT_ONCE:
                    continue  # the next one that ends wakes it
                for claimed in await self._claim(channel, _AT_ONCE - len(under_way)):
                    task = tasks.create_task(self._deliver(claimed, session))
                    under_way.add(task)
                    task.add_done_callback(ended)

    async def _claim(self, channel: Channel, most: int) -> list[Claimed]:
        """What may be tried now; nothing while the database is away, or does not understand us."""
        runtime, can_mail = self._service.runtime, self._ways.mail is not None
        try:
            return await self._service.database.system(
                claim_due, channel, runtime.new_id(), runtime.now(), self._ways.lease, mail=can_mail, most=most
            )
        except Unavailable as refusal:
            _log.warning("deliveries wait", reason=refusal.message)
        except Exception as error:
            _log.error(
                "no deliveries claimed", error=type(error).__name__, frames=traceback.format_tb(error.__traceback__)
            )
        return []

    async def deliver_due(self) -> int:
        """Try everything that is due now; how many deliveries were tried."""
        tried = 0
        async with self._ways.webhooks.session() as session:
            for channel in self._wake:
                while some := await self._claim(channel, _AT_ONCE):
                    await asyncio.gather(*(self._deliver(each, session) for each in some))
                    tried += len(some)
        return tried

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(Unavailable):
                async with contextlib.aclosing(self._service.database.listen(DELIVERY_CHANNEL)) as payloads:
                    async for _ in payloads:
                        self._wake_up()
            await self._service.runtime.sleep(_RESTART_AFTER_SECONDS)

    async def _look(self) -> None:
        """What is tried again becomes due without anybody telling."""
        while True:
            self._wake_up()
            await self._service.runtime.sleep(_LOOK_EVERY_SECONDS)

    def _wake_up(self) -> None:
        for wake in self._wake.values():
            wake.set()

    async def _deliver(self, claimed: Claimed, session: aiohttp.ClientSession) -> None:
        try:
            await self._try(claimed, session)
        except Unavailable as refusal:
            # Its lease ends, and it is tried again. To whom it goes is personal, and stays out of this log.
            _log.warning("a delivery waits", delivery=str(claimed.id), reason=refusal.message)
        except Exception as error:
            _log_fault(claimed, error)

    async def _try(self, claimed: Claimed, session: aiohttp.ClientSession) -> None:
        runtime, db = self._service.runtime, self._service.database.tenant(claimed.tenant)
        due = await db.read(read_due, self._service.sealer, claimed, runtime.now())
        if due is None:
            await self._service.database.system(forget_orphan, claimed, runtime.now())
            return
        attempt = await self._attempt(claimed, due, session)
        again = self._again(due, attempt)
        if await db.write(settle, claimed, attempt, again) and due.webhook_id is not None and not due.endpoint_disabled:
            await db.write(judge_webhook, claimed.job_id, due.webhook_id, attempt, runtime.new_id(), runtime.now())
        _log.info(
            "delivery",
            delivery=str(claimed.id),
            job=str(claimed.job_id),
            channel=due.channel,
            kind=due.kind,
            delivered=attempt.delivered,
            status=attempt.status,
            attempt=due.attempts + 1,
            again=again is not None,
        )

    def _again(self, due: Due, attempt: Attempt) -> datetime | None:
        if attempt.delivered or attempt.final:
            return None
        runtime = self._service.runtime
        wait = attempt.retry_after_seconds
        return next_attempt(due.channel, due.attempts + 1, due.created, runtime.now(), wait, runtime.jitter())

    async def _attempt(self, claimed: Claimed, due: Due, session: aiohttp.ClientSession) -> Attempt:
        runtime, began = self._service.runtime, self._service.runtime.monotonic()
        try:
            if due.channel == "webhook":
                return await self._send_webhook(claimed, due, session)
            return await self._send_mail(claimed, due)
        except Exception as error:
            # A fault of ours in one delivery ends neither the worker nor the other deliveries; it may quote a row.
            _log_fault(claimed, error)
            told = f"A fault of the service ({type(error).__name__}); the log of the worker has its place."
            return Attempt(False, told, runtime.now(), _milliseconds_since(began, runtime))

    async def _send_webhook(self, claimed: Claimed, due: Due, session: aiohttp.ClientSession) -> Attempt:
        runtime = self._service.runtime
        if due.endpoint_disabled:
            return Attempt(False, "The webhook was disabled meanwhile.", runtime.now(), 0, final=True)
        message = _message(claimed, due)
        return await send_webhook(session, self._ways.webhooks, runtime, due.recipient, due.secrets, message)

    async def _send_mail(self, claimed: Claimed, due: Due) -> Attempt:
        runtime, began = self._service.runtime, self._service.runtime.monotonic()
        if self._ways.mail is None:
            told = "No mail server was configured in time (mail.host)."
            return Attempt(False, told, runtime.now(), 0, final=True)
        now = runtime.now()
        tenant_name = await self._told_apart(claimed.tenant)
        about = Told(due.kind, due.message, due.details, due.at, claimed.job_id, due.job_name, tenant_name)
        mail = notice_mail(about, due.recipient, due.id.hex, now, self._ways.installation)
        sent = await send_mail(self._ways.mail, mail)
        duration = _milliseconds_since(began, runtime)
        if isinstance(sent, Sent):
            return Attempt(True, sent.answer, now, duration, sent.status)
        return Attempt(False, sent.reason, now, duration, sent.status, final=sent.permanent)


def _log_fault(claimed: Claimed, error: Exception) -> None:
    frames = traceback.format_tb(error.__traceback__)
    _log.error("delivery failed", delivery=str(claimed.id), error=type(error).__name__, frames=frames)


def _milliseconds_since(began: float, runtime: Runtime) -> int:
    return round((runtime.monotonic() - began) * 1000)


def _message(claimed: Claimed, due: Due) -> Message:
    data: dict[str, Json] = {
        "noticeId": str(due.notice_id),
        "tenantId": str(claimed.tenant),
        "jobId": str(claimed.job_id),
        "jobName": due.job_name,
        "reason": due.reason,
        "message": without_secrets(due.message),
    }
    return Message(f"msg_{due.notice_id.hex}", EVENTS[due.kind], due.at, data)


# ── tests by hand ──────────────────────────────────────────────────────────────────────────────


async def send_test_mail(server: MailServer, runtime: Runtime, to: str, installation: str | None) -> Sent | NotSent:
    """Send a mail that says that mail works. Raises Invalid when `to` is no address."""
    try:
        check_mail_address(to)
    except ValueError as rule:
        raise Invalid(f"The recipient {to!r} {rule}.") from None
    return await send_mail(server, trial_mail(to, runtime.new_id().hex, runtime.now(), installation))


async def send_test_webhook(service: Service, ways: Ways, tenant: UUID, job_id: UUID, webhook: Webhook) -> Attempt:
    """Send a webhook a signed test message now, and write it into its log. Raises NotFound, Unavailable."""
    runtime, db = service.runtime, service.database.tenant(tenant)
    secrets = await db.read(read_secrets, service.sealer, job_id, webhook.id, runtime.now())
    delivery_id = runtime.new_id()
    data: dict[str, Json] = {"tenantId": str(tenant), "jobId": str(job_id), "message": "A test, sent by hand."}
    message = Message(f"msg_{delivery_id.hex}", TEST_EVENT, runtime.now(), data)
    async with ways.webhooks.session() as session:
        attempt = await send_webhook(session, ways.webhooks, runtime, webhook.url, secrets, message)
    await db.write(log_test, job_id, delivery_id, webhook.id, webhook.url, attempt)
    return attempt
