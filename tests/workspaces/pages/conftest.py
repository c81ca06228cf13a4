"""What tests of pages begin with."""

from __future__ import annotations

import pytest

from rollcall.db import Database
from rollcall.runtime import Runtime
from tests.workspaces.pages.site import Site, open_site


@pytest.fixture
async def site(database: Database, runtime: Runtime) -> Site:
    """The workspaces half with an organisation of this test's own."""
    return await open_site(database, runtime)
