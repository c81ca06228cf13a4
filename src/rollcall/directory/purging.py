"""Purge users and groups: their rows, memberships and assignments go, each with its change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.model import RESTORABLE_FOR
from rollcall.errors import NotFound


async def purge_user(tx: Tx, user_id: UUID) -> None:
    """Remove a user for good, soft-deleted before or not. Raises NotFound."""
    if not await _purge_users(tx, [user_id]):
        raise NotFound(f"There is no user {user_id}.")


async def purge_group(tx: Tx, group_id: UUID) -> None:
    """Remove a group for good, soft-deleted before or not. Raises NotFound."""
    if not await _purge_groups(tx, [group_id]):
        raise NotFound(f"There is no group {group_id}.")


async def purge_expired(tx: Tx, now: datetime, limit: int = 500) -> int:
    """Purge up to `limit` users and `limit` groups that were soft-deleted 30 days ago; how many went.

    Call it in one transaction after another until it returns 0.
    """
    expired = {"before": now - RESTORABLE_FOR, "limit": limit}
    users = await tx.all(
        "select id from directory.users where deleted_at <= %(before)s order by deleted_at limit %(limit)s"
        " for update skip locked",
        expired,
    )
    groups = await tx.all(
        "select id from directory.groups where deleted_at <= %(before)s order by deleted_at limit %(limit)s"
        " for update skip locked",
        expired,
    )
    purged = await _purge_users(tx, [row["id"] for row in users]) if users else 0
    return purged + (await _purge_groups(tx, [row["id"] for row in groups]) if groups else 0)


async def _purge_users(tx: Tx, ids: Sequence[UUID]) -> int:
    these = {"ids": list(ids)}
    # Whoever adds one of them to a group or makes one a manager holds a lock; afterwards nobody can.
    await tx.all("select id from directory.users where id = any(%(ids)s) order by id for update", these)
    await tx.run(
        """
        with reports as (
            update directory.users set manager_id = null, modified = now(), version = version + 1
            where manager_id = any(%(ids)s) and not id = any(%(ids)s) returning id
        )
        insert into directory.changes (kind, object_id, operation) select 'user', id, 'update' from reports
        """,
        these,
    )
    await _leave_groups(tx, ids)
    return await tx.run(
        """
        with purged as (delete from directory.users where id = any(%(ids)s) returning id)
        insert into directory.changes (kind, object_id, operation) select 'user', id, 'purge' from purged
        """,
        these,
    )


async def _purge_groups(tx: Tx, ids: Sequence[UUID]) -> int:
    these = {"ids": list(ids)}
    await tx.all("select id from directory.groups where id = any(%(ids)s) order by id for update", these)
    # Every member may have been entitled through the group, so every membership is a change.
    await tx.run(
        """
        with removed as (
            delete from directory.memberships where group_id = any(%(ids)s) returning group_id, member_id, member_kind
        )
        insert into directory.changes (kind, object_id, other_id, other_kind, operation)
        select 'membership', group_id, member_id, member_kind, 'remove' from removed
        """,
        these,
    )
    await _leave_groups(tx, ids)
    return await tx.run(
        """
        with purged as (delete from directory.groups where id = any(%(ids)s) returning id)
        insert into directory.changes (kind, object_id, operation) select 'group', id, 'purge' from purged
        """,
        these,
    )


async def _leave_groups(tx: Tx, ids: Sequence[UUID]) -> None:
    """Remove the memberships and assignments that the purged objects themselves have."""
    these = {"ids": list(ids)}
    await tx.run(
        """
        with removed as (
            delete from directory.memberships where member_id = any(%(ids)s) returning group_id, member_id, member_kind
        )
        insert into directory.changes (kind, object_id, other_id, other_kind, operation)
        select 'membership', group_id, member_id, member_kind, 'remove' from removed
        """,
        these,
    )
    await tx.run(
        """
        with removed as (
            delete from directory.assignments where principal_id = any(%(ids)s)
            returning service_principal_id, principal_id, principal_kind
        )
        insert into directory.changes (kind, object_id, other_id, other_kind, operation)
        select 'assignment', service_principal_id, principal_id, principal_kind, 'remove' from removed
        """,
        these,
    )
