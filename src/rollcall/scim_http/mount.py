"""Where on a web server the SCIM endpoints are: the path above them, and the base of their addresses."""

from __future__ import annotations

from urllib.parse import quote, unquote, unquote_to_bytes

from rollcall.scim.error import invalid_syntax, not_found
from rollcall.scim_http.request import Receive, Request, Scope


class Mount:
    """A path template such as `/scim/v2/{organisation}`, and the configured scheme and host, if any."""

    def __init__(self, template: str, base_url: str | None) -> None:
        self._template = tuple(segment for segment in template.split("/") if segment)
        self._base_url = base_url.rstrip("/") if base_url is not None else None

    def open(self, scope: Scope, receive: Receive) -> Request:
        """The request, with its path beneath the mount; raises 404 where the path is not beneath it."""
        segments = path_segments(scope)
        size = len(self._template)
        if len(segments) < size:
            raise _elsewhere()
        params = {}
        for template, segment in zip(self._template, segments, strict=False):
            if template.startswith("{"):
                params[template.strip("{}")] = segment
            elif template != segment:
                raise _elsewhere()
        return Request(scope, receive, segments[size:], params, self._base(scope, segments[:size]))

    def _base(self, scope: Scope, above: list[str]) -> str:
        path = "".join(f"/{quote(segment, safe='')}" for segment in above)
        root = scope.get("root_path", "").rstrip("/")
        return f"{self._base_url or _origin(scope)}{root}{path}"


def path_segments(scope: Scope) -> list[str]:
    """The decoded segments of the path beneath the application's root path; a `%2F` stays inside its segment."""
    raw: bytes | None = scope.get("raw_path")
    root: str = scope.get("root_path", "").strip("/")
    if raw is None:
        segments = scope["path"].strip("/").split("/")
    else:
        text = raw.partition(b"?")[0].decode("latin-1").strip("/")
        segments = text.split("/")
        if "%" in text or not text.isascii():
            try:
                segments = [unquote_to_bytes(segment.encode("latin-1")).decode() for segment in segments]
            except UnicodeDecodeError:
                raise invalid_syntax("The path is not UTF-8.") from None
    if root:
        prefix = unquote(root).split("/")
        if segments[: len(prefix)] == prefix:
            segments = segments[len(prefix) :]
    return [] if segments == [""] else segments


def _origin(scope: Scope) -> str:
    host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), None)
    if host is None:
        server = scope.get("server") or ("localhost", None)
        host = server[0] if server[1] is None else f"{server[0]}:{server[1]}"
    return f"{scope.get('scheme', 'http')}://{host}"


def _elsewhere() -> Exception:
    return not_found("There is no such endpoint.")
