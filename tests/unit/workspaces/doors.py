"""Doors and people before them, everything in order unless a test says otherwise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from rollcall.workspaces.access_model import (
    Actor,
    Door,
    DoorKind,
    ExtraPin,
    Role,
    SessionFacts,
    Stage,
    Standing,
    Way,
    WorkspaceState,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ORGANISATION, OTHER_ORGANISATION = UUID(int=1), UUID(int=2)
WORKSPACE, OTHER_WORKSPACE = UUID(int=11), UUID(int=12)
CHOSEN, OTHER_CONFIGURATION = UUID(int=21), UUID(int=22)
G1, G2 = "00000000-0000-4000-8000-0000000000a1", "00000000-0000-4000-8000-0000000000a2"
MEMBER = frozenset({Role.PARTICIPANT})
ADMIN = frozenset({Role.PARTICIPANT, Role.ADMIN})
FRESH = SessionFacts(
    created=NOW - timedelta(minutes=10), last_seen=NOW - timedelta(minutes=1), checked=NOW - timedelta(minutes=10), ended=False
)  # fmt: skip

_ACTOR: dict[str, Any] = {
    "stage": Stage.SESSION,
    "way": Way.SSO,
    "organisation": ORGANISATION,
    "session": FRESH,
    "standing": Standing.ACTIVE,
    "address": "ada@acme.example",
    "configuration": CHOSEN,
    "configuration_current": True,
    "groups": frozenset({G1}),
    "guest": False,
    "authenticated": NOW - timedelta(minutes=10),
    "strengths": frozenset({"pwd"}),
    "local_main_user": False,
    "roles": frozenset(),
    "link_workspace": WORKSPACE,
    "pin_given": False,
    "known_device": False,
}
_DOOR: dict[str, Any] = {
    "organisation": ORGANISATION,
    "organisation_suspended": False,
    "idle": timedelta(minutes=30),
    "absolute": timedelta(hours=8),
    "recheck": timedelta(hours=8),
    "sso": True,
    "configuration": CHOSEN,
    "group_ids": frozenset(),
    "guests_allowed": False,
    "required_strengths": frozenset(),
    "recent_minutes": 0,
    "only_synchronised": False,
}
_WORKSPACE: dict[str, Any] = {
    "workspace": WORKSPACE,
    "state": WorkspaceState.OPEN,
    "synchronised": False,
    "creates_users": False,
    "links": True,
    "registration": False,
    "domains": frozenset(),
    "sso_required_for": frozenset(),
    "extra_pin": ExtraPin.OFF,
    "guests_allowed": True,
}


def actor(**facts: Any) -> Actor:
    """Ada with a fresh session by the chosen configuration and one group, member and main user of nothing."""
    return Actor(**{**_ACTOR, **facts})


def dashboard(**facts: Any) -> Door:
    """The dashboard with single sign-on and no list."""
    return Door(**{"kind": DoorKind.DASHBOARD, **_DOOR, **facts})


def workspace(**facts: Any) -> Door:
    """An open workspace with single sign-on, no list and login links."""
    return Door(**{"kind": DoorKind.WORKSPACE, **_DOOR, **_WORKSPACE, **facts})
