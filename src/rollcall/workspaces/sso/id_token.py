"""Checks an ID token in a fixed order, each failure with its check; nothing in it is believed before (checks OID)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rollcall.workspaces.sso import entra
from rollcall.workspaces.sso.configuration import Pinned, Strength
from rollcall.workspaces.sso.failure import GUEST, STEP_UP_UNMET, SsoFailed, token_invalid
from rollcall.workspaces.sso.provider_keys import ProviderKey
from rollcall.workspaces.sso.signed_token import SignedToken, check_header, check_signature, read_token

NOTHING_REQUIRED = Strength()
OLDEST = timedelta(minutes=10)
ID_TOKEN_TYPES = (None, "jwt")
_LONGEST_SUBJECT = 255
MFA_CONTEXTS = ("https://refeds.org/profile/mfa", "http://schemas.openid.net/pape/policies/2007/06/multi-factor")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token has to fit: the pins, the transaction it answers, and what the door asks for.

    `algorithms`: those of the metadata. `access_token`: set when one is used. `max_age_seconds`: how recent the sign-in
    has to be; None where the door does not ask.
    """

    pins: Pinned
    algorithms: tuple[str, ...]
    nonce: str
    now: datetime
    skew_seconds: int = 60
    access_token: str | None = None
    max_age_seconds: int | None = None
    strength: Strength = NOTHING_REQUIRED
    guests: bool = True
    consumer_tenant: bool = False


@dataclass(frozen=True, slots=True)
class IdToken:
    """What is believed of a person once every check passed.

    `subject`: the key of the person together with `issuer`: for Entra the object id, else `sub`. `replay_id`: the token's
    own name, or its hash; `until`: how long it must be remembered.
    """

    issuer: str
    subject: str
    until: datetime
    replay_id: str
    tenant: str | None = None
    sid: str | None = None
    authenticated: datetime | None = None
    session_expiry: datetime | None = None
    strength: tuple[str, ...] = ()
    guest: bool = False
    user_name: str | None = None
    login_hint: str | None = None
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)


def check_id_token(text: str, keys: Sequence[ProviderKey], expected: Expected) -> IdToken:
    """The person a token speaks of. Raises SsoFailed with the first check that fails, in the order of their numbers."""
    token = read_token(text)
    check_header(token, expected.algorithms, ID_TOKEN_TYPES)
    signers = check_signature(token, keys)
    claims, pins = token.claims, expected.pins
    tenant = check_issuer(claims, signers, pins, consumer_tenant=expected.consumer_tenant)
    check_audience(claims, pins)
    _check_party(claims, pins)
    until = _check_times(claims, expected)
    _check_nonce(claims, expected)
    subject = _subject(claims)
    _check_access_token(claims, str(token.header["alg"]), expected)
    authenticated = _check_recency(claims, expected)
    strength = _check_strength(claims, expected)
    if pins.entra:
        subject = entra.check_version(claims)
    guest = pins.entra and entra.is_guest(claims)
    if guest and not expected.guests:
        raise SsoFailed(GUEST, "OID-14")
    return IdToken(
        issuer=str(claims["iss"]),
        subject=subject,
        until=until,
        replay_id=replay_id(token),
        tenant=tenant,
        sid=_text(claims, "sid"),
        authenticated=authenticated,
        session_expiry=_session_expiry(claims, expected.now),
        strength=strength,
        guest=guest,
        user_name=_text(claims, "preferred_username") or _text(claims, "upn"),
        login_hint=_text(claims, "login_hint", 2048),
        claims=claims,
    )


def check_issuer(
    claims: Mapping[str, Any], signers: Sequence[ProviderKey], pins: Pinned, *, consumer_tenant: bool
) -> str | None:
    """The tenant, where tenants mean something. Raises SsoFailed for another issuer (checks OID-4, TEN)."""
    if not pins.entra:
        if claims.get("iss") != pins.issuer:
            raise token_invalid("OID-4", "iss")
        return None
    tenant = entra.check_tenant(claims, pins, consumer_tenant=consumer_tenant)
    entra.check_signers(signers, pins, tenant)
    return tenant


