"""The relying party against a provider made by hand (checks REQ, CB, OID-16, C32, C33)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey

from rollcall.crypto import Sealer
from rollcall.db import Tx
from rollcall.workspaces.sso.arrivals import Browser, SignedIn, TurnedAway
from rollcall.workspaces.sso.authorization import challenge
from rollcall.workspaces.sso.configuration import Client, Strength
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.oidc import RelyingParty
from tests.unit.workspaces.sso.forging import OTHER_RSA, OTHER_TENANT, PERSON, RSA, TENANT
from tests.workspaces.sso.people import G1, new_company
from tests.workspaces.sso.provider import json_answer, query
from tests.workspaces.sso.world import World, code_and_check

# ── the request ────────────────────────────────────────────────────────────────────────────────


async def test_the_request_asks_for_a_code_with_everything_that_guards_it(world: World) -> None:
    asked = query((await world.start()).url)

    assert asked["response_type"] == "code"
    assert asked["client_id"] == "rollcall"
    assert asked["redirect_uri"] == f"http://127.0.0.1:8461/sso/{world.configuration.id}/callback"
    assert asked["scope"] == "openid profile email"
    assert asked["code_challenge_method"] == "S256"
    assert len(asked["state"]) == len(asked["code_challenge"]) == len(asked["nonce"]) == 43
    assert set(asked).isdisjoint({"response_mode", "prompt", "max_age", "login_hint", "acr_values"})


async def test_the_request_asks_for_what_the_door_wants(world: World) -> None:
    started = await world.start(
        prompt="login", max_age_seconds=300, login_hint="ada@acme.example", strengths=("gold", "silver")
    )
    asked = query(started.url)

    assert (asked["prompt"], asked["max_age"], asked["login_hint"]) == ("login", "300", "ada@acme.example")
    assert asked["acr_values"] == "gold silver"
    assert query((await world.start(silent=True)).url)["prompt"] == "none"


async def test_each_request_has_secrets_of_its_own(world: World) -> None:
    """Check C32."""
    first, second = query((await world.start()).url), query((await world.start()).url)

    assert all(first[name] != second[name] for name in ("state", "nonce", "code_challenge"))


async def test_a_browser_has_at_most_eight_sign_ins_under_way(world: World) -> None:
    """Check REQ-1: the oldest is dropped."""
    await world.company.user(externalId="ada")
    started = [await world.start() for _ in range(9)]

    assert len({each.browser for each in started}) == 1
    dropped = await world.finish(world.provider.authorize(started[0].url))
    assert code_and_check(dropped) == ("sso_expired", "CB-2")
    for each in started[1:]:
        assert isinstance(await world.finish(world.provider.authorize(each.url)), SignedIn)


async def test_a_handle_that_we_did_not_give_is_never_adopted(world: World) -> None:
    """Check REQ-1."""
    world.browser = "x" * 43

    assert (await world.start()).browser != "x" * 43


async def test_nothing_that_leaves_is_stored_as_it_is(world: World) -> None:
    """Check REQ-1."""
    started = await world.start()
    asked = query(started.url)

    async def stored(tx: Tx) -> str:
        rows = await tx.all("select row_to_json(t)::text as text from workspaces.sso_transactions t")
        return "".join(row["text"] for row in rows)

    text = await world.company.db.read(stored)
    assert all(secret not in text for secret in (started.browser, asked["state"], asked["nonce"]))


# ── who shows that it is us ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("methods", "in_form"), [(["client_secret_post"], True), (None, False)])
async def test_the_secret_goes_as_the_document_allows(world: World, methods: list[str] | None, in_form: bool) -> None:
    """Check REQ-3."""
    world.provider.document = {"token_endpoint_auth_methods_supported": methods}
    await world.sign_in()

    assert (world.provider.forms[0].get("client_secret") == "s3cret & more") == in_form
    header = world.provider.headers[0].get("Authorization")
    assert header == (None if in_form else "Basic cm9sbGNhbGw6czNjcmV0JTIwJTI2JTIwbW9yZQ==")


async def test_a_key_goes_before_a_secret(world: World) -> None:
    """Check REQ-3."""
    key = ECKey.generate_key("P-256", {"kid": "ours"}, auto_kid=False)
    client = Client("rollcall", "never", json.dumps(key.as_dict(private=True)))
    world.configuration = replace(world.configuration, client=client)
    await world.sign_in()
    form = world.provider.forms[0]
    token = jwt.decode(form["client_assertion"], key, algorithms=["ES256"])

    assert "client_secret" not in form
    assert token.header["kid"] == "ours"
    assert token.claims["aud"] == world.provider.url
    assert token.claims["iss"] == token.claims["sub"] == "rollcall"
    assert token.claims["exp"] - token.claims["iat"] == 60
    assert token.claims["jti"]


async def test_a_public_client_sends_its_name_alone(world: World) -> None:
    world.configuration = replace(world.configuration, client=Client("rollcall"))
    await world.sign_in()

    assert "client_secret" not in world.provider.forms[0]
    assert world.provider.forms[0]["code_verifier"]


# ── the answer, check by check ─────────────────────────────────────────────────────────────────


async def test_a_good_answer_makes_a_session_with_all_that_was_told(world: World) -> None:
    ada = await world.company.user(externalId="ada")
    world.provider.claims = {"sid": "s1", "amr": ["pwd"], "groups": [G1], "auth_time": 1_700_000_000}

    outcome = await world.signed_in(return_to="/w/1")
    session = await world.company.read(outcome.handle)

    assert (outcome.user, outcome.linked, outcome.asking.return_to) == (ada, True, "/w/1")
    assert session is not None
    assert (session.user_id, session.method, session.provider_session) == (ada, "sso", "s1")
    assert (session.issuer, session.subject, session.strength) == (world.provider.url, "ada", ("pwd",))
    assert (session.groups, session.groups_source) == (frozenset({G1}), "token")
    assert int(session.authenticated.timestamp()) == 1_700_000_000


CB1 = {
    "a parameter twice": [("code", "a"), ("code", "b"), ("state", "x")],
    "a code too long": [("code", "x" * 4097), ("state", "x")],
    "a state too long": [("code", "x"), ("state", "x" * 2049)],
    "too many parameters": [(str(n), "x") for n in range(21)],
}


@pytest.mark.parametrize("name", CB1)
async def test_an_answer_of_another_shape_is_refused(world: World, name: str) -> None:
    """Check CB-1."""
    await world.start()

    assert code_and_check(await world.finish(CB1[name])) == ("sso_bad_response", "CB-1")


async def test_an_answer_must_fit_the_browser_and_the_configuration(world: World) -> None:
    """Checks CB-2, C32, C33."""
    await world.company.user(externalId="ada")
    started = await world.start()
    answer = world.provider.authorize(started.url)
    expired = ("sso_expired", "CB-2")

    assert code_and_check(await world.finish(answer, handle=None)) == expired
    assert code_and_check(await world.finish(answer, handle="x" * 43)) == expired
    assert code_and_check(await world.finish([("code", "x"), ("state", "x" * 43)])) == expired
    assert code_and_check(await world.finish([("code", "x")])) == expired
    own = world.configuration
    world.configuration = replace(own, id=UUID(int=99))
    assert code_and_check(await world.finish(answer)) == expired
    world.configuration = replace(own, on=False)
    assert code_and_check(await world.finish(answer)) == expired
    world.configuration = own
    assert isinstance(await world.finish(answer), SignedIn)


async def test_another_browser_can_not_use_an_answer(world: World) -> None:
    """Check C32."""
    answer = world.provider.authorize((await world.start()).url)
    world.browser = None
    other = await world.start()

    assert code_and_check(await world.finish(answer, handle=other.browser)) == ("sso_expired", "CB-2")


async def test_an_answer_of_another_organisation_is_none(world: World) -> None:
    """Check C45."""
    answer = world.provider.authorize((await world.start()).url)
    other = await new_company(world.database, world.clock)
    given = Browser(handle=world.browser)
    outcome = await world.party.finish(
        other.endpoint.organisation, world.configuration, answer, given, lambda _: world.door
    )

    assert code_and_check(outcome) == ("sso_expired", "CB-2")


async def test_an_answer_is_too_late_after_ten_minutes(world: World) -> None:
    """Check CB-2."""
    answer = world.provider.authorize((await world.start()).url)
    world.clock.ahead = timedelta(minutes=10)

    assert code_and_check(await world.finish(answer)) == ("sso_expired", "CB-2")


async def test_an_answer_is_used_once_whatever_becomes_of_it(world: World) -> None:
    """Check CB-3."""
    await world.company.user(externalId="ada")
    started = await world.start()
    failed = await world.finish(world.provider.authorize(started.url, error="server_error"))
    assert code_and_check(failed)[0] == "sso_unavailable"

    again = await world.finish(world.provider.authorize(started.url))
    assert code_and_check(again) == ("sso_expired", "CB-2")


async def test_of_many_answers_at_once_one_is_used(world: World) -> None:
    """Checks CB-3, C54."""
    await world.company.user(externalId="ada")
    answer = world.provider.authorize((await world.start()).url)
    outcomes = await asyncio.gather(*(world.finish(answer) for _ in range(10)))

    assert sum(isinstance(each, SignedIn) for each in outcomes) == 1


@pytest.mark.parametrize(
    ("promised", "named", "fine"),
    [(True, True, True), (True, None, False), (False, None, True), (False, False, False), (False, True, True)],
)
async def test_the_issuer_in_the_answer_must_be_right(
    world: World, promised: bool, named: bool | None, fine: bool
) -> None:
    """Checks CB-4, C33."""
    await world.company.user(externalId="ada")
    world.provider.document = {"authorization_response_iss_parameter_supported": promised}
    issuer = None if named is None else world.provider.url if named else "https://evil.example"
    started = await world.start()
    outcome = await world.finish(world.provider.authorize(started.url, iss=issuer))

    if fine:
        assert isinstance(outcome, SignedIn)
    else:
        assert code_and_check(outcome) == ("sso_wrong_provider", "CB-4")
        assert world.provider.count("/token") == 0


@pytest.mark.parametrize("tenant", [TENANT, OTHER_TENANT])
async def test_the_issuer_of_many_tenants_is_compared_with_the_token(world: World, tenant: str) -> None:
    """Check CB-4."""
    await world.company.user(externalId=PERSON)
    world.configuration = world.provider.entra()
    started = await world.start()
    outcome = await world.finish(world.provider.authorize(started.url, iss=f"{world.provider.url}/{tenant}/v2.0"))

    if tenant == TENANT:
        assert isinstance(outcome, SignedIn)
    else:
        assert code_and_check(outcome) == ("sso_wrong_provider", "CB-4")


@pytest.mark.parametrize(
    ("error", "code"),
    [("access_denied", "sso_cancelled"), ("login_required", "sso_interaction_required"), ("new", "sso_bad_response")],
)
async def test_an_error_is_told_in_our_words(world: World, error: str, code: str) -> None:
    """Check CB-5."""
    answer = world.provider.authorize((await world.start()).url, error=error, error_description="<b>x", code=None)
    outcome = await world.finish(answer)

    assert code_and_check(outcome) == (code, "CB-5")
    assert isinstance(outcome, TurnedAway)
    assert "<b>" not in outcome.message
    assert not outcome.goes_on


@pytest.mark.parametrize("error", ["login_required", "interaction_required", "consent_required"])
async def test_a_silent_question_that_needs_to_be_seen_goes_on(world: World, error: str) -> None:
    """Check CB-5."""
    answer = world.provider.authorize((await world.start(silent=True)).url, error=error, code=None)
    outcome = await world.finish(answer)

    assert isinstance(outcome, TurnedAway)
    assert outcome.goes_on


async def test_a_missing_consent_comes_with_a_link_for_an_administrator(world: World) -> None:
    """Check TEN-7."""
    world.configuration = world.provider.entra(TENANT)
    answer = world.provider.authorize((await world.start()).url, error="consent_required", code=None)
    outcome = await world.finish(answer)
    assert isinstance(outcome, TurnedAway)
    assert outcome.consent_url is not None

    assert outcome.code == "sso_consent_needed"
    assert outcome.consent_url.startswith(f"{world.provider.url}/{TENANT}/adminconsent?")
    assert query(outcome.consent_url)["client_id"] == "rollcall"


EXCHANGES: dict[str, tuple[web.Response, tuple[str, str]]] = {
    "invalid_grant": (json_answer({"error": "invalid_grant"}, 400), ("sso_expired", "CB-6")),
    "invalid_client": (json_answer({"error": "invalid_client"}, 401), ("sso_setup_error", "CB-6")),
    "no JSON": (web.Response(text="<html>", status=400), ("sso_exchange_failed", "CB-6")),
    "broken": (json_answer({}, 500), ("sso_unavailable", "CB-6")),
    "redirect": (web.Response(status=302, headers={"location": "/x"}), ("sso_unavailable", "CB-6")),
    "no ID token": (json_answer({"token_type": "Bearer"}), ("sso_bad_response", "CB-7")),
    "another type": (json_answer({"id_token": "x", "token_type": "DPoP"}), ("sso_bad_response", "CB-7")),
    "no type": (json_answer({"id_token": "x"}), ("sso_bad_response", "CB-7")),
    "ID token is an object": (json_answer({"id_token": {}, "token_type": "Bearer"}), ("sso_bad_response", "CB-7")),
    "no token": (json_answer({"id_token": "x", "token_type": "bearer"}), ("sso_token_invalid", "OID-1")),
}


@pytest.mark.parametrize("name", EXCHANGES)
async def test_an_exchange_that_fails_is_not_tried_again(world: World, name: str) -> None:
    """Checks CB-6, CB-7."""
    answer, failure = EXCHANGES[name]
    world.provider.token_answer = web.Response(body=answer.body, status=answer.status, headers=answer.headers)

    assert await world.turned_away() == failure
    assert world.provider.count("/token") == 1


async def test_an_answer_without_code_is_refused(world: World) -> None:
    answer = world.provider.authorize((await world.start()).url, code=None)

    assert code_and_check(await world.finish(answer)) == ("sso_bad_response", "CB-1")


WRONG: dict[str, dict[str, Any]] = {
    "OID-4": {"iss": "https://evil.example"},
    "OID-5": {"aud": "other"},
    "OID-7": {"exp": 1},
    "OID-8": {"nonce": "x"},
    "OID-9": {"sub": ""},
}


@pytest.mark.parametrize("check", WRONG)
async def test_a_token_that_fails_a_check_makes_nothing(world: World, check: str) -> None:
    await world.company.user(externalId="ada")
    world.provider.claims = WRONG[check]

    assert await world.turned_away() == ("sso_token_invalid", check)


async def test_an_access_token_is_not_used_so_its_hash_does_not_matter(world: World) -> None:
    """Check OID-10."""
    await world.company.user(externalId="ada")
    world.provider.claims = {"at_hash": "wrong"}

    await world.signed_in()


async def test_a_token_is_good_once(world: World) -> None:
    """Checks OID-16, C30."""
    await world.company.user(externalId="ada")
    world.provider.claims = {"jti": "the one"}
    await world.signed_in()

    assert code_and_check(await world.sign_in()) == ("sso_token_invalid", "OID-16")


async def test_a_required_strength_and_recency_are_checked_on_the_answer(world: World) -> None:
    """Checks C31, OID-11, OID-12."""
    await world.company.user(externalId="ada")

    assert await world.turned_away(mfa=True) == ("sso_step_up_unmet", "OID-12")
    assert await world.turned_away(max_age_seconds=300) == ("sso_step_up_unmet", "OID-11")
    world.configuration = replace(world.configuration, strength=Strength(mfa=True))
    assert await world.turned_away() == ("sso_step_up_unmet", "OID-12")
    world.provider.claims = {"amr": ["mfa"]}
    await world.signed_in()


async def test_a_provider_that_is_down_is_told_so(world: World) -> None:
    world.provider.down = True
    with pytest.raises(SsoFailed) as failed:
        await world.start()

    assert (failed.value.code, failed.value.status) == ("sso_unavailable", 503)


async def test_an_issuer_on_a_private_address_is_not_asked(world: World) -> None:
    """Check C40."""
    installation = world.provider.installation(loopback_http=False)
    world.party = RelyingParty(world.database, world.clock, Sealer(b"k" * 32), installation)
    with pytest.raises(SsoFailed) as failed:
        await world.start()

    assert (failed.value.code, failed.value.check) == ("sso_setup_error", "DIS-3")
    assert not world.provider.requests


# ── keys ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_key_is_fetched_once_and_forged_tokens_can_not_make_us_hammer_the_provider(world: World) -> None:
    """Check KEY-2."""
    await world.company.user(externalId="ada")
    await world.signed_in()
    world.provider.keys, world.provider.sign_with = [RSA, OTHER_RSA], OTHER_RSA

    await world.signed_in()
    assert world.provider.count("/keys") == 2

    world.provider.header = {"kid": "unknown"}
    for _ in range(3):
        assert code_and_check(await world.sign_in()) == ("sso_token_invalid", "OID-3")
    assert world.provider.count("/keys") == 2

    world.clock.ahead = timedelta(minutes=5)
    assert code_and_check(await world.sign_in())[1] == "OID-3"
    assert world.provider.count("/keys") == 3


async def test_many_who_wait_share_one_fetch(world: World) -> None:
    """Check KEY-2."""
    await asyncio.gather(*(world.start() for _ in range(8)))

    assert world.provider.count("/keys") == 1


async def test_keys_are_refreshed_hourly_in_the_background_and_kept_a_day(world: World) -> None:
    """Check KEY-1."""
    await world.company.user(externalId="ada")
    await world.start()
    world.clock.ahead = timedelta(minutes=59)
    await world.start()
    assert world.provider.count("/keys") == 1

    world.clock.ahead = timedelta(hours=2)
    await world.start()
    await world.party.providers.settled()
    assert world.provider.count("/keys") == 2

    world.provider.down = True
    world.clock.ahead = timedelta(hours=25)
    await world.start()
    await world.party.providers.settled()
    world.clock.ahead = timedelta(hours=26)
    with pytest.raises(SsoFailed):
        await world.start()


async def test_a_restart_does_not_depend_on_the_provider(world: World) -> None:
    """Check KEY-1."""
    await world.start()
    world.provider.down = True
    world.forget()

    await world.start()
    world.clock.ahead = timedelta(hours=24)
    world.forget()
    with pytest.raises(SsoFailed):
        await world.start()


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
