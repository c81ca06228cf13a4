"""Single sign-on configurations in the database: secrets sealed, uses, sessions that end, audit rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from rollcall.crypto import Sealer
from rollcall.db import Database, Tx
from rollcall.errors import Faulty, NotFound, Unavailable
from rollcall.runtime import Runtime
from rollcall.workspaces.audit import Actor, AuditQuery, read_audit
from rollcall.workspaces.settings.connection_store import (
    InUse,
    Kept,
    configurations,
    create_configuration,
    delete_configuration,
    find_configuration,
    read_configuration,
    turn_configuration,
    update_configuration,
    uses_of,
)
from rollcall.workspaces.settings.connections import Draft
from rollcall.workspaces.settings.typed import Stale
from rollcall.workspaces.sso.configuration import Client, GroupSource, Kind, SsoConfiguration, Strength
from rollcall.workspaces.sso.sessions import DASHBOARD_LIMITS, Provided, SignIn, create_session, live_sessions
from tests.workspaces.places_world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")

SEALER = Sealer(b"k" * 32)
ACTOR = Actor("someone")
SECRET = "a-secret-nobody-guesses"
TENANT = "0f1e2d3c-0000-4000-8000-5b6a79880000"


@pytest_asyncio.fixture
async def world(database: Database, runtime: Runtime) -> World:
    return await World(database.tenant(runtime.new_id()), runtime).open()


def draft(runtime: Runtime, name: str = "Entra", **other: Any) -> Draft:
    values = {"tenants": (TENANT,), "client": Client("app", SECRET), "strength": Strength(values=("c1",)), **other}
    return Draft(SsoConfiguration(runtime.new_id(), Kind.ENTRA, name, **values), secret_typed=True)


async def create(world: World, made: Draft) -> Kept:
    return await world.database.write(create_configuration, world.runtime, SEALER, ACTOR, made)


async def update(world: World, made: Draft, version: int) -> Kept:
    return await world.database.write(update_configuration, world.runtime, SEALER, ACTOR, made, version)


async def happened(world: World, action: str) -> list[Any]:
    return [each.what for each in await world.database.read(read_audit, AuditQuery(action=action))]


async def session_through(world: World, configuration: UUID) -> UUID:
    """A person with a session through a configuration."""
    person = await world.person(f"p{world.runtime.new_id().hex}")
    provided = Provided(configuration, "https://issuer", "subject", "subject")
    sign_in = SignIn("dashboard", "sso", DASHBOARD_LIMITS, user=person, provided=provided)
    await world.database.write(create_session, world.runtime, sign_in)
    return person


async def is_signed_in(world: World, person: UUID) -> bool:
    return bool(await world.database.read(live_sessions, person, world.runtime.now()))


async def test_a_configuration_is_read_as_it_was_kept(world: World, database: Database) -> None:
    made = draft(world.runtime, group_source=GroupSource.SCIM_ONLY, scopes=("openid",), guests_at_dashboard=True)
    kept = await create(world, made)

    assert kept.configuration == made.configuration
    assert (await find_configuration(database, SEALER, made.configuration.id)) == (
        world.database.tenant,
        made.configuration,
    )
    assert kept.secret_ends == "sses"
    assert kept.secret_set is not None
    assert await find_configuration(database, SEALER, world.runtime.new_id()) is None


async def test_a_secret_is_sealed_and_told_to_nobody(world: World) -> None:
    kept = await create(world, draft(world.runtime))

    async def stored(tx: Tx) -> str:
        rows = await tx.all("select c::text as t from workspaces.sso_configurations c")
        return str(rows) + str(await tx.all("select a::text as t from workspaces.audit a"))

    text = await world.database.read(stored)
    assert SECRET not in text
    assert SECRET.encode().hex() not in text
    with pytest.raises(Unavailable):
        await world.database.read(read_configuration, Sealer(b"x" * 32), kept.configuration.id)


async def test_a_name_is_taken_whatever_its_case(world: World) -> None:
    await create(world, draft(world.runtime))

    with pytest.raises(Faulty) as refused:
        await create(world, draft(world.runtime, "ENTRA"))
    assert refused.value.code == "name_taken"


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        ({"name": "Renamed"}, True),
        ({"client": Client("app", "another-secret-of-it")}, True),
        ({"tenants": ("1a1e2d3c-0000-4000-8000-5b6a79880000",)}, False),
        ({"client": Client("another", SECRET)}, False),
    ],
    ids=["name", "secret", "tenant", "client id"],
)
async def test_sessions_end_when_it_is_another_provider(world: World, change: dict[str, Any], stays: bool) -> None:
    made = draft(world.runtime)
    kept = await create(world, made)
    person = await session_through(world, made.configuration.id)

    await update(world, Draft(replace(made.configuration, **change)), kept.version)

    assert await is_signed_in(world, person) is stays


async def test_a_stale_save_stores_nothing(world: World) -> None:
    made = draft(world.runtime)
    kept = await create(world, made)
    await update(world, Draft(replace(made.configuration, name="First")), kept.version)

    with pytest.raises(Stale):
        await update(world, Draft(replace(made.configuration, name="Second")), kept.version)
    assert [each.configuration.name for each in await world.database.read(configurations, SEALER)] == ["Acme", "First"]


async def test_a_save_keeps_the_secret_that_was_not_typed(world: World) -> None:
    made = draft(world.runtime)
    kept = await create(world, made)
    after = await update(world, Draft(replace(made.configuration, name="Renamed")), kept.version)

    assert (after.secret_ends, after.secret_set) == (kept.secret_ends, kept.secret_set)
    assert after.configuration.client == made.configuration.client


async def test_turning_it_off_ends_its_sessions_and_no_others(world: World) -> None:
    made, other = draft(world.runtime), draft(world.runtime, "Other")
    await create(world, made)
    await create(world, other)
    gone, stays = (
        await session_through(world, made.configuration.id),
        await session_through(world, other.configuration.id),
    )

    ended = await world.database.write(turn_configuration, world.runtime, ACTOR, made.configuration.id, False)

    assert (ended, await is_signed_in(world, gone), await is_signed_in(world, stays)) == (1, False, True)
    assert [each.details["sessions_ended"] for each in await happened(world, "sso_config.disabled")] == [1]
    assert [each.configuration.name for each in await world.database.read(configurations, SEALER, on=True)] == [
        "Acme",
        "Other",
    ]


async def test_what_is_in_use_can_not_be_deleted(world: World) -> None:
    made = draft(world.runtime)
    await create(world, made)
    workspace = await world.workspace()
    await world.settings(workspace, configuration_id=made.configuration.id)
    await world.settings(None, configuration_id=made.configuration.id)
    await world.dashboard(configuration_id=made.configuration.id)

    with pytest.raises(InUse) as refused:
        await world.database.write(delete_configuration, world.runtime, ACTOR, made.configuration.id)

    assert [each.place for each in refused.value.uses] == [
        "Main User Dashboard",
        "Workspace default settings",
        "workspace",
    ]
    assert await world.database.read(uses_of, world.configuration) == []


async def test_a_deleted_one_is_gone_with_its_sessions(world: World, database: Database) -> None:
    made = draft(world.runtime)
    await create(world, made)
    person = await session_through(world, made.configuration.id)

    await world.database.write(delete_configuration, world.runtime, ACTOR, made.configuration.id)

    assert await find_configuration(database, SEALER, made.configuration.id) is None
    assert not await is_signed_in(world, person)
    with pytest.raises(NotFound):
        await world.database.write(delete_configuration, world.runtime, ACTOR, made.configuration.id)


async def test_every_save_tells_old_and_new_values_with_secrets_masked(world: World) -> None:
    made = draft(world.runtime)
    kept = await create(world, made)
    await update(world, Draft(replace(made.configuration, name="Renamed"), secret_typed=True), kept.version)

    (happening,) = await happened(world, "sso_config.updated")
    assert set(happening.changes) == {("name", "Entra", "Renamed"), ("client_secret", "•••", "•••")}
    assert len(await happened(world, "sso_config.created")) == 1


async def test_the_same_tenant_may_belong_to_two_organisations(
    world: World, database: Database, runtime: Runtime
) -> None:
    other = await World(database.tenant(runtime.new_id()), runtime).open()
    await create(world, draft(runtime))
    made = draft(runtime)
    await create(other, made)

    assert await world.database.read(read_configuration, SEALER, made.configuration.id) is None
