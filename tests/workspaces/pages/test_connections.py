"""Single sign-on by its pages: the tutorial's words, what bad input gets, and what is shown afterwards."""

from __future__ import annotations

from uuid import UUID

import pytest

from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.pages.connections import ASKED_AT_MOST
from rollcall.workspaces.settings.connection_store import configurations
from rollcall.workspaces.sso.configuration import CONSUMER_TENANT, SsoConfiguration
from tests.browser import Browser
from tests.workspaces.pages.site import SEALER, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = "/settings/single-sign-on"
TENANT = "0f1e2d3c-0000-4000-8000-5b6a79880000"
ENTRA = {"name": "Entra", "tenant_ids": TENANT, "client_id": "app", "client_secret": "a-secret-nobody-guesses"}


async def kept(site: Site) -> list[SsoConfiguration]:
    """The configurations beside the one that the world begins with."""
    found = await site.db.read(configurations, SEALER)
    return [each.configuration for each in found if each.configuration.name != "Acme"]


async def added(site: Site, browser: Browser, **typed: str) -> UUID:
    """A configuration of Microsoft Entra ID, added by its dialog."""
    await browser.get(f"{HERE}/new/entra")
    reply = await browser.submit(f"{HERE}/new/entra", **(ENTRA | typed))
    assert reply.status == 303, browser.text
    return UUID(reply.headers["location"].removeprefix(f"{HERE}/").partition("?")[0])


async def codes(site: Site) -> list[str]:
    found = await site.db.read(read_audit, AuditQuery())
    return [each.what.action for each in found if each.what.action.startswith("sso_config.")]


async def test_the_list_has_the_tutorials_words(site: Site) -> None:
    _, browser = await site.main_user()
    await browser.get(HERE)

    for words in ("Single sign-on", "Add SSO configuration", "Microsoft Entra ID (Multi-Tenant)", "OpenID Connect"):
        assert words in browser.text


async def test_a_dialog_saves_with_ok_and_shows_what_to_copy(site: Site) -> None:
    _, browser = await site.main_user()
    await browser.get(f"{HERE}/new/entra")
    assert "OK" in browser.text
    assert "Microsoft Entra tenant ID" in browser.text

    identifier = await added(site, browser)
    await browser.get(f"{HERE}/{identifier}")

    page = (browser.page.content if browser.page else b"").decode()
    for path in ("callback", "frontchannel-logout", "backchannel-logout", "start"):
        assert f"https://rooms.example.com/sso/{identifier}/{path}" in page
    assert ENTRA["client_secret"] not in page
    assert "ends with sses" in page
    assert [each.tenants for each in await kept(site)] == [(TENANT,)]
    assert await codes(site) == ["sso_config.created"]


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        pytest.param("tenant_ids", "contoso.com", "is a domain name", id="tenant_id_invalid-domain"),
        pytest.param("tenant_ids", "common", "means any tenant", id="tenant_id_invalid-reserved"),
        pytest.param("tenant_ids", CONSUMER_TENANT, "personal accounts", id="tenant_id_invalid-consumer"),
        pytest.param("tenant_ids", "", "tenant ID is missing", id="required-tenant"),
        pytest.param("name", "n" * 101, "100 are the most", id="too_long-name"),
        pytest.param("client_id", "", "client ID is missing", id="required-client"),
        pytest.param("client_secret", "", "secret or key is missing", id="required-secret"),
    ],
)
async def test_wrong_input_is_told_at_the_field_and_nothing_is_stored(
    site: Site, field: str, value: str, words: str
) -> None:
    _, browser = await site.main_user()
    await browser.get(f"{HERE}/new/entra")
    reply = await browser.submit(f"{HERE}/new/entra", **(ENTRA | {field: value}))

    assert reply.status == 422
    assert words in browser.text
    assert f'href="#{field}"' in reply.content.decode()
    assert ENTRA["client_secret"] not in reply.content.decode()
    assert await kept(site) == []


async def test_a_name_that_is_emptied_is_required(site: Site) -> None:
    _, browser = await site.main_user()
    identifier = await added(site, browser)
    await browser.get(f"{HERE}/{identifier}")
    reply = await browser.submit(f"{HERE}/{identifier}", name="")

    assert (reply.status, "The name is missing" in browser.text) == (422, True)


@pytest.mark.parametrize(
    ("issuer", "words"),
    [
        pytest.param("http://login.example.com", "must begin with https", id="issuer_invalid-http"),
        pytest.param("https://login.example.com?a=b", "without query", id="issuer_invalid-query"),
        pytest.param("https://a:b@login.example.com", "without query", id="issuer_invalid-credentials"),
        pytest.param("https://169.254.169.254", "can't be reached from here", id="address_not_allowed"),
        pytest.param("https://login.invalid", "unreachable", id="discovery_failed"),
    ],
)
async def test_an_issuer_is_checked_on_ok(site: Site, issuer: str, words: str) -> None:
    _, browser = await site.main_user()
    await browser.get(f"{HERE}/new/openid_connect")
    reply = await browser.submit(
        f"{HERE}/new/openid_connect", name="Other", issuer=issuer, client_id="app", public_client="true"
    )

    assert (reply.status, words in browser.text) == (422, True), browser.text
    assert await kept(site) == []


