"""What main users do with workspaces beyond their stores: a copy that somebody can enter, and what a deletion takes along."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from rollcall.db import Tx
from rollcall.runtime import Runtime
from rollcall.workspaces.access_model import Role
from rollcall.workspaces.audit import Actor
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.places import Workspace, duplicate_workspace


@dataclass(frozen=True, slots=True)
class Contents:
    """What goes when a workspace is deleted: memberships by hand, groups it lists, posts."""

    members: int
    groups: int
    posts: int


async def duplicate(
    tx: Tx, runtime: Runtime, actor: Actor, workspace_id: UUID, *, slug: str, name: str, admin: UUID | None
) -> Workspace:
    """Copy a workspace's own settings into a new one; `admin` becomes its first member. Raises as its store does."""
    made = await duplicate_workspace(tx, runtime, workspace_id, slug=slug, name=name, actor=actor)
    if admin is not None:
        roles = {Role.PARTICIPANT, Role.ADMIN}
        await add_member(tx, runtime, made.id, admin, Origin.MANUAL, roles, actor=actor)
    return made


async def contents(tx: Tx, workspace_id: UUID) -> Contents:
    """What a workspace holds, in numbers."""
    row = await tx.one(
        """select (select count(*) from workspaces.memberships where workspace_id = %(id)s
                       and (is_manual or is_registered or is_sso)) as members,
                  (select count(*) from workspaces.bound_entries where workspace_id = %(id)s) as groups,
                  (select count(*) from workspaces.posts where workspace_id = %(id)s) as posts""",
        {"id": workspace_id},
    )
    assert row is not None, "a select without a table has one row"
    return Contents(**row)
