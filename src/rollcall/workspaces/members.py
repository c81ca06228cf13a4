"""Memberships of groups: added, removed and replaced as sets of rows; a group's other rows are never read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.sql import SQL

from rollcall.db import Tx
from rollcall.scim.attribute import ResourceType
from rollcall.scim.error import ScimError, invalid_value
from rollcall.scim.syntax import Filter
from rollcall.workspaces.filter_sql import member_filter_sql
from rollcall.workspaces.member_edits import AddMembers, MemberEdit, RemoveMatching, RemoveMembers, ReplaceMembers
from rollcall.workspaces.model import is_uuid
from rollcall.workspaces.values_sql import Parameters

_NAMED_AT_MOST = 10


@dataclass(frozen=True, slots=True)
class Moved:
    """Who came and who went: users and groups. True when anybody did."""

    joined: tuple[UUID, ...] = ()
    left: tuple[UUID, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.joined or self.left)


async def edit_members(
    tx: Tx, group_id: UUID, edits: Sequence[MemberEdit], resource_type: ResourceType, base_url: str
) -> Moved:
    """Carry out the edits in order and return who came and who went. The caller holds the group's row.

    Raises ScimError invalidValue, naming them, when added members are no users or groups of the organisation.
    """
    joined: list[UUID] = []
    left: list[UUID] = []
    for edit in edits:
        match edit:
            case AddMembers(ids):
                joined += await _add(tx, group_id, ids)
            case RemoveMembers(ids):
                left += await _remove(tx, group_id, ids)
            case RemoveMatching(tree):
                left += await _remove_matching(tx, group_id, tree, resource_type, base_url)
            case ReplaceMembers(ids):
                left += await _remove_others(tx, group_id, ids)
                joined += await _add(tx, group_id, ids)
    return Moved(tuple(joined), tuple(left))


async def leave_all_groups(tx: Tx, member_id: UUID, now: datetime) -> None:
    """End every membership of a user or group that is being deleted; its groups get a new version.

    The groups are held first and in order, as those who add a member hold them first, then the member.
    """
    await tx.run(
        """update workspaces.groups set version = version + 1, modified = greatest(modified, %(now)s)
           where id in (select group_id from workspaces.group_members where member_id = %(id)s)""",
        {"id": member_id, "now": now},
    )
    await tx.run("delete from workspaces.group_members where member_id = %s", (member_id,))


async def hold_groups_of(tx: Tx, member_id: UUID) -> None:
    """Hold the groups of a member, in the order of their ids, against other changes of their memberships."""
    await tx.run(
        """select from workspaces.groups g
           where exists (select from workspaces.group_members m
                         where m.tenant_id = g.tenant_id and m.group_id = g.id and m.member_id = %s)
           order by g.id for no key update of g""",
        (member_id,),
    )


# A member is held with a key-share lock: it can be changed meanwhile, but not be deleted. Lateral, so that each is
# looked up by its key whatever the planner believes about the size of the organisation.
_ADD = SQL("""
with wanted as materialized (select distinct id from unnest(%(ids)s::uuid[]) as id),
people as (
    select u.id from wanted
    cross join lateral (select id from workspaces.users where users.id = wanted.id for key share) as u
),
teams as (
    select g.id from wanted
    cross join lateral (select id from workspaces.groups where groups.id = wanted.id for key share) as g
),
known as materialized (select id, 'User' as kind from people union all select id, 'Group' from teams),
added as (
    insert into workspaces.group_members (group_id, member_id, member_kind)
    select %(group)s, id, kind from known
    on conflict do nothing returning member_id
)
select array(select member_id from added) as added,
       array(select id::text from wanted where not exists (select from known where known.id = wanted.id)
             limit %(limit)s) as unknown
""")


async def _add(tx: Tx, group_id: UUID, ids: Sequence[str]) -> list[UUID]:
    if not ids:
        return []
    strange = [text for text in ids if not is_uuid(text)]
    if strange:
        raise _unknown_members(strange)
    row = await tx.one(_ADD, {"ids": list(ids), "group": group_id, "limit": _NAMED_AT_MOST + 1})
    assert row is not None, "a select without FROM has one row"
    if row["unknown"]:
        raise _unknown_members(row["unknown"])
    added: list[UUID] = row["added"]
    return added


async def _remove(tx: Tx, group_id: UUID, ids: Sequence[str]) -> list[UUID]:
    known = [text for text in ids if is_uuid(text)]
    rows = await tx.all(
        """delete from workspaces.group_members where group_id = %s and member_id = any(%s::uuid[])
           returning member_id""",
        (group_id, known),
    )
    return [row["member_id"] for row in rows]


async def _remove_others(tx: Tx, group_id: UUID, ids: Sequence[str]) -> list[UUID]:
    rows = await tx.all(
        """with kept as materialized (select id from unnest(%s::uuid[]) as id)
           delete from workspaces.group_members m
           where m.group_id = %s and not exists (select from kept where kept.id = m.member_id)
           returning m.member_id""",
        ([text for text in ids if is_uuid(text)], group_id),
    )
    return [row["member_id"] for row in rows]


async def _remove_matching(
    tx: Tx, group_id: UUID, tree: Filter, resource_type: ResourceType, base_url: str
) -> list[UUID]:
    parameters = Parameters()
    condition = member_filter_sql(tree, resource_type, base_url, parameters)
    statement = SQL("delete from workspaces.group_members m where m.group_id = {} and {} returning m.member_id").format(
        parameters.add(group_id), condition
    )
    return [row["member_id"] for row in await tx.all(statement, parameters.values)]


def _unknown_members(ids: Sequence[str]) -> ScimError:
    named = ", ".join(repr(text[:100]) for text in ids[:_NAMED_AT_MOST])
    more = " and more" if len(ids) > _NAMED_AT_MOST else ""
    return invalid_value(
        f"members.value {named}{more}: no user or group here has this id. Create it first; nothing was changed."
    )
