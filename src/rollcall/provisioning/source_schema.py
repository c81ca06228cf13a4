"""Which attributes the directory's users and groups have as a source, by the names that Entra's mappings use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from rollcall.provisioning.expression import AttributeType
from rollcall.provisioning.model import SourceAttribute

DIRECTORY_EXTENSION = re.compile(r"extension_[0-9A-Za-z]{1,64}_[0-9A-Za-z_]{1,128}", re.ASCII)
"""The names of directory extensions; they are case-sensitive, and a directory may hold any of this form."""

_MULTIVALUED = frozenset(
    ("businessPhones", "otherMails", "proxyAddresses", "imAddresses", "groupTypes", "appRoleAssignments", "members")
)


def _table(names: str, *others: SourceAttribute) -> dict[str, SourceAttribute]:
    texts = [SourceAttribute(name, multivalued=name in _MULTIVALUED) for name in names.split()]
    return {attribute.name: attribute for attribute in (*texts, *others)}


_EXTENSION_ATTRIBUTES = [f"extensionAttribute{number}" for number in range(1, 16)]

_USER = _table(
    """
    id objectId userPrincipalName originalUserPrincipalName displayName givenName surname mail mailNickname
    mobilePhone mobile businessPhones telephoneNumber faxNumber facsimileTelephoneNumber
    jobTitle department companyName employeeId employeeType officeLocation physicalDeliveryOfficeName
    streetAddress city state postalCode country usageLocation preferredLanguage
    otherMails proxyAddresses imAddresses userType externalId appRoleAssignments
    onPremisesImmutableId onPremisesSamAccountName onPremisesUserPrincipalName onPremisesDistinguishedName
    onPremisesDomainName onPremisesSecurityIdentifier
    """,
    SourceAttribute("accountEnabled", "Boolean"),
    SourceAttribute("IsSoftDeleted", "Boolean"),
    SourceAttribute("employeeHireDate", "DateTime"),
    SourceAttribute("employeeLeaveDateTime", "DateTime"),
    SourceAttribute("deletedDateTime", "DateTime"),
    SourceAttribute("manager", "Reference"),
    *(SourceAttribute(name) for name in _EXTENSION_ATTRIBUTES),
    *(SourceAttribute(f"onPremisesExtensionAttributes.{name}") for name in _EXTENSION_ATTRIBUTES),
)

_GROUP = _table(
    "id objectId displayName description mail mailNickname groupTypes visibility proxyAddresses externalId",
    SourceAttribute("mailEnabled", "Boolean"),
    SourceAttribute("securityEnabled", "Boolean"),
    SourceAttribute("IsSoftDeleted", "Boolean"),
    SourceAttribute("deletedDateTime", "DateTime"),
    SourceAttribute("members", "Reference", multivalued=True),
)

SOURCE_ATTRIBUTES: Mapping[str, Mapping[str, SourceAttribute]] = {"User": _USER, "Group": _GROUP}
"""By kind of source object and by name: what `connectors.directory` delivers, and what the service adds itself
(`IsSoftDeleted`, and a user's `appRoleAssignments`)."""


def is_directory_extension(name: str) -> bool:
    """Whether this is the name of a directory extension, `extension_<application id>_<name>`."""
    return DIRECTORY_EXTENSION.fullmatch(name) is not None


def known_among(names: Iterable[str], attributes: Mapping[str, SourceAttribute]) -> dict[str, SourceAttribute]:
    """`attributes`, and each of `names` that is a directory extension.

    Any directory may hold any extension, so it counts as known; its values count as text, which fits most targets.
    """
    extensions = {name: SourceAttribute(name) for name in names if is_directory_extension(name)}
    return {**extensions, **attributes} if extensions else dict(attributes)


def attribute_types(attributes: Mapping[str, SourceAttribute]) -> dict[str, AttributeType]:
    """The same attributes as the type checker of expressions wants them."""
    return {name: AttributeType(each.type, each.multivalued) for name, each in attributes.items()}
