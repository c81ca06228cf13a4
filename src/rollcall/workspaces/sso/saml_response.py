"""What a SAML answer says, checked line by line (checks ASR-1 to ASR-13); read from what was signed and from nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from rollcall.workspaces.sso.failure import token_invalid
from rollcall.workspaces.sso.saml_signature import load_certificates, signed_assertion
from rollcall.workspaces.sso.saml_xml import Element, a, needed, only, p, parse, text_of

BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
TRANSIENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"
EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
_LONGEST_NAME = 255
_MOST_VALUES = 1_000
_KNOWN_CONDITIONS = ("AudienceRestriction", "OneTimeUse", "ProxyRestriction")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")


@dataclass(frozen=True, slots=True)
class Expected:
    """What an answer has to fit: our addresses, the provider's name and certificates, and the request it answers.

    `request_id`: None for an answer nobody asked for, which is taken only where the configuration says so.
    """

    acs_url: str
    audience: str
    issuer: str
    certificates: Sequence[str]
    request_id: str | None
    now: datetime
    skew: timedelta = timedelta(seconds=60)
    response_suffices: bool = False
    expired_certificates: bool = False
    name_attribute: str | None = None
    group_attribute: str = "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups"


@dataclass(frozen=True, slots=True)
class NameId:
    """A person as the provider names them, with all that its logout has to be told again (SAML core §2.2.3)."""

    value: str
    format: str = ""
    qualifier: str = ""
    sp_qualifier: str = ""


@dataclass(frozen=True, slots=True)
class SamlAnswer:
    """What the provider says of a person. `attributes` by full name, each with its values in order.

    `name_id`: their key, which is the value of an attribute where the configuration says so; `sent_name`: the NameID as
    it came. `good_until`: until when the assertion must be remembered as used. `session_until`: the provider's own limit.
    """

    assertion_id: str
    issuer: str
    name_id: str
    name_format: str
    sent_name: NameId
    good_until: datetime
    authenticated_at: datetime
    session_index: str | None
    session_until: datetime | None
    context_class: str | None
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def first(self, *names: str) -> str | None:
        """The first value of the first of these attributes that is there."""
        return next((self.attributes[name][0] for name in names if self.attributes.get(name)), None)


@dataclass(frozen=True, slots=True)
class SamlRefusal:
    """That the provider refused (check ASR-1): its second-level code and message, for the table of errors."""

    code: str
    message: str


def read_response(raw: bytes, expected: Expected) -> SamlAnswer | SamlRefusal:
    """What the answer in these bytes says. Raises SsoFailed with the first check that fails."""
    root = parse(raw)
    if root.tag != p("Response"):
        raise token_invalid("XML-2", "the root is no samlp:Response")
    if (refusal := _refusal(root)) is not None:
        return refusal
    certificates = load_certificates(expected.certificates, expected.now, expired_too=expected.expired_certificates)
    assertion, response = signed_assertion(
        root, certificates, expected.now, response_suffices=expected.response_suffices
    )
    _check_envelope(root if response is None else response, response is not None, expected)
    if text_of(needed(assertion, a("Issuer"), "ASR-4")) != expected.issuer:
        raise token_invalid("ASR-4", "the assertion is of another issuer")
    subject = needed(assertion, a("Subject"), "ASR-5")
    good_until = _check_confirmation(subject, expected)
    good_until = max(good_until, _check_conditions(needed(assertion, a("Conditions"), "ASR-6"), expected))
    statement = needed(assertion, a("AuthnStatement"), "ASR-9")
    attributes = dict(_attributes(assertion, expected))
    name_id = _name(subject, attributes, expected)
    session_until = moment(statement.get("SessionNotOnOrAfter"), "ASR-9", missing=None)
    if session_until is not None and session_until <= expected.now - expected.skew:
        raise token_invalid("ASR-9", "the session at the provider is over")
    authenticated_at = moment(statement.get("AuthnInstant"), "ASR-9")
    assert authenticated_at is not None, "a missing one is refused"
    context = only(statement, a("AuthnContext"), "ASR-9")
    context_class = None if context is None else text_of(only(context, a("AuthnContextClassRef"), "ASR-9"))
    session_index = statement.get("SessionIndex")
    if session_index is not None and len(session_index) > _LONGEST_NAME:
        raise token_invalid("ASR-9", f"SessionIndex has more than {_LONGEST_NAME} characters")
    return SamlAnswer(
        assertion_id=assertion.get("ID") or "",
        issuer=expected.issuer,
        name_id=name_id[0],
        name_format=name_id[1],
        sent_name=name_of(needed(subject, a("NameID"), "ASR-11")),
        good_until=good_until + expected.skew,
        authenticated_at=authenticated_at,
        session_index=session_index,
        session_until=session_until,
        context_class=context_class,
        attributes=attributes,
    )


def name_of(element: Element) -> NameId:
    """A NameID as it is written. Raises SsoFailed XML-4."""
    return NameId(
        text_of(element) or "",
        element.get("Format") or "",
        element.get("NameQualifier") or "",
        element.get("SPNameQualifier") or "",
    )


def _refusal(root: Element) -> SamlRefusal | None:
    status = needed(root, p("Status"), "ASR-1")
    code = needed(status, p("StatusCode"), "ASR-1")
    if code.get("Value") == SUCCESS:
        return None
    second = only(code, p("StatusCode"), "ASR-1")
    message = text_of(only(status, p("StatusMessage"), "ASR-1")) or ""
    return SamlRefusal(str((code if second is None else second).get("Value") or ""), message[:500])


def _check_envelope(response: Element, signed: bool, expected: Expected) -> None:
    """What stands on the response around the assertion (checks ASR-2 to ASR-4)."""
    if response.get("Version") != "2.0":
        raise token_invalid("ASR-1", "the answer is of another version than 2.0")
    destination = response.get("Destination")
    if (destination is None and signed) or (destination is not None and destination != expected.acs_url):
        raise token_invalid("ASR-2", "the answer is for another address")
    if response.get("InResponseTo") != expected.request_id:
        raise token_invalid("ASR-13" if expected.request_id is None else "ASR-3", "the answer is to another request")
    issuer = only(response, a("Issuer"), "ASR-4")
    if issuer is not None and text_of(issuer) != expected.issuer:
        raise token_invalid("ASR-4", "the answer is of another issuer")


def _check_confirmation(subject: Element, expected: Expected) -> datetime:
    """Until when the bearer may show it; one confirmation has to fit wholly (check ASR-5)."""
    reasons = ["no confirmation is of the method bearer"]
    for each in subject.findall(a("SubjectConfirmation")):
        if each.get("Method") != BEARER:
            continue
        data = only(each, a("SubjectConfirmationData"), "ASR-5")
        if data is None or data.get("Recipient") != expected.acs_url or data.get("NotBefore") is not None:
            reasons.append("the confirmation is for another recipient")
            continue
        until = moment(data.get("NotOnOrAfter"), "ASR-5")
        assert until is not None, "a missing one is refused"
        if until <= expected.now - expected.skew:
            reasons.append("the confirmation is over")
        elif data.get("InResponseTo") != expected.request_id:
            raise token_invalid("ASR-13" if expected.request_id is None else "ASR-3", "it confirms another request")
        else:
            return until
    raise token_invalid("ASR-5", reasons[-1])


def _check_conditions(conditions: Element, expected: Expected) -> datetime:
    """Until when the assertion is good (checks ASR-6 to ASR-8)."""
    begins = moment(conditions.get("NotBefore"), "ASR-6", missing=None)
    ends = moment(conditions.get("NotOnOrAfter"), "ASR-6")
    assert ends is not None, "a missing one is refused"
    if begins is not None and begins > expected.now + expected.skew:
        raise token_invalid("ASR-6", "the assertion is not good yet")
    if ends <= expected.now - expected.skew:
        raise token_invalid("ASR-6", "the assertion is over")
    for each in conditions:
        if each.tag not in [a(name) for name in _KNOWN_CONDITIONS]:
            raise token_invalid("ASR-8", "the assertion has a condition that is not known here")
    restrictions = conditions.findall(a("AudienceRestriction"))
    fits = [
        any(text_of(audience) == expected.audience for audience in each.findall(a("Audience"))) for each in restrictions
    ]
    if not fits or not all(fits):
        raise token_invalid("ASR-7", "the assertion is for another audience")
    return ends


def _attributes(assertion: Element, expected: Expected) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Attributes by full name; one that comes again is a fault unless it is the groups (check ASR-12)."""
    merged: dict[str, list[str]] = {}
    for statement in assertion.findall(a("AttributeStatement")):
        for attribute in statement.findall(a("Attribute")):
            name = attribute.get("Name") or ""
            if name in merged and name != expected.group_attribute:
                raise token_invalid("ASR-12", "an attribute is there twice")
            values = [text_of(each) or "" for each in attribute.findall(a("AttributeValue"))]
            merged.setdefault(name, []).extend(each for each in values if each)
    for name, values in merged.items():
        if len(values) > _MOST_VALUES:
            raise token_invalid("GRP-1", "an attribute has too many values")
        yield name, tuple(values)


