"""Turns: so many within so long, for each key by itself, whoever asks at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from rollcall.db import Database, Rate, forget_turns, take_turn

_NOW = datetime(2026, 3, 1, tzinfo=UTC)
_FIVE_A_MINUTE = Rate(5, 60)


async def test_all_turns_may_be_taken_at_once_and_come_back_one_by_one(database: Database) -> None:
    taken = [await database.system(take_turn, _FIVE_A_MINUTE, _NOW, "pin", "ada") for _ in range(6)]
    assert taken[:5] == [0.0] * 5
    assert taken[5] == 12.0

    early, later = _NOW + timedelta(seconds=11.5), _NOW + timedelta(seconds=12)
    assert await database.system(take_turn, _FIVE_A_MINUTE, early, "pin", "ada") == 0.5
    assert await database.system(take_turn, _FIVE_A_MINUTE, later, "pin", "ada") == 0.0
    assert await database.system(take_turn, _FIVE_A_MINUTE, later, "pin", "ada") == 12.0


async def test_who_goes_on_asking_keeps_nobody_out_for_longer(database: Database) -> None:
    for _ in range(50):
        await database.system(take_turn, _FIVE_A_MINUTE, _NOW, "flood")
    assert await database.system(take_turn, _FIVE_A_MINUTE, _NOW + timedelta(seconds=12), "flood") == 0.0


async def test_keys_do_not_touch_each_other(database: Database) -> None:
    once = Rate(1, 10)
    assert await database.system(take_turn, once, _NOW, "a", "bc") == 0.0
    assert await database.system(take_turn, once, _NOW, "ab", "c") == 0.0
    assert await database.system(take_turn, once, _NOW, "a", "bc") == 10.0


async def test_of_many_at_once_no_more_get_a_turn_than_there_are(database: Database) -> None:
    """50 parallel requests (check C54)."""
    waits = await asyncio.gather(*(database.system(take_turn, _FIVE_A_MINUTE, _NOW, "crowd") for _ in range(50)))
    assert sum(wait == 0.0 for wait in waits) == 5


async def test_keys_are_forgotten_when_all_their_turns_are_free(database: Database) -> None:
    await database.system(take_turn, Rate(1, 10), _NOW, "old")
    before = await database.system(forget_turns, _NOW + timedelta(days=2))
    assert before >= 1
    assert await database.system(forget_turns, _NOW + timedelta(days=2)) == 0
