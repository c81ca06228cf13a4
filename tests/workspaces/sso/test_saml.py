"""Sign-in through SAML, with a provider made by hand: the good road, and each check of the answer at the level of the flow."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from cryptography import x509
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from rollcall.crypto import Sealer
from rollcall.db import Database, Tx
from rollcall.workspaces.sso.arrivals import SignedIn, Tried, TurnedAway
from rollcall.workspaces.sso.configuration import Client, GroupSource, Installation, MatchBy, Strength
from rollcall.workspaces.sso.groups_claim import Snapshot, Source
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.saml_xml import a, p
from tests.unit.workspaces.sso.saml_making import GROUPS, OID, Signer, signer
from tests.unit.workspaces.sso.test_saml_response import WRAPPINGS
from tests.workspaces.sso.people import G1, G2, new_company
from tests.workspaces.sso.saml_world import BASE, HERE, SSO, Clock, SamlWorld, is_signed_by_us, parameters, sent

PERSON, TENANT = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa", "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb"
TID = "http://schemas.microsoft.com/identity/claims/tenantid"
LINK = "http://schemas.microsoft.com/claims/groups.link"
EMAIL = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
STATUS = "urn:oasis:names:tc:SAML:2.0:status:"


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[SamlWorld]:
    clock = Clock()
    company = await new_company(database, clock)
    party = RelyingParty(database, clock, Sealer(b"k" * 32), Installation(BASE))
    yield SamlWorld(company, database, clock, party)
    await party.saml.providers.settled()


def code_and_check(outcome: object) -> tuple[str, str | None]:
    assert isinstance(outcome, TurnedAway), outcome
    return outcome.code, outcome.check


# ── asking ─────────────────────────────────────────────────────────────────────────────────────


async def test_a_request_names_us_the_provider_and_where_the_answer_goes(world: SamlWorld) -> None:
    """Checks SML-2, SML-3."""
    url = (await world.start()).url
    request = sent(url)
    identifier = request.get("ID") or ""

    assert url.startswith(f"{SSO}?SAMLRequest=")
    assert request.tag == p("AuthnRequest")
    assert (len(identifier), identifier[:2], int(identifier[2:], 16) >= 0) == (34, "id", True)
    assert {name: request.get(name) for name in ("Version", "IssueInstant", "Destination")} == {
        "Version": "2.0",
        "IssueInstant": "2026-05-04T12:00:00Z",
        "Destination": SSO,
    }
    assert request.get("AssertionConsumerServiceURL") == f"{HERE}/acs"
    assert request.get("ProtocolBinding") == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    assert [each.tag for each in request] == [a("Issuer")]
    assert request[0].text == f"{HERE}/metadata"
    assert request.get("ForceAuthn") is request.get("IsPassive") is None
    assert len(parameters(url)["RelayState"]) == 43
    assert "Signature" not in parameters(url)


async def test_every_request_is_another(world: SamlWorld) -> None:
    """Check C32."""
    first, second = await world.start(), await world.start()

    assert sent(first.url).get("ID") != sent(second.url).get("ID")
    assert parameters(first.url)["RelayState"] != parameters(second.url)["RelayState"]


async def test_a_request_is_signed_over_the_query_where_that_is_configured(world: SamlWorld) -> None:
    """Check SML-2."""
    world.changed(sign_requests=True, sso_url=f"{SSO}?tenant=1")
    url = (await world.start(return_to="/a b")).url
    key = await world.party.saml.key(world.organisation, world.configuration)
    ours = x509.load_pem_x509_certificate(key.certificate.encode()).public_key()

    assert is_signed_by_us(url.replace("tenant=1&", ""), ours)
    assert key.certificate == (await world.party.saml.key(world.organisation, world.configuration)).certificate


async def test_a_step_up_forces_and_names_what_it_wants_exactly(world: SamlWorld) -> None:
    """Check SML-2."""
    request = sent((await world.start(max_age_seconds=300, strengths=("urn:strong",))).url)
    wanted = request.find(p("RequestedAuthnContext"))

    assert request.get("ForceAuthn") == "true"
    assert wanted is not None
    assert wanted.get("Comparison") == "exact"
    assert [each.text for each in wanted] == ["urn:strong"]
    assert sent((await world.start(prompt="login")).url).get("ForceAuthn") == "true"


async def test_a_hint_travels_beside_the_request_and_never_as_its_subject(world: SamlWorld) -> None:
    """Check SML-2."""
    url = (await world.start(login_hint="ada@acme.example")).url

    assert parameters(url)["login_hint"] == "ada@acme.example"
    assert sent(url).find(a("Subject")) is None


# ── the good road ──────────────────────────────────────────────────────────────────────────────


async def test_a_person_signs_in_and_is_found_again_by_the_link(world: SamlWorld) -> None:
    """Checks LNK-1, LNK-2: by the external id that equals the NameID."""
    ada = await world.company.user(externalId="ada")
    first = await world.signed_in(attributes={GROUPS: [G1.upper(), G2]})
    second = await world.signed_in()

    assert (first.user, first.linked, second.user, second.linked) == (ada, True, ada, False)
    assert first.asking.return_to == "/"
    session = await world.company.read(first.handle)
    assert session is not None
    assert (session.groups, session.provider_session, session.method) == (frozenset({G1, G2}), "_s1", "sso")


async def test_the_providers_limit_is_the_sessions(world: SamlWorld) -> None:
    """Checks ASR-9, C8."""
    await world.company.user(externalId="ada")
    signed_in = await world.signed_in(session_until="2026-05-04T12:05:00Z")
    world.clock.ahead = timedelta(minutes=5, seconds=1)

    assert await world.company.read(signed_in.handle) is None


async def test_entras_object_id_within_its_tenant_is_the_person(world: SamlWorld) -> None:
    """Checks LNK-2, TEN-6: whatever the NameID, and compared without case."""
    ada = await world.company.user(externalId=PERSON.upper())

    assert (await world.signed_in(name_id="other", attributes={OID: [PERSON], TID: [TENANT]})).user == ada


async def test_the_same_object_id_in_another_tenant_is_another_person(world: SamlWorld) -> None:
    """Checks TEN-6, C28."""
    world.door.creates = True
    first = await world.signed_in(name_id="a@one.example", name_format=EMAIL, attributes={OID: [PERSON], TID: [TENANT]})
    there = {OID: [PERSON], TID: [TENANT.replace("b", "c")]}
    second = await world.signed_in(name_id="a@two.example", name_format=EMAIL, attributes=there)

    assert first.user != second.user


async def test_another_tenant_than_the_configured_one_is_refused(world: SamlWorld) -> None:
    """Check TEN-1."""
    world.configuration = replace(world.configuration, tenants=(TENANT,))
    other = {OID: [PERSON], TID: [TENANT.replace("b", "c")]}

    assert await world.turned_away(attributes=other) == ("tenant_not_allowed", "TEN-1")
    assert await world.turned_away() == ("tenant_not_allowed", "TEN-1")


async def test_an_address_as_name_matches_a_user_name_only_where_its_domain_is_ours(world: SamlWorld) -> None:
    """Check LNK-3."""
    ada = await world.company.user("ada@acme.example")
    world.configuration = replace(world.configuration, match_by=MatchBy.USER_NAME)
    named = {"name_id": "ada@acme.example", "name_format": EMAIL}

    assert await world.turned_away(**named) == ("user_unknown", None)
    world.door.domains = ("acme.example",)
    assert (await world.signed_in(**named)).user == ada


async def test_a_stable_attribute_stands_for_a_transient_name(world: SamlWorld) -> None:
    """Check ASR-11."""
    ada = await world.company.user(externalId="4711")
    world.changed(name_attribute="employee")

    signed_in = await world.signed_in(name_id="t", name_format=TRANSIENT, attributes={"employee": ["4711"]})
    assert signed_in.user == ada


async def test_a_new_user_is_called_what_the_attributes_say(world: SamlWorld) -> None:
    world.door.creates = True
    attributes = {
        "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name": ["ada@acme.example"],
        "urn:oid:2.5.4.42": ["Ada"],
        "sn": ["Lovelace"],
    }
    await world.signed_in(attributes=attributes)
    claims = world.door.arrivals[-1].claims

    assert claims["preferred_username"] == "ada@acme.example"
    assert (claims["given_name"], claims["family_name"]) == ("Ada", "Lovelace")


async def test_a_trial_checks_everything_and_signs_nobody_in(world: SamlWorld) -> None:
    ada = await world.company.user(externalId="ada")
    outcome = await world.sign_in({"testing": True}, attributes={GROUPS: [G1]})

    assert isinstance(outcome, Tried)
    assert (outcome.user, outcome.snapshot) == (ada, Snapshot((G1,), Source.TOKEN))
    assert await world.nothing_was_made()


# ── each check ─────────────────────────────────────────────────────────────────────────────────

OTHER = "https://other.example"
BAD: list[Any] = [
    pytest.param({"destination": f"{OTHER}/acs"}, "ASR-2", id="ASR-2 another address"),
    pytest.param({"request_id": "id0"}, "ASR-3", id="ASR-3 another request in the response"),
    pytest.param({"confirmed_to": "id0"}, "ASR-3", id="ASR-3 another request in the confirmation"),
    pytest.param({"request_id": None}, "ASR-3", id="ASR-3 no request in the response"),
    pytest.param({"confirmed_to": None}, "ASR-3", id="ASR-3 no request in the confirmation"),
    pytest.param({"issuer": OTHER}, "ASR-4", id="ASR-4 another issuer of the assertion"),
    pytest.param({"response_issuer": OTHER}, "ASR-4", id="ASR-4 another issuer of the response"),
    pytest.param({"recipient": f"{OTHER}/acs"}, "ASR-5", id="ASR-5 another recipient"),
    pytest.param({"method": "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches"}, "ASR-5", id="ASR-5 no bearer"),
    pytest.param({"confirmation_ends": "2026-05-04T11:58:59Z"}, "ASR-5", id="ASR-5 over"),
    pytest.param({"confirmation_begins": "2026-05-04T11:00:00Z"}, "ASR-5", id="ASR-5 NotBefore"),
    pytest.param({"not_before": "2026-05-04T12:01:01Z"}, "ASR-6", id="ASR-6 not yet"),
    pytest.param({"not_on_or_after": "2026-05-04T11:59:00Z"}, "ASR-6", id="ASR-6 over"),
    pytest.param({"audiences": ((OTHER,),)}, "ASR-7", id="ASR-7 another audience"),
    pytest.param({"audiences": ()}, "ASR-7", id="ASR-7 no audience"),
    pytest.param({"condition": "<Condition/>"}, "ASR-8", id="ASR-8 an unknown condition"),
    pytest.param({"statement": False}, "ASR-9", id="ASR-9 no statement"),
    pytest.param({"session_until": "2026-05-04T11:58:00Z"}, "ASR-9", id="ASR-9 session over"),
    pytest.param({"instant": "2026-05-04T12:01:01Z"}, "ASR-9", id="ASR-9 signed in tomorrow"),
    pytest.param({"name_id": ""}, "ASR-11", id="ASR-11 no name"),
    pytest.param({"name_format": TRANSIENT}, "ASR-11", id="ASR-11 transient"),
    pytest.param({"attributes": {GROUPS: ["g"] * 1001}}, "GRP-1", id="GRP-1 too many groups"),
    pytest.param({"attributes": {GROUPS: ["g" * 256]}}, "GRP-1", id="GRP-1 a group too long"),
    pytest.param({"signing": {"assertion": False}}, "SGN-1", id="SGN-1 not signed (C29)"),
    pytest.param({"signing": {"assertion": False, "response": True}}, "SGN-1", id="SGN-1 response only"),
    pytest.param({"signing": {"method": SignatureMethod.RSA_SHA224}}, "SGN-3", id="SGN-3 another method"),
    pytest.param({"signing": {"digest": DigestAlgorithm.SHA224}}, "SGN-3", id="SGN-3 another digest"),
]


@pytest.mark.parametrize(("changes", "check"), BAD)
async def test_an_answer_that_fails_a_check_makes_nothing(
    world: SamlWorld, changes: dict[str, Any], check: str
) -> None:
    await world.company.user(externalId="ada")
    world.door.creates = True

    assert await world.turned_away(**changes) == ("sso_token_invalid", check)
    assert world.door.arrivals == []


async def test_another_key_is_refused_also_when_the_message_shows_it(world: SamlWorld) -> None:
    """Checks SGN-4, C39: the certificate in KeyInfo only selects."""
    world.by = signer("somebody else")

    assert await world.turned_away() == ("sso_token_invalid", "SGN-4")


@pytest.mark.parametrize("wrapping", WRAPPINGS)
async def test_no_wrapping_signs_somebody_else_in(world: SamlWorld, wrapping: Any) -> None:
    """Check C39."""
    await world.company.user(externalId="ada")
    world.door.creates = True
    code, check = await world.turned_away(signing={"after": wrapping})

    assert (code, check) in {("sso_token_invalid", each) for each in ("XML-2", "XML-3", "SGN-1", "SGN-2", "SGN-4")}


async def test_expired_certificates_are_taken_only_with_the_tick(world: SamlWorld) -> None:
    """Check SGN-4."""
    await world.company.user(externalId="ada")
    world.by = signer("lapsed", expired=True)
    world.changed(certificates=(world.by.certificate,))

    assert await world.turned_away() == ("sso_token_invalid", "SGN-4")
    world.changed(expired_certificates=True)
    assert isinstance(await world.sign_in(), SignedIn)


async def test_a_certificate_that_was_taken_away_signs_nothing_any_more(world: SamlWorld) -> None:
    """Check SGN-4: what counts is the configuration at the time of the answer."""
    started = await world.start()
    world.changed(certificates=(signer("new").certificate,))

    assert code_and_check(await world.finish(started)) == ("sso_token_invalid", "SGN-4")


async def test_two_certificates_are_good_at_once(world: SamlWorld) -> None:
    """Check SGN-5."""
    await world.company.user(externalId="ada")
    world.changed(certificates=(signer("old").certificate, signer("new").certificate))
    for each in ("old", "new"):
        world.by = signer(each)
        assert isinstance(await world.sign_in(), SignedIn)


@pytest.mark.parametrize(
    ("posted", "code", "check"),
    [
        pytest.param("", "sso_bad_response", "CB-1", id="CB-1 nothing"),
        pytest.param("?", "sso_token_invalid", "XML-1", id="XML-1 no base64"),
        pytest.param(b"<x", "sso_token_invalid", "XML-1", id="XML-1 not well-formed"),
        pytest.param(b"<!DOCTYPE x><x/>", "sso_token_invalid", "XML-1", id="XML-1 DTD"),
        pytest.param(b"<x><!-- --></x>", "sso_token_invalid", "XML-1", id="XML-1 comment"),
        pytest.param(b"<x/>", "sso_token_invalid", "XML-2", id="XML-2 another root"),
        pytest.param(b"<x>" + b" " * 256 * 1024 + b"</x>", "sso_token_invalid", "XML-1", id="XML-1 too large"),
    ],
)
async def test_what_is_no_answer_is_refused(world: SamlWorld, posted: str | bytes, code: str, check: str) -> None:
    text = posted if isinstance(posted, str) else base64.b64encode(posted).decode()
    started = await world.start()
    for relay_state in (parameters(started.url)["RelayState"], "unknown"):
        assert code_and_check(await world.receive(text, relay_state)) == (code, check)
    assert await world.nothing_was_made()


async def test_an_assertion_is_good_once(world: SamlWorld) -> None:
    """Checks ASR-10, C30: also in the answer to another request, as long as it is good."""
    await world.company.user(externalId="ada")
    world.changed(unsolicited=True)
    posted = world.answer(None)
    assert isinstance(await world.receive(posted, ""), str)

    assert code_and_check(await world.receive(posted, "")) == ("sso_token_invalid", "ASR-10")
    world.clock.ahead = timedelta(minutes=5, seconds=59)
    assert code_and_check(await world.receive(posted, "")) == ("sso_token_invalid", "ASR-10")
    world.clock.ahead = timedelta(minutes=6)
    assert code_and_check(await world.receive(posted, "")) == ("sso_token_invalid", "ASR-5")


async def test_a_request_is_answered_once(world: SamlWorld) -> None:
    """Checks CB-3, C30: the first answer uses it up, a bad one too."""
    await world.company.user(externalId="ada")
    started = await world.start()
    assert code_and_check(await world.finish(started, issuer=OTHER)) == ("sso_token_invalid", "ASR-4")

    assert code_and_check(await world.finish(started)) == ("sso_expired", "CB-2")
    assert await world.nothing_was_made()


async def test_an_answer_comes_within_ten_minutes(world: SamlWorld) -> None:
    """Check CB-2."""
    started = await world.start()
    world.clock.ahead = timedelta(minutes=10, seconds=1)

    assert code_and_check(await world.finish(started)) == ("sso_expired", "CB-2")


async def test_a_configuration_that_is_off_signs_nobody_in(world: SamlWorld) -> None:
    """Check CB-2: not at any step."""
    await world.company.user(externalId="ada")
    started = await world.start()
    posted = world.answer(sent(started.url).get("ID"))
    relay_state = parameters(started.url)["RelayState"]
    on, off = world.configuration, replace(world.configuration, on=False)
    world.configuration = off
    assert code_and_check(await world.receive(posted, relay_state)) == ("sso_expired", "CB-2")
    world.configuration = on
    where = await world.receive(posted, relay_state)
    assert isinstance(where, str)
    world.configuration = off

    assert code_and_check(await world.complete(where)) == ("sso_expired", "CB-2")


async def test_an_answer_to_another_configuration_is_none_here(world: SamlWorld) -> None:
    """Check C33."""
    await world.company.user(externalId="ada")
    started = await world.start()
    world.configuration = replace(world.configuration, id=UUID(int=62))

    assert code_and_check(await world.finish(started)) == ("sso_expired", "CB-2")


# ── the browser that began ─────────────────────────────────────────────────────────────────────


async def received(world: SamlWorld) -> str:
    started = await world.start()
    where = await world.receive(world.answer(sent(started.url).get("ID")), parameters(started.url)["RelayState"])
    assert isinstance(where, str), where
    return where


@pytest.mark.parametrize("handle", [None, "", "x" * 43])
async def test_an_answer_in_another_browser_signs_nobody_in(world: SamlWorld, handle: str | None) -> None:
    """Checks C32, CB-2: and the browser that began still gets in."""
    await world.company.user(externalId="ada")
    where = await received(world)

    assert code_and_check(await world.complete(where, handle=handle)) == ("sso_expired", "CB-2")
    assert isinstance(await world.complete(where), SignedIn)


async def test_two_browsers_do_not_get_each_others_answers(world: SamlWorld) -> None:
    """Check C32."""
    await world.company.user(externalId="ada")
    where, mine = await received(world), world.browser
    world.browser = None
    other, theirs = await received(world), world.browser

    assert mine != theirs
    assert code_and_check(await world.complete(other, handle=mine)) == ("sso_expired", "CB-2")
    assert code_and_check(await world.complete(where, handle=theirs)) == ("sso_expired", "CB-2")
    assert isinstance(await world.complete(where, handle=mine), SignedIn)


async def test_what_waits_is_good_once_and_for_a_minute(world: SamlWorld) -> None:
    await world.company.user(externalId="ada")
    where = await received(world)
    assert isinstance(await world.complete(where), SignedIn)
    assert code_and_check(await world.complete(where)) == ("sso_expired", "CB-2")

    late = await received(world)
    world.clock.ahead = timedelta(seconds=60)
    assert code_and_check(await world.complete(late)) == ("sso_expired", "CB-2")


async def test_of_fifty_at_once_one_gets_the_session(world: SamlWorld) -> None:
    """Check C54."""
    await world.company.user(externalId="ada")
    where = await received(world)
    outcomes = await asyncio.gather(*(world.complete(where) for _ in range(50)))

    assert sum(isinstance(each, SignedIn) for each in outcomes) == 1


async def test_of_two_posts_at_once_one_is_taken(world: SamlWorld) -> None:
    """Checks ASR-10, C54."""
    await world.company.user(externalId="ada")
    world.changed(unsolicited=True)
    posted = world.answer(None)
    outcomes = await asyncio.gather(*(world.receive(posted, "") for _ in range(10)))

    assert sum(isinstance(each, str) for each in outcomes) == 1


# ── answers nobody asked for ───────────────────────────────────────────────────────────────────


async def test_an_answer_nobody_asked_for_is_refused(world: SamlWorld) -> None:
    """Checks ASR-13, C9."""
    assert code_and_check(await world.receive(world.answer(None), "")) == ("sso_token_invalid", "ASR-13")


async def test_one_is_taken_where_that_is_switched_on_and_the_person_says_yes(world: SamlWorld) -> None:
    """Check ASR-13: RelayState leads nowhere (C15), and a door of everybody's is asked."""
    ada = await world.company.user(externalId="ada")
    world.changed(unsolicited=True)
    where = await world.receive(world.answer(None), "https://evil.example")
    assert isinstance(where, str)

    assert await world.party.saml.unasked(world.organisation, world.configuration, parameters(where)["h"]) == "ada"
    assert code_and_check(await world.complete(where)) == ("sso_expired", "CB-2")
    outcome = await world.complete(where, agreed=True, handle=None)
    assert isinstance(outcome, SignedIn)
    assert (outcome.user, outcome.asking.door, outcome.asking.return_to) == (ada, "home", "/")
    assert code_and_check(await world.complete(where, agreed=True)) == ("sso_expired", "CB-2")


