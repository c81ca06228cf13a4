"""SAML answers: a good one is read, and each that is spoilt in one place is refused under the name of its check."""

from __future__ import annotations

import base64
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from rollcall.workspaces.sso.failure import SsoFailed
from rollcall.workspaces.sso.saml_response import SamlAnswer, SamlRefusal, read_response
from rollcall.workspaces.sso.saml_xml import (
    Element,
    a,
    decode_message,
    ds,
    p,
    parse,
)
from tests.unit.workspaces.sso.saml_making import (
    AUDIENCE,
    GROUPS,
    NOW,
    OID,
    Answer,
    answered,
    expected,
    signer,
)


def read(raw: bytes, **changes: Any) -> SamlAnswer:
    found = read_response(raw, expected(**changes))
    assert isinstance(found, SamlAnswer)
    return found


def refused(raw: bytes, **changes: Any) -> str | None:
    with pytest.raises(SsoFailed) as rejected:
        read_response(raw, expected(**changes))
    return rejected.value.check


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize(("assertion", "response"), [(True, False), (True, True), (False, True)])
def test_a_good_answer_is_read(assertion: bool, response: bool, inclusive: bool) -> None:
    """Signed in any of the ways that are allowed (check SGN-1)."""
    raw = answered(assertion=assertion, response=response, inclusive=inclusive)
    answer = read(raw, response_suffices=not assertion)
    assert (answer.name_id, answer.session_index, answer.issuer) == ("AbC+ada==", "_s1", expected().issuer)
    assert answer.attributes == {OID: ("o1",), GROUPS: ("g1", "g2")}
    assert answer.authenticated_at == datetime(2026, 5, 4, 11, 59, tzinfo=UTC)
    assert answer.good_until == datetime(2026, 5, 4, 13, 6, tzinfo=UTC)
    assert answer.assertion_id == "_a1"
    assert answer.session_until is None
    assert answer.context_class == "urn:oasis:names:tc:SAML:2.0:ac:classes:Password"


def test_elliptic_curves_and_a_second_certificate_are_taken() -> None:
    """(checks SGN-3, SGN-5)"""
    curve = signer("curve", curve=True)
    both = (signer("old").certificate, curve.certificate)
    assert read(answered(by=curve), certificates=both).name_id == "AbC+ada=="
    assert read(answered(by=signer("old")), certificates=both).name_id == "AbC+ada=="


def test_a_response_alone_signed_suffices_only_where_the_configuration_says_so() -> None:
    """(check SGN-1)"""
    assert refused(answered(assertion=False, response=True)) == "SGN-1"


CONTENT: list[Any] = [
    pytest.param({"destination": "https://rooms.example.com/sso/2/acs"}, "ASR-2", id="ASR-2"),
    pytest.param({"request_id": "idother"}, "ASR-3", id="ASR-3-response"),
    pytest.param({"request_id": None}, "ASR-3", id="ASR-3-response-missing"),
    pytest.param({"confirmed_to": "idother"}, "ASR-3", id="ASR-3-confirmation"),
    pytest.param({"confirmed_to": None}, "ASR-3", id="ASR-3-confirmation-missing"),
    pytest.param({"response_issuer": "https://evil.example/"}, "ASR-4", id="ASR-4-response"),
    pytest.param({"issuer": "https://evil.example/"}, "ASR-4", id="ASR-4-assertion"),
    pytest.param({"method": "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"}, "ASR-5", id="ASR-5-method"),
    pytest.param({"recipient": "https://rooms.example.com/sso/2/acs"}, "ASR-5", id="ASR-5-recipient"),
    pytest.param({"confirmation_ends": "2026-05-04T11:58:59Z"}, "ASR-5", id="ASR-5-over"),
    pytest.param({"confirmation_ends": None}, "ASR-5", id="ASR-5-endless"),
    pytest.param({"confirmation_begins": "2026-05-04T11:00:00Z"}, "ASR-5", id="ASR-5-not-before"),
    pytest.param({"not_before": "2026-05-04T12:01:01Z"}, "ASR-6", id="ASR-6-early"),
    pytest.param({"not_on_or_after": "2026-05-04T11:59:00Z"}, "ASR-6", id="ASR-6-over"),
    pytest.param({"not_on_or_after": None}, "ASR-6", id="ASR-6-endless"),
    pytest.param({"not_on_or_after": "2026-05-04T13:05:00+02:00"}, "ASR-6", id="ASR-6-zone"),
    pytest.param({"not_on_or_after": "tomorrow"}, "ASR-6", id="ASR-6-words"),
    pytest.param({"audiences": ()}, "ASR-7", id="ASR-7-none"),
    pytest.param({"audiences": (("https://other.example",),)}, "ASR-7", id="ASR-7-other"),
    pytest.param({"audiences": ((AUDIENCE,), ("https://other.example",))}, "ASR-7", id="ASR-7-each"),
    pytest.param({"audiences": ((AUDIENCE + "/",),)}, "ASR-7", id="ASR-7-exact"),
    pytest.param({"condition": "<Condition/>"}, "ASR-8", id="ASR-8"),
    pytest.param({"statement": False}, "ASR-9", id="ASR-9-none"),
    pytest.param({"instant": None}, "ASR-9", id="ASR-9-instant"),
    pytest.param({"session_until": "2026-05-04T11:00:00Z"}, "ASR-9", id="ASR-9-over"),
    pytest.param({"name_id": ""}, "ASR-11", id="ASR-11-empty"),
    pytest.param({"name_id": "x" * 256}, "ASR-11", id="ASR-11-long"),
    pytest.param(
        {"name_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"}, "ASR-11", id="ASR-11-transient"
    ),
    pytest.param({"attributes": {GROUPS: ["g"] * 1001}}, "GRP-1", id="GRP-1"),
    pytest.param({"version": "1.1"}, "ASR-1", id="ASR-1-version"),
]


