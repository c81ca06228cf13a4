"""A mail as values, and as it is written for the wire (RFC 5322, RFC 2046)."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Literal

Security = Literal["none", "starttls", "tls"]

# Seven bits: no server on the way has to offer 8BITMIME (RFC 6152).
_POLICY = SMTP.clone(cte_type="7bit")
_SUBJECT_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mails are handed in, and in whose name.

    `security`: `tls` from the first byte (RFC 8314), `starttls` before anything is said, or `none`. Certificates are
    verified, against the authorities in the PEM file `ca_file` if one is named. `timeout_seconds` bounds the whole
    delivery of one mail.
    """

    host: str
    port: int
    sender: str
    sender_name: str = "Rollcall"
    security: Security = "starttls"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 30.0
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail to one recipient, as plain text and as HTML.

    `message_key` makes the Message-ID: the same mail sent again has the same, so that a mail system may drop it.
    """

    to: str
    subject: str
    text: str
    html: str
    message_key: str
    date: datetime


def write_mail(mail: Mail, server: MailServer) -> bytes:
    """The mail for the wire: multipart/alternative in seven bits, lines ended by CRLF."""
    message = EmailMessage(policy=_POLICY)
    local, _, domain = server.sender.rpartition("@")
    message["From"] = Address(one_line(server.sender_name), local, domain)
    to_local, _, to_domain = mail.to.rpartition("@")
    message["To"] = Address("", to_local, to_domain)
    message["Subject"] = one_line(mail.subject)
    message["Date"] = format_datetime(mail.date)
    message["Message-ID"] = f"<{mail.message_key}@{domain}>"
    # Nobody's absence note answers this (RFC 3834 §5; Exchange has its own word for it).
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def one_line(text: str) -> str:
    """Text for a header: one line, without characters that end it, hide in it or turn it around."""
    visible = "".join(" " if unicodedata.category(each) in _UNSEEN else each for each in text)
    line = " ".join(visible.split())
    return line if len(line) <= _SUBJECT_CHARACTERS else f"{line[: _SUBJECT_CHARACTERS - 1]}…"


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
