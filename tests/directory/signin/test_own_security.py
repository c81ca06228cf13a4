"""Links that set a password, the first administrator, and what people see and change of their own sign-in."""

from __future__ import annotations

from datetime import timedelta

import pyotp
import pytest

from rollcall.db import Database
from rollcall.directory.signin import roles
from rollcall.errors import Conflict
from tests.browser import Browser
from tests.directory.making import make_user
from tests.directory.signin.world import BASE, SignInWorld, sign_in_world

PASSWORD = "tram ladder biscuit"
SESSION = "__Host-rollcall-identity-session"


@pytest.fixture
async def world(database: Database) -> SignInWorld:
    """A tenant of this test's own, in which nobody has a password."""
    return await sign_in_world(database)


async def enter(world: SignInWorld, address: str, password: str = PASSWORD) -> Browser:
    """A browser in which somebody signed in for their own page."""
    browser = Browser(world.client)
    await browser.get("/sign-in")
    await browser.submit(address=address)
    await browser.submit(password=password)
    await browser.get("/security")
    return browser


async def somebody(world: SignInWorld) -> str:
    """A person of this world with a password; their address."""
    name = f"grace-{world.tenant_id.hex}"
    user = await make_user(world.db, name)
    browser = Browser(world.client)
    await browser.get(await world.proving.invite(world.tenant_id, user))
    await browser.submit(password=PASSWORD, again=PASSWORD)
    return f"{name}@example.com"


async def test_the_first_administrator_comes_by_a_link_and_nobody_after_them(world: SignInWorld) -> None:
    """Looking at it uses nothing up; used once it is over (checks C9, C26)."""
    link = await world.proving.first_administrator(world.tenant_id)
    assert link is not None
    browser = Browser(world.client)
    for _ in range(2):
        assert (await browser.get(link)).status == 200
    address = f"root-{world.tenant_id.hex}@example.com"
    done = await browser.submit(address=address, name="Root", password=PASSWORD, again=PASSWORD)
    assert done.status == 303
    assert SESSION not in browser.cookies, "one signs in like everybody else"
    assert (await browser.get(link)).status == 404
    entered = await enter(world, address)
    assert "Global Administrator" in entered.text
    assert await world.proving.first_administrator(world.tenant_id) is None


async def test_a_newer_link_takes_the_place_of_an_older_one_and_none_is_good_for_long(world: SignInWorld) -> None:
    user = await make_user(world.db, f"bob-{world.tenant_id.hex}")
    old, new = [await world.proving.invite(world.tenant_id, user) for _ in range(2)]
    assert (await Browser(world.client).get(old)).status == 404
    assert (await Browser(world.client).get(new)).status == 200
    world.runtime.shift = timedelta(hours=24, seconds=1)
    assert (await Browser(world.client).get(new)).status == 404


@pytest.mark.parametrize(
    ("password", "again", "said"),
    [
        ("short one", "short one", "use at least 12"),
        ("password1234", "password1234", "Anybody would try this early"),
        ("qwertyuiop123", "qwertyuiop123", "Anybody would try this early"),
        ("x" * 129, "x" * 129, "at most 128"),
        (PASSWORD, PASSWORD + "!", "The two passwords differ"),
    ],
)
async def test_a_weak_password_is_refused_and_the_link_stays_good(
    world: SignInWorld, password: str, again: str, said: str
) -> None:
    """(check C25)"""
    user = await make_user(world.db, f"bob-{world.tenant_id.hex}")
    link = await world.proving.invite(world.tenant_id, user)
    browser = Browser(world.client)
    await browser.get(link)
    assert (await browser.submit(password=password, again=again)).status == 422
    assert said in browser.text
    assert (await browser.submit(password=PASSWORD, again=PASSWORD)).status == 303


