"""What the login page of a dashboard or of a workspace is about, read from the settings that hold (a store)."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Database, Tx
from rollcall.workspaces.access_model import DoorKind, WorkspaceState
from rollcall.workspaces.model import Organisation
from rollcall.workspaces.organisations import organisation, organisation_id
from rollcall.workspaces.places import find_slug
from rollcall.workspaces.settings.connection_store import read_configuration
from rollcall.workspaces.sso.configuration import SsoConfiguration

_LONGEST_KEY = 63


@dataclass(frozen=True, slots=True)
class LoginPlace:
    """A place that has a login page, and the ways in that it offers.

    `path`: under which its pages are. `workspace` is None for the dashboard. `sso`: whether single sign-on is on;
    `configuration`: the one to be used, None where it is off. `recent_minutes`: how fresh a sign-in has to be, 0 for any.
    """

    organisation: Organisation
    suspended: bool
    path: str
    name: str
    sso: bool
    configuration: SsoConfiguration | None
    recent_minutes: int = 0
    workspace: UUID | None = None
    state: WorkspaceState | None = None
    links: bool = False
    registration: bool = False
    text: str = ""

    @property
    def door(self) -> str:
        """The door, as a sign-in under way keeps it."""
        return "dashboard" if self.workspace is None else str(self.workspace)

    @property
    def kind(self) -> DoorKind:
        """What kind of door it is."""
        return DoorKind.DASHBOARD if self.workspace is None else DoorKind.WORKSPACE


async def dashboard_place(database: Database, sealer: Sealer, key: str) -> LoginPlace | None:
    """The dashboard of the organisation with this key; None where there is none."""
    if not _may_be_key(key):
        return None
    found = await database.system(organisation_id, key)
    return None if found is None else await database.tenant(found).read(read_dashboard_place, sealer)


async def workspace_place(database: Database, sealer: Sealer, slug: str) -> LoginPlace | None:
    """The workspace with this slug; None where there is none, or none any more."""
    found = await database.system(find_slug, slug) if _may_be_key(slug) else None
    return None if found is None else await database.tenant(found[0]).read(read_workspace_place, sealer, found[1])


async def read_dashboard_place(tx: Tx, sealer: Sealer) -> LoginPlace:
    """The dashboard of this organisation."""
    row = await tx.one(
        """select o.suspended, a.sso, a.configuration_id, a.recent_minutes
           from workspaces.organisations o join workspaces.dashboard_access a using (tenant_id)"""
    )
    assert row is not None, "an organisation has its access control from its beginning"
    own = await organisation(tx)
    return LoginPlace(
        own,
        row["suspended"],
        f"/o/{own.key}",
        own.name,
        row["sso"],
        await _usable(tx, sealer, row["sso"], row["configuration_id"]),
        row["recent_minutes"],
    )


async def read_workspace_place(tx: Tx, sealer: Sealer, workspace: UUID) -> LoginPlace | None:
    """The workspace with this id; None where there is none, or none any more."""
    row = await tx.one(
        """select e.slug, e.name, e.state, e.sso, e.configuration_id, e.links, e.registration, e.login_text, o.suspended
           from workspaces.effective_login e cross join workspaces.organisations o
           where e.workspace_id = %s and e.state <> 'deleted'""",
        (workspace,),
    )
    if row is None:
        return None
    return LoginPlace(
        await organisation(tx),
        row["suspended"],
        f"/w/{row['slug']}",
        row["name"],
        row["sso"],
        await _usable(tx, sealer, row["sso"], row["configuration_id"]),
        workspace=workspace,
        state=WorkspaceState(row["state"]),
        links=row["links"],
        registration=row["links"] and row["registration"],
        text=row["login_text"],
    )


async def _usable(tx: Tx, sealer: Sealer, sso: bool, configuration: UUID | None) -> SsoConfiguration | None:
    kept = await read_configuration(tx, sealer, configuration) if sso and configuration is not None else None
    return kept.configuration if kept is not None and kept.configuration.on else None


def _may_be_key(text: str) -> bool:
    """Whether it is worth a look: nothing else was ever given as key or slug."""
    return 0 < len(text) <= _LONGEST_KEY and text.isascii() and text.replace("-", "").isalnum()
