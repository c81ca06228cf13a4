"""Metadata by address: fetched anew when it is a day old, believed when a certificate stays, and never waited for (check SGN-5)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
import pytest_asyncio
from lxml import etree

from rollcall.db import Database
from rollcall.outbound import FetchFailed, Reach
from rollcall.workspaces.sso.configuration import SamlProvider, SsoConfiguration
from rollcall.workspaces.sso.saml_providers import SamlProviders
from tests.unit.workspaces.sso.saml_making import ISSUER, sign, signer
from tests.unit.workspaces.sso.test_saml_metadata import entity, key
from tests.workspaces.sso.people import Company, new_company
from tests.workspaces.sso.saml_world import SSO, Clock, configuration, provider

URL = "https://login.provider.example/metadata"
OLD, NEW, OTHER = signer("old").certificate, signer("new").certificate, signer("another").certificate
ELSEWHERE = "https://elsewhere.example/saml"


@dataclass
class Fetched:
    """What the address answers, and how often it was asked."""

    company: Company
    clock: Clock
    answer: bytes | FetchFailed = b""
    asked: int = 0
    configuration: SsoConfiguration = field(
        default_factory=lambda: configuration(saml=provider(certificates=(OLD,), metadata_url=URL))
    )

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        self.providers = SamlProviders(self._fetch, self.clock, Reach())

    async def _fetch(self, url: str) -> bytes:
        assert url == URL
        self.asked += 1
        if isinstance(self.answer, FetchFailed):
            raise self.answer
        return self.answer

    def says(self, *names: str, issuer: str = ISSUER, at: str = ELSEWHERE) -> None:
        keys = "".join(key(signer(each)) for each in names)
        self.answer = entity(name=issuer, keys=keys).replace("https://login.example/saml", at).encode()

    async def current(self) -> SamlProvider:
        """What is gone by once all that is due was fetched."""
        await self.providers.current(self.company.db, self.configuration)
        await self.providers.settled()
        return await self.providers.current(self.company.db, self.configuration)


@pytest_asyncio.fixture
async def fetched(database: Database) -> AsyncIterator[Fetched]:
    clock = Clock()
    found = Fetched(await new_company(database, clock), clock)
    yield found
    await found.providers.settled()


async def test_nobody_waits_for_metadata(fetched: Fetched) -> None:
    fetched.says("old", "new")
    first = await fetched.providers.current(fetched.company.db, fetched.configuration)

    assert (first.sso_url, first.certificates) == (SSO, (OLD,))
    assert ((await fetched.current()).sso_url, (await fetched.current()).certificates) == (ELSEWHERE, (OLD, NEW))


async def test_without_an_address_nothing_is_fetched(fetched: Fetched) -> None:
    fetched.configuration = configuration()

    assert await fetched.current() == provider()
    assert fetched.asked == 0


async def test_it_is_fetched_once_a_day_by_all_processes_together(fetched: Fetched) -> None:
    fetched.says("old")
    for hours in (0, 1, 23):
        fetched.clock.ahead = timedelta(hours=hours)
        fetched.restart()
        await fetched.current()
    assert fetched.asked == 1
    fetched.clock.ahead = timedelta(hours=24)
    await fetched.current()

    assert fetched.asked == 2


async def test_certificates_are_rolled_over_step_by_step(fetched: Fetched) -> None:
    for day, names in enumerate((["old", "new"], ["new"], ["new", "another"], ["another"])):
        fetched.clock.ahead = timedelta(days=day)
        fetched.says(*names)
        assert (await fetched.current()).certificates == tuple(signer(each).certificate for each in names)


async def test_a_change_of_all_certificates_waits_for_a_main_users_yes(fetched: Fetched) -> None:
    fetched.says("another")

    before = await fetched.current()
    assert (before.certificates, before.sso_url) == ((OLD,), SSO)
    state = await fetched.providers.state(fetched.company.db, fetched.configuration)
    assert state is not None
    assert state.waiting is not None
    assert (state.waiting.certificates, state.waits_since) == ((OTHER,), fetched.clock.now())
    assert await fetched.providers.approve(fetched.company.db, fetched.configuration)
    assert (await fetched.current()).certificates == (OTHER,)
    assert not await fetched.providers.approve(fetched.company.db, fetched.configuration)


async def test_metadata_signed_by_a_pinned_key_needs_no_yes(fetched: Fetched) -> None:
    saml = provider(certificates=(OLD,), metadata_url=URL, metadata_certificate=signer("registrar").certificate)
    fetched.configuration = configuration(saml=saml)
    fetched.says("another")
    assert (await fetched.current()).certificates == (OLD,)
    state = await fetched.providers.state(fetched.company.db, fetched.configuration)
    assert state is not None
    assert (state.failure, state.waiting) == ("not_signed", None)

    assert isinstance(fetched.answer, bytes)
    fetched.answer = etree.tostring(sign(etree.fromstring(fetched.answer), signer("registrar")))
    fetched.clock.ahead = timedelta(hours=1)
    assert (await fetched.current()).certificates == (OTHER,)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        pytest.param(FetchFailed("unreachable", "x"), "unreachable", id="away"),
        pytest.param(b"<x/>", "no_provider", id="another document"),
        pytest.param(entity(name="urn:other").encode(), "entity_differs", id="another provider"),
    ],
)
async def test_what_can_not_be_used_changes_nothing_and_is_tried_again_in_an_hour(
    fetched: Fetched, answer: bytes | FetchFailed, failure: str
) -> None:
    fetched.says("old", "new")
    await fetched.current()
    fetched.answer, fetched.clock.ahead = answer, timedelta(days=1)

    assert (await fetched.current()).certificates == (OLD, NEW)
    state = await fetched.providers.state(fetched.company.db, fetched.configuration)
    assert state is not None
    assert state.failure == failure
    await fetched.current()
    assert fetched.asked == 2
    fetched.clock.ahead = timedelta(days=1, hours=1)
    await fetched.current()
    assert fetched.asked == 3


async def test_what_was_fetched_for_another_provider_is_void(fetched: Fetched) -> None:
    fetched.says("old", "new")
    await fetched.current()
    assert fetched.configuration.saml is not None
    fetched.configuration = replace(
        fetched.configuration, saml=replace(fetched.configuration.saml, entity_id="urn:other", certificates=(OTHER,))
    )

    assert (await fetched.providers.current(fetched.company.db, fetched.configuration)).certificates == (OTHER,)
    await fetched.providers.settled()
    assert (await fetched.current()).certificates == (OTHER,)
