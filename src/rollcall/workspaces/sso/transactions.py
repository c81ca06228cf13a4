"""Sign-ins that are under way: kept here, bound to the browser that began them, and used once (check REQ-1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import orjson
from psycopg.types.json import Jsonb

from rollcall.crypto import Sealer, hash_token
from rollcall.db import Tx
from rollcall.runtime import Runtime, new_secret

LIFETIME = timedelta(minutes=10)
OPEN_AT_MOST = 8
_FORGOTTEN_AFTER = timedelta(days=1)

Protocol = Literal["oidc", "saml", "logout"]


@dataclass(frozen=True, slots=True)
class Asking:
    """What a sign-in is for. `door`: `dashboard`, or a workspace's id. `return_to`: a path of our own.

    `tenant`: the Entra tenant the person chose. `max_age_seconds`, `mfa`, `strengths`: what the door wants shown.
    `silent`: a re-check without anything to see. `testing`: *Test sign-in*, after which nobody is signed in.
    """

    door: str
    return_to: str = "/"
    tenant: str | None = None
    login_hint: str | None = None
    prompt: str | None = None
    max_age_seconds: int | None = None
    mfa: bool = False
    strengths: tuple[str, ...] = ()
    silent: bool = False
    testing: bool = False


@dataclass(frozen=True, slots=True)
class Secrets:
    """What only we know of a transaction. `request`: the id of a SAML request, in the place of the other two."""

    nonce: str = ""
    verifier: str = ""
    request: str = ""


@dataclass(frozen=True, slots=True)
class Transaction:
    """A sign-in under way, as it is found again."""

    id: UUID
    configuration: UUID
    asking: Asking
    secrets: Secrets = field(repr=False)


@dataclass(frozen=True, slots=True)
class Begun:
    """What leaves us: `state` to the provider, `browser` into the browser's cookie."""

    state: str
    browser: str
    id: UUID


async def begin_transaction(
    tx: Tx,
    runtime: Runtime,
    sealer: Sealer,
    configuration: UUID,
    protocol: Protocol,
    asking: Asking,
    secrets: Secrets,
    browser: str | None,
) -> Begun:
    """Keep a new transaction. `browser`: the handle the browser came with, which is kept while it has others open.

    A handle that we do not know is never adopted. Over eight open ones the oldest is dropped.
    """
    now, identifier, state = runtime.now(), runtime.new_id(), new_secret()
    await tx.run("delete from workspaces.sso_transactions where created < %s", (now - _FORGOTTEN_AFTER,))
    open_ones: list[dict[str, Any]] = []
    if browser is not None:
        open_ones = await tx.all(
            """select id from workspaces.sso_transactions
               where browser_hash = %s and used is null and created > %s order by created desc, id desc for update""",
            (hash_token(browser), now - LIFETIME),
        )
    if browser is None or not open_ones:
        browser = new_secret()
    dropped = [row["id"] for row in open_ones[OPEN_AT_MOST - 1 :]]
    if dropped:
        await tx.run("delete from workspaces.sso_transactions where id = any(%s)", (dropped,))
    await tx.run(
        """insert into workspaces.sso_transactions
               (id, configuration_id, protocol, browser_hash, state_hash, sealed, asked, created)
           values (%s, %s, %s, %s, %s, %s, %s, %s)""",
        (
            identifier,
            configuration,
            protocol,
            hash_token(browser),
            hash_token(state),
            sealer.seal(orjson.dumps(asdict(secrets)).decode(), _context(tx.tenant, identifier)),
            Jsonb(asdict(asking)),
            now,
        ),
    )
    return Begun(state, browser, identifier)


async def use_transaction(
    tx: Tx, sealer: Sealer, configuration: UUID, protocol: Protocol, state: str, browser: str, now: datetime
) -> Transaction | None:
    """Use up the transaction that this browser began; None when there is none, or it is used, late or another's.

    Commit it whatever follows: a transaction is used by the first answer to it (check CB-3).
    """
    row = await tx.one(
        """update workspaces.sso_transactions set used = %(now)s
           where state_hash = %(state)s and browser_hash = %(browser)s and configuration_id = %(configuration)s
             and protocol = %(protocol)s and used is null and created > %(oldest)s
           returning id, sealed, asked""",
        {
            "now": now,
            "state": hash_token(state),
            "browser": hash_token(browser),
            "configuration": configuration,
            "protocol": protocol,
            "oldest": now - LIFETIME,
        },
    )
    if row is None:
        return None
    secrets = Secrets(**orjson.loads(sealer.open(bytes(row["sealed"]), _context(tx.tenant, row["id"]))))
    asked = {**row["asked"], "strengths": tuple(row["asked"]["strengths"])}
    return Transaction(row["id"], configuration, Asking(**asked), secrets)


def _context(tenant: UUID, identifier: UUID) -> str:
    return f"sso transaction {tenant} {identifier}"
