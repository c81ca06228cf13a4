"""What a mail address is: a dot-string and a domain name, as every mail server takes them (RFC 5321 §4.1.2)."""

from __future__ import annotations

import re

_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LOCAL_PART_BYTES = 64  # RFC 5321 §4.5.3.1.1
_ADDRESS_BYTES = 254  # a path has 256 with its angle brackets (RFC 5321 §4.5.3.1.3)


def check_mail_address(written: object) -> str:
    """The address as it is. Raises ValueError with the rule that it breaks.

    Left out on purpose: quoted local parts and address literals, which no mailbox of people has, and letters beyond
    ASCII, for which every server on the way would have to speak SMTPUTF8 (RFC 6531).
    """
    if not isinstance(written, str):
        raise ValueError("must be text such as ops@example.com")
    local, at, domain = written.rpartition("@")
    if not at or not local or not domain:
        raise ValueError("must have the form name@domain, such as ops@example.com")
    if not written.isascii():
        raise ValueError("must be ASCII; write a domain of other letters in its xn-- form")
    if len(local) > _LOCAL_PART_BYTES or len(written) > _ADDRESS_BYTES:
        raise ValueError(f"must have {_LOCAL_PART_BYTES} characters before the @ at most, and {_ADDRESS_BYTES} in all")
    if not _ATOMS.fullmatch(local):
        raise ValueError("must have letters, digits, dots between them and !#$%&'*+/=?^_`{|}~- before the @")
    labels = domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise ValueError("must have a domain name with a dot after the @, such as example.com")
    return written
