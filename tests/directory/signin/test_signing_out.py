"""Signing out: at once with a hint, asked without one; applications are told in frames and from server to server."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rollcall import directory
from rollcall.db import Database
from rollcall.directory.signin import links, registrations, sessions
from rollcall.directory.signin.claims import issuer_of
from rollcall.directory.signin.telling import Teller
from rollcall.outbound import Reach
from tests.browser import Browser
from tests.directory.signin.test_signing_in import PASSWORD, SESSION, ada, address, answer_in, request_url, sign_in
from tests.directory.signin.world import BASE, SignInWorld, header_of, sign_in_world

AFTER = "https://rooms.example.com/bye"
FRAME = "https://rooms.example.com/frontchannel"


@pytest.fixture
async def world(database: Database) -> SignInWorld:
    """A tenant of this test's own, in which Ada has a password, and an application that wants to be told."""
    world = await sign_in_world(database, post_logout_redirect_uris=(AFTER,))
    await world.db.write(directory.update_user, world.person, {"userPrincipalName": address(world)})
    await world.proving.set_password(ada(world), PASSWORD)
    return world


async def wants(world: SignInWorld, *, frame: str | None = None, backchannel: str | None = None) -> None:
    changes = {"logout_url": frame, "backchannel_logout_url": backchannel}
    await world.db.write(registrations.change_registration, world.registration.app_id, changes)


async def entered(world: SignInWorld) -> tuple[Browser, str]:
    """A browser that is signed in to the application, and its ID token."""
    browser = Browser(world.client)
    await sign_in(world, browser)
    assert browser.page is not None
    tokens = await world.redeem(answer_in(browser.page.headers["location"])["code"])
    return browser, tokens.json["id_token"]


def logout_url(world: SignInWorld, **params: str) -> str:
    return f"/{world.tenant_id}/oauth2/v2.0/logout?{urlencode(params)}"


async def is_signed_in(world: SignInWorld, browser: Browser) -> bool:
    return (await browser.get(request_url(world))).status == 303


async def test_with_a_hint_one_is_signed_out_and_comes_back(world: SignInWorld) -> None:
    """(check OPR-8)"""
    browser, hint = await entered(world)
    kept = dict(browser.cookies)
    done = await browser.get(logout_url(world, id_token_hint=hint, post_logout_redirect_uri=AFTER, state="s"))
    assert (done.status, done.headers["location"]) == (303, AFTER + "?state=s")
    assert done.headers["clear-site-data"] == '"cache"'
    assert SESSION not in browser.cookies
    assert not await is_signed_in(world, Browser(world.client, kept))


async def test_without_a_hint_or_with_another_ones_it_is_asked_first(world: SignInWorld) -> None:
    """(check OPR-8)"""
    browser, _ = await entered(world)
    _, others = await entered(world)
    for params in ({}, {"id_token_hint": others}, {"id_token_hint": "no token"}):
        page = await browser.get(logout_url(world, **params))
        assert page.status == 200
        assert "Sign out?" in browser.text
    assert await is_signed_in(world, browser)
    await browser.get(logout_url(world, client_id=str(world.registration.app_id), post_logout_redirect_uri=AFTER))
    form = browser.form("/sign-out")
    assert (await browser.post("/sign-out", form.values | {"anti_forgery": ""}, origin=BASE)).status == 403
    assert await is_signed_in(world, browser), "the form was not ours"
    assert (await browser.post("/sign-out", form.values, origin=BASE)).headers["location"] == AFTER
    assert not await is_signed_in(world, browser)


async def test_nobody_is_sent_to_an_address_that_is_not_registered(world: SignInWorld) -> None:
    """(check C15)"""
    browser, hint = await entered(world)
    for wanted in ("https://evil.example/", AFTER + "/", AFTER + "?x=1"):
        page = await browser.get(logout_url(world, id_token_hint=hint, post_logout_redirect_uri=wanted))
        assert page.status == 200
        assert "location" not in page.headers
        assert wanted not in page.content.decode()


async def test_applications_with_a_frame_are_told_the_session_alone(world: SignInWorld) -> None:
    """As Entra does it (check OUT-5)."""
    await wants(world, frame=FRAME)
    browser, hint = await entered(world)
    session = (await world.claims(hint))["sid"]
    page = await browser.get(logout_url(world, id_token_hint=hint, post_logout_redirect_uri=AFTER))
    assert page.status == 200
    assert f'<iframe src="{FRAME}?sid={session}"' in page.content.decode()
    assert "frame-src https://rooms.example.com;" in page.headers["content-security-policy"]
    assert f'href="{AFTER}"' in page.content.decode()


