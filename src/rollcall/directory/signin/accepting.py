"""A one-time link is used: its holder gets a password, and the first administrator a user and a role (a store)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.lookup import find_user
from rollcall.directory.objects import create_user
from rollcall.directory.signin import credentials, links, roles, sessions
from rollcall.errors import Conflict


@dataclass(frozen=True, slots=True)
class Newcomer:
    """What the first administrator says of themselves; of no meaning for a link that is somebody's."""

    address: str
    name: str


async def accept_link(tx: Tx, token: str, password_hash: str, newcomer: Newcomer, now: datetime) -> str | None:
    """Use a link up and set the password; the address to sign in with, None when the link is over by now.

    Raises Conflict where a tenant that was to get its first administrator has one by now, Invalid for a bad address.
    """
    link = await links.use_link(tx, token, now)
    if link is None:
        return None
    user_id = link.user_id or await _first_administrator(tx, newcomer, now)
    await credentials.set_password(tx, user_id, password_hash, now)
    await sessions.end_sessions_of(tx, user_id, now)
    credential = await credentials.read_credential(tx, user_id)
    return None if credential is None else credential.user_principal_name


async def _first_administrator(tx: Tx, newcomer: Newcomer, now: datetime) -> UUID:
    """The user of this address, or a new one, as Global Administrator."""
    if await roles.has_administrator(tx):
        raise Conflict("This tenant has an administrator by now. Ask them for a link of your own.")
    user = await find_user(tx, newcomer.address)
    if user is not None:
        user_id = user.id
    else:
        user_id = await create_user(tx, {"userPrincipalName": newcomer.address, "displayName": newcomer.name})
    await roles.give_role(tx, user_id, roles.GLOBAL_ADMINISTRATOR, now)
    return user_id
