"""Sessions in the database: made, read by their handle, renewed, and ended by whatever ends them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Literal, LiteralString
from uuid import UUID

from rollcall.crypto import hash_token
from rollcall.db import Tx
from rollcall.runtime import Runtime, new_secret
from rollcall.workspaces.sso.groups_claim import Snapshot, normal

CHANNEL = "workspaces_sessions"
"""Where other processes hear that sessions of an organisation ended or must be judged again; the payload is its id."""
SEEN_PRECISION = timedelta(seconds=60)
_LONGEST_AGENT = 400

Kind = Literal["dashboard", "workspace"]
Method = Literal["pin", "link", "sso", "break_glass", "recovery_code"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lasts: without a click, in all, and until the provider is asked again (SSO only)."""

    idle: timedelta
    absolute: timedelta
    recheck: timedelta | None = None


DASHBOARD_LIMITS = Limits(timedelta(minutes=30), timedelta(hours=8), timedelta(hours=8))
WORKSPACE_LIMITS = Limits(timedelta(hours=12), timedelta(days=7), timedelta(hours=24))


@dataclass(frozen=True, slots=True)
class Provided:
    """What a session holds of the sign-in at a provider. `ends`: a limit that the provider set."""

    configuration: UUID
    issuer: str
    subject: str
    token_subject: str
    session: str | None = None
    strength: tuple[str, ...] = ()
    guest: bool = False
    snapshot: Snapshot | None = None
    ends: datetime | None = None
    sealed_id_token: bytes | None = field(default=None, repr=False)
    login_hint: str | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in that was allowed. `user` or, for ways in that belong to nobody in the directory, `account`."""

    kind: Kind
    method: Method
    limits: Limits
    user: UUID | None = None
    account: UUID | None = None
    workspace: UUID | None = None
    authenticated: datetime | None = None
    provided: Provided | None = None
    user_agent: str = ""
    network: str = ""
    continues: bool = False
    """Whether it only renews what the provider says of the session it replaces, whose limits in time stay."""


@dataclass(frozen=True, slots=True)
class Session:
    """A live session, as every decision reads it. `groups` is None where they could not be resolved."""

    id: UUID
    user_id: UUID | None
    account_id: UUID | None
    kind: Kind
    method: Method
    workspace_id: UUID | None
    configuration_id: UUID | None
    issuer: str | None
    subject: str | None
    provider_session: str | None
    authenticated: datetime
    strength: tuple[str, ...]
    guest: bool
    groups: frozenset[str] | None
    groups_source: str | None
    groups_at: datetime | None
    created: datetime
    last_seen: datetime
    idle_seconds: int
    ends: datetime
    provider_ends: datetime | None
    checked: datetime
    recheck: datetime | None
    user_agent: str
    network: str

    def is_over(self, now: datetime) -> bool:
        """Whether it reached one of its limits."""
        return now >= self.ends or now - self.last_seen >= timedelta(seconds=self.idle_seconds)

    def needs_recheck(self, now: datetime) -> bool:
        """Whether the provider has to be asked again before the next door opens."""
        return self.recheck is not None and now >= self.recheck


async def create_session(tx: Tx, runtime: Runtime, sign_in: SignIn, *, replaces: str | None = None) -> tuple[UUID, str]:
    """Make a session and return its id and its handle, which only the browser keeps.

    `replaces`: the handle the browser came with; that session ends, whoever's it is (check C3).
    """
    now, provided, limits = runtime.now(), sign_in.provided, sign_in.limits
    before = None if replaces is None else await _end_by_handle(tx, replaces)
    created, ends = now, now + limits.absolute
    if sign_in.continues and before is not None and before["user_id"] == sign_in.user:
        created, ends = before["created"], min(ends, before["ends"])
    snapshot = provided.snapshot if provided else None
    if provided is not None and provided.ends is not None:
        ends = min(ends, provided.ends)
    recheck = now + limits.recheck if provided is not None and limits.recheck is not None else None
    row: dict[str, Any] = {
        "id": runtime.new_id(),
        "user": sign_in.user,
        "account": sign_in.account,
        "kind": sign_in.kind,
        "method": sign_in.method,
        "workspace": sign_in.workspace,
        "configuration": provided and provided.configuration,
        "issuer": provided and provided.issuer,
        "subject": provided and provided.subject,
        "token_subject": provided and provided.token_subject,
        "provider_session": provided and provided.session,
        "authenticated": sign_in.authenticated or now,
        "strength": list(provided.strength) if provided else [],
        "guest": provided is not None and provided.guest,
        "groups": None if snapshot is None or snapshot.groups is None else list(snapshot.groups),
        "groups_source": snapshot and snapshot.source,
        "groups_at": now if snapshot else None,
        "now": now,
        "created": created,
        "provider_ends": provided and provided.ends,
        "idle": int(limits.idle.total_seconds()),
        "ends": ends,
        "recheck": min(recheck, ends) if recheck is not None else None,
        "sealed": provided and provided.sealed_id_token,
        "login_hint": provided and provided.login_hint,
        "agent": sign_in.user_agent[:_LONGEST_AGENT],
        "network": sign_in.network,
    }
    await tx.run(_CREATE, row)
    handle = new_secret()
    await tx.run(
        "insert into workspaces.session_handles (hash, organisation_id, session_id) values (%s, %s, %s)",
        (hash_token(handle), tx.tenant, row["id"]),
    )
    return row["id"], handle


async def _end_by_handle(tx: Tx, handle: str) -> dict[str, Any] | None:
    return await tx.one(
        """delete from workspaces.sessions where id = (
               select session_id from workspaces.session_handles where hash = %s and organisation_id = %s)
           returning user_id, created, ends""",
        (hash_token(handle), tx.tenant),
    )


_CREATE: LiteralString = """
    insert into workspaces.sessions
        (id, user_id, account_id, kind, method, workspace_id, configuration_id, issuer, subject, token_subject,
         provider_session, authenticated, strength, guest, groups, groups_source, groups_at, created, last_seen,
         idle_seconds, ends, provider_ends, checked, recheck, sealed_id_token, login_hint, user_agent, network)
    values
        (%(id)s, %(user)s, %(account)s, %(kind)s, %(method)s, %(workspace)s, %(configuration)s, %(issuer)s, %(subject)s,
         %(token_subject)s, %(provider_session)s, %(authenticated)s, %(strength)s, %(guest)s, %(groups)s,
         %(groups_source)s, %(groups_at)s, %(created)s, %(now)s, %(idle)s, %(ends)s, %(provider_ends)s, %(now)s,
         %(recheck)s, %(sealed)s, %(login_hint)s, %(agent)s, %(network)s)"""
_COLUMNS: LiteralString = """s.id, s.user_id, s.account_id, s.kind, s.method, s.workspace_id, s.configuration_id, s.issuer,
    s.subject, s.provider_session, s.authenticated, s.strength, s.guest, s.groups, s.groups_source, s.groups_at,
    s.created, s.last_seen, s.idle_seconds, s.ends, s.provider_ends, s.checked, s.recheck, s.user_agent, s.network"""


async def organisation_of_handle(tx: Tx, handle: str) -> UUID | None:
    """The organisation that a handle belongs to, in a transaction without tenant; it never changes."""
    found: UUID | None = await tx.value(
        "select organisation_id from workspaces.session_handles where hash = %s", (hash_token(handle),)
    )
    return found


async def read_session(tx: Tx, handle: str, now: datetime) -> Session | None:
    """The live session with this handle in this organisation; None for an unknown, ended or expired one."""
    row = await tx.one(
        f"""select {_COLUMNS} from workspaces.session_handles h
            join workspaces.sessions s on s.tenant_id = h.organisation_id and s.id = h.session_id
            where h.hash = %s and h.organisation_id = %s""",
        (hash_token(handle), tx.tenant),
    )
    session = None if row is None else _session(row)
    return None if session is None or session.is_over(now) else session


async def live_sessions(tx: Tx, user_id: UUID, now: datetime) -> list[Session]:
    """The live sessions of a user, the one seen last first."""
    rows = await tx.all(
        f"select {_COLUMNS} from workspaces.sessions s where s.user_id = %s order by s.last_seen desc, s.id", (user_id,)
    )
    return [session for session in map(_session, rows) if not session.is_over(now)]


async def note_seen(tx: Tx, session_id: UUID, now: datetime) -> None:
    """Note a click, unless one within the last minute is noted."""
    await tx.run(
        "update workspaces.sessions set last_seen = %(now)s where id = %(id)s and last_seen < %(now)s - %(precision)s",
        {"now": now, "id": session_id, "precision": SEEN_PRECISION},
    )


async def renew_handle(tx: Tx, session_id: UUID) -> str | None:
    """A new handle for a session that stays, as when a role changes; the old one is dead. None where it has ended."""
    handle = new_secret()
    renewed = await tx.run(
        "update workspaces.session_handles set hash = %s where organisation_id = %s and session_id = %s",
        (hash_token(handle), tx.tenant, session_id),
    )
    return handle if renewed else None


async def end_session(tx: Tx, session_id: UUID) -> int:
    """End one session. How many ended."""
    return await tx.run("delete from workspaces.sessions where id = %s", (session_id,))


async def end_sessions_of_user(tx: Tx, user_id: UUID, *, keep: UUID | None = None) -> int:
    """End every session of a user (suspended, deleted, *Log out everywhere*), but that with the id `keep`.

    The login links that were mailed to them are void too.
    """
    await tx.run("delete from workspaces.login_links where user_id = %s", (user_id,))
    return await tx.run(
        "delete from workspaces.sessions where user_id = %s and id is distinct from %s", (user_id, keep)
    )


async def end_sessions_of_account(tx: Tx, account_id: UUID) -> int:
    """End every session of a break-glass account."""
    return await tx.run("delete from workspaces.sessions where account_id = %s", (account_id,))


async def end_sessions_by_sid(tx: Tx, configuration_id: UUID, sid: str, subject: str | None = None) -> int:
    """End the sessions that a provider names, of this subject if one is given (checks BCL-8, OUT-4)."""
    return await tx.run(
        """delete from workspaces.sessions where configuration_id = %(configuration)s and provider_session = %(sid)s
           and (%(subject)s::text is null or %(subject)s in (subject, token_subject))""",
        {"configuration": configuration_id, "sid": sid, "subject": subject},
    )


async def end_sessions_of_subject(
    tx: Tx, configuration_id: UUID, subject: str, *, made_before: datetime | None = None
) -> int:
    """End all sessions of a subject through a configuration; with `made_before`, later ones stay (checks BCL-8, SIG-5)."""
    return await tx.run(
        """delete from workspaces.sessions where configuration_id = %(configuration)s
           and %(subject)s in (subject, token_subject) and (%(before)s::timestamptz is null or created < %(before)s)""",
        {"configuration": configuration_id, "subject": subject, "before": made_before},
    )


async def end_sessions_of_configuration(tx: Tx, configuration_id: UUID) -> int:
    """End the sessions made through a configuration that is off, deleted, or is another one now."""
    return await tx.run("delete from workspaces.sessions where configuration_id = %s", (configuration_id,))


async def end_all_sessions(tx: Tx, *, keep: UUID | None = None) -> int:
    """End every session of the organisation, but that with the id `keep` (*End all sessions*, suspension)."""
    return await tx.run("delete from workspaces.sessions where id is distinct from %s", (keep,))


async def forget_ended_sessions(tx: Tx, now: datetime) -> int:
    """Remove sessions that reached a limit; they open nothing already."""
    return await tx.run(
        "delete from workspaces.sessions where ends <= %(now)s or last_seen + idle_seconds * interval '1 second' <= %(now)s",
        {"now": now},
    )


async def judge_again(tx: Tx) -> None:
    """Tell every process, once this commits, that open pages of the organisation have to be judged again."""
    await tx.run("select pg_notify(%s, %s)", (CHANNEL, str(tx.tenant)))


async def groups_in_scim(tx: Tx, user_id: UUID) -> frozenset[str] | None:
    """The external ids of a user's groups; None for a user whom SCIM does not manage."""
    row = await tx.one(
        """select u.external_id is not null as provisioned,
                  array(select g.external_id from workspaces.group_members m
                        join workspaces.groups g on g.tenant_id = m.tenant_id and g.id = m.group_id
                        where m.tenant_id = u.tenant_id and m.member_id = u.id and g.external_id is not null) as groups
           from workspaces.users u where u.id = %s""",
        (user_id,),
    )
    if row is None or not row["provisioned"]:
        return None
    return frozenset(normal(each) for each in row["groups"])


async def logout_facts(tx: Tx, session_id: UUID) -> dict[str, Any] | None:
    """What the provider's own logout asks for: `configuration_id`, `sealed_id_token`, `login_hint`."""
    return await tx.one(
        "select configuration_id, sealed_id_token, login_hint from workspaces.sessions where id = %s", (session_id,)
    )


def _session(row: dict[str, Any]) -> Session:
    values = {each.name: row[each.name] for each in fields(Session)}
    values["strength"] = tuple(row["strength"])
    values["groups"] = None if row["groups"] is None else frozenset(row["groups"])
    return Session(**values)
