"""Mailed PINs in the database: one for a person and purpose, ten minutes, five tries, in the browser that asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from rollcall.crypto import Sealer, hash_token
from rollcall.db import Tx
from rollcall.runtime import Runtime

LIFETIME = timedelta(minutes=10)
TRIES = 5
DIGITS = 8

Purpose = Literal["dashboard", "link"]


@dataclass(frozen=True, slots=True)
class PinTry:
    """A PIN that one more try was taken of. `user` is None for an address that was sent none; `last`: of its tries."""

    id: UUID
    user: UUID | None
    pin_hash: str = field(repr=False)
    last: bool = False


def new_pin(runtime: Runtime) -> str:
    """Eight digits."""
    return f"{runtime.chance().randrange(10**DIGITS):0{DIGITS}}"


async def keep_pin(
    tx: Tx, runtime: Runtime, purpose: Purpose, browser: str, user: UUID | None, pin_hash: str, sealed: bytes | None
) -> None:
    """Keep a new PIN in the place of any that the person, or the browser, was waiting for."""
    now = runtime.now()
    await tx.run("delete from workspaces.pins where expires < %s", (now,))
    await tx.run(
        "delete from workspaces.pins where purpose = %s and (browser_hash = %s or user_id = %s)",
        (purpose, hash_token(browser), user),
    )
    await tx.run(
        """insert into workspaces.pins (id, purpose, browser_hash, user_id, pin_hash, sealed, created, expires)
           values (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (runtime.new_id(), purpose, hash_token(browser), user, pin_hash, sealed, now, now + LIFETIME),
    )


async def take_try(tx: Tx, purpose: Purpose, browser: str, now: datetime) -> PinTry | None:
    """Take one of the tries that this browser's PIN has; None where there is no PIN, or no try left.

    Commit it whatever follows, so that tries at the same time are counted too.
    """
    row = await tx.one(
        """update workspaces.pins set tries = tries + 1
           where purpose = %s and browser_hash = %s and expires > %s and tries < %s
           returning id, user_id, pin_hash, tries""",
        (purpose, hash_token(browser), now, TRIES),
    )
    return None if row is None else PinTry(row["id"], row["user_id"], row["pin_hash"], row["tries"] >= TRIES)


async def use_pin(tx: Tx, pin_id: UUID) -> bool:
    """Use a PIN up; False when another request did, or a newer one took its place."""
    return bool(await tx.run("delete from workspaces.pins where id = %s", (pin_id,)))


async def readable_pin(tx: Tx, sealer: Sealer, user: UUID, now: datetime) -> tuple[str, datetime] | None:
    """The PIN that a person is waiting for and when it ends, where it could not be mailed; None where there is none."""
    row = await tx.one(
        "select sealed, expires from workspaces.pins where user_id = %s and expires > %s and sealed is not null and tries < %s",
        (user, now, TRIES),
    )
    return None if row is None else (sealer.open(bytes(row["sealed"]), seal_context(tx.tenant)), row["expires"])


def seal_context(tenant: UUID) -> str:
    """What a PIN is sealed for."""
    return f"mailed pin {tenant}"
