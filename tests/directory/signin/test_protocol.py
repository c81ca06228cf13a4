"""The identity provider's protocol: codes, tokens, keys, and every refusal."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from rollcall import directory
from rollcall.db import Database
from rollcall.directory.model import AppRole
from rollcall.directory.signin import grants, registrations
from rollcall.directory.signin.model import ProtocolFault
from rollcall.directory.signin.registrations import NewRegistration
from rollcall.directory.signin.tokens import challenge_of
from rollcall.errors import Conflict, Invalid
from tests.directory.making import make_group
from tests.directory.signin.world import BASE, CALLBACK, SignInWorld, basic, header_of, sign_in_world
from tests.scim_http.asgi import AsgiClient


@pytest.fixture
async def world(database: Database) -> SignInWorld:
    """A tenant of this test's own."""
    return await sign_in_world(database)


async def test_discovery_names_the_tenant_and_every_address_is_below_it(world: SignInWorld) -> None:
    """As a client written for Entra expects it (check OPR-5)."""
    for named in (str(world.tenant_id), world.tenant):
        found = (await world.client("GET", f"/{named}/v2.0/.well-known/openid-configuration")).json
        assert found["issuer"] == f"{BASE}/{world.tenant_id}/v2.0"
        assert found["token_endpoint"] == f"{BASE}/{world.tenant_id}/oauth2/v2.0/token"
    assert found["response_types_supported"] == ["code"]
    assert found["id_token_signing_alg_values_supported"] == ["RS256"]
    assert found["code_challenge_methods_supported"] == ["S256"]
    assert found["authorization_response_iss_parameter_supported"] is True

    many = (await world.client("GET", "/organizations/v2.0/.well-known/openid-configuration")).json
    assert many["issuer"] == f"{BASE}/{{tenantid}}/v2.0"
    keys = (await world.client("GET", "/organizations/discovery/v2.0/keys")).json["keys"]
    assert {each["issuer"] for each in keys} == {f"{BASE}/{{tenantid}}/v2.0"}
    nobody = await world.client("GET", f"/{UUID(int=7)}/v2.0/.well-known/openid-configuration")
    assert (nobody.status, nobody.json["error_codes"]) == (400, [90002])


async def test_two_keys_are_published_and_no_private_part_of_them(world: SignInWorld) -> None:
    """(check OPR-5)"""
    keys = (await world.client("GET", f"/{world.tenant_id}/discovery/v2.0/keys")).json["keys"]
    assert len(keys) == 2
    assert all(set(each) == {"kty", "n", "e", "kid", "use", "alg", "issuer"} for each in keys)
    assert {each["issuer"] for each in keys} == {f"{BASE}/{world.tenant_id}/v2.0"}


async def test_keys_change_places_when_their_time_has_come_and_old_tokens_stay_readable(world: SignInWorld) -> None:
    """The next one was published for a day before it signs, and the last one still is (check OPR-5)."""
    ring = world.provider.keys
    first = await ring.keys()
    token = (await world.redeem(await world.code())).json["id_token"]
    assert not await ring.rotate()
    world.runtime.shift = timedelta(days=91)
    assert await ring.rotate()
    second = await ring.keys()
    assert second.kid != first.kid
    assert second.kid in {each["kid"] for each in first.published}
    assert first.kid in {each["kid"] for each in second.published}
    assert len(second.published) == 3
    assert (await world.claims(token))["oid"] == str(world.person)
    assert not await ring.rotate()
    world.runtime.shift = timedelta(days=93)
    assert not await ring.rotate()
    ring._keys = None
    assert first.kid not in {each["kid"] for each in (await ring.keys()).published}


