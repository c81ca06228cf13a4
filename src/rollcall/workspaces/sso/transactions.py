"""Sign-ins that are under way: kept here, bound to the browser that began them, and used once (check REQ-1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString
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
    browser_hash: bytes = field(repr=False)


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
        f"update workspaces.sso_transactions set used = %(now)s where {_OPEN} and {_OF_BROWSER} returning {_COLUMNS}",
        {**_sought(configuration, protocol, state, now), "browser": hash_token(browser)},
    )
    return None if row is None else _transaction(tx, sealer, configuration, row)


async def use_transaction_of_any(
    tx: Tx, sealer: Sealer, configuration: UUID, protocol: Protocol, state: str, now: datetime
) -> Transaction | None:
    """Use up a transaction where no cookie can be there, since the answer is posted from another site.

    Whoever goes on with it has to be its browser: compare `browser_hash`.
    """
    row = await tx.one(
        f"update workspaces.sso_transactions set used = %(now)s where {_OPEN} returning {_COLUMNS}",
        _sought(configuration, protocol, state, now),
    )
    return None if row is None else _transaction(tx, sealer, configuration, row)


async def open_transaction(
    tx: Tx, sealer: Sealer, configuration: UUID, protocol: Protocol, state: str, browser: str, now: datetime
) -> Transaction | None:
    """The transaction that this browser began, not used up by looking at it."""
    row = await tx.one(
        f"select {_COLUMNS} from workspaces.sso_transactions where {_OPEN} and {_OF_BROWSER}",
        {**_sought(configuration, protocol, state, now), "browser": hash_token(browser)},
    )
    return None if row is None else _transaction(tx, sealer, configuration, row)


_OPEN: LiteralString = """state_hash = %(state)s and configuration_id = %(configuration)s and protocol = %(protocol)s
    and used is null and created > %(oldest)s"""
_OF_BROWSER: LiteralString = "browser_hash = %(browser)s"
_COLUMNS: LiteralString = "id, sealed, asked, browser_hash"


def _sought(configuration: UUID, protocol: Protocol, state: str, now: datetime) -> dict[str, Any]:
    return {
        "now": now,
        "state": hash_token(state),
        "configuration": configuration,
        "protocol": protocol,
        "oldest": now - LIFETIME,
    }


def _transaction(tx: Tx, sealer: Sealer, configuration: UUID, row: dict[str, Any]) -> Transaction:
    secrets = Secrets(**orjson.loads(sealer.open(bytes(row["sealed"]), _context(tx.tenant, row["id"]))))
    return Transaction(row["id"], configuration, read_asking(row["asked"]), secrets, bytes(row["browser_hash"]))


def read_asking(kept: dict[str, Any]) -> Asking:
    """What a sign-in is for, as it was kept."""
    return Asking(**{**kept, "strengths": tuple(kept["strengths"])})


def _context(tenant: UUID, identifier: UUID) -> str:
    return f"sso transaction {tenant} {identifier}"
