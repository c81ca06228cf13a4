"""Single sign-on: the list of configurations, their dialogs, and a test of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from rollcall.db import Rate, take_turn
from rollcall.errors import Fault, Faulty, NotFound, Throttled
from rollcall.outbound import address_fault
from rollcall.web import see_other
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.pages.settings_list import Filled, status_of_faults, version_of
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.settings.connection_store import (
    InUse,
    Kept,
    configurations,
    create_configuration,
    delete_configuration,
    fared,
    read_configuration,
    sessions_through,
    told,
    turn_configuration,
    update_configuration,
    uses_of,
)
from rollcall.workspaces.settings.connections import GROUP_SOURCES, STRENGTHS, Draft, read_oidc
from rollcall.workspaces.settings.provider_check import fetched_metadata, provider_fault
from rollcall.workspaces.settings.saml_connections import asks_for_metadata, read_saml, saml_values
from rollcall.workspaces.settings.synchronization import ends_soon
from rollcall.workspaces.settings.typed import Stale
from rollcall.workspaces.sso.configuration import (
    DEFAULT_SCOPES,
    ENTRA_GROUPS_ATTRIBUTE,
    Kind,
    SsoConfiguration,
    addresses,
    pinned,
)
from rollcall.workspaces.sso.edges import UNDER_WAY
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.transactions import LIFETIME, Asking

HERE = "/settings/single-sign-on"
KINDS = (Kind.ENTRA_MULTI_TENANT, Kind.ENTRA, Kind.OPENID_CONNECT, Kind.SAML)
ASKED_AT_MOST = Rate(20, 60.0)
"""How often an organisation may have providers asked for their metadata."""
NO_REGISTRATION = "The operator of this installation has not registered it with Microsoft Entra ID."
_LABELS = {
    "name": "Name",
    "tenants": "Microsoft Entra tenant ID",
    "client_id": "Client ID",
    "issuer": "Issuer",
    "scopes": "Scopes",
    "group_claim": "Group claim",
    "group_source": "Group source",
    "match_by": "Match provisioned users by",
    "strength": "Require sign-in strength",
    "guests_at_dashboard": "Guests at the dashboard",
    "guests_at_workspaces": "Guests in workspaces",
    "group_lookup": "Look up groups that do not fit into a token",
    "claims_mapping": "The registration signs with a key of its own",
    "domain_hint": "Domain hint",
    "untyped_logout_tokens": "Logout tokens without type",
    "secret_expires": "Secret expires on",
    "saml": "Identity provider",
}


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """The addresses of single sign-on."""
    pages, door = _Connections(visits), DoorKind.SETTINGS
    one = HERE + "/{configuration}"
    return (
        visits.route(HERE, door, pages.listed),
        visits.route(HERE + "/new/{kind}", door, pages.fill_in),
        visits.route(HERE + "/new/{kind}", door, pages.create, ["POST"]),
        visits.route(one, door, pages.show),
        visits.route(one, door, pages.save, ["POST"]),
        visits.route(one + "/turn", door, pages.turn, ["POST"]),
        visits.route(one + "/delete", door, pages.delete, ["POST"]),
        visits.route(one + "/test", door, pages.test, ["POST"]),
    )


class _Connections:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits
        self._house = visits.house

    async def listed(self, request: Request, visit: Visit) -> Response:
        """All configurations: state, use, and how the last sign-ins through each ended."""
        rows = []
        for kept in await visit.db.read(configurations, self._house.sealer):
            identifier = kept.configuration.id
            rows.append(
                {
                    "kept": kept,
                    "uses": await visit.db.read(uses_of, identifier),
                    "fared": await visit.db.read(fared, identifier),
                    "ends_in": ends_soon(kept.secret_expires, visit.now),
                }
            )
        kinds = [(each, self._why_not(each)) for each in KINDS]
        return self._visits.show(request, visit, "workspaces/settings/connections.html", rows=rows, kinds=kinds)

    async def fill_in(self, request: Request, visit: Visit) -> Response:
        """The dialog of a new configuration."""
        kind = self._kind(request)
        claim = ENTRA_GROUPS_ATTRIBUTE if kind is Kind.SAML else "groups"
        values = {"name": kind.words, "scopes": " ".join(DEFAULT_SCOPES), "group_claim": claim}
        return self._dialog(request, visit, kind, values | {"guests_at_workspaces": "true"})

    async def create(self, request: Request, visit: Visit) -> Response:
        """OK in the dialog of a new configuration."""
        kind, values = self._kind(request), visit.sent.values()
        try:
            draft = await self._read(visit, self._house.runtime.new_id(), kind, values, None)
            kept = await visit.db.write(
                create_configuration, self._house.runtime, self._house.sealer, visit.actor, draft
            )
        except Faulty as faulty:
            return self._dialog(request, visit, kind, values, faults=faulty.faults, status=status_of_faults(faulty))
        return see_other(f"{HERE}/{kept.configuration.id}?saved=created")

    async def show(self, request: Request, visit: Visit) -> Response:
        """A configuration: what to copy to the provider, its fields, and what can be done with it."""
        kept = await self._kept(request, visit)
        return await self._one(request, visit, kept, typed_values(kept))

    async def save(self, request: Request, visit: Visit) -> Response:
        """OK in the dialog of a configuration that is there."""
        kept, values, version = await self._kept(request, visit), visit.sent.values(), version_of(visit)
        kind = kept.configuration.kind
        try:
            draft = await self._read(visit, kept.configuration.id, kind, values, kept.configuration)
        except Faulty as faulty:
            status = status_of_faults(faulty)
            return await self._one(request, visit, kept, values, faults=faulty.faults, status=status)
        try:
            await visit.db.write(
                update_configuration, self._house.runtime, self._house.sealer, visit.actor, draft, version
            )
        except Faulty as faulty:
            status = status_of_faults(faulty)
            return await self._one(request, visit, kept, values, faults=faulty.faults, status=status)
        except Stale as stale:
            theirs = told(kept.configuration, kept.secret_expires)
            mine = told(draft.configuration, draft.secret_expires)
            differences = [
                (_LABELS.get(name, name), _shown(theirs[name]), _shown(value))
                for name, value in mine.items()
                if theirs[name] != value
            ]
            return await self._one(
                request, visit, kept, values, stale=stale.message, differences=differences, status=409
            )
        return see_other(f"{HERE}/{kept.configuration.id}?saved=saved")

    async def turn(self, request: Request, visit: Visit) -> Response:
        """On or off."""
        kept = await self._kept(request, visit)
        on = visit.sent.is_checked("on")
        await visit.db.write(turn_configuration, self._house.runtime, visit.actor, kept.configuration.id, on)
        return see_other(f"{HERE}/{kept.configuration.id}?saved={'on' if on else 'off'}")

    async def delete(self, request: Request, visit: Visit) -> Response:
        """Delete one that is chosen nowhere."""
        kept = await self._kept(request, visit)
        try:
            await visit.db.write(delete_configuration, self._house.runtime, visit.actor, kept.configuration.id)
        except InUse as used:
            return await self._one(request, visit, kept, typed_values(kept), refused=used.message, status=409)
        return see_other(HERE)

    async def test(self, request: Request, visit: Visit) -> Response:
        """Test sign-in: a whole round trip in a new window, after which nobody is signed in."""
        kept = await self._kept(request, visit)
        configuration = kept.configuration
        await self._take_turn(visit)
        tenant = visit.sent.text("tenant") or None
        asking = Asking("dashboard", f"{HERE}/{configuration.id}", tenant=tenant, prompt="select_account", testing=True)
        handle = self._house.cookies.read(request, UNDER_WAY)
        try:
            started = await self._house.party.start(visit.organisation.id, configuration, asking, handle)
        except SsoFailed as failed:
            what = f"{failed.message} {failed.noted}".strip()
            return await self._one(request, visit, kept, typed_values(kept), refused=what, status=failed.status)
        response = see_other(started.url)
        self._house.cookies.put(response, UNDER_WAY, started.browser, int(LIFETIME.total_seconds()))
        return response

    async def _read(
        self, visit: Visit, identifier: UUID, kind: Kind, values: Mapping[str, str], present: SsoConfiguration | None
    ) -> Draft:
        """The fields, and for a provider that is named by its issuer its metadata. Raises Faulty, Throttled."""
        if why := self._why_not(kind):
            raise Faulty([Fault("name", "not_offered", why)])
        reach = self._house.party.reach
        if kind is Kind.SAML:
            return await self._read_saml(visit, identifier, values, present)
        draft, typed = read_oidc(
            identifier,
            kind,
            values,
            present,
            consumer_tenant=self._house.installation.consumer_tenant,
            refused=lambda url: address_fault(url, reach),
        )
        typed.check()
        if kind is Kind.OPENID_CONNECT:
            await self._take_turn(visit)
            fault = await provider_fault(self._house.party.pins(draft.configuration), reach)
            if fault is not None:
                raise Faulty([fault])
        return draft

    async def _read_saml(
        self, visit: Visit, identifier: UUID, values: Mapping[str, str], present: SsoConfiguration | None
    ) -> Draft:
        """The fields, with the metadata at the address that was given alone."""
        reach, values = self._house.party.reach, dict(values)
        if asks_for_metadata(values):
            await self._take_turn(visit)
            fetched = await fetched_metadata(values["metadata_url"].strip(), reach)
            if isinstance(fetched, Fault):
                raise Faulty([fetched])
            values["metadata"] = fetched
        draft, typed = read_saml(identifier, values, present, visit.now, lambda url: address_fault(url, reach))
        typed.check()
        assert draft is not None, "fields without a fault make a configuration"
        return draft

    async def _take_turn(self, visit: Visit) -> None:
        key = ("provider metadata", str(visit.organisation.id))
        wait = await self._house.database.system(take_turn, ASKED_AT_MOST, self._house.runtime.now(), *key)
        if wait:
            raise Throttled(
                "Providers were asked very often just now. Wait a moment.",
                code="rate_limited",
                retry_after_seconds=wait,
            )

    def _ends_at(self, configuration: SsoConfiguration) -> str | None:
        """Where the form of the test ends."""
        if configuration.saml is not None:
            return configuration.saml.sso_url
        pins = pinned(configuration, self._house.installation)
        return None if pins is None else pins.issuer

    def _why_not(self, kind: Kind) -> str | None:
        registered = self._house.installation.registration is not None
        return NO_REGISTRATION if kind is Kind.ENTRA_MULTI_TENANT and not registered else None

    def _kind(self, request: Request) -> Kind:
        written = request.path_params["kind"]
        found = next((each for each in KINDS if each.value == written), None)
        if found is None or self._why_not(found):
            raise NotFound("There is no such kind of configuration here.")
        return found

    async def _kept(self, request: Request, visit: Visit) -> Kept:
        identifier = parse_id(request.path_params["configuration"])
        kept = None if identifier is None else await visit.db.read(read_configuration, self._house.sealer, identifier)
        if kept is None:
            raise NotFound("There is no such page, or it is not for you.")
        return kept

    def _dialog(
        self,
        request: Request,
        visit: Visit,
        kind: Kind,
        values: Mapping[str, str],
        *,
        faults: Sequence[Fault] = (),
        status: int = 200,
        **more: Any,
    ) -> Response:
        known: dict[str, Any] = {"kept": None, "kind": kind, "values": Filled(values), "faults": faults, "stale": None}
        known |= {"differences": (), "group_sources": GROUP_SOURCES.items(), "strengths": STRENGTHS.items()}
        return self._visits.show(request, visit, "workspaces/settings/connection.html", status, **known | more)

    async def _one(
        self, request: Request, visit: Visit, kept: Kept, values: Mapping[str, str], **more: Any
    ) -> Response:
        configuration = kept.configuration
        if (ends_at := self._ends_at(configuration)) is not None:
            provider = urlsplit(ends_at)
            request.state.form_action = [f"{provider.scheme}://{provider.netloc}"]
        known: dict[str, Any] = {
            "kept": kept,
            "addresses": addresses(self._house.installation, configuration.id),
            "uses": await visit.db.read(uses_of, configuration.id),
            "fared": await visit.db.read(fared, configuration.id),
            "sessions": await visit.db.read(sessions_through, configuration.id),
            "ends_in": ends_soon(kept.secret_expires, visit.now),
            "saved": _SAVED.get(request.query_params.get("saved", "")),
            "refused": None,
        }
        return self._dialog(request, visit, configuration.kind, values, **known | more)


_SAVED = {
    "created": "The configuration was added. Copy the addresses below to the provider, then test it.",
    "saved": "The configuration was saved.",
    "on": "The configuration is on.",
    "off": "The configuration is off, and the sessions that came through it have ended.",
}


def typed_values(kept: Kept) -> dict[str, str]:
    """A configuration as its dialog shows it."""
    configuration = kept.configuration
    strength = "mfa" if configuration.strength.mfa else "values" if configuration.strength.values else "none"
    client = configuration.client
    public = client is not None and client.secret is None and client.key is None
    ticked = {
        "public_client": public,
        "guests_at_dashboard": configuration.guests_at_dashboard,
        "guests_at_workspaces": configuration.guests_at_workspaces,
        "group_lookup": configuration.group_lookup,
        "claims_mapping": configuration.claims_mapping,
        "untyped_logout_tokens": configuration.untyped_logout_tokens,
    }
    return {
        "name": configuration.name,
        "tenant_ids": ", ".join(configuration.tenants),
        "client_id": client.id if client else "",
        "secret_expires": kept.secret_expires.isoformat() if kept.secret_expires else "",
        "issuer": configuration.issuer or "",
        "scopes": " ".join(configuration.scopes),
        "group_claim": configuration.group_claim,
        "group_source": configuration.group_source.value,
        "match_by": configuration.match_by.value,
        "strength": strength,
        "strength_values": ", ".join(configuration.strength.values),
        "domain_hint": configuration.domain_hint or "",
        **{name: "true" if on else "" for name, on in ticked.items()},
        **(saml_values(configuration.saml) if configuration.saml else {}),
    }


def _shown(value: object) -> str:
    """A value in a list of differences."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    if isinstance(value, dict) and "entity_id" in value:
        return f"{value['entity_id']}, {value['sso_url']}, {len(value['certificates'])} certificates"
    if isinstance(value, dict):
        return "several factors" if value.get("mfa") else ", ".join(value.get("values", ())) or "–"
    return "–" if value in (None, "") else str(value)
