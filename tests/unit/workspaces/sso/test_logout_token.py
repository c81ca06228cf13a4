"""Logout tokens made by hand: each bad one fails at its own check (checks BCL, C37)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.logout_token import EVENT, ExpectedLogout, LogoutToken, check_logout_token
from tests.unit.workspaces.sso import forging
from tests.unit.workspaces.sso.forging import ENTRA, GENERIC, NOW, OTHER_RSA, RSA, SECONDS, logout, public, signed

TYPED = {"typ": "logout+jwt"}


def token(header: dict[str, Any] | None = None, **claims: Any) -> str:
    return signed(logout(**claims), header=TYPED if header is None else header)


def checked(text: str, **changes: Any) -> LogoutToken:
    expected = ExpectedLogout(**{"pins": GENERIC, "algorithms": ("RS256",), "now": NOW, **changes})
    return check_logout_token(text, public(RSA), expected)


def failure(text: str, **changes: Any) -> str | None:
    with pytest.raises(SsoFailed) as failed:
        checked(text, **changes)
    return failed.value.check


def test_a_logout_token_names_whose_sessions_end_and_is_remembered_a_day() -> None:
    found = checked(token())

    assert (found.issuer, found.subject, found.sid) == (forging.ISSUER, "ada", "s1")
    assert found.until == NOW + timedelta(hours=24)


BAD = {
    "BCL-1 too large": token(filler="x" * 16 * 1024),
    "OID-1 no token": "x",
    "BCL-2 no type": token({}),
    "BCL-2 type of ID tokens": token({"typ": "JWT"}),
    "BCL-2 type of access tokens": token({"typ": "at+jwt"}),
    "BCL-2 another key": signed(logout(), OTHER_RSA, header=TYPED),
    "BCL-2 no signature": forging.unsigned(logout()) + "AA",
    "BCL-2 HMAC with the public key": forging.signed_with_public_key(logout()),
    "BCL-3 another issuer": token(iss="https://evil.example"),
    "BCL-3 another audience": token(aud="other"),
    "BCL-3 list": token(aud=[forging.CLIENT, "other"]),
    "BCL-3 too old": token(iat=SECONDS - 301),
    "BCL-3 from the future": token(iat=SECONDS + 61),
    "BCL-3 no time": token(iat=None),
    "BCL-3 over": token(exp=SECONDS - 60),
    "BCL-3 no end": token(exp=None),
    "BCL-3 end is text": token(exp="tomorrow"),
    "BCL-4 no events": token(events=None),
    "BCL-4 another event": token(events={"http://x": {}}),
    "BCL-4 events is a list": token(events=[EVENT]),
    "BCL-4 event is text": token(events={EVENT: "yes"}),
    "BCL-5 nobody": token(sub=None, sid=None),
    "BCL-5 sid is a number": token(sid=5),
    "BCL-5 sub is empty": token(sub=""),
    "BCL-6 nonce": token(nonce="x"),
    "BCL-7 no name": token(jti=None),
    "BCL-7 name is a number": token(jti=5),
}


@pytest.mark.parametrize("name", BAD)
def test_each_check_of_a_logout_token(name: str) -> None:
    assert failure(BAD[name]) == name.split(maxsplit=1)[0]


def test_a_token_without_type_is_taken_where_the_configuration_says_so() -> None:
    """Check BCL-2."""
    assert checked(token({}), untyped=True).sid == "s1"
    assert checked(token({"typ": "JWT"}), untyped=True).sid == "s1"
    assert failure(token({"typ": "at+jwt"}), untyped=True) == "BCL-2"


def test_a_subject_or_a_session_is_enough() -> None:
    """Checks BCL-5, BCL-8."""
    assert checked(token(sid=None)).subject == "ada"
    assert checked(token(sub=None)).sid == "s1"


def test_a_good_id_token_is_no_logout_token() -> None:
    """Check BCL-11."""
    assert failure(signed(forging.generic()), untyped=True) == "BCL-4"
    assert failure(signed(forging.generic())) == "BCL-2"


def test_a_logout_token_of_another_tenant_is_refused() -> None:
    """Check BCL-3."""
    claims: dict[str, Any] = {"iss": f"{forging.HOST}/{forging.OTHER_TENANT}/v2.0", "tid": forging.OTHER_TENANT}

    assert failure(token(**claims), pins=ENTRA) == "BCL-3"
