"""A workspace: what is said in it, by whom, and who is there; the page goes on by itself while it is open."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.errors import Denied, Invalid, NotFound, Refusal
from rollcall.web import see_other, status_of
from rollcall.workspaces import page_reads
from rollcall.workspaces.access_model import DoorKind, Role
from rollcall.workspaces.feed import LONGEST_POST, add_post, remove_post
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.pages.lists import id_in
from rollcall.workspaces.pages.streams import Streams
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.paging import COUNTED_AT_MOST

_POSTS = 30


def routes(visits: Visits) -> list[Route]:
    """`/w/{workspace}` with its posts."""
    streams = Streams(visits)

    async def show(request: Request, visit: Visit) -> Response:
        return await _page(visits, request, visit)

    async def say(request: Request, visit: Visit) -> Response:
        text = visit.sent.text("text")
        try:
            await visit.db.write(add_post, visit.house.runtime, place_of(visit), who(visit), text)
        except Invalid as refused:
            return await _page(visits, request, visit, refused, text)
        return see_other(f"/w/{request.path_params['workspace']}")

    async def take_back(request: Request, visit: Visit) -> Response:
        try:
            await visit.db.write(
                remove_post,
                place_of(visit),
                id_in(request.path_params, "post"),
                who(visit),
                is_admin=Role.ADMIN in visit.roles,
            )
        except (Denied, NotFound) as refused:
            return await _page(visits, request, visit, refused)
        return see_other(f"/w/{request.path_params['workspace']}?done=removed")

    here = "/w/{workspace}"
    return [
        visits.route(here, DoorKind.WORKSPACE, show),
        visits.route(f"{here}/posts", DoorKind.WORKSPACE, say, methods=("POST",)),
        visits.route(f"{here}/posts/{{post}}/remove", DoorKind.WORKSPACE, take_back, methods=("POST",)),
        visits.route(f"{here}/stream", DoorKind.WORKSPACE, streams.open),
    ]


def place_of(visit: Visit) -> UUID:
    """The workspace whose door this visit came through."""
    place = visit.facts.door.workspace
    assert place is not None, "the door of a workspace has one"
    return place


def who(visit: Visit) -> UUID:
    """The person who came; in a workspace there is nobody without an account."""
    assert visit.user_id is not None, "only accounts enter workspaces"
    return visit.user_id


async def _page(
    visits: Visits, request: Request, visit: Visit, refused: Refusal | None = None, typed: str = ""
) -> Response:
    before = parse_id(request.query_params.get("before", ""))

    return visits.show(
        request,
        visit,
        "workspaces/places/workspace.html",
        status=200 if refused is None else status_of(refused),
        refused=refused,
        typed=typed,
        before=before,
        done=request.query_params.get("done", ""),
        me=who(visit),
        is_admin=Role.ADMIN in visit.roles,
        counted_at_most=COUNTED_AT_MOST,
        longest=LONGEST_POST,
        **await visit.db.read(page_reads.conversation, place_of(visit), before, _POSTS),
    )
