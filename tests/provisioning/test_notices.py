"""What is told of a job, to whom, how often, and what becomes of each delivery: real database, mail server, receiver."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult

from rollcall import directory
from rollcall.crypto import Sealer
from rollcall.db import Database, TenantDatabase
from rollcall.mail import MailServer
from rollcall.outbound import Reach, open_session
from rollcall.provisioning import (
    Deliverer,
    Delivery,
    NewJob,
    Notice,
    Service,
    Ways,
    WebhookClient,
    add_webhook,
    announce,
    announce_expiries,
    change_settings,
    delete_job,
    list_notices,
    list_webhooks,
    prune_notices,
    read_job,
    replace_credentials,
    rotate_secret,
    send_test_webhook,
    webhook_log,
)
from rollcall.provisioning.deliveries import Attempt, claim_due
from rollcall.provisioning.jobs import create_job
from rollcall.provisioning.webhook_health import judge_webhook
from rollcall.provisioning.webhook_sending import Message, send_webhook
from rollcall.runtime import SystemRuntime, uuid7
from tests.mail.servers import Mailbox, mail_server
from tests.provisioning.receiver import Receiver, receiving

TOKEN = "the-secret-token-of-the-job"
OPS, NIGHT = "ops@contoso.com", "night@contoso.com"
QUARANTINE = Notice(
    "quarantine", "EncounteredQuarantineException", "The application refuses the Secret Token.", {"failures": 12}
)
WELL = Notice("well", "QuarantineEnded", "The last cycle ran clean.")


@dataclass
class Clock(SystemRuntime):
    """The machine, with a clock that a test moves."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead


@dataclass
class Office:
    """A job, whom it tells, a mail server and a receiver of webhooks, with the worker's deliverer between them."""

    db: TenantDatabase
    service: Service
    job_id: UUID
    clock: Clock
    mailbox: Mailbox
    receiver: Receiver
    ways: Ways = field(default_factory=Ways)

    async def tell(self, notice: Notice) -> bool:
        return await self.db.write(announce, self.job_id, self.clock.new_id(), notice, self.clock.now())

    async def deliver(self) -> int:
        return await Deliverer(self.service, self.ways).deliver_due()

    async def deliveries(self) -> list[Delivery]:
        """All deliveries, those of the newest notice first."""
        return [each for told in await self.db.read(list_notices, self.job_id) for each in told.deliveries]

    async def set(self, **changes: Any) -> None:
        await self.db.write(change_settings, self.job_id, changes)

    async def hook(self, events: tuple[str, ...] = ()) -> UUID:
        webhook, secret = await self.db.write(
            add_webhook, self.clock, self.service.sealer, self.job_id, self.receiver.url, events
        )
        self.receiver.secret = secret
        return webhook.id


@pytest.fixture
async def office(database: Database, runtime: SystemRuntime) -> AsyncIterator[Office]:
    """A job of a new tenant that tells ops and night by mail."""
    tenant = await database.system(directory.create_tenant, runtime, f"tenant-{runtime.new_id().hex}")
    clock, sealer, db = Clock(), Sealer(b"0" * 32), database.tenant(tenant)
    new = NewJob(clock.new_id(), "Sales\r\nBcc: thief@example.com <b>", "http://127.0.0.1:1/scim", TOKEN)
    job_id = await db.write(create_job, clock, sealer, new)
    async with mail_server(Mailbox()) as mailbox, receiving() as receiver:
        server = MailServer("127.0.0.1", mailbox.port, "rollcall@contoso.com", security="none")
        ways = Ways(server, WebhookClient(timeout_seconds=10), "https://id.contoso.com")
        office = Office(db, Service(database, clock, sealer), job_id, clock, mailbox, receiver, ways)
        await office.set(notification_emails=[OPS, NIGHT], notify_on_failure=True)
        yield office
        await database.system(forget_what_waits)


