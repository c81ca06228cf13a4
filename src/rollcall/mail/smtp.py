"""Hands a mail to a server by SMTP, and says what the server answered (RFC 5321)."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass

import aiosmtplib

from rollcall.mail.message import Mail, MailServer, one_line, write_mail

_ANSWER_CHARACTERS = 300
_FAREWELL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Sent:
    """The server took the mail over; `answer` is its own words."""

    answer: str
    status: int = 250


@dataclass(frozen=True, slots=True)
class NotSent:
    """The server did not take it, or could not be reached.

    `permanent`: it refuses this recipient or this mail for good (a 5xx reply, RFC 5321 §4.2.1), so that trying again is
    of no use. `status` is its reply code, None when nothing answered.
    """

    reason: str
    status: int | None = None
    permanent: bool = False


async def send_mail(server: MailServer, mail: Mail) -> Sent | NotSent:
    """Deliver one mail on a connection of its own. Whatever becomes of it is a value."""
    # Reading the authorities takes a moment, which the loop must not wait for.
    try:
        context = None if server.security == "none" else await asyncio.to_thread(_context, server)
    except (OSError, ssl.SSLError) as error:
        return NotSent(_said(f"The file of authorities {server.ca_file} can't be used", _words(error)))
    client = _client(server, context)
    try:
        answer = await _hand_over(client, server, mail)
        if isinstance(answer, Sent):
            # After the end of the mail's own time: it is accepted, and how the server takes the farewell changes nothing.
            with contextlib.suppress(aiosmtplib.SMTPException, OSError):
                await client.quit(timeout=_FAREWELL_SECONDS)
        return answer
    finally:
        client.close()


async def _hand_over(client: aiosmtplib.SMTP, server: MailServer, mail: Mail) -> Sent | NotSent:
    try:
        async with asyncio.timeout(server.timeout_seconds):
            await client.connect()
            _, answer = await client.sendmail(server.sender, [mail.to], write_mail(mail, server))
            return Sent(_shortened(answer))
    except TimeoutError:
        return NotSent(f"The mail server did not answer within {server.timeout_seconds:g} s.")
    except aiosmtplib.SMTPRecipientsRefused as refused:
        return _refused(refused.recipients[0], "does not take mail for this recipient", final=True)
    except aiosmtplib.SMTPDataError as refused:
        return _refused(refused, "does not take this mail", final=True)
    except aiosmtplib.SMTPSenderRefused as refused:
        return _refused(refused, "does not take mail from this sender (mail.sender)")
    except aiosmtplib.SMTPAuthenticationError as refused:
        return _refused(refused, "does not accept the sign-in (mail.username, mail.password)")
    except aiosmtplib.SMTPResponseException as refused:
        return _refused(refused, "refuses")
    except (aiosmtplib.SMTPException, OSError) as error:
        return NotSent(_said("The mail server could not be used", _words(error)))


def _client(server: MailServer, context: ssl.SSLContext | None) -> aiosmtplib.SMTP:
    return aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        username=server.username,
        password=server.password,
        # Our name for EHLO; asking the machine for it may wait for a name server.
        local_hostname=server.sender.rpartition("@")[2],
        timeout=server.timeout_seconds,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=context,
    )


def _context(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file)


def _refused(error: aiosmtplib.SMTPResponseException, what: str, *, final: bool = False) -> NotSent:
    said = _said(f"The mail server {what}", f"{error.code} {error.message}")
    return NotSent(said, error.code, permanent=final and error.code >= 500)


def _said(what: str, words: str) -> str:
    return f"{what}: {_shortened(words)}"


def _words(error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, aiosmtplib.SMTPException):
        return error.strerror or type(error).__name__
    return str(error)


def _shortened(text: str) -> str:
    return one_line(text)[:_ANSWER_CHARACTERS]
