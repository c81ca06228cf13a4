"""Accounts as main users see them: made by hand, suspended and resumed here, deleted, restored within 30 days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict, NotFound
from rollcall.mail_address import check_mail_address
from rollcall.runtime import Runtime
from rollcall.scim.attribute import Resource
from rollcall.scim.datatypes import fold
from rollcall.scim.error import ScimError
from rollcall.scim.operation import Operation
from rollcall.scim.resource import check
from rollcall.scim.schema import ENTERPRISE_USER_URN, USER, USER_URN
from rollcall.workspaces.access_model import Standing
from rollcall.workspaces.accounts_users import delete_user, insert_user, is_buried, patch_user
from rollcall.workspaces.audit import SYSTEM, Actor, Happening, record
from rollcall.workspaces.main_users import check_way_in
from rollcall.workspaces.model import TOMBSTONE_DAYS
from rollcall.workspaces.numbers import by_hand
from rollcall.workspaces.representation import without_manager
from rollcall.workspaces.scim_events import user_made
from rollcall.workspaces.sso.sessions import end_sessions_of_user


class AccountOrigin(StrEnum):
    """What made an account, if it was not SCIM."""

    INVITATION = "invitation"
    REGISTRATION = "registration"
    SSO = "sso"


@dataclass(frozen=True, slots=True)
class DeletedPerson:
    """An account that can still be restored; `managed`: SCIM has to bring it back."""

    user_id: UUID
    user_name: str
    display_name: str | None
    deleted: datetime
    managed: bool


async def create_person(
    tx: Tx,
    runtime: Runtime,
    *,
    user_name: str,
    address: str | None = None,
    display_name: str | None = None,
    origin: AccountOrigin,
    actor: Actor = SYSTEM,
) -> UUID:
    """Make an account that SCIM does not manage. An invitation clears a tombstone; nothing else made here does.

    Raises Conflict `user_name_taken`, and `user_deleted` where the same person was deleted within 30 days; ValueError for
    an impossible address.
    """
    if origin is not AccountOrigin.INVITATION and await is_buried(tx, fold(user_name), None):
        raise Conflict("This person was deleted. A main user can restore or invite them.", code="user_deleted")
    resource: Resource = {"schemas": [USER_URN], "userName": user_name, "active": True}
    if display_name:
        resource["displayName"] = display_name
    if address is not None:
        resource["emails"] = [{"value": check_mail_address(address), "type": "work", "primary": True}]
    await by_hand(tx)
    made = await _created(tx, runtime, check(resource, USER, "create"))
    await tx.run("update workspaces.users set origin = %s, synchronised = false where id = %s", (origin, made))
    await record(tx, runtime, actor, user_made(made, resource, origin.value))
    return made


async def people_by_address(tx: Tx, address: str) -> list[UUID]:
    """Whose user name this is, else everybody whose first e-mail address it is; of several, two are told."""
    folded = fold(address)
    found = await tx.all("select id from workspaces.users where user_name_folded = %s", (folded,))
    if not found:
        found = await tx.all(
            "select id from workspaces.users where address_key = left(%s, 200) order by id limit 2", (folded,)
        )
    return [row["id"] for row in found]


async def refresh_name(tx: Tx, runtime: Runtime, user_id: UUID, name: str | None) -> None:
    """Call a person what their provider calls them; a name that SCIM brought stays, and no address ever changes so."""
    if name is None:
        return
    managed = await tx.value(
        """select u.synchronised and o.synchronization or u.display_name = %s
           from workspaces.users u cross join workspaces.organisations o where u.id = %s""",
        (name, user_id),
    )
    if managed is False or managed is None:
        change = Operation("replace", value={"displayName": name})
        await patch_user(tx, runtime, USER, str(user_id), [change], None, with_groups=False)


async def suspend(tx: Tx, runtime: Runtime, user_id: UUID, *, break_glass: bool, actor: Actor = SYSTEM) -> None:
    """Suspend an account here, whatever SCIM says; its sessions end, memberships and roles sleep (row O13).

    Raises NotFound, Conflict `last_main_user`.
    """
    await _check_not_last(tx, user_id, break_glass=break_glass)
    if not await tx.run(
        "update workspaces.users set suspended = coalesce(suspended, %s) where id = %s", (runtime.now(), user_id)
    ):
        raise _unknown()
    ended = await end_sessions_of_user(tx, user_id)
    details = {"by": "main user", "sessions_ended": ended}
    await record(tx, runtime, actor, Happening("user.suspended", "user", str(user_id), details=details))


async def resume(tx: Tx, runtime: Runtime, user_id: UUID, *, actor: Actor = SYSTEM) -> None:
    """End a suspension made here; who is inactive by SCIM stays so. Raises NotFound."""
    if not await tx.run("update workspaces.users set suspended = null where id = %s", (user_id,)):
        raise _unknown()
    await record(tx, runtime, actor, Happening("user.resumed", "user", str(user_id), details={"by": "main user"}))


async def delete_person(tx: Tx, runtime: Runtime, user_id: UUID, *, break_glass: bool, actor: Actor = SYSTEM) -> None:
    """Delete an account with all its memberships, as SCIM does.

    Raises NotFound, Conflict `managed_by_synchronization` or `last_main_user`.
    """
    row = await tx.one(
        """select u.synchronised and o.synchronization as managed
           from workspaces.users u cross join workspaces.organisations o where u.id = %s""",
        (user_id,),
    )
    if row is None:
        raise _unknown()
    if row["managed"]:
        raise Conflict(
            "User synchronization manages this account. Remove it in the directory, or suspend it here.",
            code="managed_by_synchronization",
        )
    await _check_not_last(tx, user_id, break_glass=break_glass)
    await by_hand(tx)
    await delete_user(tx, runtime, USER, str(user_id), None, actor=actor)


async def restore(tx: Tx, runtime: Runtime, user_id: UUID, *, actor: Actor = SYSTEM) -> None:
    """Bring a deleted account back under its id; its memberships don't come back.

    Raises NotFound after 30 days, Conflict `managed_by_synchronization` or `user_name_taken`.
    """
    row = await tx.one(
        """select d.*, d.synchronised and o.synchronization as managed
           from workspaces.deleted_users d cross join workspaces.organisations o
           where d.id = %s and d.deleted > %s for update of d""",
        (user_id, runtime.now() - timedelta(days=TOMBSTONE_DAYS)),
    )
    if row is None:
        raise NotFound("There is no deleted account with this id, or it was erased.", code="user_unknown")
    if row["managed"]:
        raise Conflict(
            "User synchronization manages this account. Bring it back in the directory.",
            code="managed_by_synchronization",
        )
    stored = row["resource"]  # the manager may be gone meanwhile
    stored = without_manager(stored, USER) if ENTERPRISE_USER_URN in stored else stored
    await by_hand(tx)
    made = await _created(tx, runtime, stored)
    await tx.run(
        """update workspaces.users set id = %s, origin = %s, synchronised = %s, created = %s, version = %s where id = %s""",
        (user_id, row["origin"], row["synchronised"], row["created"], row["version"] + 1, made),
    )
    await tx.run("delete from workspaces.deleted_users where id = %s", (user_id,))
    await record(tx, runtime, actor, Happening("user.restored", "user", str(user_id)))


async def deleted_people(tx: Tx, runtime: Runtime, *, limit: int = 500) -> list[DeletedPerson]:
    """Accounts that can still be restored, last deleted first."""
    rows = await tx.all(
        """select d.id as user_id, d.resource ->> 'userName' as user_name, d.display_name, d.deleted,
                  d.synchronised and o.synchronization as managed
           from workspaces.deleted_users d cross join workspaces.organisations o
           where d.deleted > %s order by d.deleted desc, d.id limit %s""",
        (runtime.now() - timedelta(days=TOMBSTONE_DAYS), limit),
    )
    return [DeletedPerson(**row) for row in rows]


async def standing(tx: Tx, user_id: UUID) -> Standing:
    """What an account is in."""
    row = await tx.one(
        "select active is not false and suspended is null as awake from workspaces.users where id = %s", (user_id,)
    )
    if row is not None:
        return Standing.ACTIVE if row["awake"] else Standing.SUSPENDED
    deleted = await tx.one("select from workspaces.deleted_users where id = %s", (user_id,))
    return Standing.ABSENT if deleted is None else Standing.DELETED


async def _check_not_last(tx: Tx, user_id: UUID, *, break_glass: bool) -> None:
    if await tx.one("select from workspaces.main_users where user_id = %s", (user_id,)) is not None:
        await check_way_in(tx, without=user_id, break_glass=break_glass)


async def _created(tx: Tx, runtime: Runtime, resource: Resource) -> UUID:
    try:
        _, made = await insert_user(tx, runtime, USER, resource)
    except ScimError as refused:
        if refused.scim_type == "uniqueness":
            raise Conflict("Another account has this user name.", code="user_name_taken") from None
        raise
    return made


def _unknown() -> NotFound:
    return NotFound("There is no such user.", code="user_unknown")
