"""Sealing what we must read again (a target's secret token), hashing what we only compare (tokens we issue)."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rollcall.errors import Unavailable

_NONCE_BYTES = 12
_KEY_BYTES = 32


class Sealer:
    """Seals secrets with AES-256-GCM under one key (NIST SP 800-38D).

    `context` binds a sealed value to the row it belongs to: moved to another row it does not open.
    """

    def __init__(self, key: bytes) -> None:
        assert len(key) == _KEY_BYTES, "a sealing key has 32 bytes"
        self._cipher = AESGCM(key)
        # Another key than the one that seals, so that neither use tells anything of the other.
        self._signing_key = hmac.digest(key, b"rollcall signatures", hashlib.sha256)

    def seal(self, secret: str, context: str) -> bytes:
        """Nonce and ciphertext of `secret`, bound to `context`."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), context.encode())

    def signature(self, context: str) -> hmac.HMAC:
        """A signature to be fed with what is signed (HMAC-SHA-256, RFC 2104), bound to `context`."""
        return hmac.new(self._signing_key, f"{context}\x00".encode(), hashlib.sha256)

    def open(self, sealed: bytes, context: str) -> str:
        """The secret that was sealed. Raises Unavailable when key or context do not fit."""
        nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, ciphertext, context.encode()).decode()
        except InvalidTag:
            raise Unavailable(
                "A stored secret can't be opened with this sealing key. "
                "Start Rollcall with the key that sealed it, or enter the secret again."
            ) from None


def read_or_make_key(path: Path) -> bytes:
    """The sealing key in the file at `path`; a new one is written there when there is none.

    The file is readable by its owner only. Raises Unavailable when it holds something else than a key.
    """
    if not path.exists():
        _put(path, os.urandom(_KEY_BYTES).hex())
    text = path.read_text().strip()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise Unavailable(f"{path} is not a sealing key: 64 hexadecimal digits are expected.")
    return key


def _put(path: Path, text: str) -> None:
    """Write a file whole and at once, unless somebody else was first: their key is the one that counts."""
    mine = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    with contextlib.suppress(FileExistsError):
        os.link(mine, path)
    mine.unlink()


def hash_token(token: str) -> bytes:
    """SHA-256 of a token we issued; enough for 256 random bits, too weak for a password."""
    return hashlib.sha256(token.encode()).digest()


def same(left: bytes, right: bytes) -> bool:
    """Whether two secrets or hashes are equal, in time that does not tell where they differ."""
    return hmac.compare_digest(left, right)
