"""System for Cross-domain Identity Management: the switch, Tenant URL and Secret Token, and what provisioning does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from rollcall.errors import Conflict, Faulty, NotFound
from rollcall.web import see_other
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.pages.settings_list import Filled, status_of_faults, version_of
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.scim_api import tenant_url
from rollcall.workspaces.settings.activity import read_activity
from rollcall.workspaces.settings.secret_tokens import (
    KeptSynchronization,
    discard_pending,
    prepare_token,
    read_synchronization_settings,
    revoke_token,
    save_synchronization,
)
from rollcall.workspaces.settings.synchronization import UNTIL_REVOKED, ends_soon, read_synchronization
from rollcall.workspaces.settings.typed import Stale

HERE = "/settings/provisioning"
OVERLAPS = (
    ("0", "stops at once"),
    ("1", "works for 1 day"),
    ("7", "works for 7 days"),
    ("30", "works for 30 days"),
    ("90", "works for 90 days"),
    (UNTIL_REVOKED, "works until I revoke it"),
)


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """The addresses of the page."""
    pages, door = _Synchronization(visits), DoorKind.SETTINGS
    return (
        visits.route(HERE, door, pages.show),
        visits.route(HERE, door, pages.save, ["POST"]),
        visits.route(HERE + "/token", door, pages.prepare, ["POST"]),
        visits.route(HERE + "/token/{credential}/revoke", door, pages.revoke, ["POST"]),
    )


class _Synchronization:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits
        self._house = visits.house

    async def show(self, request: Request, visit: Visit) -> Response:
        """The present settings. A token that this browser was shown and did not save is dropped."""
        await visit.db.write(discard_pending, self._house.runtime, visit.session.id)
        kept = await visit.db.read(read_synchronization_settings)
        saved = _SAVED.get(request.query_params.get("saved", ""))
        return await self._page(request, visit, kept, _typed(kept), saved=saved)

    async def prepare(self, request: Request, visit: Visit) -> Response:
        """A new Secret Token, shown this once; Save makes it valid."""
        values = visit.sent.values() | {"enabled": "true"}
        try:
            issued = await visit.db.write(prepare_token, self._house.runtime, visit.actor, visit.session.id)
        except Conflict as refused:
            kept = await visit.db.read(read_synchronization_settings)
            return await self._page(request, visit, kept, values, refused=refused.message, status=409)
        kept = await visit.db.read(read_synchronization_settings)
        values["credential"] = str(issued.credential.id)
        return await self._page(request, visit, kept, values, token=issued.token)

    async def save(self, request: Request, visit: Visit) -> Response:
        """Save the switch, the networks and the token that was shown, all or none."""
        values, version = visit.sent.values(), version_of(visit)
        wanted, typed = read_synchronization(values, visit.now)
        kept = await visit.db.read(read_synchronization_settings)
        try:
            typed.check()
            await visit.db.write(
                save_synchronization, self._house.runtime, visit.actor, wanted, version, visit.session.id
            )
        except Faulty as faulty:
            return await self._page(request, visit, kept, values, faults=faulty.faults, status=status_of_faults(faulty))
        except Stale as stale:
            differences = [
                (name, theirs, mine)
                for name, theirs, mine in (
                    ("Enable user synchronization", _either(kept.on), _either(wanted.on)),
                    ("Networks", ", ".join(kept.networks) or "any", ", ".join(wanted.networks) or "any"),
                )
                if theirs != mine
            ]
            return await self._page(
                request, visit, kept, values, stale=stale.message, differences=differences, status=409
            )
        except Conflict as refused:
            return await self._page(request, visit, kept, values, refused=refused.message, status=409)
        return see_other(f"{HERE}?saved={'on' if wanted.on else 'off'}")

    async def revoke(self, request: Request, visit: Visit) -> Response:
        """End a Secret Token at once."""
        identifier = parse_id(request.path_params["credential"])
        if identifier is None:
            raise NotFound("There is no such SCIM credential.")
        await visit.db.write(revoke_token, self._house.runtime, visit.actor, identifier)
        return see_other(f"{HERE}?saved=revoked")

    async def _page(
        self,
        request: Request,
        visit: Visit,
        kept: KeptSynchronization,
        values: Mapping[str, str],
        status: int = 200,
        **more: Any,
    ) -> Response:
        live = [each for each in kept.credentials if each.is_live(visit.now)]
        known: dict[str, Any] = {
            "kept": kept,
            "values": Filled({"overlap": "7"} | dict(values)),
            "tenant_url": tenant_url(self._house.base_url, visit.organisation.key),
            "live": [(each, ends_soon(each.expires, visit.now)) for each in live],
            "ended": [each for each in kept.credentials if not each.is_live(visit.now)],
            "overlaps": OVERLAPS,
            "activity": await visit.db.read(read_activity),
            "faults": (),
            "token": None,
            "stale": None,
            "differences": (),
            "refused": None,
            "saved": None,
        }
        return self._visits.show(request, visit, "workspaces/settings/synchronization.html", status, **known | more)


_SAVED = {
    "on": "Saved. User synchronization is on.",
    "off": "Saved. User synchronization is off; users, groups and memberships stay, and can be changed by hand.",
    "revoked": "The Secret Token was revoked. Within a second nobody gets in with it.",
}


def _typed(kept: KeptSynchronization) -> dict[str, str]:
    return {"enabled": "true" if kept.on else "", "networks": ", ".join(kept.networks)}


def _either(on: bool) -> str:
    return "yes" if on else "no"
