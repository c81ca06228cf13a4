"""What the pages of sign-in share: the session of a browser, flows sealed for it, answers sent back to applications."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from uuid import UUID

import orjson
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from rollcall.directory.signin import sessions
from rollcall.directory.signin.flow import Flow, flow_of
from rollcall.directory.signin.known_browsers import KNOWN_FOR_SECONDS, KnownBrowser, read_known_browser
from rollcall.directory.signin.model import ProtocolFault
from rollcall.directory.signin.provider import Provider
from rollcall.directory.signin.proving import Proving
from rollcall.directory.signin.sessions import Browser, Session
from rollcall.errors import Refusal
from rollcall.runtime import new_secret
from rollcall.web import Cookies, Forms, Pages, network_of, see_other

SESSION = "session"
FORM = "form"
KNOWN = "known"
_CONTEXT = "sign-in under way"


@dataclass(frozen=True, slots=True)
class SigningIn:
    """What the pages work with. `flow_forms` are bound to the browser whether it is signed in or not, so that a sign-in
    begun before another one was finished can go on."""

    provider: Provider
    proving: Proving
    pages: Pages
    cookies: Cookies
    forms: Forms

    @property
    def flow_forms(self) -> Forms:
        """Forms of people who are not signed in, or not yet anew."""
        return Forms(self.provider.sealer, self.cookies, FORM)

    async def session(self, request: Request) -> Session | None:
        """The session of this browser, if it has one that holds (checks C4, C5)."""
        handle = self.cookies.read(request, SESSION)
        database, now = self.provider.database, self.provider.runtime.now()
        place = None if handle is None else await database.system(sessions.place_of_handle, handle)
        if place is None:
            return None
        db = database.tenant(place[0])
        session = await db.read(sessions.read_session, place[1], now)
        if session is not None and sessions.is_seen_again(session, now):
            await db.write(sessions.see_session, session, now)
        return session

    def known_browser(self, request: Request) -> KnownBrowser | None:
        """What is known of this browser from sign-ins before."""
        return read_known_browser(self.provider.sealer, self.cookies.read(request, KNOWN))

    def remember_browser(self, request: Request, response: Response, user_id: UUID) -> None:
        """Know this browser again when the same person signs in the next time."""
        known = self.known_browser(request) or KnownBrowser(new_secret())
        sealed = known.with_user(user_id).sealed(self.provider.sealer)
        self.cookies.put(response, KNOWN, sealed, KNOWN_FOR_SECONDS)

    def sealed(self, request: Request, flow: Flow) -> str:
        """A flow as its form carries it: nobody can read or change it, and no other browser use it (check C32)."""
        text = orjson.dumps(flow.as_json()).decode()
        return base64.urlsafe_b64encode(self.provider.sealer.seal(text, self._context(request))).decode()

    def opened(self, request: Request, sealed: str) -> Flow | None:
        """The flow that a form carried; None when it is too old, another browser's, or no flow."""
        try:
            raw = base64.b64decode(sealed.encode(), altchars=b"-_", validate=True)
            text = self.provider.sealer.open(raw, self._context(request))
        except (binascii.Error, ValueError, Refusal):
            return None
        return flow_of(orjson.loads(text), self.provider.runtime.now())

    def _context(self, request: Request) -> str:
        return f"{_CONTEXT} {self.flow_forms.browser(request)}"

    def flow_page(self, request: Request, template: str, status: int, flow: Flow, **values: Any) -> Response:
        """A page whose form goes on with a flow, and at its end to the application that asked."""
        token = self.flow_forms.token(request)
        request.state.form_action = [origin for origin in [_origin(_redirect_uri(flow.query))] if origin]
        return self.pages.page(
            request,
            template,
            status,
            flow=self.sealed(request, flow),
            flow_token=token,
            address=flow.address,
            path=_way_back(flow),
            **values,
        )

    def fault_page(self, request: Request, fault: ProtocolFault, status: int = 400) -> Response:
        """What a person is told when it is not known that the address in the request is good (check OPR-2)."""
        return self.problem(request, "Sign-in can't go on", fault.description, f"AADSTS{fault.number}", status)

    def problem(self, request: Request, title: str, message: str, code: str, status: int) -> Response:
        """A page that says why something can't go on."""
        return self.pages.page(request, "web/problem.html", status, title=title, message=message, faults=[], code=code)

    def send_fault(self, request: Request, fault: ProtocolFault, issuer: str) -> Response:
        """Tell the application why not, if it is known whose address that is; else the person (checks OPR-2, OPR-4)."""
        if fault.redirect_uri is None:
            return self.fault_page(request, fault)
        values = {"error": fault.error, "error_description": fault.text()}
        values |= {} if fault.state is None else {"state": fault.state}
        return self.send_back(request, fault.redirect_uri, fault.response_mode, values | {"iss": issuer})

    def send_back(self, request: Request, redirect_uri: str, mode: str, values: Mapping[str, str]) -> Response:
        """Send the browser back to an application, by a redirect (303, check OPR-7) or by a form that posts itself."""
        if mode == "form_post":
            request.state.form_action = [_origin(redirect_uri)]
            return self.pages.page(request, "signin/form_post.html", action=redirect_uri, fields=values.items())
        return elsewhere(redirect_uri, values)


def elsewhere(address: str, values: Mapping[str, str]) -> Response:
    """On to an address of an application, with values added to its query."""
    parts = urlsplit(address)
    query = "&".join(each for each in (parts.query, urlencode(values)) if each)
    return RedirectResponse(urlunsplit(parts._replace(query=query)), 303)


def browser_of(request: Request) -> Browser:
    """Where a request comes from."""
    return Browser(network_of(request), request.headers.get("user-agent", ""))


def to_sign_in(return_to: str, hint: str = "") -> Response:
    """On to the sign-in page, and afterwards to a page of ours."""
    hinted = f"&login_hint={quote(hint, safe='')}" if hint else ""
    return see_other(f"/sign-in?return_to={quote(return_to, safe='/')}{hinted}")


def _redirect_uri(query: str) -> str:
    return dict(parse_qsl(query)).get("redirect_uri", "")


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def _way_back(flow: Flow) -> str:
    """Where choosing other colours leads back to: the beginning of this sign-in."""
    tenant = "organizations" if flow.tenant is None else str(flow.tenant)
    if flow.query:
        return f"/{tenant}/oauth2/v2.0/authorize?{flow.query}"
    return f"/sign-in?return_to={quote(flow.return_to, safe='/')}"
