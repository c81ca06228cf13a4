"""Who enters by single sign-on, row by row, over HTTP: login page, provider, answer, and what is there afterwards."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from rollcall.db import Tx
from rollcall.workspaces.main_users import appoint
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.people import AccountOrigin, create_person, delete_person
from rollcall.workspaces.places import archive_workspace
from tests.scim_http.asgi import Reply
from tests.workspaces.pages.entering import G1, G2, Case, Entering


async def judge(entering: Entering, reply: Reply, case: Case, path: str) -> None:
    said = reply.content.decode()
    if case.expected == "in":
        assert (reply.status, reply.headers.get("location")) == (303, path), said
        assert await entering.users() == 1
        return
    assert reply.status in (401, 403), said
    assert "session" not in reply.headers.get("set-cookie", "")
    assert await entering.users() == int(case.account), "nobody was made"
    if case.expected.startswith("sso_"):
        assert case.expected in said
        return
    assert await entering.reason() == case.expected


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(local=True), id="M5"),
        pytest.param(Case(expected="not_main_user"), id="M6"),
        pytest.param(Case((G1,)), id="M7"),
        pytest.param(Case((G1,), local=True), id="M8"),
        pytest.param(Case((G1,), (G2,), local=True, expected="group_not_allowed"), id="M9"),
        pytest.param(
            Case((G1,), None, local=True, expected="groups_unresolved", settings={"group_source": "token_only"}),
            id="M10",
        ),
        pytest.param(Case((G1,), account=False), id="M12"),
        pytest.param(Case(account=False, expected="user_unknown"), id="M13"),
        pytest.param(Case(local=True, expected="sso_step_up_unmet", claims={"auth_time": 1}), id="M16"),
    ],
)
async def test_the_dashboard_by_single_sign_on(entering: Entering, case: Case) -> None:
    world = entering.site.world
    user = await entering.prepare(case)
    if case.local and user is not None:
        await world.database.write(appoint, world.runtime, user, None)
    recent = 5 if case.claims else 0
    await world.dashboard(
        sso=True, configuration_id=world.configuration, group_ids=list(case.list), recent_minutes=recent
    )

    async def key(tx: Tx) -> str:
        found: str = await tx.value("select key from workspaces.organisations")
        return found

    path = f"/o/{await world.database.read(key)}"
    await judge(entering, await entering.sign_in(path), case, path)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(member=True), id="W2"),
        pytest.param(Case((G1,), member=True), id="W3"),
        pytest.param(Case((G1,), (G2,), member=True, expected="group_not_allowed"), id="W4"),
        pytest.param(
            Case((G1,), None, member=True, expected="groups_unresolved", settings={"group_source": "token_only"}),
            id="W5",
        ),
        pytest.param(Case(creates=True), id="W6"),
        pytest.param(Case(creates=True, account=False), id="W6-no-account"),
        pytest.param(Case((G1,), creates=True), id="W7"),
        pytest.param(Case((G1,), (G2,), creates=True, account=False, expected="group_not_allowed"), id="W8"),
        pytest.param(Case(expected="not_a_member"), id="W9"),
        pytest.param(Case(account=False, expected="user_unknown"), id="W9-no-account"),
    ],
)
async def test_a_workspace_by_single_sign_on(entering: Entering, case: Case) -> None:
    world = entering.site.world
    user = await entering.prepare(case)
    slug = f"s{world.runtime.new_id().hex}"
    workspace = await world.workspace(slug=slug)
    await world.settings(
        workspace,
        sso=True,
        configuration_id=world.configuration,
        group_ids=list(case.list),
        creates_users=case.creates,
    )
    if case.member and user is not None:
        await world.database.write(add_member, world.runtime, workspace, user, Origin.MANUAL)
    await judge(entering, await entering.sign_in(f"/w/{slug}"), case, f"/w/{slug}")


async def test_w9_says_that_a_membership_may_be_on_its_way(entering: Entering) -> None:
    """(row W9)"""
    world = entering.site.world
    await entering.prepare(Case())
    slug = f"s{world.runtime.new_id().hex}"
    await world.workspace(G1, slug=slug)
    reply = await entering.sign_in(f"/w/{slug}")
    assert reply.status == 403
    assert "may still be on its way" in reply.content.decode()


async def test_w1_an_archived_workspace_lets_nobody_in(entering: Entering) -> None:
    """(row W1)"""
    world = entering.site.world
    user = await entering.prepare(Case())
    slug = f"s{world.runtime.new_id().hex}"
    workspace = await world.workspace(slug=slug, admin=user)
    await world.settings(workspace, sso=True, configuration_id=world.configuration)
    await world.database.write(archive_workspace, world.runtime, workspace)
    assert (await entering.sign_in(f"/w/{slug}")).status == 403
    assert await entering.reason() == "workspace_archived"


async def test_w11_without_single_sign_on_there_is_no_way_to_the_provider(entering: Entering) -> None:
    """(row W11)"""
    await entering.prepare(Case())
    slug = f"s{entering.site.world.runtime.new_id().hex}"
    await entering.site.world.workspace(slug=slug)
    reply = await entering.sign_in(f"/w/{slug}")
    assert reply.headers["location"].startswith(f"/w/{slug}/login?")


async def test_m12_who_was_deleted_does_not_walk_back_in(entering: Entering) -> None:
    """(rows M12, P4)"""
    world = entering.site.world
    await entering.prepare(Case(account=False))

    async def bury(tx: Tx) -> None:
        made = await create_person(tx, world.runtime, user_name="ada@acme.example", origin=AccountOrigin.INVITATION)
        await delete_person(tx, world.runtime, made, break_glass=True)

    await world.database.write(bury)
    slug = f"s{world.runtime.new_id().hex}"
    workspace = await world.workspace(slug=slug)
    await world.settings(workspace, sso=True, configuration_id=world.configuration, creates_users=True)
    reply = await entering.sign_in(f"/w/{slug}")
    assert reply.status == 403
    assert "user_deleted" not in reply.content.decode()
    assert await entering.reason() == "user_deleted"
    assert await entering.users() == 0


async def test_a_sign_in_begins_on_our_own_pages_only(entering: Entering) -> None:
    """(check REQ-2)"""
    world = entering.site.world
    await entering.prepare(Case())
    slug = f"s{world.runtime.new_id().hex}"
    workspace = await world.workspace(slug=slug)
    await world.settings(workspace, sso=True, configuration_id=world.configuration)
    for strange in ({"sec-fetch-site": "cross-site"}, {"sec-fetch-dest": "iframe"}):
        browser = entering.site.browser()
        browser.headers |= strange
        reply = await browser.get(f"/w/{slug}/login/sso")
        assert reply.headers["location"].startswith(f"/w/{slug}/login?"), strange


@pytest.mark.parametrize(("iss", "known"), [("{url}", True), ("https://evil.example", False), ("", False)])
async def test_a_third_party_may_ask_for_a_sign_in(entering: Entering, iss: str, known: bool) -> None:
    world = entering.site.world
    await entering.prepare(Case())
    await world.dashboard(sso=True, configuration_id=world.configuration)
    values = {"iss": iss.format(url=entering.provider.url), "target_link_uri": "https://evil.example/x"}
    reply = await entering.site.browser().get(f"/sso/{world.configuration}/start?{urlencode(values)}")
    assert reply.status == (303 if known else 404)
    if known:
        assert reply.headers["location"].startswith(f"{entering.provider.url}/authorize?")
