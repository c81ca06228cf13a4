"""Groups inside groups: who is above a member, who is beneath a group, and who is left out where nesting does not count.

Every walk goes by keys, upwards from a member or downwards over groups only, and ends where groups go in a circle.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.ancestry import Ancestry, Holder, everything_above
from rollcall.directory.model import LeftOutGroup
from rollcall.directory.watermark import Snapshot

# `offset 0` keeps each step a look-up by key, however many rows the planner expects of a recursion.
HOLDERS = "select member_id, group_id from directory.memberships where member_id = any(%(ids)s)"
ABOVE = """
    with recursive above (id) as (
        select unnest(%(groups)s::uuid[])
        union
        select parent.group_id from above
        cross join lateral (
            select member.group_id
            from directory.groups as holder
            join directory.memberships as member on member.member_id = holder.id
            where holder.id = above.id and holder.deleted_at is null
            offset 0
        ) as parent
    )
    select above.id, held.display_name, held.deleted, held.parents from above
    cross join lateral (
        select holder.display_name, holder.deleted_at is not null as deleted,
               array(select group_id from directory.memberships where member_id = above.id) as parents
        from directory.groups as holder where holder.id = above.id
        offset 0
    ) as held
"""
# Upwards also over what has been taken apart since: whoever was above then has to hear of it.
_PARENTS_SINCE = """
    select group_id from directory.memberships where member_id = above.id
    union
    select object_id from directory.changes
    where other_id = above.id and kind = 'membership' and other_kind = 'Group'
      and xid >= %(xmin)s and (xid >= %(xmax)s or xid = any(%(running)s))
"""
ABOVE_SINCE = f"""
    with recursive above (id) as (
        select unnest(%(groups)s::uuid[])
        union
        select parent.group_id from above cross join lateral ({_PARENTS_SINCE} offset 0) as parent
    )
    select above.id, array({_PARENTS_SINCE}) as parents from above
"""
_CHILDREN = """
    select member.member_id as id,
           (select inner_group.deleted_at is null from directory.groups as inner_group
            where inner_group.id = member.member_id) as alive
    from directory.memberships as member
    where member.group_id = beneath.id and member.member_kind = 'Group'
    offset 0
"""
BENEATH = f"""
    with recursive beneath (id, alive) as (
        select %(group)s::uuid, true
        union
        select child.id, child.alive from beneath cross join lateral ({_CHILDREN}) as child where beneath.alive
    )
    select id, bool_or(alive) as alive from beneath group by id order by id
"""
PEOPLE = """
    select group_id, member_id from directory.memberships
    where group_id = any(%(groups)s) and (group_id, member_id) > (%(group)s, %(member)s) and member_kind = 'User'
    order by group_id, member_id limit %(limit)s
"""
FLATTENED = """
    select distinct person.member_id from unnest(%(groups)s::uuid[]) as holder (id)
    cross join lateral (
        select member_id from directory.memberships
        where group_id = holder.id and member_kind = 'User' and member_id > %(after)s
        order by member_id limit %(limit)s
    ) as person
    order by person.member_id limit %(limit)s
"""
LEFT_OUT = """
    select distinct assigned.id as group_id, assigned.display_name as group_name,
           inner_group.id, inner_group.display_name as name
    from directory.assignments as assignment
    join directory.groups as assigned on assigned.id = assignment.principal_id and assigned.deleted_at is null
    join directory.memberships as member on member.group_id = assigned.id and member.member_kind = 'Group'
    join directory.groups as inner_group on inner_group.id = member.member_id and inner_group.deleted_at is null
    where assignment.service_principal_id = %(application)s and (%(inside)s::uuid is null or assigned.id = %(inside)s)
      and not exists (
        select from directory.assignments as own
        where own.service_principal_id = %(application)s and own.principal_id = inner_group.id
    )
    order by group_name, group_id, name, id limit %(limit)s
