"""Memberships of workspaces in the database: what was made by hand as rows, what SCIM makes by joining its groups.

Nothing is written when somebody joins a group that a workspace lists. When somebody leaves one, all that has to go is
the role of a member who has no other origin (`drop_orphans`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import NotFound
from rollcall.runtime import Runtime
from rollcall.workspaces.access_model import Role
from rollcall.workspaces.audit import SYSTEM, Actor, Happening, record
from rollcall.workspaces.origins import Member, Origin, check_admin_stays, check_removable, check_roles
from rollcall.workspaces.scim_events import bindings

_OWN: LiteralString = "(m.is_manual or m.is_registered or m.is_sso)"
_COLUMN: dict[Origin, LiteralString] = {
    Origin.MANUAL: "is_manual",
    Origin.REGISTRATION: "is_registered",
    Origin.SSO: "is_sso",
}
_GROUPS_OF: LiteralString = """
    from (select gm.group_id from workspaces.group_members gm where gm.member_id = {user} offset 0) as mine
    cross join lateral (select id, external_key from workspaces.groups where id = mine.group_id offset 0) as g"""
BOUND: LiteralString = f"""
    from workspaces.bound_entries b
    where b.workspace_id = {{workspace}} and b.external_key = any(array(select g.external_key {_GROUPS_OF}))"""
"""Entries of a workspace's list that name a group of a person. Groups are asked for from the person's side: they are few."""
_BOUND_GROUPS: LiteralString = f"""{_GROUPS_OF}
    join workspaces.bound_entries b on b.external_key = g.external_key
    where b.workspace_id = {{workspace}}"""
MEMBERS_OF: LiteralString = """
    (select m.user_id from workspaces.memberships m
     where m.workspace_id = {workspace} and (m.is_manual or m.is_registered or m.is_sso) limit {most})
    union
    select each.member_id
    from workspaces.bound_entries b
    join workspaces.groups g on g.external_key = b.external_key
    cross join lateral (
        select gm.member_id from workspaces.group_members gm
        where gm.group_id = g.id and gm.member_kind = 'User' and not exists (
            select from workspaces.memberships m
            where m.workspace_id = {workspace} and m.user_id = gm.member_id and m.removed)
        limit {most}) as each
    where b.workspace_id = {workspace}"""
"""The ids of all members of a workspace, or of so many that there are at least `most`."""
MEMBER: LiteralString = f"""
    select u.id as user_id, u.user_name_folded, u.resource ->> 'userName' as user_name, u.display_name,
           u.active is not false and u.suspended is null as awake,
           coalesce(m.is_manual, false) as manual, coalesce(m.is_registered, false) as registration,
           coalesce(m.is_sso, false) as sso, coalesce(m.is_participant, true) as participant,
           coalesce(m.is_admin, false) as admin,
           case when coalesce(m.removed, false) then array[]::uuid[]
                else array(select g.id {_BOUND_GROUPS.format(user="u.id", workspace="%(workspace)s")} order by g.id) end as groups
    from {{people}} u
    left join workspaces.memberships m on m.workspace_id = %(workspace)s and m.user_id = u.id"""
"""Accounts of `people` as members of a workspace; those without an origin are none."""

WORKSPACES_OF: LiteralString = f"""
    select m.workspace_id from workspaces.memberships m where m.user_id = {{user}} and {_OWN}
    union
    select b.workspace_id {_GROUPS_OF} join workspaces.bound_entries b on b.external_key = g.external_key
    where not exists (select from workspaces.memberships m
                      where m.workspace_id = b.workspace_id and m.user_id = {{user}} and m.removed)"""
"""The ids of all workspaces that somebody is a member of."""


async def member(tx: Tx, workspace_id: UUID, user_id: UUID) -> Member | None:
    """Somebody as a member of a workspace, None when they are none."""
    row = await tx.one(
        f"{MEMBER.format(people='workspaces.users')} where u.id = %(user)s",
        {"workspace": workspace_id, "user": user_id},
    )
    found = None if row is None else as_member(row)
    return found if found is not None and found.origins else None


async def add_member(
    tx: Tx,
    runtime: Runtime,
    workspace_id: UUID,
    user_id: UUID,
    origin: Origin,
    roles: Set[Role] = frozenset({Role.PARTICIPANT}),
    *,
    actor: Actor = SYSTEM,
) -> None:
    """Make somebody a member, or give a member one more origin; the roles of a member stay (row O7).

    Raises NotFound for an unknown user or a workspace that is unknown or deleted, Invalid for impossible roles.
    """
    roles = check_roles(roles)
    await _hold(tx, workspace_id)
    if await tx.one("select from workspaces.users where id = %s for key share", (user_id,)) is None:
        raise NotFound("There is no such user.", code="user_unknown")
    present = await member(tx, workspace_id, user_id)
    kept = roles if present is None else present.roles
    await tx.run(
        f"""insert into workspaces.memberships as m
                (workspace_id, user_id, {_COLUMN[origin]}, is_participant, is_admin, created)
            values (%(workspace)s, %(user)s, true, %(participant)s, %(admin)s, %(now)s)
            on conflict (tenant_id, workspace_id, user_id) do update set {_COLUMN[origin]} = true, removed = false,
                is_participant = excluded.is_participant, is_admin = excluded.is_admin""",
        {"workspace": workspace_id, "user": user_id, "now": runtime.now(), **_role_columns(kept)},
    )
    if Role.ADMIN in kept:
        await tx.run("update workspaces.workspaces set without_admin = null where id = %s", (workspace_id,))
    if present is None or origin not in present.own:
        details = {"origin": origin.value, "roles": sorted(kept)}
        await record(tx, runtime, actor, _of_member("membership.added", workspace_id, user_id, details=details))


async def set_roles(
    tx: Tx, runtime: Runtime, workspace_id: UUID, user_id: UUID, roles: Set[Role], *, actor: Actor = SYSTEM
) -> None:
    """Give a member these roles; a synchronised one keeps them for as long as the membership lasts (row O5).

    Raises NotFound, Invalid, and Conflict `last_admin`.
    """
    roles = check_roles(roles)
    present = await _held_member(tx, workspace_id, user_id)
    check_admin_stays(present, roles, other_admins=await _has_admin(tx, workspace_id, but=user_id))
    await tx.run(
        """insert into workspaces.memberships (workspace_id, user_id, is_participant, is_admin, created)
           values (%(workspace)s, %(user)s, %(participant)s, %(admin)s, %(now)s)
           on conflict (tenant_id, workspace_id, user_id) do update
               set is_participant = excluded.is_participant, is_admin = excluded.is_admin""",
        {"workspace": workspace_id, "user": user_id, "now": runtime.now(), **_role_columns(roles)},
    )
    if Role.ADMIN in roles:
        await tx.run("update workspaces.workspaces set without_admin = null where id = %s", (workspace_id,))
    if roles != present.roles:
        changes = [("roles", sorted(present.roles), sorted(roles))]
        await record(tx, runtime, actor, _of_member("membership.role_changed", workspace_id, user_id, changes))


async def remove_member(tx: Tx, runtime: Runtime, workspace_id: UUID, user_id: UUID, *, actor: Actor = SYSTEM) -> None:
    """End a membership by hand.

    Raises NotFound, and Conflict `managed_by_synchronization` (row O6) or `last_admin`.
    """
    present = await _held_member(tx, workspace_id, user_id)
    synchronization = await tx.value("select synchronization from workspaces.organisations")
    check_removable(present, synchronization=synchronization)
    check_admin_stays(present, frozenset(), other_admins=await _has_admin(tx, workspace_id, but=user_id))
    await tx.run("delete from workspaces.memberships where workspace_id = %s and user_id = %s", (workspace_id, user_id))
    if present.groups:  # synchronization is off; what it brought is frozen, and this one is taken out of it (row O15)
        await tx.run(
            "insert into workspaces.memberships (workspace_id, user_id, removed, created) values (%s, %s, true, %s)",
            (workspace_id, user_id, runtime.now()),
        )
    details = {"origins": list(present.origins)}
    await record(tx, runtime, actor, _of_member("membership.removed", workspace_id, user_id, details=details))


async def drop_orphans(tx: Tx, now: datetime, external_keys: Sequence[str]) -> None:
    """Forget the roles of those whose last origin was a group with one of these keys (rows O2, O5, O9, O10).

    A workspace that loses its last admin by it is flagged.
    """
    await tx.run(
        _FORGET + "from workspaces.bound_entries e where e.external_key = any(%(keys)s)" + _FORGOTTEN,
        {"keys": list(external_keys), "now": now},
    )


async def bind(tx: Tx, now: datetime, workspace_id: UUID | None = None) -> list[Happening]:
    """Bring the bound lists in step with the settings, of one workspace or all; the caller just changed them (row O8).

    Returns what the audit log is to be told of it. Nothing changes while synchronization is off (row O15).
    """
    wanted = {"workspace": workspace_id, "now": now}
    await tx.run(
        """select from workspaces.workspaces where %(workspace)s::uuid is null or id = %(workspace)s
           order by id for no key update""",
        wanted,
    )
    if not await tx.value("select synchronization from workspaces.organisations"):
        return []
    changed = await tx.all(_BIND, wanted)
    unbound = {row["workspace_id"] for row in changed if row["action"] == "group.unbound"}
    if unbound:
        affected = {"workspaces": list(unbound), "now": now}
        await tx.run(
            _FORGET + "from unnest(%(workspaces)s::uuid[]) as e(workspace_id) where true" + _FORGOTTEN, affected
        )
    by_group: dict[tuple[str, UUID], list[UUID]] = {}
    for row in changed:
        if row["group_id"] is not None:  # an entry without a group waits for one
            by_group.setdefault((row["action"], row["group_id"]), []).append(row["workspace_id"])
    return [each for (action, group), workspaces in by_group.items() for each in bindings(action, group, workspaces)]


async def bind_again(tx: Tx, now: datetime) -> list[Happening]:
    """Let SCIM manage memberships again, those too that were ended by hand while synchronization was off (row O15)."""
    await tx.run("delete from workspaces.memberships where removed")
    return await bind(tx, now)


async def flag_lost_admin(tx: Tx, now: datetime, user_id: UUID) -> None:
    """Flag the workspaces whose only admin is a user who is about to be deleted."""
    await tx.run(
        """update workspaces.workspaces w set without_admin = %(now)s
           where w.id in (select workspace_id from workspaces.memberships where user_id = %(user)s and is_admin)
             and not exists (select from workspaces.memberships o
                             where o.workspace_id = w.id and o.is_admin and o.user_id <> %(user)s)""",
        {"now": now, "user": user_id},
    )


# Between the two stands where the workspaces come from, as `e`. Rows of one's own origins are never looked at.
_FORGET: LiteralString = """
with gone as (
    delete from workspaces.memberships m using (select distinct e.workspace_id """
_FORGOTTEN: LiteralString = f""") as e
    where m.workspace_id = e.workspace_id and not {_OWN} and not m.removed
      and not exists (select {BOUND.format(user="m.user_id", workspace="m.workspace_id")})
    returning m.workspace_id, m.user_id, m.is_admin
)
update workspaces.workspaces w set without_admin = %(now)s
where w.id in (select workspace_id from gone where is_admin)
  and not exists (select from workspaces.memberships o
                  where o.workspace_id = w.id and o.is_admin
                    and not exists (select from gone where gone.workspace_id = w.id and gone.user_id = o.user_id))
