"""Sign-in at our identity provider with a relying party nobody here wrote: npm's `openid-client`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio

from rollcall import directory
from rollcall.db import Database
from rollcall.directory.signin import registrations
from rollcall.directory.signin.registrations import NewRegistration
from tests.interop.identity_site import Site, identity_site
from tests.interop.node_programs import node_program

CALLBACK, AFTER = "http://127.0.0.1:9/callback", "http://127.0.0.1:9/bye"
SCOPE = "openid profile email offline_access"
_PATIENCE_SECONDS = 30


@dataclass
class Party:
    """The relying party, and the site that it signs people in at."""

    site: Site
    process: asyncio.subprocess.Process

    async def do(self, step: str, **params: Any) -> dict[str, Any]:
        """Have it do a step; what it says."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": step, "with": params}).encode() + b"\n")
        await self.process.stdin.drain()
        said = await asyncio.wait_for(self.process.stdout.readline(), _PATIENCE_SECONDS)
        answer: dict[str, Any] = json.loads(said)
        return answer

    async def enter(self, **params: str) -> dict[str, Any]:
        """A whole sign-in; the tokens with the claims, as the client checked them."""
        begun = await self.do("begin", scope=SCOPE, **params)
        back = await self.site.sign_in(begun["url"])
        assert back.startswith(CALLBACK), back
        return await self.do("finish", url=back)


@asynccontextmanager
async def party_at(site: Site, *, basic: bool = False, secret: str | None = None) -> AsyncIterator[Party]:
    settings = {
        "issuer": site.issuer,
        "client_id": str(site.world.registration.app_id),
        "secret": secret or site.world.secret,
        "redirect_uri": CALLBACK,
        "basic": basic,
    }
    async with node_program("openid-client.mjs", settings) as process:
        yield Party(site, process)


@pytest_asyncio.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with identity_site(database, redirect_uris=(CALLBACK,), post_logout_redirect_uris=(AFTER,)) as site:
        yield site


@pytest_asyncio.fixture
async def party(site: Site) -> AsyncIterator[Party]:
    async with party_at(site) as party:
        yield party


@pytest.mark.parametrize("basic", [True, False])
async def test_a_person_signs_in_by_code_and_pkce(site: Site, basic: bool) -> None:
    """(checks OPR-1, OPR-4, OPR-6)"""
    async with party_at(site, basic=basic) as party:
        tokens = await party.enter()
    claims = tokens["claims"]
    assert (claims["iss"], claims["oid"], claims["tid"]) == (
        site.issuer,
        str(site.world.person),
        str(site.world.tenant_id),
    )
    assert claims["preferred_username"] == f"ada@{site.world.tenant}.example"
    assert claims["amr"] == ["pwd"]


async def test_userinfo_tells_of_the_one_who_signed_in(party: Party) -> None:
    tokens = await party.enter()
    told = await party.do("userinfo", token=tokens["access_token"], sub=tokens["claims"]["sub"])
    assert (told["sub"], told["name"]) == (tokens["claims"]["sub"], "ada")


async def test_refresh_tokens_replace_each_other_and_one_that_comes_twice_ends_them_all(party: Party) -> None:
    first = await party.enter()
    second = await party.do("refresh", token=first["refresh_token"])
    assert second["claims"]["sub"] == first["claims"]["sub"]
    assert second["refresh_token"] != first["refresh_token"]
    assert (await party.do("refresh", token=first["refresh_token"]))["error"] == "invalid_grant"
    assert (await party.do("refresh", token=second["refresh_token"]))["error"] == "invalid_grant"
    assert "cause" in await party.do("userinfo", token=second["access_token"], sub=second["claims"]["sub"])


async def test_a_code_is_good_once(party: Party) -> None:
    """(check OPR-3)"""
    begun = await party.do("begin", scope=SCOPE)
    back = await party.site.sign_in(begun["url"])
    assert "id_token" in await party.do("finish", url=back)
    assert (await party.do("finish", url=back))["error"] == "invalid_grant"


async def test_an_application_signs_in_as_itself(party: Party) -> None:
    scope = f"{party.site.world.registration.app_id}/.default"
    assert (await party.do("itself", scope=scope))["token_type"] == "bearer"


async def test_a_wrong_secret_is_told_apart(site: Site) -> None:
    async with party_at(site, secret="wrong") as party:
        assert (await party.do("itself", scope="any/.default"))["error"] == "invalid_client"


async def test_a_recent_sign_in_is_shown(party: Party) -> None:
    """`max_age`: the client itself checks auth_time."""
    await party.enter()
    begun = await party.do("begin", scope=SCOPE, max_age="300")
    back = await party.site.browser.walk(begun["url"])
    assert "auth_time" in (await party.do("finish", url=back, max_age=300))["claims"]


async def test_prompt_none_is_answered_by_a_session_and_refused_without_one(party: Party) -> None:
    begun = await party.do("begin", scope=SCOPE, prompt="none")
    back = await party.site.browser.walk(begun["url"])
    assert (await party.do("finish", url=back))["error"] == "login_required"
    await party.enter()
    begun = await party.do("begin", scope=SCOPE, prompt="none", login_hint=f"ada@{party.site.world.tenant}.example")
    back = await party.site.browser.walk(begun["url"])
    assert "id_token" in await party.do("finish", url=back)


async def test_signing_out_leads_back_and_ends_the_session(party: Party) -> None:
    """(check OPR-8)"""
    tokens = await party.enter()
    asked = await party.do("leave", id_token_hint=tokens["id_token"], post_logout_redirect_uri=AFTER, state="s")
    assert await party.site.browser.walk(asked["url"]) == f"{AFTER}?state=s"
    begun = await party.do("begin", scope=SCOPE, prompt="none")
    back = await party.site.browser.walk(begun["url"])
    assert parse_qs(urlsplit(back).query)["error"] == ["login_required"]


async def test_whoever_is_blocked_is_refreshed_no_more(party: Party) -> None:
    tokens = await party.enter()
    world = party.site.world
    await world.db.write(directory.update_user, world.person, {"accountEnabled": False})
    assert (await party.do("refresh", token=tokens["refresh_token"]))["error"] == "invalid_grant"
    assert "cause" in await party.do("userinfo", token=tokens["access_token"], sub=tokens["claims"]["sub"])


async def test_a_public_client_proves_itself_by_pkce_alone(site: Site) -> None:
    world = site.world
    application = await world.db.write(directory.create_service_principal, "Phone")
    app_id = (await world.db.read(directory.read_service_principal, application)).app_id
    new = NewRegistration("Phone", redirect_uris=(CALLBACK,), is_public=True)
    await world.db.write(registrations.register_application, world.runtime, new, app_id)
    await world.db.write(directory.assign, application, world.person)
    settings = {"issuer": site.issuer, "client_id": str(app_id), "redirect_uri": CALLBACK}
    async with node_program("openid-client.mjs", settings) as process:
        assert "id_token" in await Party(site, process).enter()
