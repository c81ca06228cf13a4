"""The present state of users and groups, and their entitlement to one application, set by set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from rollcall.db import Tx
from rollcall.directory.model import DEFAULT_APP_ROLE, FeedEntry, FeedTie, Kind, NestedGroups, ServicePrincipal
from rollcall.directory.nesting import read_ancestry

USER_SELECT = """
    select id, user_principal_name, display_name, account_enabled, manager_id, attributes, deleted_at
    from directory.users
"""
GROUP_SELECT = "select id, display_name, attributes, deleted_at from directory.groups"

# Users by themselves or as direct members of an assigned group; nested groups don't count (rule S2).
USER_ENTITLEMENT = """
    select principal_id as id, null as group_name, app_role_id from directory.assignments
    where service_principal_id = %(application)s and principal_id = any(%(ids)s)
    union all
    select member.member_id, holder.display_name, assignment.app_role_id
    from directory.memberships as member
    join directory.assignments as assignment
      on assignment.principal_id = member.group_id and assignment.service_principal_id = %(application)s
    join directory.groups as holder on holder.id = member.group_id and holder.deleted_at is null
    where member.member_id = any(%(ids)s)
"""
GROUP_ENTITLEMENT = """
    select principal_id as id, null as group_name, app_role_id from directory.assignments
    where service_principal_id = %(application)s and principal_id = any(%(ids)s)
"""
TIES = """
    select member.group_id, member.member_id, member.member_kind
    from unnest(%(groups)s::uuid[], %(members)s::uuid[]) as wanted (group_id, member_id)
    join directory.memberships as member
      on member.group_id = wanted.group_id and member.member_id = wanted.member_id
