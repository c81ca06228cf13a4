"""What tokens say: claims with the names and rules of Entra's v2.0 tokens, out of what the directory knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.directory.signin.model import Grant, Person

MOST_GROUPS = 200
"""More than so many groups do not fit a token; then it says where they can be asked for (check GRP-3)."""
ID_TOKEN_SECONDS = 3600
ACCESS_TOKEN_SECONDS = 3600
USERINFO_AUDIENCE = "rollcall-userinfo"
"""Whom the access token of a person is for: the userinfo endpoint here, and nobody else."""


ONE_FACTOR, SEVERAL_FACTORS = "https://refeds.org/profile/sfa", "https://refeds.org/profile/mfa"
"""What `acr` says: names that others know, of the REFEDS profiles."""


def id_token_claims(
    person: Person, grant: Grant, *, issuer: str, graph: str, subject: str, token_id: str, now: datetime
) -> dict[str, Any]:
    """The claims of an ID token (OpenID Connect Core §2). `graph`: where Graph is served; `subject`: the pairwise one."""
    moment = int(now.timestamp())
    signed_in = grant.signed_in
    claims: dict[str, Any] = {
        "aud": str(grant.app_id),
        "iss": issuer,
        "iat": moment,
        "nbf": moment,
        "exp": moment + ID_TOKEN_SECONDS,
        "sub": subject,
        "oid": str(person.id),
        "tid": str(person.tenant_id),
        "ver": "2.0",
        "uti": token_id,
        "sid": str(signed_in.session_id),
        "auth_time": int(signed_in.at.timestamp()),
        "amr": list(signed_in.methods),
        "acr": SEVERAL_FACTORS if "mfa" in signed_in.methods else ONE_FACTOR,
    }
    if grant.nonce is not None:
        claims["nonce"] = grant.nonce
    claims |= profile_claims(person, grant.scope)
    return claims | group_claims(person, graph) | ({"roles": list(person.roles)} if person.roles else {})


def profile_claims(person: Person, scope: tuple[str, ...]) -> dict[str, Any]:
    """Name and address, as far as the application asked for them."""
    known = person.attributes
    claims: dict[str, Any] = {}
    if "profile" in scope:
        claims = {
            "name": known.get("displayName"),
            "preferred_username": known.get("userPrincipalName"),
            "given_name": known.get("givenName"),
            "family_name": known.get("surname"),
            "login_hint": known.get("userPrincipalName"),
        }
    if "email" in scope:
        claims["email"] = known.get("mail")
    return {name: value for name, value in claims.items() if value}


def group_claims(person: Person, graph: str) -> dict[str, Any]:
    """The groups, or where to ask for them when they are too many; nothing where the application is told of none."""
    if person.groups is None:
        return {}
    if not person.too_many_groups and len(person.groups) <= MOST_GROUPS:
        return {"groups": [str(each) for each in person.groups]}
    endpoint = f"{graph}/v1.0/users/{person.id}/getMemberObjects"
    return {"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": endpoint}}}


def access_token_claims(
    person: Person, grant: Grant, *, issuer: str, subject: str, token_id: str, now: datetime
) -> dict[str, Any]:
    """The claims of the token that the userinfo endpoint takes (RFC 9068)."""
    moment = int(now.timestamp())
    return {
        "aud": USERINFO_AUDIENCE,
        "iss": issuer,
        "iat": moment,
        "exp": moment + ACCESS_TOKEN_SECONDS,
        "sub": subject,
        "client_id": str(grant.app_id),
        "scope": " ".join(grant.scope),
        "oid": str(person.id),
        "tid": str(person.tenant_id),
        "jti": token_id,
        "grant": str(grant.id),
    }


def application_token_claims(
    app_id: UUID, service_principal: UUID, resource: UUID, tenant_id: UUID, *, issuer: str, token_id: str, now: datetime
) -> dict[str, Any]:
    """The claims of a token that an application gets for itself (RFC 6749 §4.4, RFC 9068)."""
    moment = int(now.timestamp())
    return {
        "aud": str(resource),
        "iss": issuer,
        "iat": moment,
        "nbf": moment,
        "exp": moment + ACCESS_TOKEN_SECONDS,
        "sub": str(service_principal),
        "oid": str(service_principal),
        "tid": str(tenant_id),
        "azp": str(app_id),
        "client_id": str(app_id),
        "idtyp": "app",
        "ver": "2.0",
        "jti": token_id,
    }


def discovery_document(base_url: str, tenant: str) -> Mapping[str, Any]:
    """What a client is told of the provider (OpenID Connect Discovery §3), for a tenant's id or for `organizations`.

    For `organizations` the issuer is a template, as with Entra, since whose token it will be is not known yet.
    """
    issuer = issuer_of(base_url, "{tenantid}" if tenant == "organizations" else tenant)
    oauth = f"{base_url}/{tenant}/oauth2/v2.0"
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{oauth}/authorize",
        "token_endpoint": f"{oauth}/token",
        "userinfo_endpoint": f"{base_url}/oidc/userinfo",
        "end_session_endpoint": f"{oauth}/logout",
        "jwks_uri": f"{base_url}/{tenant}/discovery/v2.0/keys",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "scopes_supported": ["openid", "profile", "email", "offline_access"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic", "none"],
        "code_challenge_methods_supported": ["S256"],
        "acr_values_supported": [ONE_FACTOR, SEVERAL_FACTORS],
        "authorization_response_iss_parameter_supported": True,
        "frontchannel_logout_supported": True,
        "frontchannel_logout_session_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "nbf", "auth_time", "nonce", "name", "given_name", "family_name",
            "preferred_username", "email", "oid", "tid", "ver", "uti", "sid", "amr", "acr", "groups", "roles", "login_hint",
        ],
    }  # fmt: skip


def issuer_of(base_url: str, tenant: str) -> str:
    """The issuer of a tenant's tokens."""
    return f"{base_url}/{tenant}/v2.0"
