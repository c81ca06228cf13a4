"""The mappings a new job starts with, as Graph schema documents: the tutorial's application and a custom SCIM application."""

from __future__ import annotations

from typing import Any

_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
IS_ACTIVE = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'


def direct(source: str, target: str, matching: int = 0) -> dict[str, Any]:
    """A direct mapping of one attribute, in Graph's form."""
    return {
        "targetAttributeName": target,
        "source": {"type": "Attribute", "name": source, "expression": f"[{source}]"},
        "flowType": "Always",
        "flowBehavior": "FlowWhenChanged",
        "matchingPriority": matching,
    }


def computed(expression: str, target: str) -> dict[str, Any]:
    """A mapping by expression, in Graph's form."""
    name = expression.partition("(")[0]
    return {
        "targetAttributeName": target,
        "source": {"type": "Function", "name": name, "expression": expression},
        "flowType": "Always",
        "flowBehavior": "FlowWhenChanged",
        "matchingPriority": 0,
    }


def schema_document(users: list[dict[str, Any]], groups: list[dict[str, Any]]) -> dict[str, Any]:
    """A schema of one rule with a mapping for users and one for groups."""
    mappings = [
        _object_mapping("User", _ENTERPRISE, users),
        _object_mapping("Group", _GROUP, groups),
    ]
    rule = {
        "name": "USER_OUTBOUND_USER",
        "editable": True,
        "priority": 1,
        "sourceDirectoryName": "Rollcall directory",
        "targetDirectoryName": "customappsso",
        "objectMappings": mappings,
    }
    return {"version": "1", "synchronizationRules": [rule]}


def _object_mapping(source: str, target: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": f"Synchronize {source}s",
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "sourceObjectName": source,
        "targetObjectName": target,
        "attributeMappings": attributes,
    }


_GROUPS = [direct("displayName", "displayName", 1), direct("objectId", "externalId"), direct("members", "members")]

TUTORIAL_SCHEMA = schema_document(
    [
        direct("userPrincipalName", "userName", 1),
        computed(IS_ACTIVE, "active"),
        direct("givenName", "name.givenName"),
        direct("surname", "name.familyName"),
        direct("mobile", 'phoneNumbers[type eq "mobile"].value'),
        direct("objectId", "externalId"),
    ],
    _GROUPS,
)
"""Users and groups as the tutorial's application wants them; `externalId` is the object id, so that
sign-in and settings can refer to it (application rule: Group.externalId)."""

_ADDRESS = 'addresses[type eq "work"]'

CUSTOM_SCHEMA = schema_document(
    [
        direct("userPrincipalName", "userName", 1),
        computed(IS_ACTIVE, "active"),
        direct("displayName", "displayName"),
        direct("jobTitle", "title"),
        direct("mail", 'emails[type eq "work"].value'),
        direct("preferredLanguage", "preferredLanguage"),
        direct("givenName", "name.givenName"),
        direct("surname", "name.familyName"),
        computed('Join(" ", [givenName], [surname])', "name.formatted"),
        direct("physicalDeliveryOfficeName", f"{_ADDRESS}.formatted"),
        direct("streetAddress", f"{_ADDRESS}.streetAddress"),
        direct("city", f"{_ADDRESS}.locality"),
        direct("state", f"{_ADDRESS}.region"),
        direct("postalCode", f"{_ADDRESS}.postalCode"),
        direct("country", f"{_ADDRESS}.country"),
        direct("telephoneNumber", 'phoneNumbers[type eq "work"].value'),
        direct("mobile", 'phoneNumbers[type eq "mobile"].value'),
        direct("facsimileTelephoneNumber", 'phoneNumbers[type eq "fax"].value'),
        direct("mailNickname", "externalId"),
        direct("employeeId", f"{_ENTERPRISE}:employeeNumber"),
        direct("department", f"{_ENTERPRISE}:department"),
        direct("manager", f"{_ENTERPRISE}:manager"),
    ],
    _GROUPS,
)
"""The default mappings of a custom SCIM application."""

TEMPLATES = {"tutorial": TUTORIAL_SCHEMA, "scim": CUSTOM_SCHEMA}
