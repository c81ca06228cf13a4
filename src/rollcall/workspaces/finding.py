"""Finds people, groups and workspaces by the beginning of what one knows of them; pages by key, out of indexes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, LiteralString
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict
from rollcall.scim.datatypes import fold
from rollcall.workspaces.access_model import WorkspaceState
from rollcall.workspaces.memberships import MEMBERS_OF
from rollcall.workspaces.model import parse_id
from rollcall.workspaces.paging import (
    BEGINNING,
    COUNTED_AT_MOST,
    PAGE,
    SEPARATOR,
    Page,
    Place,
    page_of,
    prefix,
    storable,
)


class PeopleFilter(StrEnum):
    """Which people."""

    ALL = "all"
    AWAY = "away"  # inactive by SCIM, or suspended here
    BY_HAND = "by_hand"  # not managed by SCIM


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A person in a list."""

    user_id: UUID
    user_name: str
    user_name_folded: str
    display_name: str | None
    active: bool
    suspended: datetime | None
    synchronised: bool
    main_user: bool
    changed: datetime

    @property
    def name(self) -> str:
        """What they are called."""
        return self.display_name or self.user_name


@dataclass(frozen=True, slots=True)
class GroupLine:
    """A group in a list; `members` are counted up to COUNTED_AT_MOST + 1, `workspaces` those that list it."""

    group_id: UUID
    name: str
    name_folded: str
    external_id: str | None
    members: int
    workspaces: int
    changed: datetime


@dataclass(frozen=True, slots=True)
class WorkspaceLine:
    """A workspace in a list; `members` are counted up to COUNTED_AT_MOST + 1."""

    id: UUID
    slug: str
    name: str
    name_folded: str
    state: WorkspaceState
    synchronised: bool
    members: int
    without_admin: datetime | None
    created: datetime


async def find_people(
    tx: Tx, search: str = "", which: PeopleFilter = PeopleFilter.ALL, place: Place = BEGINNING, limit: int = PAGE
) -> Page[PersonLine]:
    """People by user name; `search` is the beginning of a name, family name, address or user name."""
    statement, params = people_statement(search, which, place, limit)
    rows = await tx.all(statement, params)
    return page_of([PersonLine(**row) for row in rows], place, limit, lambda each: each.user_name_folded)


@dataclass(frozen=True, slots=True)
class Found:
    """Somebody who was named exactly, and where mails to them go."""

    user_id: UUID
    name: str
    address: str | None


async def find_exactly(tx: Tx, written: str) -> Found | None:
    """The person with this user name, else with this address. Raises Conflict where several have the address."""
    select: LiteralString = """select u.id as user_id, coalesce(u.display_name, u.resource ->> 'userName') as name,
        coalesce(u.resource -> 'emails' -> 0 ->> 'value', u.resource ->> 'userName') as address
        from workspaces.users u where """
    wanted = fold(storable(written))
    rows = await tx.all(select + "u.user_name_folded = %s", (wanted,))
    rows = rows or await tx.all(select + "u.address_key = %s limit 2", (wanted[:200],))
    if len(rows) > 1:
        raise Conflict("Several people have this address. Give the user name.", code="ambiguous")
    if not rows:
        return None
    address = rows[0]["address"]
    return Found(**{**rows[0], "address": address if address and "@" in address else None})


async def count_people(tx: Tx, search: str, which: PeopleFilter) -> int:
    """How many people that are, counted up to COUNTED_AT_MOST + 1."""
    ids = _found(search, which, "", "user_name_folded")  # each part cut off where the count is
    wanted = prefix(search) | {"limit": COUNTED_AT_MOST + 1}
    return int(await tx.value(f"select count(*) from ({ids} limit %(limit)s) as found", wanted))


def people_statement(
    search: str, which: PeopleFilter, place: Place, limit: int
) -> tuple[LiteralString, dict[str, Any]]:
    """What find_people asks, so that its plan can be looked at."""
    backwards = place.before is not None
    beyond: LiteralString = "and u.user_name_folded < %(key)s" if backwards else "and u.user_name_folded > %(key)s"
    order: LiteralString = "user_name_folded desc" if backwards else "user_name_folded"
    statement: LiteralString = f"""
        select u.id as user_id, u.resource ->> 'userName' as user_name, u.user_name_folded, u.display_name,
               u.active is not false as active, u.suspended, u.synchronised,
               appointed.user_id is not null as main_user, u.modified as changed
        from ({_found(search, which, beyond, order)} order by {order} limit %(limit)s) as page
        join workspaces.users u on u.id = page.id
        left join workspaces.main_users appointed on appointed.user_id = u.id
        order by u.{order}"""
    return statement, {"key": place.before or place.after or "", "limit": limit + 1} | prefix(search)


