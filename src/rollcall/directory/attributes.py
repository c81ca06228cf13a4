"""Which attributes users and groups have, by their Microsoft Graph names, and what each may hold."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from rollcall.errors import Invalid

Type = Literal["string", "boolean", "strings", "dateTime", "extensionAttributes"]

# RFC 3339 §5.6, as Graph writes a DateTimeOffset: 2026-11-23T00:00:00Z
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_EXTENSION = re.compile(r"extension_[0-9A-Za-z]{1,64}_[0-9A-Za-z_]{1,128}", re.ASCII)
_EXTENSION_ATTRIBUTE_NAMES = frozenset(f"extensionAttribute{number}" for number in range(1, 16))
_EXTENSION_LENGTH = 256  # Graph: directory extension values hold at most 256 characters
_EXTENSION_ATTRIBUTE_LENGTH = 1024
_MOST_VALUES = 250


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: its type and the most characters a text of it may have."""

    name: str
    type: Type = "string"
    length: int = 256


def _table(*attributes: Attribute) -> dict[str, Attribute]:
    return {attribute.name: attribute for attribute in attributes}


# Lengths as the reference of the Microsoft Graph resource type `user` states them.
USER_ATTRIBUTES: Mapping[str, Attribute] = _table(
    Attribute("userPrincipalName"),
    Attribute("displayName"),
    Attribute("accountEnabled", "boolean"),
    Attribute("givenName", length=64),
    Attribute("surname", length=64),
    Attribute("mail", length=320),
    Attribute("mailNickname", length=64),
    Attribute("mobilePhone", length=64),
    Attribute("businessPhones", "strings", 64),
    Attribute("faxNumber", length=64),
    Attribute("jobTitle", length=128),
    Attribute("department", length=64),
    Attribute("companyName", length=64),
    Attribute("employeeId", length=16),
    Attribute("employeeType", length=64),
    Attribute("employeeHireDate", "dateTime"),
    Attribute("employeeLeaveDateTime", "dateTime"),
    Attribute("officeLocation", length=128),
    Attribute("streetAddress", length=1024),
    Attribute("city", length=128),
    Attribute("state", length=128),
    Attribute("postalCode", length=40),
    Attribute("country", length=128),
    Attribute("usageLocation", length=2),
    Attribute("preferredLanguage", length=64),
    Attribute("otherMails", "strings", 320),
    Attribute("proxyAddresses", "strings", 1024),
    Attribute("imAddresses", "strings", 320),
    Attribute("userType", length=64),
    Attribute("onPremisesExtensionAttributes", "extensionAttributes", _EXTENSION_ATTRIBUTE_LENGTH),
    Attribute("onPremisesImmutableId"),
    Attribute("onPremisesSamAccountName"),
    Attribute("onPremisesUserPrincipalName"),
    Attribute("onPremisesDistinguishedName", length=2048),
    Attribute("onPremisesDomainName"),
    Attribute("onPremisesSecurityIdentifier"),
    Attribute("externalId"),
)

GROUP_ATTRIBUTES: Mapping[str, Attribute] = _table(
    Attribute("displayName"),
    Attribute("description", length=1024),
    Attribute("mail", length=320),
    Attribute("mailNickname", length=64),
    Attribute("mailEnabled", "boolean"),
    Attribute("securityEnabled", "boolean"),
    Attribute("groupTypes", "strings", 64),
    Attribute("visibility", length=64),
    Attribute("proxyAddresses", "strings", 1024),
    Attribute("externalId"),
)


def check_attributes(given: Mapping[str, Any], known: Mapping[str, Attribute], what: str) -> dict[str, Any]:
    """The attributes with every value checked; None means "take it away" and passes.

    `known` is USER_ATTRIBUTES or GROUP_ATTRIBUTES, `what` the word for the object in a refusal.
    Raises Invalid naming attribute, rule and remedy; its details list every fault.
    """
    faults = [fault for name, value in given.items() if (fault := _fault(name, value, known, what))]
    if faults:
        raise Invalid(faults[0], details=tuple(faults))
    return dict(given)


def _fault(name: str, value: Any, known: Mapping[str, Attribute], what: str) -> str | None:
    attribute = known.get(name)
    if attribute is None and _EXTENSION.fullmatch(name):
        return _extension_fault(name, value)
    if attribute is None:
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else "Use a Microsoft Graph name or an extension_… attribute."
        return f"A {what} has no attribute {name!r}. {hint}"
    if value is None:
        return None
    match attribute.type:
        case "boolean":
            return None if isinstance(value, bool) else f"{name} must be true or false, not {_shown(value)}."
        case "string":
            return _text_fault(name, value, attribute.length)
        case "dateTime":
            right = isinstance(value, str) and _DATE_TIME.fullmatch(value)
            return None if right else f"{name} must be a date and time such as 2026-11-23T00:00:00Z."
        case "strings":
            return _texts_fault(name, value, attribute.length)
        case "extensionAttributes":
            return _extension_attributes_fault(name, value, attribute.length)


def _text_fault(name: str, value: Any, length: int) -> str | None:
    if not isinstance(value, str):
        return f"{name} must be a text, not {_shown(value)}."
    if len(value) > length:
        return f"{name} has {len(value)} characters, at most {length} are allowed; shorten it."
    if "\x00" in value:
        return f"{name} contains a NUL character; remove it."
    return None


def _texts_fault(name: str, value: Any, length: int) -> str | None:
    if not isinstance(value, list):
        return f"{name} must be a list of texts, not {_shown(value)}."
    if len(value) > _MOST_VALUES:
        return f"{name} has {len(value)} values, at most {_MOST_VALUES} are allowed."
    return next((fault for each in value if (fault := _text_fault(name, each, length))), None)


def _extension_attributes_fault(name: str, value: Any, length: int) -> str | None:
    if not isinstance(value, dict):
        return f"{name} must be an object of extensionAttribute1 to extensionAttribute15, not {_shown(value)}."
    for key, text in value.items():
        if key not in _EXTENSION_ATTRIBUTE_NAMES:
            return f"{name} has no attribute {key!r}; use extensionAttribute1 to extensionAttribute15."
        if text is not None and (fault := _text_fault(f"{name}.{key}", text, length)):
            return fault
    return None


def _extension_fault(name: str, value: Any) -> str | None:
    if value is None or isinstance(value, bool | int):
        return None
    if isinstance(value, list):
        return _texts_fault(name, value, _EXTENSION_LENGTH)
    return _text_fault(name, value, _EXTENSION_LENGTH)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "…"
