"""Sign-in and logout at a provider nobody here wrote: `oidc-provider`, over HTTP, with aiohttp as the browser."""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
from joserfc.jwk import ECKey, RSAKey

from rollcall.db import Database
from rollcall.runtime import SystemRuntime
from rollcall.workspaces.sso.configuration import Client, Installation, Kind, SsoConfiguration, addresses
from tests.interop.node_programs import node_program
from tests.scim_http.serving import free_port
from tests.workspaces.sso.people import G1, new_company
from tests.workspaces.sso.site import Site, running_site

OURS = ECKey.generate_key("P-256", {"kid": "ours", "use": "sig", "alg": "ES256"}, auto_kid=False)
THEIRS = RSAKey.generate_key(2048, {"kid": "theirs", "use": "sig", "alg": "RS256"}, auto_kid=False)
COOKIE = "rollcall-workspaces-session"
BY_SECRET, BY_KEY = UUID(int=51), UUID(int=52)


@dataclass
class Web:
    """The provider, our site, and a user of it called ada at the provider."""

    site: Site
    issuer: str
    ada: str

    def configuration(self, **changes: Any) -> SsoConfiguration:
        own = SsoConfiguration(
            BY_SECRET,
            Kind.OPENID_CONNECT,
            "oidc-provider",
            issuer=self.issuer,
            client=Client("by-secret", "a secret of at least 32 characters"),
            scopes=("openid", "profile", "email", "groups"),
        )
        changed = replace(own, **changes)
        self.site.add(changed)
        return changed


def registered(base_url: str) -> list[dict[str, Any]]:
    """Our two registrations there."""
    here = Installation(base_url)

    def client(identifier: UUID, **more: Any) -> dict[str, Any]:
        ours = addresses(here, identifier)
        return {
            "redirect_uris": [ours.redirect_uri],
            "post_logout_redirect_uris": [ours.post_logout],
            "backchannel_logout_uri": ours.backchannel_logout,
            "backchannel_logout_session_required": True,
            "scope": "openid profile email groups",
            **more,
        }

    return [
        client(
            BY_SECRET,
            client_id="by-secret",
            client_secret="a secret of at least 32 characters",
            token_endpoint_auth_method="client_secret_post",
        ),
        client(
            BY_KEY,
            client_id="by-key",
            token_endpoint_auth_method="private_key_jwt",
            token_endpoint_auth_signing_alg="ES256",
            jwks={"keys": [OURS.as_dict(private=False)]},
        ),
    ]


@pytest_asyncio.fixture
async def web(database: Database) -> AsyncIterator[Web]:
    runtime = SystemRuntime()
    company = await new_company(database, runtime)
    ada = await company.user(externalId="ada")
    port = free_port()
    issuer = f"http://127.0.0.1:{port}"
    accounts = {"ada": {"preferred_username": "ada@acme.example", "groups": [G1]}}
    async with running_site(
        database, runtime, company.endpoint.organisation, lambda url: Installation(url, loopback_http=True)
    ) as site:
        settings = {
            "issuer": issuer,
            "port": port,
            "clients": registered(site.url),
            "jwks": {"keys": [THEIRS.as_dict(private=True)]},
            "accounts": accounts,
        }
        async with node_program("oidc-provider.mjs", settings):
            yield Web(site, issuer, str(ada))


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def walk(browser: aiohttp.ClientSession, url: str, **typed: str) -> tuple[str, int, Any]:
    """Open a page and fill in the provider's forms until there are none: where that ends, with which status and JSON."""
    response = await browser.get(url)
    for _ in range(5):
        text = await response.text()
        form = re.search(r"<form[^>]*\baction=\"([^\"]*)\"", text)
        if form is None:
            break
        fields = {
            name[1]: html.unescape(value[1]) if (value := re.search(r'value="([^"]*)"', each)) else ""
            for each in re.findall(r"<(?:input|button)[^>]*>", text)
            if (name := re.search(r'name="([^"]*)"', each))
        }
        action = urljoin(str(response.url), html.unescape(form[1]))
        response = await browser.post(action, data={**fields, **{k: v for k, v in typed.items() if k in fields}})
    try:
        found = json.loads(await response.text())
    except ValueError:
        found = None
    return str(response.url), response.status, found


async def sign_in(web: Web, browser: aiohttp.ClientSession, identifier: UUID = BY_SECRET) -> tuple[str, int, Any]:
    return await walk(browser, f"{web.site.url}/begin/{identifier}", login="ada", password="any")


