"""Sign-in and logout at a SAML provider nobody here wrote: `samlp`, over HTTP, with aiohttp as the browser."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import aiohttp
import pytest
import pytest_asyncio
import yarl
from cryptography.hazmat.primitives import serialization

from rollcall.db import Database
from rollcall.runtime import SystemRuntime
from rollcall.workspaces.sso.configuration import (
    ENTRA_GROUPS_ATTRIBUTE,
    Installation,
    Kind,
    SamlProvider,
    SsoConfiguration,
)
from rollcall.workspaces.sso.saml_configuration import SamlTyped, read_typed
from tests.interop.node_programs import node_program
from tests.scim_http.serving import free_port
from tests.unit.workspaces.sso.saml_making import signer
from tests.workspaces.sso.people import G1, new_company
from tests.workspaces.sso.site import Site, running_site

IDENTIFIER = UUID(int=71)
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
ISSUER = "urn:samlp:example"


@dataclass
class Web:
    """The provider, our site, and a user of it called ada@acme.example at the provider."""

    site: Site
    url: str
    ada: str
    configuration: SsoConfiguration

    def changed(self, **changes: Any) -> None:
        assert self.configuration.saml is not None
        self.configuration = replace(self.configuration, saml=replace(self.configuration.saml, **changes))
        self.site.add(self.configuration)


async def from_metadata(url: str) -> Any:
    """The provider as its own metadata tells of it."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metadata") as response:
        document = await response.text()
    found = read_typed(SamlTyped(metadata=document, sign_requests=True), SystemRuntime().now(), lambda _: None)
    assert not isinstance(found, tuple), found
    return found


Start = Callable[..., AbstractAsyncContextManager[Web]]


@pytest_asyncio.fixture
async def start(database: Database) -> AsyncIterator[Start]:
    runtime = SystemRuntime()
    company = await new_company(database, runtime)
    ada = await company.user("ada@acme.example", externalId="ada@acme.example")

    @asynccontextmanager
    async def starting(**more: Any) -> AsyncIterator[Web]:
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        own = signer("samlp")
        private = own.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        organisation = company.endpoint.organisation
        async with running_site(
            database, runtime, organisation, lambda here: Installation(here, loopback_http=True)
        ) as site:
            here = f"{site.url}/sso/{IDENTIFIER}"
            blank = SsoConfiguration(
                IDENTIFIER,
                Kind.SAML,
                "samlp",
                group_claim=ENTRA_GROUPS_ATTRIBUTE,
                saml=SamlProvider(ISSUER, url, (own.certificate,)),
            )
            ours = await site.party.saml.key(organisation, blank)
            settings = {
                "issuer": ISSUER,
                "port": port,
                "cert": own.certificate,
                "key": private.decode(),
                "ours": {
                    "entity": f"{here}/metadata",
                    "acs": f"{here}/acs",
                    "logout": f"{here}/slo",
                    "cert": ours.certificate,
                },
                "user": {
                    "name": "ada@acme.example",
                    "format": EMAIL,
                    "attributes": {ENTRA_GROUPS_ATTRIBUTE: [G1], "givenName": "Ada"},
                },
                "signResponse": False,
                **more,
            }
            async with node_program("samlp.mjs", settings):
                configuration = replace(blank, saml=await from_metadata(url))
                site.add(configuration)
                yield Web(site, url, str(ada), configuration)

    yield starting


@pytest_asyncio.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def walk(browser: aiohttp.ClientSession, url: str) -> tuple[str, int, str]:
    """Follow redirects without writing them anew, and send every form: where that ends, with which status and text."""
    where = yarl.URL(url, encoded=True)
    form: dict[str, str] | None = None
    for _ in range(12):
        method = "GET" if form is None else "POST"
        async with browser.request(method, where, data=form, allow_redirects=False) as response:
            text = await response.text()
            if response.status in (302, 303):
                where, form = yarl.URL(response.headers["location"], encoded=True), None
                where = response.url.join(where) if not where.absolute else where
                continue
            found = re.search(r"<form[^>]*\baction=\"([^\"]*)\"", text)
            if found is None or not found[1].startswith("http"):
                return str(response.url), response.status, text
            where = yarl.URL(html.unescape(found[1]), encoded=True)
            form = {
                name[1]: html.unescape(value[1])
                for each in re.findall(r"<input[^>]*>", text)
                if (name := re.search(r'name="([^"]*)"', each)) and (value := re.search(r'value="([^"]*)"', each))
            }
    raise AssertionError("it goes round in circles")


async def me(web: Web, browser: aiohttp.ClientSession) -> dict[str, Any]:
    async with browser.get(f"{web.site.url}/me") as response:
        found: dict[str, Any] = await response.json()
        return found


@pytest.mark.parametrize("by_post", [False, True])
@pytest.mark.parametrize("sign_response", [False, True])
async def test_a_person_signs_in(
    start: Start, browser: aiohttp.ClientSession, by_post: bool, sign_response: bool
) -> None:
    """Checks SML-2, SGN-1: our request is signed in the query or inside, and samlp checks that."""
    async with start(signResponse=sign_response) as web:
        web.changed(sso_by_post=by_post)
        url, status, text = await walk(browser, f"{web.site.url}/begin/{IDENTIFIER}")
        assert (url, status) == (f"{web.site.url}/me", 200), text
        found = await me(web, browser)

    assert (found["user"], found["subject"], found["sid"]) == (web.ada, "ada@acme.example", "index-1")
    assert found["groups"] == [G1]


async def test_samlp_refuses_a_request_that_another_key_signed(start: Start, browser: aiohttp.ClientSession) -> None:
    """Its check of our signature is a real one."""
    here = {"entity": "x", "acs": "http://127.0.0.1:1/acs", "logout": "http://127.0.0.1:1/slo"}
    async with start(ours={**here, "cert": signer("somebody else").certificate}) as web:
        _, status, _ = await walk(browser, f"{web.site.url}/begin/{IDENTIFIER}")

    assert status == 400


async def test_leaving_ends_both_sessions(start: Start, browser: aiohttp.ClientSession) -> None:
    """Check OUT-9: samlp takes our signed request, and we its signed answer."""
    async with start() as web:
        await walk(browser, f"{web.site.url}/begin/{IDENTIFIER}")
        assert (await me(web, browser))["user"] == web.ada
        url, status, text = await walk(browser, f"{web.site.url}/leave/{IDENTIFIER}")

        assert url.startswith(f"{web.site.url}/sso/{IDENTIFIER}/slo?SAMLResponse=")
        assert (status, text) == (200, '{"signed_out":true}')
        assert (await me(web, browser))["user"] is None


async def test_a_logout_begun_at_the_provider_ends_our_session(start: Start, browser: aiohttp.ClientSession) -> None:
    """Check OUT-9: we take samlp's signed request, and samlp our signed answer."""
    async with start() as web:
        await walk(browser, f"{web.site.url}/begin/{IDENTIFIER}")
        _, status, text = await walk(browser, f"{web.url}/logout")

        assert status == 200, text
        assert (await me(web, browser))["user"] is None
