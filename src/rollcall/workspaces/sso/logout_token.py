"""Checks a back-channel logout token; it is never an ID token, nor the other way round (checks BCL)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rollcall.workspaces.sso import entra
from rollcall.workspaces.sso.configuration import Pinned
from rollcall.workspaces.sso.failure import SsoFailed, token_invalid
from rollcall.workspaces.sso.id_token import check_audience, check_issuer, moment, replay_id
from rollcall.workspaces.sso.provider_keys import ProviderKey
from rollcall.workspaces.sso.signed_token import check_header, check_signature, read_token

LARGEST = 16 * 1024
REMEMBERED = timedelta(hours=24)
EVENT = "http://schemas.openid.net/event/backchannel-logout"
_OLDEST = timedelta(minutes=5)
_TYPED = ("logout+jwt",)
_UNTYPED = ("logout+jwt", "jwt", None)


@dataclass(frozen=True, slots=True)
class LogoutToken:
    """Whose sessions end: with `sid` those of it (and of the subject, if given), else all of the subject (check BCL-8).

    `subject` is the `sub` of the token as it stands, which for Entra is not the person's object id.
    """

    issuer: str
    subject: str | None
    sid: str | None
    replay_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class ExpectedLogout:
    """What a logout token has to fit."""

    pins: Pinned
    algorithms: tuple[str, ...]
    now: datetime
    skew_seconds: int = 60
    untyped: bool = False
    consumer_tenant: bool = False


def check_logout_token(text: str, keys: Sequence[ProviderKey], expected: ExpectedLogout) -> LogoutToken:
    """Whose sessions a logout token ends (OpenID Connect Back-Channel Logout §2.6). Raises SsoFailed with the check."""
    if len(text) > LARGEST:
        raise token_invalid("BCL-1", "too large")
    token = read_token(text, LARGEST)
    try:
        check_header(token, expected.algorithms, _UNTYPED if expected.untyped else _TYPED)
        signers = check_signature(token, keys)
    except SsoFailed as failed:
        raise token_invalid("BCL-2", f"{failed.check} {failed.noted}") from None
    claims = token.claims
    try:
        check_issuer(claims, signers, expected.pins, consumer_tenant=expected.consumer_tenant)
        check_audience(claims, expected.pins)
    except SsoFailed as failed:
        raise token_invalid("BCL-3", f"{failed.check} {failed.noted}") from None
    _check_times(claims, expected)
    _check_event(claims)
    subject, sid = _named(claims, "sub"), _named(claims, "sid")
    if subject is None and sid is None:
        raise token_invalid("BCL-5", "neither sub nor sid")
    if "nonce" in claims:
        raise token_invalid("BCL-6", "nonce")
    jti = claims.get("jti")
    if not isinstance(jti, str) or not jti:
        raise token_invalid("BCL-7", "jti is missing")
    if expected.pins.entra:
        subject = entra.guid(claims.get("oid")) or subject
    return LogoutToken(str(claims["iss"]), subject, sid, replay_id(token), expected.now + REMEMBERED)


def _check_times(claims: Mapping[str, Any], expected: ExpectedLogout) -> None:
    skew = timedelta(seconds=expected.skew_seconds)
    issued, ends = moment(claims, "iat", "BCL-3"), moment(claims, "exp", "BCL-3")
    if issued is None or ends is None:
        raise token_invalid("BCL-3", "iat or exp is missing")
    if not expected.now - _OLDEST <= issued <= expected.now + skew or not ends > expected.now - skew:
        raise token_invalid("BCL-3", "iat or exp")


def _check_event(claims: Mapping[str, Any]) -> None:
    events = claims.get("events")
    if not isinstance(events, dict) or not isinstance(events.get(EVENT), dict):
        raise token_invalid("BCL-4", "events")


def _named(claims: Mapping[str, Any], name: str) -> str | None:
    if name not in claims:
        return None
    value = claims[name]
    if not isinstance(value, str) or not value or "\x00" in value:
        raise token_invalid("BCL-5", name)
    return value
