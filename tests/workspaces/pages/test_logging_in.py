"""The login pages, and signing in to the dashboard with a mailed PIN."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from uuid import UUID

import pytest

from rollcall.db import Database, Tx
from rollcall.errors import Invalid, NotFound
from rollcall.mail import MailServer, send_mail
from rollcall.runtime import Runtime
from rollcall.scim.schema import USER
from rollcall.workspaces import make_main_user, waiting_pin
from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.entry.pins import readable_pin
from rollcall.workspaces.main_users import appoint
from tests.browser import Browser
from tests.mail.servers import Mailbox, mail_server
from tests.workspaces.pages.site import SEALER, Site, open_site
from tests.workspaces.places_world import World

ADDRESS = "mia@acme.example"


async def key_of(world: World) -> str:
    async def read(tx: Tx) -> str:
        found: str = await tx.value("select key from workspaces.organisations")
        return found

    return await world.database.read(read)


async def new_main_user(site: Site, address: str = ADDRESS) -> UUID:
    user = await site.world.person(address, emails=[{"value": address, "primary": True}])
    await site.db.write(appoint, site.world.runtime, user, None)
    return user


async def pin_of(site: Site, user: UUID) -> str | None:
    found = await site.db.read(readable_pin, SEALER, user, site.world.runtime.now())
    return None if found is None else found[0]


async def ask(site: Site, address: str = ADDRESS, browser: Browser | None = None) -> Browser:
    """Ask for a PIN as a person does; the browser is then at the page where it is typed."""
    browser = browser or site.browser()
    path = f"/o/{await key_of(site.world)}/login"
    await browser.get(path)
    reply = await browser.submit(f"{path}/pin", address=address)
    assert reply.status == 303, browser.text
    await browser.get(reply.headers["location"])
    return browser


async def reasons(site: Site, action: str) -> list[str]:
    return [event.what.reason for event in await site.db.read(read_audit, AuditQuery(action=action))]


async def test_m1_a_local_main_user_signs_in_with_a_mailed_pin(site: Site) -> None:
    """(row M1)"""
    user = await new_main_user(site)
    browser = await ask(site)
    pin = await pin_of(site, user)
    assert pin is not None
    reply = await browser.submit(pin=f"{pin[:4]} {pin[4:]}")
    assert (reply.status, reply.headers["location"]) == (303, "/dashboard")
    assert (await browser.get("/")).headers["location"] == "/home"
    assert await pin_of(site, user) is None
    assert await reasons(site, "auth.pin.succeeded") == [""]


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        pytest.param("nobody@acme.example", "not_main_user", id="M2-unknown"),
        pytest.param("ada@acme.example", "not_main_user", id="M2-known"),
    ],
)
async def test_nobody_else_gets_a_pin_and_the_answer_is_the_same(site: Site, address: str, reason: str) -> None:
    """(row M2)"""
    main = await new_main_user(site)
    await site.world.person("ada@acme.example")
    known, other = await ask(site), await ask(site, address)
    assert other.text == known.text
    assert other.page is not None
    assert known.page is not None
    assert other.page.status == known.page.status
    assert await reasons(site, "auth.pin.failed") == [reason]
    assert await pin_of(site, main) is not None
    wrong = await other.submit(pin="00000000")
    assert wrong.status == 403
    assert "pin_wrong" not in wrong.headers


async def test_m4_with_single_sign_on_no_pin_is_sent(site: Site) -> None:
    """(row M4)"""
    user = await new_main_user(site)
    await site.world.dashboard(sso=True, configuration_id=site.world.configuration)
    browser = site.browser()
    path = f"/o/{await key_of(site.world)}/login"
    await browser.get(path)
    assert f"{path}/sso?" in (browser.page.content.decode() if browser.page else "")
    assert f"{path}/pin" not in (browser.page.content.decode() if browser.page else "")
    token = browser.form("/theme").values["anti_forgery"]
    reply = await browser.post(f"{path}/pin", {"anti_forgery": token, "address": ADDRESS})
    assert reply.status == 303
    await browser.get(reply.headers["location"])
    assert "Sign in with Acme" in browser.text
    assert await pin_of(site, user) is None
    assert await reasons(site, "auth.pin.failed") == ["sso_required"]


async def test_m3_a_workspace_session_needs_a_pin_first(site: Site) -> None:
    """(row M3)"""
    user = await new_main_user(site)
    workspace = await site.world.workspace(admin=user)
    browser = await site.signed_in(user, method="link", workspace=workspace)
    reply = await browser.get("/settings")
    login = f"/o/{await key_of(site.world)}/login"
    assert (reply.status, reply.headers["location"]) == (
        303,
        f"{login}?return_to=%2Fsettings&because=step_up_required",
    )
    await browser.get(reply.headers["location"])
    assert "Confirm that it is you" in browser.text


async def test_m11_a_login_link_opens_no_dashboard_with_single_sign_on(site: Site) -> None:
    """(row M11)"""
    user = await new_main_user(site)
    workspace = await site.world.workspace(admin=user)
    await site.world.dashboard(sso=True, configuration_id=site.world.configuration)
    browser = await site.signed_in(user, method="link", workspace=workspace)
    reply = await browser.get("/settings")
    assert reply.headers["location"].endswith("&because=wrong_sso_configuration")
    await browser.get(reply.headers["location"])
    assert "Sign in with Acme" in browser.text


@pytest.mark.parametrize("how", ["suspended", "deleted"])
async def test_p4_p5_a_leavers_next_click_is_the_login_page(site: Site, how: str) -> None:
    """(rows P4, P5)"""
    user = await new_main_user(site)
    browser = await site.signed_in(user, kind="dashboard")
    assert (await browser.get("/settings")).status == 200
    if how == "suspended":
        await site.world.set_active(user, False)
    else:
        await site.world.store.delete(USER, str(user), None)
    reply = await browser.get("/settings")
    assert (reply.status, reply.headers["location"]) == (303, "/?return_to=%2Fsettings")


async def test_a_pin_is_dead_after_five_tries(site: Site) -> None:
    """(check C23)"""
    user = await new_main_user(site)
    browser = await ask(site)
    pin = await pin_of(site, user)
    assert pin is not None
    wrong = "00000000" if pin != "00000000" else "00000001"
    for _ in range(5):
        await browser.get(f"/o/{await key_of(site.world)}/login/pin/enter")
        assert (await browser.submit(pin=wrong)).status == 403
    await browser.get(f"/o/{await key_of(site.world)}/login/pin/enter")
    assert (await browser.submit(pin=pin)).status == 403
    assert await reasons(site, "auth.pin.locked") == ["wrong_pin"]


async def test_a_pin_is_good_in_the_browser_that_asked_only(site: Site) -> None:
    user = await new_main_user(site)
    await ask(site)
    pin = await pin_of(site, user)
    assert pin is not None
    thief = site.browser()
    await thief.get(f"/o/{await key_of(site.world)}/login/pin/enter")
    assert (await thief.submit(pin=pin)).status == 403


async def test_asking_again_replaces_the_pin(site: Site) -> None:
    user = await new_main_user(site)
    first = await ask(site)
    old = await pin_of(site, user)
    second = await ask(site)
    new = await pin_of(site, user)
    assert old is not None
    assert new is not None
    assert (await first.submit(pin=old)).status == 403
    assert (await second.submit(pin=new)).status == 303


async def test_three_pins_in_a_quarter_of_an_hour_are_enough(site: Site) -> None:
    """(check C24)"""
    await new_main_user(site)
    for address in (ADDRESS, "nobody@acme.example"):
        for _ in range(3):
            await ask(site, address)
        browser = site.browser()
        path = f"/o/{await key_of(site.world)}/login"
        await browser.get(path)
        reply = await browser.submit(f"{path}/pin", address=address)
        assert reply.status == 429
        assert int(reply.headers["retry-after"]) > 0


async def test_suspending_a_main_user_voids_the_pin(site: Site) -> None:
    """(row P5)"""
    user = await new_main_user(site)
    browser = await ask(site)
    pin = await pin_of(site, user)
    assert pin is not None
    await site.world.set_active(user, False)
    assert (await browser.submit(pin=pin)).status == 403


async def test_the_operator_makes_the_first_main_user_and_reads_the_pin(site: Site) -> None:
    user = await site.db.write(make_main_user, site.world.runtime, ADDRESS)
    now = site.world.runtime.now()
    with pytest.raises(NotFound, match="has to be asked for"):
        await site.db.read(waiting_pin, SEALER, ADDRESS, now)
    browser = site.browser()
    await browser.get(f"/o/{await key_of(site.world)}/login")
    assert "This installation sends no mail" in browser.text
    assert "Mail me a PIN" not in browser.text
    await ask(site, browser=browser)
    pin, ends = await site.db.read(waiting_pin, SEALER, ADDRESS.upper(), site.world.runtime.now())
    assert ends > now
    assert (await browser.submit(pin=pin)).status == 303
    assert await site.db.write(make_main_user, site.world.runtime, ADDRESS) == user
    with pytest.raises(Invalid):
        await site.db.write(make_main_user, site.world.runtime, "nobody")


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        pytest.param("{key}", "o", id="key"),
        pytest.param("{slug}", "w", id="slug"),
        pytest.param("https://rooms.example.com/w/{slug}/members", "w", id="address"),
        pytest.param("/o/{key}/login", "o", id="path"),
    ],
)
async def test_the_first_page_leads_to_the_login_page(site: Site, typed: str, kind: str) -> None:
    slug = f"s{site.world.runtime.new_id().hex}"
    await site.world.workspace(slug=slug)
    names = {"key": await key_of(site.world), "slug": slug}
    browser = site.browser()
    await browser.get("/?return_to=/home")
    reply = await browser.submit("/", place=typed.format(**names))
    expected = names["key"] if kind == "o" else names["slug"]
    assert reply.headers["location"] == f"/{kind}/{expected}/login?return_to=%2Fhome"
    assert (await browser.get(reply.headers["location"])).status == 200


@pytest.mark.parametrize("typed", ["nowhere", "https://[", "a/b/c", "\x00", "/o/nowhere"])
async def test_the_first_page_says_what_is_not_there(site: Site, typed: str) -> None:
    browser = site.browser()
    await browser.get("/")
    assert (await browser.submit("/", place=typed)).status == 422
    assert "There is no organisation" in browser.text


@pytest.mark.parametrize("path", ["/o/nowhere/login", "/w/nowhere/login", "/w/nowhere/login/sso", "/o/%00/login"])
async def test_p1_there_is_no_login_page_of_what_is_not_there(site: Site, path: str) -> None:
    """(row P1)"""
    assert (await site.browser().get(path)).status == 404


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"])
async def test_one_goes_on_within_our_own_pages_only(site: Site, back: str) -> None:
    """(check C15)"""
    user = await new_main_user(site)
    browser = await ask(site)
    pin = await pin_of(site, user)
    assert pin is not None
    assert (await browser.submit(pin=pin, return_to=back)).headers["location"] == "/dashboard"


async def test_a_pin_comes_through_a_mail_server_and_is_kept_nowhere(database: Database, runtime: Runtime) -> None:
    """(row M1, §6.1)"""
    async with mail_server(Mailbox()) as mailbox:
        server = MailServer("localhost", mailbox.port, "rollcall@acme.example", security="none", timeout_seconds=20)
        site = await open_site(database, runtime, partial(send_mail, server))
        user = await new_main_user(site)
        browser = site.browser()
        await browser.get(f"/o/{await key_of(site.world)}/login")
        assert "Mail me a PIN" in browser.text
        await ask(site, browser=browser)
        async with asyncio.timeout(20):
            await mailbox.arrived.wait()
        (mail,) = mailbox.received
        assert mailbox.recipients == [mail["To"]] == [ADDRESS]
        body = mail.get_body(("plain",))
        assert body is not None
        found = re.search(r"^ +(\d{4} \d{4})\s*$", body.get_content(), re.MULTILINE)
        assert found is not None
        assert await pin_of(site, user) is None, "no operator reads what was mailed"
        assert (await browser.submit(pin=found[1])).status == 303
        assert (await browser.get("/dashboard")).status == 200
