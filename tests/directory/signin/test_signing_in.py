"""People sign in for an application: address, password, code, and back; and whatever may go wrong between."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import pyotp
import pytest

from rollcall import directory
from rollcall.db import Database, Tx, take_turn
from rollcall.directory.signin.claims import issuer_of
from rollcall.directory.signin.known_browsers import KnownBrowser
from rollcall.directory.signin.proving import ALL_OF_ONE_ORGANISATION, Claimed
from rollcall.directory.signin.sessions import IDLE, LONGEST
from rollcall.directory.signin.tokens import challenge_of
from tests.browser import Browser
from tests.directory.making import make_user
from tests.directory.signin.world import BASE, CALLBACK, VERIFIER, ShiftedRuntime, SignInWorld, sign_in_world

PASSWORD = "tram ladder biscuit"
SESSION = "__Host-rollcall-identity-session"
KNOWN = "__Host-rollcall-identity-known"
WRONG = "The address or the password is not right. Check both."


@pytest.fixture
async def world(database: Database) -> SignInWorld:
    """A tenant of this test's own, in which Ada has a password."""
    world = await sign_in_world(database)
    # Names find people over all tenants, and tests share a database.
    await world.db.write(directory.update_user, world.person, {"userPrincipalName": address(world)})
    await world.proving.set_password(ada(world), PASSWORD)
    return world


def address(world: SignInWorld) -> str:
    return f"ada@{world.tenant_id.hex}.example"


def ada(world: SignInWorld) -> Claimed:
    return Claimed(world.tenant_id, world.person)


def browser_of(world: SignInWorld) -> Browser:
    return Browser(world.client)


def request_url(world: SignInWorld, tenant: str | None = None, **changes: str) -> str:
    """The address an application sends a browser to."""
    params = {
        "client_id": str(world.registration.app_id),
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile",
        "state": "the state",
        "nonce": "the nonce",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    }
    query = urlencode({name: value for name, value in (params | changes).items() if value})
    return f"/{tenant or world.tenant_id}/oauth2/v2.0/authorize?{query}"


def answer_in(location: str) -> dict[str, str]:
    """What an application is told in its address."""
    assert location.startswith(CALLBACK + "?"), location
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


async def sign_in(world: SignInWorld, browser: Browser, url: str | None = None, password: str = PASSWORD) -> None:
    """Address and password."""
    await browser.get(url or request_url(world))
    await browser.submit(address=address(world))
    await browser.submit(password=password)


async def enrol(world: SignInWorld) -> tuple[str, list[str]]:
    """Ada's authenticator app and recovery codes; the code that proved it was one of an hour ago."""
    secret = world.proving.new_totp_secret()
    world.runtime.shift -= timedelta(hours=1)
    codes = await world.proving.enrol(ada(world), secret, pyotp.TOTP(secret).at(world.runtime.now()))
    world.runtime.shift += timedelta(hours=1)
    assert codes is not None
    return secret, codes


@pytest.mark.parametrize("named", ["id", "name", "organizations"])
async def test_a_person_signs_in_and_the_application_is_told_who_it_is(world: SignInWorld, named: str) -> None:
    tenant = {"id": str(world.tenant_id), "name": world.tenant}.get(named, named)
    browser = browser_of(world)
    page = await browser.get(request_url(world, tenant))
    assert page.status == 200
    assert page.headers["cache-control"] == "no-store"
    assert "form-action 'self' https://rooms.example.com;" in page.headers["content-security-policy"]
    await browser.submit(address=address(world).upper())
    assert "Enter your password" in browser.text
    done = await browser.submit(password=PASSWORD)
    assert done.status == 303
    told = answer_in(done.headers["location"])
    assert (told["state"], told["iss"]) == ("the state", issuer_of(BASE, str(world.tenant_id)))
    claims = await world.claims((await world.redeem(told["code"])).json["id_token"])
    assert (claims["oid"], claims["nonce"], claims["amr"]) == (str(world.person), "the nonce", ["pwd"])
    assert claims["acr"] == "https://refeds.org/profile/sfa"
    again = await browser.get(request_url(world, tenant))
    assert again.status == 303, "there is a session now"
    second = await world.claims((await world.redeem(answer_in(again.headers["location"])["code"])).json["id_token"])
    assert (second["sid"], second["auth_time"]) == (claims["sid"], claims["auth_time"])


async def test_every_application_is_told_the_same_time_of_signing_in(world: SignInWorld) -> None:
    """However long the sign-in takes between its steps (OpenID Connect Core §2)."""
    world.runtime.each_look = timedelta(milliseconds=700)
    browser = browser_of(world)
    await sign_in(world, browser)
    assert browser.page is not None
    first = await told_in(world, browser.page.headers["location"])
    second = await told_in(world, (await browser.get(request_url(world))).headers["location"])
    assert second["auth_time"] == first["auth_time"]


