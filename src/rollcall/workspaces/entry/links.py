"""Login links in the database: 256 random bits of which a hash is kept, for one workspace and one person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from rollcall.crypto import hash_token
from rollcall.db import Tx
from rollcall.runtime import Runtime, new_secret

_LONGEST = 100
_TOLD_APART = timedelta(days=7)
"""For so long the audit log tells a link that is too old from one that never was."""


@dataclass(frozen=True, slots=True)
class LoginLink:
    """A link that was mailed. `user` is None where the account is made by using it; `uses_left` None for any number.

    `registers`: whether using it makes a membership, which the link of a member does not.
    """

    id: UUID
    workspace: UUID
    user: UUID | None
    address: str
    registers: bool
    uses_left: int | None
    expires: datetime

    def fault(self, now: datetime) -> str | None:
        """Why it opens nothing any more, in a word for the audit log; None while it does."""
        if now >= self.expires:
            return "expired"
        return "used" if self.uses_left == 0 else None


async def keep_link(
    tx: Tx, runtime: Runtime, workspace: UUID, user: UUID | None, address: str, *, registers: bool
) -> str:
    """Make a link that is good as long and as often as the workspace's settings say; its secret part."""
    secret, now = new_secret(), runtime.now()
    await tx.run("delete from workspaces.login_links where expires < %s", (now - _TOLD_APART,))
    await tx.run(
        """insert into workspaces.login_links
               (id, hash, workspace_id, user_id, address, registers, uses_left, created, expires)
           select %(id)s, %(hash)s, workspace_id, %(user)s, %(address)s, %(registers)s, nullif(link_uses, 0),
                  %(now)s, %(now)s + link_validity
           from workspaces.effective_login where workspace_id = %(workspace)s""",
        {
            "id": runtime.new_id(),
            "hash": hash_token(secret),
            "user": user,
            "address": address,
            "registers": registers,
            "now": now,
            "workspace": workspace,
        },
    )
    return secret


async def find_link(tx: Tx, workspace: UUID, secret: str, *, hold: bool = False) -> LoginLink | None:
    """The link of this workspace with this secret part, None for a void or unknown one; `hold` it until it is used."""
    if len(secret) > _LONGEST:
        return None
    row = await tx.one(
        f"""select id, workspace_id as workspace, user_id as user, address, registers, uses_left, expires
            from workspaces.login_links where hash = %s and workspace_id = %s {"for update" if hold else ""}""",
        (hash_token(secret), workspace),
    )
    return None if row is None else LoginLink(**row)


async def use_link(tx: Tx, link: LoginLink, user: UUID) -> None:
    """Take one of the uses of a link that is held; from here on it is this user's."""
    await tx.run(
        "update workspaces.login_links set uses_left = uses_left - 1, user_id = %s where id = %s", (user, link.id)
    )
