"""What a SCIM request came to: done, refused, or unanswered because nobody can tell."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, TypeAlias

import orjson

_DETAIL_CHARACTERS = 1000
_TEXT_BYTES = 4096
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Reason(StrEnum):
    """Why a request was not done; a closed list."""

    # Nothing was sent.
    NOT_JSON = "not_json"
    DNS = "dns"
    CONNECTION_REFUSED = "connection_refused"
    UNREACHABLE = "unreachable"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS = "tls"
    # The server answered that it will not do it.
    REDIRECTED = "redirected"
    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    PRECONDITION_FAILED = "precondition_failed"
    TOO_LARGE = "too_large"
    THROTTLED = "throttled"
    NOT_IMPLEMENTED = "not_implemented"
    UNAVAILABLE = "unavailable"
    REJECTED = "rejected"
    # It may or may not have been done.
    TIMEOUT = "timeout"
    RESET = "reset"
    SERVER_ERROR = "server_error"
    NOT_SCIM = "not_scim"
    ANSWER_TOO_LARGE = "answer_too_large"
    INCOMPLETE_LIST = "incomplete_list"


@dataclass(frozen=True, slots=True)
class Done:
    """The server did it. `body` is None where it sent none and none is needed; header names are lower case."""

    status: int
    body: dict[str, Any] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Refused:
    """The server surely did not do it. `status` is None where nothing was sent, `text` the beginning of what it answered."""

    status: int | None
    reason: Reason
    scim_type: str | None = None
    detail: str | None = None
    retry_after_seconds: float | None = None
    body: dict[str, Any] | None = field(default=None, repr=False)
    text: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It may or may not have been done. `text` is the beginning of what the server answered."""

    reason: Reason
    status: int | None = None
    detail: str | None = None
    retry_after_seconds: float | None = None
    text: str = field(default="", repr=False, compare=False)


Answer: TypeAlias = Done | Refused | Unanswered

_REFUSALS = {
    400: Reason.BAD_REQUEST,
    401: Reason.UNAUTHORIZED,
    403: Reason.FORBIDDEN,
    404: Reason.NOT_FOUND,
    409: Reason.CONFLICT,
    412: Reason.PRECONDITION_FAILED,
    413: Reason.TOO_LARGE,
    429: Reason.THROTTLED,
    501: Reason.NOT_IMPLEMENTED,
}


def judge(method: str, status: int, headers: Mapping[str, str], content: bytes, now: datetime) -> Answer:
    """What an HTTP response means for the request that it answers.

    `headers` have lower case names. `content` is the whole body. `now` is what a date in Retry-After is measured from.
    """
    body = _object(content)
    if 200 <= status < 300:
        if body is None and (content.strip() or _needs_body(method, status)):
            return Unanswered(Reason.NOT_SCIM, status, _what_came(headers, content), text=_beginning(content))
        return Done(status, body, headers)
    retry_after = parse_retry_after(headers.get("retry-after"), now)
    scim_type, detail = _error(body)
    text = _beginning(content)
    if status == 408:  # the server gave up waiting, or a proxy did while the server works on
        return Unanswered(Reason.TIMEOUT, status, detail, retry_after, text)
    if status in _REFUSALS or 300 <= status < 500:
        default = Reason.REDIRECTED if status < 400 else Reason.REJECTED
        return Refused(status, _REFUSALS.get(status, default), scim_type, detail, retry_after, body, text)
    if status == 503 and retry_after is not None:
        # RFC 9110 §15.6.4: a server that can say when it will be back turned the request away on purpose.
        return Refused(status, Reason.UNAVAILABLE, scim_type, detail, retry_after, body, text)
    return Unanswered(Reason.SERVER_ERROR, status, detail, retry_after, text)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a Retry-After header (RFC 9110 §10.2.3): a number or a date; None when it says neither."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        if when.tzinfo is None:  # RFC 9110 §5.6.7: an HTTP date is in GMT
            when = when.replace(tzinfo=UTC)
        return max(0.0, (when - now).total_seconds())
    return seconds if math.isfinite(seconds) and seconds >= 0 else None


def _beginning(content: bytes) -> str:
    return content[:_TEXT_BYTES].decode(errors="replace")


def _needs_body(method: str, status: int) -> bool:
    # A read without a resource tells nothing; a create without one leaves its id unknown (RFC 7644 §3.3).
    return method == "GET" or (method == "POST" and status in {200, 201})


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        body = orjson.loads(content.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _error(body: dict[str, Any] | None) -> tuple[str | None, str | None]:
    """scimType and detail of an error body (RFC 7644 §3.12), as far as they are text."""
    if body is None:
        return None, None
    scim_type, detail = body.get("scimType"), body.get("detail")
    return (
        scim_type if isinstance(scim_type, str) else None,
        detail[:_DETAIL_CHARACTERS] if isinstance(detail, str) else None,
    )


def _what_came(headers: Mapping[str, str], content: bytes) -> str:
    if not content.strip():
        return "The body is empty."
    kind = headers.get("content-type", "no content type")[:100]
    return f"The body is not a JSON object ({kind})."
