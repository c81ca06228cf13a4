"""Groups inside groups, as a reader who takes nested groups in is told of them (rule S2)."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import TenantDatabase, Tx
from rollcall.directory import FeedEntry, NestedGroups
from tests.directory.making import caught_up, make_application, make_group, make_user, read

NESTED: tuple[NestedGroups, ...] = ("flatten", "mirror")


class House:
    """Sales holds Nord, Nord holds Oslo; Ada is in Sales, Bob in Nord, Cem in Oslo. Sales is assigned."""

    def __init__(self, db: TenantDatabase) -> None:
        self.db = db

    async def build(self) -> House:
        self.application = await make_application(self.db)
        self.ada, self.bob, self.cem = [await make_user(self.db, name) for name in ("ada", "bob", "cem")]
        self.sales, self.nord, self.oslo = [await make_group(self.db, name) for name in ("Sales", "Nord", "Oslo")]
        for group, members in (
            (self.sales, (self.ada, self.nord)),
            (self.nord, (self.bob, self.oslo)),
            (self.oslo, (self.cem,)),
        ):
            for member in members:
                await self.db.write(directory.add_member, group, member)
        await self.db.write(directory.assign, self.application, self.sales)
        return self

    async def assigned_by(self, nested: NestedGroups) -> dict[str, tuple[str, ...]]:
        """Of everybody who is assigned, by displayName: through what."""
        entries, _, _, _ = await read(self.db, self.application, nested=nested)
        return {entry.attributes["displayName"]: entry.assigned_by for entry in entries if entry.assigned}


@pytest.fixture
async def house(tenant_db: TenantDatabase) -> House:
    return await House(tenant_db).build()


async def test_only_direct_members_are_entitled_where_nested_groups_are_left_out(house: House) -> None:
    """S2: direct, Entra's way."""
    assert await house.assigned_by("direct") == {"ada": ("group Sales",), "Sales": ("directly",)}


async def test_flattened_everybody_inside_is_entitled_and_the_chain_says_through_what(house: House) -> None:
    """S2: flatten."""
    assert await house.assigned_by("flatten") == {
        "ada": ("group Sales",),
        "bob": ("group Sales › group Nord",),
        "cem": ("group Sales › group Nord › group Oslo",),
        "Sales": ("directly",),
    }


async def test_mirrored_the_groups_inside_are_entitled_too(house: House) -> None:
    """S2: mirror."""
    assert await house.assigned_by("mirror") == {
        "ada": ("group Sales",),
        "bob": ("group Sales › group Nord",),
        "cem": ("group Sales › group Nord › group Oslo",),
        "Sales": ("directly",),
        "Nord": ("group Sales",),
        "Oslo": ("group Sales › group Nord",),
    }


@pytest.mark.parametrize("nested", NESTED)
async def test_a_deleted_group_on_the_way_entitles_nobody_beneath_it(house: House, nested: NestedGroups) -> None:
    await house.db.write(directory.delete_group, house.nord)

    assert {"ada", "Sales"} == {name for name in await house.assigned_by(nested) if name not in ("Nord",)}


@pytest.mark.parametrize("nested", NESTED)
async def test_groups_round_a_circle_entitle_everybody_in_them_once(house: House, nested: NestedGroups) -> None:
    """S2: cycles among groups are safe."""
    await house.db.write(directory.add_member, house.oslo, house.sales)

    by = await house.assigned_by(nested)

    assert by["Sales"] == ("directly",)
    assert by["cem"] == ("group Sales › group Nord › group Oslo",)
    told = await house.db.read(directory.ties_of_group, str(house.oslo), nested="flatten")
    assert {tie.member_id for tie in told} == {str(house.ada), str(house.bob), str(house.cem)}


async def test_a_role_of_the_outer_group_is_the_role_of_who_is_inside(house: House) -> None:
    entries, _, _, _ = await read(house.db, house.application, nested="flatten")

    (cem,) = [entry for entry in entries if entry.id == str(house.cem)]
    assert [role["displayName"] for role in cem.roles] == ["Default Access"]


async def _news(house: House, watermark: dict[str, Any], nested: NestedGroups) -> tuple[list[FeedEntry], set[Any]]:
    entries, ties, _, _ = await read(house.db, house.application, watermark, nested=nested)
    return entries, {(tie.group_id, tie.member_id, tie.present) for tie in ties}


async def test_a_joiner_of_an_inner_group_is_told_alone_with_every_group_above(house: House) -> None:
    """S2: what one member costs does not depend on how many are in the groups."""
    watermark = await caught_up(house.db, house.application, "flatten")
    dan = await make_user(house.db, "dan")
    await house.db.write(directory.add_member, house.oslo, dan)

    entries, ties = await _news(house, watermark, "flatten")

    assert {(entry.id, entry.assigned) for entry in entries} == {(str(dan), True)}
    assert ties == {(str(group), str(dan), True) for group in (house.sales, house.nord, house.oslo)}


async def test_what_was_taken_apart_from_the_top_is_told_to_the_top(house: House) -> None:
    """The tie that is lost first may be the one that led to the other: the log knows who was above."""
    watermark = await caught_up(house.db, house.application, "flatten")
    await house.db.write(directory.remove_member, house.sales, house.nord)
    await house.db.write(directory.remove_member, house.nord, house.oslo)
    await house.db.write(directory.remove_member, house.oslo, house.cem)

    entries, ties = await _news(house, watermark, "flatten")

    assert {(entry.id, entry.assigned) for entry in entries} == {(str(house.bob), False), (str(house.cem), False)}
    assert {(str(house.sales), str(house.bob), False), (str(house.sales), str(house.cem), False)} <= ties
    assert not {tie for tie in ties if tie[2] and tie[0] == str(house.sales)}


