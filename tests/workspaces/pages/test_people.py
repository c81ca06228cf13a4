"""People, groups, numbers and one's own profile, by the pages."""

from __future__ import annotations

from uuid import UUID

import pytest

from rollcall.workspaces.audit import AuditQuery, read_audit
from tests.browser import Browser
from tests.workspaces.pages.site import BASE, Site
from tests.workspaces.places_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

PEOPLE = "/dashboard/people"


async def actions(site: Site) -> list[str]:
    found = await site.db.read(read_audit, AuditQuery())
    return [
        each.what.action
        for each in reversed(found)
        if each.actor.name != "system" and each.what.action.startswith(("user.", "session."))
    ]


async def invited(browser: Browser, address: str) -> UUID:
    await browser.get(PEOPLE)
    reply = await browser.submit(f"{PEOPLE}/invite", address=address, display_name="A Guest")
    assert reply.status == 303, browser.text
    return UUID(reply.headers["location"].partition("?")[0].rpartition("/")[2])


async def test_people_are_searched_and_filtered_by_the_address_of_the_page(site: Site) -> None:
    await site.world.person("ada@x.com", displayName="Ada Lovelace")
    ben = await site.world.person("ben@x.com", displayName="Ben Hur")
    await site.world.set_active(ben, False)
    _, browser = await site.main_user()
    await browser.get(f"{PEOPLE}?q=ada")
    assert "Ada Lovelace" in browser.text
    assert "Ben Hur" not in browser.text
    await browser.get(f"{PEOPLE}?show=away")
    assert "Ben Hur" in browser.text
    assert "Ada Lovelace" not in browser.text
    await browser.get(f"{PEOPLE}?q=nobody+at+all&after=%00")
    assert "Nobody found" in browser.text


