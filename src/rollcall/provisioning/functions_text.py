"""Functions of the mapping language over text: cutting, joining, letter case, marks, encodings."""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable

from rollcall.provisioning.expression_values import Bare, Context, Fault, Value, shown, text


def append(source: str, suffix: str | None) -> str:
    """Append: null adds nothing."""
    return source + (suffix or "")


def join(separator: str | None, *sources: Value) -> str:
    """Join: lists give each value; null and empty values give neither text nor separator."""
    written: list[str] = []
    for source in sources:
        if source.__class__ is str:
            if source:
                written.append(source)
        elif isinstance(source, list | tuple):
            written.extend(piece for value in source if (piece := text(value)))
        elif piece := text(source):
            written.append(piece)
    return (separator or "").join(written)


def left(source: str | None, count: float | None) -> str:
    """Left: 0 gives empty text, below 0 the whole text, null empty text."""
    if source is None:
        return ""
    wanted = _needed(count, "numChars")
    return source if wanted < 0 else source[:wanted]


def mid(source: str, start: float | None, length: float | None) -> str:
    """Mid: the first character is 1; past the end there is empty text."""
    first, wanted = _needed(start, "start"), _needed(length, "length")
    if first < 1:
        raise Fault(f"start is {first}", "The first character is 1")
    if wanted < 0:
        raise Fault(f"length is {wanted}", "Give 0 or more")
    return source[first - 1 : first - 1 + wanted]


def _needed(given: float | None, name: str) -> int:
    if given is None:
        raise Fault(f"{name} is null", "Give a number")
    return int(given)


def word(source: str | None, number: float | None, delimiters: str | None) -> str:
    """Word: each character of delimiters separates; no such word gives empty text."""
    if source is None or number is None or number < 1:
        return ""
    pieces = re.split(f"[{re.escape(delimiters)}]", source) if delimiters else [source]
    return pieces[int(number) - 1] if number <= len(pieces) else ""


def split(source: str, delimiter: str | None) -> list[str]:
    """Split: blanks around the values go away."""
    if not delimiter:
        return [source.strip()]
    return [piece.strip() for piece in source.split(delimiter)]


def in_str(source: str | None, wanted: str | None, start: float | None = None, compare: Bare | None = None) -> int:
    """InStr: position from 1, 0 if absent."""
    if compare not in {None, Bare.TEXT_COMPARE, Bare.BINARY_COMPARE}:
        raise Fault("compareType is not known", "Use vbBinaryCompare or vbTextCompare")
    first = 1 if start is None else int(start)
    if first < 1:
        raise Fault(f"start is {first}", "The first character is 1")
    if source is None or wanted is None:
        return 0
    if compare is Bare.TEXT_COMPARE:
        source, wanted = lower(source), lower(wanted)
    return source.find(wanted, first - 1) + 1 if first <= len(source) else 0


def strip_spaces(source: str) -> str:
    """StripSpaces: only U+0020 goes."""
    return source.replace(" ", "")


def trim(source: Value) -> Value:
    """Trim: blanks at both ends; of each value of a list."""
    if isinstance(source, list | tuple):
        return [(text(value) or "").strip() for value in source]
    written = text(source)
    return written.strip() if written is not None else None


def opposite(source: Value) -> str:
    """Not: True gives False, everything else gives True."""
    return "False" if text(source) == "True" else "True"


# ── letter case: one character for one character, as the invariant culture of .NET does ──────────────────────────


class _CaseTable(dict[int, str]):
    """A table for str.translate that works out each character once; full mappings such as ß to SS stay out."""

    def __init__(self, change: Callable[[str], str], special: dict[str, str]) -> None:
        super().__init__({ord(before): after for before, after in special.items()})
        self.change = change

    def __missing__(self, code: int) -> str:
        changed = self.change(chr(code))
        self[code] = changed if len(changed) == 1 else chr(code)
        return self[code]


# The invariant culture leaves the two Turkish letters alone; Turkish and Azerbaijani pair them with the plain ones.
_LOWER = _CaseTable(str.lower, {})  # İ has no single small letter, so it stays
_UPPER = _CaseTable(str.upper, {"ı": "ı"})
_TURKIC_LOWER = _CaseTable(str.lower, {"I": "ı", "İ": "i"})
_TURKIC_UPPER = _CaseTable(str.upper, {"i": "İ", "ı": "I"})
_TITLE = _CaseTable(str.title, {"ı": "ı"})
_CULTURE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*\Z")


def lower(source: str) -> str:
    """Lower case in the invariant culture; the text keeps its length."""
    return source.lower() if source.isascii() else source.translate(_LOWER)


def to_lower(source: str, culture: str | None = None) -> str:
    """ToLower."""
    return source.translate(_TURKIC_LOWER) if culture and _is_turkic(culture) else lower(source)


def to_upper(source: str, culture: str | None = None) -> str:
    """ToUpper."""
    if culture and _is_turkic(culture):
        return source.translate(_TURKIC_UPPER)
    return source.upper() if source.isascii() else source.translate(_UPPER)


def _is_turkic(culture: str) -> bool:
    if not _CULTURE.match(culture):
        raise Fault(f"{shown(culture)} is not the name of a culture", 'Write it like "tr-TR", or leave it out')
    return re.split("[-_]", culture)[0].lower() in {"tr", "az"}


