"""Entra's own rules, with tokens and keys made by hand (checks TEN)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rollcall.workspaces.sso.configuration import CONSUMER_TENANT, Pinned
from rollcall.workspaces.sso.entra import consent_address, guid
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.id_token import IdToken, check_id_token
from tests.unit.workspaces.sso.forging import (
    ENTRA,
    HOST,
    MANY,
    OTHER_TENANT,
    RSA,
    TENANT,
    entra,
    expected,
    public,
    signed,
)

STRANGER = "33333333-3333-4333-8333-333333333333"
TEMPLATE = f"{HOST}/{{tenantid}}/v2.0"
BOUND = public(RSA, issuer=TEMPLATE)


def of(tenant: str, **claims: Any) -> dict[str, Any]:
    return entra(tid=tenant, iss=f"{HOST}/{tenant}/v2.0", **claims)


def checked(claims: dict[str, Any], pins: Pinned = MANY, keys: Any = BOUND, **more: Any) -> IdToken:
    return check_id_token(signed(claims), keys, expected(pins, **more))


def failure(claims: dict[str, Any], pins: Pinned = MANY, keys: Any = BOUND, **more: Any) -> tuple[str, str | None]:
    with pytest.raises(SsoFailed) as failed:
        checked(claims, pins, keys, **more)
    return failed.value.code, failed.value.check


@pytest.mark.parametrize("tenant", [TENANT, OTHER_TENANT])
def test_each_configured_tenant_may_sign_in(tenant: str) -> None:
    assert checked(of(tenant)).tenant == tenant


@pytest.mark.parametrize("pins", [MANY, ENTRA], ids=["several", "one"])
def test_another_tenant_is_told_which_kind_of_account_is_expected(pins: Pinned) -> None:
    """Checks TEN-1, TEN-5: an honest token of another tenant."""
    assert failure(of(STRANGER), pins) == ("tenant_not_allowed", "TEN-1")
    with pytest.raises(SsoFailed) as failed:
        checked(of(STRANGER), pins)
    assert TENANT not in failed.value.message
    assert failed.value.status == 403


def test_the_issuer_is_that_of_the_tenant_in_the_same_token() -> None:
    """Check TEN-1."""
    assert failure(entra(tid=TENANT, iss=f"{HOST}/{OTHER_TENANT}/v2.0")) == ("sso_token_invalid", "TEN-1")
    assert failure(entra(tid=TENANT, iss=TEMPLATE)) == ("sso_token_invalid", "TEN-1")
    assert failure(entra(tid="organizations", iss=f"{HOST}/organizations/v2.0")) == ("sso_token_invalid", "TEN-1")


@pytest.mark.parametrize(
    ("issuer", "fine"),
    [
        (TEMPLATE, True),
        (f"{HOST}/{{tenantId}}/v2.0", True),
        (f"{HOST}/{TENANT}/v2.0", True),
        (f"{HOST}/{OTHER_TENANT}/v2.0", False),
        (f"{HOST}/{CONSUMER_TENANT}/v2.0", False),
        ("https://evil.example/{tenantid}/v2.0", False),
        (None, False),
    ],
)
def test_a_key_signs_for_its_own_tenants_only(issuer: str | None, fine: bool) -> None:
    """Checks TEN-3, KEY-4."""
    keys = public(RSA, **({"issuer": issuer} if issuer else {}))

    if fine:
        assert checked(of(TENANT), keys=keys).tenant == TENANT
    else:
        assert failure(of(TENANT), keys=keys) == ("sso_token_invalid", "TEN-3")


def test_a_key_without_issuer_is_taken_from_the_tenants_own_metadata_only() -> None:
    """Check TEN-3."""
    assert checked(of(TENANT), ENTRA, public(RSA)).tenant == TENANT
    assert failure(of(TENANT), MANY, public(RSA)) == ("sso_token_invalid", "TEN-3")
    assert failure(of(TENANT), ENTRA, public(RSA, issuer=f"{HOST}/{OTHER_TENANT}/v2.0"))[1] == "TEN-3"


def test_the_consumer_tenant_is_refused_even_when_it_is_configured() -> None:
    """Check TEN-4."""
    pins = replace(MANY, tenants=(*MANY.tenants, CONSUMER_TENANT))

    assert failure(of(CONSUMER_TENANT), pins) == ("tenant_not_allowed", "TEN-4")
    assert checked(of(CONSUMER_TENANT), pins, consumer_tenant=True).tenant == CONSUMER_TENANT


def test_the_same_person_in_another_tenant_is_another_person() -> None:
    """Check TEN-6."""
    here, there = checked(of(TENANT)), checked(of(OTHER_TENANT))

    assert here.subject == there.subject
    assert here.issuer != there.issuer


def test_the_link_for_an_administrators_consent_is_made_by_us() -> None:
    """Check TEN-7."""
    parts = urlsplit(consent_address(HOST, TENANT, "c&d", "https://work.example/x", "s"))

    assert (parts.netloc, parts.path) == ("login.microsoftonline.com", f"/{TENANT}/adminconsent")
    assert parse_qs(parts.query) == {"client_id": ["c&d"], "redirect_uri": ["https://work.example/x"], "state": ["s"]}
    assert "/organizations/adminconsent?" in consent_address(HOST, None, "c", "https://work.example/x", "s")


@pytest.mark.parametrize("value", [None, 5, "", "common", f"{{{TENANT}}}", f"{TENANT}\n", TENANT.replace("-", "")])
def test_only_ids_as_entra_writes_them_are_ids(value: object) -> None:
    assert guid(value) is None
    assert guid(TENANT.upper()) == TENANT