def _name(subject: Element, attributes: Mapping[str, tuple[str, ...]], expected: Expected) -> tuple[str, str]:
    """The person's key at this provider and its format (check ASR-11)."""
    element = needed(subject, a("NameID"), "ASR-11")
    name, form = text_of(element) or "", element.get("Format") or ""
    if expected.name_attribute is not None:
        values = attributes.get(expected.name_attribute, ())
        name, form = (values[0] if len(values) == 1 else ""), ""
    elif form == TRANSIENT:
        raise token_invalid("ASR-11", "the NameID is transient, and no attribute is configured as key")
    if not name or len(name) > _LONGEST_NAME:
        raise token_invalid("ASR-11", f"the person's key is missing, or longer than {_LONGEST_NAME} characters")
    return name, form


_REFUSE = datetime.min.replace(tzinfo=UTC)


def moment(written: str | None, check: str, missing: datetime | None = _REFUSE) -> datetime | None:
    """A moment in UTC (SAML core §1.3.3); `missing` where there is none, unless it is needed."""
    if written is None and missing is not _REFUSE:
        return missing
    found = _MOMENT.fullmatch(written or "")
    try:
        if found is None:
            raise ValueError
        at = datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
    except ValueError:
        raise token_invalid(check, "a moment is missing, or not written in UTC") from None
    return at + timedelta(microseconds=int(((found[2] or "") + "000000")[:6]))
