"""A SAML 2.0 configuration as an administrator typed it: every fault at once, or what it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from rollcall.workspaces.sso.configuration import SamlProvider
from rollcall.workspaces.sso.saml_metadata import (
    AddressCheck,
    MetadataInvalid,
    ProviderMetadata,
    check_certificates,
    load_certificate,
    read_provider_metadata,
)

WARNED_DAYS = 30
_LONGEST_ENTITY = 1024
_LONGEST_ATTRIBUTE = 255
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SamlTyped:
    """The fields of the dialog. Either `metadata`, as pasted or as fetched from `metadata_url`, or the three by hand.

    `certificates`: PEM, one after the other, or one as base64 alone.
    """

    entity_id: str = ""
    sso_url: str = ""
    slo_url: str = ""
    certificates: str = ""
    metadata: str = ""
    metadata_url: str = ""
    metadata_certificate: str = ""
    sso_by_post: bool = False
    sign_requests: bool = False
    response_signature_suffices: bool = False
    expired_certificates: bool = False
    unsolicited: bool = False
    name_attribute: str = ""


@dataclass(frozen=True, slots=True)
class SamlFault:
    """What is wrong with one field. `reason` tells more where the code is `metadata_invalid`."""

    field: str
    code: str
    message: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class CertificateWarning:
    """A certificate that ends soon, or has ended; `days` is negative then."""

    name: str
    ends: datetime
    days: int


def read_typed(typed: SamlTyped, now: datetime, refused: AddressCheck) -> SamlProvider | tuple[SamlFault, ...]:
    """The provider that the fields stand for, or all that is wrong with them. `refused`: why an address may not be used."""
    faults = list(_faults(typed, refused))
    found: ProviderMetadata | None = None
    try:
        found = _from_metadata(typed, now, refused) if typed.metadata.strip() else _by_hand(typed, now)
    except MetadataInvalid as invalid:
        faults.append(_told(invalid, typed))
    if faults or found is None:
        return tuple(faults)
    return SamlProvider(
        entity_id=found.entity_id,
        sso_url=found.sso_url,
        certificates=found.certificates,
        sso_by_post=found.sso_by_post,
        slo_url=found.slo_url,
        slo_response_url=found.slo_response_url,
        metadata_url=typed.metadata_url.strip() or None,
        metadata_certificate=_one_pem(typed.metadata_certificate),
        sign_requests=typed.sign_requests or found.wants_signed_requests,
        response_signature_suffices=typed.response_signature_suffices,
        expired_certificates=typed.expired_certificates,
        unsolicited=typed.unsolicited,
        name_attribute=typed.name_attribute.strip() or None,
    )


def certificate_warnings(certificates: Sequence[str], now: datetime) -> tuple[CertificateWarning, ...]:
    """The certificates that end within thirty days, the first to end first."""
    read = [x509.load_pem_x509_certificate(each.encode()) for each in certificates]
    warnings = [
        CertificateWarning(
            each.subject.rfc4514_string(), each.not_valid_after_utc, (each.not_valid_after_utc - now).days
        )
        for each in read
    ]
    return tuple(sorted((each for each in warnings if each.days < WARNED_DAYS), key=lambda each: each.ends))


def _faults(typed: SamlTyped, refused: AddressCheck) -> Iterator[SamlFault]:
    by_hand = not typed.metadata.strip()
    if len(typed.entity_id.strip()) > _LONGEST_ENTITY:
        yield SamlFault("entity_id", "too_long", f"The entity ID has more than {_LONGEST_ENTITY} characters.")
    if by_hand:
        for field, value, words in (
            ("entity_id", typed.entity_id, "Write the provider's entity ID, or paste its metadata."),
            ("sso_url", typed.sso_url, "Write the address of the provider's sign-in, or paste its metadata."),
            ("certificates", typed.certificates, "Paste the provider's certificate, or its metadata."),
        ):
            if not value.strip():
                yield SamlFault(field, "required", words)
    for field, value in (
        ("sso_url", typed.sso_url if by_hand else ""),
        ("slo_url", typed.slo_url if by_hand else ""),
        ("metadata_url", typed.metadata_url),
    ):
        if value.strip() and (why := refused(value.strip())):
            yield SamlFault(field, "address_not_allowed", f"This address can't be used: {why}.")
    if len(typed.name_attribute.strip()) > _LONGEST_ATTRIBUTE:
        yield SamlFault("name_attribute", "too_long", f"The name has more than {_LONGEST_ATTRIBUTE} characters.")
    if typed.metadata_certificate.strip():
        try:
            load_certificate(typed.metadata_certificate)
        except MetadataInvalid as invalid:
            yield SamlFault("metadata_certificate", "metadata_invalid", str(invalid), invalid.reason)


def _from_metadata(typed: SamlTyped, now: datetime, refused: AddressCheck) -> ProviderMetadata:
    try:
        pinned = _one_pem(typed.metadata_certificate)
    except MetadataInvalid:
        pinned = None  # it is a fault of its own already
    return read_provider_metadata(
        typed.metadata.encode(),
        now,
        refused,
        entity_id=typed.entity_id.strip() or None,
        signed_by=pinned,
        expired_too=typed.expired_certificates,
    )


def _by_hand(typed: SamlTyped, now: datetime) -> ProviderMetadata | None:
    if not typed.certificates.strip():
        return None  # told already
    written = _PEM.findall(typed.certificates) or [typed.certificates]
    certificates = check_certificates(
        [load_certificate(each) for each in written], now, expired_too=typed.expired_certificates
    )
    return ProviderMetadata(
        typed.entity_id.strip(),
        typed.sso_url.strip(),
        certificates,
        typed.sso_by_post,
        typed.slo_url.strip() or None,
    )


def _told(invalid: MetadataInvalid, typed: SamlTyped) -> SamlFault:
    field = "metadata" if typed.metadata.strip() else "certificates"
    if invalid.reason == "certificate_expired":
        words = f"{invalid} Get the new one from the provider, or tick that expired certificates are accepted."
        return SamlFault(field, "certificate_expired", words)
    return SamlFault(field, "metadata_invalid", str(invalid), invalid.reason)


def _one_pem(written: str) -> str | None:
    return load_certificate(written).public_bytes(Encoding.PEM).decode() if written.strip() else None