# .NET TextInfo: these categories end a word; the apostrophe inside a word does not.
_SEPARATING = frozenset(
    {"Zs", "Zl", "Zp", "Cc", "Cf", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So"}
)


def p_case(source: str, separators: str | None = None) -> str:
    """PCase: the first letter of each word upper, all others lower."""
    lowered = lower(source)
    out: list[str] = []
    inside = False
    for character in lowered:
        if not inside and character.isalpha():
            out.append(character.translate(_TITLE))
            inside = True
            continue
        out.append(character)
        if separators:
            inside = inside and character not in separators
        elif inside and character != "'":
            inside = unicodedata.category(character) not in _SEPARATING
    return "".join(out)


# Letters that have no decomposition (table of the function reference).
_PLAIN_LETTERS = str.maketrans(
    {
        "æ": "ae", "Æ": "AE", "ø": "oe", "Ø": "OE", "œ": "oe", "Œ": "OE",
        "ß": "ss", "ẞ": "SS", "ł": "l", "Ł": "L", "ı": "i",
    }
)  # fmt: skip


def normalize_diacritics(source: str) -> str:
    """NormalizeDiacritics: decompose, drop the combining marks, replace the letters that don't decompose."""
    if source.isascii():
        return source
    bare = "".join(c for c in unicodedata.normalize("NFD", source) if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFC", bare.translate(_PLAIN_LETTERS))


# ── encodings ────────────────────────────────────────────────────────────────────────────────────────────────────


def to_base64(source: str) -> str:
    """ConvertToBase64: of the UTF-16LE bytes, without a byte order mark."""
    return base64.b64encode(source.encode("utf-16-le", "surrogatepass")).decode()


_CODECS = {Bare.UNICODE: "utf-16-le", Bare.UTF8: "utf-8", Bare.ASCII: "ascii"}


def from_base64(source: str, encoding: Bare | None = None) -> str:
    """ConvertFromBase64."""
    if encoding is not None and encoding not in _CODECS:
        raise Fault("the encoding is not known", "Use Unicode, UTF8 or ASCII, without quotes")
    try:
        return base64.b64decode(source, validate=True).decode(_CODECS[encoding or Bare.UNICODE])
    except (binascii.Error, ValueError):
        raise Fault(
            f"{shown(source)} is not base64 in this encoding", "Check the encoding: Unicode, UTF8 or ASCII"
        ) from None


def to_utf8_hex(source: str) -> str:
    """ConvertToUTF8Hex: upper case."""
    return source.encode("utf-8", "replace").hex().upper()


def _dn_values(dn: str) -> tuple[str, ...]:
    """The values of a distinguished name's parts, from the left (RFC 4514 §2.4, §3)."""
    parts = re.findall(r"(?:[^,\\]|\\.)+", dn, re.DOTALL)
    return tuple(re.sub(r"\\([0-9A-Fa-f]{2}|.)", _unescape, part.partition("=")[2]).strip() for part in parts)


def _unescape(found: re.Match[str]) -> str:
    written = found.group(1)
    return chr(int(written, 16)) if len(written) == 2 else written


def dn_component(dn: str, number: float | None) -> str | None:
    """DNComponent: value of the n-th component from the left, null if there are fewer."""
    wanted = _needed(number, "number")
    found = _dn_values(dn)
    return found[wanted - 1] if 1 <= wanted <= len(found) else None


def string_from_sid(sid: Value) -> str:
    """StringFromSid: binary (or base64 of it) to S-1-… (MS-DTYP 2.4.2)."""
    try:
        raw = sid if isinstance(sid, bytes) else base64.b64decode(text(sid) or "", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) < 8 or len(raw) != 8 + 4 * raw[1]:
        raise Fault("the value is not a security identifier", "Give the binary attribute objectSid")
    authority = int.from_bytes(raw[2:8], "big")
    parts = [int.from_bytes(raw[at : at + 4], "little") for at in range(8, len(raw), 4)]
    return "-".join(["S", str(raw[0]), str(authority), *map(str, parts)])


# ── chance ───────────────────────────────────────────────────────────────────────────────────────────────────────

_DIGITS = "0123456789"
_SPECIAL = "~!@#$%^&*_-+=`|\\(){}[]:;\"'<>,.?/"  # Windows: "Password must meet complexity requirements"
_CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def random_string(
    context: Context,
    length: float | None,
    digits: float | None,
    special: float | None,
    capitals: float | None,
    lowers: float | None,
    avoid: str | None = None,
) -> str:
    """RandomString: characters beyond the minima come from the kinds that have a minimum."""
    total = _needed(length, "length")
    least = [int(n or 0) for n in (digits, special, capitals, lowers)]
    if not 0 <= total <= 256:
        raise Fault(f"length is {total}", "Ask for at most 256 characters")
    if min(least) < 0 or sum(least) > total:
        raise Fault(f"the minima add up to {sum(least)} and length is {total}", "Raise length or lower the minima")
    kinds = [
        "".join(c for c in kind if c not in (avoid or "")) for kind in (_DIGITS, _SPECIAL, _CAPITALS, _CAPITALS.lower())
    ]
    if any(wanted and not kind for wanted, kind in zip(least, kinds, strict=True)):
        raise Fault("avoid leaves no character of a kind that is needed", "Avoid fewer characters")
    pool = "".join(kind for wanted, kind in zip(least, kinds, strict=True) if wanted) or "".join(kinds)
    if not pool and total:
        raise Fault("avoid leaves no character", "Avoid fewer characters")
    draw = context.random.randrange
    chosen = [kind[draw(len(kind))] for wanted, kind in zip(least, kinds, strict=True) for _ in range(wanted)]
    chosen += [pool[draw(len(pool))] for _ in range(total - len(chosen))]
    for at in range(len(chosen) - 1, 0, -1):  # Fisher and Yates
        other = draw(at + 1)
        chosen[at], chosen[other] = chosen[other], chosen[at]
    return "".join(chosen)
