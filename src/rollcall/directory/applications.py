"""Service principals, their app roles, and the assignments that entitle users and groups to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.directory.changes import append
from rollcall.directory.model import DEFAULT_APP_ROLE, AppRole, Assignment, Kind, ServicePrincipal
from rollcall.errors import Conflict, Invalid, NotFound

_SELECT = """
    select id, app_id, display_name, account_enabled, app_role_assignment_required, app_roles, tags
    from directory.service_principals
"""


async def create_service_principal(
    tx: Tx,
    display_name: str,
    *,
    app_roles: Sequence[AppRole] = (),
    tags: Sequence[str] = (),
    app_id: UUID | None = None,
) -> UUID:
    """Add an application to the directory; its id. `app_id`: the client id of one that is registered elsewhere.

    Raises Invalid for an empty name, Conflict when the directory has the application already.
    """
    if not display_name.strip():
        raise Invalid("displayName of a service principal can't be empty; give a name.")
    created: UUID | None = await tx.value(
        """
        insert into directory.service_principals (display_name, app_roles, tags, app_id)
        values (%s, %s, %s, coalesce(%s, uuidv7())) on conflict (tenant_id, app_id) do nothing returning id
        """,
        (display_name, Jsonb([_role_to_json(role) for role in app_roles]), list(tags), app_id),
    )
    if created is None:
        raise Conflict(f"The directory has the application {app_id} already.")
    await append(tx, "service_principal", created, "create")
    return created


async def read_service_principal(
    tx: Tx, service_principal_id: UUID, *, lock: Literal["", "for share", "for update"] = ""
) -> ServicePrincipal:
    """An application by its id, locked until the transaction ends if so asked. Raises NotFound."""
    row = await tx.one(f"{_SELECT} where id = %s {lock}", (service_principal_id,))
    if row is None:
        raise _no_service_principal(service_principal_id)
    return _service_principal(row)


async def list_service_principals(tx: Tx) -> list[ServicePrincipal]:
    """Every application, oldest first."""
    return [_service_principal(row) for row in await tx.all(_SELECT + " order by id")]


async def update_service_principal(
    tx: Tx, service_principal_id: UUID, *, enabled: bool | None = None, assignment_required: bool | None = None
) -> ServicePrincipal:
    """Change whether people may sign in to an application, and whether they have to be assigned; None leaves it.

    Raises NotFound.
    """
    await tx.run(
        """
        update directory.service_principals set account_enabled = coalesce(%s, account_enabled),
            app_role_assignment_required = coalesce(%s, app_role_assignment_required)
        where id = %s
        """,
        (enabled, assignment_required, service_principal_id),
    )
    changed = await read_service_principal(tx, service_principal_id)
    await append(tx, "service_principal", service_principal_id, "update")
    return changed


async def delete_service_principal(tx: Tx, service_principal_id: UUID) -> None:
    """Remove an application with all its assignments. Raises NotFound."""
    await tx.all("select id from directory.service_principals where id = %s for update", (service_principal_id,))
    await tx.run("delete from directory.assignments where service_principal_id = %s", (service_principal_id,))
    if not await tx.run("delete from directory.service_principals where id = %s", (service_principal_id,)):
        raise _no_service_principal(service_principal_id)
    await append(tx, "service_principal", service_principal_id, "delete")


async def add_app_role(tx: Tx, service_principal_id: UUID, role: AppRole) -> None:
    """Add a role, as the last one, that users and groups can be assigned in.

    Raises NotFound, and Invalid for an empty name, a value that Graph does not take, or a name or value that is taken.
    """
    application = await read_service_principal(tx, service_principal_id, lock="for update")
    if faults := _role_faults(role, application.app_roles):
        raise Invalid(" ".join(faults), details=tuple(faults))
    await _write_roles(tx, service_principal_id, (*application.app_roles, role))


async def remove_app_role(tx: Tx, service_principal_id: UUID, role_id: UUID) -> None:
    """Remove a role that nobody is assigned in. Raises NotFound, and Conflict while somebody is."""
    application = await read_service_principal(tx, service_principal_id, lock="for update")
    left = tuple(role for role in application.app_roles if role.id != role_id)
    if len(left) == len(application.app_roles):
        raise NotFound(f"{application.display_name} has no app role {role_id}.")
    held = await tx.value(
        "select count(*) from directory.assignments where service_principal_id = %s and app_role_id = %s",
        (service_principal_id, role_id),
    )
    if held:
        raise Conflict(
            f"{held} assignments in this role are left; take them away first: "
            f"rollcall application unassign {application.display_name} USER_OR_GROUP --role {role_id}."
        )
    await _write_roles(tx, service_principal_id, left)


async def _write_roles(tx: Tx, service_principal_id: UUID, roles: Sequence[AppRole]) -> None:
    await tx.run(
        "update directory.service_principals set app_roles = %s where id = %s",
        (Jsonb([_role_to_json(role) for role in roles]), service_principal_id),
    )
    await append(tx, "service_principal", service_principal_id, "update")


def _role_faults(role: AppRole, others: Sequence[AppRole]) -> list[str]:
    faults = []
    if not role.display_name.strip():
        faults.append("displayName of an app role can't be empty; give a name.")
    if any(role.display_name.casefold() == other.display_name.casefold() for other in others):
        faults.append(f"There is an app role named {role.display_name!r} already; choose another displayName.")
    if role.value is None:
        return faults
    # What Graph takes as appRole.value.
    if not 0 < len(role.value) <= 120 or role.value.startswith(".") or any(each.isspace() for each in role.value):
        faults.append("value of an app role has 1 to 120 characters, no blank, and no dot at its beginning.")
    if any(role.value == other.value for other in others):
        faults.append(f"There is an app role with the value {role.value!r} already; choose another value.")
    return faults


async def assign(tx: Tx, service_principal_id: UUID, principal_id: UUID, app_role_id: UUID = DEFAULT_APP_ROLE) -> bool:
    """Entitle a user, or the direct members of a group, to an application; whether that is news.

    Raises NotFound for an unknown application or principal, Invalid for a role the application has not, or a group
    that is not security enabled.
    """
    # Locked, so that the role isn't removed before the assignment in it is there.
    application = await read_service_principal(tx, service_principal_id, lock="for share")
    if app_role_id != DEFAULT_APP_ROLE and all(role.id != app_role_id for role in application.app_roles):
        raise Invalid(f"{application.display_name} has no app role {app_role_id}; choose one of its roles.")
    kind = await _assignable(tx, principal_id)
    added = await tx.run(
        """
        insert into directory.assignments (service_principal_id, principal_id, principal_kind, app_role_id)
        values (%s, %s, %s, %s) on conflict do nothing
        """,
        (service_principal_id, principal_id, kind, app_role_id),
    )
    if added:
        await append(tx, "assignment", service_principal_id, "add", (principal_id, kind))
    return added > 0


async def unassign(tx: Tx, service_principal_id: UUID, principal_id: UUID, app_role_id: UUID | None = None) -> bool:
    """Take an assignment away, in every role when none is named; whether there was one."""
    kind = await tx.value(
        """
        delete from directory.assignments
        where service_principal_id = %s and principal_id = %s and (%s::uuid is null or app_role_id = %s)
        returning principal_kind
        """,
        (service_principal_id, principal_id, app_role_id, app_role_id),
    )
    if kind is not None:
        await append(tx, "assignment", service_principal_id, "remove", (principal_id, kind))
    return kind is not None


async def list_assignments(
    tx: Tx, service_principal_id: UUID, *, after: UUID | None = None, limit: int = 100
) -> list[Assignment]:
    """A page of an application's assignments by id, those after `after`."""
    rows = await tx.all(
        """
        select id, service_principal_id, principal_id, principal_kind, app_role_id, created
        from directory.assignments
        where service_principal_id = %s and id > %s order by id limit %s
        """,
        (service_principal_id, after or UUID(int=0), limit),
    )
    return [Assignment(**row) for row in rows]


