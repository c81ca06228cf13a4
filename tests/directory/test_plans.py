"""Reading a change costs the change, not the directory: the database's own plans say so."""

from __future__ import annotations

from typing import Any

from rollcall import directory
from rollcall.db import TenantDatabase, Tx
from rollcall.directory.entries import TIES, USER_ENTITLEMENT, USER_SELECT
from rollcall.directory.feed import CHANGES, MEMBERS
from tests.directory.making import caught_up, make_application, make_group, read

_PEOPLE = 5_000


async def _fill(tx: Tx, group_id: Any) -> None:
    """Many people, all in one group, as an import leaves them behind."""
    await tx.run(
        """
        insert into directory.users (user_principal_name, user_principal_name_folded, display_name)
        select 'u' || n || '@example.com', 'u' || n || '@example.com', 'u' || n from generate_series(1, %s) as n
        """,
        (_PEOPLE,),
    )
    await tx.run(
        "insert into directory.memberships (group_id, member_id, member_kind) select %s, id, 'User' from directory.users",
        (group_id,),
    )
    await tx.run(
        "insert into directory.changes (kind, object_id, operation) select 'user', id, 'create' from directory.users"
    )
    await tx.run("analyze directory.users, directory.memberships, directory.changes, directory.assignments")


async def _scans(tx: Tx, statement: str, params: Any) -> list[tuple[str, str, str]]:
    """Node type, table and index condition of every scan in the plan."""
    plan = await tx.value("explain (format json) " + statement, params)
    found: list[tuple[str, str, str]] = []

    def walk(node: dict[str, Any]) -> None:
        if "Relation Name" in node:
            condition = node.get("Index Cond", node.get("Recheck Cond", ""))
            found.append((node["Node Type"], node["Relation Name"], condition))
        for child in node.get("Plans", []):
            walk(child)

    walk(plan[0]["Plan"])
    return found


async def test_no_read_of_one_change_walks_through_a_table(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    sales = await make_group(tenant_db, "Everybody")
    await tenant_db.write(_fill, sales)
    await tenant_db.write(directory.assign, application, sales)
    watermark = await caught_up(tenant_db, application)
    [person] = await tenant_db.read(directory.list_users, limit=1)
    since = watermark["since"]
    queries: list[tuple[str, dict[str, Any] | tuple[Any, ...]]] = [
        (USER_SELECT + " where id = any(%s)", ([person.id],)),
        (USER_ENTITLEMENT, {"application": application, "ids": [person.id]}),
        (TIES, {"groups": [sales], "members": [person.id]}),
        (MEMBERS, (sales, person.id, 10)),
        (
            CHANGES,
            {"at_xid": since[0], "at_seq": 0, "since_xmax": since[1], "since_running": [], "upto_xmax": since[1] + 5,
             "upto_running": [], "limit": 100},
        ),
    ]  # fmt: skip

    scans = [scan for query, params in queries for scan in await tenant_db.read(_scans, query, params)]

    big = {"users", "memberships", "changes"}
    assert {table for _, table, _ in scans} >= big
    # The tenant alone in the condition would mean: all of the tenant's rows.
    asked = ("id = ANY", "member_id", "id = ", "ROW(xid, seq)")
    slow = [
        scan
        for scan in scans
        if scan[1] in big and not any(part in scan[2].replace("tenant_id = ", "") for part in asked)
    ]
    assert slow == []


async def test_one_change_among_many_people_is_one_entry(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    sales = await make_group(tenant_db, "Everybody")
    await tenant_db.write(_fill, sales)
    await tenant_db.write(directory.assign, application, sales)
    watermark = await caught_up(tenant_db, application)
    [person] = await tenant_db.read(directory.list_users, limit=1)
    await tenant_db.write(directory.update_user, person.id, {"city": "Oslo"})

    found, ties, _, pages = await read(tenant_db, application, watermark)

    assert [(entry.id, entry.assigned_by) for entry in found] == [(str(person.id), ("group Everybody",))]
    assert ties == []
    assert len(pages) == 1


async def test_a_group_of_thousands_is_read_in_pages_and_each_member_once(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    sales = await make_group(tenant_db, "Everybody")
    await tenant_db.write(_fill, sales)
    watermark = await caught_up(tenant_db, application)
    await tenant_db.write(directory.assign, application, sales)

    found, ties, _, pages = await read(tenant_db, application, watermark, 400)

    assert len([entry for entry in found if entry.kind == "User" and entry.assigned]) == _PEOPLE
    assert len(set(ties)) == len(ties) == _PEOPLE
    assert max(len(page.entries) for page in pages) <= 401
