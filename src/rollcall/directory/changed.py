"""What a page of changes is about: the users, groups and ties to look at again, with the members of changed groups.

A change is a hint. It names what may differ; what is true is read afterwards. For a reader who takes nested groups in,
a member who comes or goes concerns the groups above; a group that comes, goes, is deleted or restored concerns everybody
beneath it, page by page. Whatever was taken apart, its lowest broken piece still has the people beneath it, and the log
knows who was above: so nobody is missed, in whatever order the pieces went.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.model import Kind, NestedGroups
from rollcall.directory.nesting import above_since, groups_beneath, people_beneath
from rollcall.directory.watermark import Expansion, Snapshot

MEMBERS = """
    select group_id, member_id, member_kind from directory.memberships
    where group_id = %s and member_id > %s order by member_id limit %s
"""
NOBODY = UUID(int=0)


@dataclass(slots=True)
class Gathered:
    """What a page is about, each once, in order of appearance."""

    users: dict[UUID, None] = field(default_factory=dict)
    groups: dict[UUID, None] = field(default_factory=dict)
    ties: dict[tuple[UUID, UUID], Kind] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reader:
    """For which application the changes since `since` are read, and how it takes nested groups."""

    application_id: UUID
    nested: NestedGroups
    since: Snapshot


@dataclass(frozen=True, slots=True)
class Around:
    """What the changes of a page are surrounded by.

    `expanding`: of the groups that were deleted or restored, those through which somebody may be entitled or a member;
    `above`: for groups whose members changed, themselves and what may have been above them since.
    """

    expanding: frozenset[UUID]
    above: Mapping[UUID, tuple[UUID, ...]]


async def around(tx: Tx, reader: Reader, rows: Sequence[dict[str, Any]]) -> Around:
    """Read what `gather` needs to know for these changes."""
    gone_or_back = {
        row["object_id"] for row in rows if row["kind"] == "group" and row["operation"] in ("delete", "restore")
    }
    above: dict[UUID, tuple[UUID, ...]] = {}
    if reader.nested != "direct":
        joined = {
            row["object_id"]
            for row in rows
            if reader.nested == "flatten" and row["kind"] == "membership" and row["other_kind"] == "User"
        }
        above = await above_since(tx, gone_or_back | joined, reader.since)
    assigned = (
        await tx.all(
            "select distinct principal_id from directory.assignments"
            " where service_principal_id = %s and principal_id = any(%s)",
            (reader.application_id, list(gone_or_back)),
        )
        if gone_or_back
        else []
    )
    nested = {group for group in gone_or_back if len(above.get(group, ())) > 1}
    return Around(frozenset({row["principal_id"] for row in assigned} | nested), above)


def gather(
    row: dict[str, Any], reader: Reader, surroundings: Around, gathered: Gathered
) -> tuple[int, Expansion | None]:
    """Note what a change is about; how much room that took, and the group whose members it is about too, if any."""
    changed, other, kind = row["object_id"], row["other_id"], row["kind"]
    if kind == "user":
        gathered.users[changed] = None
    elif kind == "group":
        gathered.groups[changed] = None
        if row["operation"] in ("delete", "restore") and changed in surroundings.expanding:
            return 1, Expansion(str(changed), above=str(changed) if reader.nested == "flatten" else None)
    elif kind == "membership" and row["other_kind"] == "Group" and reader.nested != "direct":
        if reader.nested == "mirror":
            gathered.ties[changed, other] = "Group"
        return 1, Expansion(str(other), above=str(changed) if reader.nested == "flatten" else None)
    elif kind == "membership":
        # Whatever became of the group's assignment meanwhile, the member's entitlement is looked at again.
        if row["other_kind"] == "User":
            gathered.users[other] = None
        holders = surroundings.above[changed] if reader.nested == "flatten" else (changed,)
        gathered.ties.update(((holder, other), row["other_kind"]) for holder in holders)
        return len(holders), None
    elif kind == "assignment" and changed == reader.application_id:
        if row["other_kind"] == "Group":
            gathered.groups[other] = None
            return 1, Expansion(str(other))
        gathered.users[other] = None
    return 1, None


async def expand(
    tx: Tx, reader: Reader, expansion: Expansion, gathered: Gathered, room: int
) -> tuple[int, Expansion | None]:
    """Note as many members as there is room for; the room left, and where to go on if members may be left."""
    if room <= 0:
        return 0, expansion
    if reader.nested != "direct":
        return await _expand_beneath(tx, reader, expansion, gathered, room)
    after = UUID(expansion.after) if expansion.after else NOBODY
    rows = await tx.all(MEMBERS, (UUID(expansion.group_id), after, room))
    for row in rows:
        gathered.ties[row["group_id"], row["member_id"]] = row["member_kind"]
        if row["member_kind"] == "User":
            gathered.users[row["member_id"]] = None
    if len(rows) < room:
        return room - len(rows), None
    return 0, replace(expansion, after=str(rows[-1]["member_id"]))


async def _expand_beneath(
    tx: Tx, reader: Reader, expansion: Expansion, gathered: Gathered, room: int
) -> tuple[int, Expansion | None]:
    """The same for everybody beneath the group, one group inside it after the other by id."""
    above: tuple[UUID, ...] = ()
    if expansion.above is not None:
        origin = UUID(expansion.above)
        above = (await above_since(tx, [origin], reader.since))[origin]
    each = max(1, len(above))
    most = max(1, room // each)
    at = UUID(expansion.at) if expansion.at else NOBODY
    beneath = await groups_beneath(tx, UUID(expansion.group_id))
    groups = [group for group in beneath if group >= at]
    some = groups[:most]
    alive = [group for group in some if beneath[group]]
    people = await people_beneath(tx, alive, (at, UUID(expansion.after) if expansion.after else NOBODY), most)
    for _, person in people:
        gathered.users[person] = None
        gathered.ties.update(((holder, person), "User") for holder in above)
    full = len(people) == most
    if reader.nested == "mirror":
        # A group is noted when it is entered, and not again when a later page goes on inside it.
        entered = [group for group in some if not full or group <= people[-1][0]]
        gathered.groups.update((group, None) for group in entered if group != at or expansion.after is None)
    if full:
        return 0, replace(expansion, at=str(people[-1][0]), after=str(people[-1][1]))
    left = max(0, room - len(people) * each - len(some))
    if len(some) == len(groups):
        return left, None
    return left, replace(expansion, at=str(groups[len(some)]), after=None)
