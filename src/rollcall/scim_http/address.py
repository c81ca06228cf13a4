"""Where SCIM requests go: a base URL, with the query it may carry, and the paths beneath it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import quote, urlsplit

from rollcall.errors import Invalid

Query: TypeAlias = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Base:
    """A base URL taken apart: everything up to the path without its last slash, and its query as it was written."""

    prefix: str
    query: str

    def url(self, path: str, query: Query | None = None, blank: str = "%20") -> str:
        """The address of `path`, which begins with a slash and is percent-encoded; the base's own query comes first.

        A blank is sent as %20, which every server decodes, or as + where asked.
        """
        parts = [self.query] if self.query else []
        if query is not None:
            encoded = ((quote(name, safe=""), quote(str(value), safe="")) for name, value in query.items())
            parts += [f"{name}={value}".replace("%20", blank) for name, value in encoded]
        return f"{self.prefix}{path}?{'&'.join(parts)}" if parts else f"{self.prefix}{path}"


def parse_base(text: str) -> Base:
    """Take a base URL apart.

    Raises Invalid when it is not an absolute http or https address, or when it carries a name, password or fragment.
    """
    text = text.strip()
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _bad("is not a web address") from None
    if parts.scheme.lower() not in {"http", "https"} or not host:
        raise _bad("must begin with https:// (or http://) and name a host")
    if not text.isprintable() or " " in text:
        raise _bad("must not contain spaces or control characters")
    if parts.username is not None or parts.password is not None:
        raise _bad("must not contain a name or password; the secret token is a setting of its own")
    if parts.fragment:
        raise _bad("must not contain a # part")
    path = quote(parts.path, safe="/%:@!$&'()*+,;=-._~").rstrip("/")
    return Base(f"{parts.scheme.lower()}://{parts.netloc}{path}", quote(parts.query, safe="%/?:@!$&'()*+,;=-._~"))


def resource_path(endpoint: str, resource_id: str) -> str:
    """The path of one resource: its id is percent-encoded, whatever characters it has."""
    return f"{endpoint}/{quote(resource_id, safe='')}"


def _bad(what: str) -> Invalid:
    return Invalid(f"The base URL {what}.", code="invalid_base_url")
