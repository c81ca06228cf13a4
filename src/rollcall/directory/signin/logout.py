"""Signing out: at our own button, and as applications ask for it (OpenID Connect RP-Initiated and Front-Channel Logout)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.directory.signin import grants, sessions
from rollcall.directory.signin.model import Registration
from rollcall.directory.signin.protocol import Protocol
from rollcall.directory.signin.sessions import Session
from rollcall.directory.signin.signing_in import SESSION, SigningIn, elsewhere
from rollcall.directory.signin.tokens import read_id_token_hint
from rollcall.web import read_form

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request to sign out says: of which application and session, and where to go afterwards."""

    registration: Registration | None = None
    session_id: str | None = None
    return_to: str | None = None
    state: str | None = None

    @property
    def values(self) -> dict[str, str]:
        """What is added to the address to go to."""
        return {} if self.state is None else {"state": self.state}


@dataclass(frozen=True, slots=True)
class Logout:
    """The endpoint as Entra has it, and the button on our own pages."""

    site: SigningIn
    protocol: Protocol

    def routes(self) -> Sequence[BaseRoute]:
        """Where they are."""
        return (
            Route("/{tenant}/oauth2/v2.0/logout", self._endpoint, methods=["GET", "POST"]),
            Route("/sign-out", self._ask),
            Route("/sign-out", self._sign_out, methods=["POST"]),
        )

    async def _endpoint(self, request: Request) -> Response:
        """Sign out at once when the application shows that it knows the session; else ask first (check OPR-8)."""
        await self.protocol.tenant(request.path_params["tenant"])
        if request.method == "POST":
            form = await read_form(request)
            params = {name: form.all(name) for name in form.values()}
        else:
            params = parse_qs(request.url.query, keep_blank_values=True)
        asked = await self._asked(params)
        session = await self.site.session(request)
        if session is None:
            return self._signed_out(request, asked, ())
        if asked.session_id == str(session.id):
            return await self._end(request, session, asked)
        return self._question(request, session, asked)

    async def _asked(self, params: dict[str, list[str]]) -> Asked:
        """What the request says that can be believed; whatever else it says is left out."""
        one = {name: values[0] for name, values in params.items() if len(values) == 1}
        hint = one.get("id_token_hint", "")
        keys = await self.site.provider.keys.keys()
        claims = (read_id_token_hint(keys.published, hint) if hint else None) or {}
        client_id = str(claims.get("aud") or one.get("client_id") or "")
        if one.get("client_id", client_id) != client_id:
            return Asked()
        registration = await self.site.provider.registration(client_id) if client_id else None
        wanted = one.get("post_logout_redirect_uri", "")
        known = registration is not None and wanted in registration.post_logout_redirect_uris
        return Asked(registration, claims.get("sid"), wanted if known else None, one.get("state") if known else None)

    async def _ask(self, request: Request) -> Response:
        session = await self.site.session(request)
        return self._signed_out(request, Asked(), ()) if session is None else self._question(request, session, Asked())

    def _question(self, request: Request, session: Session, asked: Asked) -> Response:
        request.state.form_action = [_origin(asked.return_to)] if asked.return_to else []
        return self.site.pages.page(
            request,
            "signin/sign_out.html",
            session=session,
            application=asked.registration and asked.registration.display_name,
            client_id=asked.registration and str(asked.registration.app_id),
            return_to=asked.return_to or "",
            state=asked.state or "",
        )

    async def _sign_out(self, request: Request) -> Response:
        form = await read_form(request)
        self.site.forms.check(request, form)
        names = ("client_id", "post_logout_redirect_uri", "state")
        asked = await self._asked({name: [form.text(name)] for name in names if form.text(name)})
        session = await self.site.session(request)
        return self._signed_out(request, asked, ()) if session is None else await self._end(request, session, asked)

    async def _end(self, request: Request, session: Session, asked: Asked) -> Response:
        """The row dies first, then the cookie (check OUT-1); the database sees to grants and to whom to tell."""
        db = self.site.provider.database.tenant(session.tenant_id)
        entered = await db.read(grants.applications_of_session, session.id)
        await db.write(sessions.end_session, session.user_id, session.id)
        _log.info("signed_out", tenant=str(session.tenant_id), user=str(session.user_id))
        registrations = [await self.site.provider.registration(str(app_id)) for app_id in entered]
        frames = [
            _frame(each, session.id, self.site.provider.issuer(session.tenant_id)) for each in registrations if each
        ]
        response = self._signed_out(request, asked, [each for each in frames if each])
        self.site.cookies.drop(response, SESSION)
        response.headers["Clear-Site-Data"] = '"cache"'
        return response

    def _signed_out(self, request: Request, asked: Asked, frames: Sequence[str]) -> Response:
        """Back to the application at once, or after the frames in which the others are told."""
        if asked.return_to is not None and not frames:
            return elsewhere(asked.return_to, asked.values)
        request.state.frame_src = sorted({_origin(each) for each in frames})
        values: dict[str, Any] = {"frames": frames, "onward": None, "application": None}
        if asked.return_to is not None and asked.registration is not None:
            values["onward"] = elsewhere(asked.return_to, asked.values).headers["location"]
            values["application"] = asked.registration.display_name
        return self.site.pages.page(request, "signin/signed_out.html", **values)


def _frame(registration: Registration, session_id: UUID, issuer: str) -> str | None:
    """The address by which an application is told in a hidden frame: `sid` alone, as Entra does (check OUT-5)."""
    if registration.logout_url is None:
        return None
    parts = urlsplit(registration.logout_url)
    told = {"sid": str(session_id)} | ({"iss": issuer} if registration.logout_with_issuer else {})
    query = "&".join(each for each in (parts.query, urlencode(told)) if each)
    return urlunsplit(parts._replace(query=query))


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