"""


@dataclass(slots=True)
class _Entitlement:
    by: list[str] = field(default_factory=list)
    roles: list[UUID] = field(default_factory=list)


async def entries(
    tx: Tx, application: ServicePrincipal, users: Iterable[UUID], groups: Iterable[UUID], nested: NestedGroups
) -> list[FeedEntry]:
    """An entry for each of these users and groups, in this order; "gone" for whom there is no row."""
    user_ids, group_ids = list(users), list(groups)
    user_rows = await tx.all(USER_SELECT + " where id = any(%s)", (user_ids,)) if user_ids else []
    group_rows = await tx.all(GROUP_SELECT + " where id = any(%s)", (group_ids,)) if group_ids else []
    found = {
        (entry.kind, entry.id): entry
        for entry in (
            *await user_entries(tx, application, user_rows, nested),
            *await group_entries(tx, application, group_rows, nested),
        )
    }
    wanted: list[tuple[Kind, str]] = [("User", str(each)) for each in user_ids]
    wanted += [("Group", str(each)) for each in group_ids]
    return [found.get(ref) or FeedEntry(ref[0], ref[1], "gone") for ref in wanted]


async def user_entries(
    tx: Tx, application: ServicePrincipal, rows: Sequence[dict[str, Any]], nested: NestedGroups
) -> list[FeedEntry]:
    """The entries of rows that USER_SELECT gave."""
    if nested == "direct":
        entitled = await _entitlement(tx, application, USER_ENTITLEMENT, rows)
    else:
        entitled = await _nested_entitlement(tx, application, rows)
    return [_entry("User", row, _user_attributes(row), application, entitled) for row in rows]


async def group_entries(
    tx: Tx, application: ServicePrincipal, rows: Sequence[dict[str, Any]], nested: NestedGroups
) -> list[FeedEntry]:
    """The entries of rows that GROUP_SELECT gave."""
    if nested == "mirror":
        entitled = await _nested_entitlement(tx, application, rows)
    else:
        entitled = await _entitlement(tx, application, GROUP_ENTITLEMENT, rows)
    return [_entry("Group", row, _group_attributes(row), application, entitled) for row in rows]


async def flattened_ties(tx: Tx, wanted: Sequence[tuple[UUID, UUID]]) -> list[FeedTie]:
    """For each group and person: whether the group holds the person now, directly or through groups inside it."""
    ancestry = await read_ancestry(tx, {member for _, member in wanted})
    held = {member: ancestry.chains_of(member).keys() for member in {member for _, member in wanted}}
    return [FeedTie(str(group), str(member), group in held[member], "User") for group, member in wanted]


async def ties(tx: Tx, wanted: Sequence[tuple[UUID, UUID, Kind]]) -> list[FeedTie]:
    """For each group, member and kind of member: whether the membership exists now."""
    if not wanted:
        return []
    rows = await tx.all(TIES, {"groups": [each[0] for each in wanted], "members": [each[1] for each in wanted]})
    existing = {(row["group_id"], row["member_id"]) for row in rows}
    return [FeedTie(str(group), str(member), (group, member) in existing, kind) for group, member, kind in wanted]


async def _entitlement(
    tx: Tx, application: ServicePrincipal, query: str, rows: Sequence[dict[str, Any]]
) -> dict[UUID, _Entitlement]:
    entitled: dict[UUID, _Entitlement] = defaultdict(_Entitlement)
    if not rows:
        return entitled
    for row in await tx.all(query, {"application": application.id, "ids": [row["id"] for row in rows]}):
        entitlement = entitled[row["id"]]
        by = "directly" if row["group_name"] is None else f"group {row['group_name']}"
        if by not in entitlement.by:
            entitlement.by.append(by)
        if row["app_role_id"] not in entitlement.roles:
            entitlement.roles.append(row["app_role_id"])
    return entitled


async def _nested_entitlement(
    tx: Tx, application: ServicePrincipal, rows: Sequence[dict[str, Any]]
) -> dict[UUID, _Entitlement]:
    """Entitled by themselves, or inside an assigned group at any depth."""
    entitled = await _entitlement(tx, application, GROUP_ENTITLEMENT, rows)
    ancestry = await read_ancestry(tx, [row["id"] for row in rows])
    roles = await _assigned_roles(tx, application, ancestry.groups)
    for member in ancestry.holders:
        for top, chain in ancestry.chains_of(member).items():
            # A group that is inside itself, round a circle, is not assigned because of that.
            if top in roles and top != member and not ancestry.groups[top].deleted:
                entitlement = entitled[member]
                entitlement.by.append(ancestry.describe(chain))
                entitlement.roles += [role for role in roles[top] if role not in entitlement.roles]
    return entitled


async def _assigned_roles(tx: Tx, application: ServicePrincipal, groups: Iterable[UUID]) -> dict[UUID, list[UUID]]:
    """In which roles these groups are assigned, those that are."""
    roles: dict[UUID, list[UUID]] = defaultdict(list)
    ids = list(groups)
    for row in await tx.all(GROUP_ENTITLEMENT, {"application": application.id, "ids": ids}) if ids else ():
        roles[row["id"]].append(row["app_role_id"])
    return roles


def _entry(
    kind: Kind,
    row: dict[str, Any],
    attributes: dict[str, Any],
    application: ServicePrincipal,
    entitled: dict[UUID, _Entitlement],
) -> FeedEntry:
    if row["deleted_at"] is not None:
        attributes["deletedDateTime"] = row["deleted_at"].isoformat()
    entitlement = entitled.get(row["id"]) or _Entitlement()
    return FeedEntry(
        kind,
        str(row["id"]),
        "present" if row["deleted_at"] is None else "deleted",
        attributes,
        bool(entitlement.by),
        # "directly" sorts before "group …", groups by name: the same people always read the same.
        tuple(sorted(set(entitlement.by))),
        _roles(application, entitlement.roles),
    )


def _roles(application: ServicePrincipal, ids: list[UUID]) -> tuple[dict[str, Any], ...]:
    """The roles in the order in which the application lists them, the default access role first."""
    default = [{"id": str(DEFAULT_APP_ROLE), "displayName": "Default Access", "value": None}]
    return tuple(
        [role for role in default if DEFAULT_APP_ROLE in ids]
        + [
            {"id": str(role.id), "displayName": role.display_name, "value": role.value}
            for role in application.app_roles
            if role.id in ids and role.id != DEFAULT_APP_ROLE
        ]
    )


def _user_attributes(row: dict[str, Any]) -> dict[str, Any]:
    attributes = {
        **row["attributes"],
        "id": str(row["id"]),
        "userPrincipalName": row["user_principal_name"],
        "displayName": row["display_name"],
        "accountEnabled": row["account_enabled"],
    }
    if row["manager_id"] is not None:
        attributes["manager"] = str(row["manager_id"])
    return attributes


def _group_attributes(row: dict[str, Any]) -> dict[str, Any]:
    return {**row["attributes"], "id": str(row["id"]), "displayName": row["display_name"]}