@pytest.mark.parametrize(
    ("changes", "code", "check"),
    [
        pytest.param({"request_id": "id1", "confirmed_to": "id1"}, "sso_expired", "CB-2", id="of another request"),
        pytest.param({"confirmed_to": "id1"}, "sso_token_invalid", "ASR-13", id="ASR-13 confirms a request"),
        pytest.param({"audiences": ((OTHER,),)}, "sso_token_invalid", "ASR-7", id="ASR-7"),
    ],
)
async def test_one_that_is_bad_is_refused_all_the_same(
    world: SamlWorld, changes: dict[str, Any], code: str, check: str
) -> None:
    world.changed(unsolicited=True)

    assert code_and_check(await world.receive(world.answer(None, **changes), "")) == (code, check)


async def test_saying_yes_does_not_stand_for_the_browser_that_began(world: SamlWorld) -> None:
    """Check C9: an answer to a request is for the browser that made it, whoever agrees."""
    await world.company.user(externalId="ada")
    where = await received(world)

    assert await world.party.saml.unasked(world.organisation, world.configuration, parameters(where)["h"]) is None
    assert code_and_check(await world.complete(where, agreed=True)) == ("sso_expired", "CB-2")


# ── strength, recency, guests, groups ──────────────────────────────────────────────────────────


