"""What each kind of configuration pins, and nothing beside it."""

from __future__ import annotations

from uuid import UUID

import pytest

from rollcall.workspaces.sso.configuration import (
    Client,
    Installation,
    Kind,
    SsoConfiguration,
    addresses,
    pinned,
)

ID = UUID(int=7)
ONE = "11111111-1111-4111-8111-111111111111"
TWO = "22222222-2222-4222-8222-222222222222"
HERE = Installation("https://work.example/", registration=Client("shared"))


def entra(kind: Kind = Kind.ENTRA_MULTI_TENANT, *tenants: str, claims_mapping: bool = False) -> SsoConfiguration:
    return SsoConfiguration(ID, kind, "Entra", tenants=tenants, client=Client("own"), claims_mapping=claims_mapping)


def test_entra_pins_its_one_tenant_and_the_organisations_own_client() -> None:
    pins = pinned(entra(Kind.ENTRA, ONE), HERE)

    assert pins is not None
    assert pins.issuer == f"https://login.microsoftonline.com/{ONE}/v2.0"
    assert pins.discovery_url == f"https://login.microsoftonline.com/{ONE}/v2.0/.well-known/openid-configuration"
    assert (pins.client.id, pins.tenants, pins.algorithms) == ("own", (ONE,), ("RS256",))


def test_multi_tenant_with_several_tenants_pins_the_template_and_the_installations_client() -> None:
    pins = pinned(entra(Kind.ENTRA_MULTI_TENANT, ONE, TWO), HERE)

    assert pins is not None
    assert pins.issuer == "https://login.microsoftonline.com/{tenantid}/v2.0"
    assert pins.discovery_url.startswith("https://login.microsoftonline.com/organizations/v2.0/")
    assert (pins.client.id, pins.tenants, pins.many_tenants) == ("shared", (ONE, TWO), True)


@pytest.mark.parametrize("tenants", [(ONE,), (ONE, TWO)])
def test_multi_tenant_goes_to_the_tenants_own_authority_where_it_is_one_or_chosen(tenants: tuple[str, ...]) -> None:
    pins = pinned(entra(Kind.ENTRA_MULTI_TENANT, *tenants), HERE, ONE)

    assert pins is not None
    assert pins.issuer == f"https://login.microsoftonline.com/{ONE}/v2.0"
    assert (pins.tenants, pins.many_tenants) == ((ONE,), False)


def test_a_tenant_that_is_not_configured_can_not_be_chosen() -> None:
    assert pinned(entra(Kind.ENTRA_MULTI_TENANT, ONE), HERE, TWO) is None


def test_multi_tenant_needs_the_installations_registration() -> None:
    assert pinned(entra(Kind.ENTRA_MULTI_TENANT, ONE), Installation("https://work.example")) is None


def test_a_registration_with_claims_mapping_asks_for_its_own_keys() -> None:
    """Check KEY-6."""
    pins = pinned(entra(Kind.ENTRA, ONE, claims_mapping=True), HERE)

    assert pins is not None
    assert pins.discovery_url.endswith("/.well-known/openid-configuration?appid=own")


def test_openid_connect_pins_its_issuer_character_by_character() -> None:
    configuration = SsoConfiguration(
        ID, Kind.OPENID_CONNECT, "Ours", issuer="https://id.example/realm/", client=Client("c")
    )
    pins = pinned(configuration, HERE)

    assert pins is not None
    assert pins.issuer == "https://id.example/realm/"
    assert pins.discovery_url == "https://id.example/realm/.well-known/openid-configuration"
    assert not pins.tenants


def test_secrets_of_a_client_are_not_shown() -> None:
    assert "hush" not in repr(Client("c", secret="hush", key="hush"))


def test_each_configuration_has_addresses_of_its_own() -> None:
    assert addresses(HERE, ID).redirect_uri == f"https://work.example/sso/{ID}/callback"
    assert addresses(HERE, ID) != addresses(HERE, UUID(int=8))
