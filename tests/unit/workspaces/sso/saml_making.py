"""Makes SAML answers as a provider does, signed with keys made here, so that tests can spoil them line by line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from rollcall.workspaces.sso.saml_response import Expected
from rollcall.workspaces.sso.saml_xml import ASSERTION, PROTOCOL, Element

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ACS = "https://rooms.example.com/sso/1/acs"
AUDIENCE = "https://rooms.example.com/sso/1"
ISSUER = "https://sts.windows.net/7d8e/"
GROUPS = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"
OID = "http://schemas.microsoft.com/identity/claims/objectidentifier"
BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
Edit = Callable[[Element], None]


@dataclass(frozen=True)
class Signer:
    """A provider's key and certificate."""

    key: Any
    certificate: str


@cache
def signer(name: str = "provider", *, bits: int = 2048, curve: bool = False, expired: bool = False) -> Signer:
    """The key of somebody; another one for each name."""
    key: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if curve
        else rsa.generate_private_key(public_exponent=65537, key_size=bits)
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin = NOW - timedelta(days=800)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(NOW - timedelta(days=1) if expired else NOW + timedelta(days=800))
        .sign(key, hashes.SHA256())
    )
    return Signer(key, made.public_bytes(serialization.Encoding.PEM).decode())


@dataclass
class Answer:
    """What a provider says; every field can be another one. Removed is what is None."""

    request_id: str | None = "id0123456789abcdef0123456789abcdef"
    destination: str | None = ACS
    response_issuer: str | None = ISSUER
    issuer: str = ISSUER
    audiences: Sequence[Sequence[str]] = ((AUDIENCE,),)
    recipient: str = ACS
    method: str = BEARER
    confirmed_to: str | None = "id0123456789abcdef0123456789abcdef"
    confirmation_ends: str | None = "2026-05-04T12:05:00Z"
    confirmation_begins: str | None = None
    not_before: str | None = "2026-05-04T11:55:00.123Z"
    not_on_or_after: str | None = "2026-05-04T13:05:00Z"
    condition: str | None = None
    name_id: str = "AbC+ada=="
    name_format: str = PERSISTENT
    instant: str | None = "2026-05-04T11:59:00Z"
    session_until: str | None = None
    status: str = "urn:oasis:names:tc:SAML:2.0:status:Success"
    second_status: str | None = None
    status_message: str | None = None
    context: str = "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
    attributes: dict[str, Sequence[str]] = field(default_factory=lambda: {OID: ["o1"], GROUPS: ["g1", "g2"]})
    statement: bool = True
    version: str = "2.0"

    def xml(self) -> Element:
        """The response, not signed yet."""
        audiences = "".join(
            f"<AudienceRestriction>{''.join(f'<Audience>{each}</Audience>' for each in one)}</AudienceRestriction>"
            for one in self.audiences
        )
        attributes = "".join(
            f'<Attribute Name="{name}">{"".join(f"<AttributeValue>{each}</AttributeValue>" for each in values)}</Attribute>'
            for name, values in self.attributes.items()
        )
        second = f'<samlp:StatusCode Value="{self.second_status}"/>' if self.second_status else ""
        said = f"<samlp:StatusMessage>{self.status_message}</samlp:StatusMessage>" if self.status_message else ""
        response_issuer = f'<Issuer xmlns="{ASSERTION}">{self.response_issuer}</Issuer>' if self.response_issuer else ""
        statement = f"""<AuthnStatement{_put(AuthnInstant=self.instant, SessionNotOnOrAfter=self.session_until)}
            SessionIndex="_s1"><AuthnContext><AuthnContextClassRef>{self.context}</AuthnContextClassRef></AuthnContext>
            </AuthnStatement>"""
        text = f"""<samlp:Response xmlns:samlp="{PROTOCOL}" ID="_r1" Version="{self.version}"
            IssueInstant="2026-05-04T12:00:00Z"{_put(Destination=self.destination, InResponseTo=self.request_id)}>
            {response_issuer}<samlp:Status><samlp:StatusCode Value="{self.status}">{second}</samlp:StatusCode>{said}
            </samlp:Status><Assertion xmlns="{ASSERTION}" ID="_a1" Version="2.0" IssueInstant="2026-05-04T12:00:00Z">
            <Issuer>{self.issuer}</Issuer><Subject><NameID Format="{self.name_format}">{self.name_id}</NameID>
            <SubjectConfirmation Method="{self.method}"><SubjectConfirmationData{
            _put(
                Recipient=self.recipient,
                InResponseTo=self.confirmed_to,
                NotOnOrAfter=self.confirmation_ends,
                NotBefore=self.confirmation_begins,
            )
        }/></SubjectConfirmation></Subject>
            <Conditions{_put(NotBefore=self.not_before, NotOnOrAfter=self.not_on_or_after)}>{audiences}{
            self.condition or ""
        }
            </Conditions>{statement if self.statement else ""}
            <AttributeStatement>{attributes}</AttributeStatement></Assertion></samlp:Response>"""
        return etree.fromstring(text.encode(), etree.XMLParser(remove_blank_text=True))


def _put(**attributes: str | None) -> str:
    return "".join(f' {name}="{value}"' for name, value in attributes.items() if value is not None)


def sign(
    element: Element,
    by: Signer | None = None,
    *,
    method: SignatureMethod | None = None,
    digest: DigestAlgorithm = DigestAlgorithm.SHA256,
    inclusive: bool = False,
) -> Element:
    """The element with its signature as first child after the issuer, signed as it is now."""
    by = by or signer()
    elliptic = isinstance(by.key, ec.EllipticCurvePrivateKey)
    signing = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=method or (SignatureMethod.ECDSA_SHA256 if elliptic else SignatureMethod.RSA_SHA256),
        digest_algorithm=digest,
        c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0
        if inclusive
        else CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    return signing.sign(element, key=by.key, cert=by.certificate, reference_uri=element.get("ID"), id_attribute="ID")


def answered(
    answer: Answer | None = None,
    *,
    by: Signer | None = None,
    assertion: bool = True,
    response: bool = False,
    before: Edit | None = None,
    after: Edit | None = None,
    **signing: Any,
) -> bytes:
    """The bytes of an answer: spoilt before it is signed, signed, spoilt after."""
    root = (answer or Answer()).xml()
    if before is not None:
        before(root)
    if assertion:
        inner = root.find(f"{{{ASSERTION}}}Assertion")
        assert inner is not None
        root.replace(inner, sign(inner, by, **signing))
    if response:
        root = sign(root, by, **signing)
    if after is not None:
        after(root)
    return etree.tostring(root)


def expected(**changes: Any) -> Expected:
    """What a good answer fits."""
    base: dict[str, Any] = {
        "acs_url": ACS,
        "audience": AUDIENCE,
        "issuer": ISSUER,
        "certificates": (signer().certificate,),
        "request_id": "id0123456789abcdef0123456789abcdef",
        "now": NOW,
    }
    return Expected(**(base | changes))
