"""The keys that tokens are signed with: one signs, the next one is published already, the last one still is (check OPR-5)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import RSAKey
from psycopg.types.json import Jsonb

from rollcall.crypto import Sealer
from rollcall.db import Database, Tx
from rollcall.runtime import Runtime

SIGNS_FOR = timedelta(days=90)
"""After so long the next key takes over."""
PUBLISHED_BEFORE = timedelta(hours=24)
PUBLISHED_AFTER = timedelta(hours=25)
"""Longer than any token lives, and than clients keep a copy of the keys."""
_REMEMBERED_SECONDS = 60.0
_BITS = 2048


@dataclass(frozen=True, slots=True)
class SigningKeys:
    """What signs now, and the public forms of all that may have signed or will soon."""

    kid: str
    signing: RSAKey
    published: tuple[dict[str, Any], ...]


class KeyRing:
    """The keys of the installation, remembered for a minute."""

    def __init__(self, database: Database, sealer: Sealer, runtime: Runtime) -> None:
        self._database = database
        self._sealer = sealer
        self._runtime = runtime
        self._keys: SigningKeys | None = None
        self._read_at = 0.0
        self._reading = asyncio.Lock()

    async def keys(self) -> SigningKeys:
        """The keys; made when there are none yet."""
        async with self._reading:
            if self._keys is None or self._runtime.monotonic() - self._read_at > _REMEMBERED_SECONDS:
                self._keys = await self._current()
                self._read_at = self._runtime.monotonic()
            return self._keys

    async def rotate(self) -> bool:
        """Let the next key take over when its time has come, and remove keys that no token needs; whether it did."""
        fresh = await asyncio.to_thread(_new_key)
        rotated = await self._database.system(rotate_keys, self._runtime.now(), self._row(fresh))
        if rotated:
            self._keys = None
        return rotated

    async def _current(self) -> SigningKeys:
        rows = await self._database.system(read_keys)
        if not any(row["signs_from"] and not row["signs_until"] for row in rows):
            fresh = [self._row(await asyncio.to_thread(_new_key)) for _ in range(2)]
            rows = await self._database.system(first_keys, self._runtime.now(), fresh)
        active = next(row for row in rows if row["signs_from"] and not row["signs_until"])
        opened = self._sealer.open(bytes(active["sealed"]), _context(active["kid"]))
        return SigningKeys(active["kid"], RSAKey.import_key(opened), tuple(row["public_jwk"] for row in rows))

    def _row(self, key: RSAKey) -> dict[str, Any]:
        kid = key.thumbprint()
        public = {**key.as_dict(private=False), "kid": kid, "use": "sig", "alg": "RS256"}
        private = key.as_pem(private=True).decode()
        return {"kid": kid, "public_jwk": Jsonb(public), "sealed": self._sealer.seal(private, _context(kid))}


def _new_key() -> RSAKey:
    return RSAKey.generate_key(_BITS)


def _context(kid: str) -> str:
    return f"signing key {kid}"


async def read_keys(tx: Tx) -> list[dict[str, Any]]:
    """All keys that are published, the oldest first; for a transaction without tenant."""
    return await tx.all(
        "select kid, public_jwk, sealed, created, signs_from, signs_until from directory.signing_keys order by created, kid"
    )


async def first_keys(tx: Tx, now: datetime, fresh: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take two keys, one to sign from now on, unless another process was first; the keys there are then."""
    await tx.run("lock table directory.signing_keys in share row exclusive mode")
    rows = await read_keys(tx)
    if not any(row["signs_from"] and not row["signs_until"] for row in rows):
        await _add(tx, now, fresh[0], signs_from=now)
        await _add(tx, now, fresh[1], signs_from=None)
    return await read_keys(tx)


async def rotate_keys(tx: Tx, now: datetime, fresh: dict[str, Any]) -> bool:
    """See KeyRing.rotate. The next key was published for a day at least before it signs."""
    await tx.run("lock table directory.signing_keys in share row exclusive mode")
    await tx.run("delete from directory.signing_keys where signs_until < %s", [now - PUBLISHED_AFTER])
    rows = await read_keys(tx)
    active = next((row for row in rows if row["signs_from"] and not row["signs_until"]), None)
    following = next((row for row in rows if row["signs_from"] is None), None)
    if active is None or now - active["signs_from"] < SIGNS_FOR:
        return False
    if following is None or now - following["created"] < PUBLISHED_BEFORE:
        return False
    await tx.run("update directory.signing_keys set signs_until = %s where kid = %s", [now, active["kid"]])
    await tx.run("update directory.signing_keys set signs_from = %s where kid = %s", [now, following["kid"]])
    await _add(tx, now, fresh, signs_from=None)
    return True


async def _add(tx: Tx, now: datetime, key: dict[str, Any], signs_from: datetime | None) -> None:
    await tx.run(
        """
        insert into directory.signing_keys (kid, public_jwk, sealed, created, signs_from)
        values (%(kid)s, %(public_jwk)s, %(sealed)s, %(now)s, %(signs_from)s)
        """,
        {**key, "now": now, "signs_from": signs_from},
    )
