"""A lock over all processes: one holder at a time, free at once when it ends, and ended with its connection."""

from __future__ import annotations

import asyncio

import pytest

from rollcall.db import Database


async def test_one_holder_at_a_time_and_names_are_apart(database: Database) -> None:
    async with (
        database.exclusive("one") as first,
        database.exclusive("one") as second,
        database.exclusive("two") as other,
    ):
        assert (first, second, other) == (True, False, True)


async def test_a_lock_is_free_at_once_when_its_block_has_ended(database: Database) -> None:
    async def again_and_again(name: str) -> list[bool]:
        taken = []
        for _ in range(20):
            async with database.exclusive(name) as free:
                taken.append(free)
        return taken

    # Many at once, so that the server is slow to notice connections that end.
    found = await asyncio.gather(*(again_and_again(f"lock {number}") for number in range(25)))

    assert all(map(all, found))


async def test_a_lock_is_free_at_once_after_an_error(database: Database) -> None:
    async def fails() -> None:
        async with database.exclusive("failing") as free:
            assert free
            raise ZeroDivisionError

    for _ in range(50):
        with pytest.raises(ZeroDivisionError):
            await fails()


async def test_who_did_not_get_the_lock_does_not_take_it_from_its_holder(database: Database) -> None:
    async with database.exclusive("kept") as first:
        async with database.exclusive("kept") as second:
            pass
        async with database.exclusive("kept") as third:
            pass

    assert (first, second, third) == (True, False, False)