async def test_a_required_strength_has_to_be_shown(world: SamlWorld) -> None:
    """Checks ASR-9, C31."""
    await world.company.user(externalId="ada")
    world.configuration = replace(world.configuration, strength=Strength(values=("urn:strong",)))

    assert await world.turned_away() == ("sso_step_up_unmet", "ASR-9")
    assert isinstance(await world.sign_in(context="urn:strong"), SignedIn)


@pytest.mark.parametrize(
    "shown",
    [
        {"context": "https://refeds.org/profile/mfa"},
        {
            "attributes": {
                "http://schemas.microsoft.com/claims/authnmethodsreferences": [
                    "http://schemas.microsoft.com/claims/multipleauthn"
                ]
            }
        },
    ],
)
async def test_several_factors_are_shown_in_either_way(world: SamlWorld, shown: dict[str, Any]) -> None:
    """Check ASR-9."""
    await world.company.user(externalId="ada")

    assert await world.turned_away(asking={"mfa": True}) == ("sso_step_up_unmet", "ASR-9")
    assert isinstance(await world.sign_in({"mfa": True}, **shown), SignedIn)


async def test_a_recent_sign_in_has_to_be_recent(world: SamlWorld) -> None:
    """Checks ASR-9, C31."""
    await world.company.user(externalId="ada")
    asked = {"max_age_seconds": 60}

    assert await world.turned_away(asking=asked, instant="2026-05-04T11:57:59Z") == ("sso_step_up_unmet", "ASR-9")
    assert isinstance(await world.sign_in(asked, instant="2026-05-04T11:59:00Z"), SignedIn)


