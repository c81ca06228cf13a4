"""The commands of mails, notices and webhooks, against a real mail server and a real receiver."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.crypto import Sealer
from rollcall.db import Database, TenantDatabase
from rollcall.provisioning import NewJob, Notice, announce, change_settings, read_job
from rollcall.provisioning.jobs import create_job
from rollcall.runtime import Runtime
from tests.cli.program import Program, Said
from tests.mail.servers import Mailbox, mail_server
from tests.provisioning.receiver import receiving


@pytest.fixture
async def job(database: Database, runtime: Runtime) -> tuple[TenantDatabase, UUID, str]:
    """A job of a tenant of its own, and the tenant's name."""
    name = f"tenant-{runtime.new_id().hex}"
    db = database.tenant(await database.system(directory.create_tenant, runtime, name))
    new = NewJob(runtime.new_id(), "Sales", "http://127.0.0.1:1/scim", "token")
    return db, await db.write(create_job, runtime, Sealer(b"0" * 32), new), name


async def said(program: Program, *words: str | Path) -> Said:
    return await asyncio.to_thread(program, *words)


def with_mail(program: Program, port: int) -> Program:
    mail = {"HOST": "127.0.0.1", "PORT": str(port), "SECURITY": "none", "SENDER": "rollcall@contoso.com"}
    return replace(program, environment={**program.environment, **{f"ROLLCALL_MAIL_{k}": v for k, v in mail.items()}})


async def test_a_test_mail_arrives_and_the_servers_answer_is_printed(program: Program) -> None:
    async with mail_server(Mailbox(refusals={"gone@contoso.com": "550 no such mailbox"})) as mailbox:
        mailing = with_mail(program, mailbox.port)
        good = await said(mailing, "mail", "test", "ops@contoso.com", "--json")
        gone = await said(mailing, "mail", "test", "gone@contoso.com")
        bad = await said(mailing, "mail", "test", "nobody")

    assert (good.code, good.json["status"], good.json["answer"]) == (0, 250, "2.0.0 queued as 1")
    assert mailbox.recipients == ["ops@contoso.com"]
    assert (gone.code, "no such mailbox" in gone.err) == (1, True)
    assert (bad.code, "name@domain" in bad.err) == (2, True)


def test_without_a_mail_server_a_command_says_what_to_set(program: Program) -> None:
    ended = program("mail", "test", "ops@contoso.com")

    assert ended.code == 2
    assert "mail.host" in ended.err


async def test_a_webhook_is_added_tried_logged_rotated_and_removed(
    program: Program, job: tuple[TenantDatabase, UUID, str]
) -> None:
    _, _, tenant = job
    async with receiving() as receiver:
        added = await said(program, "job", "webhook", "add", receiver.url, "--tenant", tenant, "--json")
        assert added.code == 0, added.err
        receiver.secret = added.json["secret"]
        tried = await said(program, "job", "webhook", "test", "--tenant", tenant)
        assert (tried.code, "204" in tried.out) == (0, True), tried.err
        rotated = await said(program, "job", "webhook", "rotate", receiver.url, "--tenant", tenant, "--json")
        receiver.secret = rotated.json["secret"]
        receiver.answers = [(500, {})]
        failed = await said(program, "job", "webhook", "test", "--tenant", tenant)
        assert (failed.code, "500" in failed.err) == (1, True)
        log = await said(program, "job", "webhook", "log", "--tenant", tenant, "--json")
        listed = await said(program, "job", "webhook", "list", "--tenant", tenant)
        removed = await said(program, "job", "webhook", "remove", "--tenant", tenant)

    assert len(receiver.verified) == 2
    assert [each["status"] for each in log.json["attempts"]] == [500, 204]
    assert receiver.url in listed.out
    assert "whsec_" not in listed.out
    assert removed.code == 0
    empty = await said(program, "job", "webhook", "list", "--tenant", tenant)
    assert "rollcall job webhook add" in empty.err


async def test_bad_urls_events_and_recipients_are_refused_with_what_is_allowed(
    program: Program, job: tuple[TenantDatabase, UUID, str]
) -> None:
    tenant = job[2]
    url = await said(program, "job", "webhook", "add", "http://hooks.contoso.com", "--tenant", tenant)
    event = await said(program, "job", "webhook", "add", "https://a.example", "--events", "boom", "--tenant", tenant)
    email = await said(program, "job", "settings", "notification_emails=ops@contoso.com,nobody", "--tenant", tenant)
    none = await said(program, "job", "webhook", "test", "--tenant", tenant)

    assert (url.code, "https is required" in url.err) == (2, True)
    assert (event.code, "job.quarantined" in event.err) == (2, True)
    assert (email.code, "'nobody' must have the form" in email.err) == (2, True)
    assert (none.code, "none yet" in none.err) == (2, True)


async def test_notices_show_what_was_told_and_that_mail_is_not_configured(
    program: Program, runtime: Runtime, job: tuple[TenantDatabase, UUID, str]
) -> None:
    db, job_id, tenant = job
    nothing = await said(program, "job", "notices", "--tenant", tenant)
    assert "notification_emails" in nothing.err
    words = ("notification_emails=ops@contoso.com,night@contoso.com", "notify_on_failure=true")
    changed = await said(program, "job", "settings", *words, "--tenant", tenant)
    assert changed.code == 0, changed.err
    assert (await db.read(read_job, job_id)).settings.notification_emails == ("ops@contoso.com", "night@contoso.com")
    notice = Notice("quarantine", "Unknown", "It stopped [bold]here[/].")
    await db.write(announce, job_id, runtime.new_id(), notice, runtime.now())

    shown = await said(program, "job", "notices", "--tenant", tenant)
    data = await said(program, "job", "notices", "--tenant", tenant, "--json")

    status = await said(program, "job", "status", "--tenant", tenant)

    assert "mail.host" in status.err
    assert "It stopped [bold]here[/]." in shown.out
    assert shown.out.count("waits to be sent") == 2
    assert "mail.host" in shown.err
    assert [each["state"] for each in data.json["notices"][0]["deliveries"]] == ["pending"] * 2


async def test_a_day_in_the_past_is_refused_before_the_token_is_tried(
    program: Program, job: tuple[TenantDatabase, UUID, str]
) -> None:
    words = ("job", "credentials", "--secret-token", "x", "--tenant", job[2], "--expires")
    past, none = [await said(program, *words, day) for day in ("2020-01-31", "soon")]

    assert (past.code, "is past" in past.err) == (2, True)
    assert (none.code, "2027-01-31" in none.err) == (2, True)


async def test_the_worker_of_the_program_sends_what_was_told(
    program: Program, runtime: Runtime, job: tuple[TenantDatabase, UUID, str]
) -> None:
    db, job_id, _ = job
    changes = {"notification_emails": ["worker@contoso.com"], "notify_on_failure": True}
    await db.write(change_settings, job_id, changes)
    async with mail_server(Mailbox()) as mailbox:
        up = with_mail(program, mailbox.port).up("--seed", "none")
        await asyncio.to_thread(up.__enter__)
        try:
            notice = Notice("quarantine", "Unknown", "It stopped.")
            await db.write(announce, job_id, runtime.new_id(), notice, runtime.now())
            async with asyncio.timeout(60):
                while "worker@contoso.com" not in mailbox.recipients:
                    mailbox.arrived.clear()
                    await mailbox.arrived.wait()
        finally:
            await asyncio.to_thread(up.__exit__, None, None, None)

    (told,) = [each for each in mailbox.received if each["To"] == "worker@contoso.com"]
    assert told["Subject"] == "[Rollcall] Sales is in quarantine"
