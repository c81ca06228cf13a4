"""Sessions of people who signed in to the identity half. The row decides: without it there is none (a store)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rollcall.crypto import hash_token
from rollcall.db import Tx
from rollcall.directory.signin.model import SignedIn
from rollcall.errors import Denied
from rollcall.runtime import Runtime, new_secret

IDLE = timedelta(hours=8)
"""A session that is not used for so long has ended."""
LONGEST = timedelta(hours=24)
"""No session is longer, however much it is used."""
_SEEN_EVERY = timedelta(minutes=1)
_LONGEST_AGENT = 300


@dataclass(frozen=True, slots=True)
class Session:
    """One browser in which a person is signed in."""

    id: UUID
    tenant_id: UUID
    user_id: UUID
    authenticated: datetime
    methods: tuple[str, ...]
    created: datetime
    last_seen: datetime
    ends: datetime
    network: str
    user_agent: str
    user_principal_name: str
    display_name: str

    @property
    def signed_in(self) -> SignedIn:
        """What applications are told by."""
        return SignedIn(self.tenant_id, self.user_id, self.id, self.authenticated, self.methods)


@dataclass(frozen=True, slots=True)
class Browser:
    """Where a request comes from, as far as people recognise their own by it."""

    network: str
    user_agent: str


_SESSION = """
    select s.id, s.tenant_id, s.user_id, s.authenticated, s.methods, s.created, s.last_seen, s.ends, s.network,
        s.user_agent, u.user_principal_name, u.display_name
    from directory.sign_in_sessions s join directory.users u on u.id = s.user_id
    where u.deleted_at is null and u.account_enabled
"""


async def start_session(
    tx: Tx, runtime: Runtime, user_id: UUID, methods: tuple[str, ...], browser: Browser, same: UUID | None = None
) -> tuple[str, SignedIn]:
    """Begin a session for somebody who proved who they are; the new handle of it, and what applications are told (check C3).

    `same` is the session of this browser before: of the same person it goes on under the new handle, so that
    applications know it by its name still. Raises Denied for a user who is blocked or gone by now.
    """
    there = await tx.value(
        "select true from directory.users where id = %s and deleted_at is null and account_enabled for update",
        [user_id],
    )
    if not there:
        raise Denied("The account was blocked.", code="account_blocked")
    now, handle = runtime.now(), new_secret()
    identifier: UUID | None = await tx.value(
        """
        update directory.sign_in_sessions set authenticated = %(now)s, methods = %(methods)s, last_seen = %(now)s,
            expires = %(expires)s, ends = %(ends)s, network = %(network)s, user_agent = %(agent)s
        where id = %(same)s and user_id = %(user)s and expires > %(now)s and ends > %(now)s returning id
        """,
        _values(now, user_id, methods, browser) | {"same": same},
    )
    if identifier is None:
        identifier = runtime.new_id()
        await tx.run(
            """
            insert into directory.sign_in_sessions (id, user_id, authenticated, methods, created, last_seen, expires, ends,
                network, user_agent)
            values (%(id)s, %(user)s, %(now)s, %(methods)s, %(now)s, %(now)s, %(expires)s, %(ends)s, %(network)s, %(agent)s)
            """,
            _values(now, user_id, methods, browser) | {"id": identifier},
        )
    await tx.run("delete from directory.sign_in_handles where tenant = %s and session_id = %s", [tx.tenant, identifier])
    await tx.run(
        "insert into directory.sign_in_handles (hash, tenant, session_id) values (%s, %s, %s)",
        [hash_token(handle), tx.tenant, identifier],
    )
    return handle, SignedIn(tx.tenant, user_id, identifier, now, methods)


def _values(now: datetime, user_id: UUID, methods: tuple[str, ...], browser: Browser) -> dict[str, Any]:
    return {
        "user": user_id,
        "now": now,
        "methods": list(methods),
        "expires": now + IDLE,
        "ends": now + LONGEST,
        "network": browser.network,
        "agent": browser.user_agent[:_LONGEST_AGENT],
    }


async def place_of_handle(tx: Tx, handle: str) -> tuple[UUID, UUID] | None:
    """Tenant and session of a handle, for a transaction without tenant."""
    row = await tx.one("select tenant, session_id from directory.sign_in_handles where hash = %s", [hash_token(handle)])
    return None if row is None else (row["tenant"], row["session_id"])


async def read_session(tx: Tx, session_id: UUID, now: datetime) -> Session | None:
    """A session that holds now; None when it has ended or its user may not sign in."""
    row = await tx.one(f"{_SESSION} and s.id = %s and s.expires > %s and s.ends > %s", [session_id, now, now])
    return None if row is None else _session(row)


async def see_session(tx: Tx, session: Session, now: datetime) -> None:
    """Note that a session is used; the limit of idleness moves on."""
    await tx.run(
        """
        update directory.sign_in_sessions set last_seen = %(now)s, expires = %(expires)s
        where id = %(id)s and expires > %(now)s
        """,
        {"now": now, "expires": now + IDLE, "id": session.id},
    )


def is_seen_again(session: Session, now: datetime) -> bool:
    """Whether it is worth a write to note that a session is used."""
    return now - session.last_seen >= _SEEN_EVERY


async def list_sessions(tx: Tx, user_id: UUID, now: datetime) -> list[Session]:
    """A person's sessions, the latest used first."""
    rows = await tx.all(
        f"{_SESSION} and s.user_id = %s and s.expires > %s and s.ends > %s order by s.last_seen desc, s.id",
        [user_id, now, now],
    )
    return [_session(row) for row in rows]


async def end_session(tx: Tx, user_id: UUID, session_id: UUID) -> bool:
    """End a session of this user, and what was granted in it; whether there was one."""
    return bool(
        await tx.run("delete from directory.sign_in_sessions where id = %s and user_id = %s", [session_id, user_id])
    )


async def end_sessions_of(tx: Tx, user_id: UUID, now: datetime, but: UUID | None = None) -> int:
    """End all sessions of a user, `but` one, and whatever was granted in them, offline access too; how many sessions."""
    ended = await tx.run(
        "delete from directory.sign_in_sessions where user_id = %s and id is distinct from %s", [user_id, but]
    )
    await tx.run(
        """
        update directory.grants set ended = %s
        where user_id = %s and session_id is distinct from %s and ended is null
        """,
        [now, user_id, but],
    )
    return ended


async def forget_sessions(tx: Tx, now: datetime, limit: int = 5_000) -> int:
    """Remove sessions that ran out; how many there were. Call it until it returns 0."""
    return await tx.run(
        """
        delete from directory.sign_in_sessions where id in (
            select id from directory.sign_in_sessions where least(expires, ends) < %s order by id limit %s)
        """,
        [now, limit],
    )


def _session(row: dict[str, Any]) -> Session:
    return Session(**(row | {"methods": tuple(row["methods"])}))