async def forget_what_waits(tx: Any) -> None:
    """So that no test delivers what another one left."""
    await tx.run("delete from queue.deliveries")


async def test_each_recipient_gets_a_mail_of_their_own_and_its_end_is_kept(office: Office) -> None:
    """Q7, G5: a mail on entry, to every address of the job."""
    assert await office.tell(QUARANTINE)
    assert await office.deliver() == 2

    assert sorted(each["To"] for each in office.mailbox.received) == [NIGHT, OPS]
    assert {(each.recipient, each.state, each.attempts, each.status) for each in await office.deliveries()} == {
        (OPS, "delivered", 1, 250),
        (NIGHT, "delivered", 1, 250),
    }
    assert await office.deliver() == 0


async def test_a_mail_says_what_happened_and_what_to_do_and_no_secret(office: Office) -> None:
    await office.tell(replace(QUARANTINE, message=f"It answered: Bearer {TOKEN} is bad\x1b[2J <script>"))
    await office.deliver()

    got = office.mailbox.received[0]
    assert got["Subject"] == "[Rollcall] Sales Bcc: thief@example.com <b> is in quarantine"
    assert got["Bcc"] is None
    text, html = (part.get_content() for part in got.iter_parts())
    for part in (text, html):
        assert str(office.job_id) in part, "a name that can't be copied is replaced by the id"
        assert "rollcall job status" in part
        assert "Failures" in part
        assert "12" in part
        assert "https://id.contoso.com" in part
        assert "\x1b" not in part
    assert "<script>" not in html
    assert "<b>" not in html
    assert TOKEN.encode() not in office.mailbox.raw[0] + office.mailbox.raw[1]


async def test_the_same_reason_is_told_once_and_another_one_again(office: Office) -> None:
    """Q7: another mail only when the reason changes."""
    assert await office.tell(QUARANTINE)
    assert not await office.tell(QUARANTINE)
    assert not await office.tell(replace(QUARANTINE, message="In other words."))
    assert await office.tell(replace(QUARANTINE, reason="EncounteredTotalEscrowThreshold"))
    assert await office.tell(QUARANTINE)


async def test_two_that_find_the_same_trouble_at_once_tell_it_once(office: Office) -> None:
    news = await asyncio.gather(*(office.tell(QUARANTINE) for _ in range(6)))

    assert sorted(news) == [False] * 5 + [True]
    assert await office.deliver() == 2


async def test_that_all_is_well_is_told_to_those_who_heard_of_trouble(office: Office) -> None:
    assert not await office.tell(WELL), "nobody was worried"
    await office.set(notification_emails=[OPS])
    await office.tell(QUARANTINE)
    await office.set(notification_emails=[OPS, NIGHT])
    assert await office.tell(WELL)
    assert not await office.tell(WELL)
    await office.deliver()

    assert office.mailbox.recipients.count(OPS) == 2
    assert NIGHT not in office.mailbox.recipients
    assert await office.tell(QUARANTINE), "what comes back after it was over is news"


async def test_what_is_over_with_one_trouble_is_not_over_with_another(office: Office) -> None:
    held = Notice("held", "TooManyDeletes", "Six people would be disabled.")
    assert await office.tell(held)
    assert await office.tell(QUARANTINE)
    assert await office.tell(WELL)

    assert not await office.tell(held)


async def test_the_switch_is_about_failures_and_a_decision_is_asked_for_without_it(office: Office) -> None:
    """P1: the switch sends mails of failures; held removals wait for somebody, so they are told anyway."""
    await office.set(notify_on_failure=False)
    await office.tell(QUARANTINE)
    assert await office.deliver() == 0
    await office.tell(Notice("held", "TooManyDeletes", "Six people would be disabled."))
    assert await office.deliver() == 2


