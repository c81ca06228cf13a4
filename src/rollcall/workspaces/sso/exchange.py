"""The token endpoint: a code for an ID token, and a token of our own for the provider's graph (checks REQ-3, CB-6)."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from rollcall.outbound import Document, FetchFailed
from rollcall.workspaces.sso.configuration import Client
from rollcall.workspaces.sso.discovery import Metadata
from rollcall.workspaces.sso.failure import BAD_RESPONSE, UNAVAILABLE, SsoFailed, provider_error

ASSERTION_SECONDS = 60
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Ask = Callable[..., Awaitable[Document]]
"""`ask(method, url, form=…, json=…, headers=…)`: one request to a provider. Raises FetchFailed."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was worth."""

    id_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)


async def exchange_code(
    ask: Ask,
    metadata: Metadata,
    client: Client,
    now: datetime,
    assertion_id: str,
    *,
    code: str,
    verifier: str,
    uri: str,
) -> Tokens:
    """The tokens for a code; asked once and never again. Raises SsoFailed (checks CB-6, CB-7)."""
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": uri, "code_verifier": verifier}
    body = await _post(ask, metadata, client, form, now, assertion_id)
    token, kind, access = body.get("id_token"), body.get("token_type"), body.get("access_token")
    if not isinstance(token, str) or not isinstance(kind, str) or kind.lower() != "bearer":
        raise SsoFailed(BAD_RESPONSE, "CB-7", "id_token or token_type")
    return Tokens(token, access if isinstance(access, str) else None)


async def own_token(
    ask: Ask, metadata: Metadata, client: Client, now: datetime, assertion_id: str, *, scope: str
) -> str | None:
    """An access token of the client itself; None when the provider gives none. Raises FetchFailed."""
    form = {"grant_type": "client_credentials", "scope": scope}
    form, headers = authenticated(metadata, client, form, now, assertion_id)
    document = await ask("POST", metadata.token_endpoint, form=form, headers=headers)
    token = document.body.get("access_token")
    return token if document.status == 200 and isinstance(token, str) else None


async def _post(
    ask: Ask, metadata: Metadata, client: Client, form: Mapping[str, str], now: datetime, assertion_id: str
) -> dict[str, Any]:
    body, headers = authenticated(metadata, client, form, now, assertion_id)
    try:
        document = await ask("POST", metadata.token_endpoint, form=body, headers=headers)
    except FetchFailed as failed:
        raise SsoFailed(UNAVAILABLE, "CB-6", f"{failed.reason}: {failed}") from None
    if document.status >= 500 or document.status == 429:
        raise SsoFailed(UNAVAILABLE, "CB-6", f"status {document.status}")
    if document.status != 200:
        error, told = document.body.get("error"), document.body.get("error_description")
        refused = provider_error(
            error if isinstance(error, str) else "", told if isinstance(told, str) else "", exchanging=True
        )
        refused.check = "CB-6"
        raise refused
    return document.body


def authenticated(
    metadata: Metadata, client: Client, form: Mapping[str, str], now: datetime, assertion_id: str
) -> tuple[dict[str, str], dict[str, str]]:
    """A form for the token endpoint with what shows that it is us, and the headers for it (check REQ-3)."""
    if client.key is not None:
        assertion = client_assertion(metadata, client, now, assertion_id)
        return {
            **form,
            "client_id": client.id,
            "client_assertion_type": _ASSERTION_TYPE,
            "client_assertion": assertion,
        }, {}
    if client.secret is None:
        return {**form, "client_id": client.id}, {}
    if "client_secret_post" in metadata.token_authentication:
        return {**form, "client_id": client.id, "client_secret": client.secret}, {}
    # RFC 6749 §2.3.1: both parts are encoded as in a form first.
    credentials = f"{quote(client.id, safe='')}:{quote(client.secret, safe='')}"
    return dict(form), {"authorization": f"Basic {base64.b64encode(credentials.encode()).decode()}"}


def client_assertion(metadata: Metadata, client: Client, now: datetime, assertion_id: str) -> str:
    """A signed statement of who we are (RFC 7523 §3); its audience is the issuer, a string."""
    assert client.key is not None, "a client without key has a secret"
    member = orjson.loads(client.key)
    key = import_key(member)
    assert isinstance(key, RSAKey | ECKey | OKPKey), "what signs is a private key"
    algorithm = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[key.key_type]
    issued = int(now.timestamp())
    header = {name: member[name] for name in ("kid", "x5t", "x5t#S256") if name in member}
    claims = {
        "iss": client.id,
        "sub": client.id,
        "aud": metadata.issuer if "{" not in metadata.issuer else metadata.token_endpoint,
        "jti": assertion_id,
        "iat": issued,
        "nbf": issued,
        "exp": issued + ASSERTION_SECONDS,
    }
    return jwt.encode({"alg": algorithm, "typ": "JWT", **header}, claims, key, algorithms=[algorithm])
