"""The Main User Dashboard: what there is, what needs somebody, and how much happened on each of the last days."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.db import Tx
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.numbers import per_day, totals
from rollcall.workspaces.pages.visits import Visit, Visits


def routes(visits: Visits) -> list[Route]:
    """`/dashboard`."""

    async def show(request: Request, visit: Visit) -> Response:
        async def read(tx: Tx) -> dict[str, Any]:
            return {"totals": await totals(tx, visit.now), "days": await per_day(tx, visit.now)}

        return visits.show(request, visit, "workspaces/dashboard.html", **await visit.db.read(read))

    return [visits.route("/dashboard", DoorKind.DASHBOARD, show)]
