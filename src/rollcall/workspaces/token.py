"""The form of a SCIM secret token: recognisable, with a checksum, 256 random bits."""

from __future__ import annotations

import base64
import zlib

from rollcall.runtime import new_secret

PREFIX = "rcs_"

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_LENGTH = 43  # 62 ** 43 > 2 ** 256
_CHECKSUM_LENGTH = 6  # 62 ** 6 > 2 ** 32


def new_token() -> str:
    """A new secret token: `rcs_`, 43 base-62 digits of 256 random bits, 6 of their CRC-32.

    The prefix lets secret scanners find a token that was published; the checksum tells a mistyped one
    without asking the database. Neither adds to its strength.
    """
    random_bytes = base64.urlsafe_b64decode(new_secret(256) + "=")
    body = PREFIX + _base62(int.from_bytes(random_bytes), _SECRET_LENGTH)
    return body + _checksum(body)


def is_token(text: str) -> bool:
    """Whether `text` has the form of a secret token, checksum included; says nothing about its being valid."""
    if len(text) != len(PREFIX) + _SECRET_LENGTH + _CHECKSUM_LENGTH or not text.isascii():
        return False
    body, checksum = text[:-_CHECKSUM_LENGTH], text[-_CHECKSUM_LENGTH:]
    return body.startswith(PREFIX) and checksum == _checksum(body)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, rest = divmod(number, 62)
        digits.append(_DIGITS[rest])
    return "".join(reversed(digits))
