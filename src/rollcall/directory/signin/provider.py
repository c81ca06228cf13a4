"""The identity provider's decisions on requests, put together: who may have which code or token now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.crypto import Sealer, same
from rollcall.db import Database, TenantDatabase
from rollcall.directory.signin import grants, registrations
from rollcall.directory.signin.authorization import check_request, is_verifier, parse_app_id
from rollcall.directory.signin.claims import (
    ACCESS_TOKEN_SECONDS,
    USERINFO_AUDIENCE,
    access_token_claims,
    application_token_claims,
    id_token_claims,
    issuer_of,
    profile_claims,
)
from rollcall.directory.signin.keys import KeyRing
from rollcall.directory.signin.model import AuthorizationRequest, Grant, Person, ProtocolFault, Registration, SignedIn
from rollcall.directory.signin.people import Instance, find_instance, read_person
from rollcall.directory.signin.tokens import (
    challenge_of,
    pairwise_subject,
    read_access_token,
    sign,
    sign_access_token,
)
from rollcall.errors import NotFound
from rollcall.runtime import Runtime

_NOT_GOOD = {
    "unknown": ("is not known", 70000),
    "expired": ("has expired", 70008),
    "used": ("was used before; everything it gave has ended", 54005),
    "ended": ("has ended, since the person signed out, was blocked, or an administrator ended it", 50173),
}


@dataclass(frozen=True, slots=True)
class Provider:
    """What the endpoints work with. `base_url`: where the identity half is reached, without a slash at its end."""

    database: Database
    runtime: Runtime
    sealer: Sealer
    base_url: str
    keys: KeyRing

    async def registration(self, client_id: str) -> Registration | None:
        """The application with this client id, whatever tenant it is registered in."""
        app_id = parse_app_id(client_id)
        home = None if app_id is None else await self.database.system(registrations.home_of, app_id)
        if app_id is None or home is None:
            return None
        try:
            return await self.database.tenant(home).read(registrations.read_registration, app_id)
        except NotFound:
            return None

    async def checked(self, params: Mapping[str, Sequence[str]]) -> AuthorizationRequest | ProtocolFault:
        """An authorization request, checked against the application that it names."""
        values = params.get("client_id", ())
        return check_request(params, await self.registration(values[0]) if len(values) == 1 else None)

    async def admits(self, tenant_id: UUID, request: AuthorizationRequest) -> ProtocolFault | None:
        """Why an application can't sign in people of this tenant, whoever they are; None when it can."""
        registration = await self.registration(str(request.app_id))
        if registration is None:
            return _refused(request, "unauthorized_client", "There is no application with this client_id here.", 700016)
        if registration.sign_in_audience == "AzureADMyOrg" and registration.tenant_id != tenant_id:
            return _refused(
                request, "unauthorized_client", "The application is for the people of another tenant only.", 50020
            )
        instance = await self.database.tenant(tenant_id).read(find_instance, request.app_id)
        if instance is None:
            return _refused(
                request,
                "consent_required",
                f"An administrator has to add the application {registration.display_name} to this tenant first.",
                65001,
            )
        if not instance.enabled:
            return _refused(request, "unauthorized_client", "The application is disabled in this tenant.", 7000112)
        return None

    async def answer(self, request: AuthorizationRequest, signed_in: SignedIn) -> dict[str, str] | ProtocolFault:
        """What goes back to the application for a person who is signed in: a code, or why there is none."""
        fault = await self.admits(signed_in.tenant_id, request)
        if fault is not None:
            return fault
        db = self.database.tenant(signed_in.tenant_id)
        found = await self._entitled(db, request.app_id, signed_in.user_id)
        if isinstance(found, ProtocolFault):
            return replace(
                found, redirect_uri=request.redirect_uri, state=request.state, response_mode=request.response_mode
            )
        code = await db.write(grants.grant_code, self.runtime, request, signed_in)
        state = {} if request.state is None else {"state": request.state}
        return {"code": code, **state, "iss": self.issuer(signed_in.tenant_id)}

    def issuer(self, tenant_id: UUID) -> str:
        """The issuer of a tenant's tokens."""
        return issuer_of(self.base_url, str(tenant_id))

    async def code_tokens(
        self, registration: Registration, code: str, redirect_uri: str, verifier: str
    ) -> dict[str, Any] | ProtocolFault:
        """The tokens for an authorization code (RFC 6749 §4.1.3, RFC 7636 §4.5)."""
        tenant_id = grants.tenant_in(code)
        if tenant_id is None:
            return _not_good("authorization code", "unknown")
        db, now = self.database.tenant(tenant_id), self.runtime.now()
        found = await db.write(grants.redeem_code, now, code)
        if isinstance(found, str):
            return _not_good("authorization code", found)
        if found.grant.app_id != registration.app_id or found.redirect_uri != redirect_uri:
            return ProtocolFault(
                "invalid_grant", "The code was given to another application, or for another redirect_uri.", 70000
            )
        if not is_verifier(verifier) or not same(challenge_of(verifier).encode(), found.challenge.encode()):
            return ProtocolFault("invalid_grant", "The code_verifier does not fit the code_challenge.", 501481)
        return await self._tokens(db, registration, found.grant, now)

    async def refreshed_tokens(
        self, registration: Registration, token: str, scope: Sequence[str]
    ) -> dict[str, Any] | ProtocolFault:
        """New tokens for a refresh token, which is replaced (RFC 6749 §6)."""
        tenant_id = grants.tenant_in(token)
        if tenant_id is None:
            return _not_good("refresh token", "unknown")
        db, now = self.database.tenant(tenant_id), self.runtime.now()
        found = await db.write(grants.redeem_refresh_token, now, token)
        if isinstance(found, str):
            return _not_good("refresh token", found)
        if found.grant.app_id != registration.app_id:
            await db.write(grants.end_grant, found.grant.id, now)
            return ProtocolFault("invalid_grant", "The refresh token was given to another application.", 70000)
        if not set(scope) <= set(found.grant.scope):
            return ProtocolFault("invalid_scope", "scope has more than was granted at first.", 70011)
        narrowed = replace(found.grant, scope=tuple(scope)) if scope else found.grant
        return await self._tokens(db, registration, narrowed, now, refresh=found.grant)

    async def application_token(
        self, registration: Registration, tenant_id: UUID, scope: Sequence[str]
    ) -> dict[str, Any] | ProtocolFault:
        """A token for an application itself (RFC 6749 §4.4); `scope` names the one it is for: `{client id}/.default`."""
        resource = _resource(scope)
        db = self.database.tenant(tenant_id)
        own = await db.read(find_instance, registration.app_id)
        if own is None or not own.enabled:
            return ProtocolFault("unauthorized_client", "This tenant does not have the application.", 700016)
        there = None if resource is None else await db.read(find_instance, resource)
        if resource is None or there is None or not there.enabled:
            return ProtocolFault(
                "invalid_scope", "scope has to be {client id of an application of this tenant}/.default.", 70011
            )
        if there.assignment_required and resource != registration.app_id:
            return ProtocolFault(
                "invalid_grant", "The application is not assigned to the one it wants a token for.", 501051
            )
        now = self.runtime.now()
        claims = application_token_claims(
            registration.app_id, own.id, resource, tenant_id,
            issuer=self.issuer(tenant_id), token_id=str(self.runtime.new_id()), now=now,
        )  # fmt: skip
        token = sign_access_token(await self.keys.keys(), claims)
        return {"token_type": "Bearer", "expires_in": ACCESS_TOKEN_SECONDS, "access_token": token}

    async def userinfo(self, token: str) -> dict[str, Any] | None:
        """What the userinfo endpoint tells the bearer of an access token; None when it is good for nothing."""
        keys, now = await self.keys.keys(), self.runtime.now()
        claims = read_access_token(keys.published, token, USERINFO_AUDIENCE, int(now.timestamp()))
        if claims is None or claims.get("iss") != self.issuer(UUID(claims["tid"])):
            return None
        db, app_id = self.database.tenant(UUID(claims["tid"])), UUID(claims["client_id"])
        if not await db.read(grants.is_grant_alive, UUID(claims["grant"])):
            return None
        found = await self._entitled(db, app_id, UUID(claims["oid"]))
        if isinstance(found, ProtocolFault):
            return None
        return {"sub": claims["sub"], **profile_claims(found, tuple(claims["scope"].split()))}

    async def _tokens(
        self, db: TenantDatabase, registration: Registration, grant: Grant, now: datetime, refresh: Grant | None = None
    ) -> dict[str, Any] | ProtocolFault:
        tenant_id, user_id = grant.signed_in.tenant_id, grant.signed_in.user_id
        person = await self._entitled(db, grant.app_id, user_id, registration)
        if isinstance(person, ProtocolFault):
            await db.write(grants.end_grant, grant.id, now)
            return replace(person, error="invalid_grant")
        subject = pairwise_subject(self.sealer, grant.app_id, tenant_id, user_id)
        keys, issuer = await self.keys.keys(), self.issuer(tenant_id)
        token_id = str(self.runtime.new_id())
        access = access_token_claims(person, grant, issuer=issuer, subject=subject, token_id=token_id, now=now)
        told = id_token_claims(
            person, grant, issuer=issuer, graph=self.base_url, subject=subject, token_id=token_id, now=now
        )
        tokens = {
            "token_type": "Bearer",
            "scope": " ".join(grant.scope),
            "expires_in": ACCESS_TOKEN_SECONDS,
            "access_token": sign_access_token(keys, access),
            "id_token": sign(keys, told),
        }
        if "offline_access" in (refresh or grant).scope:
            tokens["refresh_token"] = await db.write(grants.issue_refresh_token, now, refresh or grant)
        return tokens

    async def _entitled(
        self, db: TenantDatabase, app_id: UUID, user_id: UUID, registration: Registration | None = None
    ) -> Person | ProtocolFault:
        """The person, if they may use the application now."""
        registration = registration or await self.registration(str(app_id))
        instance: Instance | None = await db.read(find_instance, app_id)
        if registration is None or instance is None or not instance.enabled:
            return ProtocolFault("unauthorized_client", "This tenant does not have the application any more.", 700016)
        person = await db.read(read_person, user_id, instance, registration.group_membership_claims)
        if person is None or not person.enabled:
            return ProtocolFault("access_denied", "The account is blocked or gone.", 50057)
        if instance.assignment_required and not person.assigned:
            return ProtocolFault(
                "access_denied",
                f"The person is not assigned to {registration.display_name}. An administrator can assign them, or a group "
                "they are a direct member of.",
                50105,
            )
        return person


def _refused(request: AuthorizationRequest, error: str, description: str, number: int) -> ProtocolFault:
    return ProtocolFault(error, description, number, request.redirect_uri, request.state, request.response_mode)


def _not_good(what: str, why: str) -> ProtocolFault:
    words, number = _NOT_GOOD[why]
    return ProtocolFault("invalid_grant", f"The {what} {words}. Sign in again.", number)


def _resource(scope: Sequence[str]) -> UUID | None:
    if len(scope) != 1 or not scope[0].endswith("/.default"):
        return None
    return parse_app_id(scope[0].removesuffix("/.default").removeprefix("api://"))
