"""The relying party against a provider made by hand (checks REQ, CB, OID-16, LNK, GRP-10 to GRP-12, C32, C33)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from aiohttp import web
from joserfc import jwt
from joserfc.jwk import ECKey

from rollcall.crypto import Sealer
from rollcall.db import Database, Tx
from rollcall.runtime import SystemRuntime
from rollcall.scim.error import ScimError
from rollcall.scim.schema import USER
from rollcall.workspaces.accounts_users import create_user
from rollcall.workspaces.sso.authorization import challenge
from rollcall.workspaces.sso.configuration import Client, MatchBy, SsoConfiguration, Strength
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.groups_claim import Snapshot, Source
from rollcall.workspaces.sso.oidc import (
    Admitted,
    Arrival,
    Browser,
    Denied,
    Raced,
    RelyingParty,
    SignedIn,
    Started,
    Tried,
    TurnedAway,
)
from rollcall.workspaces.sso.sessions import WORKSPACE_LIMITS, live_sessions
from rollcall.workspaces.sso.transactions import Asking
from tests.unit.workspaces.sso.forging import OTHER_RSA, OTHER_TENANT, PERSON, RSA, TENANT
from tests.workspaces.sso.people import G1, Company, new_company
from tests.workspaces.sso.provider import Provider, json_answer, query, running_provider


class Clock(SystemRuntime):
    """A clock that can be moved, and does not wait."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.slept: list[float] = []

    def now(self) -> Any:
        return super().now() + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


@dataclass
class DoorOfTests:
    """Lets in whoever is known, and makes users if told to."""

    guests: bool = True
    creates: bool = False
    reason: str | None = None
    domains: tuple[str, ...] = ()
    arrivals: list[Arrival] = field(default_factory=list)

    async def domain_verified(self, tx: Tx, domain: str) -> bool:
        return domain in self.domains

    async def admit(self, tx: Tx, arrival: Arrival) -> Admitted | Denied:
        self.arrivals.append(arrival)
        if self.reason is not None:
            return Denied(self.reason)
        user = arrival.user
        if user is None and not self.creates:
            return Denied("user_unknown")
        if user is None:
            resource = {"userName": arrival.subject.user_name or arrival.subject.key, "active": True}
            try:
                user = UUID((await create_user(tx, SystemRuntime(), USER, resource))["id"])
            except ScimError:
                raise Raced from None
        return Admitted(user, "workspace", WORKSPACE_LIMITS)


@dataclass
class World:
    """One organisation, one provider, and us."""

    company: Company
    provider: Provider
    clock: Clock
    database: Database
    configuration: SsoConfiguration
    door: DoorOfTests
    party: RelyingParty
    browser: str | None = None

    @property
    def organisation(self) -> UUID:
        return self.company.endpoint.organisation

    async def start(self, **asking: Any) -> Started:
        started = await self.party.start(
            self.organisation, self.configuration, Asking(**{"door": "dashboard", **asking}), self.browser
        )
        self.browser = started.browser
        return started

    async def finish(self, pairs: list[tuple[str, str]], **browser: Any) -> SignedIn | TurnedAway | Tried:
        given = Browser(**{"handle": self.browser, **browser})
        return await self.party.finish(self.organisation, self.configuration, pairs, given, lambda _: self.door)

    async def sign_in(self, **asking: Any) -> SignedIn | TurnedAway | Tried:
        started = await self.start(**asking)
        return await self.finish(self.provider.authorize(started.url))

    async def signed_in(self, **asking: Any) -> SignedIn:
        outcome = await self.sign_in(**asking)
        assert isinstance(outcome, SignedIn), outcome
        return outcome

    async def turned_away(self, *, check: bool = True, **asking: Any) -> tuple[str, str | None]:
        outcome = await self.sign_in(**asking)
        assert isinstance(outcome, TurnedAway), outcome
        assert await self.nothing_was_made()
        return outcome.code, outcome.check

    async def nothing_was_made(self) -> bool:
        async def count(tx: Tx) -> int:
            found: int = await tx.value(
                "select (select count(*) from workspaces.sessions) + (select count(*) from workspaces.identity_links)"
            )
            return found

        return await self.company.db.read(count) == 0

    def forget(self) -> None:
        """As another process would be: it knows nothing yet."""
        self.party = RelyingParty(self.database, self.clock, Sealer(b"k" * 32), self.party.installation)


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    clock = Clock()
    async with running_provider() as provider:
        company = await new_company(database, clock)
        party = RelyingParty(database, clock, Sealer(b"k" * 32), provider.installation())
        yield World(company, provider, clock, database, provider.generic(), DoorOfTests(), party)
        await party.providers.settled()