async def told_in(world: SignInWorld, location: str) -> dict[str, Any]:
    """The claims that an application gets for a code."""
    return await world.claims((await world.redeem(answer_in(location)["code"])).json["id_token"])


async def test_the_answer_comes_in_a_form_where_the_application_wants_it(world: SignInWorld) -> None:
    browser = browser_of(world)
    await sign_in(world, browser, request_url(world, response_mode="form_post"))
    form = browser.form(CALLBACK)
    assert browser.page is not None
    assert browser.page.status == 200
    assert form.values["state"] == "the state"
    assert (await world.redeem(form.values["code"])).status == 200
    assert f"{SESSION}" in browser.cookies
    assert "form-action 'self' https://rooms.example.com;" in browser.page.headers["content-security-policy"]


async def test_the_request_may_come_in_a_form(world: SignInWorld) -> None:
    """From another site, without its cookies; it changes nothing (OpenID Connect Core §3.1.2.1)."""
    browser = browser_of(world)
    path, _, query = request_url(world).partition("?")
    page = await browser.post(path, dict(parse_qs_flat(query)), origin="https://rooms.example.com")
    assert page.status == 200
    await browser.submit(address=address(world))
    done = await browser.submit(password=PASSWORD)
    assert "code" in answer_in(done.headers["location"])


def parse_qs_flat(query: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(query).items()}


async def test_with_an_authenticator_app_a_code_is_asked_for_and_each_is_good_once(world: SignInWorld) -> None:
    """Replayed codes (check C30, RFC 6238 §5.2)."""
    secret, _ = await enrol(world)
    code = pyotp.TOTP(secret).at(world.runtime.now())
    browser, other = browser_of(world), browser_of(world)
    await sign_in(world, browser)
    assert "Enter a code" in browser.text
    assert SESSION not in browser.cookies, "no session before the last step"
    wrong = await browser.submit(code="000000" if code != "000000" else "111111")
    assert wrong.status == 422
    done = await browser.submit(code=f"{code[:3]} {code[3:]}")
    claims = await world.claims((await world.redeem(answer_in(done.headers["location"])["code"])).json["id_token"])
    assert claims["amr"] == ["pwd", "otp", "mfa"]
    await sign_in(world, other)
    replayed = await other.submit(code=code)
    assert replayed.status == 422
    assert "was used already" in other.text


async def test_a_recovery_code_lets_in_once(world: SignInWorld) -> None:
    _, codes = await enrol(world)
    assert len(codes) == len(set(codes)) == 10
    for expected in (303, 422):
        browser = browser_of(world)
        await sign_in(world, browser)
        await browser.submit(action="recovery")
        done = await browser.submit(code=codes[3].upper().replace("-", " "))
        assert done.status == expected
    credential = await world.proving.credential(ada(world))
    assert credential is not None
    assert credential.recovery_codes == 9


async def test_nobody_learns_which_addresses_are_there(world: SignInWorld) -> None:
    """The same pages for known, unknown and passwordless accounts (check C22)."""
    await make_user(world.db, f"bob-{world.tenant_id.hex}")
    texts = set()
    for typed in (address(world), "nobody@example.com", f"bob-{world.tenant_id.hex}@example.com"):
        browser = browser_of(world)
        await browser.get(request_url(world, "organizations"))
        step = await browser.submit(address=typed)
        wrong = await browser.submit(password="this is not the password")
        assert (step.status, wrong.status) == (200, 422)
        assert WRONG in browser.text
        texts.add(browser.text)
    assert len(texts) == 1


async def test_an_unknown_account_costs_as_much_hashing_as_a_known_one(world: SignInWorld) -> None:
    """Same time class, counted and not timed (check C22)."""
    counted: list[str | None] = []

    class Counting(type(world.proving.slow)):  # type: ignore[misc]  # its class is what is to be counted
        async def verify(self, hashed: str | None, secret: str) -> str:
            counted.append(hashed)
            return str(await super().verify(hashed, secret))

    proving = replace(world.proving, slow=Counting(1024, 1, 1))
    for typed in (address(world), "nobody@example.com"):
        for tenant in (None, world.tenant_id):
            assert await proving.password(tenant, typed, "wrong password", "198.51.100.7") is None
    assert [each is None for each in counted] == [False, False, True, True]


