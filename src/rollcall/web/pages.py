"""Pages out of templates: a room's own over those of the kit, every value escaped."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from rollcall.web.cookies import Cookies
from rollcall.web.forms import FIELD, Forms
from rollcall.web.static import Static

THEMES = ("light", "dark")
THEME = "theme"


class Pages:
    """Renders pages of one half.

    `package` is the room with a folder `templates`. Every template knows `site` (the half's name), `static(name)`,
    `anti_forgery()` (the hidden field of each form that posts), `nonce` for scripts, `theme`, `path`, and the filters
    `moment` and `number`.
    """

    def __init__(self, package: str, site: str, static: Static, cookies: Cookies, forms: Forms) -> None:
        self._site = site
        self._cookies = cookies
        self._forms = forms
        self._static = static
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader("rollcall.web")]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"moment": moment, "number": number}

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> Response:
        """A page with a status. Values a template asks for and is not given are our own mistake, and raise."""
        theme = self._cookies.read(request, THEME)
        known: Mapping[str, Any] = {
            "site": self._site,
            "static": self._static.url,
            "icons": self._static.url("icons.svg"),
            "anti_forgery": lambda: self._forms.token(request),
            "anti_forgery_field": FIELD,
            "nonce": request.state.nonce,
            "theme": theme if theme in THEMES else None,
            "path": request.url.path,
        }
        html = self._environment.get_template(template).render({**known, **values})
        response = HTMLResponse(html, status)
        self._forms.remember(request, response)
        return response


def see_other(path: str) -> Response:
    """On to another page of ours after a form (303, so that a reload repeats nothing and no form is sent on)."""
    return RedirectResponse(path, 303)


def moment(at: datetime) -> str:
    """A moment as HTML's datetime attribute wants it: UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def number(value: int, zero: str = "–") -> str:
    """A number in groups of three digits; a dash where zero is good news."""
    return f"{value:,}" if value else zero
