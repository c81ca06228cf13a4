"""The dialogs of SAML 2.0 and Microsoft Entra ID (Multi-Tenant): what they take, what they refuse, what they show."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollcall.config import EntraSettings
from rollcall.main.serving import workspaces_app
from rollcall.workspaces.settings.connection_store import configurations
from rollcall.workspaces.sso.configuration import Kind, SsoConfiguration
from tests.browser import Browser
from tests.scim_http.asgi import AsgiClient
from tests.unit.workspaces.sso.saml_making import signer
from tests.unit.workspaces.sso.test_saml_metadata import entity
from tests.workspaces.pages.site import SEALER, Site

NEW = "/settings/single-sign-on/new"
TENANT = "0f1e2d3c-0000-4000-8000-5b6a79880000"
BY_HAND = {"entity_id": "urn:idp", "sso_url": "https://idp.example.com/sso", "certificates": signer().certificate}


async def kept(site: Site) -> list[SsoConfiguration]:
    """The configurations beside the one that the world begins with."""
    found = await site.db.read(configurations, SEALER)
    return [each.configuration for each in found if each.configuration.name != "Acme"]


async def ok(browser: Browser, kind: str, **typed: str) -> int:
    await browser.get(f"{NEW}/{kind}")
    return (await browser.submit(f"{NEW}/{kind}", **typed)).status


@pytest.mark.parametrize("how", ["by hand", "metadata"])
async def test_a_saml_provider_is_added_and_shows_what_to_copy(site: Site, how: str) -> None:
    _, browser = await site.main_user()
    typed = BY_HAND if how == "by hand" else {"metadata": entity()}

    assert await ok(browser, "saml", **typed) == 303, browser.text
    (made,) = await kept(site)
    page = (await browser.get(f"/settings/single-sign-on/{made.id}")).content.decode()

    assert made.saml is not None
    assert made.saml.certificates == (signer().certificate,)
    for path in ("acs", "slo", "metadata"):
        assert f"https://rooms.example.com/sso/{made.id}/{path}" in page


async def test_a_saml_provider_is_changed_without_its_metadata(site: Site) -> None:
    _, browser = await site.main_user()
    await ok(browser, "saml", metadata=entity())
    (before,) = await kept(site)
    here = f"/settings/single-sign-on/{before.id}"
    await browser.get(here)
    typed = {"certificates": signer().certificate, "name": "Renamed"}
    assert (await browser.submit(here, **typed)).status == 303, browser.text

    (after,) = await kept(site)
    assert (after.name, after.saml) == ("Renamed", before.saml)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        pytest.param({"metadata": "no xml"}, "not_xml", id="metadata_invalid-not_xml"),
        pytest.param({"metadata": "<!DOCTYPE a><a/>"}, "document_type", id="metadata_invalid-document_type"),
        pytest.param({"metadata": "<a/>"}, "no_provider", id="metadata_invalid-no_provider"),
        pytest.param(BY_HAND | {"certificates": "AAAA"}, "certificate", id="metadata_invalid-no_certificate"),
        pytest.param(
            BY_HAND | {"certificates": signer("weak", bits=1024).certificate},
            "weak_key",
            id="metadata_invalid-weak_key",
        ),
        pytest.param(
            BY_HAND | {"certificates": signer("old", expired=True).certificate}, "expired", id="certificate_expired"
        ),
        pytest.param({}, "Write the provider's entity ID", id="required"),
        pytest.param(BY_HAND | {"sso_url": "https://10.0.0.1"}, "can't be used", id="address_not_allowed"),
        pytest.param({"metadata_url": "https://10.0.0.1/metadata"}, "can't be reached", id="address_not_allowed-url"),
        pytest.param({"metadata_url": "https://idp.invalid/m"}, "unreachable", id="metadata_invalid-unreachable"),
    ],
)
async def test_wrong_saml_input_stores_nothing(site: Site, typed: dict[str, str], words: str) -> None:
    _, browser = await site.main_user()

    assert await ok(browser, "saml", **typed) == 422
    assert words in browser.text
    assert await kept(site) == []


async def test_an_expired_certificate_is_taken_with_the_tick(site: Site) -> None:
    _, browser = await site.main_user()
    old = BY_HAND | {"certificates": signer("old", expired=True).certificate, "expired_certificates": "true"}

    assert await ok(browser, "saml", **old) == 303, browser.text


async def test_multi_tenant_needs_nothing_but_tenant_ids(site: Site) -> None:
    """Example 1, its first step."""
    entra = EntraSettings(client_id="the-installation", client_secret="secret-of-the-installation")
    parts = replace(site.parts, config=replace(site.parts.config, entra=entra))
    site.client = AsgiClient(workspaces_app(parts), token=None)
    _, browser = await site.main_user()

    assert await ok(browser, "entra_multi_tenant", tenant_ids=TENANT) == 303, browser.text
    (made,) = await kept(site)
    assert (made.kind, made.name, made.tenants) == (
        Kind.ENTRA_MULTI_TENANT,
        "Microsoft Entra ID (Multi-Tenant)",
        (TENANT,),
    )
    assert (await browser.get(f"/settings/single-sign-on/{made.id}")).status == 200


async def test_one_that_the_installation_can_not_use_any_more_is_still_shown(site: Site) -> None:
    """Multi-Tenant, after the operator took the registration away."""
    await test_multi_tenant_needs_nothing_but_tenant_ids(site)
    site.client = AsgiClient(site.app, token=None)
    _, browser = await site.main_user("Max")
    (made,) = await kept(site)
    here = f"/settings/single-sign-on/{made.id}"

    assert (await browser.get(here)).status == 200
    assert (await browser.submit(f"{here}/test")).status == 400
