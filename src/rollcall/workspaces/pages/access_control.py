"""Main User Dashboard Access Control: by PIN or by single sign-on, for whom, and a warning before a lock-out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from rollcall.errors import Conflict, Faulty
from rollcall.web import see_other
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.pages.settings_list import Filled, status_of_faults, version_of
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.settings.access_control import AccessControl, read_access_control, typed_group_ids
from rollcall.workspaces.settings.access_control_store import (
    KeptAccessControl,
    LockoutRisk,
    read_dashboard_access,
    save_dashboard_access,
)
from rollcall.workspaces.settings.connection_store import Kept, configurations
from rollcall.workspaces.settings.group_lists import describe_groups, ids_of_names
from rollcall.workspaces.settings.typed import Stale

HERE = "/settings/access-control"


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """The addresses of the page."""
    pages, door = _AccessControl(visits), DoorKind.SETTINGS
    return (visits.route(HERE, door, pages.show), visits.route(HERE, door, pages.save, ["POST"]))


class _AccessControl:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits
        self._house = visits.house

    async def show(self, request: Request, visit: Visit) -> Response:
        """The present settings."""
        kept = await visit.db.read(read_dashboard_access)
        saved = "Saved. Everybody else at the dashboard is judged by it from now on." if request.query_params else None
        return await self._page(request, visit, kept, _typed(kept.settings), saved=saved)

    async def save(self, request: Request, visit: Visit) -> Response:
        """Save all fields, or none."""
        values, version = visit.sent.values(), version_of(visit)
        known = {each.configuration.id: each for each in await self._configurations(visit)}
        chosen = next(
            (each for each in known.values() if str(each.configuration.id) == values.get("configuration")), None
        )
        entries = typed_group_ids(values, chosen.configuration if chosen else None)
        named = await visit.db.read(ids_of_names, entries)
        wanted, typed = read_access_control(values, {key: each.configuration for key, each in known.items()}, named)
        kept = await visit.db.read(read_dashboard_access)
        try:
            typed.check()
            await visit.db.write(
                save_dashboard_access,
                self._house.runtime,
                self._house.sealer,
                visit.actor,
                wanted,
                version,
                visit.session,
                confirmed=visit.sent.is_checked("confirm_lockout_risk"),
            )
        except Faulty as faulty:
            return await self._page(request, visit, kept, values, faults=faulty.faults, status=status_of_faults(faulty))
        except Stale as stale:
            differences = _differences(kept.settings, wanted, known)
            return await self._page(
                request, visit, kept, values, stale=stale.message, differences=differences, status=409
            )
        except LockoutRisk as risk:
            return await self._page(request, visit, kept, values, version=version, risk=risk.message, status=409)
        except Conflict as refused:
            return await self._page(request, visit, kept, values, refused=refused.message, status=409)
        return see_other(f"{HERE}?saved=saved")

    async def _configurations(self, visit: Visit) -> list[Kept]:
        return await visit.db.read(configurations, self._house.sealer)

    async def _page(
        self,
        request: Request,
        visit: Visit,
        kept: KeptAccessControl,
        values: Mapping[str, str],
        status: int = 200,
        **more: Any,
    ) -> Response:
        known: dict[str, Any] = {
            "kept": kept,
            "version": kept.version,
            "values": Filled(values),
            "configurations": [each.configuration for each in await self._configurations(visit)],
            "groups": await visit.db.read(describe_groups, kept.settings.group_ids),
            "faults": (),
            "stale": None,
            "differences": (),
            "risk": None,
            "refused": None,
            "saved": None,
        }
        return self._visits.show(request, visit, "workspaces/settings/access_control.html", status, **known | more)


def _typed(settings: AccessControl) -> dict[str, str]:
    """The settings as the page shows them."""
    return {
        "sso": "true" if settings.sso else "",
        "configuration": str(settings.configuration or ""),
        "group_ids": ",\n".join(settings.group_ids),
        "recent_minutes": str(settings.recent_minutes or ""),
    }


def _differences(saved: AccessControl, typed: AccessControl, known: Mapping[Any, Kept]) -> list[tuple[str, str, str]]:
    def shown(settings: AccessControl) -> dict[str, str]:
        chosen = known.get(settings.configuration)
        return {
            "Enable single sign-on for main users": "yes" if settings.sso else "no",
            "SSO configuration": chosen.configuration.name if chosen else "–",
            "Limit to following user groups": ", ".join(settings.group_ids) or "–",
            "Require recent sign-in": f"{settings.recent_minutes} minutes" if settings.recent_minutes else "–",
        }

    theirs, mine = shown(saved), shown(typed)
    return [(name, theirs[name], value) for name, value in mine.items() if theirs[name] != value]
