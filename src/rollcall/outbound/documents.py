"""Fetches small documents from addresses people wrote down, with limits on everything (checks DIS-1 to DIS-3)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

import rollcall
from rollcall.outbound.addresses import Reach, address_fault
from rollcall.outbound.calling import AddressRefused

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a call may take in all, and how much it may bring."""

    seconds: float = 5.0
    size: int = 256 * 1024


@dataclass(frozen=True, slots=True)
class Document:
    """An answer: its status, and the JSON object in it; an empty one where it holds none."""

    status: int
    body: Json
    retry_after_seconds: float | None = None


class FetchFailed(Exception):
    """No usable answer; nothing of one is kept.

    `reason`: `address_not_allowed`, `unreachable`, `insecure`, `too_slow`, `redirect`, `status`, `too_large` or
    `not_json`. The message says it in words and holds nothing that the other side sent.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


async def fetch_text(session: aiohttp.ClientSession, url: str, reach: Reach, limits: Limits = Limits()) -> bytes:
    """The bytes at `url`, whatever they are, such as metadata in XML. Raises FetchFailed, also for any status but 200."""
    response, content = await _send(
        session, "GET", url, reach, limits, headers={"accept": "application/xml, text/xml, */*"}
    )
    if response.status != 200:
        raise FetchFailed("status", f"It answered {response.status}.")
    return content


async def fetch_json(session: aiohttp.ClientSession, url: str, reach: Reach, limits: Limits = Limits()) -> Json:
    """The JSON object at `url`. Raises FetchFailed, also for any status but 200."""
    document = await ask(session, "GET", url, reach, limits)
    if document.status != 200:
        raise FetchFailed("status", f"It answered {document.status}.")
    return document.body


async def ask(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    reach: Reach,
    limits: Limits = Limits(),
    *,
    form: Mapping[str, str] | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Document:
    """Send one request and read its answer, which may be an error of the other side's. Raises FetchFailed.

    Redirects are not followed, and nothing is sent a second time. An answer with an error status need hold no JSON.
    """
    body: Any = None if form is None else aiohttp.FormData(dict(form))
    sent = {"accept": "application/json", **(headers or {})}
    if json is not None:
        body, sent["content-type"] = orjson.dumps(json), "application/json"
    response, content = await _send(session, method, url, reach, limits, body=body, headers=sent)
    read = _object(content)
    if read is None and 200 <= response.status < 300:
        raise FetchFailed("not_json", "The answer is not a JSON object in UTF-8.")
    return Document(response.status, read or {}, _retry_after(response))


async def _send(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    reach: Reach,
    limits: Limits,
    *,
    body: Any = None,
    headers: Mapping[str, str],
) -> tuple[aiohttp.ClientResponse, bytes]:
    if why := address_fault(url, reach):
        raise FetchFailed("address_not_allowed", f"Nothing was sent: {why}.")
    sent = {"accept-encoding": "identity", "user-agent": f"Rollcall/{rollcall.__version__}", **headers}
    try:
        async with (
            asyncio.timeout(limits.seconds),
            session.request(method, url, data=body, headers=sent, allow_redirects=False) as response,
        ):
            return response, await _read(response, limits)
    except TimeoutError:
        raise FetchFailed("too_slow", f"There was no answer within {limits.seconds:g} s.") from None
    except (aiohttp.ClientError, ssl.SSLError, OSError, asyncio.IncompleteReadError) as error:
        raise _failed(error) from None


async def _read(response: aiohttp.ClientResponse, limits: Limits) -> bytes:
    if 300 <= response.status < 400:
        raise FetchFailed("redirect", f"It answered {response.status}; redirects are not followed.")
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > limits.size:
            raise FetchFailed("too_large", f"The document is larger than {limits.size // 1024} KiB.")
    return bytes(content)


def _object(content: bytes) -> Json | None:
    try:
        read = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return read if isinstance(read, dict) else None


def _failed(error: Exception) -> FetchFailed:
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, AddressRefused):
        return FetchFailed("address_not_allowed", f"Nothing was sent: {cause}.")
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError | ssl.SSLError):
        return FetchFailed("insecure", "The connection is not secure, so nothing was sent.")
    return FetchFailed("unreachable", "It could not be reached.")


def _retry_after(response: aiohttp.ClientResponse) -> float | None:
    seconds = response.headers.get("retry-after", "")
    return float(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) < 9 else None
