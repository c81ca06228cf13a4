"""A SCIM request as it came over ASGI: path, query, headers and a bounded JSON body."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias
from urllib.parse import unquote_plus

import orjson

from rollcall.scim.error import invalid_syntax, invalid_value, too_large, unsupported_media_type

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MOST_PARAMETERS = 100
_LENGTH_DIGITS = 19
# Lists that some clients write as one parameter an element.
_REPEATABLE = frozenset({"attributes", "excludedattributes"})


class Disconnected(Exception):
    """The caller went away before the request was whole."""


class Request:
    """One request. `base_url` is what locations begin with, `path_params` what the mount's `{names}` stand for."""

    __slots__ = ("_headers", "_receive", "_scope", "base_url", "method", "path_params", "segments")

    def __init__(
        self,
        scope: Scope,
        receive: Receive,
        segments: list[str],
        path_params: Mapping[str, str],
        base_url: str,
    ) -> None:
        self._scope = scope
        self._receive = receive
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self.method: str = scope["method"]
        self.segments = segments
        self.path_params = path_params
        self.base_url = base_url

    def header(self, name: str) -> str | None:
        """The value of a header, by its lower case name; several are joined with commas (RFC 9110 §5.3)."""
        wanted = name.encode("ascii")
        values = [value for key, value in self._headers if key == wanted]
        return b", ".join(values).decode("latin-1").strip() if values else None

    @property
    def token(self) -> str | None:
        """The bearer token (RFC 6750 §2.1), or None where there is none."""
        scheme, _, token = (self.header("authorization") or "").partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    @property
    def peer(self) -> str:
        """The address that the request came from, empty where the server does not tell."""
        client = self._scope.get("client")
        return str(client[0]) if client else ""

    def query(self) -> dict[str, str]:
        """The parameters of the query string, names in lower case; raises invalidSyntax or invalidValue."""
        return parse_query(self._scope["query_string"])

    async def json(self, limit_bytes: int) -> dict[str, Any]:
        """The JSON object in the body; raises 413 over the limit, 415 on another media type, or invalidSyntax."""
        media_type = (self.header("content-type") or "").partition(";")[0].strip().lower()
        # RFC 7644 §3.1 asks for application/scim+json; older clients send application/json or nothing.
        if media_type and "json" not in media_type:
            raise unsupported_media_type(f"Send the body as application/scim+json, not as {media_type[:100]}.")
        try:
            body = orjson.loads((await self._body(limit_bytes)).removeprefix(_BYTE_ORDER_MARK))
        except orjson.JSONDecodeError as error:
            raise invalid_syntax(f"The body is not JSON in UTF-8: {error}.") from None
        if not isinstance(body, dict):
            raise invalid_syntax("The body must be a JSON object.")
        return body

    async def _body(self, limit_bytes: int) -> bytes:
        length = self.header("content-length")
        if length is not None and length.isascii() and length.isdecimal():
            digits = length.lstrip("0")
            # Python reads no number of over 4,300 digits, and one of 20 is over any limit.
            if len(digits) > _LENGTH_DIGITS or int(digits or "0") > limit_bytes:
                raise _over(limit_bytes)
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > limit_bytes:
                raise _over(limit_bytes)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def parse_query(query_string: bytes) -> dict[str, str]:
    """The parameters of a query string, names in lower case: percent-encoding and plus signs decoded, as UTF-8.

    A parameter that is given twice is refused, but for lists of attributes, which are joined.
    """
    parameters: dict[str, str] = {}
    if not query_string:
        return parameters
    parts = query_string.split(b"&")
    if len(parts) > _MOST_PARAMETERS:
        raise invalid_value(f"The query has more than {_MOST_PARAMETERS} parameters.")
    for part in parts:
        name, _, value = part.partition(b"=")
        if not name:
            continue
        try:
            # Raw bytes above ASCII are read as UTF-8 as well.
            key = unquote_plus(name.decode(), errors="strict").lower()
            text = unquote_plus(value.decode(), errors="strict")
        except UnicodeDecodeError:
            raise invalid_syntax("The query is not percent-encoded UTF-8.") from None
        if key not in parameters:
            parameters[key] = text
        elif key in _REPEATABLE:
            parameters[key] += f",{text}"
        else:
            raise invalid_value(f"The parameter {key[:100]} is given twice.")
    return parameters


def _over(limit_bytes: int) -> Exception:
    return too_large(f"The body is over {limit_bytes} bytes.")