async def find_groups(tx: Tx, search: str = "", place: Place = BEGINNING, limit: int = PAGE) -> Page[GroupLine]:
    """Groups by name; `search` is its beginning, or an external id."""
    backwards = place.before is not None
    beyond: LiteralString = "<" if backwards else ">"
    order: LiteralString = "display_name_folded desc" if backwards else "display_name_folded"
    by_name: LiteralString = "and g.display_name_folded >= %(begin)s and g.display_name_folded < %(end)s"
    page: LiteralString = f"""
        select g.* from workspaces.groups g
        where g.display_name_folded {beyond} %(key)s {by_name if search else ""}
        order by g.{order} limit %(limit)s"""
    if search:
        page = f"""select * from ({page}) as by_name
            union all select g.* from workspaces.groups g
            where g.external_key = %(exact)s and not (g.display_name_folded >= %(begin)s and g.display_name_folded < %(end)s)
              and g.display_name_folded {beyond} %(key)s"""
    rows = await tx.all(
        f"""select g.id as group_id, g.display_name as name, g.display_name_folded as name_folded, g.external_id,
                   {_MEMBERS_OF_GROUP} as members,
                   (select count(*) from workspaces.bound_entries b where b.external_key = g.external_key) as workspaces,
                   g.modified as changed
            from ({page}) as g order by g.{order} limit %(limit)s""",
        {"key": place.before or place.after or "", "limit": limit + 1, "most": COUNTED_AT_MOST + 1} | prefix(search),
    )
    return page_of([GroupLine(**row) for row in rows], place, limit, lambda each: each.name_folded)


async def find_workspaces(
    tx: Tx, search: str = "", state: WorkspaceState | None = None, place: Place = BEGINNING, limit: int = PAGE
) -> Page[WorkspaceLine]:
    """Workspaces that are not deleted, by name; `search` is its beginning, or the slug. Names may repeat; ids tell apart."""
    backwards = place.before is not None
    beyond: LiteralString = "<" if backwards else ">"
    order: LiteralString = "w.name_folded desc, w.id desc" if backwards else "w.name_folded, w.id"
    searched: LiteralString = (
        "and (w.name_folded >= %(begin)s and w.name_folded < %(end)s or w.slug = %(exact)s)" if search else ""
    )
    name, _, written = (place.before or place.after or "").rpartition(SEPARATOR)
    identifier = parse_id(written) or UUID(int=0)
    rows = await tx.all(
        f"""select w.id, w.slug, w.name, w.name_folded, w.state, w.without_admin, w.created, {_MEMBERS_OF_WORKSPACE} as members,
                   exists (select from workspaces.bound_entries b where b.workspace_id = w.id) as synchronised
            from (select * from workspaces.workspaces w
                  where w.state <> 'deleted' and (w.name_folded, w.id) {beyond} (%(key)s, %(id)s::uuid) {searched}
                    and (%(state)s::text is null or w.state = %(state)s)
                  order by {order} limit %(limit)s) as w
            order by {order}""",
        {
            "key": name,
            "id": identifier,
            "state": state,
            "limit": limit + 1,
            "most": COUNTED_AT_MOST + 1,
        }
        | prefix(search),
    )
    lines = [WorkspaceLine(**{**row, "state": WorkspaceState(row["state"])}) for row in rows]
    return page_of(lines, place, limit, lambda each: f"{each.name_folded}{SEPARATOR}{each.id}")


# Each column is one range of one index, so the parts are asked apart; together they can't be.
_KEYS: tuple[LiteralString, ...] = ("user_name_folded", "name_key", "family_key", "address_key")
_WHICH: dict[PeopleFilter, LiteralString] = {
    PeopleFilter.ALL: "",
    PeopleFilter.AWAY: "and (u.active is false or u.suspended is not null)",
    PeopleFilter.BY_HAND: "and not u.synchronised",
}
_MEMBERS_OF_GROUP: LiteralString = """(select count(*) from (
    select from workspaces.group_members m where m.group_id = g.id and m.member_kind = 'User' limit %(most)s) as counted)"""
_MEMBERS_OF_WORKSPACE: LiteralString = f"""(select count(*) from (
    select * from ({MEMBERS_OF.format(workspace="w.id", most="%(most)s")}) as each limit %(most)s) as counted)"""


def _found(search: str, which: PeopleFilter, beyond: LiteralString, order: LiteralString) -> LiteralString:
    rest: LiteralString = f"{beyond} {_WHICH[which]} order by u.{order} limit %(limit)s"
    if search:
        return f"select * from ({searched(rest)}) as every"
    return f"select * from (select u.id, u.user_name_folded from workspaces.users u where true {rest}) as every"


def searched(rest: LiteralString) -> LiteralString:
    """Ids and folded user names of the people whom a search finds; `rest` of each part's conditions, about `u`."""
    parts: list[LiteralString] = [
        f"""(select u.id, u.user_name_folded from workspaces.users u
             where u.{key} >= %(begin)s and u.{key} < %(end)s {rest})"""
        for key in _KEYS
    ]
    return " union ".join(parts)
