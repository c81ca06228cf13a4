"""Asks a provider for its metadata before a configuration of it is kept, and says what is wrong with it."""

from __future__ import annotations

from rollcall.errors import Fault
from rollcall.outbound import FetchFailed, Limits, Reach, address_fault, fetch_json, fetch_text, open_session
from rollcall.workspaces.sso.configuration import Pinned
from rollcall.workspaces.sso.discovery import DiscoveryFailed, read_metadata
from rollcall.workspaces.sso.provider_keys import read_keys


async def provider_fault(pins: Pinned, reach: Reach) -> Fault | None:
    """What is wrong with a provider's metadata or keys; None when people can sign in with them (checks DIS-1 to DIS-6)."""
    limits = Limits()
    try:
        async with open_session(reach, limits.seconds) as session:
            document = await fetch_json(session, pins.discovery_url, reach, limits)
            metadata = read_metadata(document, pins, lambda url: address_fault(url, reach))
            keys = await fetch_json(session, metadata.jwks_uri, reach, limits)
    except FetchFailed as failed:
        if failed.reason == "address_not_allowed":
            return Fault("issuer", "address_not_allowed", f"The issuer can't be reached from here. {failed}")
        return _failed(failed.reason, str(failed))
    except DiscoveryFailed as failed:
        return _failed(failed.reason, str(failed))
    if not read_keys(keys):
        return _failed("no_key", "The provider publishes no key that can be used.")
    return None


async def fetched_metadata(url: str, reach: Reach) -> str | Fault:
    """The SAML metadata at an address, or what is wrong with the address."""
    limits = Limits()
    try:
        async with open_session(reach, limits.seconds) as session:
            return (await fetch_text(session, url, reach, limits)).decode()
    except FetchFailed as failed:
        if failed.reason == "address_not_allowed":
            return Fault("metadata_url", "address_not_allowed", f"The metadata can't be reached from here. {failed}")
        return Fault("metadata_url", "metadata_invalid", f"The metadata can't be fetched ({failed.reason}): {failed}")
    except UnicodeDecodeError:
        return Fault("metadata_url", "metadata_invalid", "The metadata is not written in UTF-8 (not_xml).")


def _failed(reason: str, message: str) -> Fault:
    return Fault("issuer", "discovery_failed", f"The provider's metadata can't be used ({reason}): {message}")
