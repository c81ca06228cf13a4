"""Groups on the dashboard, as SCIM brought them: who is in them, and which workspaces they open."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.db import Tx
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.finding import find_groups
from rollcall.workspaces.pages.lists import Asked, id_in
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.paging import COUNTED_AT_MOST
from rollcall.workspaces.person import group, people_in, workspaces_listing


def routes(visits: Visits) -> list[Route]:
    """`/dashboard/groups`."""

    async def listed(request: Request, visit: Visit) -> Response:
        asked = Asked.of(request)
        page = await visit.db.read(find_groups, asked.q, asked.place)
        return visits.show(
            request,
            visit,
            "workspaces/people/groups.html",
            groups=page.items,
            newer=asked.newer(page),
            older=asked.older(page),
            asked=asked,
            counted_at_most=COUNTED_AT_MOST,
        )

    async def show(request: Request, visit: Visit) -> Response:
        identifier, asked = id_in(request, "id"), Asked.of(request)

        async def read(tx: Tx) -> dict[str, Any]:
            found = await group(tx, identifier)
            page = await people_in(tx, identifier, found.members, asked.place)
            return {
                "group": found,
                "people": page.items,
                "newer": asked.newer(page),
                "older": asked.older(page),
                "workspaces": await workspaces_listing(tx, identifier),
            }

        return visits.show(
            request,
            visit,
            "workspaces/people/group.html",
            counted_at_most=COUNTED_AT_MOST,
            **await visit.db.read(read),
        )

    return [
        visits.route("/dashboard/groups", DoorKind.DASHBOARD, listed),
        visits.route("/dashboard/groups/{id}", DoorKind.DASHBOARD, show),
    ]
