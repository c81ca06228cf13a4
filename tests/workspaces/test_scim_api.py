"""Who may call the SCIM endpoint of an organisation, and what everybody else gets to hear."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from random import Random  # noqa: TID251 - seeded
from typing import Any
from uuid import UUID

import pytest

from rollcall.db import Database
from rollcall.errors import Conflict, Invalid, NotFound
from rollcall.runtime import Runtime, SystemRuntime
from rollcall.workspaces import (
    create_credential,
    create_organisation,
    credentials,
    organisation,
    organisation_keys,
    revoke_credential,
    set_synchronization,
    tenant_url,
    workspaces_scim_app,
)
from tests.scim_http.asgi import AsgiClient, Reply
from tests.workspaces.endpoint import Endpoint, new_endpoint

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"


class ShiftedRuntime(SystemRuntime):
    """The real machine with a clock that is put forward by hand."""

    def __init__(self) -> None:
        self.shift_seconds = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.shift_seconds)

    def monotonic(self) -> float:
        return super().monotonic() + self.shift_seconds


@pytest.fixture
def clock() -> ShiftedRuntime:
    return ShiftedRuntime()


@pytest.fixture
async def endpoint(database: Database, clock: ShiftedRuntime) -> Endpoint:
    return await new_endpoint(database, clock)


async def with_token(endpoint: Endpoint, token: str | None, path: str | None = None) -> Reply:
    client = AsgiClient(endpoint.client.app, token)
    return await client("GET", path or f"/scim/v2/{endpoint.key}/Users")


def refusal(reply: Reply) -> tuple[Any, ...]:
    return reply.status, reply.headers, reply.json


async def test_key_and_id_name_the_same_organisation(endpoint: Endpoint) -> None:
    created = await endpoint("POST", "/Users", {"schemas": [USER_URN], "userName": "mira"})

    by_id = await with_token(
        endpoint, endpoint.credential.token, f"/scim/v2/{endpoint.organisation}/Users/{created.json['id']}"
    )

    assert (created.status, by_id.status) == (201, 200)
    assert created.json["meta"]["location"] == f"{endpoint.url}/Users/{created.json['id']}"
    assert tenant_url("https://scim.example/", endpoint.key) == endpoint.url


async def test_every_wrong_token_gets_the_same_answer(database: Database, endpoint: Endpoint) -> None:
    other = await new_endpoint(database, SystemRuntime())
    good = endpoint.credential.token
    mistyped = good[:-1] + ("x" if good[-1] != "x" else "y")
    missing = await with_token(endpoint, None)

    assert missing.status == 401
    assert missing.headers["www-authenticate"] == "Bearer"
    for token, key in [
        ("", endpoint.key),
        ("wrong", endpoint.key),
        (mistyped, endpoint.key),
        (other.credential.token, endpoint.key),
        (good, other.key),
        (good, str(other.organisation)),
        (good, "no-such-organisation"),
        (good, "%00"),
        (good, "0190a000-0000-7000-8000-000000000000"),
    ]:
        reply = await with_token(endpoint, token, f"/scim/v2/{key}/Users")
        assert refusal(reply) == refusal(missing), (token, key)


async def test_an_unknown_id_is_not_found(endpoint: Endpoint) -> None:
    for path in ("/Users/nobody", f"/Groups/{endpoint.organisation}", "/Users/00000000-0000-0000-0000-000000000000"):
        assert (await endpoint("GET", path)).status == 404


async def test_what_is_switched_off_says_so_to_those_who_may_know(database: Database, runtime: Runtime) -> None:
    endpoint = await new_endpoint(database, runtime, synchronization=False)

    off = await endpoint("GET", "/Users")
    wrong = await with_token(endpoint, "wrong")
    await database.tenant(endpoint.organisation).write(set_synchronization, SystemRuntime(), True)
    on = await endpoint("GET", "/Users")

    assert (off.status, off.json["detail"]) == (403, "User synchronization is turned off")
    assert wrong.status == 401
    assert on.status == 200


async def test_switching_off_is_felt_within_a_second(
    database: Database, endpoint: Endpoint, clock: ShiftedRuntime
) -> None:
    assert (await endpoint("GET", "/Users")).status == 200
    await database.tenant(endpoint.organisation).write(set_synchronization, SystemRuntime(), False)

    clock.shift_seconds += 1.0

    assert (await endpoint("GET", "/Users")).status == 403


async def test_a_revoked_token_is_refused_within_a_second(
    database: Database, endpoint: Endpoint, clock: ShiftedRuntime
) -> None:
    tenant = database.tenant(endpoint.organisation)
    assert (await endpoint("GET", "/Users")).status == 200

    await tenant.write(revoke_credential, clock, endpoint.credential.credential.id)
    await tenant.write(revoke_credential, clock, endpoint.credential.credential.id)
    clock.shift_seconds += 1.0

    assert (await endpoint("GET", "/Users")).status == 401
    with pytest.raises(NotFound):
        await tenant.write(revoke_credential, clock, UUID(int=7))


async def test_an_expired_token_is_refused(database: Database, endpoint: Endpoint, clock: ShiftedRuntime) -> None:
    tenant = database.tenant(endpoint.organisation)
    short = await tenant.write(create_credential, clock, expires=clock.now() + timedelta(days=1))
    assert (await with_token(endpoint, short.token)).status == 200

    clock.shift_seconds += 86_401

    assert (await with_token(endpoint, short.token)).status == 401
    assert (await endpoint("GET", "/Users")).status == 200
    with pytest.raises(Invalid):
        await tenant.write(create_credential, clock, expires=clock.now())


async def test_two_credentials_live_and_a_third_is_refused(database: Database, endpoint: Endpoint) -> None:
    runtime = SystemRuntime()
    tenant = database.tenant(endpoint.organisation)
    second = await tenant.write(create_credential, runtime, name="second")

    with pytest.raises(Conflict):
        await tenant.write(create_credential, runtime)
    await tenant.write(revoke_credential, runtime, endpoint.credential.credential.id)
    third = await tenant.write(create_credential, runtime, name="third")

    assert {(await with_token(endpoint, each.token)).status for each in (second, third)} == {200}


async def test_of_many_issued_at_once_two_live(database: Database, runtime: Runtime) -> None:
    tenant = database.tenant(runtime.new_id())
    await tenant.write(create_organisation, runtime, key=f"k{tenant.tenant.hex}", name="Acme")

    outcomes = await asyncio.gather(
        *(tenant.write(create_credential, runtime) for _ in range(6)), return_exceptions=True
    )

    assert sum(isinstance(each, Conflict) for each in outcomes) == 4
    assert len(await tenant.read(credentials)) == 2


async def test_a_token_is_kept_as_a_hash_only(database: Database, endpoint: Endpoint) -> None:
    async def stored(tx: Any) -> str:
        rows = await tx.all("select c::text as row from workspaces.scim_credentials c")
        return str(rows)

    text = await database.tenant(endpoint.organisation).read(stored)
    shown = (await database.tenant(endpoint.organisation).read(credentials))[0]

    assert endpoint.credential.token not in text
    assert endpoint.credential.token[8:-6] not in text
    assert endpoint.credential.token.endswith(shown.ends_with)


async def test_the_last_use_is_noted_once_a_minute(
    database: Database, endpoint: Endpoint, clock: ShiftedRuntime
) -> None:
    async def last_used() -> datetime | None:
        return (await database.tenant(endpoint.organisation).read(credentials))[0].last_used

    assert await last_used() is None
    await endpoint("GET", "/Users")
    first = await last_used()
    clock.shift_seconds += 30
    await endpoint("GET", "/Users")
    second = await last_used()
    clock.shift_seconds += 31
    await endpoint("GET", "/Users")
    third = await last_used()

    assert first is not None
    assert first == second
    assert third is not None
    assert third - first >= timedelta(seconds=60)


async def test_a_key_belongs_to_one_organisation(database: Database, runtime: Runtime) -> None:
    one, two = database.tenant(runtime.new_id()), database.tenant(runtime.new_id())
    key = f"k{one.tenant.hex}"
    made = await one.write(create_organisation, runtime, key=key, name="  One  ")

    with pytest.raises(Conflict):
        await two.write(create_organisation, runtime, key=key, name="Two")
    with pytest.raises(NotFound):
        await two.read(organisation)
    with pytest.raises(NotFound):
        await two.write(create_credential, runtime)

    assert made == await one.read(organisation)
    assert (made.id, made.name, made.synchronization) == (one.tenant, "One", False)
    assert (await database.system(organisation_keys))[key] == one.tenant


async def test_of_many_posts_of_one_name_one_succeeds(endpoint: Endpoint) -> None:
    replies = await asyncio.gather(
        *(
            endpoint("POST", "/Users", {"schemas": [USER_URN], "userName": name})
            for name in ["Mira", "MIRA", "mira"] * 4
        )
    )

    assert sorted(each.status for each in replies) == [201] + [409] * 11
    assert {each.json.get("scimType") for each in replies if each.status == 409} == {"uniqueness"}
    assert (await endpoint("GET", "/Users")).json["totalResults"] == 1


async def test_patches_at_once_lose_nothing(endpoint: Endpoint) -> None:
    path = f"/Users/{(await endpoint('POST', '/Users', {'schemas': [USER_URN], 'userName': 'mira'})).json['id']}"

    def body(number: int) -> dict[str, Any]:
        value = [{"value": f"{number}@x.example", "type": f"t{number}"}]
        return {"schemas": [PATCH_URN], "Operations": [{"op": "add", "path": "emails", "value": value}]}

    replies = await asyncio.gather(*(endpoint("PATCH", path, body(number)) for number in range(10)))

    found = (await endpoint("GET", path)).json
    assert {each.status for each in replies} == {200}
    assert {each["value"] for each in found["emails"]} == {f"{number}@x.example" for number in range(10)}
    assert found["meta"]["version"] == 'W/"11"'


async def test_of_patches_at_once_on_one_version_one_succeeds(endpoint: Endpoint) -> None:
    path = f"/Users/{(await endpoint('POST', '/Users', {'schemas': [USER_URN], 'userName': 'mira'})).json['id']}"

    def body(number: int) -> dict[str, Any]:
        return {"schemas": [PATCH_URN], "Operations": [{"op": "replace", "path": "title", "value": f"t{number}"}]}

    replies = await asyncio.gather(
        *(endpoint("PATCH", path, body(number), {"If-Match": 'W/"1"'}) for number in range(6))
    )

    assert sorted(each.status for each in replies) == [200] + [412] * 5


async def test_two_organisations_do_not_see_each_other(database: Database, endpoint: Endpoint) -> None:
    other = await new_endpoint(database, SystemRuntime())
    mine = (await endpoint("POST", "/Users", {"schemas": [USER_URN], "userName": "mira"})).json["id"]
    theirs = (await other("POST", "/Users", {"schemas": [USER_URN], "userName": "mira"})).json["id"]

    assert (await other("GET", f"/Users/{mine}")).status == 404
    assert (await other("DELETE", f"/Users/{mine}")).status == 404
    assert [each["id"] for each in (await other("GET", "/Users")).json["Resources"]] == [theirs]
    group = {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "displayName": "g",
        "members": [{"value": mine}],
    }
    assert (await other("POST", "/Groups", group)).json["scimType"] == "invalidValue"
    manager = {"op": "add", "path": "manager", "value": mine}
    patched = await other("PATCH", f"/Users/{theirs}", {"schemas": [PATCH_URN], "Operations": [manager]})
    assert (patched.status, patched.json["scimType"]) == (400, "invalidValue")
    assert mine in patched.json["detail"]
    assert (await endpoint("GET", f"/Users/{mine}")).status == 200


async def test_an_application_serves_many_organisations(database: Database, runtime: Runtime) -> None:
    app = workspaces_scim_app(database, runtime)
    for _ in range(3):
        one = await new_endpoint(database, runtime)
        one.client.app = app
        assert (await one("GET", "/Users")).json["totalResults"] == 0


@pytest.mark.parametrize(
    ("resource_type", "attribute"),
    [("User", "userName"), ("User", "externalId"), ("Group", "displayName"), ("Group", "externalId")],
)
async def test_a_key_that_no_index_takes_is_refused(endpoint: Endpoint, resource_type: str, attribute: str) -> None:
    chance = Random(1)
    # PostgreSQL compresses what goes into an index; of this there is nothing to compress.
    hopeless = "".join(chr(chance.randrange(0x4E00, 0x9FFF)) for _ in range(5000))
    longest = hopeless[:341]  # 1,023 bytes
    name = {"User": "userName", "Group": "displayName"}[resource_type]
    small = {"schemas": [{"User": USER_URN, "Group": GROUP_URN}[resource_type]], name: "short", "externalId": "1"}
    made = await endpoint("POST", f"/{resource_type}s", small)
    path = f"/{resource_type}s/{made.json['id']}"

    for value in (hopeless, longest + "é"):
        patch = {"schemas": [PATCH_URN], "Operations": [{"op": "replace", "path": attribute, "value": value}]}
        for method, target, body in [
            ("POST", f"/{resource_type}s", {**small, name: "other", attribute: value}),
            ("PUT", path, {**small, attribute: value}),
            ("PATCH", path, patch),
        ]:
            reply = await endpoint(method, target, body)
            assert (reply.status, reply.json["scimType"]) == (400, "invalidValue"), method
            assert reply.json["detail"].startswith(f"{attribute} has ")
            assert "1024" in reply.json["detail"]
    assert (await endpoint("PUT", path, {**small, attribute: longest})).status == 200


async def test_a_name_is_measured_as_it_is_compared(endpoint: Endpoint) -> None:
    grows = "\U0001d1c0" * 200  # 800 bytes; folded, each of these is three characters

    reply = await endpoint("POST", "/Users", {"schemas": [USER_URN], "userName": grows})

    assert (reply.status, reply.json["scimType"]) == (400, "invalidValue")