async def me(web: Web, browser: aiohttp.ClientSession) -> int:
    async with browser.get(f"{web.site.url}/me") as response:
        return response.status


async def test_a_person_signs_in_by_code_and_pkce(web: Web, browser: aiohttp.ClientSession) -> None:
    web.configuration()
    url, status, found = await sign_in(web, browser)

    assert (url, status) == (f"{web.site.url}/me", 200)
    assert found["user"] == web.ada
    assert found["subject"] == "ada"
    assert found["groups"] == [G1]
    assert found["sid"]


async def test_a_client_shows_itself_by_a_key(web: Web, browser: aiohttp.ClientSession) -> None:
    """Check REQ-3."""
    web.configuration(id=BY_KEY, client=Client("by-key", key=json.dumps(OURS.as_dict(private=True))))

    assert (await sign_in(web, browser, BY_KEY))[1] == 200


async def test_a_wrong_secret_is_a_setup_error(web: Web, browser: aiohttp.ClientSession) -> None:
    """Check CB-6."""
    web.configuration(client=Client("by-secret", "wrong"))
    _, status, found = await sign_in(web, browser)

    assert (status, found) == (400, {"code": "sso_setup_error", "check": "CB-6"})
    assert await me(web, browser) == 401


async def test_a_person_who_cancels_is_told_so(web: Web, browser: aiohttp.ClientSession) -> None:
    """Check CB-5."""
    web.configuration()
    async with browser.get(f"{web.site.url}/begin/{BY_SECRET}") as response:
        page = await response.text()
    found = re.search(r"href=\"([^\"]*/abort)\"", page)
    assert found is not None, page
    url, status, said = await walk(browser, urljoin(web.issuer, html.unescape(found[1])))

    assert url.startswith(f"{web.site.url}/sso/{BY_SECRET}/callback")
    assert (status, said) == (400, {"code": "sso_cancelled", "check": "CB-5"})


async def test_a_silent_question_is_answered_silently_once_signed_in(web: Web, browser: aiohttp.ClientSession) -> None:
    web.configuration()
    before = (await sign_in(web, browser))[2]
    async with browser.get(f"{web.site.url}/begin/{BY_SECRET}?silent=1") as response:
        after = await response.json()

    assert after == before


async def test_a_silent_question_goes_on_to_a_visible_one(web: Web, browser: aiohttp.ClientSession) -> None:
    web.configuration()
    url, status, found = await walk(browser, f"{web.site.url}/begin/{BY_SECRET}?silent=1", login="ada", password="any")

    assert (url, status, found["user"]) == (f"{web.site.url}/me", 200, web.ada)


async def test_leaving_ends_both_sessions_and_tells_other_browsers_by_the_back_channel(
    web: Web, browser: aiohttp.ClientSession
) -> None:
    """Checks OUT-3, BCL-8: another session of the same sign-in at the provider ends too."""
    web.configuration()
    web.configuration(id=BY_KEY, client=Client("by-key", key=json.dumps(OURS.as_dict(private=True))))
    await sign_in(web, browser)
    first = {each.key: each.value for each in browser.cookie_jar if each.key == COOKIE}
    browser.cookie_jar.clear(lambda each: each.key == COOKIE)
    assert (await sign_in(web, browser, BY_KEY))[1] == 200
    assert await me(web, browser) == 200
    async with aiohttp.ClientSession() as other, other.get(f"{web.site.url}/me", cookies=first) as response:
        assert response.status == 200

    url, status, found = await walk(browser, f"{web.site.url}/leave/{BY_KEY}")

    assert url.startswith(f"{web.site.url}/sso/{BY_KEY}/signed-out?state=")
    assert (status, found) == (200, {"signed_out": True})
    assert await me(web, browser) == 401
    async with aiohttp.ClientSession() as other, other.get(f"{web.site.url}/me", cookies=first) as response:
        assert response.status == 401


@pytest.mark.parametrize("issuer", ["/", "/other"])
async def test_an_issuer_that_is_not_exactly_it_is_refused(
    web: Web, browser: aiohttp.ClientSession, issuer: str
) -> None:
    """Checks DIS-4, C34."""
    web.configuration(issuer=f"{web.issuer}{issuer}")
    async with browser.get(f"{web.site.url}/begin/{BY_SECRET}", allow_redirects=False) as response:
        assert response.status >= 400
    assert await me(web, browser) == 401
