"""The addresses that a provider and its browsers come to: the way back from a sign-in, and logout from outside."""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rollcall.errors import Invalid, NotFound, Throttled, TooLarge
from rollcall.web import read_form
from rollcall.workspaces.sso.configuration import SsoConfiguration
from rollcall.workspaces.sso.edge_kit import SESSION, UNDER_WAY, EdgeKit
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.saml_edges import SamlEdges

__all__ = ["SESSION", "UNDER_WAY", "SsoEdges"]

_NO_STORE = {"Cache-Control": "no-store"}


class SsoEdges(EdgeKit):
    """The endpoints of every configuration, as starlette calls them."""

    __slots__ = ()

    def routes(self) -> list[Route]:
        """Where they are. Other methods are refused by starlette (checks CB-1, BCL-1)."""
        here = "/sso/{configuration}"
        return [
            *SamlEdges(self).routes(),
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
            return await self.showing.approved(request, organisation, configuration)
        outcome = await self.party.finish(
            organisation,
            configuration,
            request.query_params.multi_items(),
            self.browser(request),
            lambda asking: self.door_of(request, configuration, asking),
        )
        return await self.ended(request, organisation, configuration, outcome)

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
        return await self.showing.signed_out(request)

    async def _configuration(self, request: Request) -> tuple[UUID, SsoConfiguration]:
        return await self.found(request, saml=False)