"""
_BIND: LiteralString = """
with wanted as materialized (
    select distinct l.workspace_id, entry as external_key
    from workspaces.effective_login l cross join unnest(l.group_ids) as entry
    where l.sso and l.state <> 'deleted' and (%(workspace)s::uuid is null or l.workspace_id = %(workspace)s)
),
unbound as (
    delete from workspaces.bound_entries b
    where (%(workspace)s::uuid is null or b.workspace_id = %(workspace)s)
      and not exists (select from wanted w where w.workspace_id = b.workspace_id and w.external_key = b.external_key)
    returning b.workspace_id, b.external_key
),
bound as (
    insert into workspaces.bound_entries (workspace_id, external_key)
    select workspace_id, external_key from wanted
    on conflict do nothing returning workspace_id, external_key
),
changed as (
    select 'group.unbound' as action, workspace_id, external_key from unbound
    union all select 'group.bound', workspace_id, external_key from bound
)
select c.action, c.workspace_id, g.id as group_id
from changed c
left join lateral (select id from workspaces.groups where external_key = c.external_key offset 0) as g on true
"""


async def _hold(tx: Tx, workspace_id: UUID) -> None:
    """Hold a workspace against other changes by hand and of its list."""
    row = await tx.one(
        "select state from workspaces.workspaces where id = %s and state <> 'deleted' for no key update",
        (workspace_id,),
    )
    if row is None:
        raise NotFound("There is no such workspace.", code="workspace_unknown")


async def _held_member(tx: Tx, workspace_id: UUID, user_id: UUID) -> Member:
    """A member, whom SCIM can't take out of a group that counts here until the transaction ends."""
    await _hold(tx, workspace_id)
    await tx.run(
        f"""select from workspaces.groups where id in (select g.id {_BOUND_GROUPS.format(user="%(user)s", workspace="%(workspace)s")})
            order by id for share""",
        {"user": user_id, "workspace": workspace_id},
    )
    present = await member(tx, workspace_id, user_id)
    if present is None:
        raise NotFound("This person is no member of the workspace.", code="not_a_member")
    return present