async def test_who_tries_often_waits_and_the_one_they_try_to_be_does_not(world: SignInWorld) -> None:
    """Slowing, not locking out (check C24)."""
    attacker = browser_of(world)
    await attacker.get(request_url(world))
    await attacker.submit(address=address(world))
    statuses = [(await attacker.submit(password="not this one either")).status for _ in range(12)]
    assert statuses == [422] * 10 + [429] * 2
    assert attacker.page is not None
    assert int(attacker.page.headers["retry-after"]) >= 1
    assert await world.proving.password(None, address(world), PASSWORD, "203.0.113.9") == ada(world)
    world.runtime.shift = timedelta(minutes=5)
    assert (await attacker.submit(password=PASSWORD)).status == 303


async def test_a_browser_they_signed_in_with_before_is_kept_waiting_by_nobody_in_their_network(
    world: SignInWorld,
) -> None:
    """(check C24)"""
    victim, attacker = browser_of(world), browser_of(world)
    await sign_in(world, victim)
    victim.cookies.pop(SESSION)
    await attacker.get(request_url(world))
    await attacker.submit(address=address(world))
    while (await attacker.submit(password="not this one either")).status != 429:
        pass
    await victim.get(request_url(world))
    await victim.submit(address=address(world))
    statuses = [(await victim.submit(password="not this one either")).status for _ in range(11)]
    assert statuses == [422] * 10 + [429], "it has no more tries than others"
    world.runtime.shift = timedelta(minutes=1)
    assert (await victim.submit(password=PASSWORD)).status == 303


@pytest.mark.parametrize("whose", ["somebody else's", "made up"])
async def test_a_browser_that_others_signed_in_with_helps_nobody_to_guess(world: SignInWorld, whose: str) -> None:
    """(check C24)"""
    other = await make_user(world.db, "grace", userPrincipalName=f"grace@{world.tenant_id.hex}.example")
    await world.proving.set_password(Claimed(world.tenant_id, other), PASSWORD)
    browser = browser_of(world)
    await browser.get(request_url(world))
    await browser.submit(address=f"grace@{world.tenant_id.hex}.example")
    await browser.submit(password=PASSWORD)
    browser.cookies.pop(SESSION)
    if whose == "made up":
        browser.cookies[KNOWN] = browser.cookies[KNOWN][:-8] + "AAAAAAA="
    both = [browser, browser_of(world)]
    for each in both:
        await each.get(request_url(world))
        await each.submit(address=address(world))
    statuses = [(await each.submit(password="no")).status for each in both * 6]
    assert statuses == [422] * 10 + [429] * 2, "the turns are those of the network"


async def test_answers_come_later_when_very_many_networks_try_an_organisation(world: SignInWorld) -> None:
    """(check C24)"""
    slept: list[float] = []
    now = world.runtime.now()

    class Slow(ShiftedRuntime):
        def now(self) -> datetime:
            return now

        async def sleep(self, seconds: float) -> None:
            slept.append(seconds)

    proving = replace(world.proving, runtime=Slow())
    organisation = address(world).partition("@")[2]
    assert await proving.password(None, address(world), PASSWORD, "203.0.113.9") == ada(world)
    assert slept == []
    while not await world.database.system(take_turn, ALL_OF_ONE_ORGANISATION, now, "sign-in password in", organisation):
        pass
    assert await proving.password(None, address(world), PASSWORD, "203.0.113.10") == ada(world)
    assert len(slept) == 1
    assert 0 < slept[0] <= 3
    here = KnownBrowser("a browser", (world.person,))
    assert await proving.password(None, address(world), PASSWORD, "203.0.113.11", here) == ada(world)
    assert len(slept) == 1, "who signed in with it before does not wait"


@pytest.mark.parametrize("what", ["another browser's", "changed", "an hour old", "none"])
async def test_a_step_that_is_not_this_browsers_goes_nowhere(world: SignInWorld, what: str) -> None:
    """State is sealed, short-lived and bound to the browser (checks C12, C32)."""
    browser, other = browser_of(world), browser_of(world)
    for each in (browser, other):
        await each.get(request_url(world))
        await each.submit(address=address(world))
    flow = {
        "another browser's": other.form().values["flow"],
        "changed": browser.form().values["flow"][:-6] + "AAAAA=",
        "none": "",
    }.get(what, browser.form().values["flow"])
    if what == "an hour old":
        world.runtime.shift = timedelta(hours=1)
    refused = await browser.submit(flow=flow, password=PASSWORD)
    assert refused.status == 400
    assert SESSION not in browser.cookies


