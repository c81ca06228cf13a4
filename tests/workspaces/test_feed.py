"""What is said in workspaces: kept in order, a page at a time, and by whom it can be taken back."""

from __future__ import annotations

from uuid import UUID

import pytest
import pytest_asyncio

from rollcall.db import TenantDatabase, Tx
from rollcall.errors import Denied, Invalid, NotFound
from rollcall.runtime import Runtime
from rollcall.scim.schema import USER
from rollcall.workspaces.feed import LONGEST_POST, POSTS, add_post, last_said, posts, remove_post
from rollcall.workspaces.places import delete_workspace
from tests.workspaces.places_world import World


@pytest_asyncio.fixture
async def world(tenant_db: TenantDatabase, runtime: Runtime) -> World:
    return await World(tenant_db, runtime).open()


async def say(world: World, place: UUID, who: UUID, text: str) -> UUID:
    return await world.database.write(add_post, world.runtime, place, who, text)


async def said(world: World, place: UUID, **which: UUID | int) -> list[str]:
    return [each.text for each in await world.database.read(posts, place, **which)]  # type: ignore[arg-type]


async def test_a_conversation_is_read_backwards_page_by_page_and_goes_on_from_any_post(world: World) -> None:
    ada, place = await world.person("ada"), await world.workspace()
    one, two, three = [await say(world, place, ada, text) for text in ("one", " two\n", "three")]
    other = await world.workspace()
    await say(world, other, ada, "elsewhere")

    assert await said(world, place) == ["three", "two", "one"]
    assert await said(world, place, limit=2) == ["three", "two"]
    assert await said(world, place, before=two) == ["one"]
    assert await said(world, place, since=one) == ["three", "two"]
    assert await said(world, place, since=three) == []
    assert set(await world.database.read(last_said, [place, other, await world.workspace()])) == {place, other}


@pytest.mark.parametrize(("text", "code"), [("", "required"), (" \n", "required"), ("x" * (LONGEST_POST + 1), "too_long"), ("a\x00b", "invalid")])  # fmt: skip
async def test_a_post_that_says_nothing_or_too_much_is_refused(world: World, text: str, code: str) -> None:
    ada, place = await world.person("ada"), await world.workspace()
    with pytest.raises(Invalid) as refused:
        await say(world, place, ada, text)
    assert refused.value.code == code
    assert await said(world, place) == []


async def test_a_post_is_taken_back_by_its_author_or_an_admin_and_nobody_else(world: World) -> None:
    ada, bob, place = await world.person("ada"), await world.person("bob"), await world.workspace()
    post = await say(world, place, ada, "hello")
    with pytest.raises(Denied):
        await world.database.write(remove_post, place, post, bob, is_admin=False)
    with pytest.raises(NotFound):
        await world.database.write(remove_post, await world.workspace(), post, ada, is_admin=True)
    await world.database.write(remove_post, place, post, ada, is_admin=False)
    second = await say(world, place, ada, "again")
    await world.database.write(remove_post, place, second, bob, is_admin=True)
    assert await said(world, place) == []


async def test_what_a_deleted_person_said_stays_without_their_name(world: World) -> None:
    ada, place = await world.person("ada", displayName="Ada"), await world.workspace()
    await say(world, place, ada, "I was here")
    await world.store.delete(USER, str(ada), None)
    [left] = await world.database.read(posts, place)
    assert (left.text, left.author_id, left.author) == ("I was here", None, None)


async def test_a_deleted_workspace_takes_its_conversation_with_it(world: World) -> None:
    ada, place = await world.person("ada"), await world.workspace()
    await say(world, place, ada, "gone")
    await world.database.write(delete_workspace, world.runtime, place)
    assert await said(world, place) == []


async def test_a_page_of_posts_is_one_range_of_an_index(world: World) -> None:
    place = await world.workspace()

    async def plan(tx: Tx) -> str:
        params = {"workspace": place, "before": place, "since": place, "limit": 30}
        return str(await tx.value("explain (format json) " + POSTS, params))

    found = await world.database.read(plan)
    assert "posts_pkey" in found
    assert "Seq Scan" not in found