async def _has_admin(tx: Tx, workspace_id: UUID, *, but: UUID) -> bool:
    found = await tx.one(
        "select from workspaces.memberships where workspace_id = %s and is_admin and user_id <> %s limit 1",
        (workspace_id, but),
    )
    return found is not None


def _of_member(
    action: str,
    workspace_id: UUID,
    user_id: UUID,
    changes: Sequence[tuple[str, Any, Any]] = (),
    details: Mapping[str, Any] | None = None,
) -> Happening:
    told = {"user": str(user_id), **(details or {})}
    return Happening(action, "workspace", str(workspace_id), changes=changes, details=told)


def _role_columns(roles: Set[Role]) -> dict[str, bool]:
    return {"participant": Role.PARTICIPANT in roles, "admin": Role.ADMIN in roles}


def as_member(row: dict[str, Any]) -> Member:
    """A member out of a row of `MEMBER`."""
    roles = {Role.PARTICIPANT: row["participant"], Role.ADMIN: row["admin"]}
    return Member(
        user_id=row["user_id"],
        user_name=row["user_name"],
        display_name=row["display_name"],
        roles=frozenset(role for role, has in roles.items() if has),
        own=frozenset(origin for origin in Origin if row[origin]),
        groups=tuple(row["groups"]),
        awake=row["awake"],
    )
