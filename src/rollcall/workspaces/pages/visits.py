"""The way through every door of the workspaces half: one place that judges, checks forms, and shows who is turned away why."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from rollcall.crypto import hash_token
from rollcall.db import TenantDatabase
from rollcall.web import Form, read_form, safe_return_path, see_other
from rollcall.workspaces.access_facts import AccessFacts
from rollcall.workspaces.access_model import Allow, Deny, DoorKind, Offer, Reason, Role
from rollcall.workspaces.access_words import WORDS
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.model import Organisation
from rollcall.workspaces.pages.house import House
from rollcall.workspaces.sso.edges import SESSION
from rollcall.workspaces.sso.sessions import Session
from rollcall.workspaces.visiting import Person, Visited, enter_as_member, visit

_TO_LOGIN = (Reason.LOGIN_REQUIRED, Reason.STEP_UP_REQUIRED, Reason.WRONG_SSO_CONFIGURATION)
_SAFE = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Visit:
    """An allowed request. On POST `form` is read, and was checked to come from a form of this browser's."""

    house: House
    db: TenantDatabase
    organisation: Organisation
    facts: AccessFacts
    decision: Allow
    session: Session
    person: Person
    sees_dashboard: bool
    actor: Actor
    now: datetime
    form: Form | None

    @property
    def roles(self) -> frozenset[Role]:
        """What the person is at this door."""
        return self.decision.roles

    @property
    def user_id(self) -> UUID | None:
        """The person's account; None for ways in that are nobody's."""
        return self.facts.user_id

    @property
    def sent(self) -> Form:
        """The form of a POST."""
        assert self.form is not None, "only a POST has one"
        return self.form


Handler = Callable[[Request, Visit], Awaitable[Response]]


class Visits:
    """Makes routes whose handlers see allowed requests only."""

    def __init__(self, house: House) -> None:
        self.house = house

    def route(self, path: str, kind: DoorKind, handler: Handler, methods: Sequence[str] = ("GET",)) -> Route:
        """A route behind a door; doors of workspaces have `{workspace}`, the slug, in their path."""
        assert ("{workspace}" in path) == (kind in (DoorKind.WORKSPACE, DoorKind.WORKSPACE_SETTINGS)), path

        async def endpoint(request: Request) -> Response:
            return await self._through(request, kind, handler)

        endpoint.__doc__ = handler.__doc__
        return Route(path, endpoint, methods=list(methods), name=f"{kind}:{path}")

    def show(self, request: Request, visit: Visit, template: str, status: int = 200, **values: Any) -> Response:
        """A page of the inside: with the navigation, and who one is."""
        return self.house.pages.page(
            request,
            template,
            status,
            navigation=_navigation(request.url.path, visit.sees_dashboard),
            person=visit.person,
            organisation=visit.organisation,
            **values,
        )

    async def _through(self, request: Request, kind: DoorKind, handler: Handler) -> Response:
        workspace = request.path_params.get("workspace")
        handle = self.house.cookies.read(request, SESSION)
        found = await self.house.sessions.read(handle)
        if found is None or handle is None:
            return see_other(login_address(request, workspace, None))
        form = await self._form(request)
        organisation_id, session = found
        db, now = self.house.database.tenant(organisation_id), self.house.runtime.now()
        seen = await db.read(visit, kind, workspace, handle, now)
        actor = actor_of(self.house, request, session, handle)
        if isinstance(seen.decision, Deny):
            return await self._turned_away(request, db, kind, seen, seen.decision, actor)
        if seen.decision.creates_membership:
            await db.write(enter_as_member, self.house.runtime, seen.facts)
        allowed = Visit(
            self.house, db, seen.organisation, seen.facts, seen.decision, session, seen.person, seen.sees_dashboard,
            actor, now, form,
        )  # fmt: skip
        return await handler(request, allowed)

    async def _form(self, request: Request) -> Form | None:
        if request.method in _SAFE:
            return None
        form = await read_form(request)
        self.house.forms.check(request, form)
        return form

    async def _turned_away(
        self, request: Request, db: TenantDatabase, kind: DoorKind, seen: Visited, denied: Deny, actor: Actor
    ) -> Response:
        workspace = request.path_params.get("workspace")
        reason = WORDS[denied.reason].shown_as or denied.reason
        reference = str(self.house.runtime.new_id())
        what = Happening(
            "access.denied",
            "workspace" if workspace else "organisation",
            str(seen.facts.door.workspace or seen.organisation.id),
            "denied",
            denied.reason,
            details={"door": kind, "reference": reference},
        )
        await db.write(record, self.house.runtime, actor, what)
        login = login_address(request, workspace, seen.organisation.key, denied)
        if reason in _TO_LOGIN and request.method in _SAFE:
            return see_other(login)
        words = WORDS[reason]
        return self.house.pages.page(
            request,
            "workspaces/turned_away.html",
            words.status,
            words=words,
            reason=reason,
            reference=reference,
            offers=denied.offers,
            on_its_way=denied.on_its_way,
            login=login,
        )


def login_address(request: Request, workspace: str | None, organisation: str | None, denied: Deny | None = None) -> str:
    """Where to sign in for the door a request stood before, and come back to it unless a form was sent.

    Whoever only has to be vouched for anew goes on to the provider, silently where that may do.
    """
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = safe_return_path(here) if request.method in _SAFE else None
    place = f"/w/{workspace}/login" if workspace else f"/o/{organisation}/login" if organisation else "/"
    values = {"return_to": back} if back and back != "/" else {}
    if denied is not None and place != "/" and request.method in _SAFE:
        if Offer.RECHECK in denied.offers:
            return f"{place}/sso?{urlencode(values | {'silent': 'true'})}"
        if denied.reason is Reason.STEP_UP_REQUIRED and Offer.SSO in denied.offers:
            return f"{place}/sso?{urlencode(values)}"
        if denied.reason in (Reason.STEP_UP_REQUIRED, Reason.WRONG_SSO_CONFIGURATION):
            values["because"] = denied.reason.value
    return place + (f"?{urlencode(values)}" if values else "")


def actor_of(house: House, request: Request, session: Session, handle: str) -> Actor:
    """Who acts, for the audit log."""
    name = str(session.user_id or f"emergency:{session.account_id}")
    return Actor(name, house.network(request), request.headers.get("user-agent", ""), hash_token(handle)[:8].hex())


def visitor_of(house: House, request: Request) -> Actor:
    """Somebody who has not said, or not proved, who they are, for the audit log."""
    return Actor("visitor", house.network(request), request.headers.get("user-agent", ""))


def _navigation(path: str, sees_dashboard: bool) -> Sequence[Mapping[str, Any]]:
    sections = [("My workspaces", "/home", "home")]
    if sees_dashboard:
        sections += [
            ("Dashboard", "/dashboard", "layout-dashboard"),
            ("Workspaces", "/dashboard/workspaces", "apps"),
            ("People", "/dashboard/people", "users"),
            ("Settings", "/settings", "settings"),
        ]
    fitting = [href for _, href, _ in sections if path == href or path.startswith(f"{href}/")]
    here = max(fitting, key=len, default="/home" if path.startswith("/w/") else None)
    return [{"name": name, "href": href, "icon": icon, "here": href == here} for name, href, icon in sections]