async def _assignable(tx: Tx, principal_id: UUID) -> Kind:
    if await tx.value(
        "select true from directory.users where id = %s and deleted_at is null for key share", (principal_id,)
    ):
        return "User"
    group = await tx.one(
        "select display_name, attributes from directory.groups where id = %s and deleted_at is null for key share",
        (principal_id,),
    )
    if group is None:
        raise NotFound(f"There is no user or group {principal_id}.")
    # Only security groups can be assigned to an application.
    if group["attributes"].get("securityEnabled") is False:
        raise Invalid(f"{group['display_name']} is not a security group; set securityEnabled or choose another group.")
    return "Group"


def _role_to_json(role: AppRole) -> dict[str, Any]:
    return {
        "id": str(role.id),
        "displayName": role.display_name,
        "value": role.value,
        "description": role.description,
        "isEnabled": role.is_enabled,
        "allowedMemberTypes": list(role.allowed_member_types),
    }


def _service_principal(row: dict[str, Any]) -> ServicePrincipal:
    roles = tuple(
        AppRole(
            UUID(role["id"]), role["displayName"], role["value"], role["description"], role["isEnabled"],
            tuple(role["allowedMemberTypes"]),
        )
        for role in row["app_roles"]
    )  # fmt: skip
    return ServicePrincipal(**(row | {"app_roles": roles, "tags": tuple(row["tags"])}))


def _no_service_principal(service_principal_id: UUID) -> NotFound:
    return NotFound(f"There is no service principal {service_principal_id}.")