async def test_a_notice_is_kept_only_with_what_it_tells_of(office: Office) -> None:
    async def fail(tx: Any) -> None:
        await announce(tx, office.job_id, office.clock.new_id(), QUARANTINE, office.clock.now())
        raise RuntimeError("what happened was rolled back")

    with pytest.raises(RuntimeError):
        await office.db.write(fail)

    assert await office.deliver() == 0
    assert await office.db.read(list_notices, office.job_id) == []


async def test_a_busy_server_is_asked_again_later_with_the_same_message_id(office: Office) -> None:
    await office.set(notification_emails=[OPS])
    office.mailbox.busy = 1
    await office.tell(QUARANTINE)
    await office.deliver()

    (waiting,) = await office.deliveries()
    assert (waiting.state, waiting.attempts, waiting.status) == ("pending", 1, 451)
    assert waiting.answer is not None
    assert "come back later" in waiting.answer
    assert await office.deliver() == 0, "not before its time"
    office.clock.ahead = timedelta(minutes=2)
    assert await office.deliver() == 1
    (done,) = await office.deliveries()
    assert (done.state, done.attempts) == ("delivered", 2)


async def test_an_unknown_mailbox_is_given_up_and_the_others_are_told(office: Office) -> None:
    office.mailbox.refusals[OPS] = "550 5.1.1 no such mailbox"
    await office.tell(QUARANTINE)
    await office.deliver()

    states = {each.recipient: each.state for each in await office.deliveries()}
    assert states == {OPS: "failed", NIGHT: "delivered"}


async def test_without_a_mail_server_mails_wait_and_are_given_up_after_five_days(office: Office) -> None:
    configured, office.ways = office.ways, Ways()
    await office.tell(QUARANTINE)
    assert await office.deliver() == 0
    assert {(each.state, each.attempts) for each in await office.deliveries()} == {("pending", 0)}

    await office.set(notification_emails=[OPS])
    await office.tell(replace(QUARANTINE, reason="Unknown"))
    office.ways = configured
    assert await office.deliver() == 3, "what waited is sent when there is a server"

    office.ways = Ways()
    await office.tell(replace(QUARANTINE, reason="Again"))
    office.clock.ahead = timedelta(days=6)
    assert await office.deliver() == 1
    assert {each.state for each in (await office.deliveries())[:1]} == {"failed"}


async def test_two_workers_send_nothing_twice(office: Office) -> None:
    reasons = [f"Reason{number}" for number in range(20)]
    for reason in reasons:
        await office.tell(replace(QUARANTINE, reason=reason))

    tried = await asyncio.gather(*(office.deliver() for _ in range(4)))

    assert sum(tried) == 40
    ids = [each["Message-ID"] for each in office.mailbox.received]
    assert len(ids) == len(set(ids)) == 40


async def test_what_a_dead_worker_had_claimed_is_sent_by_another(office: Office, database: Database) -> None:
    await office.set(notification_emails=[OPS])
    await office.tell(QUARANTINE)
    now, lease = office.clock.now(), office.ways.lease
    claimed = await database.system(claim_due, "mail", office.clock.new_id(), now, lease, mail=True)
    assert len(claimed) == 1
    assert await office.deliver() == 0, "it is somebody else's"

    office.clock.ahead = office.ways.lease + timedelta(seconds=1)
    assert await office.deliver() == 1
    assert office.mailbox.recipients == [OPS]


async def test_the_worker_delivers_as_soon_as_it_is_told(office: Office) -> None:
    running = asyncio.create_task(Deliverer(office.service, office.ways).run())
    try:
        await office.tell(QUARANTINE)
        async with asyncio.timeout(30):
            await office.mailbox.arrived.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_deleted_job_leaves_nothing_to_deliver(office: Office) -> None:
    await office.tell(QUARANTINE)
    await office.db.write(delete_job, office.job_id)

    await office.deliver()
    assert office.mailbox.received == []
    assert await office.deliver() == 0


