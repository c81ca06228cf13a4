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


async def link_for(parts: Parts, tenant_id: UUID, user_id: UUID, *, without_totp: bool = False) -> str:
    """The address at which a user sets a password."""
    settings = parts.config.identity
    base_url = address_of(settings.host, settings.port, settings.base_url)
    return base_url + await proving_of(parts).invite(tenant_id, user_id, without_totp=without_totp)


async def first_administrator_links(parts: Parts, identity_url: str) -> Mapping[str, str]:
    """By tenant, the address at which its first administrator signs up, where nobody administers it yet (check C26)."""
    links = {}
    for tenant in await parts.database.system(directory.list_tenants):
        path = await proving_of(parts).first_administrator(tenant.id)
        if path is not None:
            links[tenant.name] = identity_url + path
    return links
