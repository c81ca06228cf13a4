"""One's own profile: the name, and every browser one is signed in with."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.errors import Conflict, Invalid, NotFound, Refusal
from rollcall.web import browser_name, see_other, status_of
from rollcall.workspaces import page_reads
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.by_hand.people import call_oneself, end_one_session, log_out_everywhere
from rollcall.workspaces.pages.lists import id_in
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.sso.edges import SESSION


def routes(visits: Visits) -> list[Route]:
    """`/profile` and what can be done there."""
    profile = _Profile(visits)
    return [
        visits.route("/profile", DoorKind.HOME, profile.show),
        visits.route("/profile/name", DoorKind.HOME, profile.rename, methods=("POST",)),
        visits.route("/profile/sessions/{session}/end", DoorKind.HOME, profile.end, methods=("POST",)),
        visits.route("/profile/log-out-everywhere", DoorKind.HOME, profile.end_all, methods=("POST",)),
    ]


class _Profile:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def show(self, request: Request, visit: Visit) -> Response:
        return await self._page(request, visit)

    async def rename(self, request: Request, visit: Visit) -> Response:
        name = visit.sent.text("display_name")
        try:
            await visit.db.write(call_oneself, visit.house.runtime, visit.actor, _me(visit), name)
        except (Invalid, Conflict) as refused:
            return await self._page(request, visit, refused, name)
        return see_other("/profile?done=renamed")

    async def end(self, request: Request, visit: Visit) -> Response:
        session = id_in(request.path_params, "session")
        try:
            await visit.db.write(end_one_session, visit.house.runtime, visit.actor, _me(visit), session)
        except NotFound as refused:
            return await self._page(request, visit, refused)
        return see_other("/" if session == visit.session.id else "/profile?done=ended")

    async def end_all(self, _: Request, visit: Visit) -> Response:
        await visit.db.write(log_out_everywhere, visit.house.runtime, visit.actor, _me(visit))
        response = see_other("/")
        visit.house.cookies.drop(response, SESSION)
        return response

    async def _page(
        self, request: Request, visit: Visit, refused: Refusal | None = None, typed: str | None = None
    ) -> Response:
        found = await visit.db.read(page_reads.profile, _me(visit), visit.now)
        found["sessions"] = [(each, browser_name(each.user_agent)) for each in found["sessions"]]
        return self._visits.show(
            request,
            visit,
            "workspaces/people/profile.html",
            status=200 if refused is None else status_of(refused),
            refused=refused,
            typed=typed,
            done=request.query_params.get("done", ""),
            this=visit.session.id,
            **found,
        )


def _me(visit: Visit) -> UUID:
    assert visit.user_id is not None, "who has no account has no profile"
    return visit.user_id