async def test_a_new_password_ends_all_sessions_but_the_one_it_is_set_in(world: SignInWorld) -> None:
    address = await somebody(world)
    browser, elsewhere = await enter(world, address), await enter(world, address)
    assert browser.text.count("Firefox on Linux") == 1
    await browser.get("/security/password")
    done = await browser.submit("/security/password", password="entirely other words", again="entirely other words")
    assert done.headers["location"] == "/security?done=password"
    assert (await browser.get("/security")).status == 200
    assert (await elsewhere.get("/security")).status == 303


async def test_changing_how_one_signs_in_needs_a_fresh_sign_in(world: SignInWorld) -> None:
    """(check C10)"""
    browser = await enter(world, await somebody(world))
    assert (await browser.get("/security/password")).status == 200
    world.runtime.shift = timedelta(minutes=11)
    for path in ("/security/password", "/security/authenticator"):
        again = await browser.get(path)
        assert again.headers["location"].startswith(f"/sign-in?return_to={path}&login_hint=")


async def test_an_authenticator_app_is_enrolled_with_a_code_it_shows(world: SignInWorld) -> None:
    address = await somebody(world)
    browser = await enter(world, address)
    page = (await browser.get("/security/authenticator")).content.decode()
    assert "<svg" in page
    assert "style=" not in page.partition("<svg")[2].partition("</svg>")[0], "the policy allows no inline style"
    secret = page.partition("<p><code>")[2].partition("<")[0].replace(" ", "")
    wrong = await browser.submit("/security/authenticator", code="000000")
    assert wrong.status == 422
    code = pyotp.TOTP(secret).at(world.runtime.now())
    await browser.submit("/security/authenticator", code=code)
    assert browser.text.count("-") >= 30, "ten recovery codes"
    other = Browser(world.client)
    await other.get("/sign-in")
    await other.submit(address=address)
    await other.submit(password=PASSWORD)
    assert (await other.submit(code=code)).status == 422, "the code that proved it is used up"
    world.runtime.shift = timedelta(seconds=60)
    assert (await other.submit(code=pyotp.TOTP(secret).at(world.runtime.now()))).status == 303


async def test_people_see_and_end_their_own_sessions_and_nobody_elses(world: SignInWorld) -> None:
    """(checks C7, C42)"""
    address = await somebody(world)
    browser, elsewhere = await enter(world, address), await enter(world, address)
    await browser.get("/security")
    actions = (
        [each for each in browser.page.content.decode().split('"') if each.endswith("/end")] if browser.page else []
    )
    assert len(actions) == 2
    user = await make_user(world.db, f"eve-{world.tenant_id.hex}")
    eve = Browser(world.client)
    await eve.get(await world.proving.invite(world.tenant_id, user))
    await eve.submit(password=PASSWORD, again=PASSWORD)
    eve = await enter(world, f"eve-{world.tenant_id.hex}@example.com")
    token = eve.form("/sign-out").values
    assert (await eve.post(actions[0], token, origin=BASE)).status == 404
    assert (await eve.post(actions[0], {}, origin=BASE)).status == 403
    assert (await browser.submit("/security/sessions/end-others")).status == 303
    assert (await browser.get("/security")).status == 200
    assert (await elsewhere.get("/security")).status == 303


async def test_the_last_global_administrator_stays_one(world: SignInWorld) -> None:
    """(check C54)"""
    now = world.runtime.now()
    await world.db.write(roles.give_role, world.person, roles.GLOBAL_ADMINISTRATOR, now)
    with pytest.raises(Conflict):
        await world.db.write(roles.take_role, world.person, roles.GLOBAL_ADMINISTRATOR)
    second = await make_user(world.db, f"bob-{world.tenant_id.hex}")
    await world.db.write(roles.give_role, second, roles.GLOBAL_ADMINISTRATOR, now)
    assert await world.db.write(roles.take_role, world.person, roles.GLOBAL_ADMINISTRATOR)
    assert [each.user_id for each in await world.db.read(roles.list_roles)] == [second]
