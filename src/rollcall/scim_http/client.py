"""A SCIM client: one keep-alive session to one service provider, each request ending in a typed answer."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver
from yarl import URL

import rollcall
from rollcall.errors import Invalid
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.scim_http.address import Query, parse_base, resource_path
from rollcall.scim_http.answer import Answer, Done, Reason, Refused, Unanswered, judge
from rollcall.scim_http.listing import Listing

__all__ = ["Answer", "Done", "Reason", "Refused", "ScimClient", "Unanswered", "resource_path"]

_SYSTEM = SystemRuntime()
_CONNECT_SECONDS = 10.0
# Shorter than the five seconds after which common servers close an idle connection, so that a request that may not
# be repeated is rarely sent into a connection that is just closing.
_KEEP_ALIVE_SECONDS = 4.0
_HIDDEN = "•••"


class ScimClient:
    """Requests to one SCIM service provider; an asynchronous context manager over one session.

    `base_url` may end in a slash and may carry a query string, which is kept on each request. A blank `token` sends
    no Authorization header. `timeout_seconds` is for a whole request with its answer, `concurrency` the most requests
    under way at once, `max_answer_bytes` the largest body read, `accept` the Accept header, `blank` what a blank in a
    query is sent as (%20 or +). `resolver` and `tls` replace the machine's name
    resolution and its certificate authorities. Raises Invalid on a base URL or token that can't be sent.
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_seconds: float = 30.0,
        concurrency: int = 16,
        max_answer_bytes: int = 32 * 1024 * 1024,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
        accept: str = "application/scim+json, application/json;q=0.9",
        blank: str = "%20",
        runtime: Runtime = _SYSTEM,
    ) -> None:
        self._base = parse_base(base_url)
        self._token = token.strip()
        if not (self._token.isascii() and self._token.isprintable()):
            raise Invalid("The secret token contains characters that can't be sent.", code="invalid_token")
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(_CONNECT_SECONDS, timeout_seconds)
        )
        self._concurrency = concurrency
        self._slots = asyncio.Semaphore(concurrency)
        self._max_answer_bytes = max_answer_bytes
        self._resolver = resolver
        self._tls = tls
        self._accept = accept
        self._blank = blank
        self._runtime = runtime
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"ScimClient({self._base.prefix!r})"

    async def __aenter__(self) -> Self:
        headers = {
            "Accept": self._accept,
            "User-Agent": f"rollcall/{rollcall.__version__}",
        }
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._concurrency,
                keepalive_timeout=_KEEP_ALIVE_SECONDS,
                resolver=self._resolver,
                ssl=self._tls if self._tls is not None else True,
            ),
            headers=headers,
            timeout=self._timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()
        self._session = None

    def location(self, path: str) -> str:
        """The address of `path` without the query that the base may carry."""
        return f"{self._base.prefix}{path}"

    async def send(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: dict[str, Any] | None = None,
        if_match: str | None = None,
    ) -> Answer:
        """Send one request and wait for its answer; nothing is repeated and no redirect is followed.

        `path` begins with a slash and is percent-encoded (see `resource_path`); `query` is encoded here.
        `if_match` is the version that is to be changed (RFC 7644 §3.14).
        """
        assert self._session is not None, "a ScimClient is entered before it is used"
        url = URL(self._base.url(path, query, self._blank), encoded=True)
        try:
            data = None if body is None else orjson.dumps(body)
        except orjson.JSONEncodeError as error:
            return Refused(None, Reason.NOT_JSON, detail=f"A value can't be written as JSON: {error}.")
        headers = {} if body is None else {"Content-Type": "application/scim+json"}
        if if_match is not None:
            headers["If-Match"] = if_match
        async with self._slots:
            try:
                async with self._session.request(
                    method, url, data=data, headers=headers, allow_redirects=False
                ) as response:
                    content = await self._content(response)
                    return self._answer(method, response, content)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                return _failure(error)

    async def list_all(
        self,
        endpoint: str,
        *,
        filter_text: str | None = None,
        attributes: Sequence[str] = (),
        excluded: Sequence[str] = (),
        page_size: int = 100,
    ) -> AsyncIterator[list[dict[str, Any]] | Refused | Unanswered]:
        """All resources of an endpoint, page by page, each resource once (RFC 7644 §3.4.2.4).

        Ends with a Refused or Unanswered where the listing broke off: what was yielded before is then not all.
        A server that ignores startIndex, or never reaches its own totalResults, ends in INCOMPLETE_LIST.
        """
        query: dict[str, str | int] = {} if filter_text is None else {"filter": filter_text}
        if attributes:
            query["attributes"] = ",".join(attributes)
        if excluded:
            query["excludedAttributes"] = ",".join(excluded)
        listing = Listing()
        while not listing.complete:
            answer = await self.send(
                "GET", endpoint, query={**query, "startIndex": listing.start_index, "count": page_size}
            )
            if not isinstance(answer, Done):
                yield answer
                return
            new = listing.take(answer)
            if isinstance(new, Unanswered):
                yield new
                return
            if new:
                yield new

    async def _content(self, response: aiohttp.ClientResponse) -> bytes | None:
        """The body, or None when it is larger than allowed."""
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._max_answer_bytes:
                response.close()  # the rest is not wanted, so the connection can't be kept
                return None
            chunks.append(chunk)
        return b"".join(chunks)

    def _answer(self, method: str, response: aiohttp.ClientResponse, content: bytes | None) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        answer = judge(
            method, response.status, headers, self._without_token(response.status, content), self._runtime.now()
        )
        if content is None and not isinstance(answer, Refused):
            return Unanswered(
                Reason.ANSWER_TOO_LARGE, response.status, f"The body is over {self._max_answer_bytes} bytes."
            )
        if isinstance(answer, Refused) and answer.reason is Reason.REDIRECTED:
            return Refused(answer.status, answer.reason, detail=_redirect(headers.get("location", "")))
        return answer

    def _without_token(self, status: int, content: bytes | None) -> bytes:
        """What a server says of a failure, without the token that it may repeat, however it writes a slash in JSON."""
        if not content or not self._token or status < 300:
            return content or b""
        for written in (self._token, self._token.replace("/", "\\/")):
            content = content.replace(written.encode(), _HIDDEN.encode())
        return content


