"""Single sign-on as browsers see it: on to the provider, back from it, and what is shown when that came to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from rollcall.db import Rate, take_turn
from rollcall.errors import NotFound, Throttled
from rollcall.web import origin_of, read_form, safe_return_path, see_other
from rollcall.workspaces.access_model import Reason
from rollcall.workspaces.access_words import WORDS
from rollcall.workspaces.audit import Happening, record
from rollcall.workspaces.entry.login_places import (
    LoginPlace,
    read_dashboard_place,
    read_workspace_place,
    workspace_place,
)
from rollcall.workspaces.entry.sign_in_door import SignInDoor
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.pages.house import House
from rollcall.workspaces.pages.logging_in import place_of, return_path
from rollcall.workspaces.pages.visits import Visits, visitor_of
from rollcall.workspaces.sso.arrivals import Tried, TurnedAway
from rollcall.workspaces.sso.configuration import Kind, SsoConfiguration
from rollcall.workspaces.sso.edges import UNDER_WAY, SsoEdges
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.transactions import Asking

STARTS = Rate(30, 60.0)
"""How many sign-ins one network may begin (check REQ-2)."""
_LONGEST_HINT = 255
_NEUTRAL = "You can't sign in here. Ask the people who run this place."


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """Starting, coming back, and logout from outside."""
    pages = SingleSignOn(visits.house)
    return (
        Route("/o/{organisation}/login/sso", pages.begin, methods=["GET"]),
        Route("/w/{workspace}/login/sso", pages.begin, methods=["GET"]),
        Route("/sso/{configuration}/start", pages.third_party, methods=["GET", "POST"]),
        *pages.edges.routes(),
    )


@dataclass(frozen=True, slots=True)
class SingleSignOn:
    """The pages of one house."""

    house: House

    @property
    def edges(self) -> SsoEdges:
        """The addresses that providers and their browsers come to."""
        house = self.house
        return SsoEdges(
            house.party,
            house.logout,
            house.cookies,
            house.find,
            self._door,
            self,
            house.network,
            house.pages,
            house.forms,
        )

    # ── on to the provider ─────────────────────────────────────────────────────────────────────

    async def begin(self, request: Request) -> Response:
        """From a button of ours on to the provider; from anywhere else to the button first (check REQ-2)."""
        house = self.house
        place = await place_of(house, request)
        back = return_path(request.query_params.get("return_to"), place)
        asking = Asking(
            place.door,
            back,
            login_hint=_hint(request.query_params.get("login_hint")),
            max_age_seconds=60 * place.recent_minutes or None,
            silent="silent" in request.query_params,
        )
        embedded = request.headers.get("sec-fetch-dest", "document") != "document"
        if embedded or not house.forms.is_own_site(request) or place.suspended:
            return see_other(_login(place, back))
        return await self._start(request, place, asking)

    async def third_party(self, request: Request) -> Response:
        """A provider, or a page of the organisation's, asks for a sign-in; it is an ordinary one from here on.

        OpenID Connect Core §4. `target_link_uri` names the door where it is an address of ours, and is else ignored.
        """
        house = self.house
        identifier = parse_id(request.path_params["configuration"])
        found = None if identifier is None else await house.find(identifier)
        if found is None or not found[1].on or found[1].kind is Kind.SAML:
            raise NotFound("There is no such page, or it is not for you.")
        organisation, configuration = found
        given = await _given(request)
        if not self._issues(configuration, given.get("iss", "")):
            raise NotFound("There is no such page, or it is not for you.")
        target = given.get("target_link_uri", "")
        path = _own_path(house.base_url, target)
        place = await self._target(organisation, path)
        asking = Asking(
            place.door,
            return_path(path, place),
            login_hint=_hint(given.get("login_hint")),
            max_age_seconds=60 * place.recent_minutes or None,
        )
        if place.configuration is None or place.configuration.id != configuration.id:
            return see_other(_login(place, asking.return_to))
        return await self._start(request, place, asking)

    async def _start(self, request: Request, place: LoginPlace, asking: Asking) -> Response:
        house, configuration = self.house, place.configuration
        if configuration is None:
            return see_other(_login(place, asking.return_to))
        now, visitor = house.runtime.now(), visitor_of(house, request)
        if wait := await house.database.system(take_turn, STARTS, now, "sign-in begun", visitor.ip):
            raise Throttled("Too many sign-ins were begun.", code="rate_limited", retry_after_seconds=wait)
        organisation = place.organisation.id
        try:
            started = await house.party.start(
                organisation, configuration, asking, house.cookies.read(request, UNDER_WAY)
            )
        except SsoFailed as failed:
            reference = str(house.runtime.new_id())
            outcome = TurnedAway(failed.code, failed.message, failed.status, reference, failed.check, asking)
            return await self.turned_away(request, organisation, configuration, outcome)
        happening = Happening(
            "auth.sso.started",
            "sso_config",
            str(configuration.id),
            details={"door": asking.door, "silent": asking.silent},
        )
        await house.database.tenant(organisation).write(record, house.runtime, visitor, happening)
        return self.edges.send(started)

    async def _target(self, organisation: UUID, path: str | None) -> LoginPlace:
        """The place that a path of ours is in, if it is the organisation's own; else its dashboard."""
        house = self.house
        parts = (path or "").split("?")[0].split("/")
        if len(parts) >= 3 and parts[1] == "w":
            place = await workspace_place(house.database, house.sealer, parts[2])
            if place is not None and place.organisation.id == organisation:
                return place
        return await house.database.tenant(organisation).read(read_dashboard_place, house.sealer)

    def _issues(self, configuration: SsoConfiguration, issuer: str) -> bool:
        try:
            pins = self.house.party.pins(configuration)
        except SsoFailed:
            return False
        tenants = pins.tenants if pins.many_tenants else ("",)
        return any(issuer == pins.issuer.replace("{tenantid}", each) for each in tenants)

    # ── what the edges ask for ─────────────────────────────────────────────────────────────────

    def _door(self, request: Request, configuration: SsoConfiguration, asking: Asking) -> SignInDoor:
        workspace = None if asking.door == "dashboard" else UUID(asking.door)
        guests = configuration.guests_at_dashboard if workspace is None else configuration.guests_at_workspaces
        return SignInDoor(self.house.runtime, visitor_of(self.house, request), workspace, guests)

    # ── what is shown ──────────────────────────────────────────────────────────────────────────

    async def turned_away(
        self, request: Request, organisation: UUID, configuration: SsoConfiguration, outcome: TurnedAway
    ) -> Response:
        """Why there is no session, in plain words, with a number that finds the line in log and audit log."""
        house = self.house
        reason = next((each for each in Reason if each.value == outcome.code), None)
        happening = Happening(
            "auth.sso.failed" if reason is None else "auth.sso.denied",
            "sso_config",
            str(configuration.id),
            "error" if reason is None else "denied",
            outcome.code,
            details={
                "check": outcome.check,
                "door": outcome.asking.door if outcome.asking is not None else None,
                "reference": outcome.reference,
            },
        )
        db = house.database.tenant(organisation)
        await db.write(record, house.runtime, visitor_of(house, request), happening)
        place = await self._place(organisation, outcome.asking)
        shown, status, message = outcome.code, outcome.status, outcome.message
        if reason is not None:  # who was deleted or suspended is told the same, which is that nobody tells why
            hidden = WORDS[reason].shown_as
            shown = (hidden or reason).value
            status, message = (403, _NEUTRAL) if hidden else (WORDS[reason].status, WORDS[reason].person)
        return house.pages.page(
            request,
            "workspaces/sso_failed.html",
            status,
            message=message,
            on_its_way=outcome.on_its_way,
            code=shown,
            reference=outcome.reference,
            consent_url=outcome.consent_url,
            again=_login(place, outcome.asking.return_to if outcome.asking is not None else "/"),
        )

    async def tried(
        self, request: Request, organisation: UUID, configuration: SsoConfiguration, outcome: Tried
    ) -> Response:
        """What *Test sign-in* found; nobody was signed in."""
        happening = Happening("sso_config.tested", "sso_config", str(configuration.id))
        db = self.house.database.tenant(organisation)
        await db.write(record, self.house.runtime, visitor_of(self.house, request), happening)
        return self.house.pages.page(
            request,
            "workspaces/sso_tried.html",
            configuration=configuration,
            claims=sorted(outcome.vouched.claims.items()),
            groups=outcome.snapshot.groups,
            source=outcome.snapshot.source,
            user=outcome.user,
        )

    async def approved(self, request: Request, organisation: UUID, configuration: SsoConfiguration) -> Response:
        """The application is approved at the provider; signing in is the next step."""
        place = await self._place(organisation, None)
        return self.house.pages.page(
            request,
            "workspaces/said.html",
            heading="The application is approved",
            words=f"People of your organisation can sign in with {configuration.name} now.",
            onward={"name": "Sign in", "href": _login(place, "")},
        )

    async def signed_out(self, request: Request) -> Response:
        """The same page whoever comes (check OUT-3)."""
        return self.house.pages.page(
            request,
            "workspaces/said.html",
            heading="You are signed out",
            words="This browser has no session here, and none at your organisation's sign-in.",
            onward={"name": "To the first page", "href": "/"},
        )

    async def _place(self, organisation: UUID, asking: Asking | None) -> LoginPlace:
        db, sealer = self.house.database.tenant(organisation), self.house.sealer
        place = None
        if asking is not None and (workspace := parse_id(asking.door)) is not None:
            place = await db.read(read_workspace_place, sealer, workspace)
        return await db.read(read_dashboard_place, sealer) if place is None else place


def _login(place: LoginPlace, back: str) -> str:
    from_place = return_path(back or None, place)
    return f"{place.path}/login?{urlencode({'return_to': from_place})}"


def _hint(written: str | None) -> str | None:
    return written if written and len(written) <= _LONGEST_HINT and written.isprintable() else None


def _own_path(base_url: str, target: str) -> str | None:
    """The path of an address of ours; None for any other address."""
    if not target.isascii() or not target.isprintable() or origin_of(target) != origin_of(base_url):
        return None
    parts = urlsplit(target)
    return safe_return_path(parts.path + (f"?{parts.query}" if parts.query else ""))


async def _given(request: Request) -> dict[str, str]:
    """The parameters, by GET or by POST; nothing in them is believed but what is compared with our own."""
    if request.method == "POST":
        return (await read_form(request)).values()
    return dict(request.query_params)
