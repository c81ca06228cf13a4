"""Which keys of a provider's set are usable, and which may have signed a token (checks KEY-3, KEY-4)."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from rollcall.workspaces.sso.provider_keys import candidates, read_keys
from tests.unit.workspaces.sso.forging import EC, ED, OTHER_RSA, RSA, public

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    SHORT = RSAKey.generate_key(1024, {"kid": "short"}, auto_kid=False)


def one(key: RSAKey = RSA, **members: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), **members}


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(one(use="enc"), id="for encryption"),
        pytest.param(one(key_ops=["encrypt"]), id="operations"),
        pytest.param(one(key_ops="verify"), id="operations are no list"),
        pytest.param(one(alg="RS512"), id="another algorithm"),
        pytest.param(one(alg="HS256"), id="HMAC"),
        pytest.param(one(SHORT), id="RSA under 2048 bits"),
        pytest.param(one(n="!"), id="broken"),
        pytest.param(one(e=5), id="exponent is no text"),
        pytest.param(one(kid=5), id="name is no text"),
        pytest.param(OctKey.generate_key(256).as_dict(), id="shared secret"),
        pytest.param(ECKey.generate_key("P-384").as_dict(private=False), id="another curve"),
        pytest.param({"kty": ["RSA"]}, id="no kind"),
        pytest.param("RSA", id="no object"),
    ],
)
def test_keys_that_can_not_be_used_are_skipped(member: Any) -> None:
    """Check KEY-3."""
    assert [key.kid for key in read_keys({"keys": [member, one(OTHER_RSA)]})] == ["other"]


def test_a_set_without_keys_holds_none() -> None:
    assert read_keys({}) == ()
    assert read_keys({"keys": {}}) == ()


def test_order_means_nothing() -> None:
    """Check KEY-3."""
    for keys in (public(RSA, OTHER_RSA, EC, ED), public(ED, EC, OTHER_RSA, RSA)):
        assert [key.kid for key in candidates(keys, "rsa", "RS256")] == ["rsa"]


def test_a_key_is_a_candidate_for_its_own_algorithms_only() -> None:
    """Check KEY-3."""
    keys = public(RSA, EC, ED)

    assert candidates(keys, "ec", "RS256") == ()
    assert [key.kid for key in candidates(keys, None, "EdDSA")] == ["ed"]
    assert candidates(public(RSA, alg="RS256"), "rsa", "PS256") == ()
    assert candidates(public(RSA, OTHER_RSA), None, "RS256") == ()


def test_the_issuer_of_a_key_is_kept() -> None:
    """Check KEY-4."""
    assert public(RSA, issuer="https://x/{tenantid}/v2.0")[0].issuer == "https://x/{tenantid}/v2.0"
    assert public(RSA)[0].issuer is None
