"""A tenant with a person, an application registered in it, and the provider's endpoints, called in this process."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import KeySet
from starlette.types import ASGIApp

from rollcall import directory
from rollcall.crypto import Sealer
from rollcall.db import Database, TenantDatabase
from rollcall.directory.signin import registrations
from rollcall.directory.signin.keys import KeyRing
from rollcall.directory.signin.model import AuthorizationRequest, ProtocolFault, Registration, SignedIn
from rollcall.directory.signin.provider import Provider
from rollcall.directory.signin.proving import Proving
from rollcall.directory.signin.registrations import NewRegistration
from rollcall.directory.signin.signing_in import SigningIn
from rollcall.directory.signin.tokens import challenge_of
from rollcall.main.sign_in_routes import sign_in_routes
from rollcall.passwords import SlowHash
from rollcall.runtime import SystemRuntime
from rollcall.web import Cookies, Forms, Pages, Problems, Static, half, theme_route
from tests.directory.making import make_user
from tests.scim_http.asgi import AsgiClient, Reply

BASE = "https://id.example.com"
CALLBACK = "https://rooms.example.com/callback"
VERIFIER = "v" * 43


class ShiftedRuntime(SystemRuntime):
    """The machine, at another time of day; each look at the clock may take a while."""

    shift = timedelta()
    each_look = timedelta()

    def now(self) -> datetime:
        self.shift += self.each_look
        return super().now() + self.shift


@dataclass
class SignInWorld:
    """What the tests of the protocol begin with."""

    database: Database
    tenant_id: UUID
    tenant: str
    db: TenantDatabase
    runtime: ShiftedRuntime
    provider: Provider
    registration: Registration
    application: UUID
    secret: str
    person: UUID
    client: AsgiClient
    proving: Proving
    app: ASGIApp

    @property
    def request(self) -> AuthorizationRequest:
        """What the application asks, in the least words."""
        return AuthorizationRequest(
            self.registration.app_id, CALLBACK, ("openid", "profile"), challenge_of(VERIFIER), "the state", "the nonce"
        )

    def signed_in(self) -> SignedIn:
        """The person, signed in a minute ago."""
        at = self.runtime.now() - timedelta(minutes=1)
        return SignedIn(self.tenant_id, self.person, self.runtime.new_id(), at, ("pwd", "otp", "mfa"))

    async def code(self, request: AuthorizationRequest | None = None, signed_in: SignedIn | None = None) -> str:
        """A code for what the application asked."""
        answer = await self.provider.answer(request or self.request, signed_in or self.signed_in())
        assert not isinstance(answer, ProtocolFault), answer
        return answer["code"]

    async def token(self, tenant: str | None = None, **form: str) -> Reply:
        """What the token endpoint answers to a form; the client proves who it is unless the form says otherwise."""
        return await self._post(tenant or str(self.tenant_id), {}, form)

    async def redeem(self, code: str, /, **form: str) -> Reply:
        """What comes back for a code."""
        return await self.redeem_with({}, code, **form)

    async def redeem_with(self, headers: dict[str, str], code: str, /, **form: str) -> Reply:
        """The same with headers of its own."""
        grant = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        return await self._post(str(self.tenant_id), headers, grant | form)

    async def _post(self, tenant: str, headers: dict[str, str], form: dict[str, str]) -> Reply:
        proof = {"client_id": str(self.registration.app_id), "client_secret": self.secret}
        sent = {name: value for name, value in (proof | form).items() if value != ""}
        kind = {"content-type": "application/x-www-form-urlencoded"}
        return await self.client("POST", f"/{tenant}/oauth2/v2.0/token", urlencode(sent).encode(), kind | headers)

    async def userinfo_status(self, token: str) -> int:
        """What the userinfo endpoint says to the bearer of a token."""
        return (await self.client("GET", "/oidc/userinfo", headers={"authorization": f"Bearer {token}"})).status

    async def claims(self, id_token: str) -> dict[str, Any]:
        """The claims of a token, its signature checked against the published keys."""
        published = (await self.client("GET", f"/{self.tenant_id}/discovery/v2.0/keys")).json
        keys = KeySet.import_key_set({"keys": published["keys"]})
        return dict(jwt.decode(id_token, keys, algorithms=["RS256"]).claims)


def basic(name: str, secret: str) -> dict[str, str]:
    """The header by which a client proves who it is."""
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{secret}".encode()).decode()}


def header_of(token: str) -> dict[str, Any]:
    """The header of a token, nothing checked."""
    head = token.partition(".")[0]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    return found


async def sign_in_world(database: Database, base_url: str = BASE, **registered: Any) -> SignInWorld:
    """A new tenant with all of this, reached at `base_url`; `registered` says how the application is registered."""
    runtime = ShiftedRuntime()
    network = f"2001:db8:{runtime.new_id().hex[-4:]}:{runtime.new_id().hex[-4:]}::1"  # turns are counted for each
    tenant = f"tenant-{runtime.new_id().hex}"
    tenant_id = await database.system(directory.create_tenant, runtime, tenant)
    db = database.tenant(tenant_id)
    application = await db.write(directory.create_service_principal, "Rooms")
    app_id = (await db.read(directory.read_service_principal, application)).app_id
    new = NewRegistration("Rooms", **({"redirect_uris": (CALLBACK,)} | registered))
    registration = await db.write(registrations.register_application, runtime, new, app_id)
    secret = (await db.write(registrations.add_client_secret, runtime, app_id)).text
    person = await make_user(db, "ada", givenName="Ada", surname="Lovelace", mail="ada@mail.example")
    await db.write(directory.assign, application, person)
    sealer = Sealer(bytes(32))
    provider = Provider(database, runtime, sealer, base_url, KeyRing(database, sealer, runtime))
    cookies = Cookies("identity", base_url)
    forms = Forms(sealer, cookies)
    static = Static()
    pages = Pages("rollcall.directory", "Identity", static, cookies, forms)
    proving = Proving(database, runtime, sealer, SlowHash(1024, 1, 1))
    site = SigningIn(provider, proving, pages, cookies, forms)
    routes = [*sign_in_routes(site), theme_route(cookies, forms), static.route()]
    app = half(routes, Problems(pages, runtime), base_url)
    return SignInWorld(
        database, tenant_id, tenant, db, runtime, provider, registration, application, secret, person,
        AsgiClient(app, token=None, network=network), proving, app,
    )  # fmt: skip
