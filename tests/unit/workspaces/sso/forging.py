"""Tokens made by hand, good ones and bad ones, as a provider or a forger would make them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from rollcall.workspaces.sso.configuration import PRODUCT_ALGORITHMS, Client, Pinned
from rollcall.workspaces.sso.id_token import Expected
from rollcall.workspaces.sso.provider_keys import Key, ProviderKey, read_keys

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
ISSUER = "https://id.example"
CLIENT = "rollcall"
NONCE = "n" * 43

HOST = "https://login.microsoftonline.com"
TENANT = "11111111-1111-4111-8111-111111111111"
OTHER_TENANT = "22222222-2222-4222-8222-222222222222"
PERSON = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, auto_kid=False)
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "other"}, auto_kid=False)
EC = ECKey.generate_key("P-256", {"kid": "ec"}, auto_kid=False)
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"}, auto_kid=False)

GENERIC = Pinned(False, ISSUER, f"{ISSUER}/.well-known/openid-configuration", Client(CLIENT))
ENTRA = Pinned(True, f"{HOST}/{TENANT}/v2.0", "", Client(CLIENT), (TENANT,), ("RS256",))
MANY = Pinned(True, f"{HOST}/{{tenantid}}/v2.0", "", Client(CLIENT), (TENANT, OTHER_TENANT), ("RS256",))


def public(*keys: Key, **members: Any) -> tuple[ProviderKey, ...]:
    """The keys as we read them from a provider's set; `members` are added to each."""
    return read_keys({"keys": [{**key.as_dict(private=False), **members} for key in keys]})


def generic(**claims: Any) -> dict[str, Any]:
    """The claims of a good token of an OpenID Connect provider; None leaves one out."""
    return _without_none(
        {
            "iss": ISSUER,
            "aud": CLIENT,
            "sub": "ada",
            "exp": SECONDS + 300,
            "iat": SECONDS - 1,
            "nonce": NONCE,
            **claims,
        }
    )


def entra(**claims: Any) -> dict[str, Any]:
    """The claims of a good token of Entra."""
    return _without_none(
        generic(
            **{
                "iss": f"{HOST}/{TENANT}/v2.0",
                "sub": "pairwise",
                "ver": "2.0",
                "tid": TENANT,
                "oid": PERSON,
                "uti": "once",
                "preferred_username": "ada@acme.example",
                **claims,
            }
        )
    )


def logout(**claims: Any) -> dict[str, Any]:
    """The claims of a good logout token."""
    return _without_none(
        {
            "iss": ISSUER,
            "aud": CLIENT,
            "sub": "ada",
            "sid": "s1",
            "iat": SECONDS,
            "exp": SECONDS + 120,
            "jti": "once",
            "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
            **claims,
        }
    )


def signed(
    claims: Mapping[str, Any] | str, key: Key = RSA, alg: str = "RS256", header: Mapping[str, Any] | None = None
) -> str:
    """A token over these claims, or over this very text; a header member that is None is left out."""
    whole = _without_none({"alg": alg, "kid": key.kid, **(header or {})})
    text = claims if isinstance(claims, str) else json.dumps(claims)
    front = f"{_part(json.dumps(whole).encode())}.{_part(text.encode())}"
    model = JWSRegistry.algorithms[alg]
    return f"{front}.{_part(model.sign(front.encode(), key))}"


def unsigned(claims: Mapping[str, Any], alg: str = "none") -> str:
    """A token without signature."""
    return f"{_part(json.dumps({'alg': alg}).encode())}.{_part(json.dumps(claims).encode())}."


def signed_with_public_key(claims: Mapping[str, Any], key: RSAKey = RSA) -> str:
    """The old trick: HMAC, with the provider's public key as its secret."""
    header = {"alg": "HS256", "kid": key.kid}
    front = f"{_part(json.dumps(header).encode())}.{_part(json.dumps(claims).encode())}"
    code = hmac.HMAC(key.as_pem(private=False), hashes.SHA256())
    code.update(front.encode())
    return f"{front}.{_part(code.finalize())}"


def expected(pins: Pinned = GENERIC, **changes: Any) -> Expected:
    """What the tests' transaction expects."""
    algorithms = ("RS256",) if pins.entra else PRODUCT_ALGORITHMS
    return Expected(**{"pins": pins, "algorithms": algorithms, "nonce": NONCE, "now": NOW, **changes})


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _without_none(claims: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if value is not None}
