"""SAML 2.0 configurations as administrators fill them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from rollcall.workspaces.settings.connections import Draft, read_groups, read_strength
from rollcall.workspaces.settings.typed import NAME_LENGTH, Typed
from rollcall.workspaces.sso.configuration import ENTRA_GROUPS_ATTRIBUTE, Kind, SamlProvider, SsoConfiguration
from rollcall.workspaces.sso.saml_configuration import SamlTyped, read_typed

_TEXTS = (
    "entity_id",
    "sso_url",
    "slo_url",
    "certificates",
    "metadata",
    "metadata_url",
    "metadata_certificate",
    "name_attribute",
)
_BOXES = ("sso_by_post", "sign_requests", "response_signature_suffices", "expired_certificates", "unsolicited")


def read_saml(
    identifier: UUID,
    values: Mapping[str, str],
    present: SsoConfiguration | None,
    now: datetime,
    refused: Callable[[str], str | None],
) -> tuple[Draft | None, Typed]:
    """The configuration that the fields say, None where the provider can't be read from them; with all faults."""
    typed = Typed(values)
    name = typed.bounded("name", "The name", NAME_LENGTH) or ("" if present else Kind.SAML.words)
    if not name:
        typed.wrong("name", "required", "The name is missing.")
    fields: dict[str, Any] = {each: typed.text(each) for each in _TEXTS}
    fields |= {each: typed.is_checked(each) for each in _BOXES}
    found = read_typed(SamlTyped(**fields), now, refused)
    strength, groups = read_strength(typed), read_groups(typed, ENTRA_GROUPS_ATTRIBUTE, lookup=False)
    if not isinstance(found, SamlProvider):
        for each in found:
            why = f" ({each.reason})" if each.reason else ""
            typed.wrong(each.field, each.code, f"{each.message}{why}")
        return None, typed
    before = present.saml if present else None
    if before is not None and before.slo_url == found.slo_url and found.slo_response_url is None:
        found = replace(found, slo_response_url=before.slo_response_url)
    configuration = SsoConfiguration(
        id=identifier,
        kind=Kind.SAML,
        name=name,
        on=present.on if present else True,
        strength=strength,
        saml=found,
        **groups,
    )
    return Draft(configuration), typed


def asks_for_metadata(values: Mapping[str, str]) -> bool:
    """Whether an address of metadata is all that was given, so that the metadata is to be fetched from there."""
    by_hand = any(values.get(each, "").strip() for each in ("metadata", "entity_id", "sso_url", "certificates"))
    return bool(values.get("metadata_url", "").strip()) and not by_hand


def saml_values(provider: SamlProvider) -> dict[str, str]:
    """A provider as the dialog shows it."""
    texts = {
        "entity_id": provider.entity_id,
        "sso_url": provider.sso_url,
        "slo_url": provider.slo_url or "",
        "certificates": "\n".join(provider.certificates),
        "metadata_url": provider.metadata_url or "",
        "metadata_certificate": provider.metadata_certificate or "",
        "name_attribute": provider.name_attribute or "",
    }
    return texts | {each: "true" if getattr(provider, each) else "" for each in _BOXES}
