"""Whose message this is: the one signed element that may be read, verified with pinned certificates only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from rollcall.workspaces.sso.failure import token_invalid
from rollcall.workspaces.sso.saml_xml import Element, a, check_ids, ds, needed, p, parse

LEAST_RSA_BITS = 2048
_METHODS = frozenset(
    {
        SignatureMethod.RSA_SHA256,
        SignatureMethod.RSA_SHA384,
        SignatureMethod.RSA_SHA512,
        SignatureMethod.ECDSA_SHA256,
        SignatureMethod.ECDSA_SHA384,
    }
)
_DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_C14N = (
    "http://www.w3.org/2001/10/xml-exc-c14n#",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/2006/12/xml-c14n11",
)
_ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"


def load_certificates(pems: Sequence[str], now: datetime, *, expired_too: bool) -> list[x509.Certificate]:
    """The certificates that may sign now. Raises SsoFailed when none is left (check SGN-4), or for a weak key."""
    found = [x509.load_pem_x509_certificate(pem.encode()) for pem in pems]
    for each in found:
        key = each.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
            raise token_invalid(
                "SGN-4", f"a certificate has a key of {key.key_size} bits; {LEAST_RSA_BITS} are the least"
            )
        if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
            raise token_invalid("SGN-4", "a certificate has a key of a sort that signs no SAML here")
    valid = [each for each in found if expired_too or each.not_valid_before_utc <= now <= each.not_valid_after_utc]
    if not valid:
        raise token_invalid("SGN-4", "every certificate of the configuration has expired, or is not valid yet")
    return valid


def signed_assertion(
    root: Element, certificates: Sequence[x509.Certificate], now: datetime, *, response_suffices: bool
) -> tuple[Element, Element | None]:
    """The assertion, and the response where that is signed, both as the verifier returned them (checks XML-2, SGN-1).

    `root` is a parsed `samlp:Response`. Nothing of the tree that was handed in may be believed afterwards. Raises
    Rejected.
    """
    if root.tag != p("Response"):
        raise token_invalid("XML-2", "the root is no samlp:Response")
    check_ids(root)
    if len(root.findall(f".//{a('EncryptedAssertion')}")):
        raise token_invalid("XML-2", "the assertion is encrypted, and no key to open it is configured")
    assertions = list(root.iter(a("Assertion")))
    if len(assertions) != 1 or assertions[0].getparent() is not root:
        raise token_invalid("XML-2", "there has to be one assertion, directly in the response")
    signatures = list(root.iter(ds("Signature")))
    on_response = [each for each in signatures if each.getparent() is root]
    on_assertion = [each for each in signatures if each.getparent() is assertions[0]]
    if len(signatures) != len(on_response) + len(on_assertion):
        raise token_invalid("SGN-2", "a signature stands somewhere else than in the response or the assertion")
    if len(on_response) > 1 or len(on_assertion) > 1:
        raise token_invalid("SGN-2", "something is signed twice")
    if not on_assertion and not (on_response and response_suffices):
        raise token_invalid("SGN-1", "the assertion is not signed")
    response = verified(root, on_response[0], certificates, now) if on_response else None
    if not on_assertion:
        assert response is not None, "one of the two is signed"
        return needed(response, a("Assertion"), "XML-2"), response
    # With both signed, the inner signature is looked at in the very tree that the outer one covers.
    where = root if response is None else response
    assertion = needed(where, a("Assertion"), "XML-2")
    return verified(assertion, needed(assertion, ds("Signature"), "SGN-2"), certificates, now), response


def verified(element: Element, signature: Element, certificates: Sequence[x509.Certificate], now: datetime) -> Element:
    """The element as it was signed: a tree of its own, of nothing but the bytes that the signature covers.

    `signature` is its direct child. Raises SsoFailed (checks SGN-2 to SGN-4).
    """
    _check_reference(element, signature)
    # The verifier gets the element as a document of its own: no other part of the message is in reach of its look-ups.
    alone = etree.tostring(element, with_tail=False)
    for certificate in certificates:
        # Whether a certificate may sign now was decided before; the verifier is not to decide it once more, otherwise.
        moment = min(max(now, certificate.not_valid_before_utc), certificate.not_valid_after_utc)
        try:
            result = XMLVerifier().verify(
                alone,
                x509_cert=certificate,
                id_attribute="ID",
                expect_config=_configuration(moment),
            )
        except (SignXMLException, InvalidSignature, UnsupportedAlgorithm, ValueError, KeyError):
            continue
        assert not isinstance(result, list), "one reference was expected"
        if result.signed_xml is None or result.signed_xml.tag != element.tag:
            raise token_invalid("SGN-1", "something else was signed")
        # Parsed anew from the very bytes that were digested: what is read is what was signed, and nothing beside it.
        return parse(result.signed_data)
    raise token_invalid("SGN-4", "the signature fits none of the configured certificates")


def _configuration(moment: datetime) -> SignatureConfiguration:
    return SignatureConfiguration(
        require_x509=True,
        location="./",
        expect_references=1,
        signature_methods=_METHODS,
        digest_algorithms=_DIGESTS,
        ignore_ambiguous_key_info=True,
        verification_time=moment,
    )


def _check_reference(element: Element, signature: Element) -> None:
    info = needed(signature, ds("SignedInfo"), "SGN-2")
    reference = needed(info, ds("Reference"), "SGN-2")
    identifier = element.get("ID")
    if not identifier or reference.get("URI") != f"#{identifier}":
        raise token_invalid("SGN-2", "the signature names something else than what it stands in")
    method = needed(info, ds("SignatureMethod"), "SGN-3").get("Algorithm")
    if method not in {each.value for each in _METHODS}:
        raise token_invalid("SGN-3", "the signature is of a method that is not taken")
    digest = needed(reference, ds("DigestMethod"), "SGN-3").get("Algorithm")
    if digest not in {each.value for each in _DIGESTS}:
        raise token_invalid("SGN-3", "the digest is of a method that is not taken")
    if needed(info, ds("CanonicalizationMethod"), "SGN-3").get("Algorithm") not in _C14N:
        raise token_invalid("SGN-3", "the canonical form is not one that is taken")
    transforms = needed(reference, ds("Transforms"), "SGN-3")
    named = [each.get("Algorithm") for each in transforms.findall(ds("Transform"))]
    if _ENVELOPED not in named or any(each != _ENVELOPED and each not in _C14N for each in named) or len(named) > 2:
        raise token_invalid("SGN-3", "the signature transforms what it covers in a way that is not taken")
