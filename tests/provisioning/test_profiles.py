"""Each request profile keeps our own workspaces endpoint in step, and capabilities are kept with the job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web

from rollcall import directory
from rollcall.db import Database
from rollcall.provisioning import (
    JobSettings,
    capabilities_of_job,
    change_settings,
    read_job,
    restart,
    set_credentials,
)
from rollcall.runtime import Runtime, SystemRuntime
from tests.provisioning.proxy import WRITING, Passed, Proxy
from tests.provisioning.world import SEALER, World, found_world, upn

NAMES = ("ada", "bob", "cem")
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PROFILES = ["rfc", "entra", "entra-aadOptscim062020", "okta"]


async def live_through(world: World) -> list[Passed]:
    """People join, change, swap managers and leave; what was sent."""
    db = world.db
    ada, bob, cem = [await world.user(name, department="R&D") for name in NAMES]
    await db.write(directory.set_manager, bob, ada)
    group = await world.group("Red", [ada, bob, cem])
    await world.cycle()
    accounts = await world.target.accounts()
    assert {name: account["active"] for name, account in accounts.items()} == dict.fromkeys(map(upn, NAMES), True)
    assert accounts[upn("bob")][ENTERPRISE]["manager"]["value"] == accounts[upn("ada")]["id"]
    assert await world.target.groups() == {"Red": {upn(name) for name in NAMES}}
    await db.write(directory.update_user, bob, {"displayName": "Robert", "jobTitle": "Dr", "mobilePhone": "+1"})
    await db.write(directory.update_user, cem, {"accountEnabled": False})
    await db.write(directory.set_manager, bob, None)
    await db.write(directory.remove_member, group, ada)
    await world.cycle()
    accounts = await world.target.accounts()
    robert = accounts[upn("bob")]
    assert (robert["displayName"], robert["title"]) == ("Robert", "Dr")
    assert [phone["value"] for phone in robert["phoneNumbers"]] == ["+1"]
    assert "manager" not in robert[ENTERPRISE]
    assert [name for name in NAMES if not accounts[upn(name)]["active"]] == ["ada", "cem"], (
        "ada was assigned through the group"
    )
    assert (await world.target.groups())["Red"] - {upn("cem")} == {upn("bob")}
    return world.proxy.taken()


def operations(sent: list[Passed]) -> list[dict[str, Any]]:
    """The operations of every PATCH."""
    return [step for each in sent if each.method == "PATCH" for step in each.body["Operations"]]


@pytest.mark.parametrize("profile", PROFILES)
async def test_every_profile_keeps_the_workspaces_in_step(
    database: Database, runtime: Runtime, proxy: Proxy, profile: Any
) -> None:
    """C6, 15.1, 15.2, 15.4."""
    settings = JobSettings(request_profile=profile)
    world = await found_world(database, runtime, proxy, template="scim", settings=settings)

    sent = await live_through(world)

    steps = operations(sent)
    assert {step["op"][0].isupper() for step in steps} == {profile == "entra"}
    assert ({"op": "Replace", "path": "active", "value": "False"} in steps) is (profile == "entra")
    assert any(each.method == "PUT" for each in sent) is (profile == "okta")
    asked_for_managers = [each for each in sent if "manager+eq" in each.query]
    assert bool(asked_for_managers) is profile.startswith("entra")


async def test_the_flag_in_the_tenant_url_chooses_the_profile_and_stays_out_of_requests(full_world: World) -> None:
    """C1, 15.4: the setting has the last word."""
    world = full_world
    url = f"{world.proxy.url}{world.target.url.removeprefix(world.proxy.origin)}?aadOptscim062020"

    await world.db.write(set_credentials, SEALER, world.job_id, url, world.target.token)

    job = await world.db.read(read_job, world.job_id)
    assert job.settings.request_profile == "entra-aadOptscim062020"
    sent = await live_through(world)
    assert any(step.get("path") is None for step in operations(sent))
    assert not any("aadOptscim062020" in each.query for each in sent)
    await world.db.write(change_settings, world.job_id, {"request_profile": "rfc"})
    await world.db.write(set_credentials, SEALER, world.job_id, url, world.target.token)
    assert (await world.db.read(read_job, world.job_id)).settings.request_profile == "rfc"


def asked(world: World) -> list[str]:
    """The discovery endpoints that were asked since the last time."""
    named = ("ServiceProviderConfig", "Schemas", "ResourceTypes")
    return [name for each in world.proxy.taken() if (name := each.path.rpartition("/")[2]) in named]


class Later(SystemRuntime):
    """A clock that is some days ahead."""

    days = 0.0

    def now(self) -> Any:
        return super().now() + timedelta(days=self.days)


async def test_capabilities_are_asked_for_at_creation_and_again_when_they_are_old_or_the_credentials_new(
    database: Database, proxy: Proxy
) -> None:
    """C7."""
    runtime = Later()
    world = await found_world(database, runtime, proxy, template="scim")
    known = await capabilities_of_job(world.service, world.db.tenant, world.job_id)
    assert asked(world) == [], "it was asked when the job was made"
    assert known.asked_at is not None
    assert {each.name: (each.value, each.origin) for each in known.capabilities}["etag"] == (
        True,
        "ServiceProviderConfig",
    )
    assert known.warnings == ()

    await world.cycle()
    runtime.days = 2
    await world.cycle()
    assert asked(world) == [], "only an initial cycle asks again"
    await world.db.write(restart, world.job_id)
    await world.cycle()
    assert asked(world) == ["ServiceProviderConfig", "Schemas", "ResourceTypes"]
    await world.cycle()
    assert asked(world) == []

    url = f"{world.proxy.url}{world.target.url.removeprefix(world.proxy.origin)}"
    await world.db.write(set_credentials, SEALER, world.job_id, url, world.target.token)
    await world.cycle()
    assert asked(world) != []


async def test_entra_is_not_made_to_ask_for_capabilities(database: Database, runtime: Runtime, proxy: Proxy) -> None:
    """C7: no discovery for custom applications; on request the report asks all the same."""
    world = await found_world(database, runtime, proxy, settings=JobSettings(request_profile="entra"))
    await world.cycle()
    assert asked(world) == []

    refreshed = await capabilities_of_job(world.service, world.db.tenant, world.job_id, refresh=True)

    assert asked(world) != []
    assert refreshed.profile == "entra"


async def test_what_refused_requests_teach_is_kept_with_the_job(world: World) -> None:
    """A target that refuses PATCH is changed by PUT, and from the next cycle on it is not asked for PATCH again."""

    async def without_patch(method: str, _path: str) -> web.Response | None:
        return web.Response(status=501) if method == "PATCH" else None

    ada = await world.user("ada")
    await world.assign(ada)
    await world.cycle()
    world.proxy.interfere = without_patch
    methods = []
    for name in ("Augusta", "Ada"):
        world.proxy.taken()
        await world.db.write(directory.update_user, ada, {"givenName": name})
        await world.cycle()
        methods.append([each.method for each in world.proxy.taken() if each.method in WRITING])

    assert methods == [["PATCH", "PUT"], ["PUT"]]
    assert (await world.target.accounts())[upn("ada")]["name"]["givenName"] == "Ada"
    known = await capabilities_of_job(world.service, world.db.tenant, world.job_id)
    assert [(each.value, each.origin) for each in known.capabilities if each.name == "patch"] == [(False, "learnt")]
