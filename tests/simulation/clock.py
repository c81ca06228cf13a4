"""The machine of a simulated world: a clock that nobody waits for, and chance out of the seed."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from random import Random  # noqa: TID251 - seeded

_BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualRuntime:
    """A clock that only moves when somebody sleeps or the world says so."""

    def __init__(self, chance: Random) -> None:
        self.time = _BEGIN
        self._chance = chance

    def now(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return (self.time - _BEGIN).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def new_id(self) -> uuid.UUID:
        return uuid.UUID(int=self._chance.getrandbits(128))

    def jitter(self) -> float:
        return self._chance.random()

    def chance(self) -> Random:
        return self._chance
