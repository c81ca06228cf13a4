"""People on the dashboard: found among many, invited, suspended, resumed, deleted, restored, logged out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.errors import Conflict, Invalid, NotFound, Refusal
from rollcall.web import browser_name, see_other, status_of
from rollcall.workspaces import page_reads
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.by_hand.members import invite_person
from rollcall.workspaces.by_hand.people import end_one_session, log_out_everywhere
from rollcall.workspaces.finding import PeopleFilter
from rollcall.workspaces.pages.invitations import invite_by_mail
from rollcall.workspaces.pages.lists import Asked, id_in
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.paging import COUNTED_AT_MOST
from rollcall.workspaces.people import delete_person, deleted_people, restore

HERE = "/dashboard/people"
SHOWN = {PeopleFilter.AWAY.value: "Suspended", PeopleFilter.BY_HAND.value: "Not synchronised"}


def routes(visits: Visits) -> list[Route]:
    """`/dashboard/people`."""
    pages, door, one = _People(visits), DoorKind.DASHBOARD, f"{HERE}/{{id}}"
    return [
        visits.route(HERE, door, pages.listed),
        visits.route(f"{HERE}/deleted", door, pages.deleted),
        visits.route(f"{HERE}/invite", door, pages.invite, methods=("POST",)),
        visits.route(one, door, pages.show),
        visits.route(f"{one}/suspend", door, pages.suspend, methods=("POST",)),
        visits.route(f"{one}/resume", door, pages.resume, methods=("POST",)),
        visits.route(f"{one}/delete", door, pages.delete, methods=("POST",)),
        visits.route(f"{one}/restore", door, pages.restore, methods=("POST",)),
        visits.route(f"{one}/log-out", door, pages.log_out, methods=("POST",)),
        visits.route(f"{one}/sessions/{{session}}/end", door, pages.end, methods=("POST",)),
    ]


class _People:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def listed(self, request: Request, visit: Visit) -> Response:
        return await self._list(request, visit)

    async def invite(self, request: Request, visit: Visit) -> Response:
        """An account for somebody whom SCIM does not bring."""
        form = visit.sent
        try:
            invited = await visit.db.write(
                invite_person,
                visit.house.runtime,
                visit.actor,
                address=form.text("address"),
                display_name=form.text("display_name"),
            )
        except (Invalid, Conflict) as refused:
            return await self._list(request, visit, refused, form.values())
        told = await invite_by_mail(visit, invited, visit.organisation.name, "/")
        return see_other(f"{HERE}/{invited.user_id}?done=invited&mail={told}")

    async def deleted(self, request: Request, visit: Visit) -> Response:
        """Who was deleted within 30 days."""
        return await self._deleted(request, visit)

    async def show(self, request: Request, visit: Visit) -> Response:
        return await self._one(request, visit)

    async def suspend(self, request: Request, visit: Visit) -> Response:
        return await self._act(request, visit, "suspended", page_reads.suspend_person)

    async def resume(self, request: Request, visit: Visit) -> Response:
        return await self._act(request, visit, "resumed", page_reads.resume_person)

    async def log_out(self, request: Request, visit: Visit) -> Response:
        return await self._act(request, visit, "logged_out", log_out_everywhere)

    async def end(self, request: Request, visit: Visit) -> Response:
        return await self._act(request, visit, "ended", end_one_session, id_in(request.path_params, "session"))

    async def delete(self, request: Request, visit: Visit) -> Response:
        identifier = id_in(request.path_params, "id")
        try:
            await visit.db.write(delete_person, visit.house.runtime, identifier, break_glass=False, actor=visit.actor)
        except Conflict as refused:
            return await self._one(request, visit, refused)
        return see_other(f"{HERE}/deleted?done=deleted")

    async def restore(self, request: Request, visit: Visit) -> Response:
        identifier = id_in(request.path_params, "id")
        try:
            await visit.db.write(restore, visit.house.runtime, identifier, actor=visit.actor)
        except (NotFound, Conflict) as refused:
            return await self._deleted(request, visit, refused)
        return see_other(f"{HERE}/{identifier}?done=restored")

    async def _act(self, request: Request, visit: Visit, done: str, act: Any, *args: Any, **named: Any) -> Response:
        identifier: UUID = id_in(request.path_params, "id")
        try:
            await visit.db.write(act, visit.house.runtime, visit.actor, identifier, *args, **named)
        except (Conflict, NotFound) as refused:
            return await self._one(request, visit, refused)
        if identifier == visit.user_id and done in ("suspended", "logged_out"):
            return see_other("/")
        return see_other(f"{HERE}/{identifier}?done={done}")

    async def _list(
        self, request: Request, visit: Visit, refused: Refusal | None = None, typed: dict[str, str] | None = None
    ) -> Response:
        asked = Asked.of(request.url.path, request.query_params, SHOWN)
        which = PeopleFilter(asked.which) if asked.which else PeopleFilter.ALL

        found = await visit.db.read(page_reads.people, asked.q, which, asked.place)
        page = found.pop("page")
        return self._visits.show(
            request,
            visit,
            "workspaces/people/list.html",
            status=200 if refused is None else status_of(refused),
            asked=Asked(HERE, asked.q, asked.which, asked.place),
            shown=SHOWN,
            refused=refused,
            typed=typed or {},
            counted_at_most=COUNTED_AT_MOST,
            people=page.items,
            newer=asked.newer(page),
            older=asked.older(page),
            **found,
        )

    async def _deleted(self, request: Request, visit: Visit, refused: Refusal | None = None) -> Response:
        return self._visits.show(
            request,
            visit,
            "workspaces/people/deleted.html",
            status=200 if refused is None else status_of(refused),
            refused=refused,
            done=request.query_params.get("done", ""),
            people=await visit.db.read(deleted_people, visit.house.runtime),
        )

    async def _one(self, request: Request, visit: Visit, refused: Refusal | None = None) -> Response:
        identifier = id_in(request.path_params, "id")

        found = await visit.db.read(page_reads.whole_person, identifier, visit.now)
        found["sessions"] = [(each, browser_name(each.user_agent)) for each in found["sessions"]]
        return self._visits.show(
            request,
            visit,
            "workspaces/people/one.html",
            status=200 if refused is None else status_of(refused),
            refused=refused,
            done=request.query_params.get("done", ""),
            mail=request.query_params.get("mail", ""),
            me=visit.user_id,
            **found,
        )
