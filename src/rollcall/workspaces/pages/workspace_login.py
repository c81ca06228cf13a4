"""Login, registration and SSO: the defaults of all workspaces, and the same page in each of them with what is its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from rollcall.errors import Fault, Faulty
from rollcall.web import see_other
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.pages.settings_list import status_of_faults, version_of
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.settings.access_control import typed_group_ids
from rollcall.workspaces.settings.connection_store import configurations
from rollcall.workspaces.settings.group_lists import describe_groups, ids_of_names
from rollcall.workspaces.settings.login import (
    EXTRA_PINS,
    LABELS,
    LINK_VALIDITIES,
    LoginSettings,
    as_typed,
    effective,
    read_login,
    shown,
    unverified,
)
from rollcall.workspaces.settings.login_store import (
    KeptDefaults,
    KeptLogin,
    read_defaults,
    read_workspace_login,
    save_defaults,
    save_workspace_login,
)
from rollcall.workspaces.settings.typed import Stale, Typed
from rollcall.workspaces.sso.configuration import SsoConfiguration

DEFAULTS = "/settings/defaults/login"
OF_ADMINS = "/w/{workspace}/settings/login"
OF_MAIN_USERS = "/settings/workspaces/{slug}/login"
_ACKNOWLEDGED = "acknowledge_unverified"
_TEMPLATE = "workspaces/settings/login.html"


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """The addresses of the page: of the defaults, of a workspace for its admins, and for main users."""
    pages = _Login(visits)
    return (visits.route("/settings/defaults", DoorKind.SETTINGS, pages.list_defaults), *_of_pages(visits, pages))


def _of_pages(visits: Visits, pages: _Login) -> Sequence[BaseRoute]:
    return tuple(
        visits.route(path, door, handler, [method])
        for path, door, show, save in (
            (DEFAULTS, DoorKind.SETTINGS, pages.show_defaults, pages.save_defaults),
            (OF_ADMINS, DoorKind.WORKSPACE_SETTINGS, pages.show_workspace, pages.save_workspace),
            (OF_MAIN_USERS, DoorKind.SETTINGS, pages.show_workspace, pages.save_workspace),
        )
        for handler, method in ((show, "GET"), (save, "POST"))
    )


class _Login:
    def __init__(self, visits: Visits) -> None:
        self._visits = visits
        self._house = visits.house

    async def list_defaults(self, request: Request, visit: Visit) -> Response:
        """What workspaces have by default, page by page."""
        return self._visits.show(request, visit, "workspaces/settings/defaults.html")

    # ── the defaults ────────────────────────────────────────────────────────────────────────────

    async def show_defaults(self, request: Request, visit: Visit) -> Response:
        """The present defaults."""
        kept = await visit.db.read(read_defaults)
        saved = "Saved. Every workspace that inherits has it now." if "saved" in request.query_params else None
        return await self._defaults(request, visit, kept, as_typed(kept.settings), kept.locked, saved=saved)

    async def save_defaults(self, request: Request, visit: Visit) -> Response:
        """Save all fields, or none."""
        values, version = visit.sent.values(), version_of(visit)
        locked = frozenset(name for name in LABELS if visit.sent.is_checked(f"lock_{name}"))
        wanted, typed = await self._read(visit, values)
        kept = await visit.db.read(read_defaults)
        try:
            _check(visit, typed, wanted.sso_required_for, kept.settings.sso_required_for)
            await visit.db.write(save_defaults, self._house.runtime, visit.actor, wanted, locked, version)
        except Faulty as faulty:
            return await self._defaults(
                request, visit, kept, values, locked, faults=faulty.faults, status=status_of_faults(faulty)
            )
        except Stale as stale:
            differences = await self._differences(visit, kept.settings, wanted)
            return await self._defaults(
                request, visit, kept, values, locked, stale=stale.message, differences=differences, status=409
            )
        return see_other(f"{DEFAULTS}?saved=yes")

    async def _defaults(
        self,
        request: Request,
        visit: Visit,
        kept: KeptDefaults,
        values: Mapping[str, str],
        locked: Collection[str],
        **more: Any,
    ) -> Response:
        known: dict[str, Any] = {
            "kept": kept,
            "locked": locked,
            "here": DEFAULTS,
            "workspace": None,
            "own": (),
            "may_unlock": True,
        }
        return await self._page(request, visit, kept.settings, values, **known | more)

    # ── a workspace ─────────────────────────────────────────────────────────────────────────────

    async def show_workspace(self, request: Request, visit: Visit) -> Response:
        """The present settings of a workspace."""
        kept = await visit.db.read(read_workspace_login, _slug(request))
        saved = "Saved. It holds at once." if "saved" in request.query_params else None
        return await self._workspace(request, visit, kept, as_typed(kept.settings), kept.own, saved=saved)

    async def save_workspace(self, request: Request, visit: Visit) -> Response:
        """Save all fields, or none."""
        values, version = visit.sent.values(), version_of(visit)
        kept = await visit.db.read(read_workspace_login, _slug(request))
        may_unlock = _is_for_main_users(request)
        own = _own(values, kept, may_unlock=may_unlock)
        wanted, typed = await self._read(visit, values, own, kept.defaults)
        try:
            _check(visit, typed, wanted.sso_required_for, kept.settings.sso_required_for)
            await visit.db.write(
                save_workspace_login,
                self._house.runtime,
                visit.actor,
                kept.slug,
                wanted,
                own,
                version,
                may_unlock=may_unlock,
            )
        except Faulty as faulty:
            return await self._workspace(
                request, visit, kept, values, own, faults=faulty.faults, status=status_of_faults(faulty)
            )
        except Stale as stale:
            differences = await self._differences(visit, kept.settings, effective(kept.defaults, wanted, own))
            return await self._workspace(
                request, visit, kept, values, own, stale=stale.message, differences=differences, status=409
            )
        return see_other(f"{request.url.path}?saved=yes")

    async def _workspace(
        self,
        request: Request,
        visit: Visit,
        kept: KeptLogin,
        values: Mapping[str, str],
        own: Collection[str],
        **more: Any,
    ) -> Response:
        known: dict[str, Any] = {
            "kept": kept,
            "locked": kept.locked,
            "here": request.url.path,
            "workspace": kept.name,
            "own": own,
            "may_unlock": _is_for_main_users(request),
        }
        return await self._page(request, visit, kept.settings, values, **known | more)

    # ── both ────────────────────────────────────────────────────────────────────────────────────

    async def _configurations(self, visit: Visit) -> dict[UUID, SsoConfiguration]:
        kept = await visit.db.read(configurations, self._house.sealer)
        return {each.configuration.id: each.configuration for each in kept}

    async def _read(
        self,
        visit: Visit,
        values: Mapping[str, str],
        own: Collection[str] = tuple(LABELS),
        base: LoginSettings | None = None,
    ) -> tuple[LoginSettings, Typed]:
        known = await self._configurations(visit)
        chosen = next(
            (each for key, each in known.items() if str(key) == values.get("configuration", "").strip()), None
        )
        named = await visit.db.read(ids_of_names, typed_group_ids(values, chosen))
        return read_login(values, known, named, only=own, base=base)

    async def _differences(
        self, visit: Visit, saved: LoginSettings, typed: LoginSettings
    ) -> list[tuple[str, str, str]]:
        known = await self._configurations(visit)
        both = [(label, shown(name, saved, known), shown(name, typed, known)) for name, label in LABELS.items()]
        return [each for each in both if each[1] != each[2]]

    async def _page(
        self,
        request: Request,
        visit: Visit,
        settings: LoginSettings,
        values: Mapping[str, str],
        status: int = 200,
        **more: Any,
    ) -> Response:
        known = await self._configurations(visit)
        kept = more["kept"]
        defaults = kept.defaults if isinstance(kept, KeptLogin) else kept.settings
        base: dict[str, Any] = {
            "labels": LABELS,
            "values": {name: values.get(name, "") for name in LABELS} | _untouched(values, kept, more),
            "inherited": {name: shown(name, defaults, known) for name in LABELS},
            "configurations": list(known.values()),
            "link_validities": [(each, each) for each in LINK_VALIDITIES],
            "extra_pins": list(EXTRA_PINS.items()),
            "groups": await visit.db.read(describe_groups, settings.group_ids),
            "acknowledges": any(each.code == "domain_not_verified" for each in more.get("faults", ())),
            "faults": (),
            "stale": None,
            "differences": (),
            "saved": None,
        }
        return self._visits.show(request, visit, _TEMPLATE, status, **base | more)


def _slug(request: Request) -> str:
    return str(request.path_params.get("workspace") or request.path_params["slug"])


def _is_for_main_users(request: Request) -> bool:
    return "slug" in request.path_params


def _own(values: Mapping[str, str], kept: KeptLogin, *, may_unlock: bool) -> frozenset[str]:
    """The fields that are a workspace's own after a Save.

    Editing an inherited field makes it own; *Use default* is the box of an own field that was emptied. Locked fields
    are not on the page of admins, so they stay as they are unless somebody sends them all the same.
    """
    present = as_typed(kept.settings)

    def is_own(name: str) -> bool:
        ticked = values.get(f"own_{name}", "") not in ("", "false")
        if name in kept.locked and not may_unlock and name not in values and not ticked:
            return name in kept.own
        if name in kept.own:
            return ticked
        return ticked or values.get(name, "").strip() != present[name].strip()

    return frozenset(name for name in LABELS if is_own(name))


def _untouched(values: Mapping[str, str], kept: KeptDefaults | KeptLogin, more: Mapping[str, Any]) -> dict[str, str]:
    """Locked fields were not on the form of an admin: they are shown as they are."""
    if not isinstance(kept, KeptLogin) or more["may_unlock"]:
        return {}
    present = as_typed(kept.settings)
    return {name: present[name] for name in kept.locked if name not in values}


def _check(visit: Visit, typed: Typed, required_for: Sequence[str], before: Sequence[str]) -> None:
    """Raises Faulty for anything wrong, and for a domain that is new, not proved, and not acknowledged."""
    added = [each for each in unverified(required_for, ()) if each not in before]
    if added and not visit.sent.is_checked(_ACKNOWLEDGED):
        message = (
            f"The organisation has not proved that these are its own: {', '.join(added[:5])}. People with such addresses "
            "could enter by single sign-on only. Tick the box below if you mean it."
        )
        typed.faults.append(Fault("sso_required_for", "domain_not_verified", message))
    typed.check()