async def test_pages_of_people_lead_on_and_back(site: Site) -> None:
    for number in range(55):
        await site.world.person(f"p{number:02}@x.com")
    _, browser = await site.main_user()
    first = (await browser.get(f"{PEOPLE}?q=p")).content.decode()
    assert 'rel="next"' in first
    assert 'rel="prev"' not in first
    onward = first.split('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = (await browser.get(onward)).content.decode()
    assert "p54@x.com" in second
    assert "p00@x.com" not in second
    assert 'rel="prev"' in second


async def test_a_person_is_suspended_and_resumed_and_their_sessions_end(site: Site) -> None:
    ada = await site.world.person("ada")
    theirs = await site.signed_in(ada)
    _, browser = await site.main_user()
    assert (await theirs.get("/home")).status == 200
    await browser.get(f"{PEOPLE}/{ada}")
    assert (await browser.submit(f"{PEOPLE}/{ada}/suspend")).status == 303
    assert (await theirs.get("/home")).status == 303
    await browser.get(f"{PEOPLE}/{ada}")
    assert "A main user suspended this account" in browser.text
    assert (await browser.submit(f"{PEOPLE}/{ada}/resume")).status == 303
    assert [each for each in await actions(site) if each.startswith("user.")] == ["user.suspended", "user.resumed"]


async def test_a_synchronised_person_is_not_deleted_by_hand(site: Site) -> None:
    """managed_by_synchronization."""
    ada = await site.world.person("ada")
    _, browser = await site.main_user()
    await browser.get(f"{PEOPLE}/{ada}")
    values = browser.form(f"{PEOPLE}/{ada}/suspend").values
    reply = await browser.post(f"{PEOPLE}/{ada}/delete", values, origin=BASE)
    assert (reply.status, "managed_by_synchronization" in browser.text) == (409, True)


async def test_an_invited_person_is_deleted_and_restored(site: Site) -> None:
    _, browser = await site.main_user()
    guest = await invited(browser, "guest@y.com")
    await browser.get(f"{PEOPLE}/{guest}")
    assert "A Guest" in browser.text
    assert (await browser.submit(f"{PEOPLE}/{guest}/delete")).status == 303
    assert (await browser.get(f"{PEOPLE}/{guest}")).status == 404
    await browser.get(f"{PEOPLE}/deleted")
    assert "A Guest" in browser.text
    assert (await browser.submit(f"{PEOPLE}/{guest}/restore")).status == 303
    assert (await browser.get(f"{PEOPLE}/{guest}")).status == 200
    assert [each for each in await actions(site) if each.startswith("user.")] == ["user.created", "user.deleted", "user.restored"]  # fmt: skip


@pytest.mark.parametrize(("address", "status"), [("nobody", 422), ("", 422), ("a b@c.de", 422), ("taken@x.com", 409)])
async def test_an_impossible_invitation_says_what_is_wrong_and_keeps_what_was_typed(site: Site, address: str, status: int) -> None:  # fmt: skip
    await site.world.person("taken@x.com")
    _, browser = await site.main_user()
    await browser.get(PEOPLE)
    assert (await browser.submit(f"{PEOPLE}/invite", address=address, display_name="Kept name")).status == status
    assert browser.form(f"{PEOPLE}/invite").values["display_name"] == "Kept name"
    assert "user.created" not in await actions(site)


async def test_the_last_main_user_is_not_suspended(site: Site) -> None:
    """last_main_user."""
    mia, browser = await site.main_user()
    await browser.get(f"{PEOPLE}/{mia}")
    reply = await browser.submit(f"{PEOPLE}/{mia}/suspend")
    assert (reply.status, "last_main_user" in browser.text) == (409, True)


async def test_a_main_user_ends_one_or_all_sessions_of_a_person(site: Site) -> None:
    ada = await site.world.person("ada")
    one, two = await site.signed_in(ada), await site.signed_in(ada)
    _, browser = await site.main_user()
    page = (await browser.get(f"{PEOPLE}/{ada}")).content.decode()
    assert page.count("/sessions/") == 2
    assert (await browser.submit(f"{PEOPLE}/{ada}/log-out")).status == 303
    assert {(await each.get("/home")).status for each in (one, two)} == {303}
    assert "session.revoked_all" in await actions(site)


async def test_the_profile_shows_sessions_and_ends_them(site: Site) -> None:
    ada = await site.world.person("ada")
    here, there = await site.signed_in(ada), await site.signed_in(ada)
    page = (await here.get("/profile")).content.decode()
    assert "this one" in here.text
    ends = [part.partition('"')[0] for part in page.split('action="')[1:] if "/sessions/" in part.partition('"')[0]]
    assert len(ends) == 2
    for end in ends:
        await here.get("/profile")
        if (await there.get("/home")).status == 303:
            break
        await here.submit(end)
    assert (await there.get("/home")).status == 303


async def test_nobody_ends_a_session_of_somebody_else_from_their_profile(site: Site) -> None:
    ada, eve = await site.world.person("ada"), await site.world.person("eve")
    theirs, mine = await site.signed_in(ada), await site.signed_in(eve)
    page = (await theirs.get("/profile")).content.decode()
    end = next(part.partition('"')[0] for part in page.split('action="')[1:] if "/sessions/" in part.partition('"')[0])
    await mine.get("/profile")
    values = mine.form("/profile/log-out-everywhere").values
    assert (await mine.post(end, values, origin=BASE)).status == 404
    assert (await theirs.get("/home")).status == 200


async def test_log_out_everywhere_ends_every_session_of_mine_and_no_other(site: Site) -> None:
    ada, ben = await site.world.person("ada"), await site.world.person("ben")
    one, two, other = await site.signed_in(ada), await site.signed_in(ada), await site.signed_in(ben)
    await one.get("/profile")
    assert (await one.submit("/profile/log-out-everywhere")).status == 303
    assert {(await each.get("/home")).status for each in (one, two)} == {303}
    assert (await other.get("/home")).status == 200


async def test_a_name_is_changed_by_its_owner_unless_synchronization_keeps_it(site: Site) -> None:
    """managed_by_synchronization."""
    _, main = await site.main_user()
    guest = await site.signed_in(await invited(main, "guest@y.com"))
    await guest.get("/profile")
    assert (await guest.submit("/profile/name", display_name="Another Name")).status == 303
    await guest.get("/profile")
    assert "Another Name" in guest.text

    ada = await site.signed_in(await site.world.person("ada"))
    await ada.get("/profile")
    values = ada.form("/profile/log-out-everywhere").values
    reply = await ada.post("/profile/name", values | {"display_name": "Countess"}, origin=BASE)
    assert (reply.status, "managed_by_synchronization" in ada.text) == (409, True)


async def test_groups_say_who_is_in_them_and_what_they_open(site: Site) -> None:
    ada = await site.world.person("ada", displayName="Ada Lovelace")
    team = await site.world.group("Team blue", ada, external_id="team-blue")
    await site.world.workspace("team-blue")
    _, browser = await site.main_user()
    await browser.get("/dashboard/groups?q=team")
    assert "Team blue" in browser.text
    await browser.get(f"/dashboard/groups/{team}")
    assert "Ada Lovelace" in browser.text
    assert "Members enter:" in browser.text


async def test_the_dashboard_has_its_numbers_as_tables_too(site: Site) -> None:
    await site.world.person("ada")
    _, browser = await site.main_user()
    page = (await browser.get("/dashboard")).content.decode()
    today = site.world.runtime.now().date().isoformat()
    for heading in ("Sign-ins per day", "Synchronised changes per day", "People per day"):
        assert heading in browser.text
    assert page.count(today) == 3
    assert 'data-value="2"' in page


async def test_ids_of_another_organisation_are_as_unknown_as_random_ones(site: Site) -> None:
    other = await World(site.parts.database.tenant(site.world.runtime.new_id()), site.world.runtime).open()
    eve, team, place = await other.person("eve"), await other.group("Theirs"), await other.workspace()
    _, browser = await site.main_user()
    for address in (f"{PEOPLE}/{eve}", f"/dashboard/groups/{team}", f"/dashboard/workspaces/{place}", f"/dashboard/workspaces/{place}/members"):  # fmt: skip
        random = address.rpartition("/")[0] if not address.endswith("members") else f"/dashboard/workspaces/{site.world.runtime.new_id()}"  # fmt: skip
        theirs = await browser.get(address)
        nobody = await browser.get(f"{random}/{site.world.runtime.new_id()}" if not address.endswith("members") else f"{random}/members")  # fmt: skip
        assert theirs.status == nobody.status == 404
