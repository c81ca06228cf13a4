"""Reads a SAML provider's metadata: its name, where requests go, and the certificates it signs with (check SGN-5)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.saml_request import POST, REDIRECT
from rollcall.workspaces.sso.saml_response import moment
from rollcall.workspaces.sso.saml_signature import LEAST_RSA_BITS, verified
from rollcall.workspaces.sso.saml_xml import PROTOCOL, Element, check_ids, ds, md, parse

MOST_CERTIFICATES = 4
AddressCheck = Callable[[str], str | None]
"""Why an address may not be used; None if it may be."""


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What is taken from a provider's metadata. Certificates are PEM."""

    entity_id: str
    sso_url: str
    certificates: tuple[str, ...]
    sso_by_post: bool = False
    slo_url: str | None = None
    slo_response_url: str | None = None
    wants_signed_requests: bool = False


class MetadataInvalid(Exception):
    """Metadata that can't be used.

    `reason`: `not_xml`, `document_type`, `no_provider`, `several_providers`, `entity_differs`, `over`, `no_address`,
    `address_refused`, `no_certificate`, `too_many_certificates`, `weak_key`, `certificate_expired` or `not_signed`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def read_provider_metadata(
    raw: bytes,
    now: datetime,
    refused: AddressCheck,
    *,
    entity_id: str | None = None,
    signed_by: str | None = None,
    expired_too: bool = False,
) -> ProviderMetadata:
    """What a document says of one provider. Raises MetadataInvalid.

    `entity_id`: the one it has to be of; needed where a document tells of several. `signed_by`: PEM of the certificate
    whose key has to have signed the whole document. `expired_too`: whether certificates may be over.
    """
    root = _root(raw)
    if signed_by is not None:
        root = _signed(root, signed_by, now)
    entity, role = _entity(root, entity_id)
    _check_age(root, entity, role, now)
    found = entity.get("entityID") or ""
    sso_url, by_post = _sign_in(role, refused)
    logout = next((each for each in role.findall(md("SingleLogoutService")) if each.get("Binding") == REDIRECT), None)
    return ProviderMetadata(
        entity_id=found,
        sso_url=sso_url,
        certificates=check_certificates(_certificates(role), now, expired_too=expired_too),
        sso_by_post=by_post,
        slo_url=None if logout is None else _address(logout.get("Location"), refused),
        slo_response_url=(
            None
            if logout is None or not logout.get("ResponseLocation")
            else _address(logout.get("ResponseLocation"), refused)
        ),
        wants_signed_requests=role.get("WantAuthnRequestsSigned") in ("true", "1"),
    )


def check_certificates(
    certificates: Sequence[x509.Certificate], now: datetime, *, expired_too: bool
) -> tuple[str, ...]:
    """The certificates as PEM, each once. Raises MetadataInvalid for none, five, a weak key, or when all are over.

    One of several that is over is left out: it is on its way out at the provider as well.
    """
    distinct = list(dict.fromkeys(certificates))
    if not distinct:
        raise MetadataInvalid("no_certificate", "There is no certificate to check signatures with.")
    for each in distinct:
        key = each.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
            raise MetadataInvalid(
                "weak_key", f"A certificate has a key of {key.key_size} bits; {LEAST_RSA_BITS} are the least."
            )
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise MetadataInvalid("weak_key", "A certificate has a key of a sort that signs no SAML here.")
    usable = [each for each in distinct if expired_too or now <= each.not_valid_after_utc]
    if not usable:
        raise MetadataInvalid("certificate_expired", "The certificate has expired.")
    if len(usable) > MOST_CERTIFICATES:
        raise MetadataInvalid("too_many_certificates", f"There are more than {MOST_CERTIFICATES} certificates.")
    return tuple(each.public_bytes(Encoding.PEM).decode() for each in usable)


def load_certificate(written: str) -> x509.Certificate:
    """A certificate in PEM, or as metadata writes it: base64 alone. Raises MetadataInvalid."""
    try:
        if "-----BEGIN" in written:
            return x509.load_pem_x509_certificate(written.strip().encode())
        return x509.load_der_x509_certificate(base64.b64decode("".join(written.split()), validate=True))
    except (ValueError, binascii.Error):
        raise MetadataInvalid("no_certificate", "A certificate can't be read.") from None


def _root(raw: bytes) -> Element:
    try:
        root = parse(raw.removeprefix(b"\xef\xbb\xbf"), comments=True)
        check_ids(root)
    except SsoFailed as failed:
        declared = b"<!DOCTYPE" in raw or b"<!ENTITY" in raw
        raise MetadataInvalid(
            "document_type" if declared else "not_xml", f"The metadata can't be read: {failed.noted}."
        ) from None
    return root


def _signed(root: Element, certificate: str, now: datetime) -> Element:
    signature = root.find(ds("Signature"))
    if signature is None:
        raise MetadataInvalid("not_signed", "The metadata is not signed.")
    try:
        return verified(root, signature, [x509.load_pem_x509_certificate(certificate.encode())], now)
    except SsoFailed as failed:
        raise MetadataInvalid("not_signed", f"The metadata's signature does not fit: {failed.noted}.") from None


def _entity(root: Element, entity_id: str | None) -> tuple[Element, Element]:
    entities = [root] if root.tag == md("EntityDescriptor") else list(root.iter(md("EntityDescriptor")))
    providers = [(each, role) for each in entities for role in each.findall(md("IDPSSODescriptor")) if _speaks(role)]
    if entity_id is not None:
        named = [each for each in providers if each[0].get("entityID") == entity_id]
        if providers and not named:
            raise MetadataInvalid("entity_differs", "The metadata is of another provider than the configured one.")
        providers = named
    if not providers:
        raise MetadataInvalid("no_provider", "The metadata tells of no identity provider for SAML 2.0.")
    if len(providers) > 1:
        raise MetadataInvalid("several_providers", "The metadata tells of several providers; write which one.")
    if not providers[0][0].get("entityID"):
        raise MetadataInvalid("no_provider", "The provider in the metadata has no entity ID.")
    return providers[0]


def _speaks(role: Element) -> bool:
    return PROTOCOL in (role.get("protocolSupportEnumeration") or "").split()


def _check_age(root: Element, entity: Element, role: Element, now: datetime) -> None:
    for each in (root, entity, role):
        try:
            until = moment(each.get("validUntil"), "SGN-5", missing=None)
        except SsoFailed:
            raise MetadataInvalid("over", "The metadata says in no readable way until when it is valid.") from None
        if until is not None and until <= now:
            raise MetadataInvalid("over", "The metadata is not valid any more.")


def _sign_in(role: Element, refused: AddressCheck) -> tuple[str, bool]:
    """Where requests go: by redirect where the provider takes that, else in a form."""
    services = role.findall(md("SingleSignOnService"))
    for binding in (REDIRECT, POST):
        for each in services:
            if each.get("Binding") == binding:
                return _address(each.get("Location"), refused), binding == POST
    raise MetadataInvalid("no_address", "The provider takes requests neither by redirect nor in a form.")


def _address(written: str | None, refused: AddressCheck) -> str:
    if not written or (why := refused(written)):
        raise MetadataInvalid("address_refused", f"An address can't be used: {why if written else 'it is empty'}.")
    return written


def _certificates(role: Element) -> list[x509.Certificate]:
    return [
        load_certificate(each.text or "")
        for descriptor in role.findall(md("KeyDescriptor"))
        if descriptor.get("use") in (None, "signing")
        for each in descriptor.findall(f"{ds('KeyInfo')}/{ds('X509Data')}/{ds('X509Certificate')}")
    ]
