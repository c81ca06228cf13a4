"""Providers as they are at the moment: metadata and keys, kept for a day, refreshed hourly, asked anew with care (KEY)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollcall.db import TenantDatabase
from rollcall.outbound import FetchFailed, Reach, address_fault
from rollcall.runtime import Runtime
from rollcall.workspaces.sso.configuration import Pinned
from rollcall.workspaces.sso.discovery import DiscoveryFailed, Metadata, read_metadata
from rollcall.workspaces.sso.failure import SETUP_ERROR, UNAVAILABLE, SsoFailed
from rollcall.workspaces.sso.provider_documents import keep_documents, kept_document
from rollcall.workspaces.sso.provider_keys import ProviderKey, candidates, read_keys

KEPT = timedelta(hours=24)
REFRESHED = timedelta(hours=1)
REFETCHED_AT_MOST_EVERY = timedelta(minutes=5)
_PROVIDERS_AT_MOST = 1000

Fetch = Callable[[str], Awaitable[dict[str, Any]]]
"""The JSON object at an address. Raises FetchFailed."""


@dataclass(slots=True)
class _Provider:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    metadata: Metadata | None = None
    keys: tuple[ProviderKey, ...] = ()
    fetched: datetime | None = None
    refetched: datetime | None = None
    refreshing: asyncio.Task[None] | None = None

    def is_younger(self, than: timedelta, now: datetime) -> bool:
        return self.fetched is not None and now - self.fetched < than


class Providers:
    """Knows every provider's metadata and keys; one fetch serves all who wait for it.

    A provider is known by all that is pinned of it, so that no configuration reads what another one would not take.
    """

    def __init__(self, fetch: Fetch, runtime: Runtime, reach: Reach) -> None:
        self._fetch = fetch
        self._runtime = runtime
        self._reach = reach
        self._providers: OrderedDict[tuple[str, str, bool], _Provider] = OrderedDict()

    async def metadata(self, tenant: TenantDatabase, pins: Pinned) -> Metadata:
        """A provider's metadata. Raises SsoFailed `sso_unavailable` or `sso_setup_error`."""
        found = (await self._provider(tenant, pins)).metadata
        assert found is not None, "a provider that was fetched has metadata"
        return found

    async def keys(self, tenant: TenantDatabase, pins: Pinned, kid: object, algorithm: str) -> tuple[ProviderKey, ...]:
        """A provider's keys; fetched again, at most once in five minutes, when none fits a token's header (check KEY-2)."""
        provider = await self._provider(tenant, pins)
        if candidates(provider.keys, kid, algorithm):
            return provider.keys
        async with provider.lock:
            now = self._runtime.now()
            waited = provider.refetched is None or now - provider.refetched >= REFETCHED_AT_MOST_EVERY
            if not candidates(provider.keys, kid, algorithm) and waited:
                provider.refetched = now
                await self._try_to_renew(tenant, pins, provider)
        return provider.keys

    async def settled(self) -> None:
        """Wait for what is being refreshed in the background."""
        running = [each.refreshing for each in self._providers.values() if each.refreshing is not None]
        await asyncio.gather(*running)

    async def _provider(self, tenant: TenantDatabase, pins: Pinned) -> _Provider:
        key = (pins.discovery_url, pins.issuer, pins.entra)
        provider = self._providers.setdefault(key, _Provider())
        self._providers.move_to_end(key)
        if len(self._providers) > _PROVIDERS_AT_MOST:
            self._providers.popitem(last=False)
        now = self._runtime.now()
        if not provider.is_younger(KEPT, now):
            async with provider.lock:
                if not provider.is_younger(KEPT, now) and not await self._remember(tenant, pins, provider):
                    await self._renew(tenant, pins, provider)
        if not provider.is_younger(REFRESHED, now) and (provider.refreshing is None or provider.refreshing.done()):
            provider.refreshing = asyncio.create_task(self._refresh(tenant, pins, provider))
        return provider

    async def _refresh(self, tenant: TenantDatabase, pins: Pinned, provider: _Provider) -> None:
        async with provider.lock:
            if not provider.is_younger(REFRESHED, self._runtime.now()):
                await self._try_to_renew(tenant, pins, provider)

    async def _try_to_renew(self, tenant: TenantDatabase, pins: Pinned, provider: _Provider) -> None:
        try:
            await self._renew(tenant, pins, provider)
        except SsoFailed:
            return  # the old ones are good until their day is over (check KEY-1)

    async def _renew(self, tenant: TenantDatabase, pins: Pinned, provider: _Provider) -> None:
        try:
            document = await self._fetch(pins.discovery_url)
            metadata = self._read(document, pins)
            keys = await self._fetch(metadata.jwks_uri)
        except FetchFailed as failed:
            code = SETUP_ERROR if failed.reason == "address_not_allowed" else UNAVAILABLE
            raise SsoFailed(code, "DIS-3" if code == SETUP_ERROR else "DIS-2", f"{failed.reason}: {failed}") from None
        now = self._runtime.now()
        provider.metadata, provider.keys, provider.fetched = metadata, read_keys(keys), now
        await tenant.write(keep_documents, {pins.discovery_url: document, metadata.jwks_uri: keys}, now)

    async def _remember(self, tenant: TenantDatabase, pins: Pinned, provider: _Provider) -> bool:
        """Take what was kept before this program began, if it is not too old and still fits."""
        since = self._runtime.now() - KEPT
        kept = await tenant.read(kept_document, pins.discovery_url, since)
        if kept is None:
            return False
        try:
            metadata = self._read(kept[0], pins)
        except SsoFailed:
            return False
        keys = await tenant.read(kept_document, metadata.jwks_uri, since)
        if keys is None:
            return False
        provider.metadata, provider.keys, provider.fetched = metadata, read_keys(keys[0]), min(kept[1], keys[1])
        return True

    def _read(self, document: dict[str, Any], pins: Pinned) -> Metadata:
        try:
            return read_metadata(document, pins, lambda url: address_fault(url, self._reach))
        except DiscoveryFailed as failed:
            raise SsoFailed(SETUP_ERROR, "DIS-4", f"{failed.reason}: {failed}") from None
