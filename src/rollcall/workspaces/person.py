"""One person as main users see them: the account, its groups, its memberships; and one group with its members."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import NotFound
from rollcall.workspaces.access_model import Role, WorkspaceState
from rollcall.workspaces.finding import PersonLine
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.paging import BEGINNING, COUNTED_AT_MOST, PAGE, Page, Place, page_of


@dataclass(frozen=True, slots=True)
class Person:
    """An account. `managed`: SCIM keeps it, so that it is changed in the directory; `active` is what SCIM says."""

    id: UUID
    user_name: str
    display_name: str | None
    address: str | None
    title: str | None
    department: str | None
    external_id: str | None
    active: bool
    suspended: datetime | None
    origin: str
    managed: bool
    main_user: bool
    created: datetime
    changed: datetime

    @property
    def name(self) -> str:
        """What they are called."""
        return self.display_name or self.user_name


@dataclass(frozen=True, slots=True)
class GroupOf:
    """A group that somebody is in."""

    id: UUID
    name: str
    external_id: str | None
    workspaces: int


@dataclass(frozen=True, slots=True)
class MembershipOf:
    """A workspace that somebody is a member of, and why: `own` origins, and `groups` by name."""

    workspace_id: UUID
    slug: str
    name: str
    state: WorkspaceState
    roles: frozenset[Role]
    own: frozenset[Origin]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group that SCIM brought."""

    id: UUID
    name: str
    external_id: str | None
    members: int
    created: datetime
    changed: datetime


async def person(tx: Tx, user_id: UUID) -> Person:
    """The account with this id. Raises NotFound."""
    row = await tx.one(
        """select u.id, u.resource ->> 'userName' as user_name, u.display_name,
                  u.resource -> 'emails' -> 0 ->> 'value' as address, u.resource ->> 'title' as title,
                  u.resource -> 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User' ->> 'department' as department,
                  u.external_id, u.active is not false as active, u.suspended, u.origin,
                  u.synchronised and o.synchronization as managed, appointed.user_id is not null as main_user,
                  u.created, u.modified as changed
           from workspaces.users u cross join workspaces.organisations o
           left join workspaces.main_users appointed on appointed.user_id = u.id
           where u.id = %s""",
        (user_id,),
    )
    if row is None:
        raise NotFound("There is no such person here.", code="user_unknown")
    return Person(**row)


async def groups_of(tx: Tx, user_id: UUID, limit: int = 200) -> list[GroupOf]:
    """The groups that somebody is directly in, by name."""
    rows = await tx.all(
        """select g.id, g.display_name as name, g.external_id,
                  (select count(*) from workspaces.bound_entries b where b.external_key = g.external_key) as workspaces
           from (select m.group_id from workspaces.group_members m where m.member_id = %s offset 0) as mine
           cross join lateral (select * from workspaces.groups where id = mine.group_id offset 0) as g
           order by g.display_name_folded limit %s""",
        (user_id, limit),
    )
    return [GroupOf(**row) for row in rows]


async def memberships_of(tx: Tx, user_id: UUID) -> list[MembershipOf]:
    """The workspaces somebody is a member of, archived ones too, by name."""
    rows = await tx.all(_MEMBERSHIPS, {"user": user_id})
    return [_membership(row) for row in rows]


async def group(tx: Tx, group_id: UUID) -> Group:
    """The group with this id; its members counted up to COUNTED_AT_MOST + 1. Raises NotFound."""
    row = await tx.one(
        """select g.id, g.display_name as name, g.external_id, g.created, g.modified as changed,
                  (select count(*) from (select from workspaces.group_members m
                                         where m.group_id = g.id and m.member_kind = 'User' limit %s) as few) as members
           from workspaces.groups g where g.id = %s""",
        (COUNTED_AT_MOST + 1, group_id),
    )
    if row is None:
        raise NotFound("There is no such group here.", code="group_unknown")
    return Group(**row)


