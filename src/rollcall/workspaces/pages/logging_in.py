"""The login pages of dashboards and workspaces, and mailed PINs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.errors import NotFound, Throttled
from rollcall.mail_address import check_mail_address
from rollcall.runtime import new_secret
from rollcall.web import Fault, Form, read_form, safe_return_path, see_other
from rollcall.workspaces.access_model import Reason, WorkspaceState
from rollcall.workspaces.access_words import WORDS, words_for
from rollcall.workspaces.entry.by_pin import Entered, PinEntry
from rollcall.workspaces.entry.login_places import LoginPlace, dashboard_place, workspace_place
from rollcall.workspaces.entry.pins import LIFETIME
from rollcall.workspaces.pages.house import House
from rollcall.workspaces.pages.visits import Visits, visitor_of
from rollcall.workspaces.sso.edges import SESSION

PIN = "pin"
"""The purpose of the cookie that binds a PIN to the browser that asked for it."""


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """The login pages."""
    house = visits.house
    pins = PinEntry(house.database, house.runtime, house.sealer, house.hashing, house.post)
    pages = LoggingIn(house, pins)
    return (
        Route("/o/{organisation}/login", pages.show, methods=["GET"]),
        Route("/o/{organisation}/login/pin", pages.ask, methods=["POST"]),
        Route("/o/{organisation}/login/pin/enter", pages.enter_page, methods=["GET"]),
        Route("/o/{organisation}/login/pin/enter", pages.enter, methods=["POST"]),
        Route("/w/{workspace}/login", pages.show, methods=["GET"]),
    )


async def place_of(house: House, request: Request) -> LoginPlace:
    """The place whose login page was asked for. Raises NotFound."""
    params = request.path_params
    if "workspace" in params:
        place = await workspace_place(house.database, house.sealer, params["workspace"])
    else:
        place = await dashboard_place(house.database, house.sealer, params["organisation"])
    if place is None:
        raise NotFound("There is no such page, or it is not for you.")
    return place


async def own_form(house: House, request: Request) -> Form:
    """The form that was sent, checked to come from one that this browser was given."""
    form = await read_form(request)
    house.forms.check(request, form)
    return form


def return_path(written: str | None, place: LoginPlace) -> str:
    """Where one goes on after signing in: only to our own pages (check C15), by default into the place itself."""
    own = "/dashboard" if place.workspace is None else place.path
    return safe_return_path(written) or own


@dataclass(frozen=True, slots=True)
class LoggingIn:
    """The pages of one house."""

    house: House
    pins: PinEntry

    async def show(self, request: Request) -> Response:
        """What one can sign in with."""
        place = await place_of(self.house, request)
        return self.page(request, place, return_path(request.query_params.get("return_to"), place))

    async def ask(self, request: Request) -> Response:
        """Have a PIN mailed; the answer is the same whoever has the address (rows M2, M4)."""
        place, form = await place_of(self.house, request), await own_form(self.house, request)
        back = return_path(form.text("return_to"), place)
        try:
            address = check_mail_address(form.text("address"))
        except ValueError as error:
            fault = Fault("address", "address_invalid", f"The address {error}.")
            return self.page(request, place, back, 422, faults=(fault,), address=form.text("address"))
        browser = new_secret()
        try:
            await self.pins.ask(place.organisation, address, browser, visitor_of(self.house, request))
        except Throttled as throttled:
            fault = Fault("address", throttled.code, "Too many PINs were asked for. Wait a quarter of an hour.")
            response = self.page(request, place, back, 429, faults=(fault,), address=address)
            response.headers["Retry-After"] = str(max(1, round(throttled.retry_after_seconds or 1)))
            return response
        response = see_other(f"{place.path}/login/pin/enter?{urlencode({'return_to': back})}")
        self.house.cookies.put(response, PIN, browser, int(LIFETIME.total_seconds()))
        return response

    async def enter_page(self, request: Request) -> Response:
        """Where the PIN is typed."""
        place = await place_of(self.house, request)
        return self._pin_page(request, place, return_path(request.query_params.get("return_to"), place))

    async def enter(self, request: Request) -> Response:
        """Take the PIN, and let its owner in."""
        house = self.house
        place, form = await place_of(house, request), await own_form(house, request)
        back = return_path(form.text("return_to"), place)
        outcome = await self.pins.enter(
            place.organisation.id,
            form.text("pin"),
            house.cookies.read(request, PIN),
            visitor_of(house, request),
            house.cookies.read(request, SESSION),
        )
        if isinstance(outcome, Entered):
            response = see_other(back)
            house.cookies.put(response, SESSION, outcome.handle)
            house.cookies.drop(response, PIN)
            return response
        if outcome.denied is not None:
            words = words_for(outcome.denied)
            return self.page(request, place, back, words.status, notice=words.person)
        if outcome.over:
            over = "This PIN is used up, too old, or of another browser. Ask for a new one."
            return self.page(request, place, back, 403, notice=over)
        fault = Fault("pin", "pin_wrong", "That is not the PIN. After five tries a new one is needed.")
        return self._pin_page(request, place, back, 403, faults=(fault,))

    def page(self, request: Request, place: LoginPlace, back: str, status: int = 200, **values: Any) -> Response:
        """The login page, with what is wrong with what was typed there."""
        closed = _closed(place)
        configuration = None if closed else place.configuration
        return self.house.pages.page(
            request,
            "workspaces/login.html",
            WORDS[closed].status if closed and status == 200 else status,
            place=place,
            closed=WORDS[closed].person if closed else None,
            sso=None if configuration is None else to_provider(place, back),
            sso_name=configuration.name if configuration is not None else "",
            return_to=back,
            asks_pin=not closed and place.workspace is None and not place.sso,
            by_hand=self.house.post is None,
            asks_link=not closed and place.links and self.house.post is not None,
            **({"faults": (), "address": "", "notice": _notice(request)} | values),
        )

    def _pin_page(self, request: Request, place: LoginPlace, back: str, status: int = 200, **values: Any) -> Response:
        return self.house.pages.page(
            request,
            "workspaces/login_pin.html",
            status,
            place=place,
            return_to=back,
            by_hand=self.house.post is None,
            sso=None if place.configuration is None else to_provider(place, back),
            sso_name="" if place.configuration is None else place.configuration.name,
            **({"faults": ()} | values),
        )


def to_provider(place: LoginPlace, back: str) -> str:
    """Where single sign-on for a place begins."""
    return f"{place.path}/login/sso?{urlencode({'return_to': back})}"


def _closed(place: LoginPlace) -> Reason | None:
    if place.suspended:
        return Reason.ORG_SUSPENDED
    return Reason.WORKSPACE_ARCHIVED if place.state is WorkspaceState.ARCHIVED else None


def _notice(request: Request) -> str | None:
    """Why one was sent here, where that is more than having no session."""
    written = request.query_params.get("because", "")
    shown = (Reason.STEP_UP_REQUIRED, Reason.WRONG_SSO_CONFIGURATION, Reason.SSO_REQUIRED)
    return next((WORDS[each].person for each in shown if each.value == written), None)
