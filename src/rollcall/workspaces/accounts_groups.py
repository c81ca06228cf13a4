"""Groups in the database: rows of workspaces.groups as SCIM groups, and back; memberships only where they are wanted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.runtime import Runtime
from rollcall.scim.attribute import Resource, ResourceType
from rollcall.scim.error import ScimError, not_found, uniqueness
from rollcall.scim.patch import Operation, apply
from rollcall.scim.resource import check, frozen, version_tag
from rollcall.scim.version import check_if_match
from rollcall.workspaces.audit import SYSTEM, Actor, record
from rollcall.workspaces.member_edits import AddMembers, MemberEdit, ReplaceMembers, member_ids, split
from rollcall.workspaces.members import edit_members, hold_groups_of, leave_all_groups
from rollcall.workspaces.memberships import drop_orphans
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.representation import group_columns, group_resource, stored_form, to_milliseconds
from rollcall.workspaces.scim_events import bindings, changed_attributes, group_event, moved

COLUMNS: LiteralString = "r.id, r.version, r.created, r.modified, r.resource, r.external_key"
# A name is looked up by its key for each member, which is never slow; a join can be, when the planner errs about sizes.
MEMBERS: LiteralString = """(select json_agg(json_object('value': m.member_id, 'type': m.member_kind, 'display':
        case m.member_kind
            when 'User' then (select u.display_name from workspaces.users u
                              where u.tenant_id = m.tenant_id and u.id = m.member_id)
            else (select g.display_name from workspaces.groups g
                  where g.tenant_id = m.tenant_id and g.id = m.member_id)
        end absent on null) order by m.member_id)
    from workspaces.group_members m where m.tenant_id = r.tenant_id and m.group_id = r.id) as members"""


async def create_group(
    tx: Tx,
    runtime: Runtime,
    resource_type: ResourceType,
    resource: Resource,
    base_url: str,
    *,
    actor: Actor = SYSTEM,
) -> Resource:
    """Make the group with its members.

    Raises ScimError uniqueness when the display name is taken, invalidValue for members that are nobody.
    """
    stored = stored_form(resource, resource_type)
    now = to_milliseconds(runtime.now())
    identifier = runtime.new_id()
    made = await tx.one(
        f"""insert into workspaces.groups as g
               (id, display_name, display_name_folded, external_id, created, modified, resource, folded)
           values (%(id)s, %(display_name)s, %(display_name_folded)s, %(external_id)s, %(now)s, %(now)s,
                   %(resource)s, %(folded)s)
           on conflict (tenant_id, display_name_folded) do nothing returning {_LISTED_IN}""",
        {"id": identifier, "now": now, **group_columns(stored, resource_type)},
    )
    if made is None:
        raise display_name_taken()
    bound = made["workspaces"]
    row = {"id": identifier, "version": 1, "created": now, "modified": now, "resource": stored}
    ids = member_ids(resource.get("members"))
    came = await edit_members(tx, identifier, [AddMembers(ids)], resource_type, base_url)
    await record(
        tx,
        runtime,
        actor,
        group_event("group.created", identifier, stored["displayName"]),
        *bindings("group.bound", identifier, bound),
        *moved(identifier, bound, joined=came.joined),
    )
    if not ids:
        return group_resource(row)
    return await read_group(tx, str(identifier), with_members=True)


async def read_group(tx: Tx, group_id: str, *, with_members: bool) -> Resource:
    """The group with this id; without members no membership is read. Raises ScimError notFound."""
    row = await tx.one(_READ_WITH_MEMBERS if with_members else _READ, (parse_id(group_id),))
    if row is None:
        raise unknown_group()
    return group_resource(row)


async def replace_group(
    tx: Tx,
    runtime: Runtime,
    resource_type: ResourceType,
    group_id: str,
    resource: Resource,
    if_match: str | None,
    base_url: str,
    *,
    actor: Actor = SYSTEM,
) -> Resource:
    """Put a checked resource in the place of the one that is there; memberships by the difference of the two sets.

    Raises ScimError notFound, preconditionFailed, uniqueness, invalidValue, mutability.
    """
    row = await _hold(tx, group_id, if_match)
    wanted = check(resource, resource_type, "replace", row["resource"])
    edits = [ReplaceMembers(member_ids(wanted.get("members")))]
    await _write(tx, runtime, resource_type, row, stored_form(wanted, resource_type), edits, base_url, actor)
    return await read_group(tx, group_id, with_members=True)


async def patch_group(
    tx: Tx,
    runtime: Runtime,
    resource_type: ResourceType,
    group_id: str,
    operations: Sequence[Operation],
    if_match: str | None,
    *,
    with_members: bool,
    base_url: str,
    actor: Actor = SYSTEM,
) -> Resource:
    """Apply the operations, all or none. Edits of memberships touch their own rows; no other membership is read.

    Returns the group, with its members only if they are wanted. Raises ScimError notFound, preconditionFailed,
    uniqueness and whatever `rollcall.scim.patch.apply` raises.
    """
    parts = split(operations, resource_type)
    row = await _hold(tx, group_id, if_match)
    if parts is None:
        whole = await read_group(tx, group_id, with_members=True)
        patched = apply(whole, operations, resource_type)
        edits: list[MemberEdit] = [ReplaceMembers(member_ids(patched.get("members")))]
    else:
        others, edits = parts
        patched = apply(group_resource(row), others, resource_type) if others else row["resource"]
    row = await _write(tx, runtime, resource_type, row, stored_form(patched, resource_type), edits, base_url, actor)
    if with_members:
        return await read_group(tx, group_id, with_members=True)
    return group_resource(row)


async def delete_group(tx: Tx, runtime: Runtime, group_id: str, if_match: str | None, *, actor: Actor = SYSTEM) -> None:
    """Remove the group, its memberships, and its own memberships in other groups.

    Raises ScimError notFound, preconditionFailed.
    """
    identifier = parse_id(group_id)
    if identifier is None:
        raise unknown_group()
    await hold_groups_of(tx, identifier)
    row = await tx.one(
        f"""select g.id, g.version, g.external_key, g.display_name, {_LISTED_IN}
            from workspaces.groups g where g.id = %s for update of g""",
        (identifier,),
    )
    if row is None:
        raise unknown_group()
    check_if_match(if_match, version_tag(row["version"]))
    await leave_all_groups(tx, row["id"], to_milliseconds(runtime.now()))
    gone = await tx.all("delete from workspaces.group_members where group_id = %s returning member_id", (row["id"],))
    await tx.run("delete from workspaces.groups where id = %s", (row["id"],))
    if row["external_key"] is not None:
        await drop_orphans(tx, runtime.now(), [row["external_key"]])
    await record(
        tx,
        runtime,
        actor,
        *moved(row["id"], row["workspaces"], left=[each["member_id"] for each in gone]),
        *bindings("group.unbound", row["id"], row["workspaces"]),
        group_event("group.deleted", row["id"], row["display_name"]),
    )


def display_name_taken() -> ScimError:
    """The refusal of a second group with one display name: provisioning services match groups by it."""
    return uniqueness(
        "displayName is taken by another group (case does not count). Choose another one, or use that group."
    )


def unknown_group() -> ScimError:
    """The refusal of an id that no group has."""
    return not_found("There is no group with this id.")


_READ: LiteralString = f"select {COLUMNS} from workspaces.groups r where r.id = %s"
_READ_WITH_MEMBERS: LiteralString = f"select {COLUMNS}, {MEMBERS} from workspaces.groups r where r.id = %s"


async def _hold(tx: Tx, group_id: str, if_match: str | None) -> dict[str, Any]:
    """The row, held against other changes of the group and its memberships until the transaction ends."""
    row = await tx.one(f"{_READ} for no key update", (parse_id(group_id),))
    if row is None:
        raise unknown_group()
    check_if_match(if_match, version_tag(row["version"]))
    return row


# The workspaces whose list has a group `g`, as the statement leaves it.
_LISTED_IN: LiteralString = """array(select b.workspace_id from workspaces.bound_entries b
    where b.external_key = g.external_key order by b.workspace_id) as workspaces"""


async def _write(
    tx: Tx,
    runtime: Runtime,
    resource_type: ResourceType,
    row: dict[str, Any],
    stored: Resource,
    edits: Sequence[MemberEdit],
    base_url: str,
    actor: Actor,
) -> dict[str, Any]:
    """Write what changed, with a new version only if anything did, and return the row as it is now."""
    went = await edit_members(tx, row["id"], edits, resource_type, base_url)
    before = row["external_key"]
    modified = max(to_milliseconds(runtime.now()), row["modified"])
    changed = frozen(stored) != frozen(row["resource"])
    if not (changed or went):
        return row
    renamed = stored.get("externalId") != row["resource"].get("externalId")
    listed_before = await _workspaces_listing(tx, before) if renamed else ()
    if changed:
        written = await tx.one(
            f"""update workspaces.groups g set version = version + 1, modified = %(modified)s,
                   display_name = %(display_name)s, display_name_folded = %(display_name_folded)s,
                   external_id = %(external_id)s, resource = %(resource)s, folded = %(folded)s
               where id = %(id)s returning {_LISTED_IN}""",
            {"id": row["id"], "modified": modified, **group_columns(stored, resource_type)},
        )
    else:
        written = await tx.one(
            f"""update workspaces.groups g set version = version + 1, modified = %s where id = %s
                returning {_LISTED_IN}""",
            (modified, row["id"]),
        )
    assert written is not None, "the row is held"
    if before is not None and (went.left or renamed):
        await drop_orphans(tx, runtime.now(), [before])
    listed = written["workspaces"]
    events = moved(row["id"], listed, joined=went.joined, left=went.left)
    if changed:
        changes = changed_attributes(row["resource"], stored)
        events.insert(0, group_event("group.updated", row["id"], stored["displayName"], changes))
    if renamed:
        events += bindings("group.unbound", row["id"], [each for each in listed_before if each not in listed])
        events += bindings("group.bound", row["id"], [each for each in listed if each not in listed_before])
    await record(tx, runtime, actor, *events)
    return {**row, "version": row["version"] + 1, "modified": modified, "resource": stored}


async def _workspaces_listing(tx: Tx, external_key: str | None) -> list[UUID]:
    rows = await tx.all("select workspace_id from workspaces.bound_entries where external_key = %s", (external_key,))
    return [row["workspace_id"] for row in rows]
