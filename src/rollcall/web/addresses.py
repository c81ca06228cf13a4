"""Addresses as pages need them: where a half is reached, and which ways back stay within it."""

from __future__ import annotations

from urllib.parse import urlsplit


def origin_of(base_url: str) -> str:
    """Scheme, host and port of an address as a browser writes them in Origin (RFC 6454 §6.2)."""
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_secure(base_url: str) -> bool:
    """Whether browsers reach this address over TLS."""
    return base_url.startswith("https://")


def safe_return_path(written: str | None) -> str | None:
    """The path to go on to if it stays on this host, else None (check C15).

    Browsers take backslashes for slashes and skip tabs and line breaks, so that `/\\evil` and `/<tab>/evil` would leave.
    """
    if not written or len(written) > _LONGEST or not written.isascii() or not written.isprintable():
        return None
    if not written.startswith("/") or written.startswith("//") or "\\" in written:
        return None
    try:
        parts = urlsplit(written)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else written


_LONGEST = 2000
