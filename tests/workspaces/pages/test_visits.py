"""Every door: who gets through, who is sent to sign in, who is told why not, and what is noted of it."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from rollcall.db import Tx
from rollcall.main.serving import house_of
from rollcall.main.site import site_of
from rollcall.workspaces.access_model import DoorKind
from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.pages import Visit, Visits
from rollcall.workspaces.sso.sessions import live_sessions
from tests.scim_http.asgi import AsgiClient
from tests.workspaces.pages.site import BASE, Site, open_site
from tests.workspaces.places_world import BOTH

_CHANGING = re.compile(r'[0-9a-f]{8}-[0-9a-f-]{27}|value="[\w=-]{60,}"|nonce="[^"]*"')
"""What no two pages have in common: references, tokens, nonces."""


@pytest.fixture
def doors(site: Site) -> Site:
    """The site with one page behind each kind of door."""
    made = site_of(site.parts, "workspaces")
    visits = Visits(house_of(site.parts, made))

    async def page(request: Request, visit: Visit) -> Response:
        if visit.form is not None:
            return PlainTextResponse(visit.form.text("said"))
        return visits.show(request, visit, "workspaces/inside.html")

    async def roles(_request: Request, visit: Visit) -> Response:
        return PlainTextResponse(",".join(sorted(visit.roles)))

    app = made.app(
        [
            visits.route("/home", DoorKind.HOME, page, ["GET", "POST"]),
            visits.route("/settings", DoorKind.SETTINGS, page),
            visits.route("/w/{workspace}", DoorKind.WORKSPACE, roles),
        ]
    )
    site.client = AsgiClient(app, token=None)
    return site


async def new_workspace(site: Site, admin: UUID | None = None) -> tuple[UUID, str]:
    """A new workspace's id and slug."""
    slug = f"s{site.world.runtime.new_id().hex}"
    return await site.world.workspace(slug=slug, admin=admin), slug


async def live(tx: Tx, user: UUID, now: datetime) -> int:
    return len(await live_sessions(tx, user, now))


async def test_without_a_session_one_is_sent_to_sign_in_and_comes_back(doors: Site) -> None:
    """(row P3)"""
    browser = doors.browser()
    assert (await browser.get("/home?q=1")).headers["location"] == "/?return_to=%2Fhome%3Fq%3D1"
    assert (await browser.get("/w/team?q=1")).headers["location"] == "/w/team/login?return_to=%2Fw%2Fteam%3Fq%3D1"
    browser.cookies["__Host-rollcall-workspaces-session"] = "forged"
    assert (await browser.get("/settings")).headers["location"] == "/?return_to=%2Fsettings"


async def test_a_main_user_finds_the_settings_and_others_do_not(doors: Site) -> None:
    """(rows M1, M3)"""
    _, main = await doors.main_user()
    assert (await main.get("/settings")).status == 200
    assert "Settings" in main.text
    other = await doors.signed_in(await doors.world.person("Ada"))
    assert (await other.get("/home")).status == 200
    assert "Ada" in other.text
    assert "Settings" not in other.text
    refused = await other.get("/settings")
    assert refused.status == 403
    assert "not_main_user" in other.text


async def test_a_member_enters_and_another_is_told_why_not(doors: Site) -> None:
    """(row W18)"""
    ada, bob = await doors.world.person("Ada"), await doors.world.person("Bob")
    workspace, slug = await new_workspace(doors, admin=ada)
    inside = await doors.signed_in(ada, method="link", workspace=workspace)
    assert (await inside.get(f"/w/{slug}")).content.decode() == ",".join(sorted(BOTH))
    outside = await doors.signed_in(bob, method="link", workspace=workspace)
    refused = await outside.get(f"/w/{slug}")
    assert refused.status == 403
    assert "not_a_member" in outside.text
    (event,) = await doors.db.read(read_audit, AuditQuery(action="access.denied"))
    assert (event.actor.name, event.what.outcome, event.what.reason) == (str(bob), "denied", "not_a_member")
    assert str(event.what.details["reference"]) in outside.text


async def test_a_workspace_of_another_organisation_is_none(doors: Site) -> None:
    """(row P1)"""
    elsewhere = await open_site(doors.parts.database, doors.world.runtime)
    _, foreign = await new_workspace(elsewhere)
    browser = await doors.signed_in(await doors.world.person("Ada"))
    answers = [await browser.get(f"/w/{each}") for each in (foreign, "nowhere")]
    assert [each.status for each in answers] == [404, 404]
    said = [_CHANGING.sub("…", each.content.decode().replace(foreign, "nowhere")) for each in answers]
    assert said[0] == said[1]


async def test_a_form_is_taken_from_our_own_pages_only(doors: Site) -> None:
    """(checks C11, C12)"""
    browser = await doors.signed_in(await doors.world.person("Ada"))
    await browser.get("/home")
    form = browser.form("/log-out")
    good = form.values | {"said": "hello"}
    assert (await browser.post("/home", good, origin=BASE)).content == b"hello"
    assert (await browser.post("/home", good, origin="https://evil.example")).status == 403
    assert (await browser.post("/home", {"said": "hello"}, origin=BASE)).status == 403


async def test_logging_out_ends_the_session(site: Site) -> None:
    """(check C8)"""
    user = await site.world.person("Ada")
    browser = await site.signed_in(user)
    assert (await browser.post("/log-out", {}, origin=BASE)).status == 403
    await browser.get("/nothing")
    done = await browser.post("/log-out", browser.form("/theme").values, origin=BASE)
    assert (done.status, done.headers["location"]) == (303, "/")
    assert await site.db.read(live, user, site.world.runtime.now()) == 0
