"""Writes a company into the directory, set by set, and carries out what then happens to its people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson

from rollcall.db import Tx
from rollcall.directory.applications import read_service_principal
from rollcall.directory.demo_company import Company
from rollcall.directory.demo_movements import Movement
from rollcall.directory.importing_rows import by_group_name, by_name
from rollcall.directory.importing_store import ImportReport, Staging, refresh_statistics, store_import
from rollcall.directory.memberships import add_member, remove_member
from rollcall.directory.model import GROUP_COLUMNS, USER_COLUMNS
from rollcall.directory.objects import create_user, delete_user, update_user
from rollcall.errors import Conflict, NotFound
from rollcall.scim.datatypes import fold

_ASSIGN_GROUPS = """
    with added as (
        insert into directory.assignments (service_principal_id, principal_id, principal_kind)
        select %(application)s, id, 'Group' from directory.groups
        where display_name_folded = any(%(names)s) and deleted_at is null
        order by id
        on conflict do nothing
        returning service_principal_id, principal_id, principal_kind
    )
    insert into directory.changes (kind, object_id, other_id, other_kind, operation)
    select 'assignment', service_principal_id, principal_id, principal_kind, 'add' from added
"""


async def found_company(tx: Tx, company: Company, service_principal_id: UUID) -> ImportReport:
    """Create the people and groups of a company and assign the groups to an application; what was done.

    So everybody is entitled, through groups. Founding it twice changes nothing. Raises NotFound for an unknown
    application, Invalid or Conflict when the directory has others of these names.
    """
    await read_service_principal(tx, service_principal_id)
    report = await store_import(tx, _staging(company), skip_bad_rows=False, assign_to=None, progress=lambda _: None)
    assigned = await tx.run(
        _ASSIGN_GROUPS,
        {"application": service_principal_id, "names": [fold(group.display_name) for group in company.groups]},
    )
    # Without them the first cycle is planned as if the tables were empty.
    await refresh_statistics(tx)
    return replace(report, assignments_added=assigned)


async def carry_out(tx: Tx, movement: Movement) -> UUID:
    """Do to a person what the movement says; the user's id.

    Raises NotFound for a person or group that is not there, Conflict for a joiner who is there already.
    """
    changes: dict[str, Any] = dict(movement.attributes)
    if movement.manager is not None:
        changes["manager"] = await _user(tx, movement.manager)
    if movement.kind == "joiner":
        user_id = await create_user(tx, changes)
    else:
        user_id = await _user(tx, movement.user_principal_name)
        if changes:
            await update_user(tx, user_id, changes)
    for name in movement.leaves:
        await remove_member(tx, await _group(tx, name), user_id)
    for name in movement.joins:
        await add_member(tx, await _group(tx, name), user_id)
    if movement.deletes:
        await delete_user(tx, user_id)
    return user_id


def _staging(company: Company) -> Staging:
    """The company as if it had been read from a file; rows are numbered in its order."""
    return Staging(people=lambda: _people(company), groups=lambda: _groups(company), members=lambda: _members(company))


def _people(company: Company) -> Iterator[tuple[Any, ...]]:
    for line, person in enumerate(company.people, 1):
        given = person.attributes
        name = person.user_principal_name
        manager = by_name(person.manager) if person.manager else None
        rest = _rest(given, USER_COLUMNS)
        yield line, name, fold(name), None, given["displayName"], given["accountEnabled"], manager, rest


def _groups(company: Company) -> Iterator[tuple[Any, ...]]:
    for line, group in enumerate(company.groups, 1):
        name = group.display_name
        yield line, None, name, fold(name), _rest(group.attributes, GROUP_COLUMNS), False


def _members(company: Company) -> Iterator[tuple[Any, ...]]:
    for line, group in enumerate(company.groups, 1):
        reference = by_group_name(group.display_name)
        for member in group.members:
            yield line, reference, by_name(member)


def _rest(attributes: dict[str, Any], columns: frozenset[str]) -> str:
    return orjson.dumps({name: value for name, value in attributes.items() if name not in columns}).decode()


async def _user(tx: Tx, user_principal_name: str) -> UUID:
    found: UUID | None = await tx.value(
        "select id from directory.users where user_principal_name_folded = %s and deleted_at is null",
        (fold(user_principal_name),),
    )
    if found is None:
        raise NotFound(f"There is no user {user_principal_name}.")
    return found


async def _group(tx: Tx, display_name: str) -> UUID:
    found = await tx.all(
        "select id from directory.groups where display_name_folded = %s and deleted_at is null limit 2",
        (fold(display_name),),
    )
    if not found:
        raise NotFound(f"There is no group {display_name}.")
    if len(found) > 1:
        raise Conflict(f"There are several groups named {display_name}; rename all but one.")
    group: UUID = found[0]["id"]
    return group
