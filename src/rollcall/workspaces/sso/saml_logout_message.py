"""Logout messages of a SAML provider, checked before anything ends (checks OUT-9, OUT-10)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from rollcall.workspaces.sso.failure import token_invalid
from rollcall.workspaces.sso.saml_redirect import Redirected, check_query_signature
from rollcall.workspaces.sso.saml_response import SUCCESS, NameId, moment, name_of
from rollcall.workspaces.sso.saml_signature import load_certificates
from rollcall.workspaces.sso.saml_xml import Element, a, check_ids, needed, p, parse, text_of

OLDEST = timedelta(minutes=5)
_LONGEST = 255
_MOST_SESSIONS = 100
_ENTRA_SIGN_IN = re.compile(r"https://sts\.windows\.net/([0-9a-f-]{36})/")


@dataclass(frozen=True, slots=True)
class ExpectedLogoutMessage:
    """What a logout message has to fit. `request_id`: the request of ours that it answers, where it is an answer."""

    slo_url: str
    issuer: str
    certificates: Sequence[str]
    now: datetime
    skew: timedelta = timedelta(seconds=60)
    expired_certificates: bool = False
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogoutRequested:
    """Whose sessions a provider wants ended: those of `sessions`, or all where it names none. `until`: remembered so long."""

    id: str
    issuer: str
    name: NameId
    sessions: tuple[str, ...]
    until: datetime


def read_logout_request(message: Redirected, expected: ExpectedLogoutMessage) -> LogoutRequested:
    """What a provider asks. Raises SsoFailed with the first check that fails."""
    root = _checked(message, "LogoutRequest", expected)
    ends = moment(root.get("NotOnOrAfter"), "OUT-9", missing=None)
    if ends is not None and ends <= expected.now - expected.skew:
        raise token_invalid("OUT-9", "the request is over")
    name = name_of(needed(root, a("NameID"), "OUT-9"))
    sessions = tuple(text_of(each) or "" for each in root.findall(p("SessionIndex")))
    if not name.value or len(name.value) > _LONGEST or len(sessions) > _MOST_SESSIONS:
        raise token_invalid("OUT-9", "nobody is named, or too many sessions are")
    return LogoutRequested(
        root.get("ID") or "",
        needed_text(root, "Issuer"),
        name,
        tuple(each for each in sessions if each),
        expected.now + OLDEST + 2 * expected.skew,
    )


def read_logout_response(message: Redirected, expected: ExpectedLogoutMessage) -> bool:
    """Whether the provider did what we asked. Raises SsoFailed with the first check that fails."""
    root = _checked(message, "LogoutResponse", expected)
    if expected.request_id is None or root.get("InResponseTo") != expected.request_id:
        raise token_invalid("OUT-9", "the answer is to another request")
    code = needed(needed(root, p("Status"), "OUT-9"), p("StatusCode"), "OUT-9")
    return code.get("Value") == SUCCESS


def logout_issuers(entity_id: str) -> tuple[str, ...]:
    """How a provider may name itself in logout messages: Entra does it in another way than at sign-in (check OUT-10)."""
    found = _ENTRA_SIGN_IN.fullmatch(entity_id)
    return (entity_id,) if found is None else (entity_id, f"https://login.microsoftonline.com/{found[1]}/")


def needed_text(parent: Element, name: str) -> str:
    """The text of the one child of this name. Raises SsoFailed OUT-9."""
    return text_of(needed(parent, a(name), "OUT-9")) or ""


def _checked(message: Redirected, name: str, expected: ExpectedLogoutMessage) -> Element:
    certificates = load_certificates(expected.certificates, expected.now, expired_too=expected.expired_certificates)
    check_query_signature(message, certificates)
    root = parse(message.xml)
    check_ids(root)
    if root.tag != p(name) or root.get("Version") != "2.0" or not root.get("ID"):
        raise token_invalid("OUT-9", f"this is no {name}")
    if root.get("Destination") != expected.slo_url:
        raise token_invalid("OUT-9", "the message is for another address")
    if needed_text(root, "Issuer") not in logout_issuers(expected.issuer):
        raise token_invalid("OUT-10", "the message is of another issuer")
    issued = moment(root.get("IssueInstant"), "OUT-9")
    assert issued is not None, "a missing one is refused"
    if not expected.now - OLDEST - expected.skew <= issued <= expected.now + expected.skew:
        raise token_invalid("OUT-9", "the message is too old, or of the future")
    return root
