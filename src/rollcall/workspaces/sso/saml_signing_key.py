"""A key by which we sign SAML messages, with the certificate that our metadata shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_BITS = 3072
_LASTS = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class SamlKey:
    """A private key and its certificate, in PEM."""

    private_pem: str = field(repr=False)
    certificate: str

    @property
    def private(self) -> rsa.RSAPrivateKey:
        """The key to sign with."""
        return cast(rsa.RSAPrivateKey, serialization.load_pem_private_key(self.private_pem.encode(), None))


def make_key(name: str, now: datetime) -> SamlKey:
    """A new key, with a certificate by itself for ten years: providers compare it, and trust nobody beside it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_BITS)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LASTS)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SamlKey(private.decode(), certificate.public_bytes(serialization.Encoding.PEM).decode())
