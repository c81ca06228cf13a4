"""Where people go, by the pages: My workspaces, a workspace, its members, and what rows O5 to O7 and O14 say there."""

from __future__ import annotations

from uuid import UUID

import pytest

from rollcall.workspaces.access_model import Role
from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.feed import posts
from tests.browser import Browser
from tests.workspaces.pages.site import Site
from tests.workspaces.places_world import BOTH, PARTICIPANT

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def place(site: Site, *, admin: UUID | None = None, groups: tuple[str, ...] = (), slug: str | None = None) -> tuple[UUID, str]:  # fmt: skip
    slug = slug or f"w{site.world.runtime.new_id().hex}"
    return await site.world.workspace(*groups, slug=slug, admin=admin), slug


async def inside(site: Site, user: UUID, workspace: UUID) -> Browser:
    """A browser that a login link of a workspace opened it with."""
    return await site.signed_in(user, method="link", workspace=workspace)


async def synchronised(site: Site, *members: UUID) -> tuple[UUID, str]:
    """A workspace that lists a group with these members."""
    name = f"Team{site.world.runtime.new_id().hex}"
    await site.world.group(name, *members)
    return await place(site, groups=(name.lower(),))


async def actions(site: Site) -> list[str]:
    found = await site.db.read(read_audit, AuditQuery())
    return [
        each.what.action
        for each in reversed(found)
        if each.actor.name != "system" and each.what.action.startswith(("membership.", "workspace."))
    ]


async def test_my_workspaces_are_those_i_am_a_member_of_and_open(site: Site) -> None:
    ada = await site.world.person("ada")
    _, slug = await place(site, admin=ada)
    _, other = await place(site)
    browser = await site.signed_in(ada)
    page = (await browser.get("/home")).content.decode()
    assert f'href="/w/{slug}"' in page
    assert other not in page
    assert "You are an admin" in browser.text

    ben = await site.signed_in(await site.world.person("ben"))
    await ben.get("/home")
    assert "You are in no workspace yet" in ben.text


async def test_what_is_said_is_shown_to_members_and_taken_back_by_its_author(site: Site) -> None:
    ada = await site.world.person("ada", displayName="Ada Lovelace")
    identifier, slug = await place(site, admin=ada)
    browser = await inside(site, ada, identifier)
    await browser.get(f"/w/{slug}")
    assert "Nothing was said yet" in browser.text
    assert (await browser.submit(f"/w/{slug}/posts", text="<b>Hello</b>")).status == 303
    page = (await browser.get(f"/w/{slug}")).content.decode()
    assert "&lt;b&gt;Hello&lt;/b&gt;" in page
    [post] = await site.db.read(posts, identifier)
    assert (await browser.submit(f"/w/{slug}/posts/{post.id}/remove")).status == 303
    assert await site.db.read(posts, identifier) == []


async def test_an_empty_post_is_refused_and_a_foreign_form_is_too(site: Site) -> None:
    ada = await site.world.person("ada")
    identifier, slug = await place(site, admin=ada)
    browser = await inside(site, ada, identifier)
    await browser.get(f"/w/{slug}")
    assert (await browser.submit(f"/w/{slug}/posts", text="  ")).status == 422
    assert (await browser.post(f"/w/{slug}/posts", {"text": "forged"})).status == 403
    assert await site.db.read(posts, identifier) == []


async def test_who_is_no_member_sees_and_says_nothing(site: Site) -> None:
    ada = await site.world.person("ada")
    identifier, slug = await place(site, admin=ada)
    browser = await site.signed_in(await site.world.person("eve"))
    for address in (f"/w/{slug}", f"/w/{slug}/members", f"/w/{slug}/stream"):
        reply = await browser.get(address)
        assert reply.status in (303, 403)
        assert b"ada" not in reply.content
    await browser.get("/profile")
    form = browser.form("/profile/log-out-everywhere")
    reply = await browser.post(f"/w/{slug}/posts", form.values | {"text": "hi"}, origin="https://rooms.example.com")
    assert reply.status == 403
    assert await site.db.read(posts, identifier) == []


async def test_participants_read_the_members_and_change_nothing(site: Site) -> None:
    ada, ben = await site.world.person("ada"), await site.world.person("ben")
    identifier, own = await place(site, admin=ada)
    browser, admin = await inside(site, ben, identifier), await inside(site, ada, identifier)
    await admin.get(f"/w/{own}/members")
    await admin.submit(f"/w/{own}/members/add", who="ben", as_admin="")
    page = (await browser.get(f"/w/{own}/members")).content.decode()
    assert "ada" in browser.text
    assert "/members/add" not in page
    await browser.get("/profile")
    values = browser.form("/profile/log-out-everywhere").values
    reply = await browser.post(f"/w/{own}/members/{ada}/remove", values, origin="https://rooms.example.com")
    assert reply.status == 403