@pytest.mark.parametrize("how", ["signed out", "blocked"])
async def test_applications_are_told_from_server_to_server_and_again_until_they_answer(
    world: SignInWorld, how: str
) -> None:
    """(check OPR-8)"""
    told: list[dict[str, str]] = []

    async def receive(request: web.Request) -> web.Response:
        told.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(status=503 if len(told) == 1 else 200)

    app = web.Application()
    app.router.add_post("/out", receive)
    async with TestServer(app) as server:
        await wants(world, backchannel=str(server.make_url("/out")))
        browser, hint = await entered(world)
        if how == "signed out":
            await browser.get(logout_url(world, id_token_hint=hint))
        else:
            await world.db.write(directory.update_user, world.person, {"accountEnabled": False})
        teller = Teller(world.provider, Reach(loopback_http=True))
        world.runtime.shift = timedelta(seconds=1)
        assert await teller.tell_due() >= 1
        assert len(told) == 1
        await teller.tell_due()
        assert len(told) == 1, "not at once again"
        world.runtime.shift = timedelta(seconds=10)
        await teller.tell_due()
        assert len(told) == 2
        world.runtime.shift = timedelta(minutes=2)
        await teller.tell_due()
        assert len(told) == 2, "it was told"
    token, first = told[-1]["logout_token"], await world.claims(hint)
    claims = await world.claims(token)
    assert header_of(token)["typ"] == "logout+jwt"
    assert (claims["sid"], claims["sub"], claims["aud"]) == (first["sid"], first["sub"], first["aud"])
    assert claims["iss"] == issuer_of(BASE, str(world.tenant_id))
    assert claims["exp"] - claims["iat"] == 120
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert "nonce" not in claims


async def test_what_was_granted_in_a_session_ends_with_it(world: SignInWorld) -> None:
    browser = Browser(world.client)
    await sign_in(world, browser)
    assert browser.page is not None
    tokens = (await world.redeem(answer_in(browser.page.headers["location"])["code"])).json
    assert await world.userinfo_status(tokens["access_token"]) == 200
    await browser.get(logout_url(world, id_token_hint=tokens["id_token"]))
    assert await world.userinfo_status(tokens["access_token"]) == 401


async def test_a_hanging_application_is_waited_for_by_nobody_else(world: SignInWorld) -> None:
    """The teller as it runs: woken by the database, and several calls under way at once (check OPR-8)."""
    told, released = asyncio.Event(), asyncio.Event()

    async def hang(_request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async def receive(_request: web.Request) -> web.Response:
        told.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/hang", hang)
    app.router.add_post("/out", receive)
    async with TestServer(app) as server, asyncio.timeout(30):
        telling = asyncio.create_task(Teller(world.provider, Reach(loopback_http=True)).run())
        for path in ("/hang", "/out"):
            await wants(world, backchannel=str(server.make_url(path)))
            browser, hint = await entered(world)
            await browser.get(logout_url(world, id_token_hint=hint))
        await told.wait()
        released.set()
        telling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await telling


async def test_sessions_and_links_that_ran_out_are_forgotten_and_nobody_is_told(world: SignInWorld) -> None:
    await entered(world)
    await world.proving.invite(world.tenant_id, world.person)
    now = world.runtime.now()
    for forget in (sessions.forget_sessions, links.forget_links):
        assert await world.db.write(forget, now + timedelta(hours=1)) == 0
        assert await world.db.write(forget, now + timedelta(hours=25)) == 1
        assert await world.db.write(forget, now + timedelta(hours=25)) == 0


@pytest.mark.parametrize("how", ["signed out everywhere", "a new password"])
async def test_refresh_tokens_end_with_a_new_password_and_when_one_signs_out_everywhere(
    world: SignInWorld, how: str
) -> None:
    browser = Browser(world.client)
    await sign_in(world, browser, request_url(world, scope="openid offline_access"))
    assert browser.page is not None
    tokens = (await world.redeem(answer_in(browser.page.headers["location"])["code"])).json
    if how == "a new password":
        await world.proving.set_password(ada(world), PASSWORD + " anew")
    else:
        await world.db.write(directory.end_sessions_of, world.person, world.runtime.now())
    refused = await world.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
