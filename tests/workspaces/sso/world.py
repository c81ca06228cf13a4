"""One organisation, one provider made by hand, and us between them, for the tests of the relying party."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from rollcall.crypto import Sealer
from rollcall.db import Database, Tx
from rollcall.runtime import SystemRuntime
from rollcall.scim.error import ScimError
from rollcall.scim.schema import USER
from rollcall.workspaces.accounts_users import create_user
from rollcall.workspaces.sso.arrivals import (
    Admitted,
    Arrival,
    Browser,
    Denied,
    Raced,
    SignedIn,
    Started,
    Tried,
    TurnedAway,
)
from rollcall.workspaces.sso.configuration import SsoConfiguration
from rollcall.workspaces.sso.oidc import RelyingParty
from rollcall.workspaces.sso.sessions import WORKSPACE_LIMITS
from rollcall.workspaces.sso.transactions import Asking
from tests.workspaces.sso.people import Company
from tests.workspaces.sso.provider import Provider


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


def code_and_check(outcome: SignedIn | TurnedAway | Tried) -> tuple[str, str | None]:
    assert isinstance(outcome, TurnedAway), outcome
    return outcome.code, outcome.check