@pytest.mark.parametrize("from_dashboard", [False, True], ids=["in the workspace", "on the dashboard"])
class TestMembers:
    """The same page from both sides."""

    async def open(self, site: Site, from_dashboard: bool, identifier: UUID, slug: str, admin: UUID) -> tuple[Browser, str]:  # fmt: skip
        if from_dashboard:
            _, browser = await site.main_user()
            base = f"/dashboard/workspaces/{identifier}/members"
        else:
            browser, base = await inside(site, admin, identifier), f"/w/{slug}/members"
        await browser.get(base)
        return browser, base

    async def base(self, site: Site, from_dashboard: bool) -> tuple[UUID, UUID, Browser, str]:
        """A workspace that a group is listed in, with one admin by hand."""
        ada, ben = await site.world.person("ada"), await site.world.person("ben")
        await site.world.group("Crew", ben)
        identifier, slug = await place(site, admin=ada, groups=("crew",))
        browser, base = await self.open(site, from_dashboard, identifier, slug, ada)
        return ada, identifier, browser, base

    async def test_o7_somebody_is_added_or_invited_by_hand(self, site: Site, from_dashboard: bool) -> None:
        """O7."""
        _, identifier, browser, base = await self.base(site, from_dashboard)
        cay = await site.world.person("cay@x.com")
        assert (await browser.submit(f"{base}/add", who="CAY@x.com", as_admin="")).status == 303
        assert await site.world.origins(identifier, cay) == ("manual",)
        await browser.get(base)
        reply = await browser.submit(f"{base}/add", who="guest@y.com", display_name="A Guest", as_admin="")
        assert reply.status == 303
        await browser.get(reply.headers["location"])
        assert "A Guest" in browser.text
        await browser.get(base)
        assert (await browser.submit(f"{base}/add", who="cay@x.com", as_admin="")).status == 409
        assert "already_member" in browser.text
        assert (await browser.submit(f"{base}/add", who="nobody", as_admin="")).status == 404
        assert (await actions(site)).count("membership.added") == 2

    async def test_last_admin_stays(self, site: Site, from_dashboard: bool) -> None:
        """last_admin."""
        ada, identifier, browser, base = await self.base(site, from_dashboard)
        for act in ("remove", "roles"):
            await browser.get(base)
            reply = await browser.submit(f"{base}/{ada}/{act}", **({"admin": "", "participant": "true"} if act == "roles" else {}))  # fmt: skip
            assert (reply.status, "last_admin" in browser.text) == (409, True)
        assert await site.world.roles(identifier, ada) == BOTH


async def test_o6_a_synchronised_member_is_not_removed_by_hand(site: Site) -> None:
    """O6, and O15: off, it no longer applies."""
    ben = await site.world.person("ben")
    identifier, _ = await synchronised(site, ben)
    _, browser = await site.main_user()
    base = f"/dashboard/workspaces/{identifier}/members"
    await browser.get(base)
    values = browser.form(f"{base}/add").values
    reply = await browser.post(f"{base}/{ben}/remove", values, origin="https://rooms.example.com")
    assert (reply.status, "managed_by_synchronization" in browser.text) == (409, True)
    assert (await site.world.origins(identifier, ben))[0].startswith("scim:")

    await site.world.synchronise(False)
    await browser.get(base)
    assert (await browser.submit(f"{base}/{ben}/remove")).status == 303
    assert await site.world.origins(identifier, ben) == ()


async def test_o5_a_role_given_by_hand_lasts_as_long_as_the_membership(site: Site) -> None:
    """O5."""
    ben = await site.world.person("ben")
    group = await site.world.group("Crew", ben)
    identifier, _ = await place(site, groups=("crew",))
    _, browser = await site.main_user()
    base = f"/dashboard/workspaces/{identifier}/members"
    await browser.get(base)
    assert (await browser.submit(f"{base}/{ben}/roles", admin="true", participant="true")).status == 303
    assert await site.world.roles(identifier, ben) == BOTH
    await site.world.change(group, "displayName", "Crew of all")
    assert await site.world.roles(identifier, ben) == BOTH
    await site.world.leave(group, ben)
    await site.world.join(group, ben)
    assert await site.world.roles(identifier, ben) == PARTICIPANT
    assert "membership.role_changed" in await actions(site)