async def test_no_address_and_no_secret_stands_in_the_log_of_the_process(office: Office) -> None:
    await office.hook()
    office.receiver.answers = [(500, {})]
    office.mailbox.refusals[OPS] = "550 no"
    await office.tell(QUARANTINE)
    with structlog.testing.capture_logs() as lines:
        await office.deliver()

    assert len(lines) == 3
    for word in (OPS, NIGHT, TOKEN, office.receiver.secret, office.receiver.url, "thief"):
        assert word not in str(lines)


async def test_notices_are_forgotten_after_ninety_days_but_for_the_last(office: Office) -> None:
    await office.tell(QUARANTINE)
    await office.tell(replace(QUARANTINE, reason="Unknown"))
    await office.deliver()
    later = office.clock.now() + timedelta(days=91)

    assert await office.db.write(prune_notices, later) == 1
    assert await office.db.write(prune_notices, later) == 0
    (kept,) = await office.db.read(list_notices, office.job_id)
    assert kept.reason == "Unknown"


async def test_trouble_that_was_over_is_news_again_when_the_notice_of_its_end_is_forgotten(office: Office) -> None:
    await office.tell(QUARANTINE)
    office.clock.ahead = timedelta(days=1)
    await office.tell(WELL)
    # Another `well`, so that the one above is not the newest of its kind when notices are forgotten.
    office.clock.ahead = timedelta(days=50)
    await office.tell(Notice("credentials", "CredentialsExpire", "In seven days."))
    office.clock.ahead = timedelta(days=51)
    await office.tell(Notice("well", "CredentialsRenewed", "The job has a new one.", ends=("credentials",)))
    office.clock.ahead = timedelta(days=100)

    assert await office.db.write(prune_notices, office.clock.now()) == 2
    assert await office.tell(QUARANTINE)


async def test_trouble_of_long_ago_that_is_not_over_is_told_once_still(office: Office) -> None:
    await office.tell(QUARANTINE)
    office.clock.ahead = timedelta(days=100)
    await office.db.write(prune_notices, office.clock.now())

    assert not await office.tell(QUARANTINE)
    assert await office.tell(WELL)
    assert not await office.tell(WELL)


async def test_what_is_news_does_not_depend_on_a_clock_that_goes_back(office: Office) -> None:
    office.clock.ahead = timedelta(days=365)

    async def tell(notice: Notice, random: int) -> bool:
        now = office.clock.now()
        notice_id = uuid7(int(now.timestamp() * 1000), random)
        return await office.db.write(announce, office.job_id, notice_id, notice, now)

    assert await tell(QUARANTINE, 1)
    office.clock.ahead = timedelta(0)
    assert await tell(WELL, 2)
    assert await tell(QUARANTINE, 3)
    assert not await tell(QUARANTINE, 4)
    assert [each.kind for each in await office.db.read(list_notices, office.job_id)] == [
        "quarantine",
        "well",
        "quarantine",
    ]


# ── webhooks ───────────────────────────────────────────────────────────────────────────────────


async def test_a_webhook_is_signed_as_others_check_it(office: Office) -> None:
    await office.set(notification_emails=[])
    await office.hook()
    await office.tell(QUARANTINE)
    assert await office.deliver() == 1

    (told,) = office.receiver.verified
    assert told["type"] == "job.quarantined"
    assert datetime.fromisoformat(told["timestamp"]).tzinfo is not None
    assert told["data"]["jobId"] == str(office.job_id)
    assert told["data"]["reason"] == QUARANTINE.reason
    assert office.receiver.ids == [f"msg_{UUID(told['data']['noticeId']).hex}"]


