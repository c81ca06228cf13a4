"""One's own name changed, and sessions ended by anybody who may."""

from __future__ import annotations

from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime
from rollcall.scim.parser import parse_path
from rollcall.scim.patch import Operation
from rollcall.scim.schema import USER
from rollcall.workspaces.accounts_users import patch_user
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.numbers import by_hand
from rollcall.workspaces.sso.sessions import end_session, end_sessions_of_user, live_sessions


async def call_oneself(tx: Tx, runtime: Runtime, actor: Actor, user_id: UUID, name: str) -> None:
    """Change the name that others see. Raises Invalid, NotFound, and Conflict where SCIM keeps the name."""
    name = name.strip()
    if not 1 <= len(name) <= _LONGEST_NAME or "\x00" in name:
        raise Invalid(f"A name has 1 to {_LONGEST_NAME} characters.", code="too_long" if name else "required")
    row = await tx.one(
        """select u.display_name, u.synchronised and o.synchronization as managed
           from workspaces.users u cross join workspaces.organisations o where u.id = %s""",
        (user_id,),
    )
    if row is None:
        raise NotFound("There is no such user.", code="user_unknown")
    if row["managed"]:
        raise Conflict(
            "User synchronization keeps your name. Have it changed in your organisation's directory.",
            code="managed_by_synchronization",
        )
    if row["display_name"] == name:
        return
    await by_hand(tx)
    renaming = Operation("replace", parse_path("displayName"), name)
    await patch_user(tx, runtime, USER, str(user_id), [renaming], None, with_groups=False, actor=actor)


async def end_one_session(tx: Tx, runtime: Runtime, actor: Actor, user_id: UUID, session_id: UUID) -> None:
    """End one session of a user. Raises NotFound where they have no such session."""
    if session_id not in {each.id for each in await live_sessions(tx, user_id, runtime.now())}:
        raise NotFound("This session has ended already.", code="session_unknown")
    await end_session(tx, session_id)
    details = {"cause": "ended_by_hand"}
    await record(tx, runtime, actor, Happening("session.ended", "user", str(user_id), details=details))


async def log_out_everywhere(tx: Tx, runtime: Runtime, actor: Actor, user_id: UUID) -> int:
    """End every session of a user; how many there were."""
    ended = await end_sessions_of_user(tx, user_id)
    await record(
        tx, runtime, actor, Happening("session.revoked_all", "user", str(user_id), details={"sessions": ended})
    )
    return ended


_LONGEST_NAME = 100
