"""Login links of workspaces: who is mailed one, what opening and using it does, and registering by one."""

from __future__ import annotations

import asyncio
import re
from copy import copy
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from rollcall.db import Database, Tx
from rollcall.mail import Mail, Sent
from rollcall.runtime import Runtime
from rollcall.scim.schema import USER
from rollcall.web import Cookies
from rollcall.workspaces.access_model import Allow, DoorKind
from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.memberships import add_member, remove_member
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.people import delete_person, suspend
from rollcall.workspaces.places import archive_workspace
from rollcall.workspaces.sso.edges import SESSION
from rollcall.workspaces.sso.sessions import end_sessions_of_user
from rollcall.workspaces.visiting import visit
from tests.browser import Browser
from tests.contracts.resource_store import operation, patch
from tests.scim_http.asgi import Reply
from tests.workspaces.pages.site import BASE, Site, open_site

ADA = "ada@acme.example"
STRANGER = "eve@elsewhere.example"


@dataclass
class Letters:
    """A mail server that keeps what it is given."""

    mails: list[Mail] = field(default_factory=list)

    async def __call__(self, mail: Mail) -> Sent:
        self.mails.append(mail)
        return Sent("taken over")

    async def arrived(self) -> list[Mail]:
        for _ in range(10):
            await asyncio.sleep(0)
        return self.mails


@dataclass
class Links:
    """A workspace, a member with an address, and their mail."""

    site: Site
    letters: Letters
    workspace: UUID
    slug: str
    ada: UUID

    @property
    def path(self) -> str:
        return f"/w/{self.slug}"

    async def settings(self, **fields: Any) -> None:
        if fields:
            await self.site.world.settings(self.workspace, **fields)

    async def ask(self, address: str = ADA, browser: Browser | None = None) -> Reply:
        browser = browser or self.site.browser()
        await browser.get(f"{self.path}/login")
        return await browser.submit(f"{self.path}/login/link", address=address)

    async def link(self, address: str = ADA) -> str:
        """The path of a link that was asked for and mailed."""
        assert (await self.ask(address)).status == 303
        mails = await self.letters.arrived()
        assert mails, "a link was mailed"
        assert mails[-1].to == address
        found = re.search(rf"{BASE}(/\S+)", mails[-1].text)
        assert found is not None
        return found[1]

    async def use(self, link: str) -> tuple[Browser, Reply]:
        browser = self.site.browser()
        reply = await browser.get(link)
        if reply.status == 200:
            reply = await browser.submit(link)
        return browser, reply

    async def at(self, browser: Browser, slug: str | None = None) -> str:
        """What the door of a workspace says to the session of a browser: allow and roles, or the reason."""
        handle = browser.cookies[Cookies("workspaces", BASE).name(SESSION)]
        now = self.site.world.runtime.now()
        seen = await self.site.db.read(visit, DoorKind.WORKSPACE, slug or self.slug, handle, now)
        return "allow" if isinstance(seen.decision, Allow) else seen.decision.reason.value

    async def audited(self, action: str) -> list[str]:
        return [each.what.reason for each in await self.site.db.read(read_audit, AuditQuery(action=action))]


@pytest.fixture
async def links(database: Database, runtime: Runtime) -> Links:
    letters = Letters()
    site = await open_site(database, runtime, letters)
    slug = f"w{runtime.new_id().hex}"
    ada = await site.world.person("ada", emails=[{"value": ADA, "primary": True}])
    workspace = await site.world.workspace(slug=slug)
    await site.db.write(add_member, runtime, workspace, ada, Origin.MANUAL)
    return Links(site, letters, workspace, slug, ada)


async def test_w12_a_member_signs_in_with_a_mailed_link(links: Links) -> None:
    """(row W12)"""
    link = await links.link()
    browser = links.site.browser()
    await browser.get(link)
    assert "a•••@acme.example" in browser.text
    assert ADA not in browser.text
    reply = await browser.submit(link)
    assert (reply.status, reply.headers["location"]) == (303, links.path)
    assert await links.at(browser) == "allow"
    assert await links.audited("auth.link.sent") == [""]
    assert await links.audited("auth.link.used") == [""]


