"""The addresses that a provider and its browsers come to: the way back from a sign-in, and logout from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rollcall.errors import Invalid, NotFound, Throttled, TooLarge
from rollcall.web import Cookies, read_form, see_other
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.sso.arrivals import Browser, Door, SignedIn, Started, Tried, TurnedAway
from rollcall.workspaces.sso.configuration import Kind, SsoConfiguration
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.logout import Logout
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.transactions import LIFETIME, Asking

SESSION = "session"
UNDER_WAY = "sso"
"""The purposes of the two cookies: the session, and sign-ins that are under way."""
_NO_STORE = {"Cache-Control": "no-store"}

Find = Callable[[UUID], Awaitable[tuple[UUID, SsoConfiguration] | None]]
"""The organisation and the configuration with an id; None for an unknown one."""


class Showing(Protocol):
    """The pages of a sign-in's end."""

    def turned_away(self, request: Request, configuration: SsoConfiguration, outcome: TurnedAway) -> Response:
        """Why there is no session, with a way on."""

    def tried(self, request: Request, configuration: SsoConfiguration, outcome: Tried) -> Response:
        """What *Test sign-in* found."""

    def approved(self, request: Request, configuration: SsoConfiguration) -> Response:
        """An administrator comes back from approving the application, and may sign in now."""

    def signed_out(self, request: Request) -> Response:
        """A neutral page after a logout at the provider."""


@dataclass(frozen=True, slots=True)
class SsoEdges:
    """The endpoints of every configuration, as starlette calls them."""

    party: RelyingParty
    logout: Logout
    cookies: Cookies
    find: Find
    door_of: Callable[[UUID, SsoConfiguration, Asking], Door]
    showing: Showing
    network: Callable[[Request], str]

    def routes(self) -> list[Route]:
        """Where they are. Other methods are refused by starlette (checks CB-1, BCL-1)."""
        here = "/sso/{configuration}"
        return [
            Route(f"{here}/callback", self.callback, methods=["GET"]),
            Route(f"{here}/frontchannel-logout", self.front_channel, methods=["GET"]),
            Route(f"{here}/backchannel-logout", self.back_channel, methods=["POST"]),
            Route(f"{here}/signed-out", self.came_back, methods=["GET"]),
        ]

    async def callback(self, request: Request) -> Response:
        """The way back from the provider."""
        if request.method != "GET":
            raise NotFound("There is no such page.")
        organisation, configuration = await self._configuration(request)
        if "admin_consent" in request.query_params:  # coming back from consent never signs anyone in (check TEN-7)
            return self.showing.approved(request, configuration)
        outcome = await self.party.finish(
            organisation,
            configuration,
            request.query_params.multi_items(),
            Browser(
                handle=self.cookies.read(request, UNDER_WAY),
                session=self.cookies.read(request, SESSION),
                user_agent=request.headers.get("user-agent", ""),
                network=self.network(request),
            ),
            lambda asking: self.door_of(organisation, configuration, asking),
        )
        if isinstance(outcome, SignedIn):
            response = see_other(outcome.asking.return_to)
            self.cookies.put(response, SESSION, outcome.handle)
            return response
        if isinstance(outcome, Tried):
            return self.showing.tried(request, configuration, outcome)
        if outcome.goes_on and outcome.asking is not None:
            return await self._visibly(request, organisation, configuration, outcome.asking)
        return self.showing.turned_away(request, configuration, outcome)

    async def front_channel(self, request: Request) -> Response:
        """A hidden frame of the provider's; only there may it be framed (check OUT-7)."""
        organisation, configuration = await self._configuration(request)
        pins = self.party.pins(configuration)
        provider = urlsplit(pins.issuer)
        request.state.frame_ancestors = [f"{provider.scheme}://{provider.netloc}"]
        told = await self.logout.front_channel(organisation, configuration, request.query_params.multi_items())
        return Response("", 400 if told.check else 200, _NO_STORE, "text/html")

    async def back_channel(self, request: Request) -> Response:
        """A logout token from the provider itself; no cookie is read (checks BCL-1, BCL-9)."""
        organisation, configuration = await self._configuration(request)
        try:
            form = await read_form(request)
            told = await self.logout.back_channel(organisation, configuration, form.text("logout_token"))
        except SsoFailed as failed:
            return JSONResponse({"error": "temporarily_unavailable"}, failed.status, _NO_STORE)
        except Throttled as throttled:
            wait = str(max(1, round(throttled.retry_after_seconds or 1)))
            return JSONResponse({"error": "temporarily_unavailable"}, 429, {**_NO_STORE, "Retry-After": wait})
        except (Invalid, TooLarge) as refusal:
            return JSONResponse({"error": "invalid_request", "error_description": refusal.message}, 400, _NO_STORE)
        if told.check is not None:
            return JSONResponse({"error": "invalid_request", "error_description": told.check}, 400, _NO_STORE)
        return Response(b"", 200, _NO_STORE)

    async def came_back(self, request: Request) -> Response:
        """The way back from a logout at the provider; the same page whether or not it began here (check OUT-3)."""
        organisation, configuration = await self._configuration(request)
        state = request.query_params.get("state", "")
        await self.logout.came_back(organisation, configuration, state, self.cookies.read(request, UNDER_WAY))
        return self.showing.signed_out(request)

    def send(self, started: Started) -> Response:
        """Send a browser on to the provider."""
        response = see_other(started.url)
        self.cookies.put(response, UNDER_WAY, started.browser, int(LIFETIME.total_seconds()))
        return response

    async def _visibly(
        self, request: Request, organisation: UUID, configuration: SsoConfiguration, silent: Asking
    ) -> Response:
        asking = Asking(
            silent.door,
            silent.return_to,
            silent.tenant,
            silent.login_hint,
            max_age_seconds=silent.max_age_seconds,
            mfa=silent.mfa,
            strengths=silent.strengths,
        )
        handle = self.cookies.read(request, UNDER_WAY)
        return self.send(await self.party.start(organisation, configuration, asking, handle))

    async def _configuration(self, request: Request) -> tuple[UUID, SsoConfiguration]:
        identifier = parse_id(request.path_params["configuration"])
        found = None if identifier is None else await self.find(identifier)
        if found is None or found[1].kind is Kind.SAML:
            raise NotFound("There is no such page, or it is not for you.")
        return found
