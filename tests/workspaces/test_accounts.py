"""What accounts and groups do beyond the contract of stores: managers, tombstones, counters, the wall between tenants."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from rollcall.db import Database, DatabaseConfig, TenantDatabase, Tx
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.scim.datatypes import fold
from rollcall.scim.error import ScimError
from rollcall.scim.message import Query
from rollcall.scim.patch import Operation
from rollcall.scim.path import parse_path
from rollcall.scim.projection import Projection
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER, Resource
from rollcall.workspaces import AccountStore, forget_tombstones, is_buried
from rollcall.workspaces.accounts_groups import patch_group, read_group
from rollcall.workspaces.accounts_listing import counted
from rollcall.workspaces.member_edits import AddMembers
from rollcall.workspaces.members import edit_members
from rollcall.workspaces.model import parse_id
from tests.contracts.resource_store import ALL, find, group, ids, member_ids, operation, patch, refused, user


@pytest.fixture
def store(tenant_db: TenantDatabase, runtime: Runtime) -> AccountStore:
    return AccountStore(tenant_db, runtime)


def managed(user_name: str, manager: str, **more: Any) -> Resource:
    return user(user_name, **{ENTERPRISE_USER_URN: {"manager": {"value": manager}, **more}})


async def total(tenant_db: TenantDatabase) -> tuple[int, int]:
    return await tenant_db.read(counted, USER), await tenant_db.read(counted, GROUP)


# --- managers ---


async def test_a_manager_is_shown_with_the_name_they_have_now(store: AccountStore) -> None:
    boss = await store.create(USER, user("boss", displayName="Ada"))
    created = await store.create(USER, managed("mira", boss["id"]))

    await patch(store, USER, boss["id"], operation("replace", "displayName", "Ada L."))

    assert created[ENTERPRISE_USER_URN]["manager"] == {"value": boss["id"], "displayName": "Ada"}
    found = await store.read(USER, created["id"], ALL)
    assert found[ENTERPRISE_USER_URN]["manager"] == {"value": boss["id"], "displayName": "Ada L."}
    assert found["meta"] == created["meta"]
    page = await find(store, USER, 'manager.displayName eq "ada l."')
    assert ids(page.resources) == [created["id"]]


@pytest.mark.parametrize("manager", ["nobody", "0190a000-0000-7000-8000-000000000000"])
async def test_a_manager_who_is_nobody_is_refused(store: AccountStore, manager: str) -> None:
    created = await store.create(USER, user("mira"))

    assert await refused(store.create(USER, managed("olga", manager))) == (400, "invalidValue")
    change = operation("add", f"{ENTERPRISE_USER_URN}:manager", {"value": manager})
    assert await refused(patch(store, USER, created["id"], change)) == (400, "invalidValue")
    assert (await store.read(USER, created["id"], ALL)) == created


async def test_a_group_is_no_manager(store: AccountStore) -> None:
    sales = await store.create(GROUP, group("Sales"))

    assert await refused(store.create(USER, managed("olga", sales["id"]))) == (400, "invalidValue")


async def test_a_deleted_manager_manages_nobody(store: AccountStore) -> None:
    boss = await store.create(USER, user("boss"))
    only = await store.create(USER, managed("mira", boss["id"]))
    more = await store.create(USER, managed("olga", boss["id"], department="Sales"))

    await store.delete(USER, boss["id"], None)

    only_now, more_now = [await store.read(USER, each["id"], ALL) for each in (only, more)]
    assert ENTERPRISE_USER_URN not in only_now
    assert ENTERPRISE_USER_URN not in only_now["schemas"]
    assert more_now[ENTERPRISE_USER_URN] == {"department": "Sales"}
    assert only_now["meta"]["version"] != only["meta"]["version"]
    assert (await find(store, USER, "manager pr")).total == 0
    assert (await find(store, USER, 'department eq "sales"')).total == 1


# --- deletion ---


async def test_a_deleted_account_leaves_hashed_keys_for_thirty_days(
    store: AccountStore, tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    created = await store.create(USER, user("Mira@x.example", externalId="o1"))

    async def rows(tx: Tx) -> str:
        return str(await tx.all("select t::text as row from workspaces.tombstones t"))

    assert not await tenant_db.read(is_buried, fold("Mira@x.example"), None)
    await store.delete(USER, created["id"], None)

    assert await tenant_db.read(is_buried, fold("MIRA@x.example"), None)
    assert await tenant_db.read(is_buried, "someone else", "o1")
    assert not await tenant_db.read(is_buried, "someone else", "o2")
    assert "mira" not in (await tenant_db.read(rows)).lower()
    assert await tenant_db.write(forget_tombstones, runtime) == 0


async def test_creating_the_account_again_clears_its_tombstone(store: AccountStore, tenant_db: TenantDatabase) -> None:
    first = await store.create(USER, user("mira", externalId="o1"))
    await store.delete(USER, first["id"], None)

    again = await store.create(USER, user("other", externalId="o1"))

    assert again["id"] != first["id"]
    assert not await tenant_db.read(is_buried, "mira", "o1")


async def test_a_group_has_a_new_version_when_a_member_is_deleted(store: AccountStore) -> None:
    one, two = [(await store.create(USER, user(name)))["id"] for name in ("a", "b")]
    sales = await store.create(GROUP, group("Sales", one, two))
    outer = await store.create(GROUP, group("Outer", sales["id"]))

    await store.delete(USER, one, None)
    sales_now = await store.read(GROUP, sales["id"], ALL)
    await store.delete(GROUP, sales["id"], None)
    outer_now = await store.read(GROUP, outer["id"], ALL)

    assert sales_now["meta"]["version"] != sales["meta"]["version"]
    assert "members" not in outer_now
    assert outer_now["meta"]["version"] != outer["meta"]["version"]


async def test_members_who_are_deleted_while_they_are_added_are_not_left_behind(store: AccountStore) -> None:
    sales = (await store.create(GROUP, group("Sales")))["id"]
    people = [(await store.create(USER, user(f"u{number}")))["id"] for number in range(10)]

    async def add(person: str) -> None:
        await patch(store, GROUP, sales, operation("add", "members", [{"value": person}]), projection=None)

    outcomes = await asyncio.gather(
        *(add(each) for each in people), *(store.delete(USER, each, None) for each in people), return_exceptions=True
    )

    assert all(each is None or (isinstance(each, ScimError) and each.status == 400) for each in outcomes), outcomes
    assert "members" not in await store.read(GROUP, sales, ALL)


# --- groups ---


async def test_a_display_name_belongs_to_one_group_in_any_case(store: AccountStore) -> None:
    sales = await store.create(GROUP, group("Field Sales"))
    north = await store.create(GROUP, group("North"))

    assert await refused(store.create(GROUP, group("FIELD sales"))) == (409, "uniqueness")
    rename = operation("replace", "displayName", "field Sales")
    assert await refused(patch(store, GROUP, north["id"], rename)) == (409, "uniqueness")
    assert await refused(store.replace(GROUP, north["id"], group("Field Sales"), None)) == (409, "uniqueness")
    assert (await patch(store, GROUP, sales["id"], rename))["displayName"] == "field Sales"


async def test_concurrent_additions_lose_nobody(store: AccountStore) -> None:
    people = [(await store.create(USER, user(f"u{number}")))["id"] for number in range(12)]
    sales = (await store.create(GROUP, group("Sales")))["id"]

    await asyncio.gather(
        *(patch(store, GROUP, sales, operation("add", "members", [{"value": each}])) for each in people)
    )

    found = await store.read(GROUP, sales, ALL)
    assert member_ids(found) == set(people)
    assert found["meta"]["version"] == 'W/"13"'


async def test_of_concurrent_replacements_one_set_remains(store: AccountStore) -> None:
    people = [(await store.create(USER, user(f"u{number}")))["id"] for number in range(6)]
    sales = (await store.create(GROUP, group("Sales")))["id"]

    await asyncio.gather(
        *(patch(store, GROUP, sales, operation("replace", "members", [{"value": each}])) for each in people)
    )

    assert len(member_ids(await store.read(GROUP, sales, ALL))) == 1


async def test_mixed_operations_are_one_change(store: AccountStore) -> None:
    one, two, three = [(await store.create(USER, user(name)))["id"] for name in ("a", "b", "c")]
    sales = await store.create(GROUP, group("Sales", one))

    changed = await patch(
        store,
        GROUP,
        sales["id"],
        operation("replace", None, {"displayName": "North", "members": [{"value": two}], "externalId": "x"}),
        operation("add", "members", [{"value": one}, {"value": three}]),
        operation("remove", f'members[value eq "{two}" or value eq "nobody"]'),
    )

    assert (changed["displayName"], changed["externalId"]) == ("North", "x")
    assert member_ids(changed) == {one, three}
    assert changed["meta"]["version"] == 'W/"2"'


async def test_members_are_removed_by_any_filter(store: AccountStore) -> None:
    one = (await store.create(USER, user("a", displayName="Ada")))["id"]
    two = (await store.create(USER, user("b", displayName="Ben")))["id"]
    inner = (await store.create(GROUP, group("Inner")))["id"]
    sales = await store.create(GROUP, group("Sales", one, two, inner))

    by_name = await patch(store, GROUP, sales["id"], operation("remove", 'members[display sw "ad"]'))
    by_kind = await patch(store, GROUP, sales["id"], operation("remove", 'members[type eq "Group"]'))

    assert member_ids(by_name) == {two, inner}
    assert member_ids(by_kind) == {two}


async def test_parts_of_a_membership_can_not_be_changed(store: AccountStore) -> None:
    one, two = [(await store.create(USER, user(name)))["id"] for name in ("a", "b")]
    sales = await store.create(GROUP, group("Sales", one))

    change = operation("replace", f'members[value eq "{one}"].value', two)

    assert await refused(patch(store, GROUP, sales["id"], change)) == (400, "mutability")
    assert await store.read(GROUP, sales["id"], ALL) == sales


async def test_nothing_is_saved_when_one_member_is_nobody(store: AccountStore) -> None:
    one = (await store.create(USER, user("a")))["id"]
    sales = await store.create(GROUP, group("Sales"))
    nobody = "0190a000-0000-7000-8000-000000000000"

    with pytest.raises(ScimError, match=nobody) as caught:
        await patch(
            store,
            GROUP,
            sales["id"],
            operation("replace", "displayName", "North"),
            operation("add", "members", [{"value": one}, {"value": nobody}]),
        )

    assert (caught.value.status, caught.value.scim_type) == (400, "invalidValue")
    assert await store.read(GROUP, sales["id"], ALL) == sales
    assert await refused(store.create(GROUP, group("New", nobody))) == (400, "invalidValue")
    assert (await find(store, GROUP, 'displayName eq "New"')).total == 0


async def touched(tx: Tx) -> int:
    """How many membership rows this session has read from the table or an index; only differences mean something."""
    return int(
        await tx.value(
            """select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)
               from pg_stat_xact_user_tables where schemaname = 'workspaces' and relname = 'group_members'"""
        )
    )


async def test_a_large_group_is_changed_and_read_without_touching_its_other_members(
    store: AccountStore, tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    people = [(await store.create(USER, user(f"u{number}")))["id"] for number in range(40)]
    sales = (await store.create(GROUP, group("Sales", *people[1:])))["id"]

    async def change(tx: Tx) -> tuple[int, int]:
        before = await touched(tx)
        await read_group(tx, sales, with_members=False)
        after_reading = await touched(tx)
        group_id = parse_id(sales)
        assert group_id is not None
        await edit_members(tx, group_id, [AddMembers((people[0],))], GROUP, "")
        return after_reading - before, await touched(tx) - before

    async def whole(tx: Tx) -> int:
        before = await touched(tx)
        await read_group(tx, sales, with_members=True)
        return await touched(tx) - before

    assert await tenant_db.write(change) == (0, 0)
    assert await tenant_db.read(whole) >= 40
    assert len(member_ids(await store.read(GROUP, sales, ALL))) == 40


async def test_a_patch_of_members_returns_no_members_unless_asked(
    store: AccountStore, tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    one = (await store.create(USER, user("a")))["id"]
    sales = (await store.create(GROUP, group("Sales")))["id"]

    async def change(tx: Tx) -> tuple[Resource, int]:
        before = await touched(tx)
        add = [Operation("add", parse_path("members"), [{"value": one}])]
        answer = await patch_group(tx, runtime, GROUP, sales, add, None, with_members=False, base_url="")
        return answer, await touched(tx) - before

    answer, rows = await tenant_db.write(change)
    assert ("members" in answer, rows) == (False, 0)


# --- counters, order, the wall ---


async def test_counters_follow_what_is_there(store: AccountStore, tenant_db: TenantDatabase) -> None:
    created = await asyncio.gather(*(store.create(USER, user(f"u{number}")) for number in range(9)))
    sales = await store.create(GROUP, group("Sales"))
    assert await refused(store.create(USER, user("u1"))) == (409, "uniqueness")
    assert await refused(store.create(GROUP, group("New", "nobody"))) == (400, "invalidValue")
    assert await total(tenant_db) == (9, 1)

    await asyncio.gather(*(store.delete(USER, each["id"], None) for each in created[:4]))
    await store.delete(GROUP, sales["id"], None)

    assert await total(tenant_db) == (5, 0)
    assert (await find(store, USER, count=2)).total == 5


async def test_order_follows_values_that_are_computed(store: AccountStore) -> None:
    boss = await store.create(
        USER, user("c", displayName="Zoe", emails=[{"value": "z"}, {"value": "a", "primary": True}])
    )
    await asyncio.sleep(0.002)  # ids and moments are told apart by the millisecond
    one = await store.create(USER, user("b", **{ENTERPRISE_USER_URN: {"manager": {"value": boss["id"]}}}))
    await asyncio.sleep(0.002)
    two = await store.create(USER, user("a", emails=[{"value": "b"}]))
    await store.create(GROUP, group("G", two["id"]))

    async def order(by: str) -> list[str]:
        return ids((await find(store, USER, sort_by=by)).resources)

    assert await order("emails.value") == await order("emails") == ids([boss, two, one])
    assert await order("manager.displayName") == ids([one, boss, two])
    assert await order("groups.display") == ids([two, boss, one])
    assert await order("meta.created") == ids([boss, one, two])
    assert await order("noSuchThing") == ids([boss, one, two])
    assert (await refused(order("name")))[0] == 400


async def test_a_wrong_where_shows_nothing_of_another_organisation(
    store: AccountStore, tenant_db: TenantDatabase, database: Database
) -> None:
    one = await store.create(USER, user("a", externalId="o1"))
    await store.create(GROUP, group("Sales", one["id"]))
    gone = await store.create(USER, user("b"))
    await store.delete(USER, gone["id"], None)
    tables = ("users", "groups", "group_members", "tombstones", "resource_counters")

    async def rows(tx: Tx) -> dict[str, int]:
        counts = [(table, await tx.value(f"select count(*) from workspaces.{table}")) for table in tables]
        return dict(counts)

    other = database.tenant(SystemRuntime().new_id())
    assert all(count > 0 for count in (await tenant_db.read(rows)).values())
    assert await other.read(rows) == dict.fromkeys(tables, 0)
    assert await database.system(rows) == dict.fromkeys(tables, 0)


async def test_a_projection_leaves_groups_unread(store: AccountStore) -> None:
    one = (await store.create(USER, user("a")))["id"]
    await store.create(GROUP, group("Sales", one))

    without = Projection(excluded=(parse_path("groups"),))

    assert "groups" not in await store.read(USER, one, without)
    assert "groups" not in (await store.query(USER, Query(projection=without, count=5))).resources[0]
    assert "groups" in await store.read(USER, one, ALL)


async def test_an_index_answers_filters_on_attributes_without_a_column(
    tenant_db: TenantDatabase, database: Database, database_config: DatabaseConfig
) -> None:
    async def fill(tx: Tx) -> None:
        await tx.run(
            """insert into workspaces.users (id, user_name_folded, created, modified, resource, folded)
               select uuidv7(), n::text, now(), now(), '{}', jsonb_build_object('title', n::text)
               from generate_series(1, 3000) n"""
        )

    async def plan(tx: Tx) -> str:
        return str(await tx.all('explain select id from workspaces.users r where r.folded @> \'{"title": "7"}\''))

    await tenant_db.write(fill)
    assert database_config.url is not None
    with psycopg.connect(database_config.url, autocommit=True) as owner:
        owner.execute("analyze workspaces.users")
    newcomer = database.tenant(SystemRuntime().new_id())
    await newcomer.write(fill)

    assert "users_folded" in await tenant_db.read(plan)
    assert "users_folded" in await newcomer.read(plan)  # of whom the planner has no statistics
