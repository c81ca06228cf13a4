"""What SAML providers' metadata said last, in the database."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.workspaces.sso.saml_metadata import ProviderMetadata


@dataclass(frozen=True, slots=True)
class KeptMetadata:
    """What is kept for a configuration.

    `accepted`: what is gone by; None for what the configuration itself says. `waiting`: replaces every certificate, and
    waits for a main user's yes. `failure`: why the last try came to nothing.
    """

    accepted: ProviderMetadata | None
    waiting: ProviderMetadata | None
    waits_since: datetime | None
    fetched: datetime | None
    tried: datetime
    failure: str | None


async def read_kept(tx: Tx, configuration_id: UUID, basis: bytes) -> KeptMetadata | None:
    """What is kept; None when there is nothing, or it is of a configuration that was another one."""
    row = await tx.one(
        """select accepted, waiting, waits_since, fetched, tried, failure from workspaces.saml_metadata
           where configuration_id = %s and basis = %s""",
        (configuration_id, basis),
    )
    if row is None:
        return None
    return KeptMetadata(
        _metadata(row["accepted"]),
        _metadata(row["waiting"]),
        row["waits_since"],
        row["fetched"],
        row["tried"],
        row["failure"],
    )


async def begin_try(tx: Tx, configuration_id: UUID, basis: bytes, since: datetime, now: datetime) -> bool:
    """Whether a fetch is due: nobody, on any process, tried after `since`. Notes the try."""
    tried = await tx.run(
        """insert into workspaces.saml_metadata as m (configuration_id, basis, tried) values (%(id)s, %(basis)s, %(now)s)
           on conflict (tenant_id, configuration_id) do update
           set basis = excluded.basis, tried = excluded.tried,
               accepted = case when m.basis = excluded.basis then m.accepted end,
               waiting = case when m.basis = excluded.basis then m.waiting end,
               waits_since = case when m.basis = excluded.basis then m.waits_since end,
               fetched = case when m.basis = excluded.basis then m.fetched end,
               failure = case when m.basis = excluded.basis then m.failure end
           where m.basis <> excluded.basis or m.tried <= %(since)s""",
        {"id": configuration_id, "basis": basis, "since": since, "now": now},
    )
    return tried == 1


async def keep_accepted(tx: Tx, configuration_id: UUID, basis: bytes, found: ProviderMetadata, now: datetime) -> None:
    """Go by this from here on."""
    await tx.run(
        """update workspaces.saml_metadata
           set accepted = %s, waiting = null, waits_since = null, fetched = %s, failure = null
           where configuration_id = %s and basis = %s""",
        (Jsonb(asdict(found)), now, configuration_id, basis),
    )


async def keep_waiting(tx: Tx, configuration_id: UUID, basis: bytes, found: ProviderMetadata, now: datetime) -> None:
    """Keep this until a main user says yes; what was accepted stays."""
    await tx.run(
        """update workspaces.saml_metadata
           set waiting = %s, waits_since = coalesce(waits_since, %s), fetched = %s, failure = null
           where configuration_id = %s and basis = %s""",
        (Jsonb(asdict(found)), now, now, configuration_id, basis),
    )


async def keep_failure(tx: Tx, configuration_id: UUID, basis: bytes, failure: str) -> None:
    """Note why nothing came; what was accepted stays."""
    await tx.run(
        "update workspaces.saml_metadata set failure = %s where configuration_id = %s and basis = %s",
        (failure, configuration_id, basis),
    )


async def approve_waiting(tx: Tx, configuration_id: UUID, basis: bytes) -> bool:
    """A main user's yes to what waits; False when nothing does."""
    approved = await tx.run(
        """update workspaces.saml_metadata set accepted = waiting, waiting = null, waits_since = null
           where configuration_id = %s and basis = %s and waiting is not null""",
        (configuration_id, basis),
    )
    return approved == 1


def _metadata(kept: dict[str, Any] | None) -> ProviderMetadata | None:
    return None if kept is None else ProviderMetadata(**{**kept, "certificates": tuple(kept["certificates"])})