async def test_a_webhook_is_tried_again_with_the_same_id_and_each_request_is_logged(office: Office) -> None:
    await office.set(notification_emails=[])
    webhook = await office.hook()
    office.receiver.answers = [(500, {}), (429, {"retry-after": "600"})]
    await office.tell(QUARANTINE)
    assert await office.deliver() == 1
    office.clock.ahead = timedelta(seconds=6)
    assert await office.deliver() == 1
    office.clock.ahead = timedelta(seconds=580)
    assert await office.deliver() == 0, "Retry-After is longer than the schedule"
    assert len(set(office.receiver.ids)) == 1
    (waiting,) = await office.deliveries()
    assert waiting.next_attempt is not None
    log = await office.db.read(webhook_log, office.job_id, webhook)
    assert [(each.number, each.status, each.kind, each.state) for each in log] == [
        (2, 429, "quarantine", "pending"),
        (1, 500, "quarantine", "pending"),
    ]
    assert "words of the receiver" in log[0].answer


async def test_a_webhook_that_is_gone_is_disabled_and_told_nothing_more(office: Office) -> None:
    await office.set(notification_emails=[])
    await office.hook()
    office.receiver.answers = [(410, {})]
    await office.tell(QUARANTINE)
    await office.deliver()

    (webhook,) = await office.db.read(list_webhooks, office.job_id)
    assert webhook.disabled is not None
    assert [each.state for each in await office.deliveries()] == ["failed"]
    assert await office.tell(replace(QUARANTINE, reason="Unknown"))
    assert await office.deliver() == 0


async def test_a_webhook_at_which_nothing_arrives_for_five_days_is_disabled_and_people_are_told(office: Office) -> None:
    await office.set(notification_emails=[OPS], notify_on_failure=False)
    webhook = await office.hook()
    office.receiver.answers = [(500, {})] * 50
    await office.tell(QUARANTINE)
    while office.clock.ahead < timedelta(days=4.9):
        await office.deliver()
        office.clock.ahead += timedelta(hours=7)
    assert (await office.db.read(list_webhooks, office.job_id))[0].disabled is None
    assert office.mailbox.received == []

    office.clock.ahead = timedelta(days=6)
    await office.tell(replace(QUARANTINE, reason="Unknown"))
    await office.deliver()
    await office.deliver()

    (row,) = await office.db.read(list_webhooks, office.job_id)
    assert row.disabled is not None
    assert row.disabled_because is not None
    assert "Nothing has arrived since" in row.disabled_because
    (mail,) = office.mailbox.received
    assert "A webhook of" in mail["Subject"]
    text, _html = (part.get_content() for part in mail.iter_parts())
    assert f"rollcall job webhook rotate {webhook}" in text

    await office.db.write(rotate_secret, office.clock, office.service.sealer, office.job_id, webhook)
    assert (await office.db.read(list_webhooks, office.job_id))[0].disabled is None
    await office.tell(replace(QUARANTINE, reason="Other"))
    await office.deliver()
    assert (await office.db.read(list_webhooks, office.job_id))[0].disabled is None, "it has five days again"


async def test_what_arrives_gives_a_webhook_its_five_days_again(office: Office) -> None:
    await office.set(notification_emails=[])
    await office.hook()

    async def tell(days: int, status: int) -> None:
        office.clock.ahead = timedelta(days=days)
        attempt = Attempt(status == 204, "", office.clock.now(), 1, status)
        webhook = (await office.db.read(list_webhooks, office.job_id))[0].id
        notice_id, now = office.clock.new_id(), office.clock.now()
        await office.db.write(judge_webhook, office.job_id, webhook, attempt, notice_id, now)

    await tell(0, 500)
    await tell(3, 204)
    await tell(6, 500)
    assert (await office.db.read(list_webhooks, office.job_id))[0].disabled is None


