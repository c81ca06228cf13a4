"""A site whose identity provider is made by hand, and people who sign in there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Database, Tx
from rollcall.main.serving import house_of
from rollcall.main.site import site_of
from rollcall.runtime import Runtime
from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.pages import workspace_pages
from rollcall.workspaces.sso.logout import Logout
from rollcall.workspaces.sso.oidc import RelyingParty
from tests.browser import Browser
from tests.scim_http.asgi import AsgiClient, Reply
from tests.workspaces.pages.site import BASE, SEALER, Site, open_site
from tests.workspaces.sso.provider import CLIENT, Provider, running_provider

G1, G2 = "g-one", "g-two"


@dataclass
class Case:
    """A row: what holds before, what the provider says, and what comes of it (a path, or a reason)."""

    list: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = (G1,)
    account: bool = True
    local: bool = False
    member: bool = False
    creates: bool = False
    expected: str = "in"
    settings: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)


@dataclass
class Entering:
    """A site whose provider is made by hand."""

    site: Site
    provider: Provider

    async def prepare(self, case: Case) -> UUID | None:
        site, provider = self.site, self.provider
        provider.claims = {"name": "Ada Lovelace", "preferred_username": "ada@acme.example"} | case.claims
        if case.groups is not None:
            provider.claims["groups"] = list(case.groups)
        settings = {"issuer": provider.url, "client_id": CLIENT.id} | case.settings

        async def configure(tx: Tx) -> None:
            await tx.run(
                "update workspaces.sso_configurations set settings = settings || %s where id = %s",
                (Jsonb(settings), site.world.configuration),
            )
            await tx.run(
                "insert into workspaces.sso_configuration_ids (id, organisation_id) values (%s, %s)"
                " on conflict do nothing",
                (site.world.configuration, tx.tenant),
            )

        await site.db.write(configure)
        return await site.world.person("ada@acme.example", externalId="ada") if case.account else None

    async def sign_in(self, path: str, browser: Browser | None = None) -> Reply:
        """By the button of a login page."""
        browser = browser or self.site.browser()
        await browser.get(f"{path}/login")
        begun = await browser.get(f"{path}/login/sso?{urlencode({'return_to': path})}")
        if not begun.headers["location"].startswith(self.provider.url):
            return begun
        return await self.come_back(browser, begun.headers["location"])

    async def come_back(self, browser: Browser, sent_to: str, **changes: str | None) -> Reply:
        """What follows when the provider has sent the browser back."""
        answer = urlencode(self.provider.authorize(sent_to, **changes))
        return await browser.get(f"/sso/{self.site.world.configuration}/callback?{answer}")

    async def reason(self) -> str:
        (event,) = await self.site.db.read(read_audit, AuditQuery(action="auth.sso.denied"))
        return event.what.reason

    async def users(self) -> int:
        async def count(tx: Tx) -> int:
            found: int = await tx.value("select count(*) from workspaces.users")
            return found

        return await self.site.db.read(count)


@asynccontextmanager
async def entering_a_site(database: Database, runtime: Runtime) -> AsyncIterator[Entering]:
    """A site whose single sign-on leads to a provider made by hand."""
    site = await open_site(database, runtime)
    async with running_provider() as provider:
        installation = provider.installation(base_url=BASE)
        made = site_of(site.parts, "workspaces")
        party = RelyingParty(database, runtime, SEALER, installation)
        house = replace(
            house_of(site.parts, made),
            party=party,
            logout=Logout(party, database, runtime, SEALER),
            installation=installation,
        )
        site.app = made.app(workspace_pages(house))
        site.client = AsgiClient(site.app, token=None, network=site.client.network)
        yield Entering(site, provider)
        await party.providers.settled()
