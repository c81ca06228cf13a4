"""The changes since a watermark, as entries: the one door to the engine.

A page is read in one snapshot, so it is true of one moment. A reader who comes for the first time, or whose watermark
is of no use any more, reads everything (users, groups, memberships, each by key) and then the changes since it began.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.applications import read_service_principal
from rollcall.directory.changed import MEMBERS, NOBODY, Gathered, Reader, around, expand, gather
from rollcall.directory.entries import (
    GROUP_SELECT,
    USER_SELECT,
    entries,
    flattened_ties,
    group_entries,
    ties,
    user_entries,
)
from rollcall.directory.model import (
    FeedEntry,
    FeedPage,
    FeedTie,
    Kind,
    LeftOutGroup,
    NestedGroups,
    ServicePrincipal,
)
from rollcall.directory.nesting import flattened_members, left_out_groups, read_ancestry
from rollcall.directory.watermark import (
    FullRead,
    Mark,
    Pruned,
    Reading,
    Snapshot,
    from_json,
    is_stale,
    to_json,
)

__all__ = [
    "FeedEntry",
    "FeedPage",
    "FeedTie",
    "Kind",
    "LeftOutGroup",
    "NestedGroups",
    "feed",
    "left_out_groups",
    "present",
    "ties_of_group",
    "ties_of_members",
]

# The snapshot in which the page is read; the log's name, which differs for a restored or copied database;
# and how far the log has been pruned.
POSITION = """
    select pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xmin,
           pg_snapshot_xmax(pg_current_snapshot())::text::bigint as xmax,
           array(select xid::text::bigint from pg_snapshot_xip(pg_current_snapshot()) as xid) as running,
           (select system_identifier from pg_control_system()) || '/'
             || (select oid from pg_database where datname = current_database()) as log,
           (select xid from directory.pruned) as pruned_xid,
           (select pruned_by from directory.pruned) as pruned_by
"""
# What `upto` sees and `since` did not: neither a row twice nor one that committed late left out.
CHANGES = """
    select xid, seq, kind, object_id, other_id, other_kind, operation, at
    from directory.changes
    where (xid, seq) > (%(at_xid)s, %(at_seq)s)
      and xid < %(upto_xmax)s and not xid = any(%(upto_running)s)
      and (xid >= %(since_xmax)s or xid = any(%(since_running)s))
    order by xid, seq
    limit %(limit)s
"""


@dataclass(frozen=True, slots=True)
class _Position:
    """Where the reader stands: the snapshot of this page, the log's name, and how far that was pruned."""

    now: Snapshot
    log: str
    pruned: Pruned | None


async def feed(
    tx: Tx,
    service_principal_id: UUID,
    watermark: dict[str, Any] | None,
    limit: int = 500,
    *,
    full_with_ties: bool = True,
    nested: NestedGroups = "direct",
) -> FeedPage:
    """A page of what changed since `watermark`, or of everything when there is none (or it is too old).

    Without `full_with_ties` a reading of everything leaves memberships out, for readers that take them group by group.
    `nested` says whom an assigned group stands for; with `flatten` ties are those of people to every group they are in,
    at any depth. A watermark of a reader who took nested groups otherwise counts as none.

    `tx` must be a REPEATABLE READ transaction. About `limit` changed objects a page, at most twice as many entries.
    Raises NotFound for an unknown application.
    """
    assert limit > 0
    application = await read_service_principal(tx, service_principal_id)
    position = await _position(tx, nested)
    mark = None if watermark is None else from_json(watermark, position.log)
    if mark is None or is_stale(mark, position.now, position.pruned):
        mark = FullRead(position.now, await _total(tx))
    if isinstance(mark, FullRead):
        return await _full_page(tx, application, mark, position, limit, nested, with_ties=full_with_ties)
    return await _page(tx, application, mark, position, limit, nested)


async def present(
    tx: Tx, service_principal_id: UUID, refs: Sequence[tuple[Kind, str]], nested: NestedGroups = "direct"
) -> list[FeedEntry]:
    """The entries of these users and groups (kind and id) as they are now, users first; "gone" where there is none.

    Raises NotFound for an unknown application.
    """
    application = await read_service_principal(tx, service_principal_id)
    return await entries(
        tx,
        application,
        dict.fromkeys(UUID(ref) for kind, ref in refs if kind == "User"),
        dict.fromkeys(UUID(ref) for kind, ref in refs if kind == "Group"),
        nested,
    )


async def ties_of_group(
    tx: Tx, group_id: str, *, after: str | None = None, limit: int = 500, nested: NestedGroups = "direct"
) -> list[FeedTie]:
    """A page of a group's present memberships by the member's id, those after `after`; flattened, of all people in it."""
    first = UUID(after) if after else NOBODY
    if nested == "flatten":
        people = await flattened_members(tx, UUID(group_id), first, limit)
        return [FeedTie(group_id, str(person), True, "User") for person in people]
    return [_tie(row) for row in await tx.all(MEMBERS, (UUID(group_id), first, limit))]


async def ties_of_members(tx: Tx, member_ids: Sequence[str]) -> list[FeedTie]:
    """All present memberships of these users and groups."""
    rows = await tx.all(
        "select group_id, member_id, member_kind from directory.memberships where member_id = any(%s)"
        " order by member_id, group_id",
        ([UUID(each) for each in member_ids],),
    )
    return [_tie(row) for row in rows]


