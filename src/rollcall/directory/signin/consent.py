"""An administrator adds an application of another tenant to this one, so that its people may sign in (check TEN-7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.directory.applications import create_service_principal
from rollcall.directory.signin import roles
from rollcall.directory.signin.authorization import parse_app_id
from rollcall.directory.signin.model import ProtocolFault, Registration
from rollcall.directory.signin.people import find_instance
from rollcall.directory.signin.protocol import Protocol
from rollcall.directory.signin.sessions import Session
from rollcall.directory.signin.signing_in import SigningIn, elsewhere, to_sign_in
from rollcall.errors import Conflict, NotFound
from rollcall.web import read_form

_log = structlog.get_logger()
_LONGEST = 512
_NAMES = ("client_id", "redirect_uri", "state")
_TOLD = {
    "None": "no groups",
    "SecurityGroup": "the ids of all security groups they are in",
    "ApplicationGroup": "the ids of the groups that you assign to it",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request for consent says, checked: the application, and where to come back to."""

    registration: Registration
    redirect_uri: str
    state: str | None


@dataclass(frozen=True, slots=True)
class Consent:
    """The page as Entra has it; coming back from it signs nobody in."""

    site: SigningIn
    protocol: Protocol

    def routes(self) -> Sequence[BaseRoute]:
        """Where it is; with and without the version, as with Entra."""
        return tuple(
            Route(path, endpoint, methods=[method])
            for path in ("/{tenant}/adminconsent", "/{tenant}/v2.0/adminconsent")
            for method, endpoint in (("GET", self._ask), ("POST", self._answer))
        )

    async def _ask(self, request: Request) -> Response:
        found = await self._checked(request, request.query_params)
        if isinstance(found, Response):
            return found
        asked, session = found
        request.state.form_action = [_origin(asked.redirect_uri)]
        db = self.site.provider.database.tenant(session.tenant_id)
        return self.site.pages.page(
            request,
            "signin/consent.html",
            action=request.url.path,
            application=asked.registration.display_name,
            groups=_TOLD[asked.registration.group_membership_claims],
            present=await db.read(find_instance, asked.registration.app_id) is not None,
            person=session.user_principal_name,
            fields=[(name, request.query_params.get(name, "")) for name in _NAMES],
            host=urlsplit(asked.redirect_uri).netloc,
        )

    async def _answer(self, request: Request) -> Response:
        form = await read_form(request)
        self.site.forms.check(request, form)
        found = await self._checked(request, {name: form.text(name) for name in _NAMES})
        if isinstance(found, Response):
            return found
        asked, session = found
        state = {} if asked.state is None else {"state": asked.state}
        if form.text("action") != "add":
            refused = {"error": "access_denied", "error_description": "AADSTS65004: The administrator declined."}
            return elsewhere(asked.redirect_uri, {"admin_consent": "False", **refused, **state})
        registration, db = asked.registration, self.site.provider.database.tenant(session.tenant_id)
        try:
            await db.write(create_service_principal, registration.display_name, app_id=registration.app_id)
            _log.info("application_added", tenant=str(session.tenant_id), application=str(registration.app_id))
        except Conflict:
            pass  # somebody was first, and it is there as was wanted
        return elsewhere(asked.redirect_uri, {"admin_consent": "True", "tenant": str(session.tenant_id), **state})

    async def _checked(self, request: Request, said: Mapping[str, str]) -> tuple[Asked, Session] | Response:
        """What is asked and who answers; or the page that says why not, or sign-in."""
        try:
            tenant = await self.protocol.tenant(request.path_params["tenant"])
        except NotFound as refusal:
            return self.site.fault_page(request, ProtocolFault("invalid_tenant", refusal.message, 90002))
        asked = await self._asked(said)
        if isinstance(asked, ProtocolFault):
            return self.site.fault_page(request, asked)
        session = await self.site.session(request)
        if session is None:
            query = urlencode({name: value for name in _NAMES if (value := said.get(name))})
            return to_sign_in(f"{request.url.path}?{query}")
        if tenant not in (None, session.tenant_id):
            name = session.user_principal_name
            return self._refused(
                request, f"{name} belongs to another tenant. Sign out, and sign in with another account."
            )
        return self._may(request, asked, session, await self._roles(session))

    async def _roles(self, session: Session) -> list[str]:
        return await self.site.provider.database.tenant(session.tenant_id).read(roles.roles_of, session.user_id)

    def _may(
        self, request: Request, asked: Asked, session: Session, held: Sequence[str]
    ) -> tuple[Asked, Session] | Response:
        registration = asked.registration
        if registration.sign_in_audience == "AzureADMyOrg" and registration.tenant_id != session.tenant_id:
            fault = ProtocolFault(
                "unauthorized_client", "The application is for the people of another tenant only.", 50020
            )
            return self.site.fault_page(request, fault)
        if not roles.may_add_applications(held):
            return self._refused(
                request,
                f"{registration.display_name} has to be added by a Global Administrator, an Application Administrator or a "
                f"Cloud Application Administrator; {session.user_principal_name} is none of these. Send them this page's "
                "address.",
            )
        return asked, session

    def _refused(self, request: Request, why: str) -> Response:
        return self.site.problem(request, "An administrator has to approve this", why, "AADSTS90094", 403)

    async def _asked(self, said: Mapping[str, str]) -> Asked | ProtocolFault:
        """The request, believed as far as it is registered (check OPR-2)."""
        values = {name: said.get(name, "") for name in _NAMES}
        if any(len(value) > _LONGEST for value in values.values()):
            return ProtocolFault("invalid_request", f"A parameter is longer than {_LONGEST} characters.", 90013)
        app_id = parse_app_id(values["client_id"])
        registration = None if app_id is None else await self.site.provider.registration(values["client_id"])
        if registration is None:
            return ProtocolFault("unauthorized_client", "There is no application with this client_id here.", 700016)
        if values["redirect_uri"] not in registration.redirect_uris:
            return ProtocolFault(
                "invalid_request", "The redirect_uri is not one of those registered for the application.", 50011
            )
        return Asked(registration, values["redirect_uri"], values["state"] or None)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
