"""Reads users, groups and members by id, by name and in pages by key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.model import Group, Member, User
from rollcall.errors import NotFound
from rollcall.scim.datatypes import fold

_USER = """
    select id, user_principal_name, display_name, account_enabled, manager_id, attributes, deleted_at, created,
           modified, version
    from directory.users
"""
_GROUP = "select id, display_name, attributes, deleted_at, created, modified, version from directory.groups"
_NOBODY = UUID(int=0)


async def read_user(tx: Tx, user_id: UUID) -> User:
    """A user by id, soft-deleted ones too. Raises NotFound."""
    row = await tx.one(_USER + " where id = %s", (user_id,))
    if row is None:
        raise NotFound(f"There is no user {user_id}.")
    return _user(row)


async def find_user(tx: Tx, user_principal_name: str) -> User | None:
    """The user of this userPrincipalName, in any case of letters; deleted ones are not found."""
    row = await tx.one(
        _USER + " where user_principal_name_folded = %s and deleted_at is null", (fold(user_principal_name),)
    )
    return None if row is None else _user(row)


async def find_people(tx: Tx, word: str, limit: int = 10) -> list[UUID]:
    """The present and soft-deleted users whose mail or displayName this is, or whose userPrincipalName it was.

    In any case of letters, and by reading all users: for a person who asks, not for a program.
    """
    rows = await tx.all(
        """
        select id from directory.users
        where user_principal_name_folded = %(folded)s or lower(display_name) = lower(%(word)s)
            or lower(attributes ->> 'mail') = lower(%(word)s)
        order by deleted_at is not null, id limit %(limit)s
        """,
        {"word": word, "folded": fold(word), "limit": limit},
    )
    return [row["id"] for row in rows]


async def kind_of_principal(tx: Tx, principal_id: UUID) -> str | None:
    """`User` or `Group`, of an object of this id, soft-deleted ones too; None when there is none."""
    row = await tx.one(
        """
        select 'User' as kind from directory.users where id = %(id)s
        union all select 'Group' from directory.groups where id = %(id)s
        """,
        {"id": principal_id},
    )
    return None if row is None else str(row["kind"])


async def list_users(tx: Tx, *, after: UUID | None = None, limit: int = 100, deleted: bool = False) -> list[User]:
    """A page of users by id, those after `after`: the present ones, or the soft-deleted ones."""
    condition = " and deleted_at is not null" if deleted else " and deleted_at is null"
    rows = await tx.all(_USER + " where id > %s" + condition + " order by id limit %s", (after or _NOBODY, limit))
    return [_user(row) for row in rows]


async def read_group(tx: Tx, group_id: UUID) -> Group:
    """A group by id, soft-deleted ones too. Raises NotFound."""
    row = await tx.one(_GROUP + " where id = %s", (group_id,))
    if row is None:
        raise NotFound(f"There is no group {group_id}.")
    return _group(row)


async def find_groups(tx: Tx, display_name: str) -> list[Group]:
    """The groups of this displayName, in any case of letters, oldest first; several may have the same."""
    rows = await tx.all(
        _GROUP + " where display_name_folded = %s and deleted_at is null order by id", (fold(display_name),)
    )
    return [_group(row) for row in rows]


async def list_groups(tx: Tx, *, after: UUID | None = None, limit: int = 100, deleted: bool = False) -> list[Group]:
    """A page of groups by id, those after `after`: the present ones, or the soft-deleted ones."""
    condition = " and deleted_at is not null" if deleted else " and deleted_at is null"
    rows = await tx.all(_GROUP + " where id > %s" + condition + " order by id limit %s", (after or _NOBODY, limit))
    return [_group(row) for row in rows]


async def list_members(tx: Tx, group_id: UUID, *, after: UUID | None = None, limit: int = 100) -> list[Member]:
    """A page of a group's members by id, those after `after`; soft-deleted ones are left out."""
    rows = await tx.all(
        """
        select member.member_id as id, member.member_kind as kind,
               coalesce(person.display_name, nested.display_name) as display_name
        from directory.memberships as member
        left join directory.users as person on person.id = member.member_id and person.deleted_at is null
        left join directory.groups as nested on nested.id = member.member_id and nested.deleted_at is null
        where member.group_id = %s and member.member_id > %s and coalesce(person.id, nested.id) is not null
        order by member.member_id limit %s
        """,
        (group_id, after or _NOBODY, limit),
    )
    return [Member(**row) for row in rows]


async def list_groups_of(tx: Tx, member_id: UUID) -> list[Group]:
    """The groups a user or group is a direct member of, by name; soft-deleted ones are left out."""
    rows = await tx.all(
        _GROUP
        + " where id in (select group_id from directory.memberships where member_id = %s) and deleted_at is null"
        + " order by display_name_folded, id",
        (member_id,),
    )
    return [_group(row) for row in rows]


def _user(row: dict[str, Any]) -> User:
    attributes = {
        "userPrincipalName": row["user_principal_name"],
        "displayName": row["display_name"],
        "accountEnabled": row["account_enabled"],
        **row["attributes"],
    }
    return User(
        row["id"], attributes, row["manager_id"], row["deleted_at"], row["created"], row["modified"], row["version"]
    )


def _group(row: dict[str, Any]) -> Group:
    attributes = {"displayName": row["display_name"], **row["attributes"]}
    return Group(row["id"], attributes, row["deleted_at"], row["created"], row["modified"], row["version"])
