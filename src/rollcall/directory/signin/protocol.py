"""The endpoints that programs call: discovery, keys, token, userinfo (RFC 6749, OpenID Connect Core and Discovery)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus
from uuid import UUID

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from rollcall.db import Rate, take_turn
from rollcall.directory.signin import registrations
from rollcall.directory.signin.claims import discovery_document
from rollcall.directory.signin.model import ProtocolFault, Registration
from rollcall.directory.signin.provider import Provider
from rollcall.directory.tenants import tenant_named
from rollcall.errors import Invalid, NotFound, Refusal
from rollcall.web import Form, read_form

ORGANIZATIONS = "organizations"
_WRONG_SECRETS = Rate(20, 60)
_KEPT = "public, max-age=3600"


@dataclass(frozen=True, slots=True)
class Protocol:
    """The endpoints of one provider."""

    provider: Provider

    def routes(self) -> Sequence[BaseRoute]:
        """Where they are, as Entra has them."""
        return (
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery),
            Route("/{tenant}/discovery/v2.0/keys", self._keys),
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/oidc/userinfo", self._userinfo, methods=["GET", "POST"]),
        )

    async def tenant(self, named: str) -> UUID | None:
        """The tenant that a path names by its id or its name; None for `organizations`. Raises NotFound."""
        if named == ORGANIZATIONS:
            return None
        found = await self.provider.database.system(tenant_named, named)
        if found is None:
            raise NotFound("There is no such tenant here.", code="invalid_tenant")
        return found

    async def _discovery(self, request: Request) -> Response:
        try:
            tenant = await self.tenant(request.path_params["tenant"])
        except NotFound as refusal:
            return self._no_tenant(refusal)
        document = discovery_document(self.provider.base_url, ORGANIZATIONS if tenant is None else str(tenant))
        return JSONResponse(document, headers={"Cache-Control": _KEPT})

    async def _keys(self, request: Request) -> Response:
        try:
            tenant = await self.tenant(request.path_params["tenant"])
        except NotFound as refusal:
            return self._no_tenant(refusal)
        # A key says for whose tokens it is good, so that a client of many tenants can hold them apart (check TEN-3).
        issuer = f"{self.provider.base_url}/{{tenantid}}/v2.0" if tenant is None else self.provider.issuer(tenant)
        published = (await self.provider.keys.keys()).published
        return JSONResponse(
            {"keys": [each | {"issuer": issuer} for each in published]}, headers={"Cache-Control": _KEPT}
        )

    async def _token(self, request: Request) -> Response:
        try:
            form = await read_form(request)
            client_id, secret = _credentials(request, form)
        except Refusal as refusal:
            return self._fault(ProtocolFault("invalid_request", refusal.message, 900144), 400)
        client = await self._client(request, client_id, secret)
        if isinstance(client, Response):
            if client.status_code == 401 and "authorization" in request.headers:  # RFC 6749 §5.2
                client.headers["WWW-Authenticate"] = 'Basic realm="token endpoint"'
            return client
        try:
            answer = await self._granted(request, client, form, authenticated=secret is not None)
        except NotFound as refusal:
            return self._no_tenant(refusal)
        if isinstance(answer, ProtocolFault):
            return self._fault(answer, 401 if answer.error == "invalid_client" else 400)
        return JSONResponse(answer, headers={"Cache-Control": "no-store", "Pragma": "no-cache"})

    async def _client(self, request: Request, client_id: str, secret: str | None) -> Registration | Response:
        """Who asks, proven by a secret unless the application is one that can't keep any."""
        registration = await self.provider.registration(client_id)
        if registration is None:
            return self._fault(
                ProtocolFault("unauthorized_client", "There is no application with this client_id.", 700016), 400
            )
        if registration.is_public:
            if secret is not None:
                fault = ProtocolFault("invalid_client", "A public application has no secret; leave it out.", 700025)
                return self._fault(fault, 401)
            return registration
        if secret is None:
            return self._fault(ProtocolFault("invalid_client", "client_secret is missing.", 7000218), 401)
        db, now = self.provider.database, self.provider.runtime.now()
        if await db.tenant(registration.tenant_id).read(
            registrations.is_client_secret, registration.app_id, secret, now
        ):
            return registration
        network = request.client.host if request.client else ""
        wait = await db.system(take_turn, _WRONG_SECRETS, now, "client secret", client_id, network)
        fault = ProtocolFault("invalid_client", "The client secret is wrong or has expired.", 7000215)
        response = self._fault(fault, 429 if wait else 401)
        if wait:
            response.headers["Retry-After"] = str(max(1, round(wait)))
        return response

    async def _granted(
        self, request: Request, client: Registration, form: Form, *, authenticated: bool
    ) -> dict[str, Any] | ProtocolFault:
        scope = form.text("scope").split()
        match form.text("grant_type"):
            case "authorization_code":
                code, verifier = form.text("code"), form.text("code_verifier")
                return await self.provider.code_tokens(client, code, form.text("redirect_uri"), verifier)
            case "refresh_token":
                return await self.provider.refreshed_tokens(client, form.text("refresh_token"), scope)
            case "client_credentials" if authenticated:
                tenant = await self.tenant(request.path_params["tenant"])
                if tenant is None:
                    return ProtocolFault("invalid_request", "Name the tenant in the address, not organizations.", 50194)
                return await self.provider.application_token(client, tenant, scope)
            case "client_credentials":
                return ProtocolFault("unauthorized_client", "A public application can't sign in as itself.", 700025)
            case other:
                known = "authorization_code, refresh_token, client_credentials"
                return ProtocolFault("unsupported_grant_type", f"grant_type {other!r} is none of {known}.", 70003)

    async def _userinfo(self, request: Request) -> Response:
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        told = await self.provider.userinfo(token.strip()) if kind.lower() == "bearer" else None
        if told is None:
            challenge = (
                'Bearer error="invalid_token", error_description="The access token is not good, or not any more."'
            )
            return JSONResponse({"error": "invalid_token"}, 401, {"WWW-Authenticate": challenge})
        return JSONResponse(told, headers={"Cache-Control": "no-store"})

    def _no_tenant(self, refusal: NotFound) -> Response:
        return self._fault(ProtocolFault("invalid_tenant", refusal.message, 90002), 400)

    def _fault(self, fault: ProtocolFault, status: int) -> Response:
        """An error as Entra's endpoints write it (RFC 6749 §5.2)."""
        reference = str(self.provider.runtime.new_id())
        body = {
            "error": fault.error,
            "error_description": fault.text(),
            "error_codes": [fault.number],
            "timestamp": self.provider.runtime.now().strftime("%Y-%m-%d %H:%M:%SZ"),
            "trace_id": reference,
            "correlation_id": reference,
        }
        return JSONResponse(body, status, {"Cache-Control": "no-store"})


def _credentials(request: Request, form: Form) -> tuple[str, str | None]:
    """Who asks and the secret, from the header or the body (RFC 6749 §2.3.1). Raises Invalid when both have one."""
    header = request.headers.getlist("authorization")
    named, secret = form.text("client_id"), form.secret("client_secret") or None
    if not header:
        if not named:
            raise Invalid("client_id is missing.")
        return named, secret
    kind, _, encoded = header[0].partition(" ")
    if len(header) > 1 or kind.lower() != "basic" or secret is not None:
        raise Invalid("The application may prove who it is in one way only: Basic, or client_secret in the body.")
    try:
        name, colon, given = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        raise Invalid("The Authorization header can't be read as Basic.") from None
    if not colon or (named and named != unquote_plus(name)):
        raise Invalid("The Authorization header and client_id name different applications.")
    return unquote_plus(name), unquote_plus(given)
