"""Single sign-on configurations as administrators fill them in: what may stand in each field, for each kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from rollcall.workspaces.group_ids import normal_guid
from rollcall.workspaces.list_entries import read_entries
from rollcall.workspaces.settings.typed import NAME_LENGTH, Typed
from rollcall.workspaces.sso.configuration import (
    CONSUMER_TENANT,
    DEFAULT_SCOPES,
    Client,
    GroupSource,
    Kind,
    MatchBy,
    SsoConfiguration,
    Strength,
)
from rollcall.workspaces.sso.id_token import MFA_CONTEXTS

GROUP_SOURCES = {
    GroupSource.TOKEN_THEN_SCIM.value: "token, then SCIM",
    GroupSource.TOKEN_ONLY.value: "token only",
    GroupSource.SCIM_ONLY.value: "SCIM only",
}
MATCHES = {
    MatchBy.EXTERNAL_ID.value: "the id that provisioning sends (externalId)",
    MatchBy.USER_NAME.value: "user name, in a verified domain",
}
STRENGTHS = {"none": "nothing in particular", "mfa": "several factors (MFA)", "values": "one of the values below"}
MOST_TENANTS = 50
MOST_VALUES = 20
_LEAST_RSA_BITS = 2048
_RESERVED_TENANTS = frozenset({"common", "organizations", "consumers"})
_GUID_HINT = "Use the GUID that the Microsoft Entra admin center shows as tenant ID."
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749 §3.3

AddressCheck = Callable[[str], str | None]
"""Why an address may not be called; None if it may be."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A configuration as it was filled in. `secret_typed`: whether its secret is a new one."""

    configuration: SsoConfiguration
    secret_expires: date | None = None
    secret_typed: bool = False


def read_oidc(
    identifier: UUID,
    kind: Kind,
    values: Mapping[str, str],
    present: SsoConfiguration | None,
    *,
    consumer_tenant: bool = False,
    refused: AddressCheck,
) -> tuple[Draft, Typed]:
    """The configuration that the fields of an Entra or OpenID Connect kind say; of no use while there are faults.

    `present`: the one that is being changed, whose secret stays when none is typed. `consumer_tenant`: whether personal
    accounts may be let in. `refused`: why the issuer's address may not be called.
    """
    typed = Typed(values)
    name = typed.bounded("name", "The name", NAME_LENGTH) or ("" if present else kind.words)
    if not name:
        typed.wrong("name", "required", "The name is missing.")
    client, secret_typed = (None, False) if kind is Kind.ENTRA_MULTI_TENANT else _client(typed, kind, present)
    configuration = SsoConfiguration(
        id=identifier,
        kind=kind,
        name=name,
        on=present.on if present else True,
        tenants=_tenants(typed, kind, consumer_tenant) if kind.is_entra else (),
        client=client,
        issuer=None if kind.is_entra else _issuer(typed, refused),
        scopes=DEFAULT_SCOPES if kind.is_entra else _scopes(typed),
        **read_groups(typed, "groups", lookup=kind.is_entra),
        strength=read_strength(typed),
        **_kept(present),
    )
    if kind.is_entra:
        configuration = replace(
            configuration,
            guests_at_dashboard=typed.is_checked("guests_at_dashboard"),
            guests_at_workspaces=typed.is_checked("guests_at_workspaces"),
            claims_mapping=typed.is_checked("claims_mapping"),
            domain_hint=typed.bounded("domain_hint", "The domain hint") or None,
        )
    else:
        configuration = replace(configuration, untyped_logout_tokens=typed.is_checked("untyped_logout_tokens"))
    return Draft(configuration, read_expiry(typed) if client else None, secret_typed), typed


def _kept(present: SsoConfiguration | None) -> dict[str, Any]:
    """What no field of the page changes."""
    if present is None:
        return {}
    return {"security_groups_only": present.security_groups_only, "skew_seconds": present.skew_seconds}


