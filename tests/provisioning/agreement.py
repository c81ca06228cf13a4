"""What the target should hold, worked out from the directory's own lists, without the engine and without the feed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from rollcall import directory
from rollcall.directory import User
from tests.provisioning.world import World

_ALL = 100_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """People who should be able to sign in, by userName, and groups with the userNames of their members."""

    people: dict[str, User]
    groups: dict[str, set[str]]
    managers: dict[str, str]


async def wanted(world: World, scope: str = "assigned") -> Wanted:
    """People and groups that are entitled now."""
    assigned = {
        each.principal_id for each in await world.db.read(directory.list_assignments, world.application, limit=_ALL)
    }
    users = {user.id: user for user in await world.db.read(directory.list_users, limit=_ALL)}
    groups = {group.id: group for group in await world.db.read(directory.list_groups, limit=_ALL)}
    members: dict[UUID, list[UUID]] = {
        group: [member.id for member in await world.db.read(directory.list_members, group, limit=_ALL)]
        for group in groups
    }
    entitled = set(users)
    if scope == "assigned":
        through_groups = {member for group in groups if group in assigned for member in members[group]}
        entitled = {user for user in users if user in assigned or user in through_groups}
        groups = {group: groups[group] for group in groups if group in assigned}
    active = {user for user in entitled if users[user].attributes.get("accountEnabled", True)}
    name = {user: users[user].attributes["userPrincipalName"] for user in users}
    name |= {group: groups[group].attributes["displayName"] for group in groups}
    return Wanted(
        {name[user]: users[user] for user in active},
        {name[group]: {name[member] for member in members[group] if member in name} for group in groups},
        {name[user]: name[manager] for user in active if (manager := users[user].manager) in active},
    )


async def assert_in_step(world: World, scope: str = "assigned") -> None:
    """The target holds exactly the people and groups it should, with members, and nobody else may sign in.

    Members count as far as they may sign in: a disabled account may stay a member until its owner is purged.
    """
    source = await wanted(world, scope)
    accounts = await world.target.accounts()
    groups = await world.target.groups()
    usable = {name: account for name, account in accounts.items() if account["active"]}
    assert {name: shown(account) for name, account in usable.items()} == {
        name: shown_user(user) for name, user in source.people.items()
    }
    count = usable.keys() | groups.keys()
    assert {name: members & count for name, members in groups.items()} == {
        name: members & count for name, members in source.groups.items()
    }


def shown(account: dict[str, Any]) -> dict[str, Any]:
    """The attributes of the tutorial's mappings in an account."""
    phones = [phone["value"] for phone in account.get("phoneNumbers", ()) if phone.get("type") == "mobile"]
    name = account.get("name", {})
    return {
        "id": account.get("externalId"),
        "given": name.get("givenName"),
        "family": name.get("familyName"),
        "mobile": phones,
    }


def shown_user(user: User) -> dict[str, Any]:
    """The same attributes of a person in the directory."""
    mobile = user.attributes.get("mobilePhone")
    return {
        "id": str(user.id),
        "given": user.attributes.get("givenName"),
        "family": user.attributes.get("surname"),
        "mobile": [mobile] if mobile else [],
    }
