"""Members of a workspace as a list, by user name: counted so far as is cheap, searched, and paged by key."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.workspaces.finding import searched
from rollcall.workspaces.memberships import BOUND, MEMBER, MEMBERS_OF, as_member
from rollcall.workspaces.origins import Member
from rollcall.workspaces.paging import BEGINNING, COUNTED_AT_MOST, PAGE, Page, Place, page_of, prefix


async def count_members(tx: Tx, workspace_id: UUID) -> int:
    """How many members a workspace has, counted up to COUNTED_AT_MOST + 1."""
    return int(
        await tx.value(
            f"select count(*) from (select * from ({_MEMBERS}) as each limit %(most)s) as counted",
            {"workspace": workspace_id, "most": COUNTED_AT_MOST + 1},
        )
    )


async def find_members(
    tx: Tx, workspace_id: UUID, search: str = "", place: Place = BEGINNING, limit: int = PAGE
) -> Page[Member]:
    """Members by user name; `search` is the beginning of a name, family name, address or user name."""
    statement, params = members_statement(workspace_id, await count_members(tx, workspace_id), search, place, limit)
    rows = await tx.all(statement, params)
    keys = {row["user_id"]: row["user_name_folded"] for row in rows}
    return page_of([as_member(row) for row in rows], place, limit, lambda each: keys[each.user_id])


def members_statement(
    workspace_id: UUID, counted: int, search: str, place: Place, limit: int
) -> tuple[LiteralString, dict[str, Any]]:
    """What find_members asks, so that its plan can be looked at.

    The few members of a small workspace are looked up one by one. In a large one many accounts are members, so that
    walking along the accounts and asking of each finds a page soon, however many members there are.
    """
    backwards = place.before is not None
    beyond: LiteralString = "<" if backwards else ">"
    order: LiteralString = "user_name_folded desc" if backwards else "user_name_folded"
    if counted <= COUNTED_AT_MOST:
        page: LiteralString = f"""
            select c.* from (select distinct user_id as id from ({_MEMBERS}) as every) as few
            cross join lateral (select * from workspaces.users where id = few.id offset 0) as c
            where c.user_name_folded {beyond} %(key)s and {_SEARCHED if search else "true"}
            order by c.{order} limit %(limit)s"""
    elif search:
        found = searched(f"and u.user_name_folded {beyond} %(key)s")
        page = f"""
            select c.* from (select * from ({found}) as every order by {order} offset 0) as ids
            cross join lateral (select * from workspaces.users where id = ids.id offset 0) as c
            where {_IS_MEMBER.format(user="ids.id")} order by ids.{order} limit %(limit)s"""
    else:
        page = f"""
            select c.* from workspaces.users c
            where c.user_name_folded {beyond} %(key)s and {_IS_MEMBER.format(user="c.id")}
            order by c.{order} limit %(limit)s"""
    statement: LiteralString = f"{MEMBER.format(people=f'({page})')} order by u.{order}"
    key = place.before or place.after or ""
    return statement, {"workspace": workspace_id, "key": key, "limit": limit + 1, "most": COUNTED_AT_MOST + 1} | prefix(
        search
    )


_MEMBERS: LiteralString = MEMBERS_OF.format(workspace="%(workspace)s", most="%(most)s")
_SEARCHED: LiteralString = """(c.user_name_folded >= %(begin)s and c.user_name_folded < %(end)s
    or c.name_key >= %(begin)s and c.name_key < %(end)s or c.family_key >= %(begin)s and c.family_key < %(end)s
    or c.address_key >= %(begin)s and c.address_key < %(end)s)"""
_IS_MEMBER: LiteralString = f"""(
    exists (select from workspaces.memberships m where m.workspace_id = %(workspace)s and m.user_id = {{user}}
                and (m.is_manual or m.is_registered or m.is_sso))
    or exists (select {BOUND.format(user="{user}", workspace="%(workspace)s")})
       and not exists (select from workspaces.memberships m
                       where m.workspace_id = %(workspace)s and m.user_id = {{user}} and m.removed))"""