async def test_a_code_becomes_tokens_that_say_who_it_is(world: SignInWorld) -> None:
    """Claims with Entra's names (check OPR-6)."""
    signed_in = world.signed_in()
    reply = await world.redeem(await world.code(signed_in=signed_in))
    assert reply.status == 200
    assert reply.headers["cache-control"] == "no-store"
    assert set(reply.json) == {"token_type", "scope", "expires_in", "access_token", "id_token"}
    claims = await world.claims(reply.json["id_token"])
    now = int(world.runtime.now().timestamp())
    assert claims["aud"] == str(world.registration.app_id)
    assert claims["iss"] == f"{BASE}/{world.tenant_id}/v2.0"
    assert (claims["oid"], claims["tid"], claims["ver"]) == (str(world.person), str(world.tenant_id), "2.0")
    assert (claims["nonce"], claims["sid"]) == ("the nonce", str(signed_in.session_id))
    assert claims["preferred_username"] == "ada@example.com"
    assert (claims["name"], claims["given_name"], claims["family_name"]) == ("ada", "Ada", "Lovelace")
    assert "email" not in claims, "it was not asked for"
    assert (claims["amr"], claims["acr"]) == (["pwd", "otp", "mfa"], "https://refeds.org/profile/mfa")
    assert claims["auth_time"] == int(signed_in.at.timestamp())
    assert now - 5 <= claims["iat"] <= now
    assert claims["exp"] - claims["iat"] == 3600
    assert "groups" not in claims
    assert "roles" not in claims
    assert claims["sub"] not in (str(world.person), "ada@example.com")
    assert header_of(reply.json["id_token"])["typ"] == "JWT"
    assert header_of(reply.json["access_token"])["typ"] == "at+jwt"


async def test_a_person_has_another_name_towards_each_application_and_the_same_each_time(world: SignInWorld) -> None:
    """Pairwise subjects (check OPR-6)."""
    first = await world.claims((await world.redeem(await world.code())).json["id_token"])
    again = await world.claims((await world.redeem(await world.code())).json["id_token"])
    other = await sign_in_world(world.database)
    elsewhere = await other.claims((await other.redeem(await other.code())).json["id_token"])
    assert first["sub"] == again["sub"]
    assert first["sub"] != elsewhere["sub"]
    assert first["uti"] != again["uti"]


@pytest.mark.parametrize(
    ("change", "number"),
    [
        ({"code_verifier": "w" * 43}, 501481),
        ({"code_verifier": ""}, 501481),
        ({"code_verifier": "short"}, 501481),
        ({"redirect_uri": "https://rooms.example.com/other"}, 70000),
        ({"redirect_uri": ""}, 70000),
        ({"code": "x"}, 70000),
        ({"code": f"{UUID(int=5).hex}.abc"}, 70000),
        ({"client_secret": "wrong"}, 7000215),
        ({"client_secret": ""}, 7000218),
        ({"client_id": str(UUID(int=9))}, 700016),
        ({"client_id": "no id"}, 700016),
        ({"grant_type": "password"}, 70003),
        ({"grant_type": ""}, 70003),
    ],
)
async def test_a_request_for_tokens_that_does_not_fit_is_refused(
    world: SignInWorld, change: dict[str, str], number: int
) -> None:
    """(checks OPR-1, OPR-3)"""
    reply = await world.redeem(await world.code(), **change)
    assert reply.status == (401 if number in (7000215, 7000218) else 400)
    assert reply.json["error_codes"] == [number]
    assert reply.json["error_description"].startswith(f"AADSTS{number}: ")
    assert "id_token" not in reply.json


async def test_a_code_is_good_once_and_the_second_use_ends_what_the_first_one_gave(world: SignInWorld) -> None:
    """(check OPR-3)"""
    code = await world.code(replace(world.request, scope=("openid", "offline_access")))
    first = (await world.redeem(code)).json
    assert (await world.userinfo_status(first["access_token"])) == 200
    second = await world.redeem(code)
    assert (second.status, second.json["error"], second.json["error_codes"]) == (400, "invalid_grant", [54005])
    assert (await world.userinfo_status(first["access_token"])) == 401
    refreshed = await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (refreshed.status, refreshed.json["error_codes"]) == (400, [50173])


async def test_of_many_who_come_with_one_code_at_once_one_gets_tokens(world: SignInWorld) -> None:
    """(check C54)"""
    code = await world.code()
    worlds = [replace(world, client=AsgiClient(world.client.app, token=None)) for _ in range(10)]
    replies = await asyncio.gather(*(each.redeem(code) for each in worlds))
    assert sorted(each.status for each in replies) == [200] + [400] * 9


async def test_a_code_is_over_after_a_minute(world: SignInWorld) -> None:
    """(check OPR-3)"""
    code = await world.code()
    world.runtime.shift = timedelta(seconds=61)
    assert (await world.redeem(code)).json["error_codes"] == [70008]


