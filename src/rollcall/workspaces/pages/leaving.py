"""Logging out of this browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.web import read_form, see_other
from rollcall.workspaces.pages.house import House
from rollcall.workspaces.pages.visits import Visits, actor_of
from rollcall.workspaces.settings.connection_store import read_configuration
from rollcall.workspaces.sso.arrivals import Started
from rollcall.workspaces.sso.edges import SESSION, UNDER_WAY
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.sessions import Session
from rollcall.workspaces.sso.transactions import LIFETIME
from rollcall.workspaces.visiting import log_out


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """Where one logs out."""
    return (Route("/log-out", _Leaving(visits.house).log_out, methods=["POST"]),)


@dataclass(frozen=True, slots=True)
class _Leaving:
    house: House

    async def log_out(self, request: Request) -> Response:
        """End this session, whatever doors are closed to it."""
        house = self.house
        house.forms.check(request, await read_form(request))
        handle = house.cookies.read(request, SESSION)
        found = await house.sessions.read(handle)
        started = None
        if found is not None and handle is not None:
            organisation, session = found
            actor = actor_of(house, request, session, handle)
            started = await self._at_provider(request, organisation, session)
            await house.database.tenant(organisation).write(log_out, house.runtime, actor, session)
        response = see_other("/") if started is None else self._offer(request, started)
        house.cookies.drop(response, SESSION)
        return response

    async def _at_provider(self, request: Request, organisation: UUID, session: Session) -> Started | None:
        """Where one logs out at the provider too; asked before the session ends, which knows what the provider wants."""
        house = self.house
        if session.configuration_id is None:
            return None
        kept = await house.database.tenant(organisation).read(
            read_configuration, house.sealer, session.configuration_id
        )
        if kept is None:
            return None
        handle = house.cookies.read(request, UNDER_WAY)
        try:
            return await house.logout.at_provider(organisation, kept.configuration, session.id, handle)
        except SsoFailed:
            return None  # logging out here must not wait for a provider that is away

    def _offer(self, request: Request, started: Started) -> Response:
        response = self.house.pages.page(request, "workspaces/logged_out.html", provider=started.url)
        self.house.cookies.put(response, UNDER_WAY, started.browser, int(LIFETIME.total_seconds()))
        return response