def read_groups(typed: Typed, claim: str, *, lookup: bool) -> dict[str, Any]:
    """The fields about groups and about who is who, which all kinds have; `claim` is the default of the group claim."""
    return {
        "group_claim": typed.bounded("group_claim", "The group claim") or claim,
        "group_source": GroupSource(typed.one_of("group_source", GROUP_SOURCES, GroupSource.TOKEN_THEN_SCIM)),
        "match_by": MatchBy(typed.one_of("match_by", MATCHES, MatchBy.EXTERNAL_ID)),
        "group_lookup": lookup and typed.is_checked("group_lookup"),
    }


def read_strength(typed: Typed) -> Strength:
    """What every sign-in through the configuration has to show."""
    chosen = typed.one_of("strength", STRENGTHS, "none")
    if chosen != "values":
        return Strength(mfa=chosen == "mfa")
    listed = typed.entries(
        "strength_values",
        read_entries(typed.text("strength_values"), _value, "value_invalid", most=MOST_VALUES, longest=4_000),
    )
    if not listed and not typed.text("strength_values"):
        typed.wrong("strength_values", "required", "The values that a sign-in has to show are missing.")
    return Strength(values=listed)


def read_expiry(typed: Typed) -> date | None:
    """When the client's secret stops working at the provider, if that was said."""
    text = typed.text("secret_expires")
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        typed.wrong("secret_expires", "date_invalid", f"{text[:20]!r} is no date. One looks like 2027-03-31.")
        return None


def normal_tenant(text: str, *, consumer_tenant: bool = False) -> str:
    """An Entra tenant id in small letters without braces. Raises ValueError with what is wrong with it."""
    guid = normal_guid(text)
    if guid == CONSUMER_TENANT and not consumer_tenant:
        raise ValueError(f"is the tenant of personal accounts, which belong to no organisation. {_GUID_HINT}")
    if guid is not None:
        return guid
    if text.lower() in _RESERVED_TENANTS:
        raise ValueError(f"means any tenant, and only your own may sign in. {_GUID_HINT}")
    if "." in text:
        raise ValueError(f"is a domain name, which can move to another tenant. {_GUID_HINT}")
    raise ValueError(f"is no tenant ID. {_GUID_HINT}")


def is_another_provider(before: SsoConfiguration, after: SsoConfiguration) -> bool:
    """Whether sessions that came through `before` are void: tenant, issuer, client ID or certificates changed."""

    def identity(of: SsoConfiguration) -> tuple[object, ...]:
        saml = of.saml and (of.saml.entity_id, frozenset(of.saml.certificates))
        return frozenset(of.tenants), of.issuer, of.client and of.client.id, saml

    return identity(before) != identity(after)


def required_strengths(strength: Strength) -> tuple[str, ...]:
    """What a session has to have shown one of, at every door."""
    return (*strength.values, *(("mfa", *MFA_CONTEXTS) if strength.mfa else ()))


def _tenants(typed: Typed, kind: Kind, consumer_tenant: bool) -> tuple[str, ...]:
    text = typed.text("tenant_ids")
    if not text:
        typed.wrong("tenant_ids", "required", f"The Microsoft Entra tenant ID is missing. {_GUID_HINT}")
    listed = read_entries(
        text,
        lambda each: normal_tenant(each, consumer_tenant=consumer_tenant),
        "tenant_id_invalid",
        most=MOST_TENANTS,
        longest=4_000,
    )
    found = typed.entries("tenant_ids", listed)
    if kind is Kind.ENTRA and len(found) > 1:
        words = Kind.ENTRA_MULTI_TENANT.words
        typed.wrong("tenant_ids", "tenant_id_invalid", f"Here is exactly one tenant; {words} takes several.")
    return found


