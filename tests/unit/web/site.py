"""A small half to try the kit on: one form, a page, and routes that refuse or fail."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from rollcall.crypto import Sealer
from rollcall.errors import Conflict, Throttled
from rollcall.runtime import SystemRuntime
from rollcall.web import (
    Cookies,
    Fault,
    Faulty,
    Forms,
    Pages,
    Problems,
    Static,
    half,
    read_form,
    see_other,
    theme_route,
)

SITE = "https://rooms.example.com"


class Site:
    """The kit put together as a half does it."""

    def __init__(self, base_url: str = SITE) -> None:
        self.cookies = Cookies("rooms", base_url)
        self.forms = Forms(Sealer(bytes(32)), self.cookies)
        self.static = Static()
        self.pages = Pages("rollcall.web", "Rooms", self.static, self.cookies, self.forms)
        self.saved: list[str] = []
        routes = [
            Route("/", self._front),
            Route("/name", self._save, methods=["POST"]),
            Route("/sign-in", self._sign_in, methods=["POST"]),
            Route("/conflict", self._conflict),
            Route("/busy", self._busy),
            Route("/broken", self._broken),
            Route("/api/faulty", self._faulty),
            theme_route(self.cookies, self.forms),
            self.static.route(),
        ]
        self.app = half(routes, Problems(self.pages, SystemRuntime()), base_url)

    def browser(self) -> TestClient:
        """A browser without cookies."""
        return TestClient(self.app, base_url=self.cookies.base_url)

    async def _front(self, request: Request) -> Response:
        title, message = "<Front>", self.forms.token(request)
        return self.pages.page(request, "web/problem.html", title=title, message=message, faults=[], code="front")

    async def _save(self, request: Request) -> Response:
        form = await read_form(request)
        self.forms.check(request, form)
        self.saved.append(form.text("name"))
        return see_other("/")

    async def _sign_in(self, request: Request) -> Response:
        response = PlainTextResponse("in")
        self.cookies.put(response, "session", request.query_params["handle"])
        return response

    async def _conflict(self, _request: Request) -> Response:
        raise Conflict("Somebody saved <this> in between.", code="stale_settings")

    async def _busy(self, _request: Request) -> Response:
        raise Throttled("Too often.", code="rate_limited", retry_after_seconds=7.2)

    async def _broken(self, _request: Request) -> Response:
        raise RuntimeError("secret of the house")

    async def _faulty(self, _request: Request) -> Response:
        raise Faulty([Fault("name", "required", "name: fill it in."), Fault("size", "too_long", "size: shorter.")])
