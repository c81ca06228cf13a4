"""Distinguished names (RFC 4514) in one form, so that two spellings of a name are equal as texts."""

from __future__ import annotations

import re

from rollcall.scim.datatypes import fold

_HEX_PAIR = re.compile(r"[0-9A-Fa-f]{2}")
_BLANKS = re.compile(r"\s+")
_SPECIAL = re.compile(r'([,+=\\"])')
_ESCAPE = r"\\\1"
# Most names have none of these and are read at a tenth of the cost.
_INTRICATE = re.compile(r'[\\"+;]')
_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)*")


def normalise(text: str) -> str:
    """The name with case, blanks, quotes and escapes brought into one form.

    `UID=x , OU = "A, B"` and `uid=x,ou=a\\, b` give the same. Raises ValueError for what is no name.
    """
    relatives = (
        [f"{kind}={_SPECIAL.sub(_ESCAPE, value)}" for kind, value in relative] for relative in _relatives(text)
    )
    return ",".join("+".join(sorted(relative)) for relative in relatives)


def attribute_values(text: str, kind: str) -> set[str]:
    """The folded values that the name has for an attribute, such as all of its "ou". Raises ValueError."""
    return {value for relative in _relatives(text) for found, value in relative if found == kind}


def _relatives(text: str) -> list[list[tuple[str, str]]]:
    """Relative names, each a list of type and value, both folded. The empty name has none."""
    if _INTRICATE.search(text):
        return _parse(text)
    folded = _BLANKS.sub(" ", fold(text))
    pairs = [relative.partition("=") for relative in folded.split(",")]
    plain = [[(kind.strip(), value.strip())] for kind, equals, value in pairs if equals and "=" not in value]
    if len(plain) < len(pairs) or not all(_TYPE.fullmatch(relative[0][0]) for relative in plain):
        return _parse(text)
    return plain


def _parse(text: str) -> list[list[tuple[str, str]]]:
    if not text.strip():
        return []
    names: list[list[tuple[str, str]]] = [[]]
    position = 0
    while True:
        kind, equals, _ = text[position:].partition("=")
        if not equals or not _TYPE.fullmatch(kind.strip()):
            raise ValueError(f"{text!r} is not a distinguished name")
        value, position = _value(text, position + len(kind) + 1)
        names[-1].append((fold(kind.strip()), fold(value)))
        if position == len(text):
            return names
        # RFC 4514 §2.1 and §2.2; RFC 2253 §4 allowed a semicolon as well.
        if text[position] in ",;":
            names.append([])
        position += 1


def _value(text: str, position: int) -> tuple[str, int]:
    """The value that starts at `position`, and where its separator is (or the end)."""
    while position < len(text) and text[position].isspace():
        position += 1
    if position < len(text) and text[position] == '"':
        return _quoted(text, position + 1)
    found = bytearray()
    kept = 0  # blanks before this are part of the value: they were escaped, or something follows
    while position < len(text) and text[position] not in ",;+":
        if text[position] == "\\":
            escaped, position = _escaped(text, position + 1)
            found += escaped
            kept = len(found)
            continue
        found += text[position].encode("utf-8", "surrogateescape")
        if not text[position].isspace():
            kept = len(found)
        position += 1
    return _text(found[:kept]), position


def _quoted(text: str, position: int) -> tuple[str, int]:
    found = bytearray()
    while position < len(text) and text[position] != '"':
        if text[position] == "\\":
            escaped, position = _escaped(text, position + 1)
            found += escaped
            continue
        found += text[position].encode("utf-8", "surrogateescape")
        position += 1
    position += 1
    while position < len(text) and text[position].isspace():
        position += 1
    if position > len(text) or (position < len(text) and text[position] not in ",;+"):
        raise ValueError(f"{text!r} is not a distinguished name: a quote is not closed")
    return _text(found), position


def _escaped(text: str, position: int) -> tuple[bytes, int]:
    if position >= len(text):
        raise ValueError(f"{text!r} is not a distinguished name: it ends with a backslash")
    if _HEX_PAIR.match(text, position):
        return bytes.fromhex(text[position : position + 2]), position + 2
    return text[position].encode("utf-8", "surrogateescape"), position + 1


def _text(value: bytes | bytearray) -> str:
    # RFC 4518 §2.6.1: runs of blanks count as one.
    return _BLANKS.sub(" ", value.decode("utf-8", "surrogateescape"))
