"""Whom a SAML answer speaks of: the person's key, groups, strength, and what a new user would be called (checks ASR-9, GRP-5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rollcall.workspaces.sso.configuration import SsoConfiguration, Strength
from rollcall.workspaces.sso.entra import guid
from rollcall.workspaces.sso.failure import GUEST, STEP_UP_UNMET, TENANT, SsoFailed, token_invalid
from rollcall.workspaces.sso.groups_claim import Listed, Missing, listed
from rollcall.workspaces.sso.saml_response import EMAIL_FORMAT, SamlAnswer
from rollcall.workspaces.sso.who import Subject

OBJECT_ID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
TENANT_ID = "http://schemas.microsoft.com/identity/claims/tenantid"
IDENTITY_PROVIDER = "http://schemas.microsoft.com/identity/claims/identityprovider"
METHODS = "http://schemas.microsoft.com/claims/authnmethodsreferences"
GROUPS_LINK = "http://schemas.microsoft.com/claims/groups.link"
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
_UNSPECIFIED = ("", "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified")
_NAMES: Mapping[str, tuple[str, ...]] = {
    "preferred_username": (f"{_CLAIMS}name", f"{_CLAIMS}upn", "uid", "urn:oid:0.9.2342.19200300.100.1.1"),
    "name": (
        "http://schemas.microsoft.com/identity/claims/displayname",
        "displayName",
        "urn:oid:2.16.840.1.113730.3.1.241",
        "cn",
        "urn:oid:2.5.4.3",
    ),
    "given_name": (f"{_CLAIMS}givenname", "givenName", "urn:oid:2.5.4.42"),
    "family_name": (f"{_CLAIMS}surname", "sn", "surname", "urn:oid:2.5.4.4"),
    "email": (f"{_CLAIMS}emailaddress", "mail", "email", "urn:oid:0.9.2342.19200300.100.1.3"),
}
_SEVERAL_FACTORS = frozenset(
    {
        "http://schemas.microsoft.com/claims/multipleauthn",
        "https://refeds.org/profile/mfa",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:MobileTwoFactorContract",
        "urn:oasis:names:tc:SAML:2.0:ac:classes:TimeSyncToken",
    }
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the door asks of a sign-in: recency, strength, and whether guests may come."""

    strength: Strength
    max_age_seconds: int | None
    guests: bool
    now: datetime


def subject_of(answer: SamlAnswer, configuration: SsoConfiguration) -> Subject:
    """The person's key. Raises SsoFailed `tenant_not_allowed` for a tenant that is not the configured one.

    With Entra's object id and tenant id it is those two, whatever the NameID; the issuer then names the tenant too, so
    that the same object id in another tenant is another person (check TEN-6).
    """
    tenant, person = guid(answer.first(TENANT_ID)), guid(answer.first(OBJECT_ID))
    if configuration.tenants and tenant not in configuration.tenants:
        raise SsoFailed(TENANT, "TEN-1", tenant or "no tenant")
    name = answer.sent_name
    has_form = name.format == EMAIL_FORMAT or name.format in _UNSPECIFIED
    user_name = name.value if has_form and "@" in name.value else None
    if tenant is not None and person is not None:
        issuer = answer.issuer if tenant in answer.issuer.lower() else f"{answer.issuer} {tenant}"
        return Subject(issuer, person, user_name, object_id=True)
    return Subject(answer.issuer, answer.name_id, user_name)


def saml_groups(attributes: Mapping[str, tuple[str, ...]], name: str) -> Listed | Missing:
    """The groups in the attribute `name`. A link in their place means that there are too many (checks GRP-5, GRP-8).

    The link is not even read: it would be an address chosen by the content of an answer (check GRP-10).
    """
    if GROUPS_LINK in attributes:
        return Missing.OVERAGE
    return listed(attributes[name]) if name in attributes else Missing.ABSENT


def check_wanted(answer: SamlAnswer, wanted: Wanted, skew: timedelta) -> tuple[tuple[str, ...], bool]:
    """What the answer shows of how the person signed in, and whether they are a guest. Raises SsoFailed (checks ASR-9, OID-14)."""
    if answer.authenticated_at > wanted.now + skew:
        raise token_invalid("ASR-9", "the sign-in is in the future")
    if wanted.max_age_seconds is not None:
        oldest = wanted.now - timedelta(seconds=wanted.max_age_seconds) - skew
        if answer.authenticated_at < oldest:
            raise SsoFailed(STEP_UP_UNMET, "ASR-9", "the sign-in is too long ago")
    shown = set(answer.attributes.get(METHODS, ()))
    if answer.context_class:
        shown.add(answer.context_class)
    several = wanted.strength.mfa and not shown.isdisjoint(_SEVERAL_FACTORS)
    if wanted.strength and not several and shown.isdisjoint(wanted.strength.values):
        raise SsoFailed(STEP_UP_UNMET, "ASR-9", "the sign-in is not as strong as required")
    guest = is_guest(answer)
    if guest and not wanted.guests:
        raise SsoFailed(GUEST, "OID-14")
    return tuple(sorted(shown)), guest


def is_guest(answer: SamlAnswer) -> bool:
    """Whether the account is a guest in its tenant, as Entra tells it (check OID-14)."""
    home = answer.first(IDENTITY_PROVIDER)
    names = (answer.sent_name.value, answer.first(f"{_CLAIMS}name") or "", answer.first(f"{_CLAIMS}upn") or "")
    return (home is not None and home != answer.issuer) or any("#ext#" in each.lower() for each in names)


def claims_of(answer: SamlAnswer, subject: Subject) -> dict[str, Any]:
    """What a new user would be called, by the names that OpenID Connect has for it; nothing in it decides."""
    claims = {"iss": answer.issuer, "sub": subject.key}
    for claim, attributes in _NAMES.items():
        if value := answer.first(*attributes):
            claims[claim] = value
    if subject.user_name is not None:
        claims.setdefault("preferred_username", subject.user_name)
    return claims
