"""Main User Dashboard Access Control by its page: the tutorial's words, bad input, the warning before a lock-out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from rollcall.db import Tx
from rollcall.workspaces.audit import SYSTEM, AuditQuery, read_audit
from rollcall.workspaces.settings.access_control_store import KeptAccessControl, read_dashboard_access
from rollcall.workspaces.settings.connection_store import create_configuration, turn_configuration
from rollcall.workspaces.settings.connections import Draft
from rollcall.workspaces.sso.configuration import Client, Kind, SsoConfiguration
from rollcall.workspaces.sso.groups_claim import Snapshot, Source
from rollcall.workspaces.sso.sessions import Provided
from tests.browser import Browser
from tests.workspaces.pages.site import SEALER, Site

HERE = "/settings/access-control"
ONE = "0f1e2d3c-0000-4000-8000-5b6a79880001"
TWO = "0f1e2d3c-0000-4000-8000-5b6a79880002"


async def entra(site: Site, name: str = "Entra") -> UUID:
    """A configuration of Microsoft Entra ID."""
    runtime = site.world.runtime
    made = SsoConfiguration(
        runtime.new_id(), Kind.ENTRA, name, tenants=(ONE,), client=Client("app", "a-secret-nobody-guesses")
    )
    await site.db.write(create_configuration, runtime, SEALER, SYSTEM, Draft(made, secret_typed=True))
    return made.id


async def through(site: Site, user: UUID, configuration: UUID, groups: tuple[str, ...] | None) -> Browser:
    """A browser signed in to the dashboard through a configuration, with these groups in the token."""
    provided = Provided(configuration, "https://issuer", str(user), str(user), snapshot=Snapshot(groups, Source.TOKEN))
    return await site.signed_in(user, kind="dashboard", method="sso", provided=provided)


async def kept(site: Site) -> KeptAccessControl:
    return await site.db.read(read_dashboard_access)


async def save(browser: Browser, **typed: str) -> int:
    await browser.get(HERE)
    reply = await browser.submit(HERE, **typed)
    return reply.status


async def test_the_page_has_the_tutorials_words(site: Site) -> None:
    _, browser = await site.main_user()
    await browser.get(HERE)

    for words in (
        "Main User Dashboard Access Control",
        "Enable single sign-on for main users",
        "Limit to following user groups",
        "Save",
    ):
        assert words in browser.text


async def test_the_tutorials_order_warns_and_goes_through_when_confirmed(site: Site) -> None:
    """Example 1: tick dashboard SSO, choose, paste two ids, Save; by somebody who came by PIN."""
    _, browser = await site.main_user()
    chosen = str(await entra(site))
    typed = {"sso": "true", "configuration": chosen, "group_ids": f"{{{ONE.upper()}}}, {TWO},"}

    assert await save(browser, **typed) == 409
    assert "did not sign in through Entra" in browser.text
    assert not (await kept(site)).settings.sso
    await browser.submit(HERE, **(typed | {"confirm_lockout_risk": "true"}))

    settings = (await kept(site)).settings
    assert (settings.sso, str(settings.configuration), settings.group_ids) == (True, chosen, (ONE, TWO))
    assert (await browser.get(HERE)).status == 200  # whoever saved keeps the session
    (event,) = await site.db.read(read_audit, AuditQuery(action="access_control.updated"))
    assert {name for name, _, _ in event.what.changes} == {"sso", "configuration", "group_ids"}


async def test_who_came_through_it_with_a_listed_group_is_not_warned(site: Site) -> None:
    user, first = await site.main_user()
    chosen = await entra(site)
    await save(first, sso="true", configuration=str(chosen), confirm_lockout_risk="true")
    browser = await through(site, user, chosen, (ONE,))

    assert await save(browser, sso="true", configuration=str(chosen), group_ids=f"{ONE}, {TWO}") == 303


async def test_removing_the_entry_that_admits_oneself_is_warned_of_and_closes_others(site: Site) -> None:
    """Example 12."""
    user, first = await site.main_user()
    chosen = await entra(site)
    await save(first, sso="true", configuration=str(chosen), group_ids=ONE, confirm_lockout_risk="true")
    browser = await through(site, user, chosen, (ONE,))
    other = await through(site, await site.world.person("Ona"), chosen, (ONE,))
    assert (await other.get("/settings")).status == 200

    assert await save(browser, sso="true", configuration=str(chosen), group_ids=TWO) == 409
    assert "None of the groups" in browser.text
    await browser.submit(HERE, sso="true", configuration=str(chosen), group_ids=TWO, confirm_lockout_risk="true")

    assert (await other.get("/settings")).status == 403
    assert (await browser.get(HERE)).status == 200


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        pytest.param(
            {"sso": "true", "configuration": ""}, "configuration", "Choose the single", id="sso_configuration_required"
        ),
        pytest.param(
            {"sso": "true", "configuration": str(UUID(int=7))},
            "configuration",
            "no such",
            id="sso_configuration_unknown",
        ),
        pytest.param(
            {"sso": "true", "configuration": "'; --"}, "configuration", "no such", id="sso_configuration_unknown-text"
        ),
        pytest.param({"group_ids": f"{ONE}, Team"}, "group_ids", "Entry 2, 'Team'", id="group_id_invalid"),
        pytest.param({"group_ids": "a" * 4_001}, "group_ids", "4,000 are the most", id="too_long"),
        pytest.param({"recent_minutes": "-1"}, "recent_minutes", "whole number", id="out_of_range"),
    ],
)
async def test_wrong_input_is_told_at_the_field_and_nothing_is_stored(
    site: Site, typed: dict[str, str], field: str, words: str
) -> None:
    _, browser = await site.main_user()
    chosen = str(await entra(site))
    before = await kept(site)
    status = await save(browser, **({"configuration": chosen} | typed))

    assert status == 422, browser.text
    assert words in browser.text
    assert f'href="#{field}"' in (browser.page.content.decode() if browser.page else "")
    assert await kept(site) == before


async def test_another_organisations_configuration_is_as_unknown_as_none(site: Site) -> None:
    """Example 13."""
    foreign = str(await entra(site))
    other = site.world
    site.world = await type(other)(site.parts.database.tenant(other.runtime.new_id()), other.runtime).open()
    _, browser = await site.main_user()

    assert await save(browser, sso="true", configuration=foreign) == 422
    theirs = browser.text
    assert await save(browser, sso="true", configuration=str(UUID(int=7))) == 422
    assert browser.text == theirs


async def test_one_that_is_off_can_not_be_chosen(site: Site) -> None:
    _, browser = await site.main_user()
    chosen = await entra(site)
    await site.db.write(turn_configuration, site.world.runtime, SYSTEM, chosen, False)

    assert (await save(browser, sso="true", configuration=str(chosen)), "is turned off" in browser.text) == (422, True)


async def test_a_name_is_refused_with_the_id_it_means(site: Site) -> None:
    await site.world.group("Team", external_id=ONE)
    _, browser = await site.main_user()
    chosen = str(await entra(site))

    assert await save(browser, configuration=chosen, group_ids="team") == 422
    assert ONE in browser.text


async def test_the_list_shows_names_and_active_members(site: Site) -> None:
    ada, ben = await site.world.person("Ada"), await site.world.person("Ben")
    await site.world.group("Team", ada, ben, external_id=ONE)
    await site.world.set_active(ben, False)
    _, browser = await site.main_user()
    assert await save(browser, configuration=str(await entra(site)), group_ids=f"{ONE}, {TWO}") == 303, browser.text
    await browser.get(HERE)

    assert f"Team {ONE} 1" in browser.text
    assert f"not received through SCIM {TWO}" in browser.text


async def test_the_second_of_two_saves_sees_both_values(site: Site) -> None:
    """Example 14."""
    _, browser = await site.main_user()
    chosen = str(await entra(site))
    await browser.get(HERE)
    stale: dict[str, Any] = browser.form(HERE).values | {"configuration": chosen, "group_ids": TWO}
    await save(browser, configuration=chosen, group_ids=ONE)

    reply = await browser.post(HERE, stale)

    assert (reply.status, ONE in browser.text, TWO in browser.text) == (409, True, True)
    assert (await kept(site)).settings.group_ids == (ONE,)


async def test_nobody_is_locked_out_for_good(site: Site) -> None:
    """The last way in can't be taken away, whatever is confirmed."""
    user, browser = await site.main_user()
    chosen = await entra(site)
    await site.world.group("Team", user, external_id=ONE)
    await save(browser, sso="true", configuration=str(chosen), group_ids=ONE, confirm_lockout_risk="true")

    async def dismiss(tx: Tx) -> None:
        await tx.run("delete from workspaces.main_users")

    await site.db.write(dismiss)
    listed = await through(site, user, chosen, (ONE,))
    status = await save(listed, sso="", configuration=str(chosen), confirm_lockout_risk="true")

    assert (status, "Nobody could enter" in listed.text) == (409, True)
    assert (await kept(site)).settings.sso