def code_and_check(outcome: SignedIn | TurnedAway | Tried) -> tuple[str, str | None]:
    assert isinstance(outcome, TurnedAway), outcome
    return outcome.code, outcome.check


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


# ── who, and the door ──────────────────────────────────────────────────────────────────────────


async def test_a_person_is_linked_by_external_id_and_found_again_by_the_link(world: World) -> None:
    """Checks LNK-1, LNK-2."""
    ada = await world.company.user(externalId=PERSON.upper())
    world.configuration = world.provider.entra()

    first = await world.signed_in()
    second = await world.signed_in()

    assert (first.user, first.linked, second.user, second.linked) == (ada, True, ada, False)


async def test_an_address_makes_nobody_somebody_else(world: World) -> None:
    """Check LNK-3: neither the address nor, without a verified domain, the user name."""
    ada = await world.company.user("ada@acme.example")
    world.provider.claims = {"sub": "eve", "email": "ada@acme.example", "preferred_username": "ada@acme.example"}
    world.configuration = replace(world.configuration, match_by=MatchBy.USER_NAME)

    assert await world.turned_away() == ("user_unknown", None)
    world.door.domains = ("acme.example",)
    assert (await world.signed_in()).user == ada
    world.provider.claims["sub"] = "mallory"
    assert code_and_check(await world.sign_in()) == ("identity_conflict", "LNK-5")


async def test_a_deleted_person_does_not_walk_back_in(world: World) -> None:
    """Check LNK-4: by the link that was, though nothing else of them is known."""
    world.door.creates = True
    cay = (await world.signed_in()).user
    await world.company.delete(f"/Users/{cay}")

    assert await world.turned_away() == ("user_deleted", "LNK-4")


async def test_a_person_deleted_by_scim_who_never_signed_in_does_not_walk_in(world: World) -> None:
    """Check LNK-4."""
    world.door.creates = True
    world.configuration = world.provider.entra()
    user = await world.company.user(externalId=PERSON)
    await world.company.delete(f"/Users/{user}")

    assert await world.turned_away() == ("user_deleted", "LNK-4")


async def test_a_person_made_anew_by_scim_may_come_back(world: World) -> None:
    world.configuration = world.provider.entra()
    user = await world.company.user(externalId=PERSON)
    await world.signed_in()
    await world.company.delete(f"/Users/{user}")
    assert await world.turned_away() == ("user_deleted", "LNK-4")

    again = await world.company.user(externalId=PERSON)
    assert (await world.signed_in()).user == again != user


async def test_the_same_subject_at_another_provider_is_another_person(world: World) -> None:
    """Check C28."""
    world.door.creates = True
    first = await world.signed_in()
    world.configuration = replace(world.configuration, id=UUID(int=98))
    world.provider.claims = {"preferred_username": "another@acme.example"}

    assert (await world.signed_in()).user != first.user


async def test_the_same_person_in_another_tenant_is_another_person(world: World) -> None:
    """Check TEN-6."""
    world.door.creates = True
    world.configuration = world.provider.entra()
    world.provider.claims |= {"preferred_username": "a@one.example"}
    first = await world.signed_in()
    world.provider.claims |= {
        "tid": OTHER_TENANT,
        "iss": f"{world.provider.url}/{OTHER_TENANT}/v2.0",
        "preferred_username": "a@two.example",
    }

    assert (await world.signed_in()).user != first.user


async def test_a_wrong_tenant_makes_nothing(world: World) -> None:
    """Check TEN-5: neither user, nor link, nor session."""
    world.door.creates = True
    stranger = "33333333-3333-4333-8333-333333333333"
    world.configuration = world.provider.entra()
    world.provider.claims |= {"tid": stranger, "iss": f"{world.provider.url}/{stranger}/v2.0"}

    assert await world.turned_away() == ("tenant_not_allowed", "TEN-1")
    assert world.door.arrivals == []


async def test_a_closed_door_keeps_nothing(world: World) -> None:
    ada = await world.company.user(externalId="ada")
    world.door.reason = "group_not_allowed"

    assert await world.turned_away() == ("group_not_allowed", None)
    assert world.door.arrivals[0].user == ada


async def test_guests_are_refused_where_the_door_says_so(world: World) -> None:
    """Check OID-14."""
    world.configuration = world.provider.entra()
    world.provider.claims |= {"acct": 1}
    world.door.guests = False

    assert await world.turned_away() == ("guest_not_allowed", "OID-14")


