"""A signed token as three parts: read strictly, and its signature checked (checks OID-1 to OID-3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rollcall.workspaces.sso.failure import token_invalid
from rollcall.workspaces.sso.provider_keys import ProviderKey, candidates, verifies

LARGEST_TOKEN = 32 * 1024
_PART = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class SignedToken:
    """A token that was read; nothing in it is believed yet. `hash`: SHA-256 of all of it, in hexadecimal digits."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signed: bytes
    signature: bytes
    hash: str


def read_token(text: str, largest: int = LARGEST_TOKEN) -> SignedToken:
    """The token in compact form (RFC 7515 §3.1). Raises SsoFailed OID-1."""
    if len(text) > largest:
        raise token_invalid("OID-1", "too large")
    parts = text.split(".")
    if len(parts) != 3:
        raise token_invalid("OID-1", "not three parts")
    header, claims, signature = (_decoded(part) for part in parts)
    return SignedToken(
        header=_object(header),
        claims=_object(claims),
        signed=f"{parts[0]}.{parts[1]}".encode(),
        signature=signature,
        hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def check_header(token: SignedToken, algorithms: Collection[str], types: Collection[str | None]) -> None:
    """Raises SsoFailed OID-2 for an algorithm or type that is not accepted, KEY-5 for critical extensions.

    `types`: those accepted, in small letters; None where none need be given.
    """
    algorithm = token.header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in algorithms:
        raise token_invalid("OID-2", "algorithm")
    kind = token.header.get("typ")
    if kind is not None and not isinstance(kind, str):
        raise token_invalid("OID-2", "type")
    if (kind.lower().removeprefix("application/") if kind is not None else None) not in types:
        raise token_invalid("OID-2", "type")
    if "crit" in token.header:
        raise token_invalid("KEY-5", "critical extensions")


def check_signature(token: SignedToken, keys: Sequence[ProviderKey]) -> tuple[ProviderKey, ...]:
    """The keys that did sign the token; the header's own keys and addresses count for nothing (check KEY-5).

    Raises SsoFailed OID-3.
    """
    algorithm = str(token.header["alg"])
    signers = tuple(
        each
        for each in candidates(keys, token.header.get("kid"), algorithm)
        if verifies(each, algorithm, token.signed, token.signature)
    )
    if not signers:
        raise token_invalid("OID-3", "signature")
    return signers


def _decoded(part: str) -> bytes:
    if not _PART.fullmatch(part):
        raise token_invalid("OID-1", "not base64url")
    try:
        raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        raise token_invalid("OID-1", "not base64url") from None
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != part:
        raise token_invalid("OID-1", "base64url with stray bits")
    return raw


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise token_invalid("OID-1", "not JSON, or a name twice") from None
    if not isinstance(value, dict):
        raise token_invalid("OID-1", "not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a name stands there twice")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
