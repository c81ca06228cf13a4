"""Login links on the pages of a workspace: asking for one, opening it, and the button that uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.errors import NotFound, Throttled
from rollcall.mail_address import check_mail_address
from rollcall.web import Fault, see_other
from rollcall.workspaces.access_model import Reason
from rollcall.workspaces.access_words import WORDS, words_for
from rollcall.workspaces.entry.by_link import LinkEntry, Opened
from rollcall.workspaces.entry.by_pin import PinEntry
from rollcall.workspaces.entry.login_places import LoginPlace
from rollcall.workspaces.pages.house import House
from rollcall.workspaces.pages.logging_in import LoggingIn, own_form, place_of, return_path, to_provider
from rollcall.workspaces.pages.visits import Visits, visitor_of
from rollcall.workspaces.sso.edges import SESSION

_ASK = "/w/{workspace}/login/link"
_OVER = 410


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """The addresses of login links; without a mail server there are none."""
    house = visits.house
    if house.post is None:
        return ()
    pins = PinEntry(house.database, house.runtime, house.sealer, house.hashing, house.post)
    pages = _LoginLinks(
        house, LinkEntry(house.database, house.runtime, house.base_url, house.post), LoggingIn(house, pins)
    )
    return (
        Route(_ASK, pages.ask, methods=["POST"]),
        Route("/w/{workspace}/login/link-sent", pages.sent, methods=["GET"]),
        Route(f"{_ASK}/{{secret}}", pages.open, methods=["GET"]),
        Route(f"{_ASK}/{{secret}}", pages.use, methods=["POST"]),
        Route("/w/{workspace}/register", pages.register, methods=["GET"]),
    )


@dataclass(frozen=True, slots=True)
class _LoginLinks:
    house: House
    links: LinkEntry
    login: LoggingIn

    async def ask(self, request: Request) -> Response:
        """Have a link mailed; what is said rests on the address alone, not on whose it is (rows W13, W15, W17)."""
        place, form = await place_of(self.house, request), await own_form(self.house, request)
        back, typed = return_path(form.text("return_to"), place), form.text("address")
        try:
            address = check_mail_address(typed)
        except ValueError as error:
            fault = Fault("address", "address_invalid", f"The address {error}.")
            return self.login.page(request, place, back, 422, faults=(fault,), address=typed)
        try:
            aloud = await self.links.ask(place, address, visitor_of(self.house, request))
        except Throttled as throttled:
            fault = Fault("address", throttled.code, "Too many links were asked for. Wait a quarter of an hour.")
            response = self.login.page(request, place, back, 429, faults=(fault,), address=address)
            response.headers["Retry-After"] = str(max(1, round(throttled.retry_after_seconds or 1)))
            return response
        if aloud is Reason.SSO_REQUIRED and place.configuration is not None:
            return see_other(to_provider(place, back))
        if aloud is Reason.DOMAIN_NOT_ALLOWED:
            return see_other(f"{place.path}/login/link-sent?because={aloud}")
        if aloud is not None:
            words = words_for(aloud)
            return self.login.page(request, place, back, words.status, notice=words.person, address=address)
        return see_other(f"{place.path}/login/link-sent")

    async def sent(self, request: Request) -> Response:
        """That a link is on its way, if there is somebody to have it."""
        place = await place_of(self.house, request)
        because = request.query_params.get("because") == Reason.DOMAIN_NOT_ALLOWED.value
        unlisted = WORDS[Reason.DOMAIN_NOT_ALLOWED].person if because else None
        return self._show(request, "workspaces/login_link_sent.html", place, unlisted=unlisted)

    async def open(self, request: Request) -> Response:
        """Whose link it is, and the button; nothing is used up, whatever program looks."""
        place, secret = await place_of(self.house, request), request.path_params["secret"]
        link = await self.links.look(place, secret)
        if link is None:
            return self._over(request, place)
        return self._show(
            request,
            "workspaces/login_link.html",
            place,
            masked=_masked(link.address),
            registers=link.registers and link.user is None,
            secret=secret,
        )

    async def use(self, request: Request) -> Response:
        """Use the link up, and let its owner in."""
        house = self.house
        place = await place_of(house, request)
        await own_form(house, request)
        outcome = await self.links.use(
            place, request.path_params["secret"], visitor_of(house, request), house.cookies.read(request, SESSION)
        )
        if isinstance(outcome, Opened):
            response = see_other(place.path)
            house.cookies.put(response, SESSION, outcome.handle)
            return response
        return self._over(request, place)

    async def register(self, request: Request) -> Response:
        """The login page of a workspace that one can register in; where one can't, there is no such page."""
        place = await place_of(self.house, request)
        if not place.registration:
            raise NotFound("There is no such page, or it is not for you.")
        return self.login.page(request, place, return_path(None, place))

    def _over(self, request: Request, place: LoginPlace) -> Response:
        return self._show(request, "workspaces/login_link_over.html", place, _OVER)

    def _show(self, request: Request, template: str, place: LoginPlace, status: int = 200, **values: Any) -> Response:
        configuration = place.configuration
        return self.house.pages.page(
            request,
            template,
            status,
            place=place,
            sso=None if configuration is None else to_provider(place, return_path(None, place)),
            sso_name="" if configuration is None else configuration.name,
            asks_link=place.links,
            **values,
        )


def _masked(address: str) -> str:
    """The beginning and the domain: enough to know one's own by."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"