async def test_webhooks_that_hang_hold_up_neither_mails_nor_each_other(office: Office) -> None:
    started, all_hang, goes_on = 0, asyncio.Event(), asyncio.Event()

    async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal started
        started += 1
        if started == 12:
            all_hang.set()
        await goes_on.wait()
        writer.close()

    dead = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = dead.sockets[0].getsockname()[1]
    await office.set(notification_emails=[OPS])
    for number in range(12):
        url = f"http://127.0.0.1:{port}/{number}"
        await office.db.write(
            add_webhook, office.clock, office.service.sealer, office.job_id, url, ["job.removals_held"]
        )
    await office.hook(("job.quarantined",))
    await office.tell(Notice("held", "TooManyDeletes", "Six people would be disabled."))
    running = asyncio.create_task(Deliverer(office.service, replace(office.ways, webhooks=WebhookClient(120))).run())
    try:
        async with asyncio.timeout(30):
            await all_hang.wait()
            await office.mailbox.arrived.wait()
            office.mailbox.arrived.clear()
            await office.tell(QUARANTINE)
            await office.mailbox.arrived.wait()
            await office.receiver.arrived.wait()
    finally:
        goes_on.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        dead.close()


async def test_a_fault_in_one_delivery_does_not_end_the_others(office: Office) -> None:
    async def spoil(tx: Any) -> None:
        await tx.run("update provisioning.notices set kind = 'unheard of' where reason = 'Spoilt'")
        await tx.run(
            "update provisioning.webhooks set old_sealed_secret = 'x', sealed_secret = ''::bytea where job_id = %s",
            [office.job_id],
        )

    await office.set(notification_emails=[OPS])
    await office.hook()
    await office.tell(replace(QUARANTINE, reason="Spoilt"))
    await office.db.write(spoil)
    running = asyncio.create_task(Deliverer(office.service, office.ways).run())
    try:
        await asyncio.sleep(1)
        await office.tell(Notice("held", "TooManyDeletes", "Six people would be disabled."))
        async with asyncio.timeout(30):
            await office.mailbox.arrived.wait()
        assert not running.done()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_what_a_clock_that_was_ahead_put_off_is_delivered(office: Office) -> None:
    office.clock.ahead = timedelta(days=365)
    await office.tell(QUARANTINE)
    office.clock.ahead = timedelta(0)

    assert await office.deliver() == 2
    assert sorted(office.mailbox.recipients) == [NIGHT, OPS]


async def test_redirects_are_not_followed(office: Office) -> None:
    await office.set(notification_emails=[])
    await office.hook()
    office.receiver.answers = [(307, {"location": "/elsewhere"})]
    await office.tell(QUARANTINE)
    await office.deliver()

    (waiting,) = await office.deliveries()
    assert (waiting.state, waiting.status, office.receiver.elsewhere) == ("pending", 307, 0)


async def test_a_webhook_takes_only_its_events(office: Office) -> None:
    await office.set(notification_emails=[])
    await office.hook(("job.removals_held",))
    await office.tell(QUARANTINE)
    assert await office.deliver() == 0
    await office.tell(Notice("held", "TooManyDeletes", "Six people would be disabled."))
    assert await office.deliver() == 1


async def test_after_a_rotation_both_secrets_sign_for_a_day(office: Office) -> None:
    await office.set(notification_emails=[])
    webhook = await office.hook()
    old = office.receiver.secret
    new = await office.db.write(rotate_secret, office.clock, office.service.sealer, office.job_id, webhook)
    (row,) = await office.db.read(list_webhooks, office.job_id)

    for secret in (old, new):
        office.receiver.secret = secret
        assert (await send_test_webhook(office.service, office.ways, office.db.tenant, office.job_id, row)).delivered
    assert len(office.receiver.verified) == 2
    assert [each["type"] for each in office.receiver.verified] == ["webhook.test"] * 2
    assert len(await office.db.read(webhook_log, office.job_id, webhook)) == 2


