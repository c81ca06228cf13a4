"""Reading a change costs the change, not the directory: the database's own plans say so."""

from __future__ import annotations

from typing import Any

from rollcall import directory
from rollcall.db import TenantDatabase, Tx
from rollcall.directory.changed import MEMBERS, NOBODY
from rollcall.directory.entries import TIES, USER_ENTITLEMENT, USER_SELECT
from rollcall.directory.feed import CHANGES
from rollcall.directory.nesting import (
    ABOVE,
    ABOVE_SINCE,
    BENEATH,
    FLATTENED,
    HOLDERS,
    LEFT_OUT,
    LEFT_OUT_PEOPLE,
    PEOPLE,
)
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


async def _plan(tx: Tx, statement: str, params: Any) -> str:
    return str(await tx.value("explain (format json) " + statement, params))


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


async def _fill_nested(tx: Tx, outer: Any) -> None:
    """A hundred groups inside one, each with all the people, and a thousand that have nothing to do with it."""
    await tx.run(
        """
        insert into directory.groups (display_name, display_name_folded)
        select 'g' || n, 'g' || n from generate_series(1, 1100) as n
        """
    )
    await tx.run(
        """
        insert into directory.memberships (group_id, member_id, member_kind)
        select %s, id, 'Group' from directory.groups where display_name like 'g%%' order by id limit 100
        """,
        (outer,),
    )
    await tx.run(
        """
        insert into directory.changes (kind, object_id, other_id, other_kind, operation)
        select 'membership', group_id, member_id, member_kind, 'add' from directory.memberships
        """
    )
    await tx.run("analyze directory.groups, directory.memberships, directory.changes")


async def test_no_way_up_or_down_among_nested_groups_walks_through_a_table(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    outer = await make_group(tenant_db, "Everybody")
    await tenant_db.write(_fill, outer)
    await tenant_db.write(_fill_nested, outer)
    await tenant_db.write(directory.assign, application, outer)
    since = (await caught_up(tenant_db, application))["since"]
    [person] = await tenant_db.read(directory.list_users, limit=1)
    queries: list[tuple[str, dict[str, Any]]] = [
        (HOLDERS, {"ids": [person.id]}),
        (ABOVE, {"groups": [outer]}),
        (ABOVE_SINCE, {"groups": [outer], "xmin": since[0], "xmax": since[1], "running": []}),
        (BENEATH, {"group": outer}),
        (PEOPLE, {"groups": [outer], "group": outer, "member": person.id, "limit": 10}),
        (FLATTENED, {"groups": [outer], "after": NOBODY, "limit": 10}),
        (LEFT_OUT, {"application": application, "inside": None, "limit": 20}),
        (LEFT_OUT_PEOPLE, {"application": application, "groups": [outer], "most": 1000}),
    ]

    scans = [scan for query, params in queries for scan in await tenant_db.read(_scans, query, params)]

    asked = ("id = ANY", "member_id", "group_id", "other_id", "id = ", "ROW(")
    slow = [
        scan
        for scan in scans
        if scan[1] in {"users", "groups", "memberships", "changes"}
        and not any(part in scan[2].replace("tenant_id = ", "") for part in asked)
    ]
    assert slow == []
    # A group of thousands with no group inside is passed at the cost of a look.
    assert "memberships_nested" in await tenant_db.read(_plan, BENEATH, {"group": outer})
    assert "changes_nested" in await tenant_db.read(_plan, *queries[2])


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
