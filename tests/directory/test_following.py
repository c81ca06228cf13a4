"""Whoever follows the feed knows at the end what whoever reads everything anew is told."""

from __future__ import annotations

import random  # noqa: TID251 - seeded: a failing story can be told again
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import TenantDatabase
from rollcall.directory import FeedEntry, FeedPage
from rollcall.errors import Refusal
from rollcall.runtime import Runtime
from tests.directory.making import make_application, make_group, make_user, read


class Follower:
    """Keeps the last that was said of each object and tie, as an engine would."""

    def __init__(self) -> None:
        self.entries: dict[str, FeedEntry] = {}
        self.ties: set[tuple[str, str]] = set()
        self.watermark: dict[str, Any] | None = None

    def take(self, page: FeedPage) -> None:
        if page.full and (self.watermark is None or self.watermark["since"] != page.watermark["since"]):
            self.ties.clear()  # a full read begins: it will name every tie there is
        for entry in page.entries:
            self.entries[entry.id] = entry
        for tie in page.ties:
            (self.ties.add if tie.present else self.ties.discard)((tie.group_id, tie.member_id))
        self.watermark = page.watermark


Step = Callable[[], Awaitable[object]]


def _steps(
    db: TenantDatabase, application: UUID, people: list[UUID], groups: list[UUID], chance: random.Random
) -> list[Step]:
    person, group = chance.choice(people), chance.choice(groups)
    either = chance.choice([person, group])
    return [
        lambda: db.write(directory.update_user, person, {"city": str(chance.randrange(5))}),
        lambda: db.write(directory.set_manager, person, chance.choice([*people, None])),
        lambda: db.write(directory.add_member, group, chance.choice([*people, *groups])),
        lambda: db.write(directory.add_member, group, person),
        lambda: db.write(directory.remove_member, group, person),
        lambda: db.write(directory.assign, application, either),
        lambda: db.write(directory.unassign, application, either),
        lambda: db.write(directory.delete_user, person),
        lambda: db.write(directory.restore_user, person),
        lambda: db.write(directory.delete_group, group),
        lambda: db.write(directory.restore_group, group),
        lambda: db.write(directory.update_group, group, {"description": str(chance.randrange(5))}),
        lambda: db.write(directory.purge_user, person) if chance.random() < 0.2 else nothing(),
        lambda: db.write(directory.purge_group, group) if chance.random() < 0.2 else nothing(),
    ]


async def nothing() -> None:
    return None


@pytest.mark.parametrize("seed", range(12))
async def test_a_follower_ends_with_what_is_true(tenant_db: TenantDatabase, runtime: Runtime, seed: int) -> None:
    chance = random.Random(seed)
    application = await make_application(tenant_db)
    people = [await make_user(tenant_db, f"u{number}") for number in range(8)]
    groups = [await make_group(tenant_db, f"g{number}") for number in range(3)]
    follower = Follower()

    for _ in range(80):
        try:
            await chance.choice(_steps(tenant_db, application, people, groups, chance))()
        except Refusal:
            continue  # restoring what is not deleted and the like
        if chance.random() < 0.3:
            follower.take(await tenant_db.read(directory.feed, application, follower.watermark, chance.randrange(1, 6)))
        if chance.random() < 0.02:
            await tenant_db.write(directory.prune_changes, runtime.now() + timedelta(minutes=1), limit=20)
    while True:
        page = await tenant_db.read(directory.feed, application, follower.watermark, 3)
        follower.take(page)
        if not page.more:
            break
    entries, ties, _, _ = await read(tenant_db, application)

    truth = {entry.id: entry for entry in entries}
    # Who was purged while the log was pruned is told by asking: a full read names only what there is.
    unsaid = [(entry.kind, each) for each, entry in follower.entries.items() if each not in truth]
    for entry in await tenant_db.read(directory.present, application, unsaid):
        assert entry.state == "gone"
        del follower.entries[entry.id]
    assert follower.entries == truth
    assert follower.ties == {(tie.group_id, tie.member_id) for tie in ties}
