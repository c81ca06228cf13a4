"""System for Cross-domain Identity Management by its page: pending until Save, shown once, overlap, revocation."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.organisations import credentials
from tests.browser import Browser
from tests.scim_http.asgi import AsgiClient
from tests.workspaces.pages.site import BASE, Site

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = "/settings/provisioning"
PREPARE = f"{HERE}/token"


@pytest.fixture
async def off(site: Site) -> Site:
    """An organisation that is not synchronised, as a new one is."""
    await site.world.synchronise(False)
    return site


async def prepared(browser: Browser) -> str:
    """Tick the box (or press *New token*): the Secret Token that the page shows."""
    await browser.get(HERE)
    form = browser.form(HERE).values
    reply = await browser.post(PREPARE, form)
    assert reply.status == 200, browser.text
    found = re.search(r'id="secret-token" value="(rcs_\w+)"', reply.content.decode())
    assert found is not None
    return found[1]


async def saved(browser: Browser, **typed: str) -> None:
    reply = await browser.submit(HERE, **({"enabled": "true"} | typed))
    assert reply.status == 303, browser.text


async def asked(site: Site, browser: Browser, token: str, network: str = "192.0.2.1") -> int:
    """The status of a connection test with a token: a filter for a user name that nobody has."""
    await browser.get(HERE)
    page = browser.page.content.decode() if browser.page else ""
    found = re.search(r'id="tenant-url" value="([^"]+)"', page)
    assert found is not None
    client = AsgiClient(site.app, token=token, network=network)
    path = f'{found[1].removeprefix(BASE)}/Users?filter=userName+eq+"nobody"'
    return (await client("GET", path)).status


async def actions(site: Site) -> list[str]:
    found = await site.db.read(read_audit, AuditQuery())
    return [each.what.action for each in reversed(found) if each.what.action.startswith("scim.")]


async def test_the_page_has_the_tutorials_words(off: Site) -> None:
    _, browser = await off.main_user()
    await browser.get(HERE)

    for words in ("Enable user synchronization", "Tenant URL", "Secret Token", "Save"):
        assert words in browser.text


async def test_a_token_is_shown_once_and_valid_from_the_save_on(off: Site) -> None:
    """Example 1: tick, copy, Save, connection test."""
    _, browser = await off.main_user()
    token = await prepared(browser)
    form = browser.form(HERE)
    assert await asked_without_page(off, token) == 401
    await browser.post(HERE, form.values | {"enabled": "true"}, origin=BASE)

    assert await asked(off, browser, token) == 200
    assert token not in (browser.page.content.decode() if browser.page else "")
    assert f"rcs_…{token[-4:]}" in browser.text
    assert sorted(await actions(off)) == ["scim.enabled", "scim.token.activated", "scim.token.created"]


async def asked_without_page(site: Site, token: str) -> int:
    key = await site.parts.database.tenant(site.db.tenant).read(organisation_key)
    return (await AsgiClient(site.app, token=token)("GET", f"/scim/v2/{key}/Users?count=0")).status


async def organisation_key(tx: object) -> str:
    return str(await tx.value("select key from workspaces.organisations"))  # type: ignore[attr-defined]


async def test_leaving_without_save_discards_the_token(off: Site) -> None:
    _, browser = await off.main_user()
    await prepared(browser)
    late = browser.form(HERE).values | {"enabled": "true"}
    await browser.get(HERE)

    reply = await browser.post(HERE, late)

    assert (reply.status, "waited too long, or was replaced" in browser.text) == (422, True)
    assert await off.db.read(credentials) == []
    assert not (await off.db.read(organisation_is_on))


async def organisation_is_on(tx: object) -> bool:
    return bool(await tx.value("select synchronization from workspaces.organisations"))  # type: ignore[attr-defined]


async def test_a_token_that_another_browser_prepared_is_not_made_valid(off: Site) -> None:
    _, mine = await off.main_user()
    _, other = await off.main_user("Max")
    await prepared(mine)
    credential = mine.form(HERE).values["credential"]
    await other.get(HERE)

    reply = await other.submit(HERE, enabled="true", credential=credential)

    assert reply.status == 422
    assert await off.db.read(credentials) == []


@pytest.mark.parametrize(("overlap", "after"), [("0", 401), ("7", 200), ("until_revoked", 200)])
async def test_the_token_before_it_works_for_the_overlap(off: Site, overlap: str, after: int) -> None:
    """Example 15."""
    _, browser = await off.main_user()
    first = await prepared(browser)
    await saved(browser)
    second = await prepared(browser)
    await saved(browser, overlap=overlap)

    assert (await asked(off, browser, first), await asked(off, browser, second)) == (after, 200)
    live = [
        each for each in await off.db.read(credentials) if each.is_live(off.world.runtime.now() + timedelta(days=8))
    ]
    assert len(live) == (2 if overlap == "until_revoked" else 1)


async def test_two_at_most_are_live(off: Site) -> None:
    _, browser = await off.main_user()
    for _ in range(2):
        await prepared(browser)
        await saved(browser, overlap="until_revoked")
    await browser.get(HERE)

    reply = await browser.post(PREPARE, browser.form(HERE).values)

    assert (reply.status, "Two Secret Tokens are live" in browser.text) == (409, True)


async def test_a_revoked_token_opens_nothing(off: Site) -> None:
    _, browser = await off.main_user()
    token = await prepared(browser)
    await saved(browser)
    await browser.get(HERE)
    (credential,) = await off.db.read(credentials)
    await browser.submit(f"{HERE}/token/{credential.id}/revoke")

    assert await asked(off, browser, token) == 401
    assert (await actions(off))[-1] == "scim.token.revoked"


async def test_switched_off_it_says_so_and_on_again_the_token_works(off: Site) -> None:
    """Example 19."""
    _, browser = await off.main_user()
    token = await prepared(browser)
    await saved(browser)
    await browser.get(HERE)
    await saved(browser, enabled="")
    assert await asked(off, browser, token) == 403
    await browser.get(HERE)
    await saved(browser)

    assert await asked(off, browser, token) == 200
    assert (await actions(off))[-2:] == ["scim.disabled", "scim.enabled"]


async def test_calls_from_other_networks_are_refused(off: Site) -> None:
    _, browser = await off.main_user()
    token = await prepared(browser)
    await saved(browser, networks="192.0.2.0/24, 2001:db8::1")

    found = [await asked(off, browser, token, each) for each in ("192.0.2.9", "::ffff:192.0.2.9", "198.51.100.1", "")]
    assert found == [200, 200, 403, 403]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"networks": "example.com"}, "is no address or network"),
        ({"expires": "2020-01-01"}, "must expire in the future"),
        ({"expires": "soon"}, "is no date"),
        ({"overlap": "91"}, "from 0 to 90"),
    ],
)
async def test_wrong_input_stores_nothing(off: Site, typed: dict[str, str], words: str) -> None:
    _, browser = await off.main_user()
    await prepared(browser)
    reply = await browser.submit(HERE, enabled="true", **typed)

    assert (reply.status, words in browser.text) == (422, True), browser.text
    assert await off.db.read(credentials) == []


async def test_the_second_of_two_saves_is_stale(off: Site) -> None:
    _, browser = await off.main_user()
    await browser.get(HERE)
    stale = browser.form(HERE).values
    await saved(browser, networks="192.0.2.0/24")

    reply = await browser.post(HERE, stale | {"enabled": ""})

    assert (reply.status, "192.0.2.0/24" in browser.text, "any" in browser.text) == (409, True, True)


async def test_activity_names_groups_that_settings_wait_for(off: Site) -> None:
    await off.world.group("Known", external_id="known")
    await off.world.dashboard(group_ids=["known", "awaited"])
    _, browser = await off.main_user()
    await browser.get(HERE)

    assert "awaited Main User Dashboard" in browser.text
