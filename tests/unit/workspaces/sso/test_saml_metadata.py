"""A provider's metadata: what is taken from it, and why it can't be used (check SGN-5, code `metadata_invalid`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from lxml import etree

from rollcall.workspaces.sso.configuration import SamlProvider
from rollcall.workspaces.sso.saml_configuration import SamlFault, SamlTyped, certificate_warnings, read_typed
from rollcall.workspaces.sso.saml_metadata import MetadataInvalid, ProviderMetadata, read_provider_metadata
from tests.unit.workspaces.sso.saml_making import ISSUER, NOW, Signer, sign, signer

PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
BINDINGS = "urn:oasis:names:tc:SAML:2.0:bindings"
SSO, SLO = "https://login.example/saml", "https://login.example/logout"


def refused(url: str) -> str | None:
    return None if url.startswith("https://") else "the address must begin with https://"


def key(of: Signer, use: str = 'use="signing"') -> str:
    base64 = "".join(of.certificate.splitlines()[1:-1])
    return f"""<KeyDescriptor {use}><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>
        {base64}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"""


def entity(
    *,
    name: str = ISSUER,
    keys: str | None = None,
    services: str = f'<SingleSignOnService Binding="{BINDINGS}:HTTP-Redirect" Location="{SSO}"/>',
    logout: str = f'<SingleLogoutService Binding="{BINDINGS}:HTTP-Redirect" Location="{SLO}"/>',
    role: str = "IDPSSODescriptor",
    more: str = "",
    protocol: str = PROTOCOL,
) -> str:
    return f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{name}" ID="_m{len(name)}" {more}>
        <{role} protocolSupportEnumeration="{protocol}">{key(signer()) if keys is None else keys}{logout}{services}
        </{role}></EntityDescriptor>"""


def several(*entities: str) -> str:
    return f'<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">{"".join(entities)}</EntitiesDescriptor>'


def read(text: str | bytes, **more: Any) -> ProviderMetadata:
    raw = text if isinstance(text, bytes) else text.encode()
    return read_provider_metadata(raw, NOW, refused, **more)


def reason(text: str | bytes, **more: Any) -> str:
    with pytest.raises(MetadataInvalid) as invalid:
        read(text, **more)
    return invalid.value.reason


def test_metadata_tells_name_addresses_and_certificates() -> None:
    found = read(entity(keys=key(signer("a")) + key(signer("b"), "") + key(signer("c"), 'use="encryption"')))

    assert (found.entity_id, found.sso_url, found.sso_by_post, found.slo_url) == (ISSUER, SSO, False, SLO)
    assert found.certificates == (signer("a").certificate, signer("b").certificate)
    assert (found.slo_response_url, found.wants_signed_requests) == (None, False)


def test_a_byte_order_mark_and_comments_of_people_do_no_harm() -> None:
    written = entity().replace("<KeyDescriptor", "<!-- new one --><KeyDescriptor", 1)

    assert read(b"\xef\xbb\xbf<?xml version='1.0'?><!-- ours -->" + written.encode()).entity_id == ISSUER


def test_forms_are_for_providers_that_take_no_redirect() -> None:
    by_post = f'<SingleSignOnService Binding="{BINDINGS}:HTTP-POST" Location="https://login.example/form"/>'
    by_redirect = f'<SingleSignOnService Binding="{BINDINGS}:HTTP-Redirect" Location="{SSO}"/>'

    assert (read(entity(services=by_post)).sso_url, read(entity(services=by_post)).sso_by_post) == (
        "https://login.example/form",
        True,
    )
    assert read(entity(services=by_post + by_redirect)).sso_by_post is False


def test_answers_to_logouts_may_go_elsewhere() -> None:
    logout = f'<SingleLogoutService Binding="{BINDINGS}:HTTP-Redirect" Location="{SLO}" ResponseLocation="{SLO}/done"/>'

    assert read(entity(logout=logout)).slo_response_url == f"{SLO}/done"
    assert read(entity(logout="")).slo_url is None


def test_one_of_several_is_chosen_by_its_name() -> None:
    both = several(entity(), entity(name="urn:other"))

    assert reason(both) == "several_providers"
    assert read(both, entity_id="urn:other").entity_id == "urn:other"
    assert reason(both, entity_id="urn:third") == "entity_differs"


