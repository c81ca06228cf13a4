"""ID tokens made by hand: each bad one fails at its own check (checks OID, KEY-3, KEY-5, C29, C35, C36)."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from typing import Any

import pytest

from rollcall.workspaces.sso.configuration import Strength
from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.id_token import IdToken, check_id_token
from tests.unit.workspaces.sso import forging
from tests.unit.workspaces.sso.forging import (
    CLIENT,
    EC,
    ED,
    ENTRA,
    GENERIC,
    NONCE,
    OTHER_RSA,
    PERSON,
    RSA,
    SECONDS,
    entra,
    expected,
    generic,
    public,
    signed,
    signed_with_public_key,
    unsigned,
)

KEYS = public(RSA, EC, ED)


def checked(token: str, keys: Any = KEYS, **changes: Any) -> IdToken:
    return check_id_token(token, keys, expected(**changes))


def failure(token: str, keys: Any = KEYS, **changes: Any) -> tuple[str, str | None]:
    with pytest.raises(SsoFailed) as failed:
        checked(token, keys, **changes)
    return failed.value.code, failed.value.check


def invalid(check: str) -> tuple[str, str]:
    return "sso_token_invalid", check


@pytest.mark.parametrize(("key", "alg"), [(RSA, "RS256"), (RSA, "PS256"), (EC, "ES256"), (ED, "EdDSA")])
def test_a_good_token_of_each_algorithm_is_believed(key: Any, alg: str) -> None:
    token = checked(signed(generic(sid="s1", preferred_username="ada@acme.example"), key, alg))

    assert (token.issuer, token.subject, token.sid, token.user_name) == (
        forging.ISSUER,
        "ada",
        "s1",
        "ada@acme.example",
    )


def test_the_key_of_a_person_of_entra_is_the_object_id() -> None:
    token = checked(signed(entra(oid=PERSON.upper())), public(RSA), pins=ENTRA)

    assert (token.subject, token.tenant) == (PERSON, forging.TENANT)


GOOD = signed(generic())
HEADER, BODY, SIGNATURE = GOOD.split(".")
TWICE = json.dumps(generic())[:-1] + ', "sub": "eve"}'


@pytest.mark.parametrize(
    "token",
    [
        pytest.param("", id="OID-1 empty"),
        pytest.param(f"{HEADER}.{BODY}", id="OID-1 two parts"),
        pytest.param(f"{GOOD}.x", id="OID-1 four parts"),
        pytest.param(f"{HEADER}.{BODY}=.{SIGNATURE}", id="OID-1 padding"),
        pytest.param(f"{HEADER}.{BODY} .{SIGNATURE}", id="OID-1 blank"),
        pytest.param(f"{HEADER}.{BODY}.+/{SIGNATURE}", id="OID-1 other alphabet"),
        pytest.param(f"{HEADER}.e31.{SIGNATURE}", id="OID-1 stray bits"),
        pytest.param(signed("[]"), id="OID-1 no object"),
        pytest.param(signed("{"), id="OID-1 no JSON"),
        pytest.param(signed('{"exp": NaN}'), id="OID-1 no number of JSON"),
        pytest.param(signed("[" * 9000), id="OID-1 too deep"),
        pytest.param(signed(TWICE), id="OID-1 a name twice"),
        pytest.param(signed(json.dumps(generic())[:-1] + ', "x": {"y": 1, "y": 2}}'), id="OID-1 a name twice inside"),
        pytest.param(signed(generic(filler="x" * 32 * 1024)), id="OID-1 too large"),
    ],
)
def test_what_is_no_token_is_refused(token: str) -> None:
    assert failure(token) == invalid("OID-1")


@pytest.mark.parametrize(
    ("token", "check"),
    [
        pytest.param(unsigned(generic()) + "AA", "OID-2", id="OID-2 none"),
        pytest.param(unsigned(generic(), "None") + "AA", "OID-2", id="OID-2 None"),
        pytest.param(signed_with_public_key(generic()), "OID-2", id="OID-2 HMAC with the public key"),
        pytest.param(signed(generic(), RSA, "RS384"), "OID-2", id="OID-2 an algorithm not listed"),
        pytest.param(signed(generic(), header={"typ": "logout+jwt"}), "OID-2", id="OID-2 logout token"),
        pytest.param(signed(generic(), header={"typ": "at+jwt"}), "OID-2", id="OID-2 access token"),
        pytest.param(signed(generic(), header={"typ": "application/at+jwt"}), "OID-2", id="OID-2 access token in full"),
        pytest.param(signed(generic(), header={"typ": "secevent+jwt"}), "OID-2", id="OID-2 event token"),
        pytest.param(signed(generic(), header={"typ": 1}), "OID-2", id="OID-2 type is no text"),
        pytest.param(signed(generic(), header={"crit": ["exp"]}), "KEY-5", id="KEY-5 critical extension"),
        pytest.param(signed(generic(), header={"crit": []}), "KEY-5", id="KEY-5 empty critical extension"),
        pytest.param(f"{HEADER}.{BODY}.{'A' * 342}", "OID-3", id="OID-3 no signature of theirs"),
        pytest.param(signed(generic(), OTHER_RSA), "OID-3", id="OID-3 unknown key"),
        pytest.param(signed(generic(), OTHER_RSA, header={"kid": "rsa"}), "OID-3", id="OID-3 another key by this name"),
        pytest.param(signed(generic(), header={"kid": 5}), "OID-3", id="OID-3 name is no text"),
        pytest.param(signed(generic(), header={"kid": "ec"}), "OID-3", id="OID-3 key of another algorithm"),
    ],
)
def test_what_is_not_signed_as_agreed_is_refused(token: str, check: str) -> None:
    assert failure(token) == invalid(check)


@pytest.mark.parametrize("member", ["jwk", "jku", "x5u", "x5c"])
def test_keys_that_a_token_brings_along_are_never_used(member: str) -> None:
    """Check KEY-5."""
    own = {"jwk": OTHER_RSA.as_dict(private=False), "x5c": ["MIIB"]}.get(member, "https://evil.example/keys")

    assert failure(signed(generic(), OTHER_RSA, header={member: own, "kid": None})) == invalid("OID-3")
    assert checked(signed(generic(), header={member: own})).subject == "ada"


def test_none_is_refused_even_where_the_expected_algorithms_are_wrong() -> None:
    """Check DIS-6: no key fits `none`, whatever a provider lists."""
    assert failure(unsigned(generic()) + "AA", algorithms=("none", "RS256"))[1] == "OID-3"


def test_a_token_without_key_name_is_taken_only_where_one_key_fits() -> None:
    """Check KEY-3."""
    token = signed(generic(), header={"kid": None})

    assert checked(token, public(RSA, EC)).subject == "ada"
    assert failure(token, public(RSA, OTHER_RSA)) == invalid("OID-3")


LATER = SECONDS + 61
CLAIMS = {
    "OID-4 another issuer": generic(iss="https://evil.example"),
    "OID-4 trailing slash": generic(iss=f"{forging.ISSUER}/"),
    "OID-4 case": generic(iss="https://ID.example"),
    "OID-4 none": generic(iss=None),
    "OID-4 list": generic(iss=[forging.ISSUER]),
    "OID-5 another audience": generic(aud="other"),
    "OID-5 another audience with us as azp": generic(aud="other", azp=CLIENT),
    "OID-5 list with another": generic(aud=[CLIENT, "other"]),
    "OID-5 list with another and azp": generic(aud=[CLIENT, "other"], azp=CLIENT),
    "OID-5 empty list": generic(aud=[]),
    "OID-5 none": generic(aud=None),
    "OID-5 object": generic(aud={"x": CLIENT}),
    "OID-6 another party": generic(azp="other"),
    "OID-7 over": generic(exp=SECONDS - 60),
    "OID-7 no end": generic(exp=None),
    "OID-7 end is text": generic(exp=str(SECONDS + 300)),
    "OID-7 end is true": generic(exp=True),
    "OID-7 end is null": {**generic(), "exp": None},
    "OID-7 end without bounds": generic(exp=10**30),
    "OID-7 not yet": generic(nbf=LATER),
    "OID-7 not yet is true": generic(nbf=True),
    "OID-7 not yet is text": generic(nbf="0"),
    "OID-7 from the future": generic(iat=LATER),
    "OID-7 too old": generic(iat=SECONDS - 601),
    "OID-7 no time": generic(iat=None),
    "OID-8 another nonce": generic(nonce="x" * 43),
    "OID-8 no nonce": generic(nonce=None),
    "OID-8 nonce is a list": generic(nonce=[NONCE]),
    "OID-9 no subject": generic(sub=None),
    "OID-9 empty": generic(sub=""),
    "OID-9 too long": generic(sub="x" * 256),
    "OID-9 a number": generic(sub=5),
    "OID-15 over": generic(session_expiry=SECONDS),
    "OID-15 text": generic(session_expiry="tomorrow"),
    "OID-11 time of sign-in is text": generic(auth_time="now"),
}


@pytest.mark.parametrize("name", CLAIMS)
def test_each_claim_is_checked(name: str) -> None:
    assert failure(signed(CLAIMS[name])) == invalid(name.split(maxsplit=1)[0])


ENTRA_CLAIMS = {
    "OID-5 list": entra(aud=[CLIENT]),
    "OID-5 another with us as azp": entra(aud="other", azp=CLIENT),
    "OID-13 version 1": entra(ver="1.0"),
    "OID-13 no version": entra(ver=None),
    "OID-13 no person": entra(oid=None),
    "OID-13 a person by name": entra(oid="ada"),
    "TEN-1 no tenant": entra(tid=None),
    "TEN-1 issuer of version 1": entra(iss=f"https://sts.windows.net/{forging.TENANT}/"),
}


@pytest.mark.parametrize("name", ENTRA_CLAIMS)
def test_each_claim_of_entra_is_checked(name: str) -> None:
    assert failure(signed(ENTRA_CLAIMS[name]), public(RSA), pins=ENTRA) == invalid(name.split(maxsplit=1)[0])


@pytest.mark.parametrize("alg", ["PS256", "ES256"])
def test_entra_signs_with_one_algorithm_only(alg: str) -> None:
    """Check DIS-6."""
    key: Any = RSA if alg == "PS256" else EC

    assert failure(signed(entra(), key, alg), pins=ENTRA) == invalid("OID-2")


@pytest.mark.parametrize(
    "claims", [generic(aud=[CLIENT]), generic(azp=CLIENT), generic(exp=SECONDS - 59), generic(nbf=SECONDS + 60)]
)
def test_a_list_of_one_and_clocks_a_minute_apart_are_fine(claims: dict[str, Any]) -> None:
    """Checks OID-5, OID-6, OID-7."""
    assert checked(signed(claims)).subject == "ada"


def test_clocks_may_differ_as_far_as_the_configuration_says() -> None:
    """Check OID-7."""
    assert checked(signed(generic(exp=SECONDS - 299)), skew_seconds=300).subject
    assert failure(signed(generic(exp=SECONDS - 299))) == invalid("OID-7")


@pytest.mark.parametrize(("alg", "key", "size"), [("RS256", RSA, 256), ("EdDSA", ED, 512)])
def test_the_hash_of_an_access_token_that_is_used_must_be_right(alg: str, key: Any, size: int) -> None:
    """Check OID-10."""
    digest = hashlib.new(f"sha{size}", b"access").digest()
    right = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()

    assert checked(signed(generic(at_hash=right), key, alg), access_token="access").subject
    assert failure(signed(generic(at_hash=right), key, alg), access_token="another") == invalid("OID-10")
    assert checked(signed(generic(at_hash="wrong"), key, alg), access_token=None).subject


@pytest.mark.parametrize(
    ("authenticated", "fine"), [(SECONDS - 300, True), (SECONDS - 360, True), (SECONDS - 361, False), (None, False)]
)
def test_a_recent_sign_in_must_be_shown_where_it_is_asked_for(authenticated: int | None, fine: bool) -> None:
    """Check OID-11."""
    token = signed(generic(auth_time=authenticated))

    if fine:
        assert checked(token, max_age_seconds=300).subject
    else:
        assert failure(token, max_age_seconds=300) == ("sso_step_up_unmet", "OID-11")
    assert checked(token).subject


MFA, CONTEXT = Strength(mfa=True), Strength(values=("c1", "gold"))


@pytest.mark.parametrize(
    ("strength", "claims", "fine"),
    [
        pytest.param(MFA, {"amr": ["pwd", "mfa"]}, True, id="amr shows several factors"),
        pytest.param(MFA, {"acr": "https://refeds.org/profile/mfa"}, True, id="acr shows several factors"),
        pytest.param(MFA, {"amr": ["pwd"]}, False, id="one factor"),
        pytest.param(MFA, {}, False, id="absent is not shown"),
        pytest.param(MFA, {"amr": {"mfa": True}}, False, id="amr is an object"),
        pytest.param(CONTEXT, {"acrs": ["c1"]}, True, id="context"),
        pytest.param(CONTEXT, {"acr": "gold"}, True, id="class"),
        pytest.param(CONTEXT, {"acrs": ["c2"]}, False, id="another context"),
        pytest.param(CONTEXT, {"amr": ["mfa"]}, False, id="factors are no context"),
    ],
)
def test_a_required_strength_must_be_shown(strength: Strength, claims: dict[str, Any], fine: bool) -> None:
    """Check OID-12."""
    token = signed(generic(**claims))

    if fine:
        assert checked(token, strength=strength).subject
    else:
        assert failure(token, strength=strength) == ("sso_step_up_unmet", "OID-12")


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"acct": 1}, id="acct"),
        pytest.param({"idp": "https://sts.windows.net/x/"}, id="idp"),
        pytest.param({"upn": "eve_home.example#EXT#@acme.example"}, id="upn"),
        pytest.param({"preferred_username": "eve#ext#@acme.example"}, id="user name"),
    ],
)
def test_guests_are_known_and_refused_where_they_are_not_wanted(claims: dict[str, Any]) -> None:
    """Check OID-14."""
    token = signed(entra(**claims))

    assert checked(token, public(RSA), pins=ENTRA).guest
    assert failure(token, public(RSA), pins=ENTRA, guests=False) == ("guest_not_allowed", "OID-14")


@pytest.mark.parametrize("claims", [{}, {"acct": 0}, {"idp": f"{forging.HOST}/{forging.TENANT}/v2.0"}])
def test_members_are_no_guests(claims: dict[str, Any]) -> None:
    """Check OID-14."""
    assert not checked(signed(entra(**claims)), public(RSA), pins=ENTRA, guests=False).guest


def test_the_end_that_a_provider_sets_is_kept() -> None:
    """Check OID-15."""
    token = checked(signed(generic(session_expiry=SECONDS + 300)))

    assert token.session_expiry == forging.NOW + timedelta(seconds=300)


def test_a_token_is_remembered_by_its_name_else_by_its_hash() -> None:
    """Check OID-16."""
    by_name = checked(signed(generic(jti="a"))).replay_id

    assert by_name == checked(signed(generic(jti="a", sub="ada", exp=SECONDS + 200))).replay_id
    assert by_name != checked(signed(generic(jti="b"))).replay_id
    assert checked(GOOD).replay_id == f"hash {hashlib.sha256(GOOD.encode()).hexdigest()}"
    assert checked(signed(entra()), public(RSA), pins=ENTRA).replay_id.startswith("uti ")


def test_the_first_failing_check_is_the_one_that_is_named() -> None:
    everything = generic(iss="x", aud="x", exp=1, nonce="x", sub="")

    assert failure(unsigned(everything) + "AA") == invalid("OID-2")
    assert failure(signed(everything)) == invalid("OID-4")
    assert failure(signed({**everything, "iss": forging.ISSUER})) == invalid("OID-5")
    assert GENERIC.issuer == forging.ISSUER


def test_a_failure_says_nothing_of_the_token_to_the_person() -> None:
    with pytest.raises(SsoFailed) as failed:
        checked(signed(generic(iss="https://evil.example")))

    assert "evil" not in failed.value.message
    assert failed.value.status == 400


def test_an_event_token_with_every_claim_of_an_id_token_is_none() -> None:
    """Checks C36, BCL-11."""
    assert failure(signed(forging.logout(nonce=NONCE), header={"typ": "logout+jwt"})) == invalid("OID-2")
    assert failure(signed(forging.logout())) == invalid("OID-8")
