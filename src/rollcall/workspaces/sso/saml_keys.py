"""The keys by which we sign SAML messages, one for each configuration, sealed in the database."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.workspaces.sso.saml_signing_key import SamlKey


async def read_key(tx: Tx, sealer: Sealer, configuration_id: UUID) -> SamlKey | None:
    """The key of a configuration; None before it needed one."""
    row = await tx.one(
        "select sealed, certificate from workspaces.saml_keys where configuration_id = %s", (configuration_id,)
    )
    if row is None:
        return None
    return SamlKey(sealer.open(bytes(row["sealed"]), _context(tx.tenant, configuration_id)), row["certificate"])


async def keep_key(tx: Tx, sealer: Sealer, configuration_id: UUID, key: SamlKey, now: datetime) -> None:
    """Keep a configuration's first key; of two made at once the first one stays."""
    await tx.run(
        """insert into workspaces.saml_keys (configuration_id, sealed, certificate, created)
           values (%s, %s, %s, %s) on conflict do nothing""",
        (
            configuration_id,
            sealer.seal(key.private_pem, _context(tx.tenant, configuration_id)),
            key.certificate,
            now,
        ),
    )


def _context(tenant: UUID, configuration_id: UUID) -> str:
    return f"saml key {tenant} {configuration_id}"
