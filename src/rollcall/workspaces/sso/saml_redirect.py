"""Messages in a query string: packed, signed over the very string that is sent, and read back (SAML bindings §3.4)."""

from __future__ import annotations

import base64
import binascii
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, unquote_to_bytes, urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from rollcall.workspaces.sso.failure import token_invalid
from rollcall.workspaces.sso.saml_xml import LARGEST_BYTES

RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
LONGEST_RELAY_STATE = 80
_LONGEST_QUERY = 64 * 1024
_DEFLATE = "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE"
_RSA = {
    RSA_SHA256: hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384": hashes.SHA384(),
    "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512": hashes.SHA512(),
}
_ECDSA = {
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": hashes.SHA256(),
    "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": hashes.SHA384(),
}

Name = Literal["SAMLRequest", "SAMLResponse"]


@dataclass(frozen=True, slots=True)
class Redirected:
    """A message out of a query string. `signed`: what its signature covers, as it was sent; nothing is believed yet."""

    name: Name
    xml: bytes
    relay_state: str | None
    signed: bytes
    algorithm: str | None
    signature: bytes


def redirect_url(
    where: str,
    name: Name,
    xml: bytes,
    relay_state: str | None = None,
    key: rsa.RSAPrivateKey | None = None,
    login_hint: str | None = None,
) -> str:
    """The address that carries a message; signed by RSA and SHA-256 where a key is given (SAML bindings §3.4.4.1).

    `login_hint`: Entra's way to say who is expected; it is beside what is signed.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = base64.b64encode(packer.compress(xml) + packer.flush()).decode()
    parts = [f"{name}={quote(packed, safe='')}"]
    if relay_state is not None:
        assert len(relay_state) <= LONGEST_RELAY_STATE, "RelayState has 80 bytes at most"
        parts.append(f"RelayState={quote(relay_state, safe='')}")
    if key is not None:
        parts.append(f"SigAlg={quote(RSA_SHA256, safe='')}")
        signature = key.sign("&".join(parts).encode(), padding.PKCS1v15(), hashes.SHA256())
        parts.append(f"Signature={quote(base64.b64encode(signature).decode(), safe='')}")
    if login_hint is not None:
        parts.append(f"login_hint={quote(login_hint, safe='')}")
    return f"{where}{'&' if urlsplit(where).query else '?'}{'&'.join(parts)}"


def read_redirect(query: bytes) -> Redirected:
    """The message in a query string as it was sent. Raises SsoFailed (check OUT-9)."""
    if len(query) > _LONGEST_QUERY:
        raise token_invalid("OUT-9", "the query is too long")
    raw: dict[str, bytes] = {}
    for part in query.split(b"&"):
        name, _, value = part.partition(b"=")
        key = unquote_to_bytes(name).decode("ascii", "replace")
        if key in raw:
            raise token_invalid("OUT-9", "a parameter is there twice")
        raw[key] = value
    both: tuple[Name, Name] = ("SAMLRequest", "SAMLResponse")
    names = [each for each in both if each in raw]
    if len(names) != 1 or _plain(raw.get("SAMLEncoding", _DEFLATE.encode())) != _DEFLATE:
        raise token_invalid("OUT-9", "there is no one message, or it is packed in another way")
    relay_state = _plain(raw["RelayState"]) if "RelayState" in raw else None
    if relay_state is not None and len(relay_state.encode()) > LONGEST_RELAY_STATE:
        raise token_invalid("OUT-9", "RelayState is too long")
    # The order is that of the standard, whatever the order in the query; each value stays encoded as it came.
    covered = b"&".join(f"{each}=".encode() + raw[each] for each in (names[0], "RelayState", "SigAlg") if each in raw)
    return Redirected(
        names[0],
        _unpacked(_plain(raw[names[0]])),
        relay_state,
        covered,
        _plain(raw["SigAlg"]) if "SigAlg" in raw else None,
        _decoded(_plain(raw.get("Signature", b""))),
    )


def check_query_signature(message: Redirected, certificates: Sequence[x509.Certificate]) -> None:
    """Raises SsoFailed OUT-9 unless one of the certificates' keys signed the query."""
    if message.algorithm is None or not message.signature:
        raise token_invalid("OUT-9", "the message is not signed")
    if message.algorithm not in _RSA and message.algorithm not in _ECDSA:
        raise token_invalid("SGN-3", "the signature is of a method that is not taken")
    if not any(_verifies(message, each) for each in certificates):
        raise token_invalid("SGN-4", "the signature fits none of the configured certificates")


def _verifies(message: Redirected, certificate: x509.Certificate) -> bool:
    key, algorithm = certificate.public_key(), message.algorithm or ""
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm in _RSA:
            key.verify(message.signature, message.signed, padding.PKCS1v15(), _RSA[algorithm])
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm in _ECDSA:
            half = len(message.signature) // 2  # r and s side by side (XML Signature 1.1 §6.4.3)
            r, s = (int.from_bytes(each) for each in (message.signature[:half], message.signature[half:]))
            key.verify(encode_dss_signature(r, s), message.signed, ec.ECDSA(_ECDSA[algorithm]))
        else:
            return False
    except InvalidSignature:
        return False
    return True


def _plain(value: bytes) -> str:
    try:
        return unquote_to_bytes(value.replace(b"+", b" ")).decode()
    except UnicodeDecodeError:
        raise token_invalid("OUT-9", "a parameter is no text") from None


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise token_invalid("XML-1", "the message is no base64") from None


def _unpacked(value: str) -> bytes:
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        xml = unpacker.decompress(_decoded(value), LARGEST_BYTES + 1)
    except zlib.error:
        raise token_invalid("XML-1", "the message is not packed as it should be") from None
    if len(xml) > LARGEST_BYTES or not unpacker.eof or unpacker.unused_data:
        raise token_invalid("XML-1", "the message is too large, or has something behind it")
    return xml
