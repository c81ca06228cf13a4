"""Organisations and their SCIM credentials in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.crypto import hash_token, same
from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime
from rollcall.workspaces.audit import OPERATOR, Actor, Happening, record
from rollcall.workspaces.memberships import bind_again
from rollcall.workspaces.model import (
    CREDENTIALS_LIVE_AT_MOST,
    Credential,
    IssuedCredential,
    Organisation,
    check_key,
    check_name,
)
from rollcall.workspaces.token import new_token

LAST_USED_PRECISION_SECONDS = 60


async def create_organisation(
    tx: Tx, runtime: Runtime, *, key: str, name: str, synchronization: bool = False
) -> Organisation:
    """Make the organisation whose id is the transaction's tenant.

    Raises Invalid for a key that can't stand in a URL or an unusable name, Conflict when the key is taken.
    """
    check_key(key)
    name = check_name(name, "an organisation")
    made = await tx.run(
        "insert into workspaces.organisation_keys (key, organisation_id) values (%s, %s) on conflict do nothing",
        (key, tx.tenant),
    )
    if not made:
        raise Conflict(f"The organisation key {key!r} is taken. Choose another one.", code="organisation_key_taken")
    row = await tx.one(
        """insert into workspaces.organisations (key, name, synchronization, created) values (%s, %s, %s, %s)
           returning tenant_id as id, key, name, synchronization, created""",
        (key, name, synchronization, runtime.now()),
    )
    assert row is not None
    await tx.run("insert into workspaces.organisation_defaults default values")
    await tx.run("insert into workspaces.dashboard_access default values")
    return Organisation(**row)


async def organisation(tx: Tx) -> Organisation:
    """The organisation of this tenant. Raises NotFound when there is none."""
    row = await tx.one("select tenant_id as id, key, name, synchronization, created from workspaces.organisations")
    if row is None:
        raise NotFound("There is no such organisation.")
    return Organisation(**row)


async def organisation_id(tx: Tx, key: str) -> UUID | None:
    """The id of the organisation with this key, in a transaction without tenant."""
    found: UUID | None = await tx.value(
        "select organisation_id from workspaces.organisation_keys where key = %s", (key,)
    )
    return found


async def organisation_keys(tx: Tx) -> dict[str, UUID]:
    """Every organisation's key and id, in a transaction without tenant."""
    rows = await tx.all("select key, organisation_id from workspaces.organisation_keys order by key")
    return {row["key"]: row["organisation_id"] for row in rows}


async def set_synchronization(tx: Tx, runtime: Runtime, on: bool) -> list[Happening]:
    """Switch user synchronization on or off. Off, everything stays as it is; on, SCIM manages it again (row O15).

    Returns what the audit log is to be told of groups that lists name again or no longer, beside the switch itself.
    Raises NotFound when the organisation does not exist.
    """
    if not await tx.run("update workspaces.organisations set synchronization = %s", (on,)):
        raise NotFound("There is no such organisation.")
    return await bind_again(tx, runtime.now()) if on else []


async def create_credential(
    tx: Tx,
    runtime: Runtime,
    *,
    name: str = "SCIM credential",
    expires: datetime | None = None,
    actor: Actor = OPERATOR,
) -> IssuedCredential:
    """Issue a secret token for this organisation, valid at once; it can't be read again.

    Raises Conflict when two are live already, Invalid when `expires` is past, NotFound without organisation.
    """
    now = runtime.now()
    name = check_name(name, "a SCIM credential")
    if expires is not None and expires <= now:
        raise Invalid("A SCIM credential must expire in the future.", code="expires_invalid")
    # The organisation's row is held, so that two issued at once can't both be the second.
    if await tx.one("select from workspaces.organisations for no key update") is None:
        raise NotFound("There is no such organisation.")
    live = [credential for credential in await credentials(tx) if credential.is_live(now)]
    if len(live) >= CREDENTIALS_LIVE_AT_MOST:
        raise Conflict("Two SCIM credentials are live already. Revoke one of them first.", code="too_many_credentials")
    token = new_token()
    row = await tx.one(
        f"""insert into workspaces.scim_credentials (id, name, hash, ends_with, created, expires, activated, created_by)
            values (%s, %s, %s, %s, %s, %s, %s, %s) returning {CREDENTIAL_COLUMNS}""",
        (runtime.new_id(), name, hash_token(token), token[-4:], now, expires, now, actor.name),
    )
    assert row is not None
    issued = IssuedCredential(Credential(**row), token)
    details = {"name": name, "ends_with": issued.credential.ends_with}
    event = Happening("scim.token.created", "scim_credential", str(issued.credential.id), details=details)
    await record(tx, runtime, actor, event)
    return issued


async def credentials(tx: Tx) -> list[Credential]:
    """All SCIM credentials of this organisation that are or were valid, revoked ones too, oldest first."""
    rows = await tx.all(
        f"select {CREDENTIAL_COLUMNS} from workspaces.scim_credentials where activated is not null order by created, id"
    )
    return [Credential(**row) for row in rows]


async def revoke_credential(tx: Tx, runtime: Runtime, credential_id: UUID, actor: Actor = OPERATOR) -> None:
    """End a credential for good. Raises NotFound for an unknown id; revoking twice is no error."""
    if await end_credential(tx, runtime.now(), credential_id):
        await record(tx, runtime, actor, Happening("scim.token.revoked", "scim_credential", str(credential_id)))
    elif await tx.one("select from workspaces.scim_credentials where id = %s", (credential_id,)) is None:
        raise NotFound("There is no such SCIM credential.")


async def end_credential(tx: Tx, now: datetime, credential_id: UUID) -> bool:
    """End a credential that was not revoked yet; whether there was one."""
    return (
        await tx.run(
            "update workspaces.scim_credentials set revoked = %s where id = %s and revoked is null",
            (now, credential_id),
        )
        > 0
    )


async def find_credential(tx: Tx, token_hash: bytes, now: datetime) -> dict[str, Any] | None:
    """The live credential with this token hash: `id`, `last_used`, `synchronization`, `scim_networks`; None when there is none."""
    rows = await tx.all(
        """select c.id, c.hash, c.last_used, o.synchronization, o.scim_networks
           from workspaces.organisations o join workspaces.scim_credentials c using (tenant_id)
           where c.activated is not null and c.revoked is null and (c.expires is null or c.expires > %s)""",
        (now,),
    )
    found = None
    for row in rows:  # every hash is compared, so that time does not tell which one came close
        if same(bytes(row["hash"]), token_hash):
            found = row
    return found


async def note_use(tx: Tx, credential_id: UUID, now: datetime) -> None:
    """Note that a credential was used at `now`, unless a use within the last minute is noted already."""
    await tx.run(
        """update workspaces.scim_credentials set last_used = %(now)s
           where id = %(id)s and (last_used is null or last_used < %(now)s - make_interval(secs => %(precision)s))""",
        {"now": now, "id": credential_id, "precision": LAST_USED_PRECISION_SECONDS},
    )


CREDENTIAL_COLUMNS = "id, name, ends_with, created, expires, revoked, last_used, created_by"
