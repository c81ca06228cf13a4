"""Founding a company in the directory: everybody entitled, nothing twice, and movements that arrive in the feed."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import aclosing
from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import Database, TenantDatabase, Tx
from rollcall.directory.demo_company import Company, demo_company
from rollcall.directory.demo_movements import Movement, movements
from rollcall.directory.founding import carry_out, found_company
from rollcall.errors import Conflict, NotFound
from rollcall.runtime import Runtime
from tests.directory.making import make_application, make_group, read

_COMPANY = demo_company(7)


async def _changes(tx: Tx) -> Counter[tuple[str, str]]:
    rows = await tx.all("select kind, operation from directory.changes")
    return Counter((row["kind"], row["operation"]) for row in rows)


async def _found(db: TenantDatabase, company: Company = _COMPANY) -> UUID:
    application = await make_application(db)
    await db.write(found_company, company, application)
    return application


async def test_a_company_of_a_thousand_is_written_as_it_was_made(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)

    report = await tenant_db.write(found_company, _COMPANY, application)

    ties = sum(len(group.members) for group in _COMPANY.groups)
    assert (report.created, report.groups_created, report.memberships_added, report.assignments_added) == (
        1_000, 60, ties, 60,
    )  # fmt: skip
    assert await tenant_db.read(_changes) == {
        ("service_principal", "create"): 1,
        ("user", "create"): 1_000,
        ("group", "create"): 60,
        ("membership", "add"): ties,
        ("assignment", "add"): 60,
    }
    users = {user.id: user for user in await tenant_db.read(directory.list_users, limit=2_000)}
    written = {user.attributes["userPrincipalName"]: user for user in users.values()}
    for person in _COMPANY.people:
        user = written[person.user_principal_name]
        manager = users[user.manager].attributes["userPrincipalName"] if user.manager else None
        assert (user.attributes, manager) == (person.attributes, person.manager)


async def test_everybody_is_entitled_through_groups_and_the_groups_are_assigned(tenant_db: TenantDatabase) -> None:
    application = await _found(tenant_db)

    entries, ties, _, _ = await read(tenant_db, application)

    assert Counter((entry.kind, entry.assigned) for entry in entries) == {("User", True): 1_000, ("Group", True): 60}
    assert {entry.assigned_by for entry in entries if entry.kind == "Group"} == {("directly",)}
    assert all(by.startswith("group ") for entry in entries if entry.kind == "User" for by in entry.assigned_by)
    groups = {entry.id: entry.attributes["displayName"] for entry in entries}
    assert Counter(groups[tie.group_id] for tie in ties) == {
        group.display_name: len(group.members) for group in _COMPANY.groups
    }


async def test_founding_it_again_changes_nothing(tenant_db: TenantDatabase) -> None:
    application = await _found(tenant_db)
    before = await tenant_db.read(_changes)

    again = await tenant_db.write(found_company, _COMPANY, application)

    assert (again.changed, again.unchanged, again.groups_unchanged) == (0, 1_000, 60)
    assert await tenant_db.read(_changes) == before


async def test_an_unknown_application_is_refused(tenant_db: TenantDatabase, runtime: Runtime) -> None:
    with pytest.raises(NotFound, match="There is no service principal"):
        await tenant_db.write(found_company, _COMPANY, runtime.new_id())

    assert await tenant_db.read(_changes) == {}


async def test_those_who_listen_are_told_when_a_company_is_founded(
    database: Database, tenant_db: TenantDatabase
) -> None:
    company = demo_company(1, 20, 3)
    application = await make_application(tenant_db)
    told = database.listen(directory.CHANNEL)
    async with asyncio.timeout(30), aclosing(told):
        assert await anext(told) == ""

        await tenant_db.write(found_company, company, application)

        assert await anext(told) == str(tenant_db.tenant)


async def test_movements_arrive_as_the_entries_they_should_become(tenant_db: TenantDatabase) -> None:
    application = await _found(tenant_db)
    _, _, watermark, _ = await read(tenant_db, application)
    moves = movements(_COMPANY, 7)

    ids = {str(await tenant_db.write(carry_out, move)): move for move in moves}
    entries, _, _, _ = await read(tenant_db, application, watermark)

    people = {entry.id: entry for entry in entries if entry.kind == "User"}
    assert set(people) == set(ids)
    for person_id, move in ids.items():
        entry = people[person_id]
        assert (entry.state, entry.assigned) == _expected(move)
        for name, value in move.attributes.items():
            assert entry.attributes[name] == value
        for group in move.joins:
            assert f"group {group}" in entry.assigned_by
        for group in move.leaves:
            assert f"group {group}" not in entry.assigned_by


def _expected(move: Movement) -> tuple[str, bool]:
    if move.deletes:
        return "deleted", True
    return "present", not move.what.startswith("loses the application")


async def test_a_new_manager_is_the_one_the_movement_names(tenant_db: TenantDatabase) -> None:
    await _found(tenant_db)
    joiner = movements(_COMPANY, 7)[0]

    user_id = await tenant_db.write(carry_out, joiner)

    user = await tenant_db.read(directory.read_user, user_id)
    assert user.manager is not None
    manager = await tenant_db.read(directory.read_user, user.manager)
    assert manager.attributes["userPrincipalName"] == joiner.manager


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"user_principal_name": "nobody@brightwater.example"}, "There is no user nobody@brightwater.example."),
        ({"joins": ("Nothing",)}, "There is no group Nothing."),
        ({"manager": "nobody@brightwater.example"}, "There is no user nobody@brightwater.example."),
    ],
)
async def test_a_movement_of_what_is_not_there_is_refused(
    tenant_db: TenantDatabase, more: dict[str, Any], message: str
) -> None:
    company = demo_company(1, 2, 1)
    await _found(tenant_db, company)
    person = company.people[1]
    plain: dict[str, Any] = {
        "kind": "mover", "user_principal_name": person.user_principal_name, "display_name": "", "what": "",
    }  # fmt: skip

    with pytest.raises(NotFound) as refusal:
        await tenant_db.write(carry_out, Movement(**(plain | more)))

    assert refusal.value.message == message


async def test_a_group_whose_name_two_have_is_refused(tenant_db: TenantDatabase) -> None:
    company = demo_company(1, 2, 1)
    await _found(tenant_db, company)
    await make_group(tenant_db, "Twin")
    await make_group(tenant_db, "twin")
    name = company.people[1].user_principal_name

    with pytest.raises(Conflict, match="There are several groups named Twin"):
        await tenant_db.write(carry_out, Movement("mover", name, "", "", joins=("Twin",)))
