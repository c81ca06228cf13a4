"""Entra's own rules: a token is read inside its tenant, and its key must belong to that tenant (checks TEN)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from rollcall.workspaces.sso.configuration import CONSUMER_TENANT, Pinned, issuer_of
from rollcall.workspaces.sso.failure import TENANT, SsoFailed, token_invalid
from rollcall.workspaces.sso.provider_keys import ProviderKey

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TEMPLATE = re.compile(r"\{tenantid\}", re.IGNORECASE)
VERSION = "2.0"


def guid(value: object) -> str | None:
    """An id as Entra writes it, in small letters; None for anything else."""
    folded = value.lower() if isinstance(value, str) else ""
    return folded if _GUID.fullmatch(folded) else None


def check_tenant(claims: Mapping[str, Any], pins: Pinned, *, consumer_tenant: bool) -> str:
    """The tenant a token belongs to. Raises SsoFailed: `tenant_not_allowed`, or TEN-1 for an issuer that is not its own."""
    tenant = guid(claims.get("tid"))
    if tenant is None:
        raise token_invalid("TEN-1", "tid")
    if tenant == CONSUMER_TENANT and not consumer_tenant:
        raise SsoFailed(TENANT, "TEN-4", tenant)
    if tenant not in pins.tenants:
        raise SsoFailed(TENANT, "TEN-1", tenant)
    if claims.get("iss") != issuer_of(pins, tenant):
        raise token_invalid("TEN-1", "iss")
    return tenant


def check_signers(signers: Sequence[ProviderKey], pins: Pinned, tenant: str) -> None:
    """Raises SsoFailed TEN-3 unless one of the keys that fit signs for this tenant (check KEY-4)."""
    if not any(_signs_for(each, pins, tenant) for each in signers):
        raise token_invalid("TEN-3", "a key of another tenant")


def _signs_for(key: ProviderKey, pins: Pinned, tenant: str) -> bool:
    if key.issuer is None:
        return not pins.many_tenants
    return _TEMPLATE.sub(lambda _: tenant, key.issuer) == issuer_of(pins, tenant)


def check_version(claims: Mapping[str, Any]) -> str:
    """The object id of the person. Raises SsoFailed OID-13 for another version of token, or without ids."""
    person = guid(claims.get("oid"))
    if claims.get("ver") != VERSION or guid(claims.get("tid")) is None or person is None:
        raise token_invalid("OID-13", "ver, tid or oid")
    return person


def is_guest(claims: Mapping[str, Any]) -> bool:
    """Whether the account is a guest in its tenant (check OID-14)."""
    home = claims.get("idp")
    names = (claims.get(name) for name in ("upn", "preferred_username", "unique_name"))
    return (
        claims.get("acct") in (1, "1")
        or (home is not None and home != claims.get("iss"))
        or any(isinstance(name, str) and "#ext#" in name.lower() for name in names)
    )


def consent_address(authority: str, tenant: str | None, client_id: str, redirect_uri: str, state: str) -> str:
    """Where an administrator of a tenant approves the application (check TEN-7); coming back signs nobody in."""
    question = urlencode({"client_id": client_id, "redirect_uri": redirect_uri, "state": state})
    return f"{authority}/{tenant or 'organizations'}/adminconsent?{question}"
