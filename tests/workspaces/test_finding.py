"""Lists of people, groups and workspaces: found by a beginning, paged by key, out of indexes however many there are."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest_asyncio

from rollcall.db import TenantDatabase, Tx
from rollcall.runtime import Runtime
from rollcall.workspaces.finding import (
    PeopleFilter,
    count_people,
    find_groups,
    find_people,
    find_workspaces,
    people_statement,
)
from rollcall.workspaces.member_lists import count_members, find_members, members_statement
from rollcall.workspaces.origins import Member
from rollcall.workspaces.paging import COUNTED_AT_MOST, Page, Place
from tests.workspaces.places_world import World

_MANY = 20_000


@pytest_asyncio.fixture
async def world(tenant_db: TenantDatabase, runtime: Runtime) -> World:
    return await World(tenant_db, runtime).open()


async def names(world: World, search: str = "", which: PeopleFilter = PeopleFilter.ALL, **place: str) -> list[str]:
    page = await world.database.read(find_people, search, which, Place(**place))
    return [each.user_name for each in page.items]


async def test_people_are_found_by_the_beginning_of_each_of_their_names(world: World) -> None:
    await world.person("ada@x.com", displayName="Ada Lovelace", name={"familyName": "Lovelace"})
    await world.person("grace@x.com", displayName="Grace Hopper", emails=[{"value": "Amazing@navy.mil"}])
    await world.person("alan@x.com", displayName="Alan Turing")

    assert await names(world, "LOVE") == ["ada@x.com"]
    assert await names(world, "a") == ["ada@x.com", "alan@x.com", "grace@x.com"]
    assert await names(world, "ada l") == ["ada@x.com"]
    assert await names(world, "amazing@") == ["grace@x.com"]
    assert await names(world, "ovelace") == []
    assert await names(world) == ["ada@x.com", "alan@x.com", "grace@x.com"]
    assert await world.database.read(count_people, "a", PeopleFilter.ALL) == 3


async def test_pages_go_on_by_key_and_back_again(world: World) -> None:
    for name in "abcde":
        await world.person(f"{name}@x.com", displayName=f"Person {name}")
    for search in ("", "person"):
        first = await world.database.read(find_people, search, PeopleFilter.ALL, Place(), 2)
        assert [each.user_name[0] for each in first.items] == ["a", "b"]
        assert (first.newer, first.older) == (None, "b@x.com")
        second = await world.database.read(find_people, search, PeopleFilter.ALL, Place(after=first.older), 2)
        assert [each.user_name[0] for each in second.items] == ["c", "d"]
        last = await world.database.read(find_people, search, PeopleFilter.ALL, Place(after=second.older), 2)
        assert ([each.user_name[0] for each in last.items], last.older) == (["e"], None)
        back = await world.database.read(find_people, search, PeopleFilter.ALL, Place(before=last.newer), 2)
        assert [each.user_name[0] for each in back.items] == ["c", "d"]
        start = await world.database.read(find_people, search, PeopleFilter.ALL, Place(before=back.newer), 2)
        assert ([each.user_name[0] for each in start.items], start.newer) == (["a", "b"], None)


async def test_filters_leave_the_others_out(world: World) -> None:
    away = await world.person("away@x.com")
    await world.person("here@x.com")
    await world.set_active(away, False)

    assert await names(world, "", PeopleFilter.AWAY) == ["away@x.com"]
    assert await names(world, "here", PeopleFilter.AWAY) == []
    assert await names(world, "", PeopleFilter.BY_HAND) == []


async def test_groups_are_found_by_name_or_by_their_id_at_the_provider(world: World) -> None:
    ada = await world.person("ada@x.com")
    team = await world.group("Team", ada, external_id="0F1E2D3C-0000-4000-8000-000000000001")
    await world.group("Others")
    await world.workspace("0f1e2d3c-0000-4000-8000-000000000001")

    [found] = (await world.database.read(find_groups, "te")).items
    assert (found.group_id, found.members, found.workspaces) == (team, 1, 1)
    [found] = (await world.database.read(find_groups, "0f1e2d3c-0000-4000-8000-000000000001")).items
    assert found.group_id == team
    assert [each.name for each in (await world.database.read(find_groups)).items] == ["Others", "Team"]


async def test_workspaces_with_one_name_are_paged_one_by_one(world: World) -> None:
    made = {await world.workspace() for _ in range(5)}
    seen: list[UUID] = []
    key: str | None = None
    while True:
        page = await world.database.read(find_workspaces, "team", None, Place(after=key), 2)
        seen += [each.id for each in page.items]
        key = page.older
        if key is None:
            break
    assert set(seen) == made
    assert len(seen) == 5
    nonsense = await world.database.read(find_workspaces, "", None, Place(after="team~nobody"), 2)
    assert len(nonsense.items) == 2


async def _fill(tx: Tx) -> None:
    await tx.run(
        """insert into workspaces.users (id, user_name_folded, display_name, active, created, modified, resource, folded)
           select gen_random_uuid(), 'u' || n || '@x.com', 'Person ' || n, n %% 100 <> 0, now(), now(),
                  jsonb_build_object('userName', 'u' || n || '@x.com', 'displayName', 'Person ' || n),
                  jsonb_build_object('userName', 'u' || n || '@x.com', 'displayName', 'person ' || n,
                                     'name', jsonb_build_object('familyName', 'family' || n))
           from generate_series(1, %s) as n""",
        (_MANY,),
    )
    await tx.run("analyze workspaces.users")


async def scans(tx: Tx, statement: Any, params: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Node type, index and condition of every scan of the accounts, and whatever sorts more than a page."""
    plan = await tx.value("explain (format json) " + statement, params)
    found: list[tuple[str, str, str]] = []

    def walk(node: dict[str, Any]) -> None:
        if node.get("Relation Name") == "users":
            found.append((node["Node Type"], node.get("Index Name", ""), node.get("Index Cond", "")))
        for child in node.get("Plans", []):
            walk(child)

    walk(plan[0]["Plan"])
    return found