async def test_a_form_from_elsewhere_is_refused(world: SignInWorld) -> None:
    """Login forgery (check C12)."""
    browser, other = browser_of(world), browser_of(world)
    for each in (browser, other):
        await each.get(request_url(world))
    form = browser.form()
    assert (await browser.post("/sign-in", form.values, origin="https://evil.example")).status == 403
    assert (await browser.post("/sign-in", form.values | {"anti_forgery": ""}, origin=BASE)).status == 403
    stolen = form.values | {"anti_forgery": other.form().values["anti_forgery"]}
    assert (await browser.post("/sign-in", stolen, origin=BASE)).status == 403


async def test_a_chosen_cookie_does_not_become_the_session(world: SignInWorld) -> None:
    """Session fixation (checks C3, C4)."""
    browser = browser_of(world)
    browser.cookies[SESSION] = "chosen-by-somebody-else"
    await sign_in(world, browser)
    assert browser.cookies[SESSION] != "chosen-by-somebody-else"
    victim = Browser(world.client, {SESSION: "chosen-by-somebody-else"})
    assert (await victim.get(request_url(world))).status == 200


async def test_signing_in_again_gives_a_new_handle_and_the_old_one_is_dead(world: SignInWorld) -> None:
    """(check C3)"""
    browser = browser_of(world)
    await sign_in(world, browser)
    old = dict(browser.cookies)
    page = await browser.get(request_url(world, prompt="login"))
    assert page.status == 200
    assert f'value="{address(world)}"' in page.content.decode(), "it is known who"
    done = await browser.submit(password=PASSWORD)
    assert done.status == 303
    assert browser.cookies[SESSION] != old[SESSION]
    assert (await Browser(world.client, old).get(request_url(world))).status == 200
    assert (await browser.get(request_url(world))).status == 303


async def test_prompt_none_asks_nothing(world: SignInWorld) -> None:
    browser = browser_of(world)
    silent = await browser.get(request_url(world, prompt="none"))
    told = answer_in(silent.headers["location"])
    assert (silent.status, told["error"], told["state"]) == (303, "login_required", "the state")
    assert told["iss"] == issuer_of(BASE, str(world.tenant_id))
    await sign_in(world, browser)
    assert "code" in answer_in((await browser.get(request_url(world, prompt="none"))).headers["location"])
    someone = await browser.get(request_url(world, prompt="none", login_hint="bob@example.com"))
    assert answer_in(someone.headers["location"])["error"] == "login_required"


async def test_a_session_that_is_too_old_for_the_request_is_renewed(world: SignInWorld) -> None:
    """max_age (OpenID Connect Core §3.1.2.1)."""
    browser = browser_of(world)
    await sign_in(world, browser)
    world.runtime.shift = timedelta(minutes=10)
    assert (await browser.get(request_url(world, max_age="3600"))).status == 303
    assert (await browser.get(request_url(world, max_age="60"))).status == 200
    silent = await browser.get(request_url(world, max_age="60", prompt="none"))
    assert answer_in(silent.headers["location"])["error"] == "login_required"
    await browser.get(request_url(world, max_age="60"))
    done = await browser.submit(password=PASSWORD)
    claims = await world.claims((await world.redeem(answer_in(done.headers["location"])["code"])).json["id_token"])
    assert claims["auth_time"] >= int((world.runtime.now() - timedelta(minutes=1)).timestamp())


async def test_an_account_is_chosen_where_the_application_wants_that(world: SignInWorld) -> None:
    browser = browser_of(world)
    await sign_in(world, browser)
    await browser.get(request_url(world, prompt="select_account"))
    assert f"Continue as {address(world)}" in browser.text
    shown = browser.form()
    done = await browser.submit(action="go")
    assert "code" in answer_in(done.headers["location"])
    await browser.post(shown.action, shown.values | {"action": "other"}, origin=BASE)
    assert browser.form().values["address"] == ""


async def test_a_hint_fills_in_the_address(world: SignInWorld) -> None:
    browser = browser_of(world)
    await browser.get(request_url(world, login_hint=address(world)))
    done = await browser.submit(password=PASSWORD)
    assert "code" in answer_in(done.headers["location"])


@pytest.mark.parametrize(
    "change",
    [
        {"redirect_uri": "https://evil.example/callback"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": ""},
        {"client_id": str(UUID(int=3))},
        {"client_id": ""},
    ],
)
async def test_nobody_is_sent_to_an_address_that_is_not_registered(world: SignInWorld, change: dict[str, str]) -> None:
    """Open redirects (check OPR-2)."""
    page = await browser_of(world).get(request_url(world, **change))
    assert page.status == 400
    assert "location" not in page.headers
    assert "AADSTS" in page.content.decode()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
    ],
)
async def test_other_faults_go_to_the_application(world: SignInWorld, change: dict[str, str], error: str) -> None:
    """With its state and our issuer (checks OPR-1, OPR-2, OPR-4)."""
    reply = await browser_of(world).get(request_url(world, **change))
    told = answer_in(reply.headers["location"])
    assert (reply.status, told["error"], told["state"]) == (303, error, "the state")
    assert told["iss"] == issuer_of(BASE, str(world.tenant_id))


