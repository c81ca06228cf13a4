"""Secret tokens of an organisation: pending until a Save makes them valid, two with an overlap, ended at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

from rollcall.crypto import hash_token
from rollcall.db import Tx
from rollcall.errors import Conflict, Fault, Faulty, NotFound
from rollcall.runtime import Runtime
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.model import CREDENTIALS_LIVE_AT_MOST, Credential, IssuedCredential
from rollcall.workspaces.organisations import (
    CREDENTIAL_COLUMNS,
    credentials,
    end_credential,
    set_synchronization,
)
from rollcall.workspaces.settings.synchronization import Synchronization
from rollcall.workspaces.settings.typed import Stale
from rollcall.workspaces.token import new_token

PENDING_FOR = timedelta(hours=1)
"""How long a token that was shown waits for its Save."""
_NAME = "Secret Token"


@dataclass(frozen=True, slots=True)
class KeptSynchronization:
    """The page as it is kept, with every token that is or was valid, oldest first."""

    on: bool
    networks: tuple[str, ...]
    version: int
    credentials: tuple[Credential, ...]


async def read_synchronization_settings(tx: Tx) -> KeptSynchronization:
    """The present settings."""
    row = await tx.one(_SETTINGS)
    if row is None:
        raise NotFound("There is no such organisation.")
    return _kept(row, await credentials(tx))


async def prepare_token(tx: Tx, runtime: Runtime, actor: Actor, session_id: UUID) -> IssuedCredential:
    """A new token that opens nothing before a Save of the same session; the one it prepared before is dropped.

    Raises Conflict `too_many_credentials` when two are live.
    """
    now = runtime.now()
    await _hold(tx)
    await discard_pending(tx, runtime, session_id)
    _check_room([each for each in await credentials(tx) if each.is_live(now)])
    token = new_token()
    row = await tx.one(
        f"""insert into workspaces.scim_credentials (id, name, hash, ends_with, created, pending_session, created_by)
            values (%s, %s, %s, %s, %s, %s, %s) returning {CREDENTIAL_COLUMNS}""",
        (runtime.new_id(), _NAME, hash_token(token), token[-4:], now, session_id, actor.name),
    )
    assert row is not None, "an insert that raised nothing returns its row"
    issued = IssuedCredential(Credential(**row), token)
    await record(tx, runtime, actor, _token_event("created", issued.credential))
    return issued


async def discard_pending(tx: Tx, runtime: Runtime, session_id: UUID) -> int:
    """Drop what this session prepared and did not save, and what waited too long; how many."""
    return await tx.run(
        "delete from workspaces.scim_credentials where activated is null and (pending_session = %s or created < %s)",
        (session_id, runtime.now() - PENDING_FOR),
    )


async def save_synchronization(
    tx: Tx, runtime: Runtime, actor: Actor, wanted: Synchronization, version: int, session_id: UUID
) -> KeptSynchronization:
    """Save switch, networks and the pending token at once; the token before it works on for the overlap.

    Raises Stale, Faulty for a pending token that is gone, Conflict `too_many_credentials`.
    """
    before = await _hold(tx)
    if before["synchronization_version"] != version:
        raise Stale
    happenings: list[Happening] = []
    changes: list[tuple[str, Any, Any]] = []
    if wanted.credential is not None:
        happenings += await _activate(tx, runtime, wanted, session_id)
    if list(wanted.networks) != before["scim_networks"]:
        changes.append(("networks", before["scim_networks"], list(wanted.networks)))
    if wanted.on != before["synchronization"]:
        happenings += await set_synchronization(tx, runtime, wanted.on)
        changes.append(("enabled", before["synchronization"], wanted.on))
    await tx.run(
        """update workspaces.organisations
           set scim_networks = %s, synchronization_version = synchronization_version + 1""",
        (list(wanted.networks),),
    )
    happenings.append(Happening("scim.enabled" if wanted.on else "scim.disabled", "scim", changes=changes))
    await record(tx, runtime, actor, *happenings)
    return await read_synchronization_settings(tx)


async def revoke_token(tx: Tx, runtime: Runtime, actor: Actor, credential_id: UUID) -> None:
    """End a token at once. Raises NotFound; ending one that has ended is no error."""
    found = next((each for each in await credentials(tx) if each.id == credential_id), None)
    if found is None:
        raise NotFound("There is no such SCIM credential.")
    if await end_credential(tx, runtime.now(), credential_id):
        await record(tx, runtime, actor, _token_event("revoked", found))


async def _activate(tx: Tx, runtime: Runtime, wanted: Synchronization, session_id: UUID) -> list[Happening]:
    now = runtime.now()
    live = [each for each in await credentials(tx) if each.is_live(now)]
    _check_room(live)
    expires = None if wanted.expires is None else datetime.combine(wanted.expires, time(), UTC)
    row = await tx.one(
        f"""update workspaces.scim_credentials set activated = %s, pending_session = null, expires = %s
            where id = %s and activated is null and pending_session = %s and created > %s
            returning {CREDENTIAL_COLUMNS}""",
        (now, expires, wanted.credential, session_id, now - PENDING_FOR),
    )
    if row is None:
        message = "The Secret Token that was shown waited too long, or was replaced. Make a new one and copy that."
        raise Faulty([Fault("credential", "token_not_pending", message)])
    happenings = [_token_event("activated", Credential(**row))]
    if wanted.overlap_days is not None:
        ends = now + timedelta(days=wanted.overlap_days)
        for each in live:
            if each.expires is not None and each.expires <= ends:
                continue
            await tx.run("update workspaces.scim_credentials set expires = %s where id = %s", (ends, each.id))
            told = [("expires", each.expires and each.expires.isoformat(), ends.isoformat())]
            happenings.append(_token_event("replaced", each, told))
    return happenings


async def _hold(tx: Tx) -> dict[str, Any]:
    row = await tx.one(f"{_SETTINGS} for no key update")
    if row is None:
        raise NotFound("There is no such organisation.")
    return row


def _check_room(live: list[Credential]) -> None:
    if len(live) >= CREDENTIALS_LIVE_AT_MOST:
        raise Conflict("Two Secret Tokens are live already. Revoke one of them first.", code="too_many_credentials")


def _token_event(what: str, credential: Credential, changes: list[tuple[str, Any, Any]] | None = None) -> Happening:
    details = {"name": credential.name, "ends_with": credential.ends_with}
    return Happening(
        f"scim.token.{what}", "scim_credential", str(credential.id), changes=changes or (), details=details
    )


def _kept(row: dict[str, Any], found: list[Credential]) -> KeptSynchronization:
    return KeptSynchronization(
        row["synchronization"], tuple(row["scim_networks"]), row["synchronization_version"], tuple(found)
    )


_SETTINGS = "select synchronization, scim_networks, synchronization_version from workspaces.organisations"
