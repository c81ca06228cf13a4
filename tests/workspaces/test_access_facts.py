"""Doors on a real database: sessions, settings, SCIM and the decision together."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from rollcall.crypto import hash_token
from rollcall.db import Database, TenantDatabase, Tx
from rollcall.runtime import Runtime
from rollcall.scim.schema import USER
from rollcall.workspaces.access import decide
from rollcall.workspaces.access_facts import AccessFacts, load_facts
from rollcall.workspaces.access_model import Allow, Decision, Deny, DoorKind, Reason, Role, Standing
from rollcall.workspaces.main_users import appoint
from rollcall.workspaces.memberships import add_member, set_roles
from rollcall.workspaces.people import suspend
from rollcall.workspaces.places import archive_workspace, delete_workspace
from rollcall.workspaces.sso.groups_claim import Snapshot, Source
from rollcall.workspaces.sso.sessions import (
    DASHBOARD_LIMITS,
    WORKSPACE_LIMITS,
    Limits,
    Method,
    Provided,
    SignIn,
    create_session,
)
from tests.workspaces.places_world import BOTH, MANUAL, PARTICIPANT, World


class Visits:
    """People with sessions before the doors of one organisation."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def sso(
        self, person: UUID, *groups: str, source: Source = Source.TOKEN, configuration: UUID | None = None, **more: Any
    ) -> str:
        listed = None if source is Source.UNRESOLVED else groups
        provided = Provided(
            configuration or self.world.configuration, "https://id.example", str(person), "sub",
            snapshot=Snapshot(listed, source), **more,
        )  # fmt: skip
        return await self._sign_in(SignIn("workspace", "sso", WORKSPACE_LIMITS, user=person, provided=provided))

    async def other(
        self, method: Method, person: UUID | None, workspace: UUID | None = None, limits: Limits = DASHBOARD_LIMITS
    ) -> str:
        account = None if person else self.world.runtime.new_id()
        return await self._sign_in(
            SignIn("dashboard", method, limits, user=person, account=account, workspace=workspace)
        )

    async def _sign_in(self, sign_in: SignIn) -> str:
        _, handle = await self.world.database.write(create_session, self.world.runtime, sign_in)
        return handle

    async def facts(
        self, handle: str | None, kind: DoorKind, workspace: UUID | str | None = None, now: datetime | None = None
    ) -> AccessFacts:
        return await self.world.database.read(
            load_facts,
            kind,
            now or self.world.runtime.now(),
            workspace=workspace,
            handle_hash=None if handle is None else hash_token(handle),
        )

    async def enter(
        self,
        handle: str | None,
        workspace: UUID | str | None = None,
        kind: DoorKind | None = None,
        later: timedelta = timedelta(),
    ) -> Decision:
        kind = kind or (DoorKind.DASHBOARD if workspace is None else DoorKind.WORKSPACE)
        now = self.world.runtime.now() + later
        facts = await self.facts(handle, kind, workspace, now)
        return decide(facts.actor, facts.door, now)

    async def reason(self, *args: Any, **kwargs: Any) -> Reason | None:
        decision = await self.enter(*args, **kwargs)
        return decision.reason if isinstance(decision, Deny) else None


@pytest_asyncio.fixture
async def world(tenant_db: TenantDatabase, runtime: Runtime) -> World:
    return await World(tenant_db, runtime).open()


@pytest.fixture
def visits(world: World) -> Visits:
    return Visits(world)


async def run(world: World, statement: Any, *values: Any) -> None:
    async def change(tx: Tx) -> None:
        await tx.run(statement, values)

    await world.database.write(change)


async def test_a_member_of_a_listed_group_enters_without_an_invitation(world: World, visits: Visits) -> None:
    ada = await world.person("ada", externalId="o1")
    await world.group("Team", ada, external_id="g1")
    place = await world.workspace("g1")

    decision = await visits.enter(await visits.sso(ada, "g1"), place)

    assert isinstance(decision, Allow)
    assert (decision.roles, decision.creates_membership) == (PARTICIPANT, False)