@pytest.mark.parametrize("nested", NESTED)
async def test_the_people_beneath_a_group_come_in_pages_that_a_restart_goes_on_from(
    house: House, nested: NestedGroups
) -> None:
    watermark = await caught_up(house.db, house.application, nested)
    crowd = [await make_user(house.db, f"u{number}") for number in range(9)]
    for number, person in enumerate(crowd):
        await house.db.write(directory.add_member, (house.nord, house.oslo)[number % 2], person)
    await house.db.write(directory.remove_member, house.sales, house.nord)
    watermark = await caught_up_from(house, watermark, nested)
    await house.db.write(directory.add_member, house.sales, house.nord)

    entries, _, _, pages = await read(house.db, house.application, watermark, 3, nested)

    assert {entry.id for entry in entries if entry.assigned and entry.kind == "User"} == {
        str(each) for each in (*crowd, house.bob, house.cem)
    }
    assert max(len(page.entries) for page in pages) <= 6
    assert max(len(page.ties) for page in pages) <= 6
    assert len([page for page in pages if page.watermark.get("expansion")]) > 3


async def caught_up_from(house: House, watermark: dict[str, Any], nested: NestedGroups) -> dict[str, Any]:
    return (await read(house.db, house.application, watermark, nested=nested))[2]


async def test_a_reader_who_takes_nested_groups_otherwise_begins_anew(house: House) -> None:
    watermark = await caught_up(house.db, house.application, "direct")

    page = await house.db.read(directory.feed, house.application, watermark, nested="flatten")

    assert page.full


async def _slow_join(tx: Tx, group: UUID, member: UUID, begun: asyncio.Event, go_on: asyncio.Event) -> None:
    await directory.add_member(tx, group, member)
    begun.set()
    await go_on.wait()


@pytest.mark.parametrize("nested", NESTED)
async def test_a_group_that_joins_in_a_transaction_that_commits_late_is_told(
    house: House, nested: NestedGroups
) -> None:
    outer = await make_group(house.db, "Outer")
    await house.db.write(directory.unassign, house.application, house.sales)
    await house.db.write(directory.assign, house.application, outer)
    watermark = await caught_up(house.db, house.application, nested)
    begun, go_on = asyncio.Event(), asyncio.Event()
    slow = asyncio.create_task(house.db.write(_slow_join, outer, house.sales, begun, go_on))
    await begun.wait()
    await house.db.write(directory.update_user, house.ada, {"city": "Oslo"})

    first, _, watermark, _ = await read(house.db, house.application, watermark, nested=nested)
    go_on.set()
    await slow
    second, _, _, _ = await read(house.db, house.application, watermark, nested=nested)

    assert [(entry.id, entry.assigned) for entry in first] == [(str(house.ada), False)]
    assert {entry.id for entry in second if entry.assigned and entry.kind == "User"} == {
        str(each) for each in (house.ada, house.bob, house.cem)
    }


async def test_a_group_taken_out_by_a_writer_that_commits_late_is_still_known_to_have_been_above(house: House) -> None:
    watermark = await caught_up(house.db, house.application, "flatten")
    begun, go_on = asyncio.Event(), asyncio.Event()
    slow = asyncio.create_task(house.db.write(_slow_leave, house.sales, house.nord, begun, go_on))
    await begun.wait()
    await make_user(house.db, "later")
    watermark = await caught_up_from(house, watermark, "flatten")
    go_on.set()
    await slow
    await house.db.write(directory.remove_member, house.nord, house.bob)

    _, ties = await _news(house, watermark, "flatten")

    assert (str(house.sales), str(house.bob), False) in ties


async def _slow_leave(tx: Tx, group: UUID, member: UUID, begun: asyncio.Event, go_on: asyncio.Event) -> None:
    await directory.remove_member(tx, group, member)
    begun.set()
    await go_on.wait()


async def test_the_groups_that_are_left_out_are_named_with_who_comes_in_by_no_other_way(house: House) -> None:
    """S2: beyond Entra, which leaves them out and says nothing."""
    await house.db.write(directory.assign, house.application, house.cem)

    (nord,) = await house.db.read(directory.left_out_groups, house.application)

    assert (nord.display_name, nord.inside_display_name, nord.people, nord.or_more) == ("Nord", "Sales", 1, False)
    assert (nord.id, nord.inside_id) == (str(house.nord), str(house.sales))


async def test_no_group_is_left_out_that_is_assigned_itself_or_deleted(house: House) -> None:
    await house.db.write(directory.delete_group, house.oslo)
    await house.db.write(directory.assign, house.application, house.nord)

    assert await house.db.read(directory.left_out_groups, house.application) == []


async def test_the_left_out_are_asked_for_one_assigned_group(house: House) -> None:
    other = await make_group(house.db, "Other")
    await house.db.write(directory.add_member, other, house.oslo)
    await house.db.write(directory.add_member, other, other_circle := await make_group(house.db, "Circle"))
    await house.db.write(directory.add_member, other_circle, other)
    await house.db.write(directory.assign, house.application, other)

    every = await house.db.read(directory.left_out_groups, house.application)
    inside = await house.db.read(directory.left_out_groups, house.application, inside=house.sales)

    assert [(each.inside_display_name, each.display_name) for each in every] == [
        ("Other", "Circle"),
        ("Other", "Oslo"),
        ("Sales", "Nord"),
    ]
    assert [each.display_name for each in inside] == ["Nord"]
