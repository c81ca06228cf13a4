"""The store in memory keeps the contract."""

from __future__ import annotations

import pytest

from rollcall.scim_http.memory import MemoryStore
from rollcall.scim_http.store import ResourceStore
from tests.contracts.resource_store import ResourceStoreContract


class TestMemoryStore(ResourceStoreContract):
    @pytest.fixture
    def store(self) -> ResourceStore:
        return MemoryStore()
