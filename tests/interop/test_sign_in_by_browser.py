"""A person signs in, sets up an authenticator app and signs out by clicking, in a real Chromium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlencode, urlsplit

import pyotp
import pytest_asyncio
from playwright.async_api import Page, Route

from rollcall.db import Database
from rollcall.directory.signin import registrations
from rollcall.directory.signin.proving import Claimed
from rollcall.directory.signin.tokens import challenge_of
from tests.chromium import Window, window
from tests.directory.signin.world import VERIFIER
from tests.interop.identity_site import PASSWORD, Site, identity_site

ELSEWHERE = "http://127.0.0.1:9"
CALLBACK, AFTER, FRAME = f"{ELSEWHERE}/callback", f"{ELSEWHERE}/bye", f"{ELSEWHERE}/frontchannel"
NEW_PASSWORD = "eight quite unrelated words"


@pytest_asyncio.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with identity_site(database, redirect_uris=(CALLBACK,), post_logout_redirect_uris=(AFTER,)) as site:
        yield site


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[Window]:
    async with window() as opened:
        yield opened


async def application_at(page: Page) -> list[str]:
    """Stand in for the application: whatever is asked of its address is answered, and kept."""
    asked: list[str] = []

    async def answer(route: Route) -> None:
        asked.append(route.request.url)
        await route.fulfill(status=200, content_type="text/html", body="<title>The application</title>")

    await page.context.route(f"{ELSEWHERE}/**", answer)
    return asked


def entry(site: Site, **more: str) -> str:
    """Where the application sends people."""
    params = {
        "client_id": str(site.world.registration.app_id),
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile",
        "state": "the state",
        "nonce": "the nonce",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    return f"{site.url}/{site.world.tenant_id}/oauth2/v2.0/authorize?{urlencode(params | more)}"


async def type_password(page: Page, password: str = PASSWORD) -> None:
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def test_a_link_a_password_an_authenticator_app_and_a_way_out(site: Site, browser: Window) -> None:
    """All by clicking, at both widths and in both themes, with nothing refused by the policy (checks C17, OPR-8)."""
    page, world = browser.page, site.world
    asked = await application_at(page)
    await world.db.write(registrations.change_registration, world.registration.app_id, {"logout_url": FRAME})

    await set_password(browser, site.url + await world.proving.invite(world.tenant_id, world.person))
    await type_password(page, "not this one")
    await page.get_by_text("The address or the password is not right").wait_for()
    await browser.fits()
    await type_password(page, NEW_PASSWORD)
    await page.get_by_role("heading", name="Security").wait_for()
    await browser.fits()
    codes = await enrol(browser)

    await page.goto(entry(site, prompt="login"))
    await type_password(page, NEW_PASSWORD)
    await page.get_by_role("heading", name="Enter a code").wait_for()
    await browser.fits()
    await page.get_by_role("button", name="Use a recovery code instead").click()
    await page.get_by_label("Recovery code").fill(codes[0].upper())
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(f"{CALLBACK}?*")
    back = {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}
    tokens = (await world.redeem(back["code"], redirect_uri=CALLBACK)).json
    claims = await world.claims(tokens["id_token"])
    assert claims["amr"] == ["pwd", "otp", "mfa"]

    await page.goto(entry(site, prompt="select_account"))
    await page.get_by_role("button", name="Continue as").wait_for()
    await browser.fits()
    await page.get_by_role("button", name="Continue as").click()
    await page.wait_for_url(f"{CALLBACK}?*")

    leaving = {"post_logout_redirect_uri": AFTER, "client_id": str(world.registration.app_id)}
    await page.goto(f"{site.url}/{world.tenant_id}/oauth2/v2.0/logout?{urlencode(leaving)}")
    await browser.fits()
    await page.get_by_role("button", name="Sign out").click()
    await page.wait_for_url(AFTER)
    assert f"{FRAME}?sid={claims['sid']}" in asked, "the frame was opened before the browser went on"
    await page.goto(f"{site.url}/security")
    await page.get_by_role("heading", name="Sign in").wait_for()


async def set_password(browser: Window, link: str) -> None:
    """Follow a one-time link, at first with a password that will not do."""
    page = browser.page
    await page.goto(link)
    await browser.fits()
    for password in ("short", NEW_PASSWORD):
        await page.get_by_label("New password").fill(password)
        await page.get_by_label("The same again").fill(password)
        await page.get_by_role("button", name="Set the password").click()
        if password == "short":
            await page.get_by_text("use at least 12").first.wait_for()
            await browser.fits()


async def enrol(browser: Window) -> list[str]:
    """Set up an authenticator app; the recovery codes."""
    page = browser.page
    await page.get_by_role("link", name="Set up an authenticator app").click()
    await page.get_by_role("img", name="QR code with the secret below").wait_for()
    await browser.fits()
    secret = (await page.locator("details code").text_content() or "").replace(" ", "")
    await page.get_by_label("Type the code that it shows").fill(pyotp.TOTP(secret).now())
    await page.get_by_role("button", name="Turn on").click()
    await page.get_by_role("heading", name="Recovery codes").wait_for()
    codes = await page.locator(".rc-codes code").all_text_contents()
    assert len(codes) == 10
    await browser.fits()
    await page.get_by_role("link", name="I have kept them").click()
    await page.get_by_text("10 of 10 unused").wait_for()
    await browser.fits()
    return codes


async def test_people_sign_out_elsewhere(site: Site, browser: Window) -> None:
    """(check C7)"""
    page = browser.page
    upn = f"ada@{site.world.tenant}.example"
    assert await site.sign_in(entry(site)) is not None
    await page.goto(f"{site.url}/sign-in")
    await page.get_by_label("Address").fill(upn)
    await page.get_by_role("button", name="Next").click()
    await type_password(page)
    await page.get_by_role("button", name="Sign out elsewhere").click()
    await page.get_by_text("All other sessions were ended").wait_for()
    await browser.fits()
    assert "Enter your password" in await site.browser.walk(entry(site, login_hint=upn))


async def test_an_application_that_wants_a_form_gets_one(site: Site, browser: Window) -> None:
    """`response_mode=form_post`: the script that sends it has the page's nonce (check C17)."""
    page = browser.page
    await application_at(page)
    await site.world.proving.set_password(Claimed(site.world.tenant_id, site.world.person), PASSWORD)
    await page.goto(entry(site, response_mode="form_post", login_hint=f"ada@{site.world.tenant}.example"))
    async with page.expect_request(CALLBACK) as sent:
        await type_password(page)
    request = await sent.value
    assert request.method == "POST"
    assert parse_qs(request.post_data or "")["state"] == ["the state"]