async def people_in(
    tx: Tx, group_id: UUID, counted: int, place: Place = BEGINNING, limit: int = PAGE
) -> Page[PersonLine]:
    """Members of a group by user name; of a large one by walking along the accounts, as member_lists does."""
    backwards = place.before is not None
    beyond: LiteralString = "<" if backwards else ">"
    order: LiteralString = "user_name_folded desc" if backwards else "user_name_folded"
    member: LiteralString = "select m.member_id from workspaces.group_members m where m.group_id = %(group)s"
    among: LiteralString = (
        f"workspaces.users u where exists ({member} and m.member_id = u.id)"
        if counted > COUNTED_AT_MOST
        else f"""({member} and m.member_kind = 'User' offset 0) as few
                 cross join lateral (select * from workspaces.users where id = few.member_id offset 0) as u where true"""
    )
    rows = await tx.all(
        f"""select u.id as user_id, u.resource ->> 'userName' as user_name, u.user_name_folded, u.display_name,
                   u.active is not false as active, u.suspended, u.synchronised, false as main_user, u.modified as changed
            from {among} and u.user_name_folded {beyond} %(key)s order by u.{order} limit %(limit)s""",
        {"group": group_id, "key": place.before or place.after or "", "limit": limit + 1},
    )
    return page_of([PersonLine(**row) for row in rows], place, limit, lambda each: each.user_name_folded)


async def workspaces_listing(tx: Tx, group_id: UUID, limit: int = 200) -> list[tuple[str, str, UUID]]:
    """Name, slug and id of the workspaces whose lists name a group."""
    rows = await tx.all(
        """select w.name, w.slug, w.id from workspaces.groups g
           join workspaces.bound_entries b on b.external_key = g.external_key
           join workspaces.workspaces w on w.id = b.workspace_id
           where g.id = %s order by w.name_folded, w.id limit %s""",
        (group_id, limit),
    )
    return [(row["name"], row["slug"], row["id"]) for row in rows]


# A person's groups are few, and so are the workspaces that list them.
_MEMBERSHIPS: LiteralString = """
with mine as materialized (
    select g.display_name, g.external_key
    from (select gm.group_id from workspaces.group_members gm where gm.member_id = %(user)s offset 0) as each
    cross join lateral (select * from workspaces.groups where id = each.group_id offset 0) as g
),
listed as materialized (
    select b.workspace_id, array_agg(mine.display_name order by mine.display_name) as groups
    from mine join workspaces.bound_entries b on b.external_key = mine.external_key group by b.workspace_id
),
places as materialized (
    select coalesce(m.workspace_id, l.workspace_id) as id, m.is_manual, m.is_registered, m.is_sso, m.is_participant,
           m.is_admin, case when m.removed then null else l.groups end as groups
    from (select * from workspaces.memberships where user_id = %(user)s) as m
    full join listed l on l.workspace_id = m.workspace_id
)
select w.id as workspace_id, w.slug, w.name, w.state, coalesce(p.is_manual, false) as manual,
       coalesce(p.is_registered, false) as registration, coalesce(p.is_sso, false) as sso,
       coalesce(p.is_participant, true) as participant, coalesce(p.is_admin, false) as admin,
       coalesce(p.groups, '{}') as groups
from places p join workspaces.workspaces w on w.id = p.id
where w.state <> 'deleted' and (p.groups is not null or p.is_manual or p.is_registered or p.is_sso)
order by w.name_folded, w.id"""


def _membership(row: dict[str, Any]) -> MembershipOf:
    roles = {Role.PARTICIPANT: row["participant"], Role.ADMIN: row["admin"]}
    return MembershipOf(
        row["workspace_id"],
        row["slug"],
        row["name"],
        WorkspaceState(row["state"]),
        frozenset(role for role, has in roles.items() if has),
        frozenset(origin for origin in Origin if row[origin]),
        tuple(row["groups"]),
    )
