"""Clock, ids and randomness: the only module that may ask the machine for them.

Everything that needs time or chance is handed a `Runtime`, so that a test or the simulator can
hand it another one.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Protocol


class Runtime(Protocol):
    """What a program may ask of the machine it runs on."""

    def now(self) -> datetime:
        """The present moment, in UTC with its zone."""

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    def new_id(self) -> uuid.UUID:
        """A new identifier, ordered by time (RFC 9562 version 7)."""

    def jitter(self) -> float:
        """A number from 0 to 1, for spreading retries."""

    def chance(self) -> random.Random:
        """Where random values in mappings come from."""


class SystemRuntime:
    """The real machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def new_id(self) -> uuid.UUID:
        return _ids.following(time.time_ns() // 1_000_000)

    def jitter(self) -> float:
        return random.random()  # noqa: S311 - spreads retries, guards nothing

    def chance(self) -> random.Random:
        return secrets.SystemRandom()


class _Ids:
    """Ids in the order in which a process asked for them, also within one millisecond (RFC 9562 §6.2, method 2)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._milliseconds = 0
        self._randomness = 0

    def following(self, milliseconds: int) -> uuid.UUID:
        with self._lock:
            if milliseconds == self._milliseconds:
                self._randomness += 1 + secrets.randbits(40)
            else:
                self._milliseconds, self._randomness = milliseconds, secrets.randbits(73)  # a bit is left to grow into
            return uuid7(milliseconds, self._randomness)


_ids = _Ids()


def uuid7(milliseconds: int, randomness: int) -> uuid.UUID:
    """Put together a version 7 UUID (RFC 9562 §5.7).

    `milliseconds` since 1970, 48 bits; `randomness` 74 bits: 12 for rand_a, 62 for rand_b.
    """
    value = (milliseconds & (1 << 48) - 1) << 80
    value |= 0x7 << 76
    value |= ((randomness >> 62) & 0xFFF) << 64
    value |= 0b10 << 62
    value |= randomness & (1 << 62) - 1
    return uuid.UUID(int=value)


def seeded(seed: str) -> random.Random:
    """Chance that comes out the same every time, for what has to be worked out once more as it was."""
    return random.Random(seed)  # noqa: S311 - repeats what is known, guards nothing


def new_secret(bits: int = 256) -> str:
    """A secret of so many random bits, in URL-safe text."""
    return secrets.token_urlsafe(bits // 8)


def random_bytes(number: int) -> bytes:
    """So many bytes that nobody can guess."""
    return secrets.token_bytes(number)