@pytest.mark.parametrize(("changes", "check"), CONTENT)
@pytest.mark.parametrize("response", [False, True])
def test_an_answer_that_says_the_wrong_thing_is_refused(changes: dict[str, Any], check: str, response: bool) -> None:
    assert refused(answered(Answer(**changes), response=response)) == check


def test_a_signed_response_has_to_name_its_destination() -> None:
    """(check ASR-2)"""
    assert refused(answered(Answer(destination=None), response=True)) == "ASR-2"
    assert read(answered(Answer(destination=None))).name_id == "AbC+ada=="


@pytest.mark.parametrize(
    "changes",
    [
        {"confirmation_ends": "2026-05-04T11:59:00.001Z"},
        {"not_before": "2026-05-04T12:01:00Z"},
        {"not_on_or_after": "2026-05-04T11:59:00.5Z"},
        {"not_before": None},
        {"response_issuer": None},
        {"audiences": (("https://other.example", AUDIENCE),)},
        {"condition": "<OneTimeUse/>"},
    ],
)
def test_what_lies_just_within_is_taken(changes: dict[str, Any]) -> None:
    """Clocks may differ by a minute (checks ASR-5 to ASR-8)."""
    assert read(answered(Answer(**changes))).name_id == "AbC+ada=="


def test_the_limit_of_the_session_is_told() -> None:
    """(check ASR-9)"""
    assert read(answered(Answer(session_until="2026-05-04T12:30:00Z"))).session_until == NOW + timedelta(minutes=30)


