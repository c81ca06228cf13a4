"""Members added, invited, given roles and taken out by admins of a workspace and by main users."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.mail_address import check_mail_address
from rollcall.runtime import Runtime
from rollcall.workspaces.access_model import Role
from rollcall.workspaces.audit import Actor, Happening, record
from rollcall.workspaces.finding import find_exactly
from rollcall.workspaces.memberships import add_member, member, remove_member, set_roles
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.people import AccountOrigin, create_person
from rollcall.workspaces.sso.sessions import judge_again


@dataclass(frozen=True, slots=True)
class Invited:
    """Who was added or invited. `made`: there was no account before. `address` is where a mail can go, if anywhere."""

    user_id: UUID
    name: str
    address: str | None
    made: bool


async def invite_person(tx: Tx, runtime: Runtime, actor: Actor, *, address: str, display_name: str = "") -> Invited:
    """Make an account for somebody whom SCIM does not bring; an earlier deletion of them is forgotten.

    Raises Invalid `address_invalid`, Conflict `user_name_taken` or `only_synchronised`.
    """
    try:
        address = check_mail_address(address)
    except ValueError as fault:
        raise Invalid(f"The address {fault}.", code="address_invalid") from None
    if await tx.value("select only_synchronised from workspaces.organisations"):
        raise Conflict(
            "This organisation has only synchronised users. Add the person in the directory.", code="only_synchronised"
        )
    display_name = display_name.strip()[:_LONGEST_NAME]
    user_id = await create_person(
        tx,
        runtime,
        user_name=address,
        address=address,
        display_name=display_name or None,
        origin=AccountOrigin.INVITATION,
    )
    details = {"origin": str(AccountOrigin.INVITATION)}
    await record(tx, runtime, actor, Happening("user.created", "user", str(user_id), details=details))
    return Invited(user_id, display_name or address, address, made=True)


async def add_or_invite(
    tx: Tx, runtime: Runtime, actor: Actor, workspace_id: UUID, *, who: str, roles: Set[Role], display_name: str = ""
) -> Invited:
    """Make somebody a member by user name or address; for an address that nobody here has, with a new account (row O7).

    Raises Invalid `required`, `address_invalid`, `roles_invalid`; NotFound; Conflict `already_member`, `ambiguous`,
    `only_synchronised`.
    """
    if not who:
        raise Invalid("Give the address or the user name of the person.", code="required")
    found = await find_exactly(tx, who)
    if found is None and "@" not in who:
        raise NotFound(f"Nobody here has the user name {who!r}. Give an address to invite somebody.", code="user_unknown")
    if found is None:
        invited = await invite_person(tx, runtime, actor, address=who, display_name=display_name)
    else:
        invited = Invited(found.user_id, found.name, found.address, made=False)
    present = await member(tx, workspace_id, invited.user_id)
    if present is not None and Origin.MANUAL in present.own:
        raise Conflict(f"{invited.name} is a member already.", code="already_member")
    await add_member(tx, runtime, workspace_id, invited.user_id, Origin.MANUAL, roles)
    kept = roles if present is None else present.roles  # a member by a group has roles already, and keeps them
    details = {"workspace": str(workspace_id), "origin": str(Origin.MANUAL), "roles": sorted(kept)}
    await record(tx, runtime, actor, Happening("membership.added", "user", str(invited.user_id), details=details))
    return invited


async def change_roles(
    tx: Tx, runtime: Runtime, actor: Actor, workspace_id: UUID, user_id: UUID, roles: Set[Role]
) -> bool:
    """Give a member these roles (row O5); whether anything changed. Raises NotFound, Invalid, Conflict `last_admin`."""
    before = await member(tx, workspace_id, user_id)
    await set_roles(tx, runtime, workspace_id, user_id, roles)
    assert before is not None, "who is no member has no roles to set"
    if before.roles == roles:
        return False
    changes = (("roles", sorted(before.roles), sorted(roles)),)
    details = {"workspace": str(workspace_id), "origins": list(before.origins)}
    await record(tx, runtime, actor, Happening("membership.role_changed", "user", str(user_id), changes=changes, details=details))  # fmt: skip
    await judge_again(tx)
    return True


async def take_out(tx: Tx, runtime: Runtime, actor: Actor, workspace_id: UUID, user_id: UUID) -> None:
    """End a membership; pages that are open in the workspace close.

    Raises NotFound, Conflict `managed_by_synchronization` (row O6) or `last_admin`.
    """
    before = await member(tx, workspace_id, user_id)
    await remove_member(tx, runtime, workspace_id, user_id)
    assert before is not None, "who is no member is not removed"
    details = {"workspace": str(workspace_id), "origins": list(before.origins), "roles": sorted(before.roles)}
    await record(tx, runtime, actor, Happening("membership.removed", "user", str(user_id), details=details))
    await judge_again(tx)


_LONGEST_NAME = 100
