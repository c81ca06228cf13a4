"""Workspaces on the dashboard: found, made, duplicated, renamed, archived, opened again, deleted."""

from __future__ import annotations

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.errors import Conflict, Invalid, Refusal
from rollcall.web import see_other, status_of
from rollcall.workspaces import page_reads
from rollcall.workspaces.access_model import DoorKind, WorkspaceState
from rollcall.workspaces.finding import find_workspaces
from rollcall.workspaces.pages.lists import Asked, id_in
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.paging import COUNTED_AT_MOST
from rollcall.workspaces.places import (
    Workspace,
    archive_workspace,
    delete_workspace,
    rename_workspace,
    reopen_workspace,
    workspace,
)

HERE = "/dashboard/workspaces"
SHOWN = {"open": "Open", "archived": "Archived"}
_FIELDS = {"slug_invalid": "slug", "slug_taken": "slug"}


def routes(visits: Visits) -> list[Route]:
    """`/dashboard/workspaces`."""
    pages, door, one = _Workspaces(visits), DoorKind.DASHBOARD, f"{HERE}/{{id}}"
    return [
        visits.route(HERE, door, pages.listed),
        visits.route(f"{HERE}/new", door, pages.fill_in),
        visits.route(f"{HERE}/new", door, pages.create, methods=("POST",)),
        visits.route(one, door, pages.show),
        visits.route(f"{one}/name", door, pages.rename, methods=("POST",)),
        visits.route(f"{one}/state", door, pages.move, methods=("POST",)),
        visits.route(f"{one}/delete", door, pages.delete, methods=("POST",)),
    ]


class _Workspaces:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    async def listed(self, request: Request, visit: Visit) -> Response:
        asked = Asked.of(request.url.path, request.query_params, SHOWN)
        state = WorkspaceState(asked.which) if asked.which else None
        page = await visit.db.read(find_workspaces, asked.q, state, asked.place)
        return self._visits.show(
            request,
            visit,
            "workspaces/places/list.html",
            workspaces=page.items,
            newer=asked.newer(page),
            older=asked.older(page),
            asked=asked,
            shown=SHOWN,
            done=request.query_params.get("done", ""),
            counted_at_most=COUNTED_AT_MOST,
        )

    async def fill_in(self, request: Request, visit: Visit) -> Response:
        """The form of a new workspace, or of a copy of another one."""
        source = await self._source(visit, request.query_params.get("from", ""))
        values = {"name": f"{source.name} (copy)" if source else "", "slug": ""}
        return self._form(request, visit, source, values)

    async def create(self, request: Request, visit: Visit) -> Response:
        """Make it; whoever makes it is its first admin where they have an account."""
        form = visit.sent
        source = await self._source(visit, form.text("from"))
        slug, name, runtime = form.text("slug"), form.text("name"), visit.house.runtime

        try:
            admin = visit.user_id if form.is_checked("join") else None
            made = await visit.db.write(
                page_reads.make_workspace, runtime, visit.actor, source.id if source else None, slug, name, admin
            )
        except (Invalid, Conflict) as refused:
            return self._form(request, visit, source, form.values(), refused)
        return see_other(f"{HERE}/{made.id}?done=created")

    async def show(self, request: Request, visit: Visit) -> Response:
        return await self._one(request, visit)

    async def rename(self, request: Request, visit: Visit) -> Response:
        name = visit.sent.text("name")
        try:
            await visit.db.write(
                rename_workspace, visit.house.runtime, id_in(request.path_params, "id"), name, actor=visit.actor
            )
        except Invalid as refused:
            return await self._one(request, visit, refused, name)
        return see_other(f"{HERE}/{request.path_params['id']}?done=renamed")

    async def move(self, request: Request, visit: Visit) -> Response:
        """Archive it, or open it again."""
        archiving = visit.sent.text("state") == "archived"
        act = archive_workspace if archiving else reopen_workspace
        await visit.db.write(act, visit.house.runtime, id_in(request.path_params, "id"), actor=visit.actor)
        return see_other(f"{HERE}/{request.path_params['id']}?done={'archived' if archiving else 'reopened'}")

    async def delete(self, request: Request, visit: Visit) -> Response:
        """Delete it, once its address was typed."""
        identifier = id_in(request.path_params, "id")
        place = await visit.db.read(workspace, identifier)
        if visit.sent.text("slug") != place.slug:
            refused = Invalid("Type the address of the workspace to delete it.", code="confirmation_missing")
            return await self._one(request, visit, refused)
        await visit.db.write(delete_workspace, visit.house.runtime, identifier, actor=visit.actor)
        return see_other(f"{HERE}?done=deleted")

    async def _source(self, visit: Visit, written: str) -> Workspace | None:
        if not written:
            return None
        try:
            identifier = UUID(written)
        except ValueError:
            return None
        return await visit.db.read(workspace, identifier)

    def _form(
        self, request: Request, visit: Visit, source: Workspace | None, values: dict[str, str], refused: Refusal | None = None
    ) -> Response:  # fmt: skip
        return self._visits.show(
            request,
            visit,
            "workspaces/places/new.html",
            status=200 if refused is None else status_of(refused),
            source=source,
            values=values,
            base_url=visit.house.base_url,
            has_account=visit.user_id is not None,
            faults=[]
            if refused is None
            else [{"field": _FIELDS.get(refused.code, "name"), "message": refused.message}],
        )

    async def _one(
        self, request: Request, visit: Visit, refused: Refusal | None = None, typed: str | None = None
    ) -> Response:
        identifier = id_in(request.path_params, "id")

        return self._visits.show(
            request,
            visit,
            "workspaces/places/one.html",
            status=200 if refused is None else status_of(refused),
            refused=refused,
            typed=typed,
            done=request.query_params.get("done", ""),
            base_url=visit.house.base_url,
            counted_at_most=COUNTED_AT_MOST,
            **await visit.db.read(page_reads.whole_workspace, identifier),
        )
