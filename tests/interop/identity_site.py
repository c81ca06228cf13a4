"""The identity half over HTTP with a person who can sign in, and a browser that walks through its pages."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

import aiohttp

from rollcall import directory
from rollcall.db import Database
from rollcall.directory.signin.proving import Claimed
from tests.directory.signin.world import SignInWorld, sign_in_world
from tests.scim_http.serving import free_port, served

PASSWORD = "seven unrelated words"
_MOST_STEPS = 8


@dataclass
class Walker:
    """A person's browser: it follows redirects within the site and fills in forms, until it would leave for elsewhere."""

    site: str
    session: aiohttp.ClientSession

    async def walk(self, url: str, **typed: str) -> str:
        """Where the browser is sent that is not on the site, or the text of the page at which it stays."""
        method = "GET"
        data: dict[str, str] = {}
        for _ in range(_MOST_STEPS):
            async with self.session.request(
                method, url, data=data or None, headers={"origin": self.site}, allow_redirects=False
            ) as response:
                text = await response.text()
                if 300 <= response.status < 400:
                    url, method, data = urljoin(url, response.headers["location"]), "GET", {}
                    if not url.startswith(self.site):
                        return url
                    continue
            action, fields = _form(text)
            filled = {name: value for name, value in typed.items() if name in fields}
            if action is None or not filled:
                return text
            url, method = urljoin(url, action), "POST"
            data = fields | filled
            typed = {name: value for name, value in typed.items() if name not in filled}
        raise AssertionError(f"the browser goes round in circles at {url}")


def _form(page: str) -> tuple[str | None, dict[str, str]]:
    """The form of a step of sign-in, with the values in it; of buttons the first."""
    found = re.search(r'<form method="post" action="(/sign-in|/sign-out)">(.*?)</form>', page, re.DOTALL)
    if found is None:
        return None, {}
    fields: dict[str, str] = {}
    for tag in re.findall(r"<(?:input|button)[^>]*>", found[2]):
        name, value = (re.search(rf'\b{which}="([^"]*)"', tag) for which in ("name", "value"))
        if name is not None:
            fields.setdefault(name[1], html.unescape(value[1]) if value else "")
    return found[1], fields


@dataclass
class Site:
    """The site, who can sign in to it, and the browser."""

    world: SignInWorld
    url: str
    browser: Walker

    @property
    def issuer(self) -> str:
        """The tenant's issuer, and where a client begins to look around."""
        return f"{self.url}/{self.world.tenant_id}/v2.0"

    async def sign_in(self, url: str) -> str:
        """Walk through sign-in as the person."""
        return await self.browser.walk(url, address=f"ada@{self.world.tenant}.example", password=PASSWORD)


@asynccontextmanager
async def identity_site(database: Database, **registered: Any) -> AsyncIterator[Site]:
    """The site on a free port; `registered` says how the application is registered."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    world = await sign_in_world(database, url, **registered)
    upn = f"ada@{world.tenant}.example"
    await world.db.write(directory.update_user, world.person, {"userPrincipalName": upn})
    await world.proving.set_password(Claimed(world.tenant_id, world.person), PASSWORD)
    jar = aiohttp.CookieJar(unsafe=True)
    async with served(world.app, port), aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Site(world, url, Walker(url, session))
