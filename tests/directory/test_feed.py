"""What the feed says after each kind of change."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import Database, TenantDatabase
from rollcall.directory import FeedEntry, FeedTie
from rollcall.errors import NotFound
from rollcall.runtime import Runtime
from tests.directory.making import caught_up, make_application, make_group, make_user, read


async def test_a_first_read_gives_everybody_every_group_and_every_tie(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    ada = await make_user(tenant_db, "Ada", department="Sales", businessPhones=["+1"])
    bob = await make_user(tenant_db, "Bob", manager=str(ada), accountEnabled=False)
    sales = await make_group(tenant_db, "Field Sales")
    await tenant_db.write(directory.add_member, sales, ada)
    await tenant_db.write(directory.assign, application, sales)

    entries, ties, _, pages = await read(tenant_db, application, limit=1)

    by_id = {entry.id: entry for entry in entries}
    assert len(entries) == len(by_id) == 3
    assert by_id[str(ada)] == FeedEntry(
        "User",
        str(ada),
        "present",
        {
            "id": str(ada),
            "userPrincipalName": "Ada@example.com",
            "displayName": "Ada",
            "accountEnabled": True,
            "department": "Sales",
            "businessPhones": ["+1"],
        },
        True,
        ("group Field Sales",),
        ({"id": str(directory.DEFAULT_APP_ROLE), "displayName": "Default Access", "value": None},),
    )
    assert not by_id[str(bob)].assigned
    assert by_id[str(bob)].attributes["manager"] == str(ada)
    assert by_id[str(bob)].attributes["accountEnabled"] is False
    assert by_id[str(sales)].assigned_by == ("directly",)
    assert ties == [FeedTie(str(sales), str(ada), True, "User")]
    assert [page.full for page in pages] == [True] * (len(pages) - 1) + [False]
    assert {page.total for page in pages if page.full} == {3}


async def test_a_first_read_without_ties_gives_everybody_and_then_the_ties_that_change(
    tenant_db: TenantDatabase,
) -> None:
    application = await make_application(tenant_db)
    ada, bob = await make_user(tenant_db, "Ada"), await make_user(tenant_db, "Bob")
    sales = await make_group(tenant_db, "Field Sales")
    await tenant_db.write(directory.add_member, sales, ada)
    watermark: dict[str, Any] | None = None
    pages: list[directory.FeedPage] = []
    while not pages or pages[-1].more:
        if len(pages) == 1:
            await tenant_db.write(directory.add_member, sales, bob)
        page = await tenant_db.read(directory.feed, application, watermark, 1, full_with_ties=False)
        pages.append(page)
        watermark = page.watermark

    assert {entry.id for page in pages if page.full for entry in page.entries} == {str(ada), str(bob), str(sales)}
    assert [page.ties for page in pages if page.ties] == [[FeedTie(str(sales), str(bob), True, "User")]]
    assert not pages[-1].full


async def test_nothing_new_gives_an_empty_page(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    await make_user(tenant_db, "Ada")
    watermark = await caught_up(tenant_db, application)

    page = await tenant_db.read(directory.feed, application, watermark, 100)

    assert (page.entries, page.ties, page.more, page.full) == ([], [], False, False)


async def test_what_changes_during_a_full_read_follows_it(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    for number in range(5):
        await make_user(tenant_db, f"u{number}")
    first = await tenant_db.read(directory.feed, application, None, 2)
    changed = UUID(first.entries[0].id)
    await tenant_db.write(directory.update_user, changed, {"jobTitle": "Clerk"})

    entries, _, _, _ = await read(tenant_db, application, first.watermark, 2)

    assert entries[-1].id == str(changed)
    assert entries[-1].attributes["jobTitle"] == "Clerk"


async def test_soft_delete_restore_and_purge_of_a_user_are_seen(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    ada, boss = await make_user(tenant_db, "Ada"), await make_user(tenant_db, "Boss")
    await tenant_db.write(directory.set_manager, ada, boss)
    sales = await make_group(tenant_db, "Sales")
    await tenant_db.write(directory.add_member, sales, boss)
    watermark = await caught_up(tenant_db, application)

    await tenant_db.write(directory.delete_user, boss)
    deleted, _, watermark, _ = await read(tenant_db, application, watermark)
    await tenant_db.write(directory.restore_user, boss)
    restored, _, watermark, _ = await read(tenant_db, application, watermark)
    await tenant_db.write(directory.purge_user, boss)
    purged, ties, _, _ = await read(tenant_db, application, watermark)

    assert [(entry.id, entry.state) for entry in deleted] == [(str(boss), "deleted")]
    assert "deletedDateTime" in deleted[0].attributes
    assert [(entry.id, entry.state) for entry in restored] == [(str(boss), "present")]
    assert {(entry.id, entry.state) for entry in purged} == {(str(boss), "gone"), (str(ada), "present")}
    assert "manager" not in next(entry for entry in purged if entry.id == str(ada)).attributes
    assert ties == [FeedTie(str(sales), str(boss), False, "User")]


async def test_a_change_of_members_gives_the_tie_and_the_member(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    ada, sales, nested = (
        await make_user(tenant_db, "Ada"),
        await make_group(tenant_db, "Sales"),
        await make_group(tenant_db, "In"),
    )
    await tenant_db.write(directory.assign, application, sales)
    watermark = await caught_up(tenant_db, application)

    await tenant_db.write(directory.add_member, sales, ada)
    await tenant_db.write(directory.add_member, sales, nested)
    added, added_ties, watermark, _ = await read(tenant_db, application, watermark)
    await tenant_db.write(directory.remove_member, sales, ada)
    removed, removed_ties, _, _ = await read(tenant_db, application, watermark)

    assert [(entry.id, entry.assigned) for entry in added] == [(str(ada), True)]
    assert set(added_ties) == {
        FeedTie(str(sales), str(ada), True, "User"),
        FeedTie(str(sales), str(nested), True, "Group"),
    }
    assert [(entry.id, entry.assigned) for entry in removed] == [(str(ada), False)]
    assert removed_ties == [FeedTie(str(sales), str(ada), False, "User")]


@pytest.mark.parametrize("limit", [1, 3, 7, 100])
async def test_assigning_a_group_brings_its_members_page_by_page(tenant_db: TenantDatabase, limit: int) -> None:
    application = await make_application(tenant_db)
    sales, other = await make_group(tenant_db, "Sales"), await make_group(tenant_db, "Other")
    people = [await make_user(tenant_db, f"u{number}") for number in range(7)]
    for person in people:
        await tenant_db.write(directory.add_member, sales, person)
    await tenant_db.write(directory.add_member, other, people[0])
    watermark = await caught_up(tenant_db, application)

    await tenant_db.write(directory.assign, application, sales)
    await tenant_db.write(directory.assign, application, other)
    await tenant_db.write(directory.update_user, people[1], {"city": "Oslo"})
    entries, ties, _, pages = await read(tenant_db, application, watermark, limit)

    assert {entry.id for entry in entries} == {str(each) for each in [*people, sales, other]}
    assert all(entry.assigned for entry in entries)
    assert {(tie.group_id, tie.member_id) for tie in ties} == {
        *((str(sales), str(person)) for person in people),
        (str(other), str(people[0])),
    }
    assert all(len(page.entries) <= 2 * limit for page in pages)


@pytest.mark.parametrize("end", ["unassign", "delete", "purge"])
async def test_when_an_assigned_group_goes_its_members_are_looked_at_again(tenant_db: TenantDatabase, end: str) -> None:
    application = await make_application(tenant_db)
    sales, ada = await make_group(tenant_db, "Sales"), await make_user(tenant_db, "Ada")
    await tenant_db.write(directory.add_member, sales, ada)
    await tenant_db.write(directory.assign, application, sales)
    watermark = await caught_up(tenant_db, application)

    if end == "unassign":
        await tenant_db.write(directory.unassign, application, sales)
    elif end == "delete":
        await tenant_db.write(directory.delete_group, sales)
    else:
        await tenant_db.write(directory.purge_group, sales)
    entries, _, watermark, _ = await read(tenant_db, application, watermark)

    states = {entry.id: (entry.state, entry.assigned) for entry in entries}
    assert states[str(ada)] == ("present", False)
    assert (
        states[str(sales)]
        == {
            "unassign": ("present", False),
            "delete": ("deleted", True),
            "purge": ("gone", False),
        }[end]
    )
    if end == "delete":
        await tenant_db.write(directory.restore_group, sales)
        entries, ties, _, _ = await read(tenant_db, application, watermark)
        assert {(entry.id, entry.assigned) for entry in entries} == {(str(sales), True), (str(ada), True)}
        assert ties == [FeedTie(str(sales), str(ada), True, "User")]


async def test_a_member_who_left_a_group_that_lost_its_assignment_is_looked_at_again(
    tenant_db: TenantDatabase,
) -> None:
    application = await make_application(tenant_db)
    sales, ada = await make_group(tenant_db, "Sales"), await make_user(tenant_db, "Ada")
    await tenant_db.write(directory.add_member, sales, ada)
    await tenant_db.write(directory.assign, application, sales)
    watermark = await caught_up(tenant_db, application)

    await tenant_db.write(directory.remove_member, sales, ada)
    await tenant_db.write(directory.unassign, application, sales)
    entries, _, _, _ = await read(tenant_db, application, watermark)

    assert (str(ada), False) in {(entry.id, entry.assigned) for entry in entries}


async def test_assignments_of_another_application_are_no_news(tenant_db: TenantDatabase) -> None:
    application, other = await make_application(tenant_db), await make_application(tenant_db)
    ada = await make_user(tenant_db, "Ada")
    watermark = await caught_up(tenant_db, application)
    await tenant_db.write(directory.assign, other, ada)

    entries, _, _, _ = await read(tenant_db, application, watermark)

    assert entries == []


async def test_nested_groups_entitle_nobody(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    outer, inner, ada = (
        await make_group(tenant_db, "Outer"),
        await make_group(tenant_db, "Inner"),
        await make_user(tenant_db, "A"),
    )
    await tenant_db.write(directory.add_member, outer, inner)
    await tenant_db.write(directory.add_member, inner, ada)
    await tenant_db.write(directory.assign, application, outer)

    [entry] = await tenant_db.read(directory.present, application, [("User", str(ada))])

    assert not entry.assigned


async def test_roles_and_reasons_are_named(tenant_db: TenantDatabase, runtime: Runtime) -> None:
    editor = directory.AppRole(runtime.new_id(), "Editor", "editor")
    application = await tenant_db.write(directory.create_service_principal, "Workspaces", app_roles=[editor])
    sales, ada = await make_group(tenant_db, "Field Sales"), await make_user(tenant_db, "Ada")
    await tenant_db.write(directory.add_member, sales, ada)
    await tenant_db.write(directory.assign, application, sales, editor.id)
    await tenant_db.write(directory.assign, application, ada)

    [entry, gone] = await tenant_db.read(
        directory.present, application, [("User", str(ada)), ("Group", str(application))]
    )

    assert entry.assigned_by == ("directly", "group Field Sales")
    assert [role["displayName"] for role in entry.roles] == ["Default Access", "Editor"]
    assert entry.roles[1] == {"id": str(editor.id), "displayName": "Editor", "value": "editor"}
    assert (gone.kind, gone.state, gone.attributes) == ("Group", "gone", {})


async def test_a_watermark_older_than_what_is_kept_starts_a_full_read(
    tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    application = await make_application(tenant_db)
    ada = await make_user(tenant_db, "Ada")
    watermark = await caught_up(tenant_db, application)
    await tenant_db.write(directory.update_user, ada, {"city": "Oslo"})
    assert await tenant_db.write(directory.prune_changes, runtime.now() - timedelta(hours=1)) == 0
    assert await tenant_db.write(directory.prune_changes, runtime.now() + timedelta(hours=1)) == 3

    entries, _, watermark, pages = await read(tenant_db, application, watermark)

    assert pages[0].full
    assert [entry.id for entry in entries] == [str(ada)]
    assert not (await tenant_db.read(directory.feed, application, watermark, 10)).full


@pytest.mark.parametrize("wrong", [{}, {"log": "another", "phase": "changes"}, {"since": [9**18, 9**18, []]}])
async def test_a_watermark_that_is_not_of_this_log_starts_a_full_read(
    tenant_db: TenantDatabase, wrong: dict[str, Any]
) -> None:
    application = await make_application(tenant_db)
    watermark = (await caught_up(tenant_db, application)) | wrong if wrong else {}

    page = await tenant_db.read(directory.feed, application, watermark, 10)

    assert page.full


async def test_a_watermark_of_another_tenant_starts_a_full_read(database: Database, runtime: Runtime) -> None:
    mine, theirs = database.tenant(runtime.new_id()), database.tenant(runtime.new_id())
    watermark = await caught_up(theirs, await make_application(theirs))
    application = await make_application(mine)

    assert (await mine.read(directory.feed, application, watermark, 10)).full


async def test_a_listener_is_told_the_tenant_when_something_changed(database: Database, runtime: Runtime) -> None:
    tenant, quiet = database.tenant(runtime.new_id()), database.tenant(runtime.new_id())
    ada, bob = await make_user(tenant, "Ada"), await make_user(quiet, "Bob")
    told: list[str] = []
    listening = database.listen(directory.CHANNEL)

    async def listen() -> None:
        async for payload in listening:
            told.append(payload)
            if payload == str(tenant.tenant):
                return

    listener = asyncio.create_task(listen())
    while not listener.done():
        await quiet.write(directory.update_user, bob, {"displayName": "Bob"})
        await tenant.write(directory.update_user, ada, {"city": str(runtime.monotonic())})
        await runtime.sleep(0.02)
    await listener
    await listening.aclose()

    assert str(tenant.tenant) in told
    assert str(quiet.tenant) not in told


async def test_an_unknown_application_has_no_feed(tenant_db: TenantDatabase, runtime: Runtime) -> None:
    with pytest.raises(NotFound):
        await tenant_db.read(directory.feed, runtime.new_id(), None, 10)


async def test_ties_can_be_asked_for_from_both_ends(tenant_db: TenantDatabase) -> None:
    sales, ada, bob = (
        await make_group(tenant_db, "Sales"),
        await make_user(tenant_db, "Ada"),
        await make_user(tenant_db, "Bob"),
    )
    await tenant_db.write(directory.add_member, sales, ada)
    await tenant_db.write(directory.add_member, sales, bob)

    first = await tenant_db.read(directory.ties_of_group, str(sales), limit=1)
    second = await tenant_db.read(directory.ties_of_group, str(sales), after=first[0].member_id)
    of_ada = await tenant_db.read(directory.ties_of_members, [str(ada)])

    assert [tie.member_id for tie in first + second] == [str(ada), str(bob)]
    assert of_ada == first