async def test_whoever_changes_their_own_role_goes_on_with_a_new_handle(site: Site) -> None:
    ada, ben = await site.world.person("ada"), await site.world.person("ben")
    identifier, slug = await place(site, admin=ada)
    browser = await inside(site, ada, identifier)
    await browser.get(f"/w/{slug}/members")
    await browser.submit(f"/w/{slug}/members/add", who="ben", as_admin="true")
    assert await site.world.roles(identifier, ben) == BOTH
    await browser.get(f"/w/{slug}/members")
    old = dict(browser.cookies)
    assert (await browser.submit(f"/w/{slug}/members/{ada}/roles", admin="", participant="true")).status == 303
    assert browser.cookies != old
    assert (await browser.get(f"/w/{slug}")).status == 200
    stale = site.browser()
    stale.cookies = old
    assert (await stale.get(f"/w/{slug}")).status == 303
    assert Role.ADMIN not in await site.world.roles(identifier, ada)


async def test_a_removed_member_is_out_at_the_next_click(site: Site) -> None:
    ada, ben = await site.world.person("ada"), await site.world.person("ben")
    identifier, slug = await place(site, admin=ada)
    admin, member = await inside(site, ada, identifier), await inside(site, ben, identifier)
    await admin.get(f"/w/{slug}/members")
    await admin.submit(f"/w/{slug}/members/add", who="ben", as_admin="")
    assert (await member.get(f"/w/{slug}")).status == 200
    await admin.get(f"/w/{slug}/members")
    assert (await admin.submit(f"/w/{slug}/members/{ben}/remove")).status == 303
    assert (await member.get(f"/w/{slug}")).status == 403


async def test_o14_an_archived_workspace_lets_nobody_in_until_it_is_open_again(site: Site) -> None:
    """O14."""
    ada = await site.world.person("ada")
    identifier, slug = await place(site, admin=ada)
    member = await inside(site, ada, identifier)
    _, browser = await site.main_user()
    here = f"/dashboard/workspaces/{identifier}"
    await browser.get(here)
    assert (await browser.submit(f"{here}/state")).status == 303
    assert (await member.get(f"/w/{slug}")).status == 403
    await browser.get(here)
    assert "Archived" in browser.text
    assert (await browser.submit(f"{here}/state")).status == 303
    assert (await member.get(f"/w/{slug}")).status == 200
    assert [each for each in await actions(site) if each.startswith("workspace")] == ["workspace.archived", "workspace.reopened"]  # fmt: skip


async def test_a_workspace_is_made_duplicated_renamed_and_deleted_on_the_dashboard(site: Site) -> None:
    mia, browser = await site.main_user()
    slug = f"s{site.world.runtime.new_id().hex}"
    await browser.get("/dashboard/workspaces")
    assert "No workspaces yet" in browser.text
    await browser.get("/dashboard/workspaces/new")
    reply = await browser.submit("/dashboard/workspaces/new", name="Product launch", slug=slug, join="true")
    assert reply.status == 303
    here = reply.headers["location"].partition("?")[0]
    identifier = UUID(here.rpartition("/")[2])
    assert await site.world.roles(identifier, mia) == BOTH
    await browser.get("/dashboard/workspaces/new")
    assert (await browser.submit("/dashboard/workspaces/new", name="Other", slug=slug)).status == 409
    assert (await browser.submit("/dashboard/workspaces/new", name="Other", slug="Not possible")).status == 422
    await browser.get(f"/dashboard/workspaces/new?from={identifier}")
    assert (
        await browser.submit("/dashboard/workspaces/new", name="Copy", slug=f"{slug}-2"[:63], join="")
    ).status == 303
    await browser.get(here)
    assert (await browser.submit(f"{here}/name", name="Launch")).status == 303
    await browser.get("/dashboard/workspaces?q=LAU")
    assert "Launch" in browser.text
    assert "Copy" not in browser.text
    await browser.get(here)
    assert (await browser.submit(f"{here}/delete", slug="something")).status == 422
    await browser.get(here)
    assert (await browser.submit(f"{here}/delete", slug=slug)).status == 303
    assert (await browser.get(here)).status == 404
    assert [each for each in await actions(site) if each.startswith("workspace")] == [
        "workspace.created", "workspace.duplicated", "workspace.renamed", "workspace.deleted"
    ]  # fmt: skip


async def test_no_page_of_the_dashboard_is_there_for_others(site: Site) -> None:
    ada = await site.world.person("ada")
    identifier, _ = await place(site, admin=ada)
    browser = await site.signed_in(ada)
    for address in (
        "/dashboard", "/dashboard/workspaces", "/dashboard/people", "/dashboard/groups", f"/dashboard/people/{ada}",
        f"/dashboard/workspaces/{identifier}", f"/dashboard/workspaces/{identifier}/members",
    ):  # fmt: skip
        reply = await browser.get(address)
        assert reply.status in (303, 403, 404)
        assert b"ada" not in reply.content.replace(b"/dashboard", b"")
