"""Chance that repeats itself: the same seed and labels give the same draws, on any machine and in any version."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

T = TypeVar("T")

_BLOCK_BYTES = 64
_DRAW_BYTES = 8


class Chance:
    """A stream of draws. The labels say what they are for, so that drawing more for one thing moves no other.

    Hashes a counter; not for secrets.
    """

    __slots__ = ("_block", "_counter", "_name", "_place")

    def __init__(self, seed: int, *labels: str | int) -> None:
        self._name = "/".join(map(str, (seed, *labels)))
        self._counter = 0
        self._block = b""
        self._place = _BLOCK_BYTES

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        assert limit > 0
        if self._place == _BLOCK_BYTES:
            self._block = blake2b(f"{self._name}/{self._counter}".encode(), digest_size=_BLOCK_BYTES).digest()
            self._counter += 1
            self._place = 0
        draw = int.from_bytes(self._block[self._place : self._place + _DRAW_BYTES], "big")
        self._place += _DRAW_BYTES
        return draw % limit

    def between(self, least: int, most: int) -> int:
        """A whole number from `least` to `most`, both included."""
        return least + self.below(most - least + 1)

    def choice(self, among: Sequence[T]) -> T:
        """One of them."""
        return among[self.below(len(among))]

    def sample(self, among: Sequence[T], number: int) -> list[T]:
        """So many different ones of them, in the order of their places."""
        assert 0 <= number <= len(among)
        if number * 2 > len(among):
            left_out = self._places(len(among), len(among) - number)
            return [each for place, each in enumerate(among) if place not in left_out]
        return [among[place] for place in sorted(self._places(len(among), number))]

    def shuffled(self, among: Sequence[T]) -> list[T]:
        """All of them, in another order."""
        return sorted(among, key=lambda _: self.below(1 << 62))

    def _places(self, limit: int, number: int) -> set[int]:
        places: set[int] = set()
        while len(places) < number:
            places.add(self.below(limit))
        return places
