"""My workspaces: where somebody goes from, once signed in."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.db import Tx
from rollcall.workspaces.access_model import DoorKind, WorkspaceState
from rollcall.workspaces.feed import last_said
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.person import memberships_of


def routes(visits: Visits) -> list[Route]:
    """`/home`."""

    async def home(request: Request, visit: Visit) -> Response:
        async def read(tx: Tx) -> dict[str, Any]:
            assert visit.user_id is not None, "who has no account has no home"
            mine = await memberships_of(tx, visit.user_id)
            mine = [each for each in mine if each.state is WorkspaceState.OPEN]
            return {"memberships": mine, "said": await last_said(tx, [each.workspace_id for each in mine])}

        return visits.show(request, visit, "workspaces/places/home.html", **await visit.db.read(read))

    return [visits.route("/home", DoorKind.HOME, home)]
