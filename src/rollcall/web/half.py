"""Puts a half together: its routes behind the security headers, with an answer for whatever goes wrong inside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import structlog
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.routing import BaseRoute, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rollcall.web.headers import SecurityHeaders
from rollcall.web.problems import Problems

_log = structlog.get_logger()


def half(routes: Sequence[BaseRoute], problems: Problems, base_url: str) -> ASGIApp:
    """The application that serves these routes at `base_url`."""
    # Not Starlette as a whole: that answers mistakes itself, outside of everything it may be told to put around.
    inside = ExceptionMiddleware(Router(routes, redirect_slashes=False), cast(Any, problems.handlers()))
    return SecurityHeaders(_LastRing(inside, problems), base_url)


class _LastRing:
    """The outermost ring of a request: our own mistakes end it, with a number, and never the process."""

    def __init__(self, app: ASGIApp, problems: Problems) -> None:
        self._app = app
        self._problems = problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        scope["app"] = (
            self  # its routes leave "not found" and "not that way" to the handlers only inside an application
        )

        async def noticing(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, noticing)
        except Exception as error:
            if begun:
                _log.error("response_cut_off", exc_info=error)
                raise
            await self._problems.failed(Request(scope), error)(scope, receive, send)
