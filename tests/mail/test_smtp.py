"""Mails handed to real SMTP servers on loopback."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rollcall.mail import Mail, MailServer, NotSent, Sent, send_mail, write_mail
from rollcall.main.serving import free_port
from tests.mail.servers import PASSWORD, USER, Mailbox, certificate, mail_server

MAIL = Mail(
    to="ops@contoso.com",
    subject="Ä job is in quarantine\r\nBcc: thief@example.com",
    text="Zwölf Boxkämpfer\n.\njagen Viktor\n" + "x" * 2000 + "\n",
    html="<p>Zwölf Boxkämpfer</p>",
    message_key="0123abcd",
    date=datetime(2026, 1, 31, 12, tzinfo=UTC),
)


def server(port: int) -> MailServer:
    return MailServer("localhost", port, "rollcall@contoso.com", security="none", timeout_seconds=20)


async def test_a_mail_arrives_whole_as_text_and_html() -> None:
    async with mail_server(Mailbox()) as mailbox:
        sent = await send_mail(server(mailbox.port), MAIL)

    assert sent == Sent("2.0.0 queued as 1")
    (got,) = mailbox.received
    assert mailbox.recipients == [got["To"]] == ["ops@contoso.com"]
    assert got["From"] == "Rollcall <rollcall@contoso.com>"
    assert got["Message-ID"] == "<0123abcd@contoso.com>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Date"].datetime == MAIL.date
    assert got.get_content_type() == "multipart/alternative"
    text, html = got.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert html.get_content().strip() == MAIL.html


async def test_a_subject_stays_one_header_whatever_stands_in_it() -> None:
    async with mail_server(Mailbox()) as mailbox:
        await send_mail(server(mailbox.port), MAIL)

    (got,) = mailbox.received
    assert got["Bcc"] is None
    assert got["Subject"] == "Ä job is in quarantine Bcc: thief@example.com"


def test_a_mail_is_seven_bit_and_in_short_lines() -> None:
    written = write_mail(MAIL, server(25))

    assert written.isascii()
    assert max(len(line) for line in written.split(b"\r\n")) <= 998  # RFC 5322 §2.1.1
    assert b"\n" not in written.replace(b"\r\n", b"")


async def test_starttls_and_sign_in_come_before_the_mail(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path)
    async with mail_server(Mailbox(), starttls=context, auth=True) as mailbox:
        secure = replace(
            server(mailbox.port), security="starttls", username=USER, password=PASSWORD, ca_file=str(trusted)
        )
        assert isinstance(await send_mail(secure, MAIL), Sent)
        wrong = await send_mail(replace(secure, password="wrong"), MAIL)

    assert (mailbox.encrypted, mailbox.signed_in) == ([True], [True])
    assert isinstance(wrong, NotSent)
    assert (wrong.status, wrong.permanent) == (535, False)
    assert "mail.password" in wrong.reason
    assert "wrong" not in wrong.reason


async def test_tls_from_the_first_byte(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path)
    async with mail_server(Mailbox(), tls=context) as mailbox:
        sent = await send_mail(replace(server(mailbox.port), security="tls", ca_file=str(trusted)), MAIL)

    assert isinstance(sent, Sent)
    assert len(mailbox.received) == 1


@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_a_certificate_that_nobody_vouches_for_is_not_trusted(security: str, tmp_path: Path) -> None:
    context, _ = certificate(tmp_path)
    tls, starttls = (context, None) if security == "tls" else (None, context)
    async with mail_server(Mailbox(), tls=tls, starttls=starttls) as mailbox:
        sent = await send_mail(replace(server(mailbox.port), security=security), MAIL)  # type: ignore[arg-type]

    assert isinstance(sent, NotSent)
    assert "certificate" in sent.reason.lower()
    assert not mailbox.received


async def test_a_certificate_of_another_name_is_not_trusted(tmp_path: Path) -> None:
    context, trusted = certificate(tmp_path)
    async with mail_server(Mailbox(), tls=context) as mailbox:
        elsewhere = replace(server(mailbox.port), host="127.0.0.1", security="tls", ca_file=str(trusted))
        sent = await send_mail(elsewhere, MAIL)

    assert isinstance(sent, NotSent)
    assert not mailbox.received


async def test_a_server_without_starttls_gets_nothing_in_clear() -> None:
    async with mail_server(Mailbox()) as mailbox:
        sent = await send_mail(replace(server(mailbox.port), security="starttls"), MAIL)

    assert isinstance(sent, NotSent)
    assert "STARTTLS" in sent.reason
    assert not mailbox.received


async def test_a_refused_recipient_is_refused_for_good_and_a_busy_server_is_not() -> None:
    async with mail_server(Mailbox(refusals={"gone@contoso.com": "550 5.1.1 no such mailbox"}, busy=1)) as mailbox:
        gone = await send_mail(server(mailbox.port), replace(MAIL, to="gone@contoso.com"))
        busy = await send_mail(server(mailbox.port), MAIL)

    assert isinstance(gone, NotSent)
    assert (gone.status, gone.permanent) == (550, True)
    assert "no such mailbox" in gone.reason
    assert isinstance(busy, NotSent)
    assert (busy.status, busy.permanent) == (451, False)


async def test_nobody_and_somebody_silent_are_told_apart_from_a_refusal() -> None:
    nobody = await send_mail(server(free_port("127.0.0.1", 0)), MAIL)
    async with mail_server(Mailbox(silent=True)) as mailbox:
        silent = await send_mail(replace(server(mailbox.port), timeout_seconds=0.3), MAIL)

    for each in (nobody, silent):
        assert isinstance(each, NotSent)
        assert (each.status, each.permanent) == (None, False)
