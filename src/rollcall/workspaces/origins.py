"""Why somebody is a member of a workspace, and what may be done about it by hand."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from rollcall.errors import Conflict, Invalid
from rollcall.workspaces.access_model import Role

MEMBER_ROLES = frozenset({Role.PARTICIPANT, Role.ADMIN})


class Origin(StrEnum):
    """What made somebody a member, but for SCIM, whose origins are groups."""

    MANUAL = "manual"
    REGISTRATION = "registration"
    SSO = "sso"


@dataclass(frozen=True, slots=True)
class Member:
    """A member as shown: `own` origins and the bound `groups` that SCIM has them in; asleep while suspended."""

    user_id: UUID
    user_name: str
    display_name: str | None
    roles: frozenset[Role]
    own: frozenset[Origin]
    groups: tuple[UUID, ...]
    awake: bool

    @property
    def origins(self) -> tuple[str, ...]:
        """Every origin as a word: `manual`, `registration`, `sso`, `scim:<group id>`."""
        return (*sorted(self.own), *(f"scim:{group}" for group in self.groups))


def check_roles(roles: Set[Role]) -> frozenset[Role]:
    """`roles` if a member can have them: participant, admin, or both. Raises Invalid."""
    if not roles or not roles <= MEMBER_ROLES:
        raise Invalid("A member is a participant, an admin, or both.", code="roles_invalid")
    return frozenset(roles)


def check_removable(member: Member, *, synchronization: bool) -> None:
    """Raises Conflict for a member whom SCIM would bring back at once (row O6)."""
    if member.groups and synchronization:
        raise Conflict(
            "User synchronization makes this person a member. Take them out of the group in the directory.",
            code="managed_by_synchronization",
        )


def check_admin_stays(member: Member, after: Set[Role], *, other_admins: bool) -> None:
    """Raises Conflict when the last admin of a workspace would be one no longer."""
    if Role.ADMIN in member.roles and Role.ADMIN not in after and not other_admins:
        raise Conflict("This is the last admin of the workspace. Make somebody else an admin first.", code="last_admin")
