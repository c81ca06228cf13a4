"""Sessions by single sign-on before other doors, and later: what opens, what is asked again, what ends them."""

from __future__ import annotations

from typing import Any, LiteralString
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

import pytest

from rollcall.db import Tx
from rollcall.workspaces.main_users import appoint
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.origins import Origin
from tests.browser import Browser
from tests.scim_http.asgi import Reply
from tests.unit.workspaces.sso.forging import PERSON, TENANT
from tests.workspaces.pages.entering import G1, G2, Case, Entering
from tests.workspaces.sso.provider import CLIENT


async def run(entering: Entering, statement: LiteralString, **values: Any) -> None:
    """Change a row as no page can."""

    async def change(tx: Tx) -> None:
        await tx.run(statement, values)

    await entering.site.db.write(change)


async def room(entering: Entering, member: UUID | None, *group_ids: str, **fields: Any) -> str:
    """The path of a workspace with single sign-on."""
    world = entering.site.world
    slug = f"s{world.runtime.new_id().hex}"
    workspace = await world.workspace(slug=slug)
    settings = {"sso": True, "configuration_id": world.configuration, "group_ids": list(group_ids)} | fields
    await world.settings(workspace, **settings)
    if member is not None:
        await world.database.write(add_member, world.runtime, workspace, member, Origin.MANUAL)
    return f"/w/{slug}"


async def dashboard(entering: Entering, user: UUID, **fields: Any) -> str:
    """Single sign-on for main users, of whom this is one; the path of the organisation."""
    world = entering.site.world
    await world.database.write(appoint, world.runtime, user, None)
    await world.dashboard(sso=True, configuration_id=world.configuration, **fields)

    async def key(tx: Tx) -> str:
        found: str = await tx.value("select key from workspaces.organisations")
        return found

    return f"/o/{await world.database.read(key)}"


async def ada_in(entering: Entering, path: str) -> Browser:
    """A browser in which Ada signed in to this place at the provider."""
    browser = entering.site.browser()
    reply = await entering.sign_in(path, browser)
    assert (reply.status, reply.headers.get("location")) == (303, path), reply.content.decode()
    return browser


def asked(reply: Reply) -> dict[str, str]:
    """What the provider is asked for."""
    return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["location"]).query).items()}


async def prepared(entering: Entering) -> UUID:
    user = await entering.prepare(Case())
    assert user is not None
    return user


async def test_w10_another_configuration_opens_nothing_and_the_right_one_is_offered(entering: Entering) -> None:
    """(row W10)"""
    user = await prepared(entering)
    browser = await ada_in(entering, await room(entering, user))
    other = entering.site.world.runtime.new_id()
    await run(
        entering,
        """insert into workspaces.sso_configurations (id, name, kind, settings, identity_changed, created, changed)
           values (%(id)s, 'Partners', 'openid_connect', '{"issuer": "https://partners.example", "client_id": "c"}',
                   '2020-01-01', now(), now())""",
        id=other,
    )
    there = await room(entering, user, configuration_id=other)
    reply = await browser.get(there)
    values = {"return_to": there, "because": "wrong_sso_configuration"}
    assert (reply.status, reply.headers["location"]) == (303, f"{there}/login?{urlencode(values)}")
    await browser.get(reply.headers["location"])
    assert "This place needs another sign-in" in browser.text
    assert "Sign in with Partners" in browser.text


async def test_w19_one_sign_in_is_enough_for_all_workspaces_of_the_same_configuration(entering: Entering) -> None:
    """(row W19)"""
    user = await prepared(entering)
    browser = await ada_in(entering, await room(entering, user))
    asked_before = entering.provider.count("/token")
    assert (await browser.get(await room(entering, user, G1))).status == 200, "as W3"
    refused = await browser.get(await room(entering, user, G2))
    assert refused.status == 403, "as W4"
    assert "group_not_allowed" in browser.text
    assert (await browser.get(await room(entering, None, creates_users=True))).status == 200, "as W6"
    assert (await browser.get(await room(entering, None))).status == 403, "as W9"
    assert "not_a_member" in browser.text
    assert entering.provider.count("/token") == asked_before


async def test_p2_a_suspended_organisation_lets_nobody_in(entering: Entering) -> None:
    """(row P2)"""
    user = await prepared(entering)
    path = await room(entering, user)
    browser = await ada_in(entering, path)
    await run(entering, "update workspaces.organisations set suspended = true")
    for page in (path, "/home", f"{path}/login"):
        assert (await browser.get(page)).status == 403, page
        assert "This organisation is suspended" in browser.text
    begun = await browser.get(f"{path}/login/sso")
    assert begun.headers["location"].startswith(f"{path}/login?"), "nobody is sent to the provider in vain"


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("update workspaces.sso_configurations set is_on = false", id="off"),
        pytest.param("update workspaces.sso_configurations set identity_changed = now()", id="changed"),
        pytest.param("delete from workspaces.sso_configurations", id="deleted"),
    ],
)
async def test_p6_what_vouched_for_a_session_is_gone(entering: Entering, statement: LiteralString) -> None:
    """(row P6)"""
    user = await prepared(entering)
    path = await room(entering, user)
    browser = await ada_in(entering, path)
    assert (await browser.get(path)).status == 200
    if statement.startswith("delete"):
        await run(entering, "update workspaces.workspace_login set sso = false, configuration_id = null")
    await run(entering, statement)
    reply = await browser.get(path)
    assert (reply.status, reply.headers["location"]) == (303, f"{path}/login?{urlencode({'return_to': path})}")
    assert (await browser.get(reply.headers["location"])).status == 200


