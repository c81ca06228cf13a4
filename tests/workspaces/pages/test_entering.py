"""Who enters by single sign-on, row by row, over HTTP: login page, provider, answer, and what is there afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import pytest
import pytest_asyncio
from psycopg.types.json import Jsonb

from rollcall.db import Database, Tx
from rollcall.main.serving import house_of
from rollcall.main.site import site_of
from rollcall.runtime import Runtime
from rollcall.workspaces.audit import AuditQuery, read_audit
from rollcall.workspaces.main_users import appoint
from rollcall.workspaces.memberships import add_member
from rollcall.workspaces.origins import Origin
from rollcall.workspaces.pages import workspace_pages
from rollcall.workspaces.people import AccountOrigin, create_person, delete_person
from rollcall.workspaces.places import archive_workspace
from rollcall.workspaces.sso.logout import Logout
from rollcall.workspaces.sso.oidc import RelyingParty
from tests.scim_http.asgi import AsgiClient, Reply
from tests.workspaces.pages.site import BASE, SEALER, Site, open_site
from tests.workspaces.sso.provider import CLIENT, Provider, running_provider

G1, G2 = "g-one", "g-two"


@dataclass
class Case:
    """A row: what holds before, what the provider says, and what comes of it (a path, or a reason)."""

    list: tuple[str, ...] = ()
    groups: tuple[str, ...] | None = (G1,)
    account: bool = True
    local: bool = False
    member: bool = False
    creates: bool = False
    expected: str = "in"
    settings: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)


@dataclass
class Entering:
    """A site whose provider is made by hand."""

    site: Site
    provider: Provider

    async def prepare(self, case: Case) -> UUID | None:
        site, provider = self.site, self.provider
        provider.claims = {"name": "Ada Lovelace", "preferred_username": "ada@acme.example"} | case.claims
        if case.groups is not None:
            provider.claims["groups"] = list(case.groups)
        settings = {"issuer": provider.url, "client_id": CLIENT.id} | case.settings

        async def configure(tx: Tx) -> None:
            await tx.run(
                "update workspaces.sso_configurations set settings = settings || %s where id = %s",
                (Jsonb(settings), site.world.configuration),
            )
            await tx.run(
                "insert into workspaces.sso_configuration_ids (id, organisation_id) values (%s, %s)"
                " on conflict do nothing",
                (site.world.configuration, tx.tenant),
            )

        await site.db.write(configure)
        return await site.world.person("ada@acme.example", externalId="ada") if case.account else None

    async def sign_in(self, path: str) -> Reply:
        browser = self.site.browser()
        await browser.get(f"{path}/login")
        begun = await browser.get(f"{path}/login/sso?{urlencode({'return_to': path})}")
        if not begun.headers["location"].startswith(self.provider.url):
            return begun
        answer = urlencode(self.provider.authorize(begun.headers["location"]))
        return await browser.get(f"/sso/{self.site.world.configuration}/callback?{answer}")

    async def reason(self) -> str:
        (event,) = await self.site.db.read(read_audit, AuditQuery(action="auth.sso.denied"))
        return event.what.reason

    async def users(self) -> int:
        async def count(tx: Tx) -> int:
            found: int = await tx.value("select count(*) from workspaces.users")
            return found

        return await self.site.db.read(count)


@pytest_asyncio.fixture
async def entering(database: Database, runtime: Runtime) -> AsyncIterator[Entering]:
    site = await open_site(database, runtime)
    async with running_provider() as provider:
        installation = provider.installation(base_url=BASE)
        made = site_of(site.parts, "workspaces")
        party = RelyingParty(database, runtime, SEALER, installation)
        house = replace(
            house_of(site.parts, made),
            party=party,
            logout=Logout(party, database, runtime, SEALER),
            installation=installation,
        )
        site.app = made.app(workspace_pages(house))
        site.client = AsgiClient(site.app, token=None, network=site.client.network)
        yield Entering(site, provider)
        await party.providers.settled()


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
