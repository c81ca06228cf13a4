"""A provider's metadata is believed only where it fits the configuration (checks DIS-4 to DIS-6, C34)."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.workspaces.sso.configuration import PRODUCT_ALGORITHMS, Pinned
from rollcall.workspaces.sso.discovery import DiscoveryFailed, Metadata, read_metadata
from tests.unit.workspaces.sso.forging import ENTRA, GENERIC, HOST, ISSUER, MANY, TENANT


def document(**changes: Any) -> dict[str, Any]:
    whole = {
        "issuer": ISSUER,
        "authorization_endpoint": "https://id.example/authorize",
        "token_endpoint": "https://token.example/token",
        "jwks_uri": "https://keys.example/keys",
        "id_token_signing_alg_values_supported": ["none", "HS256", *PRODUCT_ALGORITHMS],
        **changes,
    }
    return {name: value for name, value in whole.items() if value is not None}


def changed(name: str, value: Any) -> dict[str, Any]:
    return {name: value}


def refused(url: str) -> str | None:
    return None if url.startswith("https://") else "the address must begin with https://"


def read(pins: Pinned = GENERIC, **changes: Any) -> Metadata:
    return read_metadata(document(**changes), pins, refused)


def reason(pins: Pinned = GENERIC, **changes: Any) -> str:
    with pytest.raises(DiscoveryFailed) as failed:
        read(pins, **changes)
    return failed.value.reason


def test_endpoints_are_those_of_the_document_whatever_their_hosts() -> None:
    """Check DIS-5."""
    metadata = read(end_session_endpoint="https://bye.example/", authorization_response_iss_parameter_supported=True)

    assert metadata.token_endpoint == "https://token.example/token"
    assert metadata.jwks_uri == "https://keys.example/keys"
    assert metadata.end_session_endpoint == "https://bye.example/"
    assert metadata.issuer_in_response


@pytest.mark.parametrize(
    "issuer",
    [f"{ISSUER}/", "https://ID.example", "http://id.example", "https://evil.example", None, 5, "https://{tenantid}"],
)
def test_the_issuer_equals_the_configured_one_character_by_character(issuer: object) -> None:
    """Check DIS-4."""
    assert reason(issuer=issuer) == "issuer_differs"


@pytest.mark.parametrize("name", ["{tenantid}", "{tenantId}", "{TENANTID}"])
def test_only_the_template_of_entra_stands_for_many_tenants(name: str) -> None:
    """Checks DIS-4, TEN-2."""
    assert read(MANY, issuer=f"{HOST}/{name}/v2.0").issuer == MANY.issuer
    assert reason(ENTRA, issuer=f"{HOST}/{name}/v2.0") == "issuer_differs"
    assert reason(MANY, issuer=f"{HOST}/{TENANT}/v2.0") == "issuer_differs"
    assert reason(MANY, issuer=f"https://evil.example/{name}/v2.0") == "issuer_differs"


@pytest.mark.parametrize("name", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_each_endpoint_must_be_there_and_secure(name: str) -> None:
    """Check DIS-5."""
    assert reason(**changed(name, None)) == "endpoint_missing"
    assert reason(**changed(name, "http://id.example/x")) == "endpoint_refused"
    assert reason(**changed(name, ["https://id.example/x"])) == "endpoint_refused"


def test_an_end_session_endpoint_that_is_not_secure_is_refused() -> None:
    """Check DIS-5."""
    assert reason(end_session_endpoint="javascript:alert(1)") == "endpoint_refused"


def test_algorithms_are_ours_that_the_provider_offers_and_never_none_or_hmac() -> None:
    """Check DIS-6."""
    assert read().algorithms == PRODUCT_ALGORITHMS
    assert read(id_token_signing_alg_values_supported=["ES256", "none"]).algorithms == ("ES256",)
    assert read(id_token_signing_alg_values_supported=None).algorithms == ("RS256",)
    assert read(ENTRA, issuer=ENTRA.issuer).algorithms == ("RS256",)
    assert reason(id_token_signing_alg_values_supported=["none", "HS256"]) == "no_algorithm"
    assert reason(ENTRA, issuer=ENTRA.issuer, id_token_signing_alg_values_supported=["ES256"]) == "no_algorithm"
