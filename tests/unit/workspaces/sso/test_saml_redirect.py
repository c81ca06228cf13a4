"""Messages in a query string: packed and signed as they are sent, and read back with limits (checks OUT-9, SGN-3, XML-1)."""

from __future__ import annotations

import base64
import zlib
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.saml_redirect import check_query_signature, read_redirect, redirect_url
from tests.unit.workspaces.sso.saml_making import signer

MORE = "http://www.w3.org/2001/04/xmldsig-more#"


def packed(xml: bytes, behind: bytes = b"") -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return quote(base64.b64encode(packer.compress(xml) + packer.flush() + behind).decode(), safe="")


def query(url: str) -> bytes:
    return url.partition("?")[2].encode()


def signed(algorithm: str, hashing: hashes.HashAlgorithm, name: str, *, curve: bool = False) -> bytes:
    covered = f"SAMLRequest={packed(b'<x/>')}&RelayState=r&SigAlg={quote(algorithm, safe='')}"
    key = signer(name, curve=curve).key
    if curve:
        r, s = decode_dss_signature(key.sign(covered.encode(), ec.ECDSA(hashing)))
        signature = r.to_bytes(32) + s.to_bytes(32)
    else:
        signature = key.sign(covered.encode(), padding.PKCS1v15(), hashing)
    return f"{covered}&Signature={quote(base64.b64encode(signature).decode(), safe='')}".encode()


def check(sent: bytes, by: str = "provider", *, curve: bool = False) -> str | None:
    """The check that fails; None where the signature is right."""
    certificate = x509.load_pem_x509_certificate(signer(by, curve=curve).certificate.encode())
    try:
        check_query_signature(read_redirect(sent), [certificate])
    except SsoFailed as failed:
        return failed.check
    return None


def test_what_is_sent_is_read_again() -> None:
    url = redirect_url("https://x/saml?a=b", "SAMLRequest", b"<x/>", "r", signer("provider", curve=False).key, "ada@x")
    message = read_redirect(query(url))

    assert url.startswith("https://x/saml?a=b&SAMLRequest=")
    assert (message.name, message.xml, message.relay_state) == ("SAMLRequest", b"<x/>", "r")
    assert check(query(url)) is None


@pytest.mark.parametrize(
    ("algorithm", "hashing", "expected"),
    [
        pytest.param(f"{MORE}rsa-sha256", hashes.SHA256(), None, id="RSA and SHA-256"),
        pytest.param(f"{MORE}rsa-sha384", hashes.SHA384(), None, id="RSA and SHA-384"),
        pytest.param(f"{MORE}rsa-sha512", hashes.SHA512(), None, id="RSA and SHA-512"),
        pytest.param("http://www.w3.org/2000/09/xmldsig#rsa-sha1", hashes.SHA1(), "SGN-3", id="SGN-3 SHA-1"),
        pytest.param(f"{MORE}hmac-sha256", hashes.SHA256(), "SGN-3", id="SGN-3 HMAC"),
        pytest.param(f"{MORE}rsa-sha512", hashes.SHA256(), "SGN-4", id="SGN-4 not what it says"),
        pytest.param(f"{MORE}ecdsa-sha256", hashes.SHA256(), "SGN-4", id="SGN-4 of another sort of key"),
    ],
)
def test_which_signatures_are_taken(algorithm: str, hashing: hashes.HashAlgorithm, expected: str | None) -> None:
    assert check(signed(algorithm, hashing, "provider")) == expected


def test_elliptic_curves_are_taken_as_xml_signatures_have_them() -> None:
    sent = signed(f"{MORE}ecdsa-sha256", hashes.SHA256(), "curve", curve=True)

    assert check(sent, "curve", curve=True) is None
    assert check(sent, "another curve", curve=True) == "SGN-4"
    assert check(sent.replace(b"RelayState=r", b"RelayState=s"), "curve", curve=True) == "SGN-4"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(b"", "OUT-9", id="nothing"),
        pytest.param(f"SAMLRequest={packed(b'<x/>')}", "OUT-9", id="not signed"),
        pytest.param(f"SAMLRequest={packed(b'<x/>')}&SAMLResponse={packed(b'<x/>')}", "OUT-9", id="two messages"),
        pytest.param(f"SAMLRequest={packed(b'<x/>')}&SAMLReques%74=x", "OUT-9", id="twice"),
        pytest.param(f"SAMLRequest={packed(b'<x/>')}&SAMLEncoding=other", "OUT-9", id="packed otherwise"),
        pytest.param(f"SAMLRequest={packed(b'<x/>')}&RelayState={'r' * 81}", "OUT-9", id="RelayState of 81 bytes"),
        pytest.param(f"SAMLRequest={packed(b'<x/>')}&RelayState=%ff", "OUT-9", id="no text"),
        pytest.param(f"SAMLRequest={'x' * 65 * 1024}", "OUT-9", id="a long query"),
        pytest.param("SAMLRequest=%25", "XML-1", id="no base64"),
        pytest.param("SAMLRequest=AAAA", "XML-1", id="not packed"),
        pytest.param(f"SAMLRequest={packed(b'<x/>', b'more')}", "XML-1", id="something behind"),
        pytest.param(f"SAMLRequest={packed(b' ' * 10_000_000)}", "XML-1", id="small, and large when unpacked"),
    ],
)
def test_what_is_no_message_is_refused(sent: bytes | str, expected: str) -> None:
    assert check(sent if isinstance(sent, bytes) else sent.encode()) == expected
