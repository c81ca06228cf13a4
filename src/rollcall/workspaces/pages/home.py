"""My workspaces: where somebody goes from, once signed in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.workspaces import page_reads
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.pages.visits import Visit, Visits


def routes(visits: Visits) -> list[Route]:
    """`/home`."""

    async def home(request: Request, visit: Visit) -> Response:
        assert visit.user_id is not None, "who has no account has no home"
        return visits.show(
            request, visit, "workspaces/places/home.html", **await visit.db.read(page_reads.home, visit.user_id)
        )

    return [visits.route("/home", DoorKind.HOME, home)]