async def test_two_who_make_the_same_user_at_once_are_one(world: World) -> None:
    """Check LNK-7."""
    world.door.creates = True
    answers = [world.provider.authorize((await world.start()).url) for _ in range(6)]
    outcomes = await asyncio.gather(*(world.finish(answer) for answer in answers))
    users = {each.user for each in outcomes if isinstance(each, SignedIn)}

    assert len(users) == 1
    assert sum(each.linked for each in outcomes if isinstance(each, SignedIn)) == 1


async def test_a_name_that_is_somebody_elses_makes_no_user(world: World) -> None:
    """Check LNK-7: a second look finds nobody who is the same person."""
    await world.company.user("ada")
    world.door.creates = True

    assert await world.turned_away() == ("identity_conflict", "LNK-7")


async def test_a_test_signs_nobody_in(world: World) -> None:
    ada = await world.company.user(externalId="ada")
    world.provider.claims = {"groups": [G1]}
    outcome = await world.sign_in(testing=True)

    assert isinstance(outcome, Tried)
    assert (outcome.user, outcome.snapshot) == (ada, Snapshot((G1,), Source.TOKEN))
    assert await world.nothing_was_made()
    assert world.door.arrivals == []


async def test_signing_in_ends_the_session_the_browser_came_with(world: World) -> None:
    """Check C3."""
    ada = await world.company.user(externalId="ada")
    first = await world.signed_in()
    answer = world.provider.authorize((await world.start()).url)
    second = await world.finish(answer, session=first.handle)
    assert isinstance(second, SignedIn)

    live = await world.company.db.read(live_sessions, ada, world.clock.now())
    assert [each.id for each in live] == [second.session]


# ── groups that did not fit into the token ─────────────────────────────────────────────────────

OVERAGE = {
    "_claim_names": {"groups": "src1"},
    "_claim_sources": {"src1": {"endpoint": "http://127.0.0.1:1/never"}},
}


async def looked_up(world: World, *answers: web.Response) -> Snapshot:
    await world.company.user(externalId=PERSON)
    world.configuration = world.provider.entra(group_lookup=True)
    world.provider.claims |= OVERAGE
    world.provider.groups_answers = list(answers)
    await world.signed_in()
    return world.door.arrivals[-1].snapshot


async def test_groups_are_looked_up_at_an_address_of_ours(world: World) -> None:
    """Checks GRP-3, GRP-10, GRP-11."""
    snapshot = await looked_up(world, json_answer({"value": [G1.upper()]}))

    assert snapshot == Snapshot((G1,), Source.LOOKUP)
    assert ("POST", f"/v1.0/users/{PERSON}/getMemberGroups") in world.provider.requests
    assert world.provider.forms[-1] == {"securityEnabledOnly": True}
    assert world.provider.forms[-2]["scope"] == f"{world.provider.url}/.default"
    assert world.provider.headers[-1]["Authorization"] == "Bearer own"


async def test_a_busy_graph_is_asked_three_times(world: World) -> None:
    """Check GRP-11."""
    busy = [json_answer({}, 429, **{"Retry-After": "2"}), json_answer({}, 503)]
    snapshot = await looked_up(world, *busy, json_answer({"value": []}))

    assert snapshot == Snapshot((), Source.LOOKUP)
    assert world.clock.slept == [2.0, 1.0]


UNREADABLE = {
    "refused": [json_answer({"error": {}}, 403)],
    "busy three times": [json_answer({}, 429), json_answer({}, 429), json_answer({}, 429)],
    "busy for longer than there is time": [json_answer({}, 429, **{"Retry-After": "60"})],
    "a part": [json_answer({"value": [G1], "@odata.nextLink": "x"})],
    "no list": [json_answer({"value": {"a": 1}})],
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_a_lookup_that_fails_is_unresolved_and_not_empty(world: World, name: str) -> None:
    """Check GRP-12."""
    answers = [web.Response(body=each.body, status=each.status, headers=each.headers) for each in UNREADABLE[name]]

    assert await looked_up(world, *answers) == Snapshot(None, Source.UNRESOLVED)


async def test_without_a_list_scim_says_which_groups(world: World) -> None:
    """Check GRP-9."""
    ada = await world.company.user(externalId="ada")
    await world.company.group(G1, ada)
    await world.signed_in()

    assert world.door.arrivals[-1].snapshot == Snapshot((G1,), Source.SCIM)


async def test_a_groups_claim_of_another_shape_refuses_the_token(world: World) -> None:
    """Check GRP-7."""
    world.provider.claims = {"groups": {"a": 1}}

    assert await world.turned_away() == ("sso_token_invalid", "GRP-7")


def test_the_challenge_is_that_of_the_standard() -> None:
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
