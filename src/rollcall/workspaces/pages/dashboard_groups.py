"""Groups on the dashboard, as SCIM brought them: who is in them, and which workspaces they open."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.workspaces import page_reads
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.finding import find_groups
from rollcall.workspaces.pages.lists import Asked, id_in
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.paging import COUNTED_AT_MOST


def routes(visits: Visits) -> list[Route]:
    """`/dashboard/groups`."""

    async def listed(request: Request, visit: Visit) -> Response:
        asked = Asked.of(request.url.path, request.query_params)
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
        identifier, asked = id_in(request.path_params, "id"), Asked.of(request.url.path, request.query_params)

        found = await visit.db.read(page_reads.whole_group, identifier, asked.place)
        page = found.pop("page")
        return visits.show(
            request,
            visit,
            "workspaces/people/group.html",
            counted_at_most=COUNTED_AT_MOST,
            people=page.items,
            newer=asked.newer(page),
            older=asked.older(page),
            **found,
        )

    return [
        visits.route("/dashboard/groups", DoorKind.DASHBOARD, listed),
        visits.route("/dashboard/groups/{id}", DoorKind.DASHBOARD, show),
    ]