async def test_opening_a_link_uses_nothing_up_and_using_it_does(links: Links) -> None:
    link = await links.link()
    for _ in range(3):
        assert (await links.site.browser().get(link)).status == 200
    _, first = await links.use(link)
    assert first.status == 303
    _, again = await links.use(link)
    assert again.status == 410


async def test_the_button_works_in_the_browser_that_opened_the_link_only(links: Links) -> None:
    """(check C11)"""
    link = await links.link()
    opened = links.site.browser()
    await opened.get(link)
    other = links.site.browser()
    await other.get(f"{links.path}/login")
    token = opened.form(link).values["anti_forgery"]
    assert (await other.post(link, {"anti_forgery": token})).status == 403
    assert (await opened.submit(link)).status == 303


async def test_two_presses_of_the_button_use_a_link_once(links: Links) -> None:
    link = await links.link()
    browsers = [Browser(copy(links.site.client), base=BASE) for _ in range(4)]
    for each in browsers:
        await each.get(link)
    replies = await asyncio.gather(*(each.submit(link) for each in browsers))
    assert sorted(each.status for each in replies) == [303, 410, 410, 410]


@pytest.mark.parametrize(("uses", "works"), [(2, [303, 303, 410]), (0, [303, 303, 303])])
async def test_a_link_works_as_often_as_the_settings_say(links: Links, uses: int, works: list[int]) -> None:
    await links.settings(link_uses=uses)
    link = await links.link()
    assert [(await links.use(link))[1].status for _ in works] == works


async def _expire(tx: Tx) -> None:
    await tx.run("update workspaces.login_links set expires = created")


async def _rename(links: Links) -> None:
    await _patched(links, "userName", "ada.lovelace")


async def _readdress(links: Links) -> None:
    await _patched(links, "emails", [{"value": "lovelace@acme.example", "primary": True}])


async def _patched(links: Links, attribute: str, value: Any) -> None:
    from_scim = links.site.world.store
    await patch(from_scim, USER, str(links.ada), operation("replace", attribute, value))


async def _inactive(links: Links) -> None:
    await links.site.world.set_active(links.ada, False)


async def _inactive_and_active(links: Links) -> None:
    await links.site.world.set_active(links.ada, False)
    await links.site.world.set_active(links.ada, True)


async def _suspended(links: Links) -> None:
    await links.site.db.write(suspend, links.site.world.runtime, links.ada, break_glass=True)


async def _deleted(links: Links) -> None:
    await links.site.world.store.delete(USER, str(links.ada), None)


async def _everywhere(links: Links) -> None:
    await links.site.db.write(end_sessions_of_user, links.ada)


async def _too_old(links: Links) -> None:
    await links.site.db.write(_expire)


async def _off(links: Links) -> None:
    await links.settings(links=False)


async def _enforced(links: Links) -> None:
    await links.settings(sso=True, configuration_id=links.site.world.configuration, sso_required_for=["acme.example"])


async def _archived(links: Links) -> None:
    await links.site.db.write(archive_workspace, links.site.world.runtime, links.workspace)


async def _no_member(links: Links) -> None:
    await links.settings(registration=True)
    await links.site.db.write(remove_member, links.site.world.runtime, links.workspace, links.ada)


async def _other_door(links: Links) -> None:
    await links.settings(extra_pin="always")