async def test_guests_come_in_only_where_the_door_lets_them(world: SamlWorld) -> None:
    """Check OID-14."""
    await world.company.user(externalId="ada")
    home = {"http://schemas.microsoft.com/identity/claims/identityprovider": ["https://sts.windows.net/home/"]}
    world.door.guests = False
    assert await world.turned_away(attributes=home) == ("guest_not_allowed", "OID-14")
    world.door.guests = True
    await world.signed_in(attributes=home)

    assert world.door.arrivals[-1].guest


@pytest.mark.parametrize(
    ("attributes", "source", "groups", "provisioned"),
    [
        pytest.param({GROUPS: [G1]}, GroupSource.TOKEN_THEN_SCIM, (G1,), Source.TOKEN, id="GRP-1 a list"),
        pytest.param({LINK: ["https://graph.windows.net/x"]}, GroupSource.TOKEN_THEN_SCIM, (G2,), Source.SCIM,
                     id="GRP-5 too many, then SCIM"),
        pytest.param({LINK: ["x"]}, GroupSource.TOKEN_ONLY, None, Source.UNRESOLVED, id="GRP-5 too many (GRP-9)"),
        pytest.param({LINK: ["x"], GROUPS: [G1]}, GroupSource.TOKEN_ONLY, None, Source.UNRESOLVED, id="GRP-8 both"),
        pytest.param({}, GroupSource.TOKEN_ONLY, None, Source.UNRESOLVED, id="GRP-6 nothing"),
        pytest.param({}, GroupSource.TOKEN_THEN_SCIM, (G2,), Source.SCIM, id="GRP-6 nothing, then SCIM"),
        pytest.param({GROUPS: [G1]}, GroupSource.SCIM_ONLY, (G2,), Source.SCIM, id="SCIM only"),
        pytest.param({GROUPS: []}, GroupSource.TOKEN_THEN_SCIM, (), Source.TOKEN, id="GRP-2 an empty list"),
    ],
)  # fmt: skip
async def test_which_groups_count(
    world: SamlWorld,
    attributes: dict[str, list[str]],
    source: GroupSource,
    groups: tuple[str, ...] | None,
    provisioned: Source,
) -> None:
    ada = await world.company.user(externalId="ada")
    await world.company.group(G2, ada)
    world.configuration = replace(world.configuration, group_source=source, client=Client("x"))
    await world.signed_in(attributes=attributes)

    assert world.door.arrivals[-1].snapshot == Snapshot(groups, provisioned)


