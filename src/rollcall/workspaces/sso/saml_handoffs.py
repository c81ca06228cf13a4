"""Checked answers on their way from the address where providers post them to the one where the browser's cookie is.

A provider's post comes from another site, so no cookie of ours travels with it. What was found good waits here for sixty
seconds under a handle, for the browser that began the sign-in and once.
"""

from __future__ import annotations

import base64
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from rollcall.crypto import Sealer, hash_token
from rollcall.db import Tx
from rollcall.runtime import new_secret
from rollcall.workspaces.sso.arrivals import Vouched
from rollcall.workspaces.sso.groups_claim import Listed, Missing
from rollcall.workspaces.sso.transactions import Asking, read_asking
from rollcall.workspaces.sso.who import Subject

LIFETIME = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Handoff:
    """What was kept. `vouched` is None where a silent question could not be answered without being seen."""

    asking: Asking
    vouched: Vouched | None = field(repr=False)


async def keep_handoff(
    tx: Tx,
    sealer: Sealer,
    configuration_id: UUID,
    browser_hash: bytes | None,
    asking: Asking,
    vouched: Vouched | None,
    now: datetime,
) -> str:
    """Keep an answer, and return its handle. `browser_hash`: of the browser that began; None for an unsolicited answer."""
    handle = new_secret()
    await tx.run("delete from workspaces.saml_handoffs where created < %s", (now - LIFETIME,))
    await tx.run(
        """insert into workspaces.saml_handoffs (hash, configuration_id, browser_hash, asked, sealed, created)
           values (%s, %s, %s, %s, %s, %s)""",
        (
            hash_token(handle),
            configuration_id,
            browser_hash,
            Jsonb(asdict(asking)),
            sealer.seal(orjson.dumps(_packed(vouched)).decode(), _context(tx.tenant, configuration_id)),
            now,
        ),
    )
    return handle


async def take_handoff(
    tx: Tx, sealer: Sealer, configuration_id: UUID, handle: str, browser: str | None, now: datetime
) -> Handoff | None:
    """Use up what was kept for this browser; None when there is none, or it is late or another browser's.

    `browser`: the handle in its cookie; None for an unsolicited answer, which the person said yes to.
    """
    row = await tx.one(
        """delete from workspaces.saml_handoffs
           where hash = %s and configuration_id = %s and browser_hash is not distinct from %s and created > %s
           returning asked, sealed""",
        (hash_token(handle), configuration_id, None if browser is None else hash_token(browser), now - LIFETIME),
    )
    return None if row is None else _handoff(tx, sealer, configuration_id, row)


async def unsolicited_handoff(
    tx: Tx, sealer: Sealer, configuration_id: UUID, handle: str, now: datetime
) -> Handoff | None:
    """Look at an unsolicited answer that waits for the person's yes."""
    row = await tx.one(
        """select asked, sealed from workspaces.saml_handoffs
           where hash = %s and configuration_id = %s and browser_hash is null and created > %s""",
        (hash_token(handle), configuration_id, now - LIFETIME),
    )
    return None if row is None else _handoff(tx, sealer, configuration_id, row)


def _handoff(tx: Tx, sealer: Sealer, configuration_id: UUID, row: dict[str, Any]) -> Handoff:
    opened = orjson.loads(sealer.open(bytes(row["sealed"]), _context(tx.tenant, configuration_id)))
    return Handoff(read_asking(row["asked"]), None if opened is None else _unpacked(opened))


def _packed(vouched: Vouched | None) -> dict[str, Any] | None:
    if vouched is None:
        return None
    values = asdict(vouched)
    values["groups"] = list(vouched.groups.groups) if isinstance(vouched.groups, Listed) else str(vouched.groups)
    hint = vouched.sealed_hint
    values["sealed_hint"] = None if hint is None else base64.b64encode(hint).decode()
    return values


def _unpacked(values: dict[str, Any]) -> Vouched:
    groups, hint = values["groups"], values["sealed_hint"]
    known = {
        "subject": Subject(**values["subject"]),
        "groups": Missing(groups) if isinstance(groups, str) else Listed(tuple(groups)),
        "looked_up": None,
        "strength": tuple(values["strength"]),
        "session_ends": _moment(values["session_ends"]),
        "authenticated": _moment(values["authenticated"]),
        "sealed_hint": None if hint is None else base64.b64decode(hint),
    }
    return Vouched(**{**values, **known})


def _moment(written: str | None) -> datetime | None:
    return None if written is None else datetime.fromisoformat(written)


def _context(tenant: UUID, configuration_id: UUID) -> str:
    return f"saml handoff {tenant} {configuration_id}"