"""
# No more than `most` memberships are looked at for each group: an estimate for a warning, not a count.
LEFT_OUT_PEOPLE = f"""
    with recursive beneath (root, id, alive) as (
        select id, id, true from unnest(%(groups)s::uuid[]) as root (id)
        union
        select beneath.root, child.id, child.alive
        from beneath cross join lateral ({_CHILDREN}) as child where beneath.alive
    )
    select root.id, count(*) as looked_at,
           count(distinct person.member_id) filter (where
               (select one.deleted_at is null from directory.users as one where one.id = person.member_id)
               and (
                   select count(*) from directory.assignments as own
                   where own.service_principal_id = %(application)s and own.principal_id = person.member_id
               ) = 0
               and (
                   select count(*) from directory.memberships as member
                   join directory.assignments as assignment on assignment.principal_id = member.group_id
                       and assignment.service_principal_id = %(application)s
                   where member.member_id = person.member_id and (
                       select holder.deleted_at is null from directory.groups as holder where holder.id = member.group_id
                   )
               ) = 0
           ) as people
    from unnest(%(groups)s::uuid[]) as root (id)
    cross join lateral (
        select member.member_id from beneath
        cross join lateral (
            select member_id from directory.memberships
            where group_id = beneath.id and member_kind = 'User' limit %(most)s
        ) as member
        where beneath.root = root.id and beneath.alive limit %(most)s
    ) as person
    group by root.id
"""
_LOOKED_AT = 1000


async def read_ancestry(tx: Tx, members: Collection[UUID]) -> Ancestry:
    """The groups above these users and groups."""
    holders: dict[UUID, list[UUID]] = defaultdict(list)
    for row in await tx.all(HOLDERS, {"ids": list(members)}) if members else ():
        holders[row["member_id"]].append(row["group_id"])
    direct = {group for groups in holders.values() for group in groups}
    rows = await tx.all(ABOVE, {"groups": list(direct)}) if direct else []
    groups = {row["id"]: Holder(row["display_name"], row["deleted"], tuple(row["parents"])) for row in rows}
    return Ancestry({member: tuple(found) for member, found in holders.items()}, groups)


async def above_since(tx: Tx, groups: Collection[UUID], since: Snapshot) -> dict[UUID, tuple[UUID, ...]]:
    """For each of these groups: itself and whatever may have been above it at any moment since, each once."""
    if not groups:
        return {}
    rows = await tx.all(
        ABOVE_SINCE,
        {"groups": list(groups), "xmin": since.xmin, "xmax": since.xmax, "running": list(since.running)},
    )
    parents = {row["id"]: tuple(row["parents"]) for row in rows}
    return {group: everything_above(group, parents) for group in groups}


async def groups_beneath(tx: Tx, group: UUID) -> dict[UUID, bool]:
    """The group itself and the groups inside it at any depth, by id, each with whether its members count.

    Those of a soft-deleted group don't, and nothing beneath it is named, but for the first.
    """
    return {row["id"]: row["alive"] for row in await tx.all(BENEATH, {"group": group})}


async def people_beneath(
    tx: Tx, groups: Collection[UUID], after: tuple[UUID, UUID], limit: int
) -> list[tuple[UUID, UUID]]:
    """Direct members of these groups who are people, as group and member, by both; those behind `after`."""
    rows = await tx.all(PEOPLE, {"groups": list(groups), "group": after[0], "member": after[1], "limit": limit})
    return [(row["group_id"], row["member_id"]) for row in rows]


async def flattened_members(tx: Tx, group: UUID, after: UUID, limit: int) -> list[UUID]:
    """A page of the people in a group and in the groups inside it, each once, by id; those behind `after`."""
    groups = [each for each, counts in (await groups_beneath(tx, group)).items() if counts]
    return [row["member_id"] for row in await tx.all(FLATTENED, {"groups": groups, "after": after, "limit": limit})]


async def left_out_groups(
    tx: Tx, service_principal_id: UUID, *, inside: UUID | None = None, limit: int = 20
) -> list[LeftOutGroup]:
    """Groups inside assigned groups that are not assigned themselves: a job that takes direct members only leaves them out.

    At most `limit`, by name, all of one assigned group with `inside`; how many people is an estimate from the first
    thousand.
    """
    rows = await tx.all(LEFT_OUT, {"application": service_principal_id, "inside": inside, "limit": limit})
    if not rows:
        return []
    asked: dict[str, Any] = {
        "application": service_principal_id,
        "groups": list({row["id"] for row in rows}),
        "most": _LOOKED_AT,
    }
    counted = {row["id"]: row for row in await tx.all(LEFT_OUT_PEOPLE, asked)}
    return [
        LeftOutGroup(
            str(row["id"]),
            row["name"],
            str(row["group_id"]),
            row["group_name"],
            counted[row["id"]]["people"] if row["id"] in counted else 0,
            row["id"] in counted and counted[row["id"]]["looked_at"] >= _LOOKED_AT,
        )
        for row in rows
    ]
