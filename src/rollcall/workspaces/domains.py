"""Domains as administrators type them: of an organisation, that may register, that must use single sign-on."""

from __future__ import annotations

import re
from functools import cache

import idna
from publicsuffixlist import PublicSuffixList

from rollcall.mail_address import check_mail_address
from rollcall.workspaces.list_entries import Entries, read_entries

MOST_ENTRIES = 200
MOST_CHARACTERS = 4_000

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LONGEST_DOMAIN = 253  # RFC 1035 §2.3.4, without the closing dot
_CODE = "domain_invalid"


def normal_domain(text: str) -> str:
    """A domain name in small letters, other letters in their xn-- form.

    Raises ValueError with what is wrong: an address, a wildcard, blanks, a suffix under which anybody can register.
    """
    text = text.strip().lower()
    if "@" in text:
        raise ValueError("has an @. Write the domain alone, as in example.com.")
    if "*" in text:
        raise ValueError("has a wildcard. Write each domain out.")
    try:
        name = text if text.isascii() else idna.encode(text, uts46=True).decode("ascii")
    except idna.IDNAError:
        raise ValueError("is no domain name. One looks like example.com.") from None
    labels = name.split(".")
    if len(name) > _LONGEST_DOMAIN or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise ValueError("is no domain name. One looks like example.com.")
    if len(labels) < 2 or _suffixes().is_public(name):
        raise ValueError("is a suffix under which anybody can register. Write the whole domain, as in example.com.")
    return name


def read_domains(typed: str) -> Entries:
    """A list of domains; faults have the code `domain_invalid`."""
    return read_entries(typed, normal_domain, _CODE, most=MOST_ENTRIES, longest=MOST_CHARACTERS)


def read_addresses_and_domains(typed: str) -> Entries:
    """A list of e-mail addresses and domains, both in small letters."""
    return read_entries(typed, _address_or_domain, _CODE, most=MOST_ENTRIES, longest=MOST_CHARACTERS)


def _address_or_domain(entry: str) -> str:
    local, at, domain = entry.rpartition("@")
    if not at or not local or local == "*":
        return normal_domain(entry)
    return check_mail_address(f"{local}@{normal_domain(domain)}").lower()


@cache
def _suffixes() -> PublicSuffixList:
    """The Public Suffix List as its package brought it; reading it takes a moment, so once."""
    return PublicSuffixList()