@pytest.mark.parametrize(
    ("happens", "reason"),
    [
        pytest.param(_too_old, "expired", id="too-old"),
        pytest.param(_inactive, "unknown", id="inactive"),
        pytest.param(_inactive_and_active, "unknown", id="inactive-and-active-again"),
        pytest.param(_suspended, "unknown", id="suspended"),
        pytest.param(_deleted, "unknown", id="deleted"),
        pytest.param(_everywhere, "unknown", id="log-out-everywhere"),
        pytest.param(_rename, "unknown", id="user-name"),
        pytest.param(_readdress, "unknown", id="address"),
        pytest.param(_off, "login_link_off", id="W14"),
        pytest.param(_enforced, "sso_required", id="W13"),
        pytest.param(_archived, "workspace_archived", id="W1"),
        pytest.param(_no_member, "not_a_member", id="member-no-more"),
    ],
)
async def test_a_link_that_is_void_leads_to_one_neutral_page(links: Links, happens: Any, reason: str) -> None:
    """(rows W1, W13, W14)"""
    link = await links.link()
    opened, late = links.site.browser(), links.site.browser()
    await opened.get(link)
    await happens(links)
    assert (await late.get(link)).status == 410
    assert "This link opens nothing any more" in late.text
    assert (await opened.submit(link)).status == 410
    assert await links.audited("auth.link.refused") == [reason]
    assert await links.audited("auth.link.used") == []


@pytest.mark.parametrize(
    ("fields", "address", "mailed", "reason"),
    [
        pytest.param({}, ADA, True, "", id="W12"),
        pytest.param({}, STRANGER, False, "not_a_member", id="W15"),
        pytest.param({}, "ben@acme.example", False, "not_a_member", id="W15-account"),
        pytest.param({"registration": True}, STRANGER, True, "", id="W16"),
        pytest.param({"registration": True, "domains": ["elsewhere.example"]}, STRANGER, True, "", id="W16-domain"),
        pytest.param({"registration": True, "domains": ["other.example"]}, STRANGER, False, "domain_not_allowed", id="W17"),
        pytest.param({"registration": True, "domains": ["other.example"]}, ADA, True, "", id="W17-member"),
    ],
)  # fmt: skip
async def test_who_is_mailed_a_link(
    links: Links, fields: dict[str, Any], address: str, mailed: bool, reason: str
) -> None:
    """(rows W12, W15, W16, W17)"""
    await links.site.world.person("ben", emails=[{"value": "ben@acme.example", "primary": True}])
    await links.settings(**fields)
    reply = await links.ask(address)
    assert reply.status == 303
    assert [each.to for each in await links.letters.arrived()] == ([address] if mailed else [])
    assert await links.audited("auth.link.sent" if mailed else "auth.link.refused") == [reason]


async def test_the_answer_is_the_same_for_members_and_others(links: Links) -> None:
    """(row W15)"""
    await links.settings(registration=True, domains=["other.example"])
    seen = []
    for address in (ADA, "nobody@acme.example"):
        browser = links.site.browser()
        reply = await links.ask(address, browser)
        await browser.get(reply.headers["location"])
        assert browser.page is not None
        seen.append((reply.status, reply.headers["location"], browser.page.status, browser.text))
    assert seen[0] == seen[1]
    assert "can't register here" in seen[0][3]


@pytest.mark.parametrize("address", [ADA, "nobody@acme.example"])
async def test_w13_an_address_that_must_use_single_sign_on_is_led_there(links: Links, address: str) -> None:
    """(row W13)"""
    await _enforced(links)
    reply = await links.ask(address)
    assert reply.headers["location"].startswith(f"{links.path}/login/sso?")
    assert await links.letters.arrived() == []
    assert await links.audited("auth.link.refused") == ["sso_required"]


async def test_w16_registering_makes_account_and_membership_when_the_link_is_used(links: Links) -> None:
    """(row W16)"""
    await links.settings(registration=True)
    link = await links.link(STRANGER)
    assert await links.audited("membership.added") == [""]  # Ada's
    browser, reply = await links.use(link)
    assert reply.status == 303
    assert await links.at(browser) == "allow"
    user = await links.site.db.read(_account_of, STRANGER)
    assert user["origin"] == "registration"
    assert await links.site.world.origins(links.workspace, user["id"]) == ("registration",)
    _, again = await links.use(link)
    assert again.status == 410


async def _account_of(tx: Tx, user_name: str) -> dict[str, Any]:
    found = await tx.one("select id, origin from workspaces.users where user_name_folded = %s", (user_name,))
    assert found is not None
    return found


