"""Reads what one request of a signed-in browser rests on: who it is, and whether the door opens (a store)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rollcall.crypto import hash_token
from rollcall.db import Tx
from rollcall.runtime import Runtime
from rollcall.workspaces.access import decide
from rollcall.workspaces.access_facts import AccessFacts, load_facts
from rollcall.workspaces.access_model import Allow, Decision, DoorKind, Reason
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.model import Organisation
from rollcall.workspaces.organisations import organisation
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.sso.sessions import Session, end_session

_ABOUT_THE_WAY = (Reason.STEP_UP_REQUIRED, Reason.WRONG_SSO_CONFIGURATION)


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, as the corner of each page shows it: a name, and the address or what kind of entry it was."""

    name: str
    detail: str


@dataclass(frozen=True, slots=True)
class Visited:
    """What was found: the decision and all it rests on. `sees_dashboard`: to whom the dashboard is offered."""

    organisation: Organisation
    facts: AccessFacts
    decision: Decision
    person: Person
    sees_dashboard: bool


async def visit(tx: Tx, kind: DoorKind, workspace: str | None, handle: str, now: datetime) -> Visited:
    """Judge a request with the session of `handle`; `workspace` is a slug, for doors of workspaces."""
    handle_hash = hash_token(handle)
    facts = await load_facts(tx, kind, now, workspace=workspace, handle_hash=handle_hash)
    decision = decide(facts.actor, facts.door, now)
    if kind in (DoorKind.DASHBOARD, DoorKind.SETTINGS):
        sees_dashboard = isinstance(decision, Allow)
    else:
        of_dashboard = await load_facts(tx, DoorKind.DASHBOARD, now, handle_hash=handle_hash)
        outcome = decide(of_dashboard.actor, of_dashboard.door, now)
        sees_dashboard = isinstance(outcome, Allow) or (
            outcome.reason in _ABOUT_THE_WAY and of_dashboard.actor.local_main_user is True
        )
    return Visited(await organisation(tx), facts, decision, await _person(tx, facts), sees_dashboard)


async def enter_as_member(tx: Tx, runtime: Runtime, facts: AccessFacts) -> None:
    """Make the membership that a door creates on the way in (rows W6, W7)."""
    assert facts.door.workspace is not None, "a membership is of a workspace"
    assert facts.user_id is not None, "a membership is somebody's"
    await add_member(tx, runtime, facts.door.workspace, facts.user_id, Origin.SSO)


async def log_out(tx: Tx, runtime: Runtime, actor: Actor, session: Session) -> None:
    """End a session as the person asked."""
    await end_session(tx, session.id)
    await record(tx, runtime, actor, Happening("session.ended", "session", str(session.id), reason="log_out"))


async def _person(tx: Tx, facts: AccessFacts) -> Person:
    row = None
    if facts.user_id is not None:
        row = await tx.one(
            "select display_name, resource ->> 'userName' as user_name from workspaces.users where id = %s",
            [facts.user_id],
        )
    if row is None:
        return Person("Emergency access", "settings only")
    return Person(row["display_name"] or row["user_name"], row["user_name"])
