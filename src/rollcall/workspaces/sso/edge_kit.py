"""What the addresses of both protocols share: who is found under a path, and what a browser gets at the end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from rollcall.errors import NotFound
from rollcall.web import Cookies, Forms, Pages, see_other
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.sso.arrivals import Browser, Door, SignedIn, Started, Tried, TurnedAway
from rollcall.workspaces.sso.configuration import Kind, SsoConfiguration
from rollcall.workspaces.sso.logout import Logout
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.transactions import LIFETIME, Asking

SESSION = "session"
UNDER_WAY = "sso"
"""The purposes of the two cookies: the session, and sign-ins that are under way."""

Find = Callable[[UUID], Awaitable[tuple[UUID, SsoConfiguration] | None]]
"""The organisation and the configuration with an id; None for an unknown one."""


class Showing(Protocol):
    """The pages of a sign-in's end."""

    async def turned_away(
        self, request: Request, organisation: UUID, configuration: SsoConfiguration, outcome: TurnedAway
    ) -> Response:
        """Why there is no session, with a way on."""

    async def tried(
        self, request: Request, organisation: UUID, configuration: SsoConfiguration, outcome: Tried
    ) -> Response:
        """What *Test sign-in* found."""

    async def approved(self, request: Request, organisation: UUID, configuration: SsoConfiguration) -> Response:
        """An administrator comes back from approving the application, and may sign in now."""

    async def signed_out(self, request: Request) -> Response:
        """A neutral page after a logout at the provider."""


@dataclass(frozen=True, slots=True)
class EdgeKit:
    """What the endpoints of every configuration work with. `pages` and `forms` are for SAML's two steps of its own."""

    party: RelyingParty
    logout: Logout
    cookies: Cookies
    find: Find
    door_of: Callable[[Request, SsoConfiguration, Asking], Door]
    showing: Showing
    network: Callable[[Request], str]
    pages: Pages
    forms: Forms

    async def found(self, request: Request, *, saml: bool) -> tuple[UUID, SsoConfiguration]:
        """The organisation and the configuration in the path. Raises NotFound, also for one of the other protocol."""
        identifier = parse_id(request.path_params["configuration"])
        found = None if identifier is None else await self.find(identifier)
        if found is None or (found[1].kind is Kind.SAML) is not saml:
            raise NotFound("There is no such page, or it is not for you.")
        return found

    async def ended(
        self,
        request: Request,
        organisation: UUID,
        configuration: SsoConfiguration,
        outcome: SignedIn | TurnedAway | Tried,
    ) -> Response:
        """What the browser gets at the end of a sign-in."""
        if isinstance(outcome, SignedIn):
            response = see_other(outcome.asking.return_to)
            self.cookies.put(response, SESSION, outcome.handle)
            return response
        if isinstance(outcome, Tried):
            return await self.showing.tried(request, organisation, configuration, outcome)
        if outcome.goes_on and outcome.asking is not None:
            return await self._visibly(request, organisation, configuration, outcome.asking)
        return await self.showing.turned_away(request, organisation, configuration, outcome)

    def browser(self, request: Request) -> Browser:
        """What is noted of a browser that comes with its cookies."""
        return Browser(
            handle=self.cookies.read(request, UNDER_WAY),
            session=self.cookies.read(request, SESSION),
            user_agent=request.headers.get("user-agent", ""),
            network=self.network(request),
        )

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