async def test_a_page_of_people_reads_an_index_and_never_all_of_them(world: World) -> None:
    await world.database.write(_fill)
    asked = {
        "": {"users_user_name"},
        "fam": {"users_user_name", "users_name_key", "users_family_key", "users_address_key"},
    }
    for search, indexes in asked.items():
        for place in (Place(), Place(after="u7"), Place(before="u7")):
            statement, params = people_statement(search, PeopleFilter.ALL, place, 50)
            plan = await world.database.read(scans, statement, params)
            assert {index for _, index, _ in plan if index != "users_pkey"} == indexes, plan
            assert all("Index" in kind for kind, _, _ in plan)
            # The tenant alone in the condition would mean: all of the tenant's rows.
            assert all(">" in condition or "<" in condition or "id =" in condition for _, _, condition in plan)
    statement, params = people_statement("", PeopleFilter.AWAY, Place(), 50)
    plan = await world.database.read(scans, statement, params)
    assert "users_asleep" in {index for _, index, _ in plan}


async def _fill_group(tx: Tx, group_id: UUID) -> None:
    await tx.run(
        """insert into workspaces.group_members (group_id, member_id, member_kind)
           select %s, id, 'User' from workspaces.users""",
        (group_id,),
    )
    await tx.run("analyze workspaces.group_members")


async def members(world: World, place: UUID, search: str = "", **key: str) -> Page[Member]:
    return await world.database.read(find_members, place, search, Place(**key), 2)


async def test_members_of_a_large_workspace_are_found_as_those_of_a_small_one(world: World) -> None:
    group = await world.group("Everybody")
    large = await world.workspace("everybody")
    await world.database.write(_fill)
    await world.database.write(_fill_group, group)
    ada = await world.person("ada@x.com", displayName="Ada Lovelace")
    small = await world.workspace(admin=ada)

    assert await world.database.read(count_members, large) == COUNTED_AT_MOST + 1
    assert await world.database.read(count_members, small) == 1
    first = await members(world, large)
    assert [each.user_name for each in first.items] == ["u10000@x.com", "u10001@x.com"]
    second = await members(world, large, after=first.older or "")
    assert [each.user_name for each in second.items] == ["u10002@x.com", "u10003@x.com"]
    back = await members(world, large, before=second.newer or "")
    assert back.items == first.items
    assert [each.user_name for each in (await members(world, large, "family777")).items] == [
        "u7770@x.com",
        "u7771@x.com",
    ]
    assert (await members(world, large, "ada")).items == []
    assert [each.user_name for each in (await members(world, small, "love")).items] == []
    assert [each.user_name for each in (await members(world, small, "ada")).items] == ["ada@x.com"]
    assert (await members(world, small, "u1")).items == []


async def test_a_page_of_members_reads_indexes_and_never_all_accounts(world: World) -> None:
    group = await world.group("Everybody")
    large = await world.workspace("everybody")
    await world.database.write(_fill)
    await world.database.write(_fill_group, group)
    for counted, search, indexes in (
        (COUNTED_AT_MOST + 1, "", {"users_user_name"}),
        (COUNTED_AT_MOST + 1, "fam", {"users_user_name", "users_name_key", "users_family_key", "users_address_key"}),
        (1, "", set()),
    ):
        statement, params = members_statement(large, counted, search, Place(), 50)
        plan = await world.database.read(scans, statement, params)
        assert {index for _, index, _ in plan if index != "users_pkey"} == indexes, plan
        assert all("Index" in kind and "= " in condition + "= " for kind, _, condition in plan), plan
