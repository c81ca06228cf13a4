"""What tests of pages begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rollcall.db import Database
from rollcall.runtime import Runtime
from tests.workspaces.pages.entering import Entering, entering_a_site
from tests.workspaces.pages.site import Site, open_site


@pytest.fixture
async def site(database: Database, runtime: Runtime) -> Site:
    """The workspaces half with an organisation of this test's own."""
    return await open_site(database, runtime)


@pytest_asyncio.fixture
async def entering(database: Database, runtime: Runtime) -> AsyncIterator[Entering]:
    """The same, whose people sign in at a provider made by hand."""
    async with entering_a_site(database, runtime) as entering:
        yield entering
