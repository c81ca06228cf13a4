"""What is left of the links of deleted users: hashes, so that single sign-on does not bring back who was removed."""

from __future__ import annotations

import hashlib
from uuid import UUID

from rollcall.db import Tx


async def bury_links(tx: Tx, user_id: UUID) -> None:
    """Keep hashes of the links of a user who is being deleted, as long as the tombstone with the user's id stands."""
    rows = await tx.all(
        "delete from workspaces.identity_links where user_id = %s returning configuration_id, issuer, subject",
        (user_id,),
    )
    for row in rows:
        await tx.run(
            "insert into workspaces.buried_links (hash, tombstone) values (%s, %s) on conflict do nothing",
            (_hash(tx.tenant, row["configuration_id"], row["issuer"], row["subject"]), user_id),
        )


async def is_link_buried(tx: Tx, configuration_id: UUID, issuer: str, subject: str) -> bool:
    """Whether this person's user was deleted, and the tombstone still stands."""
    digest = _hash(tx.tenant, configuration_id, issuer, subject)
    return await tx.one("select from workspaces.buried_links where hash = %s limit 1", (digest,)) is not None


def _hash(tenant: UUID, configuration_id: UUID, issuer: str, subject: str) -> bytes:
    return hashlib.sha256(f"{tenant}\x00{configuration_id}\x00{issuer}\x00{subject}".encode()).digest()