def test_a_transient_name_gives_way_to_the_attribute_that_is_configured() -> None:
    """(check ASR-11)"""
    answer = Answer(name_format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient")
    assert read(answered(answer), name_attribute=OID).name_id == "o1"
    assert refused(answered(answer), name_attribute="nowhere") == "ASR-11"
    assert refused(answered(answer), name_attribute=GROUPS) == "ASR-11", "two values name nobody"


def test_an_attribute_may_be_there_once_but_the_groups_may_come_in_pieces() -> None:
    """(check ASR-12)"""

    def twice(name: str) -> Any:
        def edit(root: Element) -> None:
            statement = root.find(f".//{a('AttributeStatement')}")
            assert statement is not None
            again = etree.SubElement(statement, a("Attribute"), Name=name)
            etree.SubElement(again, a("AttributeValue")).text = "more"

        return edit

    assert refused(answered(before=twice(OID))) == "ASR-12"
    assert read(answered(before=twice(GROUPS))).attributes[GROUPS] == ("g1", "g2", "more")


def test_a_refusal_of_the_provider_is_told_with_its_second_code() -> None:
    """(check ASR-1)"""
    answer = Answer(
        status="urn:oasis:names:tc:SAML:2.0:status:Responder",
        second_status="urn:oasis:names:tc:SAML:2.0:status:RequestDenied",
        status_message="AADSTS50105: not assigned " + "x" * 600,
    )
    found = read_response(answered(answer), expected())
    assert isinstance(found, SamlRefusal)
    assert found.code.endswith("RequestDenied")
    assert found.message.startswith("AADSTS50105")
    assert len(found.message) == 500


def test_an_answer_nobody_asked_for_says_so_and_no_other_is_taken_in_its_place() -> None:
    """(check ASR-13)"""
    unsolicited = answered(Answer(request_id=None, confirmed_to=None))
    assert read(unsolicited, request_id=None).name_id == "AbC+ada=="
    assert refused(unsolicited) == "ASR-3"
    assert refused(answered(), request_id=None) == "ASR-13"


# ── signatures ─────────────────────────────────────────────────────────────────────────────────


def test_without_a_signature_nothing_is_believed() -> None:
    """(check SGN-1, C29)"""
    assert refused(answered(assertion=False)) == "SGN-1"


def test_a_signature_of_somebody_else_is_not_taken_whatever_key_it_brings() -> None:
    """The message's own KeyInfo is no proof (check SGN-4)."""
    assert refused(answered(by=signer("evil"))) == "SGN-4"
    assert refused(answered(by=signer("evil"), response=True)) == "SGN-4"


def test_what_was_changed_after_it_was_signed_is_refused() -> None:
    """(check SGN-4)"""

    def other_name(root: Element) -> None:
        name = root.find(f".//{a('NameID')}")
        assert name is not None
        name.text = "eve"

    assert refused(answered(after=other_name)) == "SGN-4"
    assert refused(answered(after=other_name, response=True)) == "SGN-4"


def test_expired_certificates_are_refused_unless_the_configuration_has_the_tick() -> None:
    """(check SGN-4)"""
    old = signer("lapsed", expired=True)
    assert refused(answered(by=old), certificates=(old.certificate,)) == "SGN-4"
    assert read(answered(by=old), certificates=(old.certificate,), expired_certificates=True).name_id == "AbC+ada=="


def test_weak_keys_are_refused() -> None:
    """(check SGN-4)"""
    weak = signer("weak", bits=1024)
    assert refused(answered(by=weak), certificates=(weak.certificate,)) == "SGN-4"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        ("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#hmac-sha1"),
        ("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256"),
        ("SignatureMethod", "http://www.w3.org/2001/04/xmldsig-more#rsa-md5"),
        ("DigestMethod", "http://www.w3.org/2000/09/xmldsig#sha1"),
        ("CanonicalizationMethod", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"),
        ("CanonicalizationMethod", "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        ("Transform", "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        ("Transform", "http://www.w3.org/TR/1999/REC-xpath-19991116"),
        ("Transform", "http://www.w3.org/2000/09/xmldsig#base64"),
    ],
)
def test_algorithms_that_prove_nothing_are_refused_before_anything_is_computed(name: str, value: str) -> None:
    """(check SGN-3, C29, C39)"""

    def other(root: Element) -> None:
        element = root.find(f".//{ds(name)}")
        assert element is not None
        element.set("Algorithm", value)

    assert refused(answered(after=other)) == "SGN-3"


@pytest.mark.parametrize("method", [SignatureMethod.RSA_SHA384, SignatureMethod.RSA_SHA512])
def test_the_stronger_algorithms_are_taken(method: SignatureMethod) -> None:
    """(check SGN-3)"""
    assert read(answered(method=method, digest=DigestAlgorithm.SHA512)).name_id == "AbC+ada=="


def test_a_signature_has_one_reference_to_what_it_stands_in() -> None:
    """(check SGN-2)"""

    def none(root: Element) -> None:
        root.find(f".//{ds('Reference')}").set("URI", "")  # type: ignore[union-attr]

    def other(root: Element) -> None:
        root.find(f".//{ds('Reference')}").set("URI", "#_r1")  # type: ignore[union-attr]

    def two(root: Element) -> None:
        info = root.find(f".//{ds('SignedInfo')}")
        assert info is not None
        info.append(deepcopy(info[-1]))

    for edit in (none, other, two):
        assert refused(answered(after=edit)) == "SGN-2"


# ── wrapping: the signed assertion is moved aside and another one is put where it is looked for ──


def _evil(root: Element) -> Element:
    """A copy of the assertion that says it is somebody else."""
    evil = deepcopy(root.find(a("Assertion")))
    assert evil is not None
    name = evil.find(f".//{a('NameID')}")
    assert name is not None
    name.text = "eve"
    return evil


def _without_signature(element: Element) -> Element:
    for each in element.findall(ds("Signature")):
        element.remove(each)
    return element


def _wrap_beside(root: Element) -> None:
    evil = _without_signature(_evil(root))
    evil.set("ID", "_evil")
    root.insert(1, evil)


def _wrap_behind(root: Element) -> None:
    evil = _without_signature(_evil(root))
    evil.set("ID", "_evil")
    root.append(evil)


def _wrap_same_id(root: Element) -> None:
    root.insert(1, _without_signature(_evil(root)))


def _wrap_in_evil(root: Element) -> None:
    """The evil one outside, the signed one inside it."""
    good = root.find(a("Assertion"))
    assert good is not None
    evil = _without_signature(_evil(root))
    evil.set("ID", "_evil")
    root.replace(good, evil)
    evil.append(good)


def _wrap_in_signature_object(root: Element) -> None:
    """The evil one carries the signature, and the signed one lies in an Object of it."""
    good = root.find(a("Assertion"))
    assert good is not None
    evil = _evil(root)
    evil.set("ID", "_evil")
    signature = evil.find(ds("Signature"))
    assert signature is not None
    etree.SubElement(signature, ds("Object")).append(_without_signature(deepcopy(good)))
    root.replace(good, evil)


def _wrap_in_extensions(root: Element) -> None:
    good = root.find(a("Assertion"))
    assert good is not None
    evil = _without_signature(_evil(root))
    evil.set("ID", "_evil")
    extensions = etree.Element(p("Extensions"))
    root.replace(good, evil)
    root.insert(1, extensions)
    extensions.append(good)


def _wrap_in_advice(root: Element) -> None:
    good = root.find(a("Assertion"))
    assert good is not None
    evil = _without_signature(_evil(root))
    evil.set("ID", "_evil")
    advice = etree.SubElement(evil, a("Advice"))
    root.replace(good, evil)
    advice.append(good)


def _wrap_response(root: Element) -> None:
    """A whole signed response inside an element of the outer one."""
    inner = deepcopy(root)
    for child in list(root):
        if child.tag == ds("Signature"):
            root.remove(child)
    root.set("ID", "_outer")
    good = root.find(a("Assertion"))
    assert good is not None
    evil = _without_signature(_evil(root))
    evil.set("ID", "_evil")
    root.replace(good, evil)
    etree.SubElement(root, p("Extensions")).append(inner)


def _signature_moved_up(root: Element) -> None:
    """The assertion's signature in the response, the assertion spoilt."""
    good = root.find(a("Assertion"))
    assert good is not None
    signature = good.find(ds("Signature"))
    assert signature is not None
    root.insert(0, signature)
    good.find(f".//{a('NameID')}").text = "eve"  # type: ignore[union-attr]


WRAPPINGS = [
    _wrap_beside,
    _wrap_behind,
    _wrap_same_id,
    _wrap_in_evil,
    _wrap_in_signature_object,
    _wrap_in_extensions,
    _wrap_in_advice,
    _wrap_response,
    _signature_moved_up,
]


_SIGNED = ((True, False), (True, True), (False, True))
_NEED_A_SIGNED_ASSERTION = (_wrap_in_signature_object, _signature_moved_up)


@pytest.mark.parametrize(
    ("wrapping", "assertion", "response"),
    [
        (wrapping, *signed)
        for wrapping in WRAPPINGS
        for signed in _SIGNED
        if signed[0] or wrapping not in _NEED_A_SIGNED_ASSERTION
    ],
)
def test_no_wrapping_brings_somebody_else_in(wrapping: Any, assertion: bool, response: bool) -> None:
    """(check C39)"""
    raw = answered(assertion=assertion, response=response, after=wrapping)
    assert refused(raw, response_suffices=True) in ("XML-2", "XML-3", "SGN-1", "SGN-2", "SGN-4")


def test_an_assertion_that_was_signed_in_another_answer_is_bound_to_that_one() -> None:
    """Put into a fresh envelope it still confirms the other request (check ASR-3)."""
    old = etree.fromstring(answered(Answer(request_id="idold", confirmed_to="idold")))
    old.set("InResponseTo", expected().request_id or "")
    assert refused(etree.tostring(old)) == "ASR-3"


# ── XML itself ─────────────────────────────────────────────────────────────────────────────────


def test_a_comment_in_a_name_does_not_cut_it() -> None:
    """`ada<!-- -->.evil` is refused, not read as `ada` (check XML-1, C39)."""
    raw = answered(Answer(name_id="ada.evil")).replace(b"ada.evil", b"ada<!-- -->.evil")
    assert refused(raw) == "XML-1"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda raw: b'<!DOCTYPE r [<!ENTITY e "x">]>' + raw,
        lambda raw: b'<!DOCTYPE r SYSTEM "http://evil.example/dtd">' + raw,
        lambda raw: b'<?xml-stylesheet href="x"?>' + raw,
        lambda raw: raw + b"<!-- after -->",
        lambda raw: raw.replace(b"</samlp:Response>", b"<?do it?></samlp:Response>"),
        lambda raw: raw[:-3],
        lambda raw: raw + raw,
        lambda raw: raw.decode().encode("utf-16"),
        lambda raw: b"",
        lambda raw: b"not xml",
        lambda raw: raw.replace(b"</samlp:Response>", b"<x>" * 70 + b"</x>" * 70 + b"</samlp:Response>"),
        lambda raw: raw.replace(b"</samlp:Response>", b"<x/>" * 5001 + b"</samlp:Response>"),
        lambda raw: raw.replace(
            b"</samlp:Response>",
            b'<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd"/></samlp:Response>',
        ),
    ],
)
def test_what_is_no_plain_document_is_refused(spoil: Any) -> None:
    """(check XML-1)"""
    assert refused(spoil(answered())) == "XML-1"


