"""Sign-in at our identity provider with a relying party nobody here wrote: Authlib, over requests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from authlib.common.security import generate_token
from authlib.integrations.base_client.errors import OAuthError
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import KeySet

from rollcall import directory
from rollcall.db import Database
from tests.interop.identity_site import Site, identity_site

CALLBACK = "http://127.0.0.1:9/callback"
SCOPE = "openid profile email offline_access"


@pytest.fixture(autouse=True)
def plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Authlib wants https everywhere unless it is told so."""
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest_asyncio.fixture
async def site(database: Database) -> AsyncIterator[Site]:
    async with identity_site(database, redirect_uris=(CALLBACK,), group_membership_claims="SecurityGroup") as site:
        yield site


async def metadata_of(site: Site) -> dict[str, Any]:
    address = f"{site.issuer}/.well-known/openid-configuration"
    return await fetched(site, address)


async def fetched(site: Site, address: str) -> dict[str, Any]:
    async with site.browser.session.get(address) as response:
        found: dict[str, Any] = await response.json()
        return found


def party(site: Site, method: str = "client_secret_basic") -> OAuth2Session:
    return OAuth2Session(
        str(site.world.registration.app_id),
        site.world.secret,
        scope=SCOPE,
        redirect_uri=CALLBACK,
        code_challenge_method="S256",
        token_endpoint_auth_method=method,
    )


async def entered(site: Site, client: OAuth2Session) -> tuple[dict[str, Any], CodeIDToken]:
    """A whole sign-in: the tokens, and the claims as Authlib checks them."""
    metadata, verifier, nonce = await metadata_of(site), generate_token(48), generate_token(20)
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce
    )
    back = await site.sign_in(url)
    assert parse_qs(urlsplit(back).query)["state"] == [state]
    tokens = await in_thread(
        lambda: client.fetch_token(
            metadata["token_endpoint"], authorization_response=back, code_verifier=verifier, state=state
        )
    )
    keys = await fetched(site, metadata["jwks_uri"])
    decoded = jwt.decode(tokens["id_token"], KeySet.import_key_set({"keys": keys["keys"]}), algorithms=["RS256"])
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": client.client_id},
        },
        {"nonce": nonce, "client_id": client.client_id, "access_token": tokens["access_token"]},
    )
    claims.validate()
    return tokens, claims


async def in_thread(step: Callable[[], Any]) -> dict[str, Any]:
    return cast(dict[str, Any], dict(await asyncio.to_thread(step)))


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_person_signs_in_by_code_and_pkce(site: Site, method: str) -> None:
    """(checks OPR-1, OPR-6)"""
    _, claims = await entered(site, party(site, method))
    assert claims["oid"] == str(site.world.person)
    assert claims["groups"] == []


async def test_refresh_tokens_replace_each_other_and_one_that_comes_twice_ends_them_all(site: Site) -> None:
    client = party(site)
    first, _ = await entered(site, client)
    address = (await metadata_of(site))["token_endpoint"]

    def refreshed(token: str) -> Callable[[], Any]:
        return lambda: client.refresh_token(address, refresh_token=token)

    second = await in_thread(refreshed(first["refresh_token"]))
    assert second["refresh_token"] != first["refresh_token"]
    for token in (first["refresh_token"], second["refresh_token"]):
        with pytest.raises(OAuthError, match="invalid_grant"):
            await in_thread(refreshed(token))


async def test_an_application_signs_in_as_itself(site: Site) -> None:
    scope = f"{site.world.registration.app_id}/.default"
    address = (await metadata_of(site))["token_endpoint"]
    found = await in_thread(lambda: party(site).fetch_token(address, grant_type="client_credentials", scope=scope))
    assert found["token_type"] == "Bearer"


async def test_userinfo_tells_of_the_one_who_signed_in_until_they_are_blocked(site: Site) -> None:
    client = party(site)
    _, claims = await entered(site, client)
    address = (await metadata_of(site))["userinfo_endpoint"]
    told = await asyncio.to_thread(lambda: client.get(address))
    assert told.json()["sub"] == claims["sub"]
    await site.world.db.write(directory.update_user, site.world.person, {"accountEnabled": False})
    assert (await asyncio.to_thread(lambda: client.get(address))).status_code == 401
