"""The addresses of SAML: requests by form, the provider's posts, the browser's way on, our metadata, and single logout."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.errors import Invalid, NotFound, TooLarge
from rollcall.web import Form, read_form, see_other
from rollcall.workspaces.sso.arrivals import Door, TurnedAway
from rollcall.workspaces.sso.configuration import SsoConfiguration
from rollcall.workspaces.sso.edge_kit import UNDER_WAY, EdgeKit
from rollcall.workspaces.sso.saml_xml import LARGEST_BYTES
from rollcall.workspaces.sso.transactions import Asking

_LARGEST_POST = 4 * LARGEST_BYTES
"""Base64 and the form's own encoding make a message longer; its own limit is looked at once it is decoded (check XML-1)."""


@dataclass(frozen=True, slots=True)
class SamlEdges:
    """The endpoints of every SAML configuration, as starlette calls them."""

    kit: EdgeKit

    def routes(self) -> list[Route]:
        """Where they are. The provider's post needs no anti-forgery token, and reads no cookie (check C13)."""
        here = "/sso/{configuration}"
        return [
            Route(f"{here}/metadata", self.metadata, methods=["GET"]),
            Route(f"{here}/request", self.request, methods=["GET"]),
            Route(f"{here}/acs", self.receive, methods=["POST"]),
            Route(f"{here}/complete", self.complete, methods=["GET"]),
            Route(f"{here}/complete", self.agree, methods=["POST"]),
            Route(f"{here}/slo", self.single_logout, methods=["GET"]),
        ]

    async def metadata(self, request: Request) -> Response:
        """What the provider's administrator loads (check SML-1)."""
        organisation, configuration = await self.kit.found(request, saml=True)
        document = await self.kit.party.saml.metadata(organisation, configuration)
        return Response(document, media_type="application/samlmetadata+xml")

    async def request(self, request: Request) -> Response:
        """A page that posts a request to a provider that takes none by redirect."""
        organisation, configuration = await self.kit.found(request, saml=True)
        handle = self.kit.cookies.read(request, UNDER_WAY)
        form = await self.kit.party.saml.form(
            organisation, configuration, request.query_params.get("state", ""), handle
        )
        if form is None:
            raise NotFound("This sign-in took too long, or was begun in another browser. Start again.")
        provider = urlsplit(form.url)
        request.state.form_action = [f"{provider.scheme}://{provider.netloc}"]
        return self.kit.pages.page(
            request, "workspaces/saml/request.html", action=form.url, fields=form.fields, name=configuration.name
        )

    async def receive(self, request: Request) -> Response:
        """The provider's post, from another site: no cookie is read, and no session made (check C9)."""
        organisation, configuration = await self.kit.found(request, saml=True)
        answer, relay_state = "", ""
        try:
            form = await read_form(request, _LARGEST_POST)
            answer, relay_state = form.text("SAMLResponse"), form.text("RelayState")
        except (Invalid, TooLarge):
            answer = ""  # turned away like an answer that is missing
        outcome = await self.kit.party.saml.receive(
            organisation, configuration, answer, relay_state, self._doors(request, configuration)
        )
        if isinstance(outcome, TurnedAway):
            return await self.kit.showing.turned_away(request, organisation, configuration, outcome)
        return see_other(outcome)

    async def complete(self, request: Request) -> Response:
        """The browser comes with its cookie, and gets its session; or is asked, where nobody asked for the answer."""
        if request.method != "GET":
            raise NotFound("There is no such page.")
        organisation, configuration = await self.kit.found(request, saml=True)
        handle = request.query_params.get("h", "")
        person = await self.kit.party.saml.unasked(organisation, configuration, handle)
        if person is not None:
            return self.kit.pages.page(
                request, "workspaces/saml/unasked.html", handle=handle, person=person, name=configuration.name
            )
        return await self._end(request, organisation, configuration, handle, agreed=False)

    async def agree(self, request: Request) -> Response:
        """The person's yes to an answer that nobody asked for (check ASR-13)."""
        organisation, configuration = await self.kit.found(request, saml=True)
        form: Form = await read_form(request)
        self.kit.forms.check(request, form)
        return await self._end(request, organisation, configuration, form.text("h"), agreed=True)

    async def single_logout(self, request: Request) -> Response:
        """A logout that a provider asks for, or its answer to ours (check OUT-9)."""
        if request.method != "GET":
            raise NotFound("There is no such page.")
        organisation, configuration = await self.kit.found(request, saml=True)
        outcome = await self.kit.logout.saml.received(
            organisation,
            configuration,
            request.scope["query_string"],
            self.kit.cookies.read(request, UNDER_WAY),
            self.kit.network(request),
        )
        if isinstance(outcome, TurnedAway):
            return await self.kit.showing.turned_away(request, organisation, configuration, outcome)
        return await self.kit.showing.signed_out(request) if outcome is None else see_other(outcome)

    async def _end(
        self, request: Request, organisation: UUID, configuration: SsoConfiguration, handle: str, *, agreed: bool
    ) -> Response:
        outcome = await self.kit.party.saml.complete(
            organisation,
            configuration,
            handle,
            self.kit.browser(request),
            self._doors(request, configuration),
            agreed=agreed,
        )
        return await self.kit.ended(request, organisation, configuration, outcome)

    def _doors(self, request: Request, configuration: SsoConfiguration) -> Callable[[Asking], Door]:
        return lambda asking: self.kit.door_of(request, configuration, asking)