async def test_groups_come_out_of_another_attribute_where_that_is_configured(world: SamlWorld) -> None:
    """Check ASR-12: whose values are put together when it comes twice."""
    await world.company.user(externalId="ada")
    role = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
    world.configuration = replace(world.configuration, group_claim=role)
    await world.signed_in(attributes={role: ["editors"], GROUPS: [G1]})

    assert world.door.arrivals[-1].snapshot == Snapshot(("editors",), Source.TOKEN)


# ── what the provider says instead ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        ("AuthnFailed", "", "sso_cancelled"),
        ("RequestDenied", "", "sso_not_assigned"),
        ("NoAuthnContext", "", "sso_step_up_unmet"),
        ("InvalidNameIDPolicy", "", "sso_setup_error"),
        ("AuthnFailed", "AADSTS50105: not assigned", "sso_not_assigned"),
        ("Responder", "AADSTS65001: consent", "sso_consent_needed"),
        ("Other", "", "sso_bad_response"),
        (None, "", "sso_unavailable"),
    ],
)
async def test_a_refusal_of_the_provider_is_told_in_our_words(
    world: SamlWorld, status: str | None, message: str, code: str
) -> None:
    """Check ASR-1."""
    changes = {
        "status": f"{STATUS}Responder",
        "second_status": status and f"{STATUS}{status}",
        "status_message": message or None,
        "signing": {"assertion": False},
    }
    assert await world.turned_away(**changes) == (code, "ASR-1")


