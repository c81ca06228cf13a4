"""Versions of resources as entity tags, and the headers that compare them (RFC 7644 §3.14, RFC 9110 §8.8.3 and §13.1)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from rollcall.scim.error import invalid_value, precondition_failed

_MAX_HEADER = 8192
_ENTITY_TAG = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e\x80-\uffff]*)"|([^\s",*][^\s",]*))[ \t]*(?:,|\Z)')


@dataclass(frozen=True, slots=True)
class Tags:
    """The entity tags of an If-Match or If-None-Match header; `any` for `*`. Compared weakly: `opaque` parts only."""

    opaque: frozenset[str]
    any: bool = False

    def match(self, version: str | None) -> bool:
        """Whether the resource's version is among the tags; None stands for a resource that is not there."""
        return version is not None and (self.any or _opaque(version) in self.opaque)


def version_tag(version: int | bytes) -> str:
    """The weak entity tag of a version number, or of the bytes that make up the representation."""
    opaque = str(version) if isinstance(version, int) else hashlib.sha256(version).hexdigest()[:32]
    return f'W/"{opaque}"'


def parse_tags(header: str) -> Tags:
    """The tags in an If-Match or If-None-Match header; raises invalidValue.

    Tags without quotation marks are read too: `meta.version` is often sent back by hand.
    """
    if len(header) > _MAX_HEADER:
        raise invalid_value(f"If-Match and If-None-Match may have {_MAX_HEADER} characters at most.")
    if header.strip() == "*":
        return Tags(frozenset(), any=True)
    found: set[str] = set()
    position, end = 0, len(header.rstrip(", \t"))
    while position < end:
        match = _ENTITY_TAG.match(header, position)
        if match is None:
            raise invalid_value('If-Match and If-None-Match hold entity tags such as W/"3", with commas between, or *.')
        found.add(match[2] if match[3] is None else match[3])
        position = match.end()
    return Tags(frozenset(found))


def check_if_match(header: str | None, version: str | None) -> None:
    """Raises 412 if the header is there and does not name the present version (RFC 7644 §3.14)."""
    if header is not None and not parse_tags(header).match(version):
        raise precondition_failed("The resource has changed since that version; read it again and repeat the change.")


def is_not_modified(if_none_match: str | None, version: str | None) -> bool:
    """Whether the caller already has the present version, so that 304 is the answer."""
    return if_none_match is not None and parse_tags(if_none_match).match(version)


def _opaque(version: str) -> str:
    return version.removeprefix("W/").strip('"')
