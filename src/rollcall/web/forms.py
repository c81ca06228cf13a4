"""Forms: read with limits, checked to come from our own pages, and answered with every fault at once."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Iterable
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from rollcall.crypto import Sealer
from rollcall.errors import Denied, Invalid, TooLarge
from rollcall.runtime import new_secret
from rollcall.web.addresses import origin_of
from rollcall.web.cookies import Cookies

FIELD = "anti_forgery"
"""The name of the hidden field that carries the token, and of nothing else."""
HEADER = "x-anti-forgery"
_LARGEST_BODY = 64 * 1024
_MOST_FIELDS = 200
_SALT_BYTES = 16
_CONTEXT = "anti-forgery"
_BEFORE_SIGN_IN = "form"
_OWN_SITES = ("same-origin", "none")


class Form:
    """What was sent, as text; each field at most as often as it is asked for."""

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value.replace("\r\n", "\n"))

    def text(self, name: str) -> str:
        """The value without blanks around it; empty where it is missing. Raises Invalid when it was sent twice."""
        values = self._values.get(name, [""])
        if len(values) > 1:
            raise Invalid(f"{name} was sent more than once.", code="repeated_field")
        return values[0].strip()

    def secret(self, name: str) -> str:
        """The value as it was typed, blanks and all: a password may begin or end with one."""
        return self._values.get(name, [""])[0]

    def is_checked(self, name: str) -> bool:
        """Whether a box was ticked."""
        return self.text(name) not in ("", "false", "0")

    def all(self, name: str) -> list[str]:
        """Every value of a field that may be chosen several times."""
        return [each.strip() for each in self._values.get(name, [])]

    def values(self) -> dict[str, str]:
        """The first value of each field, to show what was typed again."""
        return {name: values[0] for name, values in self._values.items() if name != FIELD}


async def read_form(request: Request, largest: int = _LARGEST_BODY) -> Form:
    """The form in the body of a request. Raises TooLarge over `largest` bytes, Invalid for another type or a broken body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise Invalid("A form is expected (application/x-www-form-urlencoded).", code="unsupported_media_type")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > largest:
                raise TooLarge(f"The form is larger than {largest // 1024} KiB.", code="too_large")
    except ClientDisconnect:
        raise Invalid("The form was cut off.", code="cut_off") from None
    try:
        return Form(
            parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
        )
    except ValueError:  # UnicodeDecodeError is one
        raise Invalid(f"The form can't be read, or has more than {_MOST_FIELDS} fields.", code="invalid") from None


class Forms:
    """Binds forms to the browser they were given to (checks C11, C12).

    The token is a signature over the session's handle, or before sign-in over a random value in a cookie of its own. It
    is salted, so that it is never the same bytes twice and compression tells nothing of it.
    """

    def __init__(self, sealer: Sealer, cookies: Cookies, session: str = "session") -> None:
        self._sealer = sealer
        self._cookies = cookies
        self._session = session

    def token(self, request: Request) -> str:
        """The token for the forms of a page. For a browser without a session a cookie has to follow: `remember`."""
        salt = new_secret(8 * _SALT_BYTES).encode()[:_SALT_BYTES]
        return base64.urlsafe_b64encode(salt + self._signed(salt, self._handle(request))).decode()

    def browser(self, request: Request) -> str:
        """The value that tokens of this browser are bound to; one that is new follows as a cookie: `remember`."""
        return self._handle(request)

    def remember(self, request: Request, response: Response) -> None:
        """Give a browser that was not signed in the value that its token is bound to."""
        fresh = getattr(request.state, "form_handle", None)
        if fresh is not None:
            self._cookies.put(response, _BEFORE_SIGN_IN, fresh)

    def check(self, request: Request, form: Form | None) -> None:
        """Raises Denied unless the request comes from a form that this browser was given."""
        given = request.headers.get(HEADER, "") if form is None else form.text(FIELD) or request.headers.get(HEADER, "")
        if not (self.is_own_site(request) and self._fits(request, given)):
            raise Denied(
                "This form is too old, or did not come from this site. Load the page again and repeat it.",
                code="forgery_check_failed",
            )

    def is_own_site(self, request: Request) -> bool:
        """Whether the browser says that the request comes from our own pages; programs that say nothing may be honest.

        Since our pages send no referrer, browsers write `null` for the origin of their forms (Fetch §3.2). That is what
        sandboxed pages of others have too, so that it is believed only beside `Sec-Fetch-Site: same-origin`.
        """
        origin = request.headers.get("origin")
        site = request.headers.get("sec-fetch-site")
        if origin == "null":
            return site == "same-origin"
        return (origin is None or origin.lower() == origin_of(self._cookies.base_url)) and (
            site is None or site in _OWN_SITES
        )

    def _fits(self, request: Request, given: str) -> bool:
        handle = self._kept(request)
        try:
            raw = base64.b64decode(given.encode(), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raw = b""
        salt, signed = raw[:_SALT_BYTES], raw[_SALT_BYTES:]
        return handle is not None and hmac.compare_digest(signed, self._signed(salt, handle))

    def _signed(self, salt: bytes, handle: str) -> bytes:
        signature = self._sealer.signature(_CONTEXT)
        signature.update(salt + handle.encode())
        return signature.digest()

    def _kept(self, request: Request) -> str | None:
        return self._cookies.read(request, self._session) or self._cookies.read(request, _BEFORE_SIGN_IN)

    def _handle(self, request: Request) -> str:
        kept = self._kept(request) or getattr(request.state, "form_handle", None)
        if kept is None:
            kept = request.state.form_handle = new_secret()
        return str(kept)
