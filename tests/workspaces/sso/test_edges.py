"""The way back, and logout from outside, over HTTP (checks CB-1, C1, OUT-3 to OUT-7, BCL-1, BCL-8 to BCL-11)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio

from rollcall.db import Database
from rollcall.runtime import SystemRuntime
from rollcall.workspaces.sso.configuration import SsoConfiguration
from rollcall.workspaces.sso.logout_token import EVENT
from tests.unit.workspaces.sso.forging import OTHER_RSA, PERSON, TENANT
from tests.workspaces.sso.people import Company, new_company
from tests.workspaces.sso.provider import Provider, query, running_provider
from tests.workspaces.sso.site import Site, running_site

TYPED = {"typ": "logout+jwt"}


class Clock(SystemRuntime):
    """A clock that can be stopped."""

    stopped: datetime | None = None

    def now(self) -> datetime:
        return self.stopped or super().now()


@dataclass
class Web:
    """A browser, our site and a provider."""

    company: Company
    site: Site
    provider: Provider
    browser: aiohttp.ClientSession
    configuration: SsoConfiguration
    clock: Clock

    @property
    def here(self) -> str:
        return f"{self.site.url}/sso/{self.configuration.id}"

    async def begin(self, silent: bool = False) -> str:
        """Start, and return the address at the provider."""
        where = f"{self.site.url}/begin/{self.configuration.id}{'?silent=1' if silent else ''}"
        async with self.browser.get(where, allow_redirects=False) as response:
            assert response.status == 303
            return response.headers["location"]

    async def come_back(self, url: str, **changes: str | None) -> aiohttp.ClientResponse:
        question = urlencode(self.provider.authorize(url, **changes))
        return await self.browser.get(f"{self.here}/callback?{question}", allow_redirects=False)

    async def sign_in(self, **claims: Any) -> aiohttp.ClientResponse:
        self.provider.claims |= claims
        return await self.come_back(await self.begin())

    async def is_in(self) -> bool:
        async with self.browser.get(f"{self.site.url}/me") as response:
            return response.status == 200

    async def told(self, token: str, **more: Any) -> aiohttp.ClientResponse:
        """What the back-channel answers; the browser has no part in it."""
        async with aiohttp.ClientSession() as session:
            where = f"{self.here}/backchannel-logout"
            async with session.post(where, **{"data": {"logout_token": token}, **more}) as response:
                await response.read()
                return response

    def logout_token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        self.provider.header = TYPED if header is None else header
        try:
            event = {"events": {EVENT: {}}, "jti": "one", "sid": "s1"}
            return self.provider.token(None, **{**event, **claims})
        finally:
            self.provider.header = {}


@pytest_asyncio.fixture
async def web(database: Database) -> AsyncIterator[Web]:
    runtime = Clock()
    company = await new_company(database, runtime)
    await company.user(externalId="ada")
    async with (
        running_provider() as provider,
        running_site(
            database,
            runtime,
            company.endpoint.organisation,
            lambda url: provider.installation(base_url=url),
        ) as site,
        aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser,
    ):
        # An id of its own: limits are kept by it, and outlive a test.
        configuration = replace(provider.generic(), id=runtime.new_id())
        site.add(configuration)
        yield Web(company, site, provider, browser, configuration, runtime)


async def test_a_sign_in_leaves_a_cookie_and_goes_where_it_was_meant_to(web: Web) -> None:
    """Check C1."""
    response = await web.sign_in()
    cookie = response.headers["set-cookie"].lower()

    assert (response.status, response.headers["location"]) == (303, "/me")
    assert cookie.startswith("rollcall-workspaces-session=")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie
    assert "domain" not in cookie
    assert response.headers["cache-control"] == "no-store"
    assert await web.is_in()


async def test_a_failed_answer_sets_no_session(web: Web) -> None:
    response = await web.sign_in(aud="other")

    assert response.status == 400
    assert await response.json() == {"code": "sso_token_invalid", "check": "OID-5"}
    assert "set-cookie" not in response.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "DELETE"])
async def test_an_answer_comes_by_get_only(web: Web, method: str) -> None:
    """Check CB-1."""
    question = urlencode(web.provider.authorize(await web.begin()))
    async with web.browser.request(method, f"{web.here}/callback?{question}", allow_redirects=False) as response:
        assert response.status in (404, 405)
    assert not await web.is_in()


async def test_coming_back_from_consent_signs_nobody_in(web: Web) -> None:
    """Check TEN-7: not even with a good answer beside it."""
    question = urlencode([("admin_consent", "True"), ("tenant", TENANT), *web.provider.authorize(await web.begin())])
    async with web.browser.get(f"{web.here}/callback?{question}") as response:
        assert await response.json() == {"approved": True}
    assert not await web.is_in()


@pytest.mark.parametrize("path", ["callback", "frontchannel-logout", "signed-out"])
async def test_an_unknown_configuration_is_not_there(web: Web, path: str) -> None:
    for identifier in (UUID(int=5), "x", f"{{{UUID(int=5)}}}"):
        async with web.browser.get(f"{web.site.url}/sso/{identifier}/{path}?sid=s1") as response:
            assert response.status == 404


async def test_a_silent_question_that_must_be_seen_goes_on_to_a_visible_one(web: Web) -> None:
    url = await web.begin(silent=True)
    response = await web.come_back(url, error="login_required", code=None)

    assert query(url)["prompt"] == "none"
    assert response.status == 303
    assert "prompt" not in query(response.headers["location"])
    assert (await web.come_back(response.headers["location"])).status == 303
    assert await web.is_in()


# ── front-channel ──────────────────────────────────────────────────────────────────────────────


async def framed(web: Web, question: str) -> aiohttp.ClientResponse:
    """As in a hidden frame of another site: no cookie of ours comes along."""
    where = f"{web.here}/frontchannel-logout?{question}"
    async with aiohttp.ClientSession() as session, session.get(where) as response:
        await response.read()
        return response


async def test_a_frame_of_the_provider_ends_the_session_it_names(web: Web) -> None:
    """Checks OUT-4, OUT-7."""
    await web.sign_in(sid="s1")
    response = await framed(web, "sid=s1")

    assert response.status == 200
    assert await response.text() == ""
    assert response.headers["cache-control"] == "no-store"
    assert f"frame-ancestors {web.provider.url}" in response.headers["content-security-policy"]
    assert not await web.is_in()


@pytest.mark.parametrize(
    ("question", "status"),
    [
        pytest.param("", 400, id="OUT-6 nobody is named"),
        pytest.param("sid=", 400, id="OUT-6 an empty name"),
        pytest.param("sid=s1&sid=s1", 400, id="OUT-6 named twice"),
        pytest.param("sid=other", 200, id="OUT-6 an unknown name"),
        pytest.param("sid=s1&iss=https://evil.example", 400, id="OUT-5 another issuer"),
    ],
)
async def test_a_frame_that_names_nobody_ends_nothing(web: Web, question: str, status: int) -> None:
    await web.sign_in(sid="s1")

    assert (await framed(web, question)).status == status
    async with web.browser.get(f"{web.here}/frontchannel-logout?{question}") as response:
        assert response.status == status  # whose cookie comes along counts for nothing
    assert await web.is_in()


async def test_a_frame_may_name_the_issuer(web: Web) -> None:
    """Check OUT-5."""
    await web.sign_in(sid="s1")

    assert (await framed(web, f"sid=s1&iss={web.provider.url}")).status == 200
    assert not await web.is_in()


async def test_another_configuration_with_the_same_name_of_session_is_another(web: Web) -> None:
    """Check OUT-4."""
    await web.sign_in(sid="s1")
    other = replace(web.configuration, id=UUID(int=99))
    web.site.add(other)
    async with web.browser.get(f"{web.site.url}/sso/{other.id}/frontchannel-logout?sid=s1") as response:
        assert response.status == 200

    assert await web.is_in()


# ── back-channel ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({}, id="BCL-8 session and subject"),
        pytest.param({"sub": None}, id="BCL-8 session"),
        pytest.param({"sid": None}, id="BCL-8 subject"),
    ],
)
async def test_a_logout_token_ends_the_sessions_it_names(web: Web, claims: dict[str, Any]) -> None:
    await web.sign_in(sid="s1")
    response = await web.told(web.logout_token(**claims))

    assert (response.status, response.headers["cache-control"]) == (200, "no-store")
    assert "set-cookie" not in response.headers
    assert not await web.is_in()


async def test_a_logout_token_for_others_ends_nothing_and_is_fine(web: Web) -> None:
    """Check BCL-9."""
    await web.sign_in(sid="s1")

    assert (await web.told(web.logout_token(sid="s2"))).status == 200
    assert (await web.told(web.logout_token(jti="two", sub="eve"))).status == 200
    assert await web.is_in()


async def test_a_logout_token_is_good_once(web: Web) -> None:
    """Check BCL-7."""
    token = web.logout_token()

    assert (await web.told(token)).status == 200
    again = await web.told(token)
    assert (again.status, await again.json()) == (
        400,
        {"error": "invalid_request", "error_description": "BCL-7"},
    )


async def test_a_bad_logout_token_ends_nothing(web: Web) -> None:
    """Checks BCL-1 to BCL-6, BCL-9, BCL-11, C37."""
    await web.sign_in(sid="s1")
    good = web.logout_token()
    web.provider.sign_with = OTHER_RSA
    forged = web.logout_token()
    web.provider.sign_with = web.provider.keys[0]  # type: ignore[assignment]
    bad = [
        web.told(""),
        web.told("x"),
        web.told(forged),
        web.told(web.logout_token({})),
        web.told(web.logout_token(nonce="x")),
        web.told(web.logout_token(events={})),
        web.told(web.logout_token(aud="other")),
        web.told(good, data={"logout_token": [good, good]}),
        web.told(good, data=None, json={"logout_token": good}),
        web.told("x" * 17 * 1024),
    ]
    for each in bad:
        response = await each
        assert response.status == 400
        assert (await response.json())["error"] == "invalid_request"
        assert response.headers["cache-control"] == "no-store"
    assert await web.is_in()


async def test_the_back_channel_takes_posts_only(web: Web) -> None:
    """Check BCL-1."""
    async with web.browser.get(f"{web.here}/backchannel-logout?logout_token={web.logout_token()}") as response:
        assert response.status == 405


async def test_an_id_token_ends_no_session(web: Web) -> None:
    """Check BCL-11."""
    await web.sign_in(sid="s1")

    assert (await web.told(web.provider.token("n" * 43))).status == 400
    assert await web.is_in()


async def test_the_back_channel_takes_fifty_a_second(web: Web) -> None:
    """Check BCL-10."""
    web.clock.stopped = web.clock.now()
    assert [(await web.told("x")).status for _ in range(50)] == [400] * 50

    over = await web.told("x")
    assert (over.status, over.headers["retry-after"]) == (429, "1")


async def test_a_provider_that_is_away_is_no_fault_of_the_token(web: Web) -> None:
    """Check BCL-9."""
    web.provider.down = True

    assert (await web.told(web.logout_token())).status == 503


# ── asking the provider to log out ─────────────────────────────────────────────────────────────


async def leave(web: Web) -> str:
    async with web.browser.get(f"{web.site.url}/leave/{web.configuration.id}", allow_redirects=False) as response:
        assert response.status == 303
        return response.headers["location"]


async def test_leaving_asks_the_provider_with_the_token_it_gave(web: Web) -> None:
    """Check OUT-3."""
    await web.sign_in(login_hint="opaque")
    url = await leave(web)
    asked = query(url)

    assert url.startswith(f"{web.provider.url}/end?")
    assert asked["client_id"] == "rollcall"
    assert asked["post_logout_redirect_uri"] == f"{web.here}/signed-out"
    assert asked["id_token_hint"].count(".") == 2
    assert "logout_hint" not in asked
    assert not await web.is_in()
    async with web.browser.get(f"{web.here}/signed-out?state={asked['state']}") as response:
        assert await response.json() == {"signed_out": True}


async def test_entra_is_told_the_hint_it_gave_and_never_a_name(web: Web) -> None:
    """Check OUT-3."""
    await web.company.user("ben@acme.example", externalId=PERSON)
    web.configuration = replace(web.provider.entra(TENANT), id=UUID(int=43))
    web.site.add(web.configuration)
    await web.sign_in(login_hint="opaque", preferred_username="ben@acme.example")
    asked = query(await leave(web))

    assert asked["logout_hint"] == "opaque"
    assert "id_token_hint" not in asked
    assert "ben@acme.example" not in str(asked)


async def test_a_provider_without_such_a_place_is_not_asked(web: Web) -> None:
    web.provider.document = {"end_session_endpoint": None}
    await web.sign_in()

    assert await leave(web) == "/me"
    assert not await web.is_in()


async def test_the_way_back_from_a_logout_is_bound_to_the_browser(web: Web) -> None:
    """Check OUT-3."""
    await web.sign_in()
    state = query(await leave(web))["state"]
    organisation, logout = web.site.organisation, web.site.logout

    assert not await logout.came_back(organisation, web.configuration, state, None)
    assert not await logout.came_back(organisation, web.configuration, state, "x" * 43)
    assert not await logout.came_back(organisation, web.configuration, "x" * 43, "x" * 43)
