"""An administrator adds an application for many tenants to their own, and nobody else does."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from rollcall import directory
from rollcall.db import Database
from rollcall.directory.signin import people, roles
from tests.browser import Browser
from tests.directory.signin.test_signing_in import PASSWORD, ada, address, answer_in, request_url, sign_in
from tests.directory.signin.world import BASE, CALLBACK, SignInWorld, sign_in_world


@pytest.fixture
async def there(database: Database) -> SignInWorld:
    """Another tenant, which registered an application for many."""
    return await sign_in_world(database, sign_in_audience="AzureADMultipleOrgs")


@pytest.fixture
async def world(database: Database) -> SignInWorld:
    """A tenant of this test's own, in which Ada has a password."""
    world = await sign_in_world(database)
    await world.db.write(directory.update_user, world.person, {"userPrincipalName": address(world)})
    await world.proving.set_password(ada(world), PASSWORD)
    return world


def consent_url(of: SignInWorld, tenant: str, **changes: str) -> str:
    params = {"client_id": str(of.registration.app_id), "redirect_uri": CALLBACK, "state": "the state"} | changes
    return f"/{tenant}/adminconsent?{urlencode(params)}"


async def browser_of(world: SignInWorld, role: str | None) -> Browser:
    """Ada's browser, in which she is signed in."""
    if role is not None:
        await world.db.write(roles.give_role, world.person, role, world.runtime.now())
    browser = Browser(world.client)
    await sign_in(world, browser)
    return browser


async def is_there(world: SignInWorld, of: SignInWorld) -> bool:
    return await world.db.read(people.find_instance, of.registration.app_id) is not None


@pytest.mark.parametrize(
    "role", ["Global Administrator", "Application Administrator", "Cloud Application Administrator"]
)
@pytest.mark.parametrize("named", ["its own", "organizations"])
async def test_an_administrator_adds_it_and_then_people_may_sign_in(
    world: SignInWorld, there: SignInWorld, role: str, named: str
) -> None:
    """(check TEN-7)"""
    url = consent_url(there, str(world.tenant_id) if named == "its own" else named)
    browser = await browser_of(world, role)
    wanted = request_url(there, str(world.tenant_id))
    assert answer_in((await browser.get(wanted)).headers["location"])["error"] == "consent_required"

    page = await browser.get(url)
    assert page.status == 200
    assert "Add Rooms?" in browser.text
    assert not await is_there(world, there), "looking at the page does nothing"
    done = await browser.submit(urlsplit(url).path, action="add")

    assert done.status == 303
    told = {name: values[0] for name, values in parse_qs(urlsplit(done.headers["location"]).query).items()}
    assert told == {"admin_consent": "True", "tenant": str(world.tenant_id), "state": "the state"}
    assert await is_there(world, there)
    found = [
        each
        for each in await world.db.read(directory.list_service_principals)
        if each.app_id == there.registration.app_id
    ]
    await world.db.write(directory.assign, found[0].id, world.person)
    assert "code" in answer_in((await browser.get(wanted)).headers["location"])
    await browser.get(url)
    assert "in this directory already" in browser.text


@pytest.mark.parametrize("role", [None, "User Administrator"])
async def test_nobody_else_adds_it(world: SignInWorld, there: SignInWorld, role: str | None) -> None:
    """(check C41)"""
    browser = await browser_of(world, role)
    page = await browser.get(consent_url(there, "organizations"))
    assert page.status == 403
    assert "Cloud Application Administrator" in browser.text
    fields = {"client_id": str(there.registration.app_id), "redirect_uri": CALLBACK, "action": "add"}
    await browser.get("/security")
    token = browser.form("/sign-out").values
    assert (await browser.post("/organizations/adminconsent", fields | token, origin=BASE)).status == 403
    assert not await is_there(world, there)


async def test_a_form_from_elsewhere_adds_nothing(world: SignInWorld, there: SignInWorld) -> None:
    """(check C11)"""
    browser = await browser_of(world, "Global Administrator")
    fields = {"client_id": str(there.registration.app_id), "redirect_uri": CALLBACK, "action": "add"}
    assert (await browser.post("/organizations/adminconsent", fields, origin=BASE)).status == 403
    assert not await is_there(world, there)


async def test_declining_adds_nothing_and_tells_the_application(world: SignInWorld, there: SignInWorld) -> None:
    browser = await browser_of(world, "Global Administrator")
    await browser.get(consent_url(there, "organizations"))
    done = await browser.submit("/organizations/adminconsent", action="decline")
    assert answer_in(done.headers["location"])["error"] == "access_denied"
    assert not await is_there(world, there)


async def test_whoever_is_not_signed_in_is_asked_to_and_comes_back(world: SignInWorld, there: SignInWorld) -> None:
    await world.db.write(roles.give_role, world.person, roles.GLOBAL_ADMINISTRATOR, world.runtime.now())
    browser, url = Browser(world.client), consent_url(there, "organizations")
    asked = await browser.get(url)
    await browser.get(asked.headers["location"])
    await browser.submit(address=address(world))
    assert (await browser.submit(password=PASSWORD)).headers["location"] == url


@pytest.mark.parametrize(
    "change", [{"redirect_uri": CALLBACK + "/"}, {"redirect_uri": "https://evil.example/"}, {"client_id": "none"}]
)
async def test_what_is_not_registered_is_a_page_and_no_redirect(
    world: SignInWorld, there: SignInWorld, change: dict[str, str]
) -> None:
    """(check OPR-2)"""
    browser = await browser_of(world, "Global Administrator")
    page = await browser.get(consent_url(there, "organizations", **change))
    assert (page.status, "location" in page.headers) == (400, False)


async def test_an_application_of_one_tenant_and_an_administrator_of_another_get_nowhere(
    world: SignInWorld, there: SignInWorld, database: Database
) -> None:
    """(check C42)"""
    browser = await browser_of(world, "Global Administrator")
    assert (await browser.get(consent_url(there, str(there.tenant_id)))).status == 403
    single = await sign_in_world(database)
    assert (await browser.get(consent_url(single, "organizations"))).status == 400
