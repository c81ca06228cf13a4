"""The pages of the workspaces half over a real database, and browsers that visit them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from starlette.types import ASGIApp

from rollcall.config import Config
from rollcall.crypto import Sealer
from rollcall.db import Database, TenantDatabase
from rollcall.main.opening import Parts
from rollcall.main.serving import house_of, workspaces_app
from rollcall.main.site import site_of
from rollcall.runtime import Runtime
from rollcall.web import Cookies
from rollcall.workspaces.main_users import appoint
from rollcall.workspaces.pages import Post, workspace_pages
from rollcall.workspaces.sso.edges import SESSION
from rollcall.workspaces.sso.sessions import DASHBOARD_LIMITS, WORKSPACE_LIMITS, Kind, Method, SignIn, create_session
from tests.browser import Browser
from tests.scim_http.asgi import AsgiClient
from tests.workspaces.places_world import World

BASE = "https://rooms.example.com"
SEALER = Sealer(bytes(range(32)))


@dataclass
class Site:
    """The workspaces half as it is served, and one organisation in it."""

    world: World
    parts: Parts
    app: ASGIApp
    client: AsgiClient

    @property
    def db(self) -> TenantDatabase:
        """The organisation's own data."""
        return self.world.database

    def browser(self) -> Browser:
        """A browser that nobody has signed in with."""
        return Browser(self.client, base=BASE)

    async def signed_in(self, user: UUID, *, kind: Kind = "workspace", method: Method = "pin", **more: Any) -> Browser:
        """A browser with a session of this user's; `more` are fields of the sign-in."""
        limits = DASHBOARD_LIMITS if kind == "dashboard" else WORKSPACE_LIMITS
        now = self.world.runtime.now()
        sign_in = SignIn(kind, method, limits, user=user, **({"authenticated": now} | more))
        _, handle = await self.db.write(create_session, self.world.runtime, sign_in)
        browser = self.browser()
        browser.cookies[Cookies("workspaces", BASE).name(SESSION)] = handle
        return browser

    async def main_user(self, name: str = "Mia") -> tuple[UUID, Browser]:
        """A main user appointed by hand, and a browser in which they signed in to the dashboard with a PIN."""
        user = await self.world.person(name)
        await self.db.write(appoint, self.world.runtime, user, None)
        return user, await self.signed_in(user, kind="dashboard")


async def open_site(database: Database, runtime: Runtime, post: Post | None = None) -> Site:
    """A site with one organisation, which has no people yet; `post` gets its mails."""
    config = Config()
    config = replace(config, workspaces=replace(config.workspaces, base_url=BASE))
    parts = Parts(config, runtime, database, SEALER)
    app = workspaces_app(parts) if post is None else _mailing(parts, post)
    world = await World(database.tenant(runtime.new_id()), runtime).open()
    part = runtime.new_id().hex  # tries are counted for each network
    network = f"2001:db8:{part[-8:-4]}:{part[-4:]}::1"
    return Site(world, parts, app, AsgiClient(app, token=None, network=network))


def _mailing(parts: Parts, post: Post) -> ASGIApp:
    site = site_of(parts, "workspaces")
    return site.app(workspace_pages(replace(house_of(parts, site), post=post)))
