"""What tokens need to know of a person, read fresh for each of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.model import DEFAULT_APP_ROLE
from rollcall.directory.nesting import ABOVE
from rollcall.directory.signin.claims import MOST_GROUPS
from rollcall.directory.signin.model import GroupMembershipClaims, Person


@dataclass(frozen=True, slots=True)
class Instance:
    """An application as one tenant knows it: whether people may sign in to it, and whether they have to be assigned."""

    id: UUID
    enabled: bool
    assignment_required: bool


async def find_instance(tx: Tx, app_id: UUID) -> Instance | None:
    """The tenant's service principal of an application; None where it has none."""
    row = await tx.one(
        """
        select id, account_enabled as enabled, app_role_assignment_required as assignment_required
        from directory.service_principals where app_id = %s
        """,
        [app_id],
    )
    return None if row is None else Instance(**row)


async def read_person(tx: Tx, user_id: UUID, instance: Instance, groups: GroupMembershipClaims) -> Person | None:
    """A person as an application's tokens show them; None when there is none any more."""
    row = await tx.one(
        """
        select id, tenant_id, user_principal_name, display_name, account_enabled, attributes from directory.users
        where id = %s and deleted_at is null
        """,
        [user_id],
    )
    if row is None:
        return None
    roles = await tx.all(_ROLES, {"user": user_id, "instance": instance.id})
    found = await _groups_of(tx, user_id, instance, groups)
    named = {"userPrincipalName": row["user_principal_name"], "displayName": row["display_name"]}
    return Person(
        row["id"],
        row["tenant_id"],
        row["attributes"] | named,
        row["account_enabled"],
        None if found is None else found[:MOST_GROUPS],
        found is not None and len(found) > MOST_GROUPS,
        tuple(sorted({each["value"] for each in roles if each["value"]})),
        bool(roles),
    )


# Direct members only, as everywhere with assignments.
_ROLES = """
    select assigned.app_role_id, role ->> 'value' as value
    from directory.assignments assigned
    left join directory.service_principals application on application.id = assigned.service_principal_id
    left join lateral jsonb_array_elements(application.app_roles) as role
        on (role ->> 'id')::uuid = assigned.app_role_id and (role ->> 'isEnabled')::boolean
    where assigned.service_principal_id = %(instance)s and assigned.principal_id in (
        select %(user)s::uuid
        union all
        select membership.group_id from directory.memberships membership
        join directory.groups held on held.id = membership.group_id and held.deleted_at is null
        where membership.member_id = %(user)s)
"""
assert DEFAULT_APP_ROLE.int == 0, "an assignment without a role has no value, and entitles all the same"

_DIRECT = """
    select held.id from directory.memberships membership
    join directory.groups held on held.id = membership.group_id and held.deleted_at is null
    where membership.member_id = %(user)s
"""
_ASSIGNED = f"""
    select id from ({_DIRECT}) as direct where exists (
        select from directory.assignments assigned
        where assigned.service_principal_id = %(instance)s and assigned.principal_id = direct.id)
    order by id limit %(limit)s
"""


async def _groups_of(tx: Tx, user_id: UUID, instance: Instance, which: GroupMembershipClaims) -> list[UUID] | None:
    """The ids of groups that a token tells, one more than fit at most: security groups, those around them too, or those
    assigned to the application of which the person is a direct member (check GRP-14)."""
    if which == "None":
        return None
    params: dict[str, Any] = {"user": user_id, "instance": instance.id, "limit": MOST_GROUPS + 1}
    if which == "ApplicationGroup":
        return [row["id"] for row in await tx.all(_ASSIGNED, params)]
    direct = [row["id"] for row in await tx.all(_DIRECT, params)]
    above = await tx.all(ABOVE, {"groups": direct})
    ids = sorted({row["id"] for row in above if not row["deleted"]})
    security = await tx.all(
        """
        select id from directory.groups where id = any(%s)
            and coalesce((attributes ->> 'securityEnabled')::boolean, true) order by id limit %s
        """,
        [ids, MOST_GROUPS + 1],
    )
    return [row["id"] for row in security]
