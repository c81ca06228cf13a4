"""What each page reads, and what its forms do, in one transaction each."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.runtime import Runtime
from rollcall.workspaces.access_model import Deny, DoorKind, Role, WorkspaceState
from rollcall.workspaces.audit import Actor
from rollcall.workspaces.by_hand.members import Invited, add_or_invite
from rollcall.workspaces.by_hand.workspaces import contents, duplicate
from rollcall.workspaces.feed import last_said, posts
from rollcall.workspaces.finding import PeopleFilter, count_people, find_people
from rollcall.workspaces.member_lists import count_members, find_members
from rollcall.workspaces.memberships import member, set_roles
from rollcall.workspaces.numbers import per_day, totals
from rollcall.workspaces.paging import BEGINNING, Place
from rollcall.workspaces.people import resume, suspend
from rollcall.workspaces.person import group, groups_of, memberships_of, people_in, person, workspaces_listing
from rollcall.workspaces.places import Workspace, create_workspace, workspace
from rollcall.workspaces.sso.sessions import live_sessions, renew_handle
from rollcall.workspaces.visiting import visit

_FACES = 8


async def home(tx: Tx, user_id: UUID) -> dict[str, Any]:
    """Open workspaces somebody is a member of, and when something was last said in each."""
    mine = [each for each in await memberships_of(tx, user_id) if each.state is WorkspaceState.OPEN]
    return {"memberships": mine, "said": await last_said(tx, [each.workspace_id for each in mine])}


async def conversation(tx: Tx, workspace_id: UUID, before: UUID | None, limit: int) -> dict[str, Any]:
    """A page of posts, and some of the members."""
    said = await posts(tx, workspace_id, before=before, limit=limit + 1)
    return {
        "workspace": await workspace(tx, workspace_id),
        "posts": said[:limit],
        "more": said[limit - 1].id if len(said) > limit else None,
        "faces": (await find_members(tx, workspace_id, "", BEGINNING, _FACES)).items,
        "count": await count_members(tx, workspace_id),
    }


async def newest_post(tx: Tx, slug: str, handle: str, now: datetime) -> str | None:
    """The newest post for whoever has a session, empty where nothing was said; None when the door is closed to them."""
    seen = await visit(tx, DoorKind.WORKSPACE, slug, handle, now)
    place = seen.facts.door.workspace
    if isinstance(seen.decision, Deny) or place is None:
        return None
    newest = await posts(tx, place, limit=1)
    return str(newest[0].id) if newest else ""


async def members(tx: Tx, workspace_id: UUID, search: str, place: Place) -> dict[str, Any]:
    """A page of members, with the names of the groups that made them members."""
    page = await find_members(tx, workspace_id, search, place)
    named = {each for present in page.items for each in present.groups}
    return {
        "workspace": await workspace(tx, workspace_id),
        "page": page,
        "count": await count_members(tx, workspace_id),
        "groups": {each: (await group(tx, each)).name for each in named},
    }


async def add(
    tx: Tx, runtime: Runtime, actor: Actor, workspace_id: UUID, who: str, roles: Set[Role], display_name: str
) -> tuple[Workspace, Invited]:
    """Add or invite somebody to a workspace that is there. Raises as add_or_invite does, and NotFound."""
    place = await workspace(tx, workspace_id)
    return place, await add_or_invite(tx, runtime, actor, place.id, who=who, roles=roles, display_name=display_name)


async def give_roles(
    tx: Tx,
    runtime: Runtime,
    actor: Actor,
    workspace_id: UUID,
    user_id: UUID,
    roles: Set[Role],
    own_session: UUID | None,
) -> str | None:
    """Give a member roles; a new handle for `own_session`, the session of whoever changes their own."""
    before = await member(tx, workspace_id, user_id)
    await set_roles(tx, runtime, workspace_id, user_id, roles, actor=actor)
    if own_session is None or before is None or before.roles == roles:
        return None
    return await renew_handle(tx, own_session)


async def profile(tx: Tx, user_id: UUID, now: datetime) -> dict[str, Any]:
    """An account, its groups and its live sessions."""
    return {
        "about": await person(tx, user_id),
        "groups": await groups_of(tx, user_id),
        "sessions": await live_sessions(tx, user_id, now),
    }


async def whole_person(tx: Tx, user_id: UUID, now: datetime) -> dict[str, Any]:
    """An account with its memberships too."""
    return {**await profile(tx, user_id, now), "memberships": await memberships_of(tx, user_id)}


async def people(tx: Tx, search: str, which: PeopleFilter, place: Place) -> dict[str, Any]:
    """A page of people, and how many there are."""
    return {"page": await find_people(tx, search, which, place), "count": await count_people(tx, search, which)}


async def suspend_person(tx: Tx, runtime: Runtime, actor: Actor, user_id: UUID) -> None:
    """Suspend somebody. Raises NotFound, Conflict `last_main_user`."""
    await suspend(tx, runtime, user_id, break_glass=False, actor=actor)


async def resume_person(tx: Tx, runtime: Runtime, actor: Actor, user_id: UUID) -> None:
    """End a suspension made here. Raises NotFound."""
    await resume(tx, runtime, user_id, actor=actor)


async def whole_group(tx: Tx, group_id: UUID, place: Place) -> dict[str, Any]:
    """A group, a page of its members, and the workspaces that list it."""
    found = await group(tx, group_id)
    page = await people_in(tx, group_id, found.members, place)
    return {"group": found, "page": page, "workspaces": await workspaces_listing(tx, group_id)}


async def whole_workspace(tx: Tx, workspace_id: UUID) -> dict[str, Any]:
    """A workspace in numbers."""
    return {
        "workspace": await workspace(tx, workspace_id),
        "count": await count_members(tx, workspace_id),
        "contents": await contents(tx, workspace_id),
    }


async def make_workspace(
    tx: Tx, runtime: Runtime, actor: Actor, source: UUID | None, slug: str, name: str, admin: UUID | None
) -> Workspace:
    """A new workspace, or a copy of `source`. Raises Invalid, Conflict `slug_taken`, NotFound."""
    if source is None:
        return await create_workspace(tx, runtime, slug=slug, name=name, admin=admin, actor=actor)
    return await duplicate(tx, runtime, actor, source, slug=slug, name=name, admin=admin)


async def numbers(tx: Tx, now: datetime) -> dict[str, Any]:
    """What there is, and the last days."""
    return {"totals": await totals(tx, now), "days": await per_day(tx, now)}
