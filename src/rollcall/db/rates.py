"""How often something may be done: one row for each key, on every process the same."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollcall.db.transaction import Tx


@dataclass(frozen=True, slots=True)
class Rate:
    """So many times within so many seconds; they may all come at once, and come back one after the other."""

    times: int
    seconds: float

    @property
    def step(self) -> timedelta:
        """How long it takes until one more is free."""
        return timedelta(seconds=self.seconds / self.times)


async def take_turn(tx: Tx, rate: Rate, now: datetime, *key: str) -> float:
    """Take one of the turns that `key` has: 0, or in how many seconds there is one, when none was left.

    Only a hash of the key is kept. Whoever asks while none is left does not make the wait longer, so that nobody can be
    kept out by others who go on trying in their name. The generic cell rate algorithm (ITU-T I.371, annex A), in a
    statement of its own: commit it whatever becomes of what it guards.
    """
    room = timedelta(seconds=rate.seconds) - rate.step
    values = {
        "key": hashlib.sha256("\x00".join(key).encode()).digest(),
        "now": now,
        "step": rate.step,
        "room": room,
    }
    if await tx.value(_TAKE, values) is not None:
        return 0.0
    free_at: datetime | None = await tx.value("select busy_until from public.rate_limits where key = %(key)s", values)
    return max(0.001, (free_at - now - room).total_seconds()) if free_at is not None else 0.001


async def forget_turns(tx: Tx, now: datetime) -> int:
    """Remove the keys of which all turns are free again; how many there were."""
    return await tx.run("delete from public.rate_limits where busy_until < %s", [now])


_TAKE = """
    insert into public.rate_limits as r (key, busy_until) values (%(key)s, %(now)s + %(step)s)
    on conflict (key) do update set busy_until = greatest(r.busy_until, %(now)s) + %(step)s
        where greatest(r.busy_until, %(now)s) - %(now)s <= %(room)s
    returning busy_until
"""
