"""Who belongs to which group: one row a membership, one change a row."""

from __future__ import annotations

from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.changes import append
from rollcall.directory.model import Kind
from rollcall.errors import Invalid, NotFound


async def add_member(tx: Tx, group_id: UUID, member_id: UUID) -> bool:
    """Add a user or a group to a group; whether that is news. Costs the same in a group of any size.

    Raises NotFound for an unknown or deleted group or member, Invalid for a group into itself.
    """
    if group_id == member_id:
        raise Invalid("A group can't be a member of itself; name another member.")
    # The locks keep both from being purged in between.
    group = await tx.value(
        "select true from directory.groups where id = %s and deleted_at is null for key share", (group_id,)
    )
    if not group:
        raise NotFound(f"There is no group {group_id}.")
    kind = await _kind_of(tx, member_id)
    added = await tx.run(
        "insert into directory.memberships (group_id, member_id, member_kind) values (%s, %s, %s)"
        " on conflict do nothing",
        (group_id, member_id, kind),
    )
    if added:
        await append(tx, "membership", group_id, "add", (member_id, kind))
    return added > 0


async def remove_member(tx: Tx, group_id: UUID, member_id: UUID) -> bool:
    """Take a member out of a group; whether there was one."""
    kind = await tx.value(
        "delete from directory.memberships where group_id = %s and member_id = %s returning member_kind",
        (group_id, member_id),
    )
    if kind is not None:
        await append(tx, "membership", group_id, "remove", (member_id, kind))
    return kind is not None


async def _kind_of(tx: Tx, member_id: UUID) -> Kind:
    if await tx.value(
        "select true from directory.users where id = %s and deleted_at is null for key share", (member_id,)
    ):
        return "User"
    if await tx.value(
        "select true from directory.groups where id = %s and deleted_at is null for key share", (member_id,)
    ):
        return "Group"
    raise NotFound(f"There is no user or group {member_id}.")
