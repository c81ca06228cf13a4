"""Workspaces: their addresses, their states, and what a copy takes over."""

from __future__ import annotations

from uuid import UUID

import pytest
import pytest_asyncio

from rollcall.db import Database, TenantDatabase, Tx
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime
from rollcall.workspaces.access_model import WorkspaceState
from rollcall.workspaces.member_lists import find_members
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.places import (
    Workspace,
    archive_workspace,
    create_workspace,
    delete_workspace,
    duplicate_workspace,
    find_slug,
    rename_workspace,
    reopen_workspace,
    workspace,
    workspaces,
    workspaces_of,
)
from tests.workspaces.places_world import BOTH, MANUAL, World


@pytest_asyncio.fixture
async def world(tenant_db: TenantDatabase, runtime: Runtime) -> World:
    return await World(tenant_db, runtime).open()


def fresh(world: World) -> str:
    return f"s{world.runtime.new_id().hex}"


async def create(world: World, slug: str, name: str = "Team") -> Workspace:
    return await world.database.write(create_workspace, world.runtime, slug=slug, name=name)


async def test_a_slug_leads_to_one_workspace_of_the_installation_for_ever(world: World, database: Database) -> None:
    slug = fresh(world)
    made = await create(world, slug)
    other = await World(database.tenant(world.runtime.new_id()), world.runtime).open()

    assert await database.system(find_slug, slug) == (world.database.tenant, made.id)
    await world.database.write(delete_workspace, world.runtime, made.id)
    for place in (world, other):
        with pytest.raises(Conflict) as refused:
            await create(place, slug)
        assert refused.value.code == "slug_taken"
    assert await database.system(find_slug, fresh(world)) is None


@pytest.mark.parametrize("slug", ["", "Team", "-a", "a-", "a.b", "ä", "a" * 64, "01a20cc7-12cd-7c3e-a7b9-00b10ee76ee8"])
async def test_an_impossible_slug_is_refused(world: World, slug: str) -> None:
    with pytest.raises(Invalid):
        await create(world, slug)


async def test_states_follow_each_other_and_deleted_is_the_last(world: World) -> None:
    made = await create(world, fresh(world))

    async def state() -> WorkspaceState:
        return (await world.database.read(workspace, made.id)).state

    await world.database.write(archive_workspace, world.runtime, made.id)
    assert await state() is WorkspaceState.ARCHIVED
    await world.database.write(reopen_workspace, world.runtime, made.id)
    assert await state() is WorkspaceState.OPEN
    await world.database.write(delete_workspace, world.runtime, made.id)
    for attempt in (archive_workspace, reopen_workspace, delete_workspace):
        with pytest.raises(NotFound):
            await world.database.write(attempt, world.runtime, made.id)
    with pytest.raises(NotFound):
        await state()
    assert await world.database.read(workspaces) == []


async def test_deleting_a_workspace_ends_its_memberships(world: World) -> None:
    ada = await world.person("ada")
    await world.group("Team", ada)
    place = await world.workspace("team", admin=ada)

    await world.database.write(delete_workspace, world.runtime, place)

    assert (await world.database.read(find_members, place)).items == []
    assert await world.database.read(workspaces_of, ada) == []
    with pytest.raises(NotFound):
        await world.database.write(add_member, world.runtime, place, ada, MANUAL)


async def test_a_copy_has_the_own_fields_and_no_members_by_hand(world: World) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    await world.group("Team", ada)
    place = await world.workspace("team", admin=bo)
    await world.settings(place, links=False, login_text="Hello", domains=["acme.example"])

    copy = await world.database.write(duplicate_workspace, world.runtime, place, slug=fresh(world), name="Copy")

    async def rows(tx: Tx) -> list[dict[str, object]]:
        return await tx.all(
            """select links, login_text, domains, sso, group_ids, registration, extra_pin
               from workspaces.workspace_login order by workspace_id"""
        )

    own, copied = await world.database.read(rows)
    assert own == copied
    assert copied["registration"] is None, "what was inherited stays inherited"
    assert [each.user_id for each in (await world.database.read(find_members, copy.id)).items] == [ada], (
        "by the group it lists"
    )


async def test_whoever_makes_a_workspace_for_somebody_makes_them_its_admin(world: World) -> None:
    ada = await world.person("ada")
    place = await world.workspace(admin=ada)

    assert await world.roles(place, ada) == BOTH
    assert [each.id for each in await world.database.read(workspaces_of, ada)] == [place]
    with pytest.raises(NotFound):
        await world.workspace(admin=world.runtime.new_id())


async def test_workspaces_are_listed_by_name_page_by_page(world: World) -> None:
    made = {name: await create(world, fresh(world), name) for name in ("B", "A", "C")}
    await world.database.write(rename_workspace, world.runtime, made["C"].id, "0")

    first = await world.database.read(workspaces, limit=2)
    rest = await world.database.read(workspaces, after=(first[-1].name, first[-1].id), limit=2)

    assert [each.name for each in (*first, *rest)] == ["0", "A", "B"]


async def test_a_field_is_inherited_until_it_is_ones_own(world: World) -> None:
    heir, own = await world.workspace(), await world.workspace()
    await world.settings(own, links=True)

    await world.settings(None, links=False, login_text="All")

    async def links(tx: Tx) -> dict[UUID, tuple[bool, str]]:
        rows = await tx.all("select workspace_id, links, login_text from workspaces.effective_login")
        return {row["workspace_id"]: (row["links"], row["login_text"]) for row in rows}

    assert await world.database.read(links) == {heir: (False, "All"), own: (True, "All")}
    await world.settings(own, links=None)
    assert (await world.database.read(links))[own] == (False, "All")
