"""The target of this folder's tests: the workspaces half in a process of its own, and a new world for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rollcall.db import Database, DatabaseConfig
from rollcall.runtime import Runtime
from tests.provisioning.proxy import Proxy, proxy_to
from tests.provisioning.world import World, found_world, workspaces_apart


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def origin(database_config: DatabaseConfig) -> AsyncIterator[str]:
    """Where this module's workspaces half answers."""
    async with workspaces_apart(database_config) as origin:
        yield origin


@pytest.fixture
async def proxy(origin: str) -> AsyncIterator[Proxy]:
    """What stands between the job and the target."""
    async with proxy_to(origin) as proxy:
        yield proxy


@pytest.fixture
async def world(database: Database, runtime: Runtime, proxy: Proxy) -> World:
    """An empty directory, an empty target, and a job with the tutorial's mappings."""
    return await found_world(database, runtime, proxy)


@pytest.fixture
async def full_world(database: Database, runtime: Runtime, proxy: Proxy) -> World:
    """The same with the default mappings of a custom SCIM application, managers included."""
    return await found_world(database, runtime, proxy, template="scim")