async def test_a_tenant_that_is_not_there_is_a_page(world: SignInWorld) -> None:
    page = await browser_of(world).get(request_url(world, "nowhere"))
    assert page.status == 400
    assert "AADSTS90002" in page.content.decode()


async def test_a_password_is_good_in_its_own_tenant_only(world: SignInWorld) -> None:
    """(check C42)"""
    other = await sign_in_world(world.database)
    assert await other.proving.password(other.tenant_id, address(world), PASSWORD, "192.0.2.80") is None
    browser = browser_of(world)
    await sign_in(world, browser)
    page = await browser.get(request_url(other))
    assert page.status == 200, "a session of one tenant says nothing in another"


async def test_who_is_blocked_during_sign_in_does_not_come_in(world: SignInWorld) -> None:
    """At the code step, with the password proven (check C44)."""
    secret, _ = await enrol(world)
    browser = browser_of(world)
    await sign_in(world, browser)
    await world.db.write(directory.update_user, world.person, {"accountEnabled": False})
    blocked = await browser.submit(code=pyotp.TOTP(secret).at(world.runtime.now()))
    assert blocked.status == 403
    assert SESSION not in browser.cookies


async def test_who_is_blocked_learns_so_only_with_the_right_password(world: SignInWorld) -> None:
    await world.db.write(directory.update_user, world.person, {"accountEnabled": False})
    browser = browser_of(world)
    await sign_in(world, browser, password="not this one either")
    assert WRONG in browser.text
    await sign_in(world, browser)
    assert "This account is blocked" in browser.text
    assert SESSION not in browser.cookies


@pytest.mark.parametrize("how", ["blocked", "deleted", "by import"])
async def test_sessions_end_with_the_block_in_the_same_transaction(world: SignInWorld, how: str) -> None:
    """By whatever statement (check C6)."""
    browser = browser_of(world)
    await sign_in(world, browser)
    if how == "blocked":
        await world.db.write(directory.update_user, world.person, {"accountEnabled": False})
        await world.db.write(directory.update_user, world.person, {"accountEnabled": True})
    elif how == "deleted":
        await world.db.write(directory.delete_user, world.person)
        await world.db.write(directory.restore_user, world.person)
    else:
        await world.db.write(_switch, False)
        await world.db.write(_switch, True)
    assert (await browser.get(request_url(world))).status == 200, "restored, one still signs in anew"


async def _switch(tx: Tx, enabled: bool) -> None:
    await tx.run("update directory.users set account_enabled = %s", [enabled])


async def test_a_renamed_person_signs_in_by_the_new_name_only(world: SignInWorld) -> None:
    new = f"lovelace@{world.tenant_id.hex}.example"
    await world.db.write(directory.update_user, world.person, {"userPrincipalName": new})
    assert await world.proving.password(None, address(world), PASSWORD, "192.0.2.81") is None
    assert await world.proving.password(None, new, PASSWORD, "192.0.2.81") == ada(world)


async def test_sessions_end_when_they_are_idle_and_when_they_are_long(world: SignInWorld) -> None:
    """(check C5)"""
    browser = browser_of(world)
    await sign_in(world, browser)
    for _ in range(4):
        world.runtime.shift += IDLE - timedelta(minutes=1)
        expected = 303 if world.runtime.shift < LONGEST else 200
        assert (await browser.get(request_url(world))).status == expected
    await sign_in(world, browser)
    world.runtime.shift += IDLE + timedelta(seconds=1)
    assert (await browser.get(request_url(world))).status == 200


async def test_old_parameters_of_a_hash_are_replaced_at_sign_in(world: SignInWorld) -> None:
    """(check C25)"""
    before = await world.proving.credential(ada(world))
    stronger = replace(world.proving, slow=type(world.proving.slow)(2048, 1, 1))
    assert await stronger.password(world.tenant_id, address(world), PASSWORD, "192.0.2.82") == ada(world)
    after = await world.proving.credential(ada(world))
    assert before is not None
    assert after is not None
    assert "m=1024" in str(before.password_hash)
    assert "m=2048" in str(after.password_hash)
    assert await stronger.password(world.tenant_id, address(world), PASSWORD, "192.0.2.82") == ada(world)
