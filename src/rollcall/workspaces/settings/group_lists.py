"""What SCIM knows of the groups in a list of group ids: names, how many active members, and ids for names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rollcall.db import Tx
from rollcall.scim.datatypes import fold
from rollcall.workspaces.list_entries import Entries


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """An entry of a list. `name` and `members` are None for a group that was not received through SCIM."""

    id: str
    name: str | None = None
    members: int | None = None


async def describe_groups(tx: Tx, ids: Sequence[str]) -> list[ListedGroup]:
    """The groups of a list, in its order, each with the number of its active members."""
    if not ids:
        return []
    rows = await tx.all(
        """select entry.id, g.display_name as name,
                  case when g.id is not null then (
                      select count(*) from workspaces.group_members m
                      join workspaces.users u on u.tenant_id = m.tenant_id and u.id = m.member_id
                      where m.tenant_id = g.tenant_id and m.group_id = g.id
                        and u.active is not false and u.suspended is null) end as members
           from unnest(%s::text[]) with ordinality as entry (id, nth)
           left join lateral (
               select tenant_id, id, display_name from workspaces.groups where external_key = entry.id order by id limit 1
           ) as g on true
           order by entry.nth""",
        (list(ids),),
    )
    return [ListedGroup(row["id"], row["name"], row["members"]) for row in rows]


async def ids_of_names(tx: Tx, entries: Entries) -> dict[str, tuple[str, ...]]:
    """Ids of the groups whose display name was typed in the place of an id, by what was typed."""
    texts = [each.text for each in entries.faults if each.text is not None]
    if not texts:
        return {}
    rows = await tx.all(
        """select display_name_folded as name, external_key as id from workspaces.groups
           where display_name_folded = any(%s) and external_key is not null""",
        ([fold(each) for each in texts],),
    )
    return {text: tuple(row["id"] for row in rows if row["name"] == fold(text)) for text in texts}
