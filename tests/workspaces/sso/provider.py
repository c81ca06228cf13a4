"""An identity provider made by hand, on real ports of this machine: it says whatever a test wants it to say."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit
from uuid import UUID

from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc.jwk import RSAKey

from rollcall.runtime import SystemRuntime
from rollcall.workspaces.sso.configuration import Client, Installation, Kind, SsoConfiguration
from rollcall.workspaces.sso.provider_keys import Key
from tests.unit.workspaces.sso.forging import OTHER_TENANT, PERSON, RSA, TENANT, signed

CLIENT = Client("rollcall", "s3cret & more")


class Provider:
    """What it says can be changed by its members, between one request and the next."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self.keys: list[Key] = [RSA]
        self.key_members: dict[str, Any] = {}
        self.claims: dict[str, Any] = {}
        self.sign_with: RSAKey = RSA
        self.header: dict[str, Any] = {}
        self.token_answer: web.Response | None = None
        self.token_changes: dict[str, Any] = {}
        self.groups_answers: list[web.Response] = []
        self.down = False
        self.requests: list[tuple[str, str]] = []
        self.forms: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        app = web.Application()
        app.router.add_get("/{tail:.*}openid-configuration", self._metadata)
        app.router.add_get("/keys", self._keys)
        app.router.add_post("/token", self._token)
        app.router.add_post("/v1.0/users/{person}/getMemberGroups", self._groups)
        self.server = TestServer(app)

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    def count(self, path: str) -> int:
        return sum(path in each for _, each in self.requests)

    def authorize(self, url: str, **changes: str | None) -> list[tuple[str, str]]:
        """What the provider would send the browser back with, after the person signed in."""
        asked = dict(parse_qsl(urlsplit(url).query))
        code = f"code-{len(self._codes)}"
        self._codes[code] = asked
        answer = {"code": code, "state": asked["state"], "iss": None, **changes}
        return [(name, value) for name, value in answer.items() if value is not None]

    def _seen(self, request: web.Request) -> None:
        self.requests.append((request.method, request.path_qs))
        if self.down:
            raise web.HTTPServiceUnavailable

    async def _metadata(self, request: web.Request) -> web.Response:
        self._seen(request)
        issuer = self.url + request.path.removesuffix("/.well-known/openid-configuration")
        document = {
            "issuer": issuer.replace("/organizations/", "/{tenantid}/"),
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/end",
            "id_token_signing_alg_values_supported": ["none", "RS256"],
            **self.document,
        }
        return web.json_response(document)

    async def _keys(self, request: web.Request) -> web.Response:
        self._seen(request)
        await asyncio.sleep(0.01)  # so that others have time to wait for the same fetch
        keys = [{**key.as_dict(private=False), **self.key_members} for key in self.keys]
        return web.json_response({"keys": keys})

    async def _token(self, request: web.Request) -> web.Response:
        self._seen(request)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        self.headers.append(dict(request.headers))
        if form["grant_type"] == "client_credentials":
            return web.json_response({"access_token": "own", "token_type": "Bearer"})
        if self.token_answer is not None:
            return self.token_answer
        asked = self._codes.pop(form["code"], None)
        if asked is None:
            return web.json_response({"error": "invalid_grant"}, status=400)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        assert asked["code_challenge"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        assert asked["redirect_uri"] == form["redirect_uri"]
        answer = {"id_token": self.token(asked["nonce"]), "token_type": "Bearer", "access_token": "at"}
        return web.json_response({**answer, **self.token_changes})

    def token(self, nonce: str | None = None, /, **changes: Any) -> str:
        now = int(SystemRuntime().now().timestamp())
        claims = {"aud": CLIENT.id, "sub": "ada", "iat": now, "exp": now + 300, "nonce": nonce, "iss": self.url}
        whole = {**claims, **self.claims, **changes}
        return signed(
            {name: value for name, value in whole.items() if value is not None}, self.sign_with, header=self.header
        )

    async def _groups(self, request: web.Request) -> web.Response:
        self._seen(request)
        self.headers.append(dict(request.headers))
        self.forms.append(await request.json())
        return self.groups_answers.pop(0)

    # ── configurations that fit ────────────────────────────────────────────────────────────────

    def installation(self, **changes: Any) -> Installation:
        return Installation(
            **{
                "base_url": "http://127.0.0.1:8461",
                "entra_authority": self.url,
                "graph": self.url,
                "registration": CLIENT,
                "loopback_http": True,
                **changes,
            }
        )

    def generic(self, **changes: Any) -> SsoConfiguration:
        return SsoConfiguration(
            **{
                "id": UUID(int=41),
                "kind": Kind.OPENID_CONNECT,
                "name": "x",
                "issuer": self.url,
                "client": CLIENT,
                **changes,
            }
        )

    def entra(self, *tenants: str, **changes: Any) -> SsoConfiguration:
        """A multi-tenant configuration; the claims become those of Entra."""
        self.key_members = {"issuer": f"{self.url}/{{tenantid}}/v2.0"}
        self.claims = {
            "iss": f"{self.url}/{TENANT}/v2.0",
            "tid": TENANT,
            "oid": PERSON,
            "ver": "2.0",
            "sub": "pairwise",
            **self.claims,
        }
        chosen = tenants or (TENANT, OTHER_TENANT)
        return SsoConfiguration(
            **{"id": UUID(int=42), "kind": Kind.ENTRA_MULTI_TENANT, "name": "x", "tenants": chosen, **changes}
        )


@asynccontextmanager
async def running_provider() -> AsyncIterator[Provider]:
    provider = Provider()
    await provider.server.start_server()
    yield provider
    await provider.server.close()


def query(url: str) -> dict[str, str]:
    """The parameters of an address, each once."""
    found = parse_qs(urlsplit(url).query, strict_parsing=True)
    assert all(len(values) == 1 for values in found.values())
    return {name: values[0] for name, values in found.items()}


def json_answer(body: Any, status: int = 200, **headers: str) -> web.Response:
    return web.Response(text=json.dumps(body), status=status, content_type="application/json", headers=headers)