async def test_a_silent_question_that_must_be_seen_goes_on_visibly(world: SamlWorld) -> None:
    """The browser's cookie is needed for that, so the refusal waits for it too."""
    started = await world.start(silent=True)
    assert sent(started.url).get("IsPassive") == "true"
    outcome = await world.finish(
        started, status=f"{STATUS}Responder", second_status=f"{STATUS}NoPassive", signing={"assertion": False}
    )

    assert isinstance(outcome, TurnedAway)
    assert outcome.goes_on


# ── secrets ────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_of_a_sign_in_lies_open_in_the_database(world: SamlWorld) -> None:
    """Checks C2, C51."""
    await world.company.user(externalId="ada")
    world.changed(sign_requests=True)
    started = await world.start()
    where = await world.receive(
        world.answer(sent(started.url).get("ID"), name_id="secret-name"), parameters(started.url)["RelayState"]
    )
    assert isinstance(where, str)

    async def everything(tx: Tx) -> str:
        rows = [
            await tx.all("select * from workspaces.sso_transactions"),
            await tx.all("select * from workspaces.saml_handoffs"),
            await tx.all("select sealed from workspaces.saml_keys"),
        ]
        return repr(
            [{k: bytes(v) if isinstance(v, memoryview) else v for k, v in each.items()} for r in rows for each in r]
        )

    kept = await world.company.db.read(everything)
    secrets = [
        sent(started.url).get("ID"),
        parameters(started.url)["RelayState"],
        parameters(where)["h"],
        world.browser,
    ]
    assert not [each for each in [*secrets, "secret-name", "PRIVATE KEY"] if str(each) in kept]


def test_signers_are_others() -> None:
    """The tests with wrong keys rest on it."""
    assert isinstance(signer(), Signer)
    assert signer().certificate != signer("somebody else").certificate
