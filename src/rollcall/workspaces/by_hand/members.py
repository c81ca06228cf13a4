"""People invited, and members added by name or address, by admins of a workspace and by main users."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.mail_address import check_mail_address
from rollcall.runtime import Runtime
from rollcall.workspaces.access_model import Role
from rollcall.workspaces.audit import Actor
from rollcall.workspaces.finding import find_exactly
from rollcall.workspaces.memberships import add_member, member
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.people import AccountOrigin, create_person


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
        actor=actor,
    )
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
        raise NotFound(
            f"Nobody here has the user name {who!r}. Give an address to invite somebody.", code="user_unknown"
        )
    if found is None:
        invited = await invite_person(tx, runtime, actor, address=who, display_name=display_name)
    else:
        invited = Invited(found.user_id, found.name, found.address, made=False)
    present = await member(tx, workspace_id, invited.user_id)
    if present is not None and Origin.MANUAL in present.own:
        raise Conflict(f"{invited.name} is a member already.", code="already_member")
    await add_member(tx, runtime, workspace_id, invited.user_id, Origin.MANUAL, roles, actor=actor)
    return invited


_LONGEST_NAME = 100
