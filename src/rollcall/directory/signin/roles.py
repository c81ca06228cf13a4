"""Roles of administrators in a tenant, and owners of registered applications (a store)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from rollcall.db import Tx
from rollcall.errors import Conflict, Invalid, NotFound

GLOBAL_ADMINISTRATOR = "Global Administrator"
APPLICATION_OWNER = "Application Owner"
ROLES = (
    GLOBAL_ADMINISTRATOR,
    "Application Administrator",
    "Cloud Application Administrator",
    "User Administrator",
)
"""Entra's names. Application Owner is the fifth: over one application, by owning its registration."""


@dataclass(frozen=True, slots=True)
class Holding:
    """That a user has a role; `app_id` and `application` are those an Application Owner owns, else None."""

    role: str
    user_id: UUID
    user_principal_name: str
    display_name: str
    app_id: UUID | None = None
    application: str | None = None


def role_named(written: str) -> str:
    """The role of this name, however it is capitalised. Raises Invalid naming those there are."""
    for role in (*ROLES, APPLICATION_OWNER):
        if role.casefold() == written.strip().casefold():
            return role
    raise Invalid(f"There is no role {written!r}. Roles: {', '.join((*ROLES, APPLICATION_OWNER))}.")


def may_add_applications(held: Collection[str]) -> bool:
    """Whether these roles let somebody add applications to the directory, and let its people in to them."""
    return not {GLOBAL_ADMINISTRATOR, "Application Administrator", "Cloud Application Administrator"}.isdisjoint(held)


async def give_role(tx: Tx, user_id: UUID, role: str, now: datetime) -> bool:
    """Give a user a role; whether they did not have it. Raises NotFound for a user who is not there."""
    if not await tx.value("select true from directory.users where id = %s and deleted_at is null", [user_id]):
        raise NotFound(f"There is no user {user_id}.")
    return bool(
        await tx.run(
            "insert into directory.role_members (user_id, role, created) values (%s, %s, %s) on conflict do nothing",
            [user_id, role, now],
        )
    )


async def take_role(tx: Tx, user_id: UUID, role: str) -> bool:
    """Take a role from a user; whether they had it. Raises Conflict for the last one who is Global Administrator."""
    await tx.run("select from directory.role_members where role = %s for update", [role])
    if role == GLOBAL_ADMINISTRATOR and await tx.value(
        "select array_agg(user_id) = array[%s::uuid] from directory.role_members where role = %s", [user_id, role]
    ):
        raise Conflict("This is the last Global Administrator. Make somebody else one first.")
    return bool(await tx.run("delete from directory.role_members where user_id = %s and role = %s", [user_id, role]))


async def roles_of(tx: Tx, user_id: UUID) -> list[str]:
    """The roles of a user, by name."""
    rows = await tx.all("select role from directory.role_members where user_id = %s order by role", [user_id])
    return [row["role"] for row in rows]


async def list_roles(tx: Tx) -> list[Holding]:
    """Who has which role, and who owns which application, by role, application and name."""
    rows = await tx.all(
        """
        select held.role, held.app_id, held.application, u.id as user_id, u.user_principal_name, u.display_name
        from (
            select role, null::uuid as app_id, null as application, user_id from directory.role_members
            union all
            select %s, o.app_id, r.display_name, o.user_id from directory.registration_owners o
            join directory.registrations r on r.app_id = o.app_id) as held
        join directory.users u on u.id = held.user_id and u.deleted_at is null
        order by held.role, held.application, u.user_principal_name
        """,
        [APPLICATION_OWNER],
    )
    return [Holding(**row) for row in rows]


async def has_administrator(tx: Tx) -> bool:
    """Whether the tenant has a Global Administrator who can sign in."""
    return bool(
        await tx.value(
            """
            select exists (
                select from directory.role_members m
                join directory.users u on u.id = m.user_id and u.deleted_at is null and u.account_enabled
                join directory.credentials c on c.user_id = m.user_id and c.password_hash is not null
                where m.role = %s)
            """,
            [GLOBAL_ADMINISTRATOR],
        )
    )


async def add_owner(tx: Tx, app_id: UUID, user_id: UUID) -> bool:
    """Make a user Application Owner of an application registered here; whether they were not."""
    return bool(
        await tx.run(
            "insert into directory.registration_owners (app_id, user_id) values (%s, %s) on conflict do nothing",
            [app_id, user_id],
        )
    )


async def remove_owner(tx: Tx, app_id: UUID, user_id: UUID) -> bool:
    """Take an application from one of its owners; whether they were one."""
    return bool(
        await tx.run("delete from directory.registration_owners where app_id = %s and user_id = %s", [app_id, user_id])
    )


async def owned_by(tx: Tx, user_id: UUID) -> list[UUID]:
    """The client ids of the applications that a user owns."""
    rows = await tx.all(
        "select app_id from directory.registration_owners where user_id = %s order by app_id", [user_id]
    )
    return [row["app_id"] for row in rows]
