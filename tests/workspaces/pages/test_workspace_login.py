"""Login, registration and SSO: the defaults, what is a workspace's own, what bad input gets, and whom a Save moves."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from rollcall.db import Tx
from rollcall.workspaces.audit import AuditEvent, AuditQuery, read_audit
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.settings.login_store import read_defaults, read_workspace_login
from tests.browser import Browser
from tests.workspaces.pages.site import Site, open_site
from tests.workspaces.pages.test_connections import added
from tests.workspaces.places_world import MANUAL

pytestmark = pytest.mark.asyncio(loop_scope="session")

HERE = "/settings/defaults/login"
PRESENT = {
    "links": "true", "login_text": "", "domains": "", "configuration": "", "group_ids": "", "sso_required_for": "",
    "link_validity": "1 day", "link_uses": "1", "extra_pin": "off", "idle": "12 hours", "absolute": "7 days",
    "recheck": "1 day",
}  # fmt: skip
"""The form as a browser sends it when nothing was changed: boxes that are empty are not sent."""
GROUP = "0f1e2d3c-0000-4000-8000-5b6a79880001"


async def save(browser: Browser, where: str = HERE, without: tuple[str, ...] = (), **typed: str) -> int:
    """Load the page, fill it in, send it; the status."""
    await browser.get(where)
    return await send(browser, where, without, **typed)


async def send(browser: Browser, where: str = HERE, without: tuple[str, ...] = (), **typed: str) -> int:
    """Send the page as it was loaded, with these fields."""
    form = browser.form(where).values
    hidden = {name: form[name] for name in ("anti_forgery", "version")}
    values = {name: value for name, value in (PRESENT | typed).items() if name not in without}
    return (await browser.post(where, hidden | values, origin=browser_origin())).status


def browser_origin() -> str:
    return "https://rooms.example.com"


async def new_workspace(site: Site, **fields: Any) -> tuple[UUID, str]:
    slug = f"s{site.world.runtime.new_id().hex}"
    identifier = await site.world.workspace(slug=slug, **fields)
    return identifier, slug


async def events(site: Site, action: str) -> list[AuditEvent]:
    return await site.db.read(read_audit, AuditQuery(action=action))


# ── what bad input gets ─────────────────────────────────────────────────────────────────────────

WRONG: list[Any] = [
    pytest.param({"sso": "true"}, (), 422, "Choose the single sign-on", id="sso_configuration_required"),
    pytest.param({"sso": "true", "configuration": str(UUID(int=7))}, (), 422, "There is no such configuration", id="sso_configuration_unknown"),
    pytest.param({"configuration": "nonsense"}, (), 422, "There is no such configuration", id="sso_configuration_unknown-text"),
    pytest.param({"registration": "true"}, ("links",), 422, "People register by a login link", id="registration_needs_login_links"),
    pytest.param({}, ("links",), 422, "Nobody could enter", id="no_way_in"),
    pytest.param({"domains": "ada@example.com"}, (), 422, "has an @", id="domain_invalid-at"),
    pytest.param({"domains": "exam ple.com"}, (), 422, "is no domain name", id="domain_invalid-blank"),
    pytest.param({"domains": "*.example.com"}, (), 422, "has a wildcard", id="domain_invalid-wildcard"),
    pytest.param({"domains": "co.uk"}, (), 422, "anybody can register", id="domain_invalid-suffix"),
    pytest.param({"sso_required_for": "*@x"}, (), 422, "has a", id="domain_invalid-enforced"),
    pytest.param({"sso_required_for": "example.com"}, (), 409, "has not proved", id="domain_not_verified"),
    pytest.param({"group_ids": ",".join(f"g{n}" for n in range(201))}, (), 422, "200 are the most", id="too_long-entries"),
    pytest.param({"group_ids": "g" * 4001}, (), 422, "4,000 are the most", id="too_long-characters"),
    pytest.param({"login_text": "x" * 1001}, (), 422, "1,000 are the most", id="too_long-text"),
    pytest.param({"link_uses": "101"}, (), 422, "from 1 to 100", id="out_of_range-uses"),
    pytest.param({"link_validity": "2 days"}, (), 422, "is not offered here", id="not_offered"),
    pytest.param({"idle": "14 min"}, (), 422, "from 15 minutes to 30 days", id="out_of_range-idle"),
    pytest.param({"absolute": "31 days"}, (), 422, "from 15 minutes to 30 days", id="out_of_range-absolute"),
    pytest.param({"recheck": "8 days"}, (), 422, "from 15 minutes to 7 days", id="out_of_range-recheck"),
    pytest.param({"idle": "2 days", "absolute": "1 day"}, (), 422, "can't wait longer", id="out_of_range-both"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "without", "status", "words"), WRONG)
async def test_wrong_input_is_told_and_nothing_is_stored(
    site: Site, typed: dict[str, str], without: tuple[str, ...], status: int, words: str
) -> None:
    _, browser = await site.main_user()
    before = await site.db.read(read_defaults)
    assert await save(browser, without=without, login_text=typed.pop("login_text", "Kept as typed"), **typed) == status
    assert words in browser.text
    assert await site.db.read(read_defaults) == before
    assert await events(site, "workspace_defaults.updated") == []


async def test_all_wrong_fields_are_told_together_and_what_was_typed_is_kept(site: Site) -> None:
    _, browser = await site.main_user()
    assert await save(browser, domains="*.example.com", link_uses="none", login_text="Good morning") == 422
    assert "2 things have to be mended" in browser.text
    assert "Good morning" in browser.text
    assert "*.example.com" in browser.text


async def test_groups_of_entra_are_object_ids_and_a_name_is_answered_with_its_id(site: Site) -> None:
    """(code group_id_invalid)"""
    _, browser = await site.main_user()
    entra = str(await added(site, browser))
    await site.world.group("Sales", external_id=GROUP)
    assert await save(browser, sso="true", configuration=entra, group_ids="nobody, Sales") == 422
    assert "Entry 1" in browser.text
    assert GROUP in browser.text
    assert await save(browser, sso="true", configuration=entra, group_ids=f"{{{GROUP.upper()}}}, ,\n{GROUP},") == 303
    assert (await site.db.read(read_defaults)).settings.group_ids == (GROUP,)


async def test_another_organisations_configuration_is_as_unknown_as_none(site: Site) -> None:
    """(example 13)"""
    elsewhere = await open_site(site.parts.database, site.world.runtime)
    _, browser = await site.main_user()
    assert await save(browser, sso="true", configuration=str(elsewhere.world.configuration)) == 422
    assert "There is no such configuration" in browser.text


async def test_a_configuration_that_is_off_can_not_be_chosen(site: Site) -> None:
    _, browser = await site.main_user()

    async def turn_off(tx: Tx) -> None:
        await tx.run("update workspaces.sso_configurations set is_on = false")

    await site.db.write(turn_off)
    assert await save(browser, sso="true", configuration=str(site.world.configuration)) == 422
    assert "is turned off" in browser.text


async def test_domains_that_are_not_proved_are_enforced_when_somebody_means_it(site: Site) -> None:
    """(code domain_not_verified)"""
    _, browser = await site.main_user()
    assert await save(browser, sso_required_for="example.com") == 409
    assert await send(browser, sso_required_for="example.com", acknowledge_unverified="true") == 303
    assert await save(browser, sso_required_for="example.com") == 303


async def test_only_main_users_find_the_defaults(site: Site) -> None:
    browser = await site.signed_in(await site.world.person("Ada"))
    assert (await browser.get(HERE)).status == 403


async def test_a_form_of_elsewhere_saves_nothing(site: Site) -> None:
    """(code forgery_check_failed)"""
    _, browser = await site.main_user()
    await browser.get(HERE)
    assert (await browser.post(HERE, PRESENT | {"version": "1"}, origin=browser_origin())).status == 403
    await browser.get(HERE)
    values = browser.form(HERE).values
    assert (await browser.post(HERE, PRESENT | values, origin="https://evil.example")).status == 403


async def test_the_second_of_two_saves_sees_both_values(site: Site) -> None:
    """(code stale_settings, example 14)"""
    _, browser = await site.main_user()
    await browser.get(HERE)
    form = browser.form(HERE).values
    hidden = {name: form[name] for name in ("anti_forgery", "version")}
    first = await browser.post(HERE, PRESENT | hidden | {"login_text": "First"}, origin=browser_origin())
    second = await browser.post(HERE, PRESENT | hidden | {"login_text": "Second"}, origin=browser_origin())
    assert (first.status, second.status) == (303, 409)
    assert "First" in browser.text
    assert "Second" in browser.text
    assert (await site.db.read(read_defaults)).settings.login_text == "First"
    assert await send(browser, login_text="Second") == 303


# ── the defaults and what is a workspace's own ──────────────────────────────────────────────────


async def test_a_save_is_one_event_with_old_and_new_values(site: Site) -> None:
    user, browser = await site.main_user()
    assert await save(browser, login_text="Welcome", link_uses="unlimited", idle="30 min") == 303
    (event,) = await events(site, "workspace_defaults.updated")
    assert event.actor.name == str(user)
    assert {name: (old, new) for name, old, new in event.what.changes} == {
        "login_text": ("", "Welcome"),
        "link_uses": (1, 0),
        "idle": ("12 hours", "30 minutes"),
    }


async def test_a_new_default_reaches_workspaces_that_inherit_and_binds_their_groups(site: Site) -> None:
    """(row O8)"""
    ada = await site.world.person("ada")
    await site.world.group("Team", ada, external_id="team")
    inherits, _ = await new_workspace(site)
    has_own, slug = await new_workspace(site)
    _, browser = await site.main_user()
    address = f"/settings/workspaces/{slug}/login"
    assert (
        await save(browser, address, sso="true", configuration=str(site.world.configuration), group_ids="crew") == 303
    )
    assert await save(browser, sso="true", configuration=str(site.world.configuration), group_ids="team") == 303
    assert await site.world.member(inherits, ada) is not None
    assert await site.world.member(has_own, ada) is None
    (bound,) = await events(site, "group.bound")
    assert bound.what.details["workspaces"] == [str(inherits)]


async def test_editing_makes_a_field_own_and_use_default_returns_it(site: Site) -> None:
    _, slug = await new_workspace(site)
    _, browser = await site.main_user()
    address = f"/settings/workspaces/{slug}/login"
    assert await save(browser, address, login_text="Ours") == 303
    kept = await site.db.read(read_workspace_login, slug)
    assert (kept.own, kept.settings.login_text) == (frozenset({"login_text"}), "Ours")
    assert await save(browser, login_text="Everybody's", extra_pin="always") == 303
    kept = await site.db.read(read_workspace_login, slug)
    assert (kept.settings.login_text, kept.settings.extra_pin) == ("Ours", "always")
    assert await save(browser, address, login_text="Ours", extra_pin="always") == 303
    kept = await site.db.read(read_workspace_login, slug)
    assert (kept.own, kept.settings.login_text) == (frozenset(), "Everybody's")
    assert await save(browser, address, login_text="Everybody's", extra_pin="always", own_links="true") == 303
    assert (await site.db.read(read_workspace_login, slug)).own == frozenset({"links"})
    changes = [name for each in await events(site, "workspace_login.updated") for name, _, _ in each.what.changes]
    assert changes.count("own") == 3


async def test_links_turned_off_by_default_stay_on_where_they_are_own(site: Site) -> None:
    """(example 16)"""
    _, inherits = await new_workspace(site)
    _, has_own = await new_workspace(site)
    _, browser = await site.main_user()
    assert await save(browser, f"/settings/workspaces/{has_own}/login", own_links="true") == 303
    configuration = str(site.world.configuration)
    assert await save(browser, without=("links",), sso="true", configuration=configuration) == 303
    assert not (await site.db.read(read_workspace_login, inherits)).settings.links
    assert (await site.db.read(read_workspace_login, has_own)).settings.links


async def test_a_default_that_would_shut_a_workspace_is_refused_and_names_it(site: Site) -> None:
    """(code no_way_in)"""
    workspace, _ = await new_workspace(site)
    await site.world.settings(workspace, sso=False)
    _, browser = await site.main_user()
    assert await save(browser, without=("links",), sso="true", configuration=str(site.world.configuration)) == 422
    assert "nobody could enter: Team" in browser.text
    assert (await site.db.read(read_defaults)).settings.links


async def test_an_admin_edits_the_workspace_but_no_locked_field(site: Site) -> None:
    ada = await site.world.person("ada")
    workspace, slug = await new_workspace(site, admin=ada)
    _, main = await site.main_user()
    assert await save(main, lock_registration="true") == 303
    admin = await site.signed_in(ada, method="link", workspace=workspace)
    address = f"/w/{slug}/settings/login"
    assert await save(admin, address, login_text="Ours") == 303
    assert "locked by a main user" in (await _page(admin, address))
    for tampered in ("registration", "own_registration"):
        typed = {"login_text": "Ours", "own_login_text": "true", tampered: "true"}
        assert await save(admin, address, (), **typed) == 422
        assert "A main user locked" in admin.text
    kept = await site.db.read(read_workspace_login, slug)
    assert (kept.own, kept.settings.registration) == (frozenset({"login_text"}), False)
    by_main_user = f"/settings/workspaces/{slug}/login"
    assert await save(main, by_main_user, login_text="Ours", own_login_text="true", registration="true") == 303
    assert (await site.db.read(read_workspace_login, slug)).settings.registration


async def _page(browser: Browser, address: str) -> str:
    await browser.get(address)
    return browser.text


async def test_a_participant_and_another_organisation_do_not_reach_the_settings(site: Site) -> None:
    bob = await site.world.person("bob")
    workspace, slug = await new_workspace(site)
    await site.db.write(_join, site, workspace, bob)
    participant = await site.signed_in(bob, method="link", workspace=workspace)
    assert (await participant.get(f"/w/{slug}/settings/login")).status == 403
    elsewhere = await open_site(site.parts.database, site.world.runtime)
    _, foreign = await elsewhere.main_user()
    for address in (
        f"/settings/workspaces/{slug}/login",
        "/settings/workspaces/nowhere/login",
        f"/w/{slug}/settings/login",
    ):
        assert (await foreign.get(address)).status == 404


async def _join(tx: Tx, site: Site, workspace: UUID, user: UUID) -> None:
    await add_member(tx, site.world.runtime, workspace, user, MANUAL)


async def test_login_links_that_are_switched_off_close_doors_of_open_sessions(site: Site) -> None:
    """(what ends a session: list, configuration choice or SSO switch changed)"""
    ada = await site.world.person("ada")
    workspace, slug = await new_workspace(site)
    await site.db.write(_join, site, workspace, ada)
    member = await site.signed_in(ada, method="link", workspace=workspace)
    address = f"/w/{slug}/settings/login"
    await member.get(address)
    assert "forbidden" in member.text
    _, browser = await site.main_user()
    assert await save(browser, without=("links",), sso="true", configuration=str(site.world.configuration)) == 303
    refused = await member.get(address)
    assert refused.status == 403
    assert "login_link_off" in member.text
