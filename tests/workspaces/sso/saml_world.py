"""One organisation, one SAML provider made by hand, and us between them."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from rollcall.db import Database, Tx
from rollcall.runtime import SystemRuntime
from rollcall.workspaces.sso.arrivals import Browser, SignedIn, Started, Tried, TurnedAway
from rollcall.workspaces.sso.configuration import ENTRA_GROUPS_ATTRIBUTE, Kind, SamlProvider, SsoConfiguration
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.saml_redirect import RSA_SHA256, read_redirect
from rollcall.workspaces.sso.saml_xml import Element, parse
from rollcall.workspaces.sso.transactions import Asking
from tests.unit.workspaces.sso.saml_making import ISSUER, NOW, Answer, Signer, answered, signer
from tests.workspaces.sso.people import Company
from tests.workspaces.sso.world import DoorOfTests

BASE = "https://rooms.example.com"
SSO, SLO = "https://login.provider.example/saml", "https://login.provider.example/logout"
IDENTIFIER = UUID(int=61)
HERE = f"{BASE}/sso/{IDENTIFIER}"


class Clock(SystemRuntime):
    """Stands still, unless it is moved."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> Any:
        return NOW + self.ahead


def provider(**changes: Any) -> SamlProvider:
    return replace(SamlProvider(ISSUER, SSO, (signer().certificate,), slo_url=SLO), **changes)


def configuration(**changes: Any) -> SsoConfiguration:
    own = SsoConfiguration(IDENTIFIER, Kind.SAML, "Provider", group_claim=ENTRA_GROUPS_ATTRIBUTE, saml=provider())
    return replace(own, **changes)


def sent(url: str) -> Element:
    """The message in the query of an address."""
    return parse(read_redirect(urlsplit(url).query.encode()).xml)


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


@dataclass
class SamlWorld:
    """The browser is in `browser`; what the provider says is in `answer`, and who signs it in `by`."""

    company: Company
    database: Database
    clock: Clock
    party: RelyingParty
    configuration: SsoConfiguration = field(default_factory=configuration)
    door: DoorOfTests = field(default_factory=DoorOfTests)
    here: str = HERE
    browser: str | None = None
    made: int = 0
    by: Signer = field(default_factory=signer)

    @property
    def organisation(self) -> UUID:
        return self.company.endpoint.organisation

    def changed(self, **changes: Any) -> None:
        """Another setting of the provider."""
        assert self.configuration.saml is not None
        self.configuration = replace(self.configuration, saml=replace(self.configuration.saml, **changes))

    async def start(self, **asking: Any) -> Started:
        started = await self.party.start(
            self.organisation, self.configuration, Asking(**{"door": "dashboard", **asking}), self.browser
        )
        self.browser = started.browser
        return started

    def answer(self, answers: str | None, signing: dict[str, Any] | None = None, **changes: Any) -> str:
        """What the provider posts; each assertion has another ID."""
        self.made += 1
        base: dict[str, Any] = {
            "request_id": answers,
            "confirmed_to": answers,
            "destination": f"{self.here}/acs",
            "recipient": f"{self.here}/acs",
            "audiences": ((f"{self.here}/metadata",),),
            "name_id": "ada",
            "attributes": {},
        }
        number = self.made

        def name(root: Element) -> None:
            assertion = root.find("{urn:oasis:names:tc:SAML:2.0:assertion}Assertion")
            assert assertion is not None
            assertion.set("ID", f"_a{number}")

        raw = answered(Answer(**{**base, **changes}), by=self.by, before=name, **(signing or {}))
        return base64.b64encode(raw).decode()

    async def receive(self, posted: str, relay_state: str) -> str | TurnedAway:
        return await self.party.saml.receive(
            self.organisation, self.configuration, posted, relay_state, lambda _: self.door
        )

    async def complete(self, where: str, *, agreed: bool = False, **browser: Any) -> SignedIn | TurnedAway | Tried:
        given = Browser(**{"handle": self.browser, **browser})
        handle = parameters(where)["h"]
        return await self.party.saml.complete(
            self.organisation, self.configuration, handle, given, lambda _: self.door, agreed=agreed
        )

    async def finish(
        self, started: Started, signing: dict[str, Any] | None = None, **changes: Any
    ) -> SignedIn | TurnedAway | Tried:
        request_id = sent(started.url).get("ID")
        outcome = await self.receive(self.answer(request_id, signing, **changes), parameters(started.url)["RelayState"])
        return outcome if isinstance(outcome, TurnedAway) else await self.complete(outcome)

    async def sign_in(self, asking: dict[str, Any] | None = None, **changes: Any) -> SignedIn | TurnedAway | Tried:
        return await self.finish(await self.start(**(asking or {})), **changes)

    async def signed_in(self, **changes: Any) -> SignedIn:
        outcome = await self.sign_in(**changes)
        assert isinstance(outcome, SignedIn), outcome
        return outcome

    async def turned_away(self, **changes: Any) -> tuple[str, str | None]:
        outcome = await self.sign_in(**changes)
        assert isinstance(outcome, TurnedAway), outcome
        assert await self.nothing_was_made()
        return outcome.code, outcome.check

    async def nothing_was_made(self) -> bool:
        async def count(tx: Tx) -> int:
            found: int = await tx.value(
                """select (select count(*) from workspaces.sessions) + (select count(*) from workspaces.identity_links)
                       + (select count(*) from workspaces.saml_handoffs)"""
            )
            return found

        return await self.company.db.read(count) == 0


def is_signed_by_us(url: str, certificate_key: Any) -> bool:
    """Whether the query's signature is of this key, over the query as it is sent (SAML bindings §3.4.4.1)."""
    covered, _, signature = urlsplit(url).query.partition("&Signature=")
    assert parameters(url)["SigAlg"] == RSA_SHA256
    raw = base64.b64decode(parse_qs(f"Signature={signature}")["Signature"][0])
    certificate_key.verify(raw, covered.encode(), padding.PKCS1v15(), hashes.SHA256())
    return True
