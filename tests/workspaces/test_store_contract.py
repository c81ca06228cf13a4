"""The accounts and groups of an organisation keep the bargain of ResourceStore."""

from __future__ import annotations

import pytest

from rollcall.db import TenantDatabase
from rollcall.runtime import Runtime
from rollcall.workspaces import AccountStore
from tests.contracts.resource_store import ResourceStoreContract


class TestAccountStore(ResourceStoreContract):
    @pytest.fixture
    def store(self, tenant_db: TenantDatabase, runtime: Runtime) -> AccountStore:
        return AccountStore(tenant_db, runtime, "https://app.example/scim/v2/acme")
