"""What we publish of ourselves to a SAML provider, for one configuration (check SML-1)."""

from __future__ import annotations

from lxml import etree

from rollcall.workspaces.sso.configuration import Addresses
from rollcall.workspaces.sso.saml_request import POST, REDIRECT
from rollcall.workspaces.sso.saml_response import EMAIL_FORMAT, PERSISTENT
from rollcall.workspaces.sso.saml_xml import METADATA, PROTOCOL, SIGNATURE, ds, md


def own_metadata(ours: Addresses, certificate: str, *, signs_requests: bool) -> bytes:
    """The document (SAML metadata §2.4.4). `certificate`: PEM, of the key that signs our requests and logouts."""
    root = etree.Element(md("EntityDescriptor"), nsmap={None: METADATA, "ds": SIGNATURE}, entityID=ours.entity_id)
    role = etree.SubElement(
        root,
        md("SPSSODescriptor"),
        AuthnRequestsSigned="true" if signs_requests else "false",
        WantAssertionsSigned="true",
        protocolSupportEnumeration=PROTOCOL,
    )
    descriptor = etree.SubElement(role, md("KeyDescriptor"), use="signing")
    data = etree.SubElement(etree.SubElement(descriptor, ds("KeyInfo")), ds("X509Data"))
    etree.SubElement(data, ds("X509Certificate")).text = "".join(certificate.splitlines()[1:-1])
    etree.SubElement(role, md("SingleLogoutService"), Binding=REDIRECT, Location=ours.single_logout)
    for form in (PERSISTENT, EMAIL_FORMAT):
        etree.SubElement(role, md("NameIDFormat")).text = form
    etree.SubElement(role, md("AssertionConsumerService"), Binding=POST, Location=ours.acs, index="0", isDefault="true")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")
