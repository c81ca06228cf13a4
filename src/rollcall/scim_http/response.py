"""SCIM answers as bytes: resources, lists and errors, each with its headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

from rollcall import errors
from rollcall.scim.error import ScimError, internal
from rollcall.scim.message import error_body
from rollcall.scim_http.request import Request, Send

_SCIM_JSON = b"application/scim+json"
_JSON = b"application/json"
_RETRY_SECONDS = 5.0

# The one table from refusals to SCIM's status and scimType (RFC 7644 §3.12).
_REFUSALS: dict[type[errors.Refusal], tuple[int, str | None]] = {
    errors.Invalid: (400, "invalidValue"),
    errors.Unauthenticated: (401, None),
    errors.Denied: (403, None),
    errors.NotFound: (404, None),
    errors.Conflict: (409, "uniqueness"),
    errors.TooLarge: (413, None),
    errors.Throttled: (429, None),
    errors.Unavailable: (503, None),
}


@dataclass(frozen=True, slots=True)
class Response:
    """Status, extra headers and body of an answer; a body of None has neither content nor content type."""

    status: int
    body: dict[str, Any] | None = None
    headers: tuple[tuple[str, str], ...] = ()


async def send_response(send: Send, request: Request | None, response: Response) -> None:
    """Send an answer; to HEAD the headers only (RFC 9110 §9.3.2)."""
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
    content = b""
    if response.body is not None:
        content = orjson.dumps(response.body)
        headers.append((b"content-type", _content_type(request)))
    if response.status not in (204, 304):  # RFC 9110 §8.6: these have no content, and no length
        headers.append((b"content-length", b"%d" % len(content)))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    if request is not None and request.method == "HEAD":
        content = b""
    await send({"type": "http.response.body", "body": content})


def error_response(error: ScimError) -> Response:
    """The answer that tells an error (RFC 7644 §3.12)."""
    return Response(error.status, error_body(error), error.headers)


def from_refusal(refusal: errors.Refusal) -> ScimError:
    """The SCIM error for a refusal of the application behind."""
    status, scim_type = next((row for kind, row in _REFUSALS.items() if isinstance(refusal, kind)), (400, None))
    headers: tuple[tuple[str, str], ...] = ()
    if status == 401:
        headers = (("WWW-Authenticate", "Bearer"),)
    if status in (429, 503):
        seconds = refusal.retry_after_seconds
        headers = (("Retry-After", str(max(1, round(_RETRY_SECONDS if seconds is None else seconds)))),)
    return ScimError(status, scim_type, refusal.message, headers=headers)


def our_mistake(error_id: str) -> ScimError:
    """What a caller may know of an unexpected exception: the id under which the log has it."""
    return internal(f"Something went wrong here; the log has it under {error_id}.")


def _content_type(request: Request | None) -> bytes:
    # RFC 7644 §3.8: application/scim+json, unless the caller asks for plain JSON only.
    accept = request.header("accept") if request is not None else None
    if accept is not None and "application/json" in accept and "application/scim+json" not in accept:
        return _JSON
    return _SCIM_JSON
