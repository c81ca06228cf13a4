"""Signs tokens, and reads those that come back."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from rollcall.crypto import Sealer
from rollcall.directory.signin.keys import SigningKeys

ALGORITHM = "RS256"
_ACCESS = "at+jwt"


def sign(keys: SigningKeys, claims: Mapping[str, Any], typ: str = "JWT") -> str:
    """A signed token (RFC 7519); `typ` keeps one sort of token from being taken for another (RFC 8725 §3.11)."""
    return jwt.encode({"alg": ALGORITHM, "kid": keys.kid, "typ": typ}, dict(claims), keys.signing, default_type=None)


def sign_access_token(keys: SigningKeys, claims: Mapping[str, Any]) -> str:
    """A signed access token (RFC 9068)."""
    return sign(keys, claims, _ACCESS)


def read_access_token(
    published: Sequence[Mapping[str, Any]], token: str, audience: str, now: int
) -> dict[str, Any] | None:
    """The claims of an access token of ours that is for `audience` and not over; else None."""
    claims = _read(published, token, _ACCESS)
    if claims is None or claims.get("aud") != audience or not isinstance(claims.get("exp"), int):
        return None
    return claims if claims["exp"] > now else None


def read_id_token_hint(published: Sequence[Mapping[str, Any]], token: str) -> dict[str, Any] | None:
    """The claims of an ID token of ours, however old: it says who is meant, and proves nothing (OpenID Connect Core §3.1.2.1)."""
    return _read(published, token, "JWT")


def _read(published: Sequence[Mapping[str, Any]], token: str, typ: str) -> dict[str, Any] | None:
    try:
        keys = KeySet.import_key_set({"keys": [dict(each) for each in published]})
        found = jwt.decode(token, keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        return None
    return dict(found.claims) if found.header.get("typ") == typ else None


def pairwise_subject(sealer: Sealer, app_id: UUID, tenant_id: UUID, user_id: UUID) -> str:
    """The name of a person towards one application, which tells another application nothing (OpenID Connect Core §8.1)."""
    signature = sealer.signature("pairwise subject")
    signature.update(app_id.bytes + tenant_id.bytes + user_id.bytes)
    return _text(signature.digest())


def challenge_of(verifier: str) -> str:
    """The S256 code challenge of a verifier (RFC 7636 §4.2)."""
    return _text(hashlib.sha256(verifier.encode("ascii")).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
