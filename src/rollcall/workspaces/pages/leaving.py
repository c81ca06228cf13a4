"""Logging out of this browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.web import read_form, see_other
from rollcall.workspaces.pages.house import House
from rollcall.workspaces.pages.visits import Visits, actor_of
from rollcall.workspaces.sso.edges import SESSION
from rollcall.workspaces.visiting import log_out


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """Where one logs out."""
    return (Route("/log-out", _Leaving(visits.house).log_out, methods=["POST"]),)


@dataclass(frozen=True, slots=True)
class _Leaving:
    house: House

    async def log_out(self, request: Request) -> Response:
        """End this session, whatever doors are closed to it."""
        self.house.forms.check(request, await read_form(request))
        handle = self.house.cookies.read(request, SESSION)
        found = await self.house.sessions.read(handle)
        if found is not None and handle is not None:
            organisation, session = found
            actor = actor_of(self.house, request, session, handle)
            await self.house.database.tenant(organisation).write(log_out, self.house.runtime, actor, session)
        response = see_other("/")
        self.house.cookies.drop(response, SESSION)
        return response
