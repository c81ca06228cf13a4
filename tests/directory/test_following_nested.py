"""Whoever follows the feed with nested groups taken in knows at every rest what a full read tells."""

from __future__ import annotations

import random  # noqa: TID251 - seeded: a failing story can be told again
from typing import get_args
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import TenantDatabase
from rollcall.directory import NestedGroups
from rollcall.errors import Refusal
from tests.directory.making import make_application, make_group, make_user, read
from tests.directory.test_following import Follower, Step, nothing

_GROUPS, _PEOPLE = 6, 7


def _steps(
    db: TenantDatabase, application: UUID, people: list[UUID], groups: list[UUID], chance: random.Random
) -> list[Step]:
    """One of these is taken; groups into groups, round circles too, are what most of them are about."""
    outer, inner = chance.sample(groups, 2)
    person = chance.choice(people)
    return [
        lambda: db.write(directory.add_member, outer, inner),
        lambda: db.write(directory.add_member, inner, outer),
        lambda: db.write(directory.remove_member, outer, inner),
        lambda: db.write(directory.remove_member, inner, outer),
        lambda: db.write(directory.add_member, inner, person),
        lambda: db.write(directory.add_member, outer, person),
        lambda: db.write(directory.remove_member, inner, person),
        lambda: db.write(directory.assign, application, outer),
        lambda: db.write(directory.unassign, application, outer),
        lambda: db.write(directory.unassign, application, inner),
        lambda: db.write(directory.assign, application, person) if chance.random() < 0.3 else nothing(),
        lambda: db.write(directory.unassign, application, person),
        lambda: db.write(directory.delete_group, outer),
        lambda: db.write(directory.restore_group, outer),
        lambda: db.write(directory.restore_group, inner),
        lambda: db.write(directory.delete_user, person),
        lambda: db.write(directory.restore_user, person),
        lambda: db.write(directory.purge_group, outer) if chance.random() < 0.1 else nothing(),
        lambda: db.write(directory.purge_user, person) if chance.random() < 0.1 else nothing(),
    ]


async def _drain(db: TenantDatabase, application: UUID, follower: Follower, limit: int, nested: NestedGroups) -> None:
    while True:
        page = await db.read(directory.feed, application, follower.watermark, limit, nested=nested)
        follower.take(page)
        if not page.more:
            return


@pytest.mark.parametrize("nested", get_args(NestedGroups))
@pytest.mark.parametrize("seed", range(8))
async def test_after_every_few_changes_the_follower_knows_what_is_true(
    tenant_db: TenantDatabase, nested: NestedGroups, seed: int
) -> None:
    """S2: direct, flattened and mirrored; whatever was taken apart, in whatever order, between two readings."""
    chance = random.Random(seed)
    application = await make_application(tenant_db)
    people = [await make_user(tenant_db, f"u{number}") for number in range(_PEOPLE)]
    groups = [await make_group(tenant_db, f"g{number}") for number in range(_GROUPS)]
    follower = Follower()

    for _ in range(30):
        for _ in range(chance.randrange(1, 8)):
            try:
                await chance.choice(_steps(tenant_db, application, people, groups, chance))()
            except Refusal:
                continue
            if chance.random() < 0.3:  # a page in the midst of it all
                limit = chance.randrange(1, 5)
                page = await tenant_db.read(directory.feed, application, follower.watermark, limit, nested=nested)
                follower.take(page)
        await _drain(tenant_db, application, follower, chance.choice((1, 2, 50)), nested)
        entries, ties, _, _ = await read(tenant_db, application, nested=nested)
        truth = {entry.id: entry for entry in entries}
        gone = {entry.id for entry in follower.entries.values() if entry.state == "gone"}
        assert {each: entry for each, entry in follower.entries.items() if each not in gone} == truth
        assert follower.ties == {(tie.group_id, tie.member_id) for tie in ties}
        for group in groups:
            told = await tenant_db.read(directory.ties_of_group, str(group), nested=nested)
            assert {tie.member_id for tie in told} == {member for each, member in follower.ties if each == str(group)}
