"""Sends a signed request to a webhook, and says what it answered."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime

import aiohttp
import orjson

import rollcall
from rollcall.outbound import AddressRefused, Reach, client_host, open_session, refused_address
from rollcall.provisioning.deliveries import Attempt
from rollcall.provisioning.model import Json
from rollcall.provisioning.webhook_signature import signed_headers
from rollcall.runtime import Runtime

_ANSWER_BYTES = 2048
_ANSWER_CHARACTERS = 200
_GONE = 410
_BUSY = (429, 503)


@dataclass(frozen=True, slots=True)
class WebhookClient:
    """How webhooks are sent, and how far they may go."""

    timeout_seconds: float = 20.0
    reach: Reach = field(default_factory=lambda: Reach(private=True))

    def session(self) -> AbstractAsyncContextManager[aiohttp.ClientSession]:
        """A session for webhooks."""
        return open_session(self.reach, self.timeout_seconds)


@dataclass(frozen=True, slots=True)
class Message:
    """What a webhook is sent. `id` is the same however often it is: receivers know by it what they have."""

    id: str
    event: str
    at: datetime
    data: dict[str, Json]

    def body(self) -> bytes:
        """The body, byte by byte as it is signed."""
        return orjson.dumps({"type": self.event, "timestamp": self.at.isoformat(), "data": self.data})


async def send_webhook(
    session: aiohttp.ClientSession,
    client: WebhookClient,
    runtime: Runtime,
    url: str,
    secrets: Sequence[str],
    message: Message,
) -> Attempt:
    """Send a message once. Whatever becomes of it is a value; redirects are not followed."""
    now, began = runtime.now(), runtime.monotonic()
    body = message.body()
    headers = {
        "content-type": "application/json",
        "user-agent": f"Rollcall/{rollcall.__version__}",
        **signed_headers(secrets, message.id, now, body),
    }

    def ended(answer: str, status: int | None = None, retry_after: float | None = None) -> Attempt:
        return Attempt(
            delivered=status is not None and 200 <= status < 300,
            answer=answer,
            at=now,
            duration_milliseconds=round((runtime.monotonic() - began) * 1000),
            status=status,
            final=status == _GONE,
            gone=status == _GONE,
            retry_after_seconds=retry_after,
        )

    try:
        # An address in digits never comes to the session's resolver.
        if why := refused_address(client_host(url), client.reach):
            return ended(_not_sent(why, client))
        async with session.post(url, data=body, headers=headers, allow_redirects=False) as response:
            words = await response.content.read(_ANSWER_BYTES)
            return ended(_answer(response, words), response.status, _retry_after(response))
    except TimeoutError:
        return ended(f"There was no answer within {client.timeout_seconds:g} s.")
    except (aiohttp.ClientError, ssl.SSLError, OSError, asyncio.IncompleteReadError) as error:
        return ended(_failure(error, client))
    except ValueError:
        return ended("Nothing was sent: the URL is no address.")


def _answer(response: aiohttp.ClientResponse, words: bytes) -> str:
    if 300 <= response.status < 400:
        where = _printable(response.headers.get("location", "elsewhere"))
        return f"It answered {response.status} and points to {where}; redirects are not followed, so give that address."
    said = _printable(words.decode("utf-8", "replace"))
    return f"It answered {response.status}{f': {said}' if said else ''}"


def _not_sent(why: object, client: WebhookClient) -> str:
    return f"Nothing was sent: {why}{'' if client.reach.private else ' (webhooks.private_addresses is false)'}."


def _failure(error: Exception, client: WebhookClient) -> str:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, AddressRefused):
        return _not_sent(cause, client)
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return f"The connection is not secure, so nothing was sent: {_printable(str(cause))}"
    return (
        f"It could not be reached: {_printable(getattr(cause, 'strerror', None) or str(cause) or type(error).__name__)}"
    )


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if response.status in _BUSY and seconds.isascii() and seconds.isdigit() else None


def _printable(text: str) -> str:
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return line if len(line) <= _ANSWER_CHARACTERS else f"{line[:_ANSWER_CHARACTERS]}…"
