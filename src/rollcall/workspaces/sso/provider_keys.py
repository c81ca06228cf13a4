"""The keys a provider signs with: which are usable, and which may have signed a token (checks KEY-2 to KEY-5)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Key = RSAKey | ECKey | OKPKey
LEAST_RSA_BITS = 2048
MOST_KEYS = 100

_ALGORITHMS: Mapping[tuple[str, str | None], tuple[str, ...]] = {
    ("RSA", None): ("RS256", "PS256"),
    ("EC", "P-256"): ("ES256",),
    ("OKP", "Ed25519"): ("EdDSA",),
}
_PUBLIC = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_KINDS: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """One public key. `issuer`: the one issuer it signs for, a template perhaps (Entra); None where the set does not say."""

    kid: str | None
    algorithms: tuple[str, ...]
    key: Key
    issuer: str | None = None


def read_keys(document: Mapping[str, Any]) -> tuple[ProviderKey, ...]:
    """The usable keys of a JSON Web Key Set (RFC 7517 §5); others are skipped. Order means nothing (check KEY-3)."""
    keys = document.get("keys")
    if not isinstance(keys, list):
        return ()
    return tuple(found for each in keys[:MOST_KEYS] if isinstance(each, dict) and (found := _read(each)) is not None)


def candidates(keys: Sequence[ProviderKey], kid: object, algorithm: str) -> tuple[ProviderKey, ...]:
    """The keys that may have signed a token with this header; none when it names no key and several fit (check KEY-3)."""
    fitting = tuple(each for each in keys if algorithm in each.algorithms)
    if kid is None:
        return fitting if len(fitting) == 1 else ()
    return tuple(each for each in fitting if each.kid == kid)


def verifies(key: ProviderKey, algorithm: str, signed: bytes, signature: bytes) -> bool:
    """Whether the signature is of this key and algorithm."""
    assert algorithm in key.algorithms, "a key is asked for its own algorithms only"
    try:
        return bool(JWSRegistry.algorithms[algorithm].verify(signed, signature, key.key))
    except (JoseError, ValueError):
        return False


def _read(member: Mapping[str, Any]) -> ProviderKey | None:
    kind, kid, issuer = member.get("kty"), member.get("kid"), member.get("issuer")
    if not isinstance(kind, str) or kind not in _PUBLIC:
        return None
    operations = member.get("key_ops", ["verify"])
    if member.get("use", "sig") != "sig" or not isinstance(operations, list) or "verify" not in operations:
        return None
    public = {name: each for name in _PUBLIC[kind] if isinstance(each := member.get(name), str)}
    if len(public) < len(_PUBLIC[kind]) or not isinstance(kid, str | None):
        return None
    curve = public.get("crv")
    algorithms = _ALGORITHMS.get((kind, curve), ())
    if "alg" in member:
        algorithms = tuple(name for name in algorithms if name == member["alg"])
    if not algorithms or (kind == "RSA" and _bits(public["n"]) < LEAST_RSA_BITS):
        return None
    try:
        key: Key = _KINDS[kind].import_key({"kty": kind, **public})
    except (JoseError, ValueError):
        return None
    return ProviderKey(kid, algorithms, key, issuer if isinstance(issuer, str) else None)


def _bits(modulus: str) -> int:
    try:
        raw = base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4))
    except (binascii.Error, ValueError):
        return 0
    return int.from_bytes(raw).bit_length()
