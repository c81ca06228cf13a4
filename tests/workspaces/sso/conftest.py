"""What the tests of single sign-on share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from rollcall.crypto import Sealer
from rollcall.db import Database
from rollcall.workspaces.sso.oidc import (
    RelyingParty,
)
from tests.workspaces.sso.people import new_company
from tests.workspaces.sso.provider import running_provider
from tests.workspaces.sso.world import Clock, DoorOfTests, World


@pytest_asyncio.fixture
async def world(database: Database) -> AsyncIterator[World]:
    clock = Clock()
    async with running_provider() as provider:
        company = await new_company(database, clock)
        party = RelyingParty(database, clock, Sealer(b"k" * 32), provider.installation())
        yield World(company, provider, clock, database, provider.generic(), DoorOfTests(), party)
        await party.providers.settled()
