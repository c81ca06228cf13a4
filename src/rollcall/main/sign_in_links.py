"""Links by which people come to a password: for those an administrator names, and for the first administrator."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from rollcall import directory
from rollcall.directory.signin.proving import Proving
from rollcall.main.opening import Parts
from rollcall.main.site import address_of
from rollcall.passwords import SlowHash


def proving_of(parts: Parts) -> Proving:
    """How people prove who they are, over these parts."""
    return Proving(parts.database, parts.runtime, parts.sealer, SlowHash())


def identity_address(parts: Parts) -> str:
    """Where the identity half is reached, as the configuration says."""
    settings = parts.config.identity
    return address_of(settings.host, settings.port, settings.base_url)


async def link_for(parts: Parts, tenant_id: UUID, user_id: UUID, *, without_totp: bool = False) -> str:
    """The address at which a user sets a password."""
    return identity_address(parts) + await proving_of(parts).invite(tenant_id, user_id, without_totp=without_totp)


async def first_administrator_link(parts: Parts, tenant_id: UUID) -> str | None:
    """The address at which the first administrator of a tenant signs up; None where there is one (check C26)."""
    path = await proving_of(parts).first_administrator(tenant_id)
    return None if path is None else identity_address(parts) + path


async def first_administrator_links(parts: Parts, identity_url: str) -> Mapping[str, str]:
    """By tenant, the address at which its first administrator signs up, where nobody administers it yet (check C26)."""
    links = {}
    for tenant in await parts.database.system(directory.list_tenants):
        path = await proving_of(parts).first_administrator(tenant.id)
        if path is not None:
            links[tenant.name] = identity_url + path
    return links