def _client(typed: Typed, kind: Kind, present: SsoConfiguration | None) -> tuple[Client | None, bool]:
    identifier = typed.required("client_id", "The client ID")
    if any(each.isspace() for each in identifier):
        typed.wrong("client_id", "client_id_invalid", "The client ID has a blank in it. Copy it once more.")
    if kind is Kind.OPENID_CONNECT and typed.is_checked("public_client"):
        return Client(identifier), False
    secret = typed.text("client_secret")
    if not secret:
        kept = present.client if present else None
        if kept is None or (kept.secret is None and kept.key is None):
            typed.wrong("client_secret", "required", "The client secret or key is missing.")
            return Client(identifier), False
        return Client(identifier, kept.secret, kept.key), False
    if len(secret) > 8_000:
        typed.wrong("client_secret", "too_long", "The client secret or key has over 8,000 characters.")
    if secret.startswith(("{", "-----BEGIN")):
        return Client(identifier, key=_private_key(typed, secret)), True
    return Client(identifier, secret), True


def _private_key(typed: Typed, text: str) -> str | None:
    """A private key as JSON Web Key, out of one or out of PEM."""
    try:
        key = import_key(orjson.loads(text)) if text.startswith("{") and not _is_weak_jwk(text) else _read_pem(text)
    except (JoseError, ValueError, TypeError, KeyError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAKey | ECKey | OKPKey) or not key.is_private:
        message = (
            "This is no private key that can be read, or an RSA key below 2,048 bits. "
            "Use a JSON Web Key, or PEM without a passphrase."
        )
        typed.wrong("client_secret", "key_invalid", message)
        return None
    return orjson.dumps(key.as_dict(private=True)).decode()


def _is_weak_jwk(text: str) -> bool:
    modulus = orjson.loads(text).get("n")
    return isinstance(modulus, str) and len(modulus) * 6 < _LEAST_RSA_BITS


def _read_pem(text: str) -> object:
    """A private key out of PEM; None for a weak one and for kinds that sign nothing here."""
    match load_pem_private_key(text.encode(), None):
        case rsa.RSAPrivateKey() as found:
            return import_key(text, "RSA") if found.key_size >= _LEAST_RSA_BITS else None
        case ec.EllipticCurvePrivateKey():
            return import_key(text, "EC")
        case ed25519.Ed25519PrivateKey():
            return import_key(text, "OKP")
        case _:
            return None


def _issuer(typed: Typed, refused: AddressCheck) -> str:
    issuer = typed.required("issuer", "The issuer", 2_000)
    if issuer and (message := _issuer_fault(issuer, refused)):
        typed.wrong("issuer", "issuer_invalid", message)
    elif issuer and (why := refused(issuer)):
        typed.wrong("issuer", "address_not_allowed", f"The issuer can't be reached from here: {why}.")
    return issuer


def _issuer_fault(issuer: str, refused: AddressCheck) -> str | None:
    try:
        parts = urlsplit(issuer)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "The issuer is no address. One looks like https://login.example.com."
    if parts.scheme != "https" and (parts.scheme != "http" or refused(issuer) is not None):
        return "The issuer must begin with https://."
    if not host:
        return "The issuer is no address. One looks like https://login.example.com."
    if parts.username is not None or parts.password is not None or "?" in issuer or "#" in issuer:
        return "The issuer must be an address without query, fragment and credentials."
    return None


def _scopes(typed: Typed) -> tuple[str, ...]:
    text = typed.text("scopes")
    scopes = tuple(dict.fromkeys(text.split())) or DEFAULT_SCOPES
    if len(text) > 1_000:
        typed.wrong("scopes", "too_long", "The scopes have over 1,000 characters.")
    elif "openid" not in scopes:
        typed.wrong("scopes", "scopes_invalid", "The scopes must contain openid.")
    elif bad := [each for each in scopes if not _SCOPE.fullmatch(each)]:
        typed.wrong("scopes", "scopes_invalid", f"{bad[0][:50]!r} is no scope.")
    return scopes


def _value(text: str) -> str:
    if len(text) > 255 or not text.isprintable() or any(each.isspace() for each in text):
        raise ValueError("is no value of acr, amr or an authentication context.")
    return text
