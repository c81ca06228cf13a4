"""Cookies of one half: bound to the host, out of reach of scripts, and not sent along from other sites' forms."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from rollcall.web.addresses import is_secure


@dataclass(frozen=True, slots=True)
class Cookies:
    """Reads and sets the cookies of the half that is reached at `base_url` (checks C1, C2).

    `half` sets the two halves apart, since cookies do not know of ports. Over plain HTTP, which only works on loopback,
    a browser would refuse the prefix and the Secure mark; there, and nowhere else, both are left out.
    """

    half: str
    base_url: str

    def name(self, purpose: str) -> str:
        """The whole name of a cookie, with the prefix by which a browser lets only this host set it (RFC 6265bis)."""
        prefix = "__Host-" if is_secure(self.base_url) else ""
        return f"{prefix}rollcall-{self.half}-{purpose}"

    def read(self, request: Request, purpose: str) -> str | None:
        """The value of a cookie, None where there is none or it is too long to be ours."""
        value = request.cookies.get(self.name(purpose))
        return value if value and len(value) <= _LONGEST else None

    def put(self, response: Response, purpose: str, value: str, seconds: int | None = None) -> None:
        """Have the browser keep a value, for so many seconds or until it is closed."""
        response.set_cookie(
            self.name(purpose),
            value,
            max_age=seconds,
            path="/",
            secure=is_secure(self.base_url),
            httponly=True,
            samesite="lax",  # Strict would keep it away from the way back from an identity provider
        )

    def drop(self, response: Response, purpose: str) -> None:
        """Have the browser forget a value."""
        response.delete_cookie(
            self.name(purpose), path="/", secure=is_secure(self.base_url), httponly=True, samesite="lax"
        )


_LONGEST = 512