async def _position(tx: Tx, nested: NestedGroups) -> _Position:
    row = await tx.one(POSITION)
    assert row is not None
    now = Snapshot(row["xmin"], row["xmax"], tuple(sorted(row["running"])))
    pruned = None if row["pruned_xid"] is None else Pruned(row["pruned_xid"], row["pruned_by"])
    log = f"{row['log']}/{tx.tenant}"
    return _Position(now, log if nested == "direct" else f"{log}/{nested}", pruned)


async def _total(tx: Tx) -> int:
    total: int = await tx.value(
        "select (select count(*) from directory.users) + (select count(*) from directory.groups)"
    )
    return total


async def _full_page(
    tx: Tx,
    application: ServicePrincipal,
    mark: FullRead,
    position: _Position,
    limit: int,
    nested: NestedGroups,
    *,
    with_ties: bool,
) -> FeedPage:
    found: list[FeedEntry] = []
    memberships: list[FeedTie] = []
    after = tuple(UUID(key) for key in mark.after) or (NOBODY, NOBODY)
    following: Mark
    if mark.phase == "ties":
        rows = await tx.all(
            """
            select group_id, member_id, member_kind from directory.memberships
            where (group_id, member_id) > (%s, %s) order by group_id, member_id limit %s
            """,
            (*after, limit),
        )
        memberships = await _flattened(tx, rows) if nested == "flatten" else [_tie(row) for row in rows]
        last = tuple(str(rows[-1][key]) for key in ("group_id", "member_id")) if rows else ()
        following = Reading(mark.since)
    elif mark.phase == "users":
        rows = await tx.all(USER_SELECT + " where id > %s order by id limit %s", (after[0], limit))
        found = await user_entries(tx, application, rows, nested)
        last = (str(rows[-1]["id"]),) if rows else ()
        following = replace(mark, phase="groups", after=())
    else:
        rows = await tx.all(GROUP_SELECT + " where id > %s order by id limit %s", (after[0], limit))
        found = await group_entries(tx, application, rows, nested)
        last = (str(rows[-1]["id"]),) if rows else ()
        following = replace(mark, phase="ties", after=()) if with_ties else Reading(mark.since)
    if len(rows) == limit:
        following = replace(mark, after=last)
    return FeedPage(found, memberships, to_json(following, position.log), more=True, full=True, total=mark.total)


async def _page(
    tx: Tx, application: ServicePrincipal, mark: Reading, position: _Position, limit: int, nested: NestedGroups
) -> FeedPage:
    upto = mark.upto or position.now
    at = mark.at or (mark.since.xmin, 0)
    reader, gathered = Reader(application.id, nested, mark.since), Gathered()
    room = limit
    expansion = mark.expansion
    if expansion is not None:
        room, expansion = await expand(tx, reader, expansion, gathered, room)
    rows: list[dict[str, Any]] = []
    if expansion is None and room:
        rows = await tx.all(CHANGES, _bounds(mark.since, upto, at, room))
    asked, taken = room, 0
    surroundings = await around(tx, reader, rows)
    for row in rows:
        at, taken = (row["xid"], row["seq"]), taken + 1
        took, members_of = gather(row, reader, surroundings, gathered)
        room -= took
        if members_of is not None:
            room, expansion = await expand(tx, reader, members_of, gathered, room)
        if room <= 0 or expansion is not None:
            break
    finished = expansion is None and taken == len(rows) and len(rows) < asked
    wanted = [(group, member, kind) for (group, member), kind in gathered.ties.items()]
    first: dict[str, datetime] = {}
    for row in rows[:taken]:
        about = row["object_id"] if row["other_id"] is None else row["other_id"]
        first.setdefault(str(about), row["at"])
    found = await entries(tx, application, gathered.users, gathered.groups, nested)
    return FeedPage(
        [replace(entry, changed_at=first.get(entry.id)) for entry in found],
        await (flattened_ties(tx, list(gathered.ties)) if nested == "flatten" else ties(tx, wanted)),
        to_json(Reading(upto) if finished else Reading(mark.since, upto, at, expansion), position.log),
        # A range that was begun on an earlier page may have had successors since.
        more=not finished or upto != position.now,
        full=False,
    )


def _bounds(since: Snapshot, upto: Snapshot, at: tuple[int, int], limit: int) -> dict[str, Any]:
    return {
        "at_xid": at[0],
        "at_seq": at[1],
        "since_xmax": since.xmax,
        "since_running": list(since.running),
        "upto_xmax": upto.xmax,
        "upto_running": list(upto.running),
        "limit": limit,
    }


async def _flattened(tx: Tx, rows: Sequence[dict[str, Any]]) -> list[FeedTie]:
    """What these memberships make of people: members of every group above, too."""
    people = {row["member_id"] for row in rows if row["member_kind"] == "User"}
    ancestry = await read_ancestry(tx, people)
    return [FeedTie(str(group), str(person), True, "User") for person in people for group in ancestry.chains_of(person)]


def _tie(row: dict[str, Any]) -> FeedTie:
    return FeedTie(str(row["group_id"]), str(row["member_id"]), True, row["member_kind"])