async def test_a_code_of_another_application_is_burnt(world: SignInWorld) -> None:
    """Bound to the client (check OPR-3)."""
    other = await sign_in_world(world.database)
    code = await world.code()
    stolen = await other.redeem(code)
    assert (stolen.status, stolen.json["error"]) == (400, "invalid_grant")
    assert (await world.redeem(code)).json["error_codes"] == [54005]


async def test_refresh_tokens_replace_each_other_and_one_that_comes_twice_ends_them_all(world: SignInWorld) -> None:
    code = await world.code(replace(world.request, scope=("openid", "profile", "offline_access")))
    first = (await world.redeem(code)).json
    second = (await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])).json
    assert second["refresh_token"] != first["refresh_token"]
    claims = await world.claims(second["id_token"])
    assert "nonce" not in claims
    third = (await world.token(grant_type="refresh_token", refresh_token=second["refresh_token"])).json
    assert (await world.userinfo_status(third["access_token"])) == 200

    stolen = await world.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert (stolen.status, stolen.json["error_codes"]) == (400, [54005])
    after = await world.token(grant_type="refresh_token", refresh_token=third["refresh_token"])
    assert (after.status, after.json["error_codes"]) == (400, [50173])
    assert (await world.userinfo_status(third["access_token"])) == 401


