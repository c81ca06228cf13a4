"""Accounts in the database: rows of workspaces.users as SCIM users, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.runtime import Runtime
from rollcall.scim.attribute import Resource, ResourceType
from rollcall.scim.error import ScimError, not_found, uniqueness
from rollcall.scim.patch import Operation, apply
from rollcall.scim.resource import check, frozen, version_tag
from rollcall.scim.version import check_if_match
from rollcall.workspaces.audit import SYSTEM, Actor, record
from rollcall.workspaces.buried_links import bury_links
from rollcall.workspaces.comparison import folded_resource
from rollcall.workspaces.members import hold_groups_of, leave_all_groups
from rollcall.workspaces.memberships import WORKSPACES_OF, flag_lost_admin
from rollcall.workspaces.model import TOMBSTONE_DAYS, parse_id
from rollcall.workspaces.representation import (
    stored_form,
    to_milliseconds,
    unknown_manager,
    user_columns,
    user_resource,
    without_manager,
)
from rollcall.workspaces.scim_events import user_events, user_gone, user_made

COLUMNS: LiteralString = "r.id, r.version, r.created, r.modified, r.resource, r.manager_id, r.synchronised"
MANAGER_NAME: LiteralString = """(select b.display_name from workspaces.users b
    where b.tenant_id = r.tenant_id and b.id = r.manager_id) as manager_name"""
# The reverse index answers, and nothing is read of other users.
GROUPS: LiteralString = """(select json_agg(json_object('value': g.id, 'display': g.display_name, 'type': 'direct')
        order by m.group_id)
    from workspaces.group_members m
    join workspaces.groups g on g.tenant_id = m.tenant_id and g.id = m.group_id
    where m.tenant_id = r.tenant_id and m.member_id = r.id) as groups"""


async def create_user(
    tx: Tx, runtime: Runtime, resource_type: ResourceType, resource: Resource, *, actor: Actor = SYSTEM
) -> Resource:
    """Make the account and clear the tombstones of the same person.

    Raises ScimError uniqueness when the user name is taken, invalidValue when the manager is unknown.
    """
    made, identifier = await insert_user(tx, runtime, resource_type, resource)
    await record(tx, runtime, actor, user_made(identifier, made, "scim"))
    return made


async def insert_user(
    tx: Tx, runtime: Runtime, resource_type: ResourceType, resource: Resource
) -> tuple[Resource, UUID]:
    """As `create_user`, for whoever tells the audit log themselves; with the id."""
    stored = stored_form(resource, resource_type)
    columns = user_columns(stored, resource_type)
    manager_name = await _hold_manager(tx, columns["manager_id"])
    now = to_milliseconds(runtime.now())
    row = {"id": runtime.new_id(), "version": 1, "created": now, "modified": now, **columns}
    made = await tx.run(
        """with cleared as (
               delete from workspaces.tombstones
               where user_name_hash = %(user_name_hash)s or external_id_hash = %(external_id_hash)s
           )
           insert into workspaces.users
               (id, user_name_folded, external_id, display_name, active, manager_id, created, modified, resource, folded)
           values (%(id)s, %(user_name_folded)s, %(external_id)s, %(display_name)s, %(active)s, %(manager_id)s,
                   %(created)s, %(modified)s, %(resource)s, %(folded)s)
           on conflict (tenant_id, user_name_folded) do nothing""",
        {**row, **_identity_hashes(tx.tenant, columns)},
    )
    if not made:
        raise user_name_taken()
    return user_resource({**row, "resource": stored, "manager_name": manager_name}), row["id"]


async def read_user(tx: Tx, user_id: str, *, with_groups: bool) -> Resource:
    """The user with this id. Raises ScimError notFound."""
    row = await tx.one(_READ_WITH_GROUPS if with_groups else _READ, (parse_id(user_id),))
    if row is None:
        raise unknown_user()
    return user_resource(row)


async def replace_user(
    tx: Tx,
    runtime: Runtime,
    resource_type: ResourceType,
    user_id: str,
    resource: Resource,
    if_match: str | None,
    *,
    actor: Actor = SYSTEM,
) -> Resource:
    """Put a checked resource in the place of the one that is there.

    Raises ScimError notFound, preconditionFailed, uniqueness, invalidValue, mutability.
    """
    row = await _hold(tx, user_id, if_match, with_groups=True)
    wanted = check(resource, resource_type, "replace", row["resource"])
    return await _write(tx, runtime, resource_type, row, stored_form(wanted, resource_type), actor)


async def patch_user(
    tx: Tx,
    runtime: Runtime,
    resource_type: ResourceType,
    user_id: str,
    operations: Sequence[Operation],
    if_match: str | None,
    *,
    with_groups: bool,
    actor: Actor = SYSTEM,
) -> Resource:
    """Apply the operations to the present resource, all or none.

    Raises ScimError notFound, preconditionFailed, uniqueness and whatever `rollcall.scim.patch.apply` raises.
    """
    row = await _hold(tx, user_id, if_match, with_groups=with_groups)
    patched = apply(user_resource(row), operations, resource_type)
    return await _write(tx, runtime, resource_type, row, stored_form(patched, resource_type), actor)


async def delete_user(
    tx: Tx,
    runtime: Runtime,
    resource_type: ResourceType,
    user_id: str,
    if_match: str | None,
    *,
    actor: Actor = SYSTEM,
) -> None:
    """Remove the account, all its memberships and its place as manager (row O12).

    A tombstone with hashed identity keys stays, and the account itself, to restore it, for 30 days.

    Raises ScimError notFound, preconditionFailed.
    """
    identifier = parse_id(user_id)
    if identifier is None:
        raise unknown_user()
    now = to_milliseconds(runtime.now())
    await hold_groups_of(tx, identifier)
    row = await tx.one(_HOLD_TO_DELETE, {"user": identifier})
    if row is None:
        raise unknown_user()
    check_if_match(if_match, version_tag(row["version"]))
    await _clear_manager(tx, resource_type, identifier, now)
    await flag_lost_admin(tx, now, identifier)
    await leave_all_groups(tx, identifier, now)
    await tx.run(
        """insert into workspaces.tombstones (id, user_name_hash, external_id_hash, deleted)
           values (%(id)s, %(user_name_hash)s, %(external_id_hash)s, %(now)s)""",
        {"id": identifier, "now": now, **_identity_hashes(tx.tenant, row)},
    )
    await bury_links(tx, identifier)
    await tx.run(
        """with gone as (delete from workspaces.users where id = %s returning *)
           insert into workspaces.deleted_users
               (id, user_name_folded, display_name, origin, synchronised, version, created, resource, deleted)
           select id, user_name_folded, display_name, origin, synchronised, version, created, resource, %s from gone""",
        (identifier, now),
    )
    await record(tx, runtime, actor, *user_gone(identifier, row["user_name"], row["workspaces"]))


async def forget_tombstones(tx: Tx, runtime: Runtime) -> int:
    """Remove the tombstones that are over 30 days old, erase their accounts, and return how many tombstones there were."""
    long_ago = runtime.now() - timedelta(days=TOMBSTONE_DAYS)
    await tx.run("delete from workspaces.deleted_users where deleted < %s", (long_ago,))
    return await tx.run("delete from workspaces.tombstones where deleted < %s", (long_ago,))


async def is_buried(tx: Tx, user_name_folded: str, external_id: str | None) -> bool:
    """Whether an account with one of these identity keys was deleted within the last 30 days."""
    hashes = _identity_hashes(tx.tenant, {"user_name_folded": user_name_folded, "external_id": external_id})
    return (
        await tx.one(
            """select from workspaces.tombstones
               where user_name_hash = %(user_name_hash)s or external_id_hash = %(external_id_hash)s limit 1""",
            hashes,
        )
        is not None
    )


def user_name_taken() -> ScimError:
    """The refusal of a second account with one user name."""
    return uniqueness("userName is taken by another user (case does not count). Choose another one, or use that user.")


def unknown_user() -> ScimError:
    """The refusal of an id that no user has."""
    return not_found("There is no user with this id.")


_READ: LiteralString = f"select {COLUMNS}, {MANAGER_NAME} from workspaces.users r where r.id = %s"
_READ_WITH_GROUPS: LiteralString = f"select {COLUMNS}, {MANAGER_NAME}, {GROUPS} from workspaces.users r where r.id = %s"

_HOLD_TO_DELETE: LiteralString = f"""
    select u.version, u.user_name_folded, u.external_id, u.resource ->> 'userName' as user_name,
           array({WORKSPACES_OF.format(user="%(user)s")}) as workspaces
    from workspaces.users u where u.id = %(user)s for update of u"""


async def _hold(tx: Tx, user_id: str, if_match: str | None, *, with_groups: bool) -> dict[str, Any]:
    """The row, held against other changes until the transaction ends; members may still be added meanwhile."""
    statement = f"{_READ_WITH_GROUPS if with_groups else _READ} for no key update of r"
    row = await tx.one(statement, (parse_id(user_id),))
    if row is None:
        raise unknown_user()
    check_if_match(if_match, version_tag(row["version"]))
    return row


async def _hold_manager(tx: Tx, manager: UUID | None) -> str | None:
    """The manager's display name; the manager can't be deleted until the transaction ends."""
    if manager is None:
        return None
    row = await tx.one("select display_name from workspaces.users where id = %s for key share", (manager,))
    if row is None:
        raise unknown_manager(str(manager))
    name: str | None = row["display_name"]
    return name


async def _write(
    tx: Tx, runtime: Runtime, resource_type: ResourceType, row: dict[str, Any], stored: Resource, actor: Actor
) -> Resource:
    if frozen(stored) == frozen(row["resource"]):
        return user_resource(row)
    columns = user_columns(stored, resource_type)
    manager_name = row["manager_name"]
    if columns["manager_id"] != row["manager_id"]:
        manager_name = await _hold_manager(tx, columns["manager_id"])
    changes = {"id": row["id"], "modified": max(to_milliseconds(runtime.now()), row["modified"]), **columns}
    await tx.run(
        """update workspaces.users set version = version + 1, modified = %(modified)s,
               user_name_folded = %(user_name_folded)s, external_id = %(external_id)s,
               display_name = %(display_name)s, active = %(active)s, manager_id = %(manager_id)s,
               synchronised = synchronised or %(external_id)s::text is not null,
               resource = %(resource)s, folded = %(folded)s
           where id = %(id)s""",
        changes,
    )
    await record(tx, runtime, actor, *user_events(row["id"], row["resource"], stored, synchronised=row["synchronised"]))
    return user_resource(
        {**row, **changes, "version": row["version"] + 1, "resource": stored, "manager_name": manager_name}
    )


async def _clear_manager(tx: Tx, resource_type: ResourceType, manager: UUID, now: datetime) -> None:
    """Take a manager who is being deleted away from everybody who has them."""
    rows = await tx.all(
        "select id, resource from workspaces.users where manager_id = %s order by id for no key update", (manager,)
    )
    changes = []
    for row in rows:
        stored = without_manager(row["resource"], resource_type)
        changes.append((now, Jsonb(stored), Jsonb(folded_resource(stored, resource_type)), row["id"]))
    if changes:
        await tx.run_many(
            """update workspaces.users set version = version + 1, modified = greatest(modified, %s),
                   manager_id = null, resource = %s, folded = %s where id = %s""",
            changes,
        )


def _identity_hashes(tenant: UUID, columns: dict[str, Any]) -> dict[str, bytes | None]:
    def hashed(kind: str, value: str | None) -> bytes | None:
        return None if value is None else hashlib.sha256(f"{tenant}:{kind}:{value}".encode()).digest()

    return {
        "user_name_hash": hashed("userName", columns["user_name_folded"]),
        "external_id_hash": hashed("externalId", columns["external_id"]),
    }
