"""Links by which people set a password, once: the first administrator, those who are invited, those who forgot (a store)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from rollcall.crypto import hash_token
from rollcall.db import Tx
from rollcall.runtime import Runtime, new_secret

LINK_VALID_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Link:
    """What a link is for: one user, or with None whoever holds it, who becomes the first administrator."""

    tenant_id: UUID
    user_id: UUID | None
    expires: datetime


async def make_link(tx: Tx, runtime: Runtime, user_id: UUID | None) -> str:
    """The token of a new link, which takes the place of any before it for the same purpose; good for 24 hours."""
    await tx.run("delete from directory.sign_in_links where user_id is not distinct from %s", [user_id])
    now, token = runtime.now(), f"{tx.tenant.hex}.{new_secret()}"
    await tx.run(
        "insert into directory.sign_in_links (hash, user_id, created, expires) values (%s, %s, %s, %s)",
        [hash_token(token), user_id, now, now + LINK_VALID_FOR],
    )
    return token


async def read_link(tx: Tx, token: str, now: datetime) -> Link | None:
    """What a link is good for; None when it is over, used, or none of ours."""
    row = await tx.one(
        "select tenant_id, user_id, expires from directory.sign_in_links where hash = %s and expires > %s",
        [hash_token(token), now],
    )
    return None if row is None else Link(**row)


async def use_link(tx: Tx, token: str, now: datetime) -> Link | None:
    """Use a link up; None when somebody was first, or it is over."""
    row = await tx.one(
        "delete from directory.sign_in_links where hash = %s and expires > %s returning tenant_id, user_id, expires",
        [hash_token(token), now],
    )
    return None if row is None else Link(**row)


async def forget_links(tx: Tx, now: datetime) -> int:
    """Remove links that are over; how many there were."""
    return await tx.run("delete from directory.sign_in_links where expires <= %s", [now])


def link_path(token: str) -> str:
    """Where a link leads, below the identity half's address."""
    return f"/set-password/{token}"