@pytest.mark.parametrize("known", [True, False])
async def test_the_provider_is_asked_again_silently_where_it_can_be(entering: Entering, *, known: bool) -> None:
    """(row P3, §7.1)"""
    user = await prepared(entering)
    path = await room(entering, user)
    browser = await ada_in(entering, path)
    await run(entering, "update workspaces.sessions set recheck = now() - interval '1 second'")
    reply = await browser.get(f"{path}?page=2")
    back = urlencode({"return_to": f"{path}?page=2", "silent": "true"})
    assert (reply.status, reply.headers["location"]) == (303, f"{path}/login/sso?{back}")
    begun = await browser.get(reply.headers["location"])
    assert asked(begun)["prompt"] == "none"
    if not known:
        failed = await entering.come_back(browser, begun.headers["location"], code=None, error="login_required")
        assert failed.status == 303
        begun = failed
        assert "prompt" not in asked(begun), "then the person is asked"
    done = await entering.come_back(browser, begun.headers["location"])
    assert (done.status, done.headers.get("location")) == (303, f"{path}?page=2"), done.content.decode()
    assert (await browser.get(path)).status == 200


async def test_m16_a_sign_in_too_long_ago_is_confirmed_at_the_provider(entering: Entering) -> None:
    """(row M16)"""
    user = await prepared(entering)
    now = int(entering.site.world.runtime.now().timestamp())
    entering.provider.claims["auth_time"] = now - 60
    path = await dashboard(entering, user, recent_minutes=5)
    browser = await ada_in(entering, path)
    assert (await browser.get("/dashboard")).status == 200
    await run(entering, "update workspaces.sessions set authenticated = now() - interval '6 minutes'")
    reply = await browser.get("/dashboard")
    assert (reply.status, reply.headers["location"]) == (303, f"{path}/login/sso?return_to=%2Fdashboard")
    begun = await browser.get(reply.headers["location"])
    assert asked(begun)["max_age"] == "300"
    entering.provider.claims["auth_time"] = now
    done = await entering.come_back(browser, begun.headers["location"])
    assert (done.status, done.headers.get("location")) == (303, "/dashboard"), done.content.decode()
    assert (await browser.get("/dashboard")).status == 200


@pytest.mark.parametrize("welcome", [True, False])
async def test_m15_guests_of_the_providers_directory(entering: Entering, *, welcome: bool) -> None:
    """(row M15)"""
    provider, world = entering.provider, entering.site.world
    entra = {"tid": TENANT, "oid": PERSON, "ver": "2.0", "iss": f"{provider.url}/{TENANT}/v2.0", "acct": 1}
    await entering.prepare(Case(account=False, claims=entra))
    user = await world.person("ada@acme.example", externalId=PERSON)
    await run(
        entering,
        """update workspaces.sso_configurations set kind = 'entra', guests_on_dashboard = %(welcome)s,
               settings = jsonb_build_object('tenants', jsonb_build_array(%(tenant)s::text), 'client_id', %(client)s::text)""",
        tenant=TENANT,
        client=CLIENT.id,
        welcome=welcome,
    )
    path = await dashboard(entering, user)
    reply = await entering.sign_in(path)
    if welcome:
        assert (reply.status, reply.headers.get("location")) == (303, path), reply.content.decode()
        return
    assert reply.status == 403
    assert "Guest accounts may not enter here" in reply.content.decode()
    assert await entering.reason() == "guest_not_allowed"


async def test_logging_out_offers_the_providers_logout_and_comes_back(entering: Entering) -> None:
    """(check OUT-3)"""
    user = await prepared(entering)
    path = await room(entering, user)
    browser = await ada_in(entering, path)
    await browser.get(path)
    done = await browser.submit("/log-out")
    assert done.status == 200, "the session is over; the page asks about the provider's"
    assert "Log out at the identity provider too" in browser.text
    assert (await browser.get(path)).status == 303
    link = done.content.decode().split(f'href="{entering.provider.url}/end?')[1].split('"')[0].replace("&amp;", "&")
    sent = {name: values[0] for name, values in parse_qs(link).items()}
    assert sent["post_logout_redirect_uri"].endswith(f"/sso/{entering.site.world.configuration}/signed-out")
    assert sent["id_token_hint"]
    back = await browser.get(f"{urlsplit(sent['post_logout_redirect_uri']).path}?{urlencode({'state': sent['state']})}")
    assert back.status == 200
    assert "You are signed out" in browser.text