def check_audience(claims: Mapping[str, Any], pins: Pinned) -> None:
    """Raises SsoFailed OID-5 unless the token is meant for us and for nobody beside us."""
    audience = claims.get("aud")
    if audience != pins.client.id and (pins.entra or audience != [pins.client.id]):
        raise token_invalid("OID-5", "aud")


def _check_party(claims: Mapping[str, Any], pins: Pinned) -> None:
    if "azp" in claims and claims["azp"] != pins.client.id:
        raise token_invalid("OID-6", "azp")


def _check_times(claims: Mapping[str, Any], expected: Expected) -> datetime:
    skew = timedelta(seconds=expected.skew_seconds)
    ends, issued, now = moment(claims, "exp", "OID-7"), moment(claims, "iat", "OID-7"), expected.now
    begins = moment(claims, "nbf", "OID-7") if "nbf" in claims else now
    if ends is None or issued is None or begins is None:
        raise token_invalid("OID-7", "exp or iat is missing")
    if not ends > now - skew:
        raise token_invalid("OID-7", "exp")
    if begins > now + skew:
        raise token_invalid("OID-7", "nbf")
    if not now - OLDEST <= issued <= now + skew:
        raise token_invalid("OID-7", "iat")
    return ends + skew


def _check_nonce(claims: Mapping[str, Any], expected: Expected) -> None:
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise token_invalid("OID-8", "nonce")


def _subject(claims: Mapping[str, Any]) -> str:
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= _LONGEST_SUBJECT or "\x00" in subject:
        raise token_invalid("OID-9", "sub")
    return subject


def _check_access_token(claims: Mapping[str, Any], algorithm: str, expected: Expected) -> None:
    if "at_hash" not in claims or expected.access_token is None:
        return
    digest = hashlib.sha512 if algorithm == "EdDSA" else hashlib.sha256
    whole = digest(expected.access_token.encode()).digest()
    right = base64.urlsafe_b64encode(whole[: len(whole) // 2]).rstrip(b"=").decode()
    if claims["at_hash"] != right:
        raise token_invalid("OID-10", "at_hash")


def _check_recency(claims: Mapping[str, Any], expected: Expected) -> datetime | None:
    authenticated = moment(claims, "auth_time", "OID-11")
    if expected.max_age_seconds is None:
        return authenticated
    limit = timedelta(seconds=expected.max_age_seconds + expected.skew_seconds)
    if authenticated is None or expected.now - authenticated > limit:
        raise SsoFailed(STEP_UP_UNMET, "OID-11")
    return authenticated


def _check_strength(claims: Mapping[str, Any], expected: Expected) -> tuple[str, ...]:
    """What the token shows of how the person signed in; absent means not shown (check OID-12)."""
    shown = {value for name in ("acr", "amr", "acrs") for value in _list(claims.get(name))}
    required = expected.strength
    factors = required.mfa and ("mfa" in shown or not shown.isdisjoint(MFA_CONTEXTS))
    if required and not factors and shown.isdisjoint(required.values):
        raise SsoFailed(STEP_UP_UNMET, "OID-12")
    return tuple(sorted(shown))


def _session_expiry(claims: Mapping[str, Any], now: datetime) -> datetime | None:
    ends = moment(claims, "session_expiry", "OID-15")
    if ends is not None and ends <= now:
        raise token_invalid("OID-15", "session_expiry")
    return ends


def replay_id(token: SignedToken) -> str:
    """What a token is remembered by (check OID-16): its own name where it has one, else its hash."""
    for name in ("jti", "uti"):
        value = token.claims.get(name)
        if isinstance(value, str) and value:
            return f"{name} {hashlib.sha256(value.encode()).hexdigest()}"
    return f"hash {token.hash}"


def moment(claims: Mapping[str, Any], name: str, check: str) -> datetime | None:
    """A time in seconds since 1970; None where it is missing. Raises SsoFailed with `check` when it is no such number."""
    value = claims.get(name)
    if value is None and name not in claims:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise token_invalid(check, name)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise token_invalid(check, name) from None


def _list(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _text(claims: Mapping[str, Any], name: str, longest: int = 255) -> str | None:
    value = claims.get(name)
    return value if isinstance(value, str) and 0 < len(value) <= longest and value.isprintable() else None
