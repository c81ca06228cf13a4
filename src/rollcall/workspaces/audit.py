"""The audit log of an organisation: added to in the transaction of what it tells, sealed in a chain, checked, read in pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.errors import Invalid
from rollcall.runtime import Runtime

KEPT_FOR = timedelta(days=400)
MASKED = "•••"
"""Stands where a secret changed."""
LARGEST_PAGE = 1_000
_SEALED_AT_ONCE = 10_000
_LONGEST = 500

Outcome = Literal["ok", "denied", "error"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it, and from where: a user's id, `scim:` and a credential's id, `system`, or `operator`.

    `session` is a short hash of the session's handle, by which one session's events are found together.
    """

    name: str
    ip: str = ""
    user_agent: str = ""
    session: str = ""
    correlation_id: str = ""


SYSTEM = Actor("system")
OPERATOR = Actor("operator")


@dataclass(frozen=True, slots=True)
class Happening:
    """What happened to what. `changes`: name, old and new value of each field, secrets masked by whoever tells."""

    action: str
    target_type: str = ""
    target_id: str = ""
    outcome: Outcome = "ok"
    reason: str = ""
    changes: Sequence[tuple[str, Any, Any]] = ()
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One event as it is kept; `seal` is the number of its seal, None within the first seconds."""

    id: UUID
    at: datetime
    actor: Actor
    what: Happening
    seal: int | None


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which events; what is given has to hold together. `since` is included, `until` is not."""

    action: str | None = None
    actor: str | None = None
    target_id: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the chain holds: how many seals and events there are, what is wrong with which, and the last digest.

    Whoever keeps a digest elsewhere notices also when the end of the chain is cut off.
    """

    seals: int
    events: int
    unsealed: int
    faults: tuple[str, ...]
    digest: str


async def record(tx: Tx, runtime: Runtime, actor: Actor, *happenings: Happening) -> None:
    """Add events to the log, in the transaction of what they tell, all by one statement."""
    if not happenings:
        return
    now = runtime.now()
    rows = [
        {
            "id": str(runtime.new_id()),
            "at": now.isoformat(),
            "actor": actor.name,
            "action": each.action,
            "target_type": each.target_type,
            "target_id": each.target_id,
            "outcome": each.outcome,
            "reason": each.reason,
            "ip": actor.ip,
            "user_agent": _one_line(actor.user_agent),
            "session": actor.session,
            "correlation_id": actor.correlation_id,
            "changes": [list(change) for change in each.changes],
            "details": dict(each.details),
        }
        for each in happenings
    ]
    await tx.run(
        f"""
        insert into workspaces.audit ({_COLUMNS})
        select {_COLUMNS} from jsonb_to_recordset(%s) as event (id uuid, at timestamptz, actor text, action text,
            target_type text, target_id text, outcome text, reason text, ip text, user_agent text, session text,
            correlation_id text, changes jsonb, details jsonb)
        """,
        [Jsonb(rows)],
    )


def _one_line(text: str) -> str:
    """What a browser says of itself, fit for a log (check C48)."""
    return "".join(each if each.isprintable() else " " for each in text)[:_LONGEST]


async def read_audit(
    tx: Tx, which: AuditQuery = AuditQuery(), *, after: UUID | None = None, limit: int = 50
) -> list[AuditEvent]:
    """A page of events, newest first, those before the event `after`. Raises Invalid for a page that is too large."""
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(f"A page of the audit log has 1 to {LARGEST_PAGE:,} events, not {limit:,}.")
    conditions, params = ["true"], {"limit": limit, "after": after}
    for column, operator, value in (
        ("action", "=", which.action),
        ("actor", "=", which.actor),
        ("target_id", "=", which.target_id),
        ("outcome", "=", which.outcome),
        ("at", ">=", which.since),
        ("at", "<", which.until),
    ):
        if value is not None:
            name = f"value{len(params)}"
            conditions.append(f"{column} {operator} %({name})s")
            params[name] = value  # type: ignore[assignment]  # a dictionary of whatever the statement takes
    if after is not None:
        conditions.append("id < %(after)s")
    rows = await tx.all(
        f"select {_COLUMNS}, seal from workspaces.audit where {' and '.join(conditions)} order by id desc limit %(limit)s",
        params,
    )
    return [_event(row) for row in rows]


async def seal_audit(tx: Tx, now: datetime) -> int:
    """Put the events that are committed and not sealed yet under a seal; how many. Call it until it returns 0."""
    return int(await tx.value("select workspaces.seal_audit(%s, %s)", [_SEALED_AT_ONCE, now]))


async def prune_audit(tx: Tx, now: datetime) -> int:
    """Remove events that are older than they are kept, a little at a time; how many. Call it until it returns 0."""
    return int(await tx.value("select workspaces.prune_audit(%s, %s, %s)", [now - KEPT_FOR, _SEALED_AT_ONCE, now]))


async def verify_audit(tx: Tx) -> Verdict:
    """Check every seal against its events and against the seal before it."""
    rows = await tx.all(
        """
        select s.number, s.events, s.previous, s.digest, s.pruned is not null as pruned,
            (select count(*) from workspaces.audit e where e.tenant_id = s.tenant_id and e.seal = s.number) as there,
            case when s.pruned is null then workspaces.audit_digest(s.previous, s.number) end as computed
        from workspaces.audit_seals s order by s.number
        """
    )
    faults: list[str] = []
    before = b""
    for place, row in enumerate(rows, 1):
        if row["number"] != place:
            faults.append(f"Seal {place} is missing.")
            break
        if bytes(row["previous"]) != before:
            faults.append(f"Seal {place} does not follow the one before it.")
        before = bytes(row["digest"])
        if row["pruned"]:
            continue
        if row["there"] != row["events"]:
            faults.append(f"Seal {place} was put on {row['events']} events; there are {row['there']}.")
        elif bytes(row["computed"]) != before:
            faults.append(f"An event under seal {place} was changed.")
    unsealed = await tx.value("select count(*) from workspaces.audit where seal is null")
    events = sum(row["events"] for row in rows if not row["pruned"])
    return Verdict(len(rows), events, unsealed, tuple(faults), before.hex())


def _event(row: dict[str, Any]) -> AuditEvent:
    actor = Actor(row["actor"], row["ip"], row["user_agent"], row["session"], row["correlation_id"])
    changes = tuple((name, old, new) for name, old, new in row["changes"])
    what = Happening(
        row["action"], row["target_type"], row["target_id"], row["outcome"], row["reason"], changes, row["details"]
    )
    return AuditEvent(row["id"], row["at"], actor, what, row["seal"])


_COLUMNS = """id, at, actor, action, target_type, target_id, outcome, reason, ip, user_agent, session, correlation_id,
    changes, details"""
