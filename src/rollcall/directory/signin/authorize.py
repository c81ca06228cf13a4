"""The authorize endpoint, and the steps by which a browser comes through it: address, password, code, answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.directory.signin import sessions
from rollcall.directory.signin.claims import issuer_of
from rollcall.directory.signin.flow import Flow, after_session, methods_with
from rollcall.directory.signin.model import AuthorizationRequest, ProtocolFault, SignedIn
from rollcall.directory.signin.protocol import Protocol
from rollcall.directory.signin.proving import Claimed
from rollcall.directory.signin.sessions import Session
from rollcall.directory.signin.signing_in import SESSION, SigningIn, browser_of
from rollcall.directory.signin.tokens import read_id_token_hint
from rollcall.errors import Denied, NotFound, Throttled
from rollcall.scim.datatypes import fold
from rollcall.web import Fault, Form, network_of, read_form, safe_return_path, see_other

_log = structlog.get_logger()
_LONGEST_ADDRESS = 320
_LONGEST_QUERY = 8192
_HOME = "/security"


@dataclass(frozen=True, slots=True)
class Authorize:
    """The pages of sign-in. Nothing is kept of a sign-in under way; it travels, sealed, in its form."""

    site: SigningIn
    protocol: Protocol

    def routes(self) -> Sequence[BaseRoute]:
        """Where they are; the endpoint as Entra has it."""
        return (
            Route("/{tenant}/oauth2/v2.0/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/sign-in", self._sign_in),
            Route("/sign-in", self._step, methods=["POST"]),
        )

    async def _authorize(self, request: Request) -> Response:
        """What an application asks (OpenID Connect Core §3.1.2.1). A POST may come from anywhere, and changes nothing."""
        if request.method == "POST":
            form = await read_form(request)
            query = urlencode([(name, value) for name in form.values() for value in form.all(name)])
        else:
            query = request.url.query
        if len(query) > _LONGEST_QUERY:
            return self.site.fault_page(request, ProtocolFault("invalid_request", "The request is too long.", 90013))
        try:
            tenant = await self.protocol.tenant(request.path_params["tenant"])
        except NotFound as refusal:
            return self.site.fault_page(request, ProtocolFault("invalid_tenant", refusal.message, 90002))
        params = parse_qs(query, keep_blank_values=True)
        asked = await self.site.provider.checked(params)
        if isinstance(asked, AuthorizationRequest) and tenant is not None:
            asked = await self.site.provider.admits(tenant, asked) or asked
        if isinstance(asked, ProtocolFault):
            return self.site.send_fault(request, asked, self._issuer(tenant))
        return await self._begin(request, asked, query, tenant, params)

    async def _begin(
        self,
        request: Request,
        asked: AuthorizationRequest,
        query: str,
        tenant: UUID | None,
        params: Mapping[str, Sequence[str]],
    ) -> Response:
        session = await self.site.session(request)
        if session is not None and tenant is not None and session.tenant_id != tenant:
            session = None
        now = self.site.provider.runtime.now()
        verdict = after_session(
            asked,
            address=session.user_principal_name if session else None,
            authenticated=session.authenticated if session else None,
            is_hinted=session is not None and await self._is_hinted(asked, params, session),
            now=now,
        )
        flow = Flow("address", now, query, tenant=tenant, address=(asked.login_hint or "")[:_LONGEST_ADDRESS])
        if verdict == "refuse":
            fault = ProtocolFault(
                "login_required", "Nobody is signed in, or not recently enough, and prompt=none allows no question.",
                50058, asked.redirect_uri, asked.state, asked.response_mode,
            )  # fmt: skip
            return self.site.send_fault(request, fault, self._issuer(tenant))
        if verdict == "answer" and session is not None:
            return await self._onward(request, flow, session.signed_in)
        if verdict == "choose" and session is not None:
            return self._show(request, flow.to("account", now, address=session.user_principal_name))
        again = session is not None and ("login" in asked.prompt or asked.max_age_seconds is not None)
        if again and session is not None and not flow.address:
            flow = flow.to("address", now, address=session.user_principal_name)
        return self._show(request, flow.to("password" if flow.address else "address", now))

    async def _is_hinted(
        self, asked: AuthorizationRequest, params: Mapping[str, Sequence[str]], session: Session
    ) -> bool:
        """Whether the request is content with the one who is signed in."""
        if asked.login_hint and fold(asked.login_hint) != fold(session.user_principal_name):
            return False
        hint = params.get("id_token_hint", [""])[0]
        if not hint:
            return True
        claims = read_id_token_hint((await self.site.provider.keys.keys()).published, hint)
        return claims is not None and (claims.get("tid"), claims.get("oid")) == (
            str(session.tenant_id),
            str(session.user_id),
        )

    async def _sign_in(self, request: Request) -> Response:
        """Sign-in for our own pages, without an application that asks."""
        return_to = safe_return_path(request.query_params.get("return_to")) or _HOME
        hint = request.query_params.get("login_hint", "")[:_LONGEST_ADDRESS]
        now = self.site.provider.runtime.now()
        flow = Flow("password" if hint else "address", now, return_to=return_to, address=hint)
        return self._show(request, flow)

    async def _step(self, request: Request) -> Response:
        """One step done: check it, and go to the next."""
        form = await read_form(request)
        self.site.flow_forms.check(request, form)
        flow = self.site.opened(request, form.text("flow"))
        if flow is None:
            return self.site.problem(
                request,
                "This sign-in took too long",
                "Go back to the application and sign in from there again.",
                "sign_in_expired",
                400,
            )
        try:
            return await self._checked_step(request, form, flow)
        except Throttled as refusal:
            shown = self._show(request, flow, 429, _field(flow), refusal.code, refusal.message)
            shown.headers["Retry-After"] = str(max(1, round(refusal.retry_after_seconds or 1)))
            return shown

    async def _checked_step(self, request: Request, form: Form, flow: Flow) -> Response:
        now, action = self.site.provider.runtime.now(), form.text("action")
        if action == "other":
            blank = {"address": "", "user_tenant": None, "user_id": None}
            return self._show(request, flow.to("address", now, **blank))
        if action in ("recovery", "code") and flow.step in ("code", "recovery"):
            return self._show(request, flow.to("recovery" if action == "recovery" else "code", now))
        match flow.step:
            case "account":
                return await self._account(request, flow)
            case "address":
                address = form.text("address")[:_LONGEST_ADDRESS]
                if not address:
                    return self._show(request, flow, 422, "address", "required", "Type the address you sign in with.")
                return self._show(request, flow.to("password", now, address=address))
            case "password":
                return await self._password(request, form, flow)
            case "code" | "recovery":
                return await self._second(request, form, flow)

    async def _account(self, request: Request, flow: Flow) -> Response:
        """Go on as the one who is signed in, if that is still the one who was shown."""
        session = await self.site.session(request)
        if session is None or fold(session.user_principal_name) != fold(flow.address):
            return self._show(request, flow.to("password", self.site.provider.runtime.now()))
        return await self._onward(request, flow, session.signed_in)

    async def _password(self, request: Request, form: Form, flow: Flow) -> Response:
        proving, now = self.site.proving, self.site.provider.runtime.now()
        known, network = self.site.known_browser(request), network_of(request)
        claimed = await proving.password(flow.tenant, flow.address, form.secret("password"), network, known)
        if claimed is None:
            _log.info("sign_in_failed", step="password", network=network)
            return self._show(
                request, flow, 422, "password", "wrong", "The address or the password is not right. Check both."
            )
        credential = await proving.credential(claimed)
        if credential is None or not credential.enabled:
            return self._blocked(request, claimed)
        flow = flow.to("code", now, user_tenant=claimed.tenant_id, user_id=claimed.user_id)
        return self._show(request, flow) if credential.has_totp else await self._finish(request, flow, claimed, None)

    async def _second(self, request: Request, form: Form, flow: Flow) -> Response:
        assert flow.user_tenant is not None, "a code is asked for after the password only"
        assert flow.user_id is not None, "and then it is known whose"
        claimed, proving = Claimed(flow.user_tenant, flow.user_id), self.site.proving
        check = proving.recovery if flow.step == "recovery" else proving.code
        if not await check(claimed, form.text("code"), network_of(request), self.site.known_browser(request)):
            _log.info("sign_in_failed", step=flow.step, tenant=str(claimed.tenant_id), user=str(claimed.user_id))
            words = (
                "This is none of your unused recovery codes."
                if flow.step == "recovery"
                else "This code is not right, or was used already. Wait for the next one."
            )
            return self._show(request, flow, 422, "code", "wrong", words)
        return await self._finish(request, flow, claimed, "otp")

    async def _finish(self, request: Request, flow: Flow, claimed: Claimed, second: str | None) -> Response:
        """The session begins here and nowhere before, under a handle that nobody knew (check C3)."""
        before = await self.site.session(request)
        methods, runtime = methods_with(second), self.site.provider.runtime
        db = self.site.provider.database.tenant(claimed.tenant_id)
        same = before.id if before is not None and before.user_id == claimed.user_id else None
        try:
            handle, signed_in = await db.write(
                sessions.start_session, runtime, claimed.user_id, methods, browser_of(request), same
            )
        except Denied:
            return self._blocked(request, claimed)
        if before is not None and before.id != signed_in.session_id:
            there = self.site.provider.database.tenant(before.tenant_id)
            await there.write(sessions.end_session, before.user_id, before.id)
        _log.info("signed_in", tenant=str(claimed.tenant_id), user=str(claimed.user_id), methods=methods)
        response = await self._onward(request, flow, signed_in)
        self.site.cookies.put(response, SESSION, handle)
        self.site.remember_browser(request, response, claimed.user_id)
        return response

    def _blocked(self, request: Request, claimed: Claimed) -> Response:
        _log.info("sign_in_failed", step="blocked", tenant=str(claimed.tenant_id), user=str(claimed.user_id))
        return self.site.problem(
            request,
            "This account is blocked",
            "The address and the password are right, but an administrator has blocked the account. They can unblock it.",
            "account_blocked",
            403,
        )

    async def _onward(self, request: Request, flow: Flow, signed_in: SignedIn) -> Response:
        """Where a sign-in leads: back to the application, or to the page of ours that asked for it."""
        if not flow.query:
            return see_other(flow.return_to)
        issuer = self.site.provider.issuer(signed_in.tenant_id)
        asked = await self.site.provider.checked(parse_qs(flow.query, keep_blank_values=True))
        if isinstance(asked, ProtocolFault):
            return self.site.send_fault(request, asked, issuer)
        answer = await self.site.provider.answer(asked, signed_in)
        if isinstance(answer, ProtocolFault):
            return self.site.send_fault(request, answer, issuer)
        return self.site.send_back(request, asked.redirect_uri, asked.response_mode, answer)

    def _issuer(self, tenant: UUID | None) -> str:
        """Whose answer it is when nobody is signed in: for `organizations` the template that its metadata has."""
        return issuer_of(self.site.provider.base_url, "{tenantid}" if tenant is None else str(tenant))

    def _show(
        self, request: Request, flow: Flow, status: int = 200, field: str = "", code: str = "", message: str = ""
    ) -> Response:
        faults: list[Any] = [Fault(field, code, message)] if field else []
        return self.site.flow_page(request, f"signin/{flow.step}.html", status, flow, faults=faults)


def _field(flow: Flow) -> str:
    return "code" if flow.step in ("code", "recovery") else "password"
