"""Reads a provider's metadata and believes only what fits the configuration (checks DIS-4 to DIS-6)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rollcall.workspaces.sso.configuration import TENANT_TEMPLATE, Pinned

AddressCheck = Callable[[str], str | None]
"""Why an address may not be called; None if it may be."""

_TEMPLATE = re.compile(r"\{tenantid\}", re.IGNORECASE)
_DEFAULT_ALGORITHMS = ("RS256",)
_DEFAULT_AUTHENTICATION = ("client_secret_basic",)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What is used of a provider's metadata. `algorithms`: ours that it offers, so never `none` and never HMAC."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    algorithms: tuple[str, ...]
    token_authentication: tuple[str, ...] = _DEFAULT_AUTHENTICATION
    end_session_endpoint: str | None = None
    userinfo_endpoint: str | None = None
    issuer_in_response: bool = False
    """Whether each authorization response names the issuer (RFC 9207)."""


class DiscoveryFailed(Exception):
    """Metadata that can't be used. `reason`: `issuer_differs`, `endpoint_missing`, `endpoint_refused` or `no_algorithm`."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_metadata(document: Mapping[str, Any], pins: Pinned, refused: AddressCheck) -> Metadata:
    """The metadata in a document. Raises DiscoveryFailed."""
    issuer = document.get("issuer")
    if not isinstance(issuer, str) or not _is_pinned(issuer, pins):
        raise DiscoveryFailed("issuer_differs", "The issuer in the metadata is not the configured one.")
    offered = _words(document, "id_token_signing_alg_values_supported", _DEFAULT_ALGORITHMS)
    algorithms = tuple(name for name in pins.algorithms if name in offered)
    if not algorithms:
        raise DiscoveryFailed("no_algorithm", "The provider offers none of the signing algorithms that are accepted.")
    return Metadata(
        issuer=pins.issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint", refused),
        token_endpoint=_endpoint(document, "token_endpoint", refused),
        jwks_uri=_endpoint(document, "jwks_uri", refused),
        algorithms=algorithms,
        token_authentication=_words(document, "token_endpoint_auth_methods_supported", _DEFAULT_AUTHENTICATION),
        end_session_endpoint=_optional(document, "end_session_endpoint", refused),
        userinfo_endpoint=_optional(document, "userinfo_endpoint", refused),
        issuer_in_response=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _is_pinned(issuer: str, pins: Pinned) -> bool:
    """Equal character by character; the name in Entra's template is compared without case (checks DIS-4, TEN-2)."""
    if pins.many_tenants:
        return _TEMPLATE.sub(lambda _: TENANT_TEMPLATE, issuer) == pins.issuer
    return issuer == pins.issuer


def _endpoint(document: Mapping[str, Any], name: str, refused: AddressCheck) -> str:
    found = _optional(document, name, refused)
    if found is None:
        raise DiscoveryFailed("endpoint_missing", f"The metadata has no {name}.")
    return found


def _optional(document: Mapping[str, Any], name: str, refused: AddressCheck) -> str | None:
    value = document.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise DiscoveryFailed("endpoint_refused", f"{name} in the metadata is no address.")
    if why := refused(value):
        raise DiscoveryFailed("endpoint_refused", f"{name} in the metadata can't be used: {why}.")
    return value


def _words(document: Mapping[str, Any], name: str, default: tuple[str, ...]) -> tuple[str, ...]:
    value = document.get(name)
    if not isinstance(value, list):
        return default
    return tuple(each for each in value if isinstance(each, str))
