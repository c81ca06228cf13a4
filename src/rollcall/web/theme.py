"""Which colours a person wants to see, kept in their browser."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.web.addresses import safe_return_path
from rollcall.web.cookies import Cookies
from rollcall.web.forms import Forms, read_form
from rollcall.web.pages import THEME, THEMES, see_other

_A_YEAR_SECONDS = 365 * 24 * 3600


def theme_route(cookies: Cookies, forms: Forms) -> Route:
    """`POST /theme`: keep the choice and go back; anything but light or dark forgets it."""

    async def choose(request: Request) -> Response:
        form = await read_form(request)
        forms.check(request, form)
        response = see_other(safe_return_path(form.text("return_to")) or "/")
        if form.text("theme") in THEMES:
            cookies.put(response, THEME, form.text("theme"), _A_YEAR_SECONDS)
        else:
            cookies.drop(response, THEME)
        return response

    return Route("/theme", choose, methods=["POST"])