async def test_a_refresh_may_ask_for_less_and_never_for_more(world: SignInWorld) -> None:
    code = await world.code(replace(world.request, scope=("openid", "profile", "offline_access")))
    token = (await world.redeem(code)).json["refresh_token"]
    less = (await world.token(grant_type="refresh_token", refresh_token=token, scope="openid")).json
    assert less["scope"] == "openid"
    assert "name" not in await world.claims(less["id_token"])
    more = await world.token(grant_type="refresh_token", refresh_token=less["refresh_token"], scope="openid email")
    assert (more.status, more.json["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("ending", ["blocked", "deleted", "imported"])
async def test_whoever_is_blocked_or_deleted_loses_everything_in_that_transaction(
    world: SignInWorld, ending: str
) -> None:
    code = await world.code(replace(world.request, scope=("openid", "offline_access")))
    tokens = (await world.redeem(code)).json
    waiting = await world.code()
    if ending == "blocked":
        await world.db.write(directory.update_user, world.person, {"accountEnabled": False})
    elif ending == "deleted":
        await world.db.write(directory.delete_user, world.person)
    else:
        await world.db.write(
            lambda tx: tx.run("update directory.users set account_enabled = false where id = %s", [world.person])
        )
    alive = await world.db.read(lambda tx: tx.value("select count(*) from directory.grants where ended is null"))
    assert alive == 0
    assert (await world.token(grant_type="refresh_token", refresh_token=tokens["refresh_token"])).status == 400
    assert (await world.redeem(waiting)).status == 400
    assert (await world.userinfo_status(tokens["access_token"])) == 401
    refused = await world.provider.answer(world.request, world.signed_in())
    assert isinstance(refused, ProtocolFault)
    assert (refused.error, refused.number, refused.redirect_uri) == ("access_denied", 50057, CALLBACK)


async def test_a_change_that_blocks_nobody_ends_nothing(world: SignInWorld) -> None:
    token = (await world.redeem(await world.code())).json["access_token"]
    await world.db.write(directory.update_user, world.person, {"givenName": "Augusta"})
    assert (await world.userinfo_status(token)) == 200


async def test_who_is_not_assigned_gets_no_code_where_assignment_is_required(world: SignInWorld) -> None:
    await world.db.write(directory.unassign, world.application, world.person)
    refused = await world.provider.answer(world.request, world.signed_in())
    assert isinstance(refused, ProtocolFault)
    assert (refused.error, refused.number) == ("access_denied", 50105)
    team = await make_group(world.db, "Team")
    await world.db.write(directory.add_member, team, world.person)
    await world.db.write(directory.assign, world.application, team)
    assert await world.code()


async def test_groups_are_told_as_registered_with_those_around_them_and_roles_by_value(database: Database) -> None:
    """(check OPR-6, row 2 of GRP)"""
    world = await sign_in_world(database, group_membership_claims="SecurityGroup")
    inner, outer, mail = [await make_group(world.db, name) for name in ("Inner", "Outer", "Mail")]
    await world.db.write(directory.update_group, mail, {"securityEnabled": False, "mailEnabled": True})
    await world.db.write(directory.add_member, inner, world.person)
    await world.db.write(directory.add_member, mail, world.person)
    await world.db.write(directory.add_member, outer, inner)
    role = AppRole(world.runtime.new_id(), "Organiser", "organiser")
    await world.db.write(directory.add_app_role, world.application, role)
    await world.db.write(directory.assign, world.application, inner, role.id)
    claims = await world.claims((await world.redeem(await world.code())).json["id_token"])
    assert sorted(claims["groups"]) == sorted([str(inner), str(outer)])
    assert claims["roles"] == ["organiser"]


async def test_only_groups_of_the_application_are_told_when_so_registered(database: Database) -> None:
    """(check GRP-14)"""
    world = await sign_in_world(database, group_membership_claims="ApplicationGroup")
    assigned, other = await make_group(world.db, "Assigned"), await make_group(world.db, "Other")
    for group in (assigned, other):
        await world.db.write(directory.add_member, group, world.person)
    await world.db.write(directory.assign, world.application, assigned)
    claims = await world.claims((await world.redeem(await world.code())).json["id_token"])
    assert claims["groups"] == [str(assigned)]


@pytest.mark.parametrize(("number", "overage"), [(0, False), (200, False), (201, True)])
async def test_more_groups_than_fit_are_not_told_but_where_to_ask(
    database: Database, number: int, overage: bool
) -> None:
    """Above 200 (check GRP-3)."""
    world = await sign_in_world(database, group_membership_claims="SecurityGroup")
    for count in range(number):
        await world.db.write(directory.add_member, await make_group(world.db, f"g{count}"), world.person)
    claims = await world.claims((await world.redeem(await world.code())).json["id_token"])
    if overage:
        assert "groups" not in claims
        assert claims["_claim_names"] == {"groups": "src1"}
        assert claims["_claim_sources"]["src1"]["endpoint"].endswith(f"/v1.0/users/{world.person}/getMemberObjects")
    else:
        assert len(claims["groups"]) == number


async def test_a_client_may_prove_itself_in_one_way_only(world: SignInWorld) -> None:
    """(RFC 6749 §2.3)"""
    app_id = str(world.registration.app_id)
    form: dict[str, Any] = {"client_id": "", "client_secret": ""}
    assert (await world.redeem_with(basic(app_id, world.secret), await world.code(), **form)).status == 200
    wrong = await world.redeem_with(basic(app_id, "wrong"), await world.code(), **form)
    assert (wrong.status, wrong.headers["www-authenticate"]) == (401, 'Basic realm="token endpoint"')
    posted = await world.redeem(await world.code(), client_secret="wrong")
    assert (posted.status, "www-authenticate" in posted.headers) == (401, False), "clients would look no further"
    both = await world.redeem_with(basic(app_id, world.secret), await world.code())
    assert (both.status, both.json["error"]) == (400, "invalid_request")
    odd = await world.redeem_with({"authorization": "Basic %%%"}, await world.code(), **form)
    assert odd.status == 400


async def test_wrong_secrets_are_slowed_down_and_the_right_one_is_not(world: SignInWorld) -> None:
    """(check C24)"""
    statuses = [(await world.redeem("x", client_secret="wrong")).status for _ in range(22)]
    assert statuses == [401] * 20 + [429] * 2
    assert (await world.redeem(await world.code())).status == 200


async def test_a_public_application_needs_no_secret_and_may_not_send_one(database: Database) -> None:
    world = await sign_in_world(database, is_public=True)
    assert (await world.redeem(await world.code(), client_secret="")).status == 200
    assert (await world.redeem(await world.code())).json["error_codes"] == [700025]
    itself = await world.token(grant_type="client_credentials", scope="x/.default", client_secret="")
    assert itself.json["error"] == "unauthorized_client"


async def test_an_application_gets_a_token_for_another_one_of_the_tenant(world: SignInWorld) -> None:
    """Client credentials (RFC 6749 §4.4)."""
    resource = await world.db.write(directory.create_service_principal, "Resource")
    app_id = (await world.db.read(directory.read_service_principal, resource)).app_id
    closed = await world.token(grant_type="client_credentials", scope=f"{app_id}/.default")
    assert closed.json["error_codes"] == [501051]
    await world.db.write(
        lambda tx: tx.run("update directory.service_principals set app_role_assignment_required = false")
    )
    reply = await world.token(grant_type="client_credentials", scope=f"api://{app_id}/.default")
    assert reply.status == 200
    assert set(reply.json) == {"token_type", "expires_in", "access_token"}
    claims = await world.claims(reply.json["access_token"])
    assert (claims["aud"], claims["azp"], claims["idtyp"]) == (str(app_id), str(world.registration.app_id), "app")
    assert header_of(reply.json["access_token"])["typ"] == "at+jwt"
    assert (await world.userinfo_status(reply.json["access_token"])) == 401, "it is for somebody else"
    for scope in ("", "openid", f"{UUID(int=3)}/.default", f"{app_id}/.default openid"):
        refused = await world.token(grant_type="client_credentials", scope=scope)
        assert (refused.status, refused.json["error"]) == (400, "invalid_scope")
    nowhere = await world.token("organizations", grant_type="client_credentials", scope=f"{app_id}/.default")
    assert nowhere.json["error_codes"] == [50194]
    elsewhere = await world.token(str(UUID(int=3)), grant_type="client_credentials", scope=f"{app_id}/.default")
    assert elsewhere.json["error_codes"] == [90002]


async def test_userinfo_takes_access_tokens_only(world: SignInWorld) -> None:
    """Token confusion (check C36)."""
    tokens = (await world.redeem(await world.code())).json
    good = await world.client("GET", "/oidc/userinfo", headers={"authorization": f"Bearer {tokens['access_token']}"})
    assert good.status == 200
    assert good.json["sub"] == (await world.claims(tokens["id_token"]))["sub"]
    assert good.json["name"] == "ada"
    for wrong in (tokens["id_token"], tokens["access_token"][:-4] + "AAAA", "x", ""):
        assert (await world.userinfo_status(wrong)) == 401
    world.runtime.shift = timedelta(hours=2)
    assert (await world.userinfo_status(tokens["access_token"])) == 401


async def test_an_application_of_one_tenant_signs_in_nobody_of_another(world: SignInWorld) -> None:
    other = await sign_in_world(world.database)
    refused = await world.provider.answer(world.request, other.signed_in())
    assert isinstance(refused, ProtocolFault)
    assert refused.number == 50020


async def test_an_application_for_many_tenants_needs_its_place_in_each(database: Database) -> None:
    """(check TEN-7)"""
    world = await sign_in_world(database, sign_in_audience="AzureADMultipleOrgs")
    other = await sign_in_world(database)
    missing = await world.provider.answer(world.request, other.signed_in())
    assert isinstance(missing, ProtocolFault)
    assert (missing.error, missing.number) == ("consent_required", 65001)
    app_id = world.registration.app_id
    there = await other.db.write(directory.create_service_principal, "Rooms")
    await other.db.write(
        lambda tx: tx.run("update directory.service_principals set app_id = %s where id = %s", [app_id, there])
    )
    await other.db.write(directory.assign, there, other.person)
    code = await world.code(signed_in=other.signed_in())
    claims = await other.claims((await world.redeem(code)).json["id_token"])
    assert (claims["tid"], claims["oid"]) == (str(other.tenant_id), str(other.person))
    assert claims["iss"] == f"{BASE}/{other.tenant_id}/v2.0"


async def test_a_registration_is_refused_with_every_fault(world: SignInWorld) -> None:
    """(check OPR-2)"""
    new = NewRegistration(
        " ", redirect_uris=("http://rooms.example.com/", "https://a/#x", "javascript:alert(1)", "http://127.0.0.1:9/ok"),
        logout_url="https://u:p@a/",
    )  # fmt: skip
    with pytest.raises(Invalid) as refused:
        await world.db.write(registrations.register_application, world.runtime, new)
    assert len(refused.value.details) == 5
    with pytest.raises(Conflict):
        await world.db.write(
            registrations.register_application, world.runtime, NewRegistration("x"), world.registration.app_id
        )


async def test_grants_are_forgotten_when_nothing_of_them_can_live(world: SignInWorld) -> None:
    await world.redeem(await world.code(replace(world.request, scope=("openid", "offline_access"))))
    now = world.runtime.now()
    assert await world.db.write(grants.forget_grants, now + timedelta(days=80)) == 0
    assert await world.db.write(grants.forget_grants, now + timedelta(days=101)) == 1


def test_the_verifier_is_compared_as_its_digest() -> None:
    """The example of RFC 7636, appendix B."""
    assert challenge_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
