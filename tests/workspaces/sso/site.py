"""The addresses that providers come to, on a real port of this machine, with pages that say what happened as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rollcall.crypto import Sealer
from rollcall.db import Database
from rollcall.runtime import Runtime
from rollcall.web import Cookies, Forms, Pages, Problems, Static, half, see_other
from rollcall.workspaces.sso.arrivals import Tried, TurnedAway
from rollcall.workspaces.sso.configuration import Installation, SsoConfiguration
from rollcall.workspaces.sso.edge_kit import SESSION, UNDER_WAY
from rollcall.workspaces.sso.edges import SsoEdges
from rollcall.workspaces.sso.logout import Logout
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.session_reading import SessionReader
from rollcall.workspaces.sso.sessions import end_session
from rollcall.workspaces.sso.transactions import Asking
from tests.scim_http.serving import free_port, served
from tests.workspaces.sso.world import DoorOfTests


@dataclass
class Site:
    """One organisation's configurations, on the addresses of a half."""

    database: Database
    runtime: Runtime
    organisation: UUID
    url: str = ""
    configurations: dict[UUID, SsoConfiguration] = field(default_factory=dict)
    door: DoorOfTests = field(default_factory=DoorOfTests)

    def application(self, installation: Installation) -> Any:
        sealer = Sealer(b"k" * 32)
        self.party = RelyingParty(self.database, self.runtime, sealer, installation)
        self.logout = Logout(self.party, self.database, self.runtime, sealer)
        self.cookies = Cookies("workspaces", installation.base_url)
        forms = Forms(sealer, self.cookies)
        pages = Pages("rollcall.workspaces", "Rooms", Static(), self.cookies, forms)
        self.edges = SsoEdges(
            self.party,
            self.logout,
            self.cookies,
            self._find,
            lambda *_: self.door,
            self,
            lambda _: "127.0.0.1",
            pages,
            forms,
        )
        self.reader = SessionReader(self.database, self.runtime)
        routes = [
            *self.edges.routes(),
            Route("/begin/{configuration}", self._begin),
            Route("/me", self._me),
            Route("/leave/{configuration}", self._leave),
        ]
        return half(routes, Problems(pages, self.runtime), installation.base_url)

    def add(self, configuration: SsoConfiguration) -> str:
        """Put a configuration there, and return the address under which its endpoints are."""
        self.configurations[configuration.id] = configuration
        return f"{self.url}/sso/{configuration.id}"

    async def _find(self, identifier: UUID) -> tuple[UUID, SsoConfiguration] | None:
        found = self.configurations.get(identifier)
        return None if found is None else (self.organisation, found)

    async def _begin(self, request: Request) -> Response:
        configuration = self.configurations[UUID(request.path_params["configuration"])]
        asking = Asking("dashboard", "/me", silent="silent" in request.query_params)
        handle = self.cookies.read(request, UNDER_WAY)
        return self.edges.send(await self.party.start(self.organisation, configuration, asking, handle))

    async def _me(self, request: Request) -> Response:
        found = await self.reader.read(self.cookies.read(request, SESSION))
        if found is None:
            return JSONResponse({"user": None}, 401)
        session = found[1]
        return JSONResponse(
            {
                "user": str(session.user_id),
                "sid": session.provider_session,
                "groups": sorted(session.groups or ()),
                "subject": session.subject,
            }
        )

    async def _leave(self, request: Request) -> Response:
        configuration = self.configurations[UUID(request.path_params["configuration"])]
        found = await self.reader.read(self.cookies.read(request, SESSION))
        assert found is not None
        started = await self.logout.at_provider(
            self.organisation, configuration, found[1].id, self.cookies.read(request, UNDER_WAY)
        )
        await self.database.tenant(self.organisation).write(end_session, found[1].id)
        return see_other("/me") if started is None else self.edges.send(started)

    async def turned_away(
        self, request: Request, organisation: UUID, configuration: SsoConfiguration, outcome: TurnedAway
    ) -> Response:
        return JSONResponse({"code": outcome.code, "check": outcome.check}, outcome.status)

    async def tried(
        self, request: Request, organisation: UUID, configuration: SsoConfiguration, outcome: Tried
    ) -> Response:
        return JSONResponse({"tried": True})

    async def approved(self, request: Request, organisation: UUID, configuration: SsoConfiguration) -> Response:
        return JSONResponse({"approved": True})

    async def signed_out(self, request: Request) -> Response:
        return JSONResponse({"signed_out": True})


@asynccontextmanager
async def running_site(
    database: Database, runtime: Runtime, organisation: UUID, installation: Callable[[str], Installation]
) -> AsyncIterator[Site]:
    """A site on a free port; `installation` is made for its address."""
    port = free_port()
    site = Site(database, runtime, organisation, f"http://127.0.0.1:{port}")
    async with served(site.application(installation(site.url)), port):
        yield site
    await site.party.providers.settled()
    await site.party.saml.providers.settled()