async def test_w16_somebody_with_an_account_registers_without_another(links: Links) -> None:
    """(row W16)"""
    ben = await links.site.world.person("ben", emails=[{"value": "ben@acme.example", "primary": True}])
    await links.settings(registration=True)
    browser, reply = await links.use(await links.link("ben@acme.example"))
    assert reply.status == 303
    assert await links.at(browser) == "allow"
    assert await links.site.world.origins(links.workspace, ben) == ("registration",)


async def test_w16_registration_switched_off_meanwhile_makes_nothing(links: Links) -> None:
    """(row W15)"""
    await links.settings(registration=True)
    link, made = await links.link(STRANGER), await links.audited("user.created")
    opened = links.site.browser()
    await opened.get(link)
    await links.settings(registration=False)
    assert (await opened.submit(link)).status == 410
    assert await links.audited("auth.link.refused") == ["not_a_member"]
    assert await links.audited("user.created") == made


async def test_a_registration_link_does_not_open_an_account_that_was_made_since(links: Links) -> None:
    await links.settings(registration=True)
    link = await links.link(STRANGER)
    await links.site.world.person(STRANGER, emails=[{"value": "somebody@acme.example", "primary": True}])
    browser = links.site.browser()
    await browser.get(link)
    assert (await browser.submit(link)).status == 410
    assert await links.audited("auth.link.refused") == ["user_name_taken"]


async def test_who_was_deleted_does_not_walk_back_in_by_registering(links: Links) -> None:
    """(row P4)"""
    await links.settings(registration=True)
    browser, _ = await links.use(await links.link(STRANGER))
    user = (await links.site.db.read(_account_of, STRANGER))["id"]
    await links.site.db.write(delete_person, links.site.world.runtime, user, break_glass=True)
    assert (await browser.get("/")).status == 200
    links.letters.mails.clear()
    await links.ask(STRANGER)
    assert await links.letters.arrived() == []
    assert await links.audited("auth.link.refused") == ["user_deleted"]


async def test_two_accounts_with_one_address_get_no_link(links: Links) -> None:
    await links.settings(registration=True)
    await links.site.world.person("ada2", emails=[{"value": ADA, "primary": True}])
    await links.ask()
    assert await links.letters.arrived() == []
    assert await links.audited("auth.link.refused") == ["address_ambiguous"]


async def test_w20_a_link_opens_its_own_workspace_only(links: Links) -> None:
    """(row W20)"""
    browser, _ = await links.use(await links.link())
    other = f"w{links.site.world.runtime.new_id().hex}"
    workspace = await links.site.world.workspace(slug=other)
    await links.site.db.write(add_member, links.site.world.runtime, workspace, links.ada, Origin.MANUAL)
    assert await links.at(browser, other) == "login_required"
    link = await links.link()
    assert (await links.site.browser().get(link.replace(links.slug, other))).status == 410


async def test_w18_a_main_user_who_is_no_member_gets_no_link(links: Links) -> None:
    """(row W18)"""
    mia, _ = await links.site.main_user("mia@acme.example")
    browser = await links.site.signed_in(mia, kind="dashboard")
    assert await links.at(browser) == "not_a_member"
    await links.ask("mia@acme.example")
    assert await links.letters.arrived() == []


async def test_three_links_in_a_quarter_of_an_hour_are_enough(links: Links) -> None:
    """(check C21)"""
    for address in (ADA, "nobody@acme.example"):
        assert [(await links.ask(address)).status for _ in range(4)] == [303, 303, 303, 429]


@pytest.mark.parametrize(("fields", "status"), [({}, 404), ({"registration": True}, 200)])
async def test_there_is_a_page_to_register_where_one_can(links: Links, fields: dict[str, Any], status: int) -> None:
    await links.settings(**fields)
    assert (await links.site.browser().get(f"{links.path}/register")).status == status


async def test_without_a_mail_server_there_are_no_links(database: Database, runtime: Runtime) -> None:
    site = await open_site(database, runtime)
    slug = f"w{runtime.new_id().hex}"
    await site.world.workspace(slug=slug)
    browser = site.browser()
    await browser.get(f"/w/{slug}/login")
    assert "Mail me a login link" not in browser.text
    assert (await browser.get(f"/w/{slug}/login/link/whatever")).status == 404
