"""SAML providers as they are at the moment: what the configuration says, kept up to date by their metadata (check SGN-5)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import orjson
import structlog
from cryptography import x509

from rollcall.db import TenantDatabase
from rollcall.outbound import FetchFailed, Reach, address_fault
from rollcall.runtime import Runtime
from rollcall.workspaces.sso.configuration import SamlProvider, SsoConfiguration
from rollcall.workspaces.sso.saml_metadata import MetadataInvalid, ProviderMetadata, read_provider_metadata
from rollcall.workspaces.sso.saml_metadata_rows import (
    KeptMetadata,
    approve_waiting,
    begin_try,
    keep_accepted,
    keep_failure,
    keep_waiting,
    read_kept,
)

REFRESHED = timedelta(hours=24)
TRIED_AGAIN = timedelta(hours=1)
_log = structlog.get_logger()

FetchXml = Callable[[str], Awaitable[bytes]]
"""The bytes at an address. Raises FetchFailed."""


class SamlProviders:
    """Knows where each provider is reached and what it signs with; never waits for a provider's metadata."""

    def __init__(self, fetch: FetchXml, runtime: Runtime, reach: Reach) -> None:
        self._fetch = fetch
        self._runtime = runtime
        self._reach = reach
        self._refreshing: dict[UUID, asyncio.Task[None]] = {}

    async def current(self, tenant: TenantDatabase, configuration: SsoConfiguration) -> SamlProvider:
        """The provider as accepted last. Metadata older than a day is fetched in the background meanwhile."""
        given = provider_of(configuration)
        if given.metadata_url is None:
            return given
        kept = await tenant.read(read_kept, configuration.id, basis(given))
        if self._is_due(kept) and configuration.id not in self._refreshing:
            task = asyncio.create_task(self._refresh(tenant, configuration))
            self._refreshing[configuration.id] = task
            task.add_done_callback(lambda _: self._refreshing.pop(configuration.id, None))
        return given if kept is None or kept.accepted is None else _with(given, kept.accepted)

    async def state(self, tenant: TenantDatabase, configuration: SsoConfiguration) -> KeptMetadata | None:
        """What is known of the metadata: when it came, why not, and what waits for a main user's yes."""
        return await tenant.read(read_kept, configuration.id, basis(provider_of(configuration)))

    async def approve(self, tenant: TenantDatabase, configuration: SsoConfiguration) -> bool:
        """A main user's yes to the certificates that wait; False when none do."""
        return await tenant.write(approve_waiting, configuration.id, basis(provider_of(configuration)))

    async def settled(self) -> None:
        """Wait for what is being refreshed in the background."""
        await asyncio.gather(*self._refreshing.values())

    def _is_due(self, kept: KeptMetadata | None) -> bool:
        now = self._runtime.now()
        if kept is None:
            return True
        is_old = kept.fetched is None or now - kept.fetched >= REFRESHED
        return is_old and now - kept.tried >= TRIED_AGAIN

    async def _refresh(self, tenant: TenantDatabase, configuration: SsoConfiguration) -> None:
        given, now = provider_of(configuration), self._runtime.now()
        key = basis(given)
        assert given.metadata_url is not None, "only metadata by address is refreshed"
        if not await tenant.write(begin_try, configuration.id, key, now - TRIED_AGAIN, now):
            return
        try:
            found = read_provider_metadata(
                await self._fetch(given.metadata_url),
                now,
                lambda url: address_fault(url, self._reach),
                entity_id=given.entity_id,
                signed_by=given.metadata_certificate,
                expired_too=given.expired_certificates,
            )
        except (FetchFailed, MetadataInvalid) as failed:
            await tenant.write(keep_failure, configuration.id, key, failed.reason)
            _log.warning("saml_metadata_failed", configuration=str(configuration.id), reason=failed.reason)
            return
        kept = await tenant.read(read_kept, configuration.id, key)
        before = given.certificates if kept is None or kept.accepted is None else kept.accepted.certificates
        if given.metadata_certificate is not None or follows(before, found):
            await tenant.write(keep_accepted, configuration.id, key, found, now)
        else:
            await tenant.write(keep_waiting, configuration.id, key, found, now)
            _log.warning("saml_metadata_waits", configuration=str(configuration.id))


def provider_of(configuration: SsoConfiguration) -> SamlProvider:
    """The provider of a SAML configuration."""
    assert configuration.saml is not None, "a SAML configuration has its provider"
    return configuration.saml


def follows(before: tuple[str, ...], found: ProviderMetadata) -> bool:
    """Whether one certificate stays; a change of all of them at once might be somebody else's."""
    return not _certificates(before).isdisjoint(_certificates(found.certificates))


def basis(given: SamlProvider) -> bytes:
    """A hash of what the configuration pins: when that changes, what was fetched for it before is void."""
    pinned = (given.entity_id, given.metadata_url, given.metadata_certificate, sorted(given.certificates))
    return hashlib.sha256(orjson.dumps(pinned)).digest()


def _certificates(pems: tuple[str, ...]) -> set[x509.Certificate]:
    return {x509.load_pem_x509_certificate(each.encode()) for each in pems}


def _with(given: SamlProvider, found: ProviderMetadata) -> SamlProvider:
    return replace(
        given,
        sso_url=found.sso_url,
        sso_by_post=found.sso_by_post,
        slo_url=found.slo_url,
        slo_response_url=found.slo_response_url,
        certificates=found.certificates,
        sign_requests=given.sign_requests or found.wants_signed_requests,
    )
