"""The pages of the workspaces half, put together."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import BaseRoute

from rollcall.workspaces.pages import (
    access_control,
    connections,
    dashboard,
    dashboard_groups,
    dashboard_people,
    dashboard_workspaces,
    front,
    home,
    leaving,
    logging_in,
    login_links,
    members,
    profile,
    settings_list,
    single_sign_on,
    synchronization,
    workspace,
    workspace_login,
)
from rollcall.workspaces.pages.house import House
from rollcall.workspaces.pages.visits import Visit, Visits
from rollcall.workspaces.sending import Post

__all__ = ["House", "Post", "Visit", "Visits", "workspace_pages"]


def workspace_pages(house: House) -> Sequence[BaseRoute]:
    """The routes of all pages."""
    visits = Visits(house)
    return (
        *front.routes(visits),
        *logging_in.routes(visits),
        *login_links.routes(visits),
        *single_sign_on.routes(visits),
        *leaving.routes(visits),
        *settings_list.routes(visits),
        *connections.routes(visits),
        *synchronization.routes(visits),
        *access_control.routes(visits),
        *workspace_login.routes(visits),
        *home.routes(visits),
        *workspace.routes(visits),
        *members.routes(visits),
        *profile.routes(visits),
        *dashboard.routes(visits),
        *dashboard_workspaces.routes(visits),
        *dashboard_people.routes(visits),
        *dashboard_groups.routes(visits),
    )
