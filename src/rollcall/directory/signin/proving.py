"""How people prove who they are: passwords and codes checked at one speed for everybody, and set (checks C22 to C25)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Database, Rate, Tx, take_turn
from rollcall.directory.signin import credentials, links, roles, sessions
from rollcall.directory.signin.credentials import Credential
from rollcall.directory.signin.known_browsers import KnownBrowser
from rollcall.directory.signin.one_time_codes import (
    RECOVERY_CODES,
    RECOVERY_LETTERS,
    matching_step,
    read_recovery_code,
    recovery_code,
)
from rollcall.errors import Throttled
from rollcall.passwords import SlowHash
from rollcall.runtime import Runtime, random_bytes

LEAST_CHARACTERS = 12
"""Of passwords of users of the directory."""
ONE_FROM_ONE_NETWORK = Rate(10, 300)
ALL_FROM_ONE_NETWORK = Rate(100, 300)
ONE_FROM_EVERYWHERE = Rate(60, 300)
ALL_OF_ONE_ORGANISATION = Rate(600, 300)
_LONGEST_SLOWING_SECONDS = 3.0
# Recovery codes have 74 random bits, so that guessing hopes for nothing; a light hash is slow enough.
_LIGHT = SlowHash(19 * 1024, 2, 1)


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whose account somebody says to have: tenant and user, or neither where there is no such account."""

    tenant_id: UUID
    user_id: UUID


