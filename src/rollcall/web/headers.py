"""Security headers on every response of a half: pages, redirects, errors and files alike (checks C17 to C20)."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollcall.runtime import new_secret
from rollcall.web.addresses import is_secure

_PERMISSIONS = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
_STATIC = "/static/"


class SecurityHeaders:
    """ASGI middleware that sets what browsers must keep to.

    Scripts run only where they carry the nonce of their page, which a page finds in `request.state.nonce`. A page that a
    provider's form posts from, or that a provider frames, names those origins in `request.state.form_action` and
    `request.state.frame_ancestors`, one that frames others names them in `request.state.frame_src`; each a list of origins.
    """

    def __init__(self, app: ASGIApp, base_url: str, new_nonce: Callable[[], str] = lambda: new_secret(128)) -> None:
        self._app = app
        self._secure = is_secure(base_url)
        self._new_nonce = new_nonce

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["nonce"] = self._new_nonce()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._put(MutableHeaders(scope=message), str(scope["path"]), state)
            await send(message)

        await self._app(scope, receive, send_on)

    def _put(self, headers: MutableHeaders, path: str, state: dict[str, object]) -> None:
        headers["Content-Security-Policy"] = _policy(state)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["Referrer-Policy"] = "no-referrer"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["Permissions-Policy"] = _PERMISSIONS
        if self._secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        if not path.startswith(_STATIC):
            headers.setdefault("Cache-Control", "no-store")


def _policy(state: dict[str, object]) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'nonce-{state['nonce']}'",
            "style-src 'self'",
            "img-src 'self' data:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            f"form-action {_origins(state, 'form_action', own=True)}",
            *([f"frame-src {_origins(state, 'frame_src', own=False)}"] if state.get("frame_src") else []),
            f"frame-ancestors {_origins(state, 'frame_ancestors', own=False)}",
        )
    )


def _origins(state: dict[str, object], name: str, *, own: bool) -> str:
    named = state.get(name)
    others = [str(each) for each in named] if isinstance(named, list | tuple) else []
    return " ".join((["'self'"] if own else []) + others) or "'none'"
