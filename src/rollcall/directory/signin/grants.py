"""What people granted applications: codes for once, refresh tokens that replace each other, all ended together.

Whoever is blocked, deleted or purged, by whatever way, loses their grants in the same transaction: a trigger on
directory.users sees to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from rollcall.crypto import hash_token
from rollcall.db import Tx
from rollcall.directory.signin.model import AuthorizationRequest, Grant, SignedIn
from rollcall.runtime import Runtime, new_secret

CODE_VALID_FOR = timedelta(seconds=60)
REFRESH_VALID_FOR = timedelta(days=90)
KEPT_FOR = timedelta(days=100)

Misuse = Literal["unknown", "expired", "used", "ended"]


@dataclass(frozen=True, slots=True)
class Redeemed:
    """What a code or refresh token stood for; `redirect_uri` and `challenge` are a code's own."""

    grant: Grant
    redirect_uri: str = ""
    challenge: str = ""


async def grant_code(tx: Tx, runtime: Runtime, request: AuthorizationRequest, signed_in: SignedIn) -> str:
    """Grant an application what it asked for; the code by which it comes for it, within a minute (check OPR-3)."""
    identifier, now, code = runtime.new_id(), runtime.now(), _token(signed_in.tenant_id)
    await tx.run(
        """
        insert into directory.grants (id, app_id, user_id, session_id, auth_time, methods, scope, created)
        values (%s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            identifier, request.app_id, signed_in.user_id, signed_in.session_id, signed_in.at, list(signed_in.methods),
            list(request.scope), now,
        ],
    )  # fmt: skip
    await tx.run(
        """
        insert into directory.authorization_codes (hash, grant_id, redirect_uri, challenge, nonce, expires)
        values (%s, %s, %s, %s, %s, %s)
        """,
        [hash_token(code), identifier, request.redirect_uri, request.challenge, request.nonce, now + CODE_VALID_FOR],
    )
    return code


async def redeem_code(tx: Tx, now: datetime, code: str) -> Redeemed | Misuse:
    """Use a code up. A second use ends all that the first one gave (RFC 6749 §4.1.2)."""
    row = await tx.one(
        """
        select c.hash, c.expires, c.used, c.redirect_uri, c.challenge, c.nonce, g.id, g.app_id, g.user_id, g.session_id,
            g.auth_time, g.methods, g.scope, g.ended, g.tenant_id
        from directory.authorization_codes c join directory.grants g on g.id = c.grant_id
        where c.hash = %s for update
        """,
        [hash_token(code)],
    )
    if row is None:
        return "unknown"
    if row["used"] is not None:
        await end_grant(tx, row["id"], now)
        return "used"
    await tx.run("update directory.authorization_codes set used = %s where hash = %s", [now, row["hash"]])
    if row["ended"] is not None:
        return "ended"
    if row["expires"] <= now:
        return "expired"
    return Redeemed(_grant(row, row["nonce"]), row["redirect_uri"], row["challenge"])


async def issue_refresh_token(tx: Tx, now: datetime, grant: Grant) -> str:
    """A token by which the application gets new tokens without the person (RFC 6749 §6)."""
    token = _token(grant.signed_in.tenant_id)
    await tx.run(
        "insert into directory.refresh_tokens (hash, grant_id, issued, expires) values (%s, %s, %s, %s)",
        [hash_token(token), grant.id, now, now + REFRESH_VALID_FOR],
    )
    return token


async def redeem_refresh_token(tx: Tx, now: datetime, token: str) -> Redeemed | Misuse:
    """Use a refresh token up; another one has to be issued. One that comes twice was stolen from one of the two who sent
    it: the grant ends (RFC 9700 §4.14.2)."""
    row = await tx.one(
        """
        select t.hash, t.expires, t.used, g.id, g.app_id, g.user_id, g.session_id, g.auth_time, g.methods, g.scope,
            g.ended, g.tenant_id
        from directory.refresh_tokens t join directory.grants g on g.id = t.grant_id
        where t.hash = %s for update
        """,
        [hash_token(token)],
    )
    if row is None:
        return "unknown"
    if row["used"] is not None:
        await end_grant(tx, row["id"], now)
        return "used"
    if row["ended"] is not None:
        return "ended"
    if row["expires"] <= now:
        return "expired"
    await tx.run("update directory.refresh_tokens set used = %s where hash = %s", [now, row["hash"]])
    return Redeemed(_grant(row, None))


async def is_grant_alive(tx: Tx, grant_id: UUID) -> bool:
    """Whether a grant holds still."""
    return bool(await tx.value("select ended is null from directory.grants where id = %s", [grant_id]))


async def end_grant(tx: Tx, grant_id: UUID, now: datetime) -> None:
    """Nothing that a grant gave is good for anything from now on."""
    await tx.run("update directory.grants set ended = %s where id = %s and ended is null", [now, grant_id])


async def end_grants_of_session(tx: Tx, session_id: UUID, now: datetime) -> int:
    """End whatever was granted in a session that ends; offline access outlives a session by what it is."""
    return await tx.run(
        """
        update directory.grants set ended = %s
        where session_id = %s and ended is null and not 'offline_access' = any(scope)
        """,
        [now, session_id],
    )


async def applications_of_session(tx: Tx, session_id: UUID) -> list[UUID]:
    """The client ids of the applications that were entered in a session."""
    rows = await tx.all(
        "select distinct app_id from directory.grants where session_id = %s order by app_id", [session_id]
    )
    return [row["app_id"] for row in rows]


async def forget_grants(tx: Tx, now: datetime, limit: int = 5_000) -> int:
    """Remove grants of which nothing can be alive any more; how many there were. Call it until it returns 0."""
    return await tx.run(
        """
        delete from directory.grants g where g.id in (
            select each.id from directory.grants each
            where each.created < %(old)s and not exists (
                select from directory.refresh_tokens t where t.grant_id = each.id and t.expires > %(now)s)
            order by each.created limit %(limit)s)
        """,
        {"old": now - KEPT_FOR, "now": now, "limit": limit},
    )


def tenant_in(token: str) -> UUID | None:
    """The tenant whose grant a code or refresh token belongs to; None when it is none of ours."""
    head, dot, secret = token.partition(".")
    try:
        return UUID(head) if dot and secret and len(token) < 200 else None
    except ValueError:
        return None


def _token(tenant_id: UUID) -> str:
    return f"{tenant_id.hex}.{new_secret()}"


def _grant(row: dict[str, Any], nonce: str | None) -> Grant:
    signed_in = SignedIn(row["tenant_id"], row["user_id"], row["session_id"], row["auth_time"], tuple(row["methods"]))
    return Grant(row["id"], row["app_id"], signed_in, tuple(row["scope"]), nonce)
