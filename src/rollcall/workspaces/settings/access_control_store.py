"""Main User Dashboard Access Control in the database: saved whole, by whoever saw what it was before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.errors import Conflict
from rollcall.runtime import Runtime
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.main_users import check_way_in
from rollcall.workspaces.settings.access_control import AccessControl, Saver, lockout_risk
from rollcall.workspaces.settings.connection_store import read_configuration
from rollcall.workspaces.settings.typed import Stale
from rollcall.workspaces.sso.sessions import Session, judge_again


@dataclass(frozen=True, slots=True)
class KeptAccessControl:
    """The settings as they are kept, and when they were saved last."""

    settings: AccessControl
    version: int
    changed: datetime | None


class LockoutRisk(Conflict):
    """A Save that may lock out who saves it; it goes through when it is confirmed."""

    def __init__(self, why: str) -> None:
        super().__init__(why, code="lockout_risk")


async def read_dashboard_access(tx: Tx) -> KeptAccessControl:
    """The present settings."""
    row = await tx.one(f"select {_COLUMNS} from workspaces.dashboard_access")
    assert row is not None, "every organisation has them from its beginning"
    return _kept(row)


async def save_dashboard_access(
    tx: Tx,
    runtime: Runtime,
    sealer: Sealer,
    actor: Actor,
    wanted: AccessControl,
    version: int,
    session: Session,
    *,
    confirmed: bool,
) -> KeptAccessControl:
    """Save; the saver's session stays, all others at the dashboard are judged again.

    Raises Stale, LockoutRisk unless `confirmed`, and Conflict `last_main_user` when nobody could enter any more.
    """
    row = await tx.one(f"select {_COLUMNS} from workspaces.dashboard_access for no key update")
    assert row is not None, "every organisation has them from its beginning"
    before = _kept(row)
    if before.version != version:
        raise Stale
    chosen = None if wanted.configuration is None else await read_configuration(tx, sealer, wanted.configuration)
    saver = Saver(
        session.method == "sso",
        session.configuration_id,
        session.groups,
        await _is_local(tx, session.user_id),
    )
    why = lockout_risk(wanted, chosen.configuration if chosen else None, saver)
    if why is not None and not confirmed:
        raise LockoutRisk(why)
    after = await tx.one(
        f"""update workspaces.dashboard_access set version = version + 1, sso = %(sso)s,
                configuration_id = %(configuration)s, group_ids = %(group_ids)s, recent_minutes = %(recent)s,
                saved_session = %(session)s, saved_user = %(user)s, changed = %(now)s
            returning {_COLUMNS}""",
        {
            "sso": wanted.sso,
            "configuration": wanted.configuration,
            "group_ids": list(wanted.group_ids),
            "recent": wanted.recent_minutes,
            "session": session.id,
            "user": session.user_id,
            "now": runtime.now(),
        },
    )
    assert after is not None, "a held row is there"
    await check_way_in(tx, without=None, break_glass=False)
    await judge_again(tx)
    changes = [
        (name, old, new)
        for (name, old), new in zip(_told(before.settings).items(), _told(wanted).values(), strict=True)
        if old != new
    ]
    details = {"lockout_risk": why} if why is not None else {}
    await record(tx, runtime, actor, Happening("access_control.updated", changes=changes, details=details))
    return _kept(after)


async def _is_local(tx: Tx, user_id: UUID | None) -> bool:
    found = await tx.one("select from workspaces.main_users where user_id = %s", (user_id,))
    return found is not None


def _told(settings: AccessControl) -> dict[str, Any]:
    return {
        "sso": settings.sso,
        "configuration": None if settings.configuration is None else str(settings.configuration),
        "group_ids": list(settings.group_ids),
        "recent_minutes": settings.recent_minutes,
    }


def _kept(row: dict[str, Any]) -> KeptAccessControl:
    settings = AccessControl(row["sso"], row["configuration_id"], tuple(row["group_ids"]), row["recent_minutes"])
    return KeptAccessControl(settings, row["version"], row["changed"])


_COLUMNS = "version, sso, configuration_id, group_ids, recent_minutes, changed"
