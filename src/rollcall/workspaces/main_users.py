"""Main users in the database: appointed here, or by a listed group; the last way in can't be taken away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict, NotFound
from rollcall.runtime import Runtime
from rollcall.scim.datatypes import fold
from rollcall.workspaces.access_model import Appointment
from rollcall.workspaces.audit import SYSTEM, Actor, Happening, record
from rollcall.workspaces.sso.sessions import judge_again

# Users whom the dashboard's list lets in, as far as SCIM knows.
_LISTED: LiteralString = """
    from workspaces.dashboard_access d
    cross join unnest(d.group_ids) as entry
    join workspaces.groups g on g.external_key = entry
    join workspaces.group_members gm on gm.group_id = g.id
    join workspaces.users u on u.id = gm.member_id
    where d.sso"""
_ACTIVE: LiteralString = "u.active is not false and u.suspended is null"


@dataclass(frozen=True, slots=True)
class MainUser:
    """Somebody who may enter the dashboard, and by which appointment; not `active` is suspended."""

    user_id: UUID
    user_name: str
    display_name: str | None
    appointments: frozenset[Appointment]
    active: bool


async def main_users(tx: Tx, *, limit: int = 500) -> list[MainUser]:
    """Main users by user name, at most `limit` of them."""
    rows = await tx.all(
        f"""with found as (
                select user_id, true as local, false as listed from workspaces.main_users
                union all select gm.member_id, false, true {_LISTED}
            )
            select u.id as user_id, u.resource ->> 'userName' as user_name, u.display_name, {_ACTIVE} as active,
                   bool_or(f.local) as local, bool_or(f.listed) as listed
            from found f join workspaces.users u on u.id = f.user_id
            group by u.tenant_id, u.id order by u.user_name_folded limit %s""",
        (limit,),
    )
    return [
        MainUser(
            row["user_id"],
            row["user_name"],
            row["display_name"],
            frozenset(
                appointment
                for appointment, has in ((Appointment.LOCAL, row["local"]), (Appointment.GROUP, row["listed"]))
                if has
            ),
            row["active"],
        )
        for row in rows
    ]


async def main_user_by_address(tx: Tx, address: str) -> UUID | None:
    """The local main user with this user name or e-mail address; None for nobody, and where it is not clear who."""
    rows = await tx.all(
        """select u.id from workspaces.main_users m join workspaces.users u on u.id = m.user_id
           where u.user_name_folded = %(address)s
              or exists (select from jsonb_array_elements(coalesce(u.resource -> 'emails', '[]')) as e
                         where lower(e ->> 'value') = lower(%(typed)s))
           order by u.user_name_folded = %(address)s desc limit 2""",
        {"address": fold(address), "typed": address},
    )
    return rows[0]["id"] if len(rows) == 1 else None


async def appoint(tx: Tx, runtime: Runtime, user_id: UUID, by: UUID | None, *, actor: Actor = SYSTEM) -> None:
    """Make an active user a main user; once more is no error. Raises NotFound for anybody else."""
    user = await tx.one(f"select from workspaces.users u where u.id = %s and {_ACTIVE} for key share of u", (user_id,))
    if user is None:
        raise NotFound("There is no active user of this organisation with this id.", code="user_unknown")
    made = await tx.run(
        """insert into workspaces.main_users (user_id, appointed, appointed_by) values (%s, %s, %s)
           on conflict do nothing""",
        (user_id, runtime.now(), by),
    )
    if made:
        await record(tx, runtime, actor, Happening("main_user.added", "user", str(user_id)))


async def dismiss(tx: Tx, runtime: Runtime, user_id: UUID, *, break_glass: bool, actor: Actor = SYSTEM) -> None:
    """Take a local appointment away; a session that was kept for saving the access control is kept no longer.

    `break_glass`: whether a live break-glass account exists. Raises NotFound, Conflict `last_main_user`.
    """
    await check_way_in(tx, without=user_id, break_glass=break_glass)
    if not await tx.run("delete from workspaces.main_users where user_id = %s", (user_id,)):
        raise NotFound("This person has no local appointment as main user.", code="not_main_user")
    await tx.run(
        "update workspaces.dashboard_access set saved_session = null, saved_user = null where saved_user = %s",
        (user_id,),
    )
    await record(tx, runtime, actor, Happening("main_user.removed", "user", str(user_id)))
    await judge_again(tx)


async def check_way_in(tx: Tx, *, without: UUID | None, break_glass: bool) -> None:
    """Raises Conflict unless somebody can enter the dashboard without the appointment of `without`.

    Until the transaction ends nobody else's appointment can be taken away.
    """
    await tx.run("select from workspaces.organisations for no key update")
    if break_glass:
        return
    open_way = await tx.value(
        f"""select exists (select from workspaces.main_users m join workspaces.users u on u.id = m.user_id
                           where {_ACTIVE} and m.user_id is distinct from %(without)s)
                or exists (select {_LISTED} and {_ACTIVE})""",
        {"without": without},
    )
    if not open_way:
        raise Conflict(
            "Nobody could enter the Main User Dashboard any more. Appoint another main user first.",
            code="last_main_user",
        )