async def test_the_groups_of_the_token_count_before_those_of_scim(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    await world.group("Team", ada, external_id="g1")
    place = await world.workspace("g1")

    assert await visits.reason(await visits.sso(ada, "g2"), place) is Reason.GROUP_NOT_ALLOWED
    assert await visits.reason(await visits.sso(ada, source=Source.UNRESOLVED), place) is Reason.GROUPS_UNRESOLVED
    assert await visits.reason(await visits.sso(ada, "g1", source=Source.SCIM), place) is None


async def test_who_leaves_a_group_is_out_at_the_next_click(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    team = await world.group("Team", ada, external_id="g1")
    place, other = await world.workspace("g1"), await world.workspace()
    await world.settings(other, sso=True, configuration_id=world.configuration)
    await world.database.write(add_member, world.runtime, other, ada, MANUAL)
    handle = await visits.sso(ada, "g1")
    assert [await visits.reason(handle, each) for each in (place, other)] == [None, None]

    await world.leave(team, ada)

    assert await visits.reason(handle, place) is Reason.GROUP_NOT_ALLOWED
    assert await visits.reason(handle, other) is None, "other doors stay"


async def test_roles_are_read_at_each_click(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    team = await world.group("Team", ada, external_id="g1")
    place, settings = await world.workspace("g1"), DoorKind.WORKSPACE_SETTINGS
    handle = await visits.sso(ada, "g1")
    assert await visits.reason(handle, place, settings) is Reason.FORBIDDEN

    await world.database.write(set_roles, world.runtime, place, ada, BOTH)
    assert await visits.reason(handle, place, settings) is None
    await world.leave(team, ada)
    await world.join(team, ada)

    back = await visits.enter(await visits.sso(ada, "g1"), place)
    assert isinstance(back, Allow)
    assert back.roles == PARTICIPANT


async def test_suspension_ends_sessions_and_a_sign_in_afterwards_finds_everything_as_it_was(
    world: World, visits: Visits
) -> None:
    ada = await world.person("ada")
    place = await world.workspace()
    await world.database.write(add_member, world.runtime, place, ada, MANUAL, BOTH)
    handles = [await visits.other("link", ada, place), await visits.other("link", ada, place)]

    await world.set_active(ada, False)
    assert await visits.reason(handles[0], place) is Reason.LOGIN_REQUIRED
    late = await visits.other("link", ada, place)
    assert await visits.reason(late, place) is Reason.USER_SUSPENDED, "a session made in between opens nothing"
    await world.set_active(ada, True)
    assert await visits.reason(handles[1], place) is Reason.LOGIN_REQUIRED
    again = await visits.enter(await visits.other("link", ada, place), place)
    assert isinstance(again, Allow)
    assert again.roles == BOTH
    handle = await visits.other("link", ada, place)
    await world.database.write(suspend, world.runtime, ada, break_glass=True)
    assert await visits.reason(handle, place) is Reason.LOGIN_REQUIRED


async def test_of_a_deleted_user_no_session_is_left(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    place = await world.workspace()
    handle = await visits.other("link", ada, place)

    await world.store.delete(USER, str(ada), None)

    assert await visits.reason(handle, place) is Reason.LOGIN_REQUIRED
    facts = await world.database.read(load_facts, DoorKind.WORKSPACE, world.runtime.now(), workspace=place, user_id=ada)
    assert facts.actor.standing is Standing.DELETED


async def test_an_unknown_a_foreign_and_a_deleted_workspace_look_the_same(
    world: World, visits: Visits, database: Database
) -> None:
    ada = await world.person("ada")
    other = await World(database.tenant(world.runtime.new_id()), world.runtime).open()
    gone, slug = await world.workspace(), f"x{world.runtime.new_id().hex}"
    await world.database.write(delete_workspace, world.runtime, gone)
    handle = await visits.sso(ada)
    foreign = await other.workspace(slug=slug)

    for place in (world.runtime.new_id(), foreign, slug, gone, "no-such-slug"):
        decision = await visits.enter(handle, place)
        assert isinstance(decision, Deny)
        assert (decision.reason, decision.offers) == (Reason.NOT_FOUND, ())
    foreigner = await Visits(other).sso(await other.person("eve"))
    mine = await world.workspace()
    assert await visits.reason(foreigner, mine) is Reason.LOGIN_REQUIRED, "a handle opens nothing elsewhere"


async def test_a_workspace_is_found_by_its_slug(world: World, visits: Visits) -> None:
    slug = f"x{world.runtime.new_id().hex}"
    place = await world.workspace(slug=slug)

    assert (await visits.facts(None, DoorKind.WORKSPACE, slug)).door.workspace == place


async def test_an_archived_workspace_and_a_suspended_organisation_let_nobody_in(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    place = await world.workspace(admin=ada)
    handle = await visits.other("link", ada, place)

    await world.database.write(archive_workspace, world.runtime, place)
    assert await visits.reason(handle, place) is Reason.WORKSPACE_ARCHIVED
    await run(world, "update workspaces.organisations set suspended = true")
    assert await visits.reason(handle, place) is Reason.ORG_SUSPENDED


async def test_a_configuration_that_is_off_changed_or_gone_ends_what_came_by_it(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    home, change = DoorKind.HOME, "update workspaces.sso_configurations set "
    handle = await visits.sso(ada)
    assert await visits.reason(handle, None, home) is None

    await run(world, change + "is_on = false")
    assert await visits.reason(handle, None, home) is Reason.LOGIN_REQUIRED
    await run(world, change + "is_on = true, identity_changed = %s", world.runtime.now())
    assert await visits.reason(handle, None, home) is Reason.LOGIN_REQUIRED
    assert await visits.reason(await visits.sso(ada), None, home) is None
    stray = await visits.sso(ada, configuration=world.runtime.new_id())
    assert await visits.reason(stray, None, home) is Reason.LOGIN_REQUIRED


async def test_the_dashboard_by_pin_and_then_by_single_sign_on(world: World, visits: Visits) -> None:
    ada, bo = await world.person("ada"), await world.person("bo")
    await world.database.write(appoint, world.runtime, ada, None)
    by_pin, by_sso = await visits.other("pin", ada), await visits.sso(ada, "admins")
    assert [await visits.reason(each) for each in (by_pin, by_sso)] == [None, Reason.STEP_UP_REQUIRED]
    assert await visits.reason(await visits.other("pin", bo)) is Reason.NOT_MAIN_USER

    saver = (await visits.facts(by_pin, DoorKind.SETTINGS)).session_id
    await world.dashboard(
        sso=True, configuration_id=world.configuration, group_ids=["admins"], saved_session=saver, saved_user=ada
    )
    assert [await visits.reason(each) for each in (by_pin, by_sso)] == [None, None]
    assert await visits.reason(await visits.other("pin", ada)) is Reason.SSO_REQUIRED
    assert await visits.reason(await visits.sso(bo, "admins")) is None
    assert await visits.reason(await visits.sso(ada, "another")) is Reason.GROUP_NOT_ALLOWED


async def test_emergency_sessions_open_the_settings(world: World, visits: Visits) -> None:
    for method in ("break_glass", "recovery_code"):
        handle = await visits.other(method, None)
        assert await visits.reason(handle, None, DoorKind.SETTINGS) is None
        assert await visits.reason(handle) is Reason.SETTINGS_ONLY


async def test_guests_strength_and_age_are_read_from_the_session_and_the_configuration(
    world: World, visits: Visits
) -> None:
    ada = await world.person("ada")
    await world.database.write(appoint, world.runtime, ada, None)
    place = await world.workspace(admin=ada)
    await world.settings(place, sso=True, configuration_id=world.configuration)
    await world.dashboard(sso=True, configuration_id=world.configuration, recent_minutes=5)
    guest, strong = await visits.sso(ada, guest=True), await visits.sso(ada, strength=("pwd", "mfa"))

    assert [await visits.reason(guest), await visits.reason(guest, place)] == [Reason.GUEST_NOT_ALLOWED, None]
    await run(world, "update workspaces.sso_configurations set required_strengths = %s", ["mfa"])
    assert await visits.reason(guest, place) is Reason.STEP_UP_REQUIRED
    assert [await visits.reason(strong), await visits.reason(strong, place)] == [None, None]
    assert await visits.reason(strong, later=timedelta(minutes=6)) is Reason.STEP_UP_REQUIRED


async def test_limits_are_those_of_the_door_and_of_the_session(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    await world.database.write(appoint, world.runtime, ada, None)
    place = await world.workspace(admin=ada)
    await world.dashboard(sso=True, configuration_id=world.configuration)
    await world.settings(place, sso=True, configuration_id=world.configuration)
    handle = await visits.sso(ada)

    async def reasons(later: timedelta) -> list[Reason | None]:
        return [await visits.reason(handle, each, later=later) for each in (None, place)]

    assert await reasons(timedelta(minutes=29)) == [None, None]
    assert await reasons(timedelta(minutes=31)) == [Reason.LOGIN_REQUIRED, None]
    assert await reasons(timedelta(hours=13)) == [Reason.LOGIN_REQUIRED] * 2
    await world.settings(place, idle=timedelta(minutes=15))
    assert await reasons(timedelta(minutes=16)) == [None, Reason.LOGIN_REQUIRED]
    limited = await visits.sso(ada, ends=world.runtime.now() + timedelta(minutes=10))
    assert await visits.reason(limited, place, later=timedelta(minutes=11)) is Reason.LOGIN_REQUIRED


async def test_a_session_is_over_at_its_own_limits_whatever_the_door_allows(world: World, visits: Visits) -> None:
    ada, home = await world.person("ada"), DoorKind.HOME
    idle = await visits.other("pin", ada)
    short = await visits.other("pin", ada, limits=Limits(timedelta(hours=8), timedelta(minutes=20)))

    assert await visits.reason(idle, None, home, later=timedelta(minutes=29)) is None
    assert await visits.reason(idle, None, home, later=timedelta(minutes=31)) is Reason.LOGIN_REQUIRED
    assert await visits.reason(short, None, home, later=timedelta(minutes=19)) is None
    assert await visits.reason(short, None, home, later=timedelta(minutes=21)) is Reason.LOGIN_REQUIRED


async def test_a_default_reaches_workspaces_that_inherit_it_at_the_next_click(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    heir, own = await world.workspace(admin=ada), await world.workspace(admin=ada)
    await world.settings(own, links=True)
    handles = {place: await visits.other("link", ada, place) for place in (heir, own)}

    await world.settings(None, links=False)

    assert await visits.reason(handles[heir], heir) is Reason.LOGIN_LINK_OFF
    assert await visits.reason(handles[own], own) is None


async def test_an_enforced_address_is_the_primary_one(world: World, visits: Visits) -> None:
    emails = [{"value": "a@b.example", "type": "home"}, {"value": "Ada@ACME.example", "type": "work", "primary": True}]
    ada = await world.person("ada", emails=emails)
    place = await world.workspace(admin=ada)
    handle = await visits.other("link", ada, place)

    await world.settings(place, sso_required_for=["b.example"])
    assert await visits.reason(handle, place) is None
    await world.settings(place, sso_required_for=["acme.example"])
    assert await visits.reason(handle, place) is Reason.SSO_REQUIRED


async def test_without_synchronization_who_was_taken_out_by_hand_is_no_member(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    await world.group("Team", ada, external_id="g1")
    place = await world.workspace("g1")
    await world.synchronise(False)
    handle = await visits.sso(ada, "g1")
    assert await visits.reason(handle, place) is None

    await run(
        world,
        "insert into workspaces.memberships (workspace_id, user_id, removed, created) values (%s, %s, true, now())",
        place,
        ada,
    )

    assert await visits.reason(handle, place) is Reason.NOT_A_MEMBER


async def test_a_member_may_be_admin_alone(world: World, visits: Visits) -> None:
    ada = await world.person("ada")
    await world.group("Team", ada, external_id="g1")
    place = await world.workspace("g1")
    await world.database.write(set_roles, world.runtime, place, ada, frozenset({Role.ADMIN}))

    decision = await visits.enter(await visits.sso(ada, "g1"), place)

    assert isinstance(decision, Allow)
    assert decision.roles == {Role.ADMIN}


async def test_where_there_is_no_organisation_there_is_no_door(database: Database, runtime: Runtime) -> None:
    tenant = database.tenant(runtime.new_id())

    for kind in (DoorKind.HOME, DoorKind.DASHBOARD, DoorKind.SETTINGS):
        facts = await tenant.read(load_facts, kind, runtime.now())
        decision = decide(facts.actor, facts.door, runtime.now())
        assert isinstance(decision, Deny)
        assert decision.reason is Reason.NOT_FOUND
