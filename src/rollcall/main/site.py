"""The pages of a half, put together: where it is reached, its cookies and forms, its looks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from rollcall.main.opening import Parts
from rollcall.web import Cookies, Forms, Pages, Problems, Static, half, theme_route

Half = Literal["identity", "workspaces"]
_NAMES = {"identity": "Rollcall identity", "workspaces": "Rollcall workspaces"}
_PACKAGES = {"identity": "rollcall.directory", "workspaces": "rollcall.workspaces"}


@dataclass(frozen=True, slots=True)
class Site:
    """What the edges of a half render and check with."""

    base_url: str
    cookies: Cookies
    forms: Forms
    static: Static
    pages: Pages
    problems: Problems

    def app(self, routes: Sequence[BaseRoute]) -> ASGIApp:
        """The half with these routes, its files, and the choice of colours."""
        return half([*routes, theme_route(self.cookies, self.forms), self.static.route()], self.problems, self.base_url)


def address_of(host: str, port: int, base_url: str | None) -> str:
    """Where a half is reached, without a slash at its end."""
    return base_url or f"http://{f'[{host}]' if ':' in host else host}:{port}"


def site_of(parts: Parts, name: Half) -> Site:
    """The site of one half as its configuration says."""
    settings = getattr(parts.config, name)
    base_url = address_of(settings.host, settings.port, settings.base_url)
    cookies = Cookies(name, base_url)
    forms = Forms(parts.sealer, cookies)
    static = Static()
    pages = Pages(_PACKAGES[name], _NAMES[name], static, cookies, forms)
    return Site(base_url, cookies, forms, static, pages, Problems(pages, parts.runtime))
