"""Create, update, delete and restore users and groups; each write also writes its change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg import errors as database_errors
from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.directory.changes import append
from rollcall.directory.model import (
    GROUP_COLUMNS,
    USER_COLUMNS,
    check_group,
    check_group_changes,
    check_user,
    check_user_changes,
)
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.scim.datatypes import fold


async def create_user(tx: Tx, attributes: Mapping[str, Any], *, import_key: str | None = None) -> UUID:
    """Create a user from Graph attributes ("manager" may hold an id); its id.

    Raises Invalid, Conflict when another user has the userPrincipalName, NotFound for an unknown manager.
    """
    user = check_user(attributes)
    if user.get("manager") is not None:
        await _lock_present(tx, user["manager"])
    name = user["userPrincipalName"]
    created: UUID | None = await tx.value(
        """
        insert into directory.users (user_principal_name, user_principal_name_folded, display_name, account_enabled,
                                     manager_id, import_key, attributes)
        values (%s, %s, %s, %s, %s, %s, %s)
        on conflict do nothing
        returning id
        """,
        (name, fold(name), user["displayName"], user["accountEnabled"], user.get("manager"), import_key,
         Jsonb(_merged({}, _rest(user, USER_COLUMNS)))),
    )  # fmt: skip
    if created is None:
        raise _name_taken(name)
    await append(tx, "user", created, "create")
    return created


async def update_user(tx: Tx, user_id: UUID, changes: Mapping[str, Any]) -> bool:
    """Change attributes of a user, None takes one away; whether anything differed.

    Raises Invalid, Conflict when another user has the userPrincipalName, NotFound also for a deleted user.
    """
    checked = check_user_changes(changes)
    row = await tx.one(
        """
        select user_principal_name, display_name, account_enabled, manager_id, attributes
        from directory.users where id = %s and deleted_at is null for update
        """,
        (user_id,),
    )
    if row is None:
        raise _no_user(user_id)
    name: str = checked.get("userPrincipalName") or row["user_principal_name"]
    manager: UUID | None = checked.get("manager", row["manager_id"])
    after: dict[str, Any] = {
        "user_principal_name": name,
        "display_name": checked.get("displayName", row["display_name"]),
        "account_enabled": checked.get("accountEnabled", row["account_enabled"]),
        "manager_id": manager,
        "attributes": _merged(row["attributes"], _rest(checked, USER_COLUMNS)),
    }
    if after == row:
        return False
    if manager is not None and manager != row["manager_id"]:
        if manager == user_id:
            raise Invalid("A user can't be their own manager; name somebody else.")
        await _lock_present(tx, manager)
    try:
        await tx.run(
            """
            update directory.users set user_principal_name = %(user_principal_name)s,
                user_principal_name_folded = %(folded)s, display_name = %(display_name)s,
                account_enabled = %(account_enabled)s, manager_id = %(manager_id)s, attributes = %(attributes)s,
                modified = now(), version = version + 1
            where id = %(id)s
            """,
            after | {"id": user_id, "folded": fold(name), "attributes": Jsonb(after["attributes"])},
        )
    except database_errors.UniqueViolation:
        raise _name_taken(name) from None
    await append(tx, "user", user_id, "update")
    return True


async def set_manager(tx: Tx, user_id: UUID, manager_id: UUID | None) -> bool:
    """Say who a user's manager is, None for nobody; whether that is news.

    Raises Invalid for oneself, NotFound for an unknown or deleted user or manager.
    """
    return await update_user(tx, user_id, {"manager": manager_id})


async def delete_user(tx: Tx, user_id: UUID) -> None:
    """Soft-delete a user: for 30 days it can be restored. Raises NotFound."""
    deleted = await tx.run(
        "update directory.users set deleted_at = now(), modified = now(), version = version + 1"
        " where id = %s and deleted_at is null",
        (user_id,),
    )
    if not deleted:
        raise _no_user(user_id)
    await append(tx, "user", user_id, "delete")


async def restore_user(tx: Tx, user_id: UUID) -> None:
    """Bring a soft-deleted user back, memberships and assignments included.

    Raises NotFound, and Conflict when another user has taken the userPrincipalName meanwhile.
    """
    row = await tx.one(
        "select user_principal_name from directory.users where id = %s and deleted_at is not null for update",
        (user_id,),
    )
    if row is None:
        raise NotFound(f"There is no deleted user {user_id}.")
    try:
        await tx.run(
            "update directory.users set deleted_at = null, modified = now(), version = version + 1 where id = %s",
            (user_id,),
        )
    except database_errors.UniqueViolation:
        raise _name_taken(row["user_principal_name"]) from None
    await append(tx, "user", user_id, "restore")


async def create_group(tx: Tx, attributes: Mapping[str, Any], *, import_key: str | None = None) -> UUID:
    """Create a group from Graph attributes; its id. Raises Invalid."""
    group = check_group(attributes)
    name = group["displayName"]
    created: UUID | None = await tx.value(
        """
        insert into directory.groups (display_name, display_name_folded, import_key, attributes)
        values (%s, %s, %s, %s) on conflict do nothing returning id
        """,
        (name, fold(name), import_key, Jsonb(_rest(group, GROUP_COLUMNS))),
    )
    if created is None:
        raise Conflict(f"A group with the import key {import_key!r} exists already.")
    await append(tx, "group", created, "create")
    return created


async def update_group(tx: Tx, group_id: UUID, changes: Mapping[str, Any]) -> bool:
    """Change attributes of a group, None takes one away; whether anything differed.

    Raises Invalid, NotFound also for a deleted group.
    """
    checked = check_group_changes(changes)
    row = await tx.one(
        "select display_name, attributes from directory.groups where id = %s and deleted_at is null for update",
        (group_id,),
    )
    if row is None:
        raise _no_group(group_id)
    name: str = checked.get("displayName") or row["display_name"]
    attributes = _merged(row["attributes"], _rest(checked, GROUP_COLUMNS))
    if name == row["display_name"] and attributes == row["attributes"]:
        return False
    await tx.run(
        """
        update directory.groups set display_name = %s, display_name_folded = %s, attributes = %s,
            modified = now(), version = version + 1
        where id = %s
        """,
        (name, fold(name), Jsonb(attributes), group_id),
    )
    await append(tx, "group", group_id, "update")
    return True


async def delete_group(tx: Tx, group_id: UUID) -> None:
    """Soft-delete a group: for 30 days it can be restored. Raises NotFound."""
    deleted = await tx.run(
        "update directory.groups set deleted_at = now(), modified = now(), version = version + 1"
        " where id = %s and deleted_at is null",
        (group_id,),
    )
    if not deleted:
        raise _no_group(group_id)
    await append(tx, "group", group_id, "delete")


async def restore_group(tx: Tx, group_id: UUID) -> None:
    """Bring a soft-deleted group back, members and assignments included.

    Raises NotFound, and Conflict when an import has made the group anew meanwhile.
    """
    try:
        restored = await tx.run(
            "update directory.groups set deleted_at = null, modified = now(), version = version + 1"
            " where id = %s and deleted_at is not null",
            (group_id,),
        )
    except database_errors.UniqueViolation:
        raise Conflict("An import has made this group anew; delete that group first.") from None
    if not restored:
        raise NotFound(f"There is no deleted group {group_id}.")
    await append(tx, "group", group_id, "restore")


async def _lock_present(tx: Tx, user_id: UUID) -> None:
    """Keep a user from being purged until this transaction ends. Raises NotFound."""
    found = await tx.value(
        "select true from directory.users where id = %s and deleted_at is null for key share", (user_id,)
    )
    if not found:
        raise _no_user(user_id)


def _rest(attributes: Mapping[str, Any], columns: frozenset[str]) -> dict[str, Any]:
    return {name: value for name, value in attributes.items() if name not in columns}


def _merged(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes after the changes; of a complex one, what is not named stays (as in Graph)."""
    merged = dict(before)
    for name, value in changes.items():
        merged[name] = _merged(before.get(name) or {}, value) if isinstance(value, dict) else value
    return {name: value for name, value in merged.items() if value is not None}


def _name_taken(name: str) -> Conflict:
    return Conflict(f"Another user has the userPrincipalName {name!r}; choose another one.")


def _no_user(user_id: UUID) -> NotFound:
    return NotFound(f"There is no user {user_id}.")


def _no_group(group_id: UUID) -> NotFound:
    return NotFound(f"There is no group {group_id}.")
