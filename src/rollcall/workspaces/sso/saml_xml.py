"""Reads SAML messages with one parser and one set of rules: nothing is fetched, expanded, commented out or doubled.

Signature and content are read from the same tree of the same parse; what a second parser might see differently is
refused instead of interpreted.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from lxml import etree

from rollcall.workspaces.sso.failure import token_invalid

PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
METADATA = "urn:oasis:names:tc:SAML:2.0:metadata"
SIGNATURE = "http://www.w3.org/2000/09/xmldsig#"
LARGEST_BYTES = 256 * 1024
_DEEPEST = 64
_MOST_ELEMENTS = 5_000

Element = etree._Element


def p(name: str) -> str:
    """A name of the protocol's schema."""
    return f"{{{PROTOCOL}}}{name}"


def a(name: str) -> str:
    """A name of the assertion's schema."""
    return f"{{{ASSERTION}}}{name}"


def md(name: str) -> str:
    """A name of the metadata's schema."""
    return f"{{{METADATA}}}{name}"


def ds(name: str) -> str:
    """A name of XML Signature."""
    return f"{{{SIGNATURE}}}{name}"


def decode_message(written: str) -> bytes:
    """The bytes of a message in a form field (SAML bindings §3.5.4). Raises SsoFailed (check XML-1)."""
    if len(written) > LARGEST_BYTES * 2:
        raise token_invalid("XML-1", "the message is too large")
    try:
        raw = base64.b64decode("".join(written.split()), validate=True)
    except (binascii.Error, ValueError):
        raise token_invalid("XML-1", "the message is no base64") from None
    if len(raw) > LARGEST_BYTES:
        raise token_invalid("XML-1", "the message is too large")
    return raw


def parse(raw: bytes, *, comments: bool = False) -> Element:
    """The document's root. Raises SsoFailed for whatever is no plain document (check XML-1).

    `comments`: whether comments are left out instead of refused, as in metadata that people edit; never for messages.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,
        remove_comments=comments,
        remove_pis=False,
        strip_cdata=False,
    )
    # A document type is refused before anything is parsed: nothing it declares is looked at.
    if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw or b"\x00" in raw:
        raise token_invalid("XML-1", "the message has a document type, or is not written in UTF-8")
    try:
        root = etree.fromstring(raw, parser)
    except etree.XMLSyntaxError:
        raise token_invalid("XML-1", "the message is no well-formed XML") from None
    _check_tree(root)
    return root


def _check_tree(root: Element) -> None:
    tree = root.getroottree()
    if tree.docinfo.doctype or tree.docinfo.internalDTD is not None:
        raise token_invalid("XML-1", "the message has a document type")
    if root.getprevious() is not None or root.getnext() is not None:
        raise token_invalid("XML-1", "something stands beside the root")
    for number, (element, depth) in enumerate(_walk(root), 1):
        if not isinstance(element.tag, str):
            raise token_invalid("XML-1", "the message has a comment, an entity or a processing instruction")
        if element.tag == "{http://www.w3.org/2001/XInclude}include":
            raise token_invalid("XML-1", "the message includes something else")
        if depth > _DEEPEST or number > _MOST_ELEMENTS:
            raise token_invalid("XML-1", "the message is too deep, or has too many elements")


def _walk(root: Element) -> Iterator[tuple[Element, int]]:
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        yield element, depth
        waiting.extend((child, depth + 1) for child in element)


def check_ids(root: Element) -> None:
    """Every ID is there once (check XML-3). Raises SsoFailed."""
    seen: set[str] = set()
    for element, _ in _walk(root):
        for name, value in element.attrib.items():
            if etree.QName(str(name)).localname.lower() == "id":
                if str(value) in seen:
                    raise token_invalid("XML-3", "an ID is there twice")
                seen.add(str(value))


def text_of(element: Element | None) -> str | None:
    """The whole text of an element that holds text and nothing else (check XML-4). Raises SsoFailed."""
    if element is None:
        return None
    if len(element):
        raise token_invalid("XML-4", f"{etree.QName(element).localname} holds elements where text belongs")
    return (element.text or "").strip()


def only(parent: Element, name: str, check: str) -> Element | None:
    """The child of this name, None when there is none. Raises SsoFailed under `check` when there are several."""
    found = parent.findall(name)
    if len(found) > 1:
        raise token_invalid(check, f"{etree.QName(name).localname} is there more than once")
    return found[0] if found else None


def needed(parent: Element, name: str, check: str) -> Element:
    """The one child of this name. Raises SsoFailed under `check` when it is missing or there are several."""
    found = only(parent, name, check)
    if found is None:
        raise token_invalid(check, f"{etree.QName(name).localname} is missing")
    return found