def _failure(error: Exception) -> Refused | Unanswered:
    """The answer for a request that got none; what fails before the connection stands was surely not sent."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return Refused(None, Reason.DNS, detail="The host name is unknown.")
        case aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch() | ssl.SSLCertVerificationError():
            return Refused(None, Reason.TLS, detail=_tls_detail(error))
        case aiohttp.ClientConnectorError():
            if isinstance(error.os_error, ConnectionRefusedError):
                return Refused(None, Reason.CONNECTION_REFUSED, detail="Nothing listens on this address.")
            return Refused(None, Reason.UNREACHABLE, detail="The host can't be reached.")
        case aiohttp.ConnectionTimeoutError():
            return Refused(None, Reason.CONNECT_TIMEOUT, detail="The host did not accept the connection in time.")
        case TimeoutError():
            return Unanswered(Reason.TIMEOUT, detail="The answer did not come in time.")
        case aiohttp.ClientResponseError():
            return Unanswered(Reason.NOT_SCIM, detail="The answer is not HTTP.")
    return Unanswered(Reason.RESET, detail="The connection broke before the answer was complete.")


def _tls_detail(error: Exception) -> str:
    cause = error.__cause__ or getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"The server's certificate is not accepted: {cause.verify_message}."
    return "No secure connection could be made."


def _redirect(location: str) -> str:
    """Where the server points, without query or credentials."""
    try:
        parts = urlsplit(location)
        return (
            f"The server points to {parts.scheme}://{parts.hostname}{parts.path}"
            if parts.hostname
            else (f"The server points to {parts.path}")
        )
    except ValueError:
        return "The server points elsewhere."
