"""The list of settings, and what its pages have in common."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from rollcall.errors import Faulty, Invalid
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.settings.typed import CONFLICTS

SECTIONS = (
    ("Single sign-on", "/settings/single-sign-on", "The identity providers that people sign in with."),
    (
        "System for Cross-domain Identity Management",
        "/settings/provisioning",
        "Users and groups that a directory keeps in step: Tenant URL and Secret Token.",
    ),
    (
        "Main User Dashboard Access Control",
        "/settings/access-control",
        "How main users enter: by e-mailed PIN, or by single sign-on and the groups they are in.",
    ),
    (
        "Workspace default settings",
        "/settings/defaults",
        "Login, registration and SSO of workspaces that set nothing of their own.",
    ),
)
"""The pages of the settings in their order: name, address, and what is set there."""


def routes(visits: Visits) -> Sequence[BaseRoute]:
    """The list."""

    async def listed(request: Request, visit: Visit) -> Response:
        return visits.show(request, visit, "workspaces/settings/index.html", sections=SECTIONS)

    return (visits.route("/settings", DoorKind.SETTINGS, listed),)


class Filled(dict[str, str]):
    """The values of fields as a page shows them; empty for one that was not sent."""

    def __missing__(self, field: str) -> str:
        return ""


def status_of_faults(faulty: Faulty) -> int:
    """422, or 409 when all that is wrong is that it does not go with what is there already."""
    return 409 if all(each.code in CONFLICTS for each in faulty.faults) else 422


def version_of(visit: Visit) -> int:
    """The version that a form was filled in from. Raises Invalid for a form that has none."""
    text = visit.sent.text("version")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("The form is not whole. Load the page again.", code="version_missing")
    return int(text)