async def test_private_addresses_can_be_shut_off(office: Office) -> None:
    await office.hook()
    (row,) = await office.db.read(list_webhooks, office.job_id)
    shut = Ways(webhooks=WebhookClient(reach=Reach()))
    attempt = await send_test_webhook(office.service, shut, office.db.tenant, office.job_id, row)
    named = replace(row, url=row.url.replace("127.0.0.1", "localhost"))
    by_name = await send_test_webhook(office.service, shut, office.db.tenant, office.job_id, named)

    for each in (attempt, by_name):
        assert not each.delivered
        assert "webhooks.private_addresses" in each.answer
    assert office.receiver.verified == []


@pytest.mark.parametrize(
    "host", ["①②⑦.0.0.1", "127。0。0。1", "１２７.0.0.1", "[::ffff:7f00:1]", "127.0.0.1.", "2130706433"]
)
async def test_the_host_is_looked_at_as_the_client_connects_to_it(runtime: SystemRuntime, host: str) -> None:
    reached = 0

    async def count(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal reached
        reached += 1
        writer.close()

    server = await asyncio.start_server(count, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = WebhookClient(5, Reach())
    async with server, client.session() as session:
        message = Message("m", "e", runtime.now(), {})
        attempt = await send_webhook(
            session, client, runtime, f"https://{host}:{port}/x", ["whsec_" + "A" * 32], message
        )

    assert (attempt.delivered, attempt.status, reached) == (False, None, 0)
    assert attempt.answer.startswith("Nothing was sent")


class _Rebound(AbstractResolver):
    """A name that stands for another address each time it is asked for."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        answer = self._answers.pop(0)
        return [ResolveResult(hostname=host, host=answer, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None: ...


async def test_a_name_that_stands_for_another_address_later_is_looked_at_again(office: Office) -> None:
    await office.hook()
    # 127.0.0.1 is vouched for and stands for a public address; the receiver is reached at 127.0.0.2 as well.
    client = WebhookClient(5, Reach(allowed=("127.0.0.1",)))
    url = office.receiver.url.replace("127.0.0.1", "hooks.contoso.com")
    message = Message("m", "e", office.clock.now(), {})
    attempts = []
    names = _Rebound("127.0.0.1", "127.0.0.2")
    for _ in range(2):
        async with open_session(client.reach, 5, names) as session:
            attempts.append(await send_webhook(session, client, office.clock, url, [office.receiver.secret], message))

    assert [each.delivered for each in attempts] == [True, False]
    assert "not a public one" in attempts[1].answer
    assert len(office.receiver.verified) == 1


async def test_the_secret_of_a_webhook_is_sealed(office: Office) -> None:
    await office.hook()

    async def raw(tx: Any) -> bytes:
        return bytes(
            await tx.value("select sealed_secret from provisioning.webhooks where job_id = %s", [office.job_id])
        )

    assert office.receiver.secret.removeprefix("whsec_").encode() not in await office.db.read(raw)


# ── credentials that expire ────────────────────────────────────────────────────────────────────


async def test_a_token_that_expires_is_told_once_a_step_and_its_renewal_too(office: Office) -> None:
    await office.set(notification_emails=[OPS])
    expires = office.clock.now() + timedelta(days=40)
    sealer, url = office.service.sealer, "http://127.0.0.1:1/scim"
    await office.db.write(replace_credentials, office.clock, sealer, office.job_id, url, TOKEN, expires)
    assert (await office.db.read(read_job, office.job_id)).token_expires == expires

    told = []
    for days in (0, 9, 11, 12, 34, 34, 39.5, 39.6, 41, 200):
        office.clock.ahead = timedelta(days=days)
        told.append(await office.db.write(announce_expiries, office.clock))
        await office.deliver()
    assert told == [0, 0, 1, 0, 1, 0, 1, 0, 1, 0]
    assert len(office.mailbox.received) == 4

    later = office.clock.now() + timedelta(days=400)
    await office.db.write(replace_credentials, office.clock, sealer, office.job_id, url, TOKEN, later)
    await office.deliver()
    assert office.mailbox.received[-1]["Subject"].endswith("is well again")
    assert await office.db.write(announce_expiries, office.clock) == 0