async def test_a_taken_name_is_a_conflict(site: Site) -> None:
    _, browser = await site.main_user()
    await added(site, browser)
    await browser.get(f"{HERE}/new/entra")
    reply = await browser.submit(f"{HERE}/new/entra", **(ENTRA | {"name": "entra"}))

    assert (reply.status, "already" in browser.text) == (409, True)


async def test_the_second_of_two_saves_sees_both_values(site: Site) -> None:
    """Example 14."""
    _, browser = await site.main_user()
    identifier = await added(site, browser)
    await browser.get(f"{HERE}/{identifier}")
    stale = browser.form(f"{HERE}/{identifier}").values | {"name": "Second"}
    await browser.submit(f"{HERE}/{identifier}", name="First")

    reply = await browser.post(f"{HERE}/{identifier}", stale)

    assert reply.status == 409
    assert "First" in browser.text
    assert "Second" in browser.text
    assert [each.name for each in await kept(site)] == ["First"]
    await browser.submit(f"{HERE}/{identifier}", name="Second")
    assert [each.name for each in await kept(site)] == ["Second"]


async def test_one_in_use_is_not_deleted_and_says_where(site: Site) -> None:
    _, browser = await site.main_user()
    identifier = await added(site, browser)
    await browser.get(f"{HERE}/{identifier}")
    form = browser.form(f"{HERE}/{identifier}/delete").values
    await site.world.settings(None, configuration_id=identifier)

    reply = await browser.post(f"{HERE}/{identifier}/delete", form)
    assert reply.status == 409
    assert "Workspace default settings" in browser.text

    await site.world.settings(None, configuration_id=None)
    assert (await browser.post(f"{HERE}/{identifier}/delete", form)).status == 303
    assert await kept(site) == []


async def test_it_is_turned_off_and_on(site: Site) -> None:
    _, browser = await site.main_user()
    identifier = await added(site, browser)
    for on in (False, True):
        await browser.get(f"{HERE}/{identifier}")
        await browser.submit(f"{HERE}/{identifier}/turn")
        assert [each.on for each in await kept(site)] == [on]
    assert await codes(site) == ["sso_config.updated", "sso_config.disabled", "sso_config.created"]


async def test_multi_tenant_says_why_it_is_not_offered(site: Site) -> None:
    _, browser = await site.main_user()
    await browser.get(HERE)

    assert "has not registered it" in browser.text
    assert (await browser.get(f"{HERE}/new/entra_multi_tenant")).status == 404


async def test_another_organisations_configuration_is_none(site: Site) -> None:
    """Example 13."""
    _, browser = await site.main_user()
    identifier = await added(site, browser)
    other = site.world
    site.world = await type(other)(site.parts.database.tenant(other.runtime.new_id()), other.runtime).open()
    _, stranger = await site.main_user()

    there, nowhere = await stranger.get(f"{HERE}/{identifier}"), await stranger.get(f"{HERE}/{UUID(int=7)}")
    assert (there.status, nowhere.status) == (404, 404)


@pytest.mark.parametrize(
    ("how", "status"),
    [
        pytest.param("no token", 403, id="forgery_check_failed-token"),
        pytest.param("foreign origin", 403, id="forgery_check_failed-origin"),
        pytest.param("too large", 413, id="too_large"),
    ],
)
async def test_what_is_no_form_of_ours_changes_nothing(site: Site, how: str, status: int) -> None:
    _, browser = await site.main_user()
    await browser.get(f"{HERE}/new/entra")
    form = browser.form(f"{HERE}/new/entra").values | ENTRA
    headers = {"origin": "https://evil.example"} if how == "foreign origin" else {}
    if how == "no token":
        form.pop("anti_forgery")
    if how == "too large":
        form["name"] = "n" * 70_000

    assert (await browser.post(f"{HERE}/new/entra", form, **headers)).status == status
    assert await kept(site) == []


async def test_what_is_no_form_at_all_is_refused(site: Site) -> None:
    """unsupported_media_type"""
    _, browser = await site.main_user()
    cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
    headers = {"cookie": cookie, "content-type": "application/json", "sec-fetch-site": "same-origin"}

    reply = await browser.client("POST", f"{HERE}/new/entra", b"{}", headers)

    assert reply.status == 415
    assert await kept(site) == []


async def test_providers_are_not_asked_without_end(site: Site) -> None:
    """rate_limited"""
    _, browser = await site.main_user()
    await browser.get(f"{HERE}/new/openid_connect")
    form = browser.form(f"{HERE}/new/openid_connect").values | {
        "issuer": "https://login.invalid",
        "client_id": "app",
        "public_client": "true",
    }

    for _ in range(ASKED_AT_MOST.times + 2):
        reply = await browser.post(f"{HERE}/new/openid_connect", form)

    assert reply.status == 429
    assert int(reply.headers["retry-after"]) >= 1


async def test_who_is_no_main_user_sees_nothing(site: Site) -> None:
    browser = await site.signed_in(await site.world.person("Paul"))

    reply = await browser.get(HERE)

    assert reply.status in (403, 404)
    assert "Add SSO configuration" not in browser.text
