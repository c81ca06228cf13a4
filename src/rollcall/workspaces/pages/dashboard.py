"""The Main User Dashboard: what there is, what needs somebody, and how much happened on each of the last days."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.workspaces import page_reads
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.pages.visits import Visit, Visits


def routes(visits: Visits) -> list[Route]:
    """`/dashboard`."""

    async def show(request: Request, visit: Visit) -> Response:
        return visits.show(
            request, visit, "workspaces/dashboard.html", **await visit.db.read(page_reads.numbers, visit.now)
        )

    return [visits.route("/dashboard", DoorKind.DASHBOARD, show)]
