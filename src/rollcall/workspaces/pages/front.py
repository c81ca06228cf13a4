"""The first page: whoever is signed in goes on; everybody else says where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.web import Fault, read_form, safe_return_path, see_other
from rollcall.workspaces.entry.login_places import LoginPlace, dashboard_place, workspace_place
from rollcall.workspaces.pages.house import House
from rollcall.workspaces.pages.visits import Visits
from rollcall.workspaces.sso.edges import SESSION

_LONGEST = 2_000


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """The first page."""
    front = Front(visits.house)
    return (Route("/", front.show, methods=["GET"]), Route("/", front.go, methods=["POST"]))


@dataclass(frozen=True, slots=True)
class Front:
    """The first page of one house."""

    house: House

    async def show(self, request: Request) -> Response:
        """Where to, for whoever has no session."""
        if await self.house.sessions.read(self.house.cookies.read(request, SESSION)) is not None:
            return see_other("/home")
        return self._page(request)

    async def go(self, request: Request) -> Response:
        """On to the login page of what was typed: a key, a workspace's address, or all of either's web address."""
        form = await read_form(request)
        self.house.forms.check(request, form)
        typed = form.text("place")
        place = await self._find(typed)
        if place is None:
            message = (
                f"There is no organisation or workspace {typed!r} here. The address is in the mail or link you got."
            )
            message = message if typed else "Type the address of your organisation or workspace."
            fault = Fault("place", "place_unknown" if typed else "required", message)
            return self._page(request, 422, faults=(fault,), typed=typed)
        back = safe_return_path(form.text("return_to"))
        return see_other(f"{place.path}/login" + (f"?{urlencode({'return_to': back})}" if back else ""))

    async def _find(self, typed: str) -> LoginPlace | None:
        database, sealer = self.house.database, self.house.sealer
        kind, name = _said(typed)
        place = await dashboard_place(database, sealer, name) if kind != "w" else None
        return place or (await workspace_place(database, sealer, name) if kind != "o" else None)

    def _page(self, request: Request, status: int = 200, **values: Any) -> Response:
        back = safe_return_path(request.query_params.get("return_to")) or ""
        shown = {"faults": (), "typed": "", "return_to": back} | values
        return self.house.pages.page(request, "workspaces/front.html", status, **shown)


def _said(typed: str) -> tuple[str, str]:
    """What was typed, as kind (`o`, `w`, or empty where that is not said) and name."""
    text = typed.strip().lower()[:_LONGEST]
    try:
        path = urlsplit(text).path if "//" in text else text
    except ValueError:
        return "", ""
    parts = [each for each in path.split("/") if each]
    if len(parts) >= 2 and parts[0] in ("o", "w"):
        return parts[0], parts[1]
    return "", parts[0] if len(parts) == 1 else ""
