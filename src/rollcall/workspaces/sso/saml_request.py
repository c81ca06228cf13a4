"""Messages of our own: what is asked of a provider at sign-in and logout, and what its logout is answered (checks SML-2, OUT-9)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from rollcall.workspaces.sso.saml_response import SUCCESS, NameId
from rollcall.workspaces.sso.saml_signing_key import SamlKey
from rollcall.workspaces.sso.saml_xml import ASSERTION, PROTOCOL, Element, a, p

POST = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
_LOGOUT_LASTS = timedelta(minutes=5)
_NAMES = {"samlp": PROTOCOL, "saml": ASSERTION}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What every message of ours begins with. `id`: `id` and 32 hexadecimal digits; names must not begin with a digit."""

    id: str
    issuer: str
    destination: str
    now: datetime


def authn_request(
    envelope: Envelope,
    acs_url: str,
    *,
    passive: bool = False,
    force: bool = False,
    contexts: Sequence[str] = (),
) -> Element:
    """Ask for a sign-in (SAML core §3.4.1). `contexts`: one of these AuthnContextClassRefs, exactly.

    It names no Subject: Entra refuses one.
    """
    root = _message("AuthnRequest", envelope)
    root.set("AssertionConsumerServiceURL", acs_url)
    root.set("ProtocolBinding", POST)
    if force:
        root.set("ForceAuthn", "true")
    if passive:
        root.set("IsPassive", "true")
    if contexts:
        wanted = etree.SubElement(root, p("RequestedAuthnContext"), Comparison="exact")
        for each in contexts:
            etree.SubElement(wanted, a("AuthnContextClassRef")).text = each
    return root


def logout_request(envelope: Envelope, name: NameId, session_index: str | None) -> Element:
    """Ask for a logout (SAML core §3.7.1)."""
    root = _message("LogoutRequest", envelope)
    root.set("NotOnOrAfter", _written(envelope.now + _LOGOUT_LASTS))
    element = etree.SubElement(root, a("NameID"))
    for attribute, value in (
        ("Format", name.format),
        ("NameQualifier", name.qualifier),
        ("SPNameQualifier", name.sp_qualifier),
    ):
        if value:
            element.set(attribute, value)
    element.text = name.value
    if session_index is not None:
        etree.SubElement(root, p("SessionIndex")).text = session_index
    return root


def logout_response(envelope: Envelope, request_id: str) -> Element:
    """Say that what a logout asked for is done (SAML core §3.7.2)."""
    root = _message("LogoutResponse", envelope)
    root.set("InResponseTo", request_id)
    etree.SubElement(etree.SubElement(root, p("Status")), p("StatusCode"), Value=SUCCESS)
    return root


def written(root: Element) -> bytes:
    """The bytes of a message."""
    return etree.tostring(root)


def posted(root: Element, key: SamlKey | None) -> str:
    """A message for a form field, with a signature inside where a key is given (SAML bindings §3.5.4)."""
    if key is not None:
        signer = XMLSigner(
            method=SignatureConstructionMethod.enveloped,
            signature_algorithm=SignatureMethod.RSA_SHA256,
            digest_algorithm=DigestAlgorithm.SHA256,
            c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
        )
        root = signer.sign(root, key=key.private, cert=key.certificate, reference_uri=root.get("ID"), id_attribute="ID")
        signature = root.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
        assert signature is not None, "it was signed just now"
        root.remove(signature)
        root.insert(1, signature)  # behind Issuer, as the schema wants it; where it stands is not signed
    return base64.b64encode(written(root)).decode()


def _message(name: str, envelope: Envelope) -> Element:
    root = etree.Element(p(name), nsmap=_NAMES)
    root.set("ID", envelope.id)
    root.set("Version", "2.0")
    root.set("IssueInstant", _written(envelope.now))
    root.set("Destination", envelope.destination)
    etree.SubElement(root, a("Issuer")).text = envelope.issuer
    return root


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