@dataclass(frozen=True, slots=True)
class Proving:
    """Checks and sets what people prove who they are with."""

    database: Database
    runtime: Runtime
    sealer: Sealer
    slow: SlowHash

    async def claimed(self, tenant_id: UUID | None, address: str) -> Sequence[Claimed]:
        """The accounts of this name that can sign in, in one tenant or with None in all of them."""
        if tenant_id is None:
            found = await self.database.system(credentials.tenants_of_name, address)
            return [Claimed(*each) for each in found]
        credential = await self.database.tenant(tenant_id).read(credentials.credential_of, address)
        return [] if credential is None else [Claimed(tenant_id, credential.user_id)]

    async def password(
        self, tenant_id: UUID | None, address: str, password: str, network: str, browser: KnownBrowser | None = None
    ) -> Claimed | None:
        """Whose password this is; None when it is wrong, or there is no such account, which takes as long.

        Raises Throttled for one who tried too often from this network; who tries from elsewhere, or in a `browser` in
        which they signed in before, is not kept waiting by others.
        """
        claimed = await self.claimed(tenant_id, address)
        organisation = str(tenant_id or address.rpartition("@")[2].casefold())
        theirs = browser.id if browser is not None and browser.knows([each.user_id for each in claimed]) else None
        await self._take_turns("password", address.casefold(), organisation, network, theirs)
        for each in claimed:
            db = self.database.tenant(each.tenant_id)
            credential = await db.read(credentials.read_credential, each.user_id)
            hashed = None if credential is None else credential.password_hash
            verdict = await self.slow.verify(hashed, password)
            if verdict == "outdated" and hashed is not None:
                await db.write(credentials.replace_hash, each.user_id, hashed, await self.slow.hash(password))
            if verdict != "wrong":
                return each
        if not claimed:
            await self.slow.verify(None, password)
        return None

    async def code(self, claimed: Claimed, typed: str, network: str, browser: KnownBrowser | None = None) -> bool:
        """Whether this is a code of the person's authenticator app that was not used before. Raises Throttled."""
        await self._take_code_turns(claimed, network, browser)
        db = self.database.tenant(claimed.tenant_id)
        credential = await db.read(credentials.read_credential, claimed.user_id)
        if credential is None or credential.totp_sealed is None:
            return False
        secret = self.sealer.open(bytes(credential.totp_sealed), _context(claimed.user_id))
        step = matching_step(secret, typed, self.runtime.now())
        return step is not None and await db.write(credentials.use_totp_step, claimed.user_id, step)

    async def recovery(self, claimed: Claimed, typed: str, network: str, browser: KnownBrowser | None = None) -> bool:
        """Whether this is one of the person's recovery codes; it is used up. Raises Throttled."""
        await self._take_code_turns(claimed, network, browser)
        read = read_recovery_code(typed)
        if read is None:
            return False
        number, code = read
        db = self.database.tenant(claimed.tenant_id)
        hashed = await db.read(credentials.recovery_code_hash, claimed.user_id, number)
        if await _LIGHT.verify(hashed, code) == "wrong" or hashed is None:
            return False
        return await db.write(credentials.use_recovery_code, claimed.user_id, number, hashed, self.runtime.now())

    async def _take_code_turns(self, claimed: Claimed, network: str, browser: KnownBrowser | None) -> None:
        theirs = browser.id if browser is not None and browser.knows([claimed.user_id]) else None
        await self._take_turns("code", str(claimed.user_id), str(claimed.tenant_id), network, theirs)

    async def _take_turns(self, what: str, who: str, organisation: str, network: str, browser: str | None) -> None:
        """Slow down whoever tries often: in one network they wait, and from many networks each answer comes later.

        A browser in which this person signed in before has turns of its own, and waits for nobody else's.
        """
        now, system = self.runtime.now(), self.database.system
        if browser is not None:
            wait = await system(take_turn, ONE_FROM_ONE_NETWORK, now, f"sign-in {what} known", who, browser)
        else:
            wait = await system(take_turn, ALL_FROM_ONE_NETWORK, now, "sign-in", network)
            wait = wait or await system(take_turn, ONE_FROM_ONE_NETWORK, now, f"sign-in {what}", who, network)
        if wait:
            raise Throttled(
                f"Too many tries. Wait {_duration(wait)}, then try again.",
                code="too_many_tries",
                retry_after_seconds=wait,
            )
        if browser is None:
            slower = await system(take_turn, ONE_FROM_EVERYWHERE, now, f"sign-in {what} everywhere", who)
            all_of_them = await system(take_turn, ALL_OF_ONE_ORGANISATION, now, f"sign-in {what} in", organisation)
            if slower or all_of_them:
                await self.runtime.sleep(min(max(slower, all_of_them), _LONGEST_SLOWING_SECONDS))

    def new_totp_secret(self) -> str:
        """A secret for an authenticator app: 160 bits in Base32, as RFC 4226 §4 recommends."""
        return base64.b32encode(random_bytes(20)).decode()

    async def enrol(self, claimed: Claimed, secret: str, typed: str) -> list[str] | None:
        """Begin to ask for codes, once somebody showed one; the recovery codes, shown now only. None for a wrong code."""
        now = self.runtime.now()
        step = matching_step(secret, typed, now)
        if step is None:
            return None
        codes, hashes = await _new_recovery_codes()
        sealed = self.sealer.seal(secret, _context(claimed.user_id))
        db = self.database.tenant(claimed.tenant_id)
        await db.write(credentials.enrol_totp, claimed.user_id, sealed, step, hashes, now)
        return codes

    async def new_recovery_codes(self, claimed: Claimed) -> list[str]:
        """New recovery codes in the place of the old ones, shown now only."""
        codes, hashes = await _new_recovery_codes()
        await self.database.tenant(claimed.tenant_id).write(credentials.put_recovery_codes, claimed.user_id, hashes)
        return codes

    async def credential(self, claimed: Claimed) -> Credential | None:
        """What a person can prove who they are with."""
        return await self.database.tenant(claimed.tenant_id).read(credentials.read_credential, claimed.user_id)

    async def set_password(self, claimed: Claimed, password: str, but: UUID | None = None) -> None:
        """Set a password that was found good, and end the person's sessions, `but` the one they do it in."""
        hashed, now = await self.slow.hash(password), self.runtime.now()

        async def set_and_end(tx: Tx) -> None:
            await credentials.set_password(tx, claimed.user_id, hashed, now)
            await sessions.end_sessions_of(tx, claimed.user_id, now, but)

        await self.database.tenant(claimed.tenant_id).write(set_and_end)

    async def invite(self, tenant_id: UUID, user_id: UUID | None, *, without_totp: bool = False) -> str:
        """The path of a link by which somebody sets a password; `without_totp` forgets their authenticator app as well."""

        async def make(tx: Tx) -> str:
            if user_id is not None and without_totp:
                await credentials.remove_totp(tx, user_id)
            return await links.make_link(tx, self.runtime, user_id)

        return links.link_path(await self.database.tenant(tenant_id).write(make))

    async def first_administrator(self, tenant_id: UUID) -> str | None:
        """The path of a link for the first administrator; None where there is one who can sign in (check C26)."""
        if await self.database.tenant(tenant_id).read(roles.has_administrator):
            return None
        return await self.invite(tenant_id, None)


async def _new_recovery_codes() -> tuple[list[str], list[str]]:
    codes = [recovery_code(number, random_bytes(RECOVERY_LETTERS)) for number in range(RECOVERY_CODES)]
    return codes, [await _LIGHT.hash(code) for code in codes]


def _context(user_id: UUID) -> str:
    return f"authenticator {user_id}"


def _duration(seconds: float) -> str:
    return f"{max(1, round(seconds))} seconds" if seconds < 90 else f"{round(seconds / 60)} minutes"
