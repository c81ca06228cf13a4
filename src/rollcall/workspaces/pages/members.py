"""Who is in a workspace: read by its members; changed by its admins there, and by main users on the dashboard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.errors import Conflict, Invalid, NotFound, Refusal
from rollcall.web import see_other, status_of
from rollcall.workspaces import page_reads
from rollcall.workspaces.access_model import DoorKind, Role
from rollcall.workspaces.memberships import remove_member
from rollcall.workspaces.pages.invitations import invite_by_mail
from rollcall.workspaces.pages.lists import Asked, id_in
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.pages.workspace import place_of
from rollcall.workspaces.paging import COUNTED_AT_MOST
from rollcall.workspaces.sso.edges import SESSION


@dataclass(frozen=True, slots=True)
class Where:
    """The place from which members are looked at. `on_dashboard`: by a main user, who need not be one of them."""

    workspace: UUID
    path: str
    may_change: bool
    on_dashboard: bool


def routes(visits: Visits) -> list[Route]:
    """`/w/{workspace}/members`, and the same on the dashboard."""
    made: list[Route] = []
    for base, look, change, where in (
        ("/w/{workspace}/members", DoorKind.WORKSPACE, DoorKind.WORKSPACE_SETTINGS, _in_workspace),
        ("/dashboard/workspaces/{id}/members", DoorKind.DASHBOARD, DoorKind.DASHBOARD, _on_dashboard),
    ):
        page = _Members(visits, where)
        made += [
            visits.route(base, look, page.show),
            visits.route(f"{base}/add", change, page.add, methods=("POST",)),
            visits.route(f"{base}/{{user}}/roles", change, page.roles, methods=("POST",)),
            visits.route(f"{base}/{{user}}/remove", change, page.remove, methods=("POST",)),
        ]
    return made


def _in_workspace(request: Request, visit: Visit) -> Where:
    slug = request.path_params["workspace"]
    return Where(place_of(visit), f"/w/{slug}/members", Role.ADMIN in visit.roles, on_dashboard=False)


def _on_dashboard(request: Request, _: Visit) -> Where:
    identifier = id_in(request.path_params, "id")
    return Where(identifier, f"/dashboard/workspaces/{identifier}/members", may_change=True, on_dashboard=True)


class _Members:
    """The page from one side."""

    def __init__(self, visits: Visits, where: Callable[[Request, Visit], Where]) -> None:
        self._visits = visits
        self._where = where

    async def show(self, request: Request, visit: Visit) -> Response:
        """The list."""
        return await self._page(request, visit, self._where(request, visit))

    async def add(self, request: Request, visit: Visit) -> Response:
        """Add somebody who is here, or invite somebody who is not (row O7)."""
        where = self._where(request, visit)
        roles = {Role.PARTICIPANT, Role.ADMIN} if visit.sent.is_checked("as_admin") else {Role.PARTICIPANT}

        try:
            place, invited = await visit.db.write(
                page_reads.add,
                visit.house.runtime,
                visit.actor,
                where.workspace,
                visit.sent.text("who"),
                roles,
                visit.sent.text("display_name"),
            )
        except (Invalid, NotFound, Conflict) as refused:
            return await self._page(request, visit, where, refused, visit.sent.values())
        told = await invite_by_mail(visit, invited, place.name, f"/w/{place.slug}")
        return see_other(f"{where.path}?done={'invited' if invited.made else 'added'}&mail={told}")

    async def roles(self, request: Request, visit: Visit) -> Response:
        """Give a member other roles (row O5); whoever changes their own goes on with a new handle."""
        where, user = self._where(request, visit), id_in(request.path_params, "user")
        wanted = {role for role in (Role.PARTICIPANT, Role.ADMIN) if visit.sent.is_checked(role)}

        try:
            own = visit.session.id if user == visit.user_id else None
            handle = await visit.db.write(
                page_reads.give_roles, visit.house.runtime, visit.actor, where.workspace, user, wanted, own
            )
        except (Invalid, NotFound, Conflict) as refused:
            return await self._page(request, visit, where, refused)
        response = see_other(f"{where.path}?done=roles")
        if handle is not None:
            visit.house.cookies.put(response, SESSION, handle)
        return response

    async def remove(self, request: Request, visit: Visit) -> Response:
        """Take a member out, unless SCIM would bring them back (row O6) or nobody else could manage the workspace."""
        where, user = self._where(request, visit), id_in(request.path_params, "user")
        try:
            await visit.db.write(remove_member, visit.house.runtime, where.workspace, user, actor=visit.actor)
        except (NotFound, Conflict) as refused:
            return await self._page(request, visit, where, refused)
        if user == visit.user_id and not where.on_dashboard:
            return see_other("/home?done=left")
        return see_other(f"{where.path}?done=removed")

    async def _page(
        self,
        request: Request,
        visit: Visit,
        where: Where,
        refused: Refusal | None = None,
        typed: dict[str, str] | None = None,
    ) -> Response:
        asked = Asked.of(request.url.path, request.query_params)

        found = await visit.db.read(page_reads.members, where.workspace, asked.q, asked.place)
        page = found.pop("page")
        return self._visits.show(
            request,
            visit,
            "workspaces/places/members.html",
            status=200 if refused is None else status_of(refused),
            where=where,
            asked=Asked(where.path, asked.q, "", asked.place),
            refused=refused,
            typed=typed or {},
            done=request.query_params.get("done", ""),
            mail=request.query_params.get("mail", ""),
            me=visit.user_id,
            counted_at_most=COUNTED_AT_MOST,
            members=page.items,
            newer=asked.newer(page),
            older=asked.older(page),
            **found,
        )