def test_an_expired_certificate_beside_a_good_one_is_left_out() -> None:
    keys = key(signer("old", expired=True)) + key(signer("new"))

    assert read(entity(keys=keys)).certificates == (signer("new").certificate,)
    assert len(read(entity(keys=keys), expired_too=True).certificates) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        pytest.param("nothing", "not_xml", id="text"),
        pytest.param("<!DOCTYPE x [<!ENTITY y 'z'>]><x>&y;</x>", "document_type", id="DTD"),
        pytest.param("<x/>", "no_provider", id="another document"),
        pytest.param(entity(role="SPSSODescriptor"), "no_provider", id="a service provider"),
        pytest.param(entity(protocol="urn:oasis:names:tc:SAML:1.1:protocol"), "no_provider", id="SAML 1.1"),
        pytest.param(entity(name=""), "no_provider", id="no name"),
        pytest.param(entity(more='validUntil="2026-05-04T11:59:59Z"'), "over", id="over"),
        pytest.param(entity(more='validUntil="soon"'), "over", id="a moment in words"),
        pytest.param(entity(services=""), "no_address", id="no address"),
        pytest.param(
            entity(services=f'<SingleSignOnService Binding="{BINDINGS}:SOAP" Location="{SSO}"/>'),
            "no_address",
            id="SOAP",
        ),
        pytest.param(entity().replace(SSO, "http://login.example"), "address_refused", id="plain HTTP"),
        pytest.param(entity().replace(SLO, "javascript:alert(1)"), "address_refused", id="a script as logout"),
        pytest.param(entity(keys=""), "no_certificate", id="no certificate"),
        pytest.param(entity(keys=key(signer(), 'use="encryption"')), "no_certificate", id="for encryption only"),
        pytest.param(entity(keys=key(Signer(None, "x\nAAAA\nx"))), "no_certificate", id="a broken certificate"),
        pytest.param(entity(keys=key(signer("weak", bits=1024))), "weak_key", id="1024 bits"),
        pytest.param(entity(keys=key(signer("gone", expired=True))), "certificate_expired", id="expired"),
        pytest.param(entity(keys="".join(key(signer(f"n{n}")) for n in range(5))), "too_many_certificates", id="five"),
        pytest.param(several(entity(), entity()), "not_xml", id="an ID twice"),
    ],
)
def test_metadata_that_can_not_be_used_says_why(text: str, why: str) -> None:
    assert reason(text) == why


def test_a_pinned_key_has_to_have_signed_all_of_it() -> None:
    """Check SGN-5."""
    signed = etree.tostring(sign(etree.fromstring(entity(name="urn:signed")), signer("registrar")))
    pinned = signer("registrar").certificate

    assert read(signed, signed_by=pinned).entity_id == "urn:signed"
    assert reason(entity(), signed_by=pinned) == "not_signed"
    assert reason(signed, signed_by=signer("another").certificate) == "not_signed"
    assert reason(signed.replace(SSO.encode(), b"https://evil.example"), signed_by=pinned) == "not_signed"


# ── the dialog ─────────────────────────────────────────────────────────────────────────────────


def typed(**fields: Any) -> SamlProvider | tuple[SamlFault, ...]:
    return read_typed(SamlTyped(**fields), NOW, refused)


def faults(**fields: Any) -> set[tuple[str, str, str | None]]:
    found = typed(**fields)
    assert isinstance(found, tuple)
    return {(each.field, each.code, each.reason) for each in found}


def test_metadata_alone_makes_a_provider() -> None:
    found = typed(metadata=entity(), name_attribute=" employee ", unsolicited=True)

    assert isinstance(found, SamlProvider)
    assert (found.entity_id, found.sso_url, found.slo_url) == (ISSUER, SSO, SLO)
    assert (found.name_attribute, found.unsolicited, found.metadata_url) == ("employee", True, None)


@pytest.mark.parametrize("bare", [False, True])
def test_three_fields_by_hand_make_one_too(bare: bool) -> None:
    pem = signer("a").certificate
    pasted = "\n".join(pem.splitlines()[1:-1]) if bare else f"{pem}\n{signer('b').certificate}"
    found = typed(entity_id=" urn:x ", sso_url=SSO, certificates=pasted)

    assert isinstance(found, SamlProvider)
    assert (found.entity_id, found.certificates[0]) == ("urn:x", pem)
    assert len(found.certificates) == (1 if bare else 2)


def test_all_faults_are_told_at_once() -> None:
    assert faults() == {
        ("entity_id", "required", None),
        ("sso_url", "required", None),
        ("certificates", "required", None),
    }
    assert faults(
        entity_id="x" * 1025,
        sso_url="http://x",
        slo_url="ftp://x",
        certificates="nonsense",
        metadata_url="file:///etc/passwd",
        metadata_certificate="nonsense",
        name_attribute="x" * 256,
    ) == {
        ("entity_id", "too_long", None),
        ("sso_url", "address_not_allowed", None),
        ("slo_url", "address_not_allowed", None),
        ("certificates", "metadata_invalid", "no_certificate"),
        ("metadata_url", "address_not_allowed", None),
        ("metadata_certificate", "metadata_invalid", "no_certificate"),
        ("name_attribute", "too_long", None),
    }


def test_what_is_wrong_with_metadata_has_a_reason_of_its_own() -> None:
    assert faults(metadata="x", metadata_url="http://x") == {
        ("metadata", "metadata_invalid", "not_xml"),
        ("metadata_url", "address_not_allowed", None),
    }


def test_an_expired_certificate_is_taken_with_the_tick() -> None:
    lapsed = {"entity_id": "urn:x", "sso_url": SSO, "certificates": signer("lapsed", expired=True).certificate}

    assert faults(**lapsed) == {("certificates", "certificate_expired", None)}
    assert isinstance(typed(**lapsed, expired_certificates=True), SamlProvider)


def test_certificates_that_end_soon_are_warned_of() -> None:
    """Those made here end after 800 days, or have ended a day ago."""
    both = (signer("fine").certificate, signer("over", expired=True).certificate)

    assert [(each.name, each.days) for each in certificate_warnings(both, NOW)] == [("CN=over", -1)]
    soon = certificate_warnings(both[:1], NOW + timedelta(days=771))
    assert [(each.name, each.days) for each in soon] == [("CN=fine", 29)]
    assert certificate_warnings(both[:1], NOW + timedelta(days=770)) == ()