def test_entities_are_never_opened(tmp_path: Any) -> None:
    """Neither from a file nor in a crowd (check XML-1)."""
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    crowd = "".join(f'<!ENTITY e{n} "{"&e" + str(n - 1) + ";" if n else "x"}' + '">' for n in range(9))
    for raw in (f'<!DOCTYPE r [<!ENTITY x SYSTEM "file://{secret}">]><r>&x;</r>', f"<!DOCTYPE r [{crowd}]><r>&e8;</r>"):
        with pytest.raises(SsoFailed) as rejected:
            parse(raw.encode())
        assert rejected.value.check == "XML-1"


def test_an_id_is_there_once() -> None:
    """However it is written (check XML-3)."""

    def again(root: Element) -> None:
        etree.SubElement(root, "other", Id="_a1")

    assert refused(answered(after=again)) == "XML-3"


def test_text_is_whole_or_refused() -> None:
    """(check XML-4)"""

    def element_in_text(root: Element) -> None:
        name = root.find(f".//{a('NameID')}")
        assert name is not None
        name.text = "ada"
        etree.SubElement(name, a("b")).tail = ".evil"

    assert refused(answered(before=element_in_text)) == "XML-4"


def test_an_encrypted_assertion_is_not_looked_into() -> None:
    """(check XML-2)"""

    def encrypted(root: Element) -> None:
        etree.SubElement(root, a("EncryptedAssertion"))

    assert refused(answered(after=encrypted)) == "XML-2"


def test_the_root_is_a_response_and_nothing_else() -> None:
    """An assertion alone, or an answer of another sort (check XML-2)."""
    root = etree.fromstring(answered())
    alone = root.find(a("Assertion"))
    assert alone is not None
    assert refused(etree.tostring(alone)) == "XML-2"
    logout = answered().replace(b"samlp:Response", b"samlp:LogoutResponse")
    assert refused(logout) == "XML-2"


def test_a_message_in_a_form_is_base64_of_bounded_size() -> None:
    """(check XML-1)"""
    good = base64.encodebytes(answered()).decode()
    assert read(decode_message(good)).name_id == "AbC+ada=="
    for wrong in ("%%%", "A" * 600_000, base64.b64encode(b"x" * 300_000).decode()):
        with pytest.raises(SsoFailed):
            decode_message(wrong)
