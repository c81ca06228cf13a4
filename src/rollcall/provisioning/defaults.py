"""The mappings a new job starts with, as Graph schema documents: the tutorial's application and a custom SCIM application."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from rollcall.provisioning.default_directories import (
    SOURCE_NAME,
    TARGET_NAME,
    TARGET_OBJECTS,
    source_directory,
    target_directory,
)
from rollcall.provisioning.expression_graph import attribute_mapping_source

_ENTERPRISE = TARGET_OBJECTS["User"]
IS_ACTIVE = 'Switch([IsSoftDeleted], , "False", "True", "True", "False")'


def direct(source: str, target: str, matching: int = 0) -> dict[str, Any]:
    """A direct mapping of one attribute, in Graph's form."""
    return _attribute_mapping(f"[{source}]", target, matching)


def computed(expression: str, target: str) -> dict[str, Any]:
    """A mapping by expression, in Graph's form. Raises ExpressionError for one that can't be parsed."""
    return _attribute_mapping(expression, target)


def _attribute_mapping(expression: str, target: str, matching: int = 0) -> dict[str, Any]:
    return {
        "defaultValue": None,
        "exportMissingReferences": False,
        "flowBehavior": "FlowWhenChanged",
        "flowType": "Always",
        "matchingPriority": matching,
        "source": attribute_mapping_source(expression),
        "targetAttributeName": target,
    }


def schema_document(users: list[dict[str, Any]], groups: list[dict[str, Any]]) -> dict[str, Any]:
    """A schema of one rule with a mapping for users and one for groups."""
    paths = ([mapping["targetAttributeName"] for mapping in mappings] for mappings in (users, groups))
    rule = {
        "id": "7b0f6a52-0f0b-4a5c-9d0e-5d6c1c1f3a03",
        "name": "USER_OUTBOUND_USER",
        "priority": 1,
        "editable": True,
        "sourceDirectoryName": SOURCE_NAME,
        "targetDirectoryName": TARGET_NAME,
        "metadata": [{"key": "defaultSourceObjectMappings", "value": "User,Group"}],
        "containerFilter": None,
        "groupFilter": None,
        "objectMappings": [_object_mapping("User", users), _object_mapping("Group", groups)],
    }
    return {
        "id": None,
        "version": "1",
        "directories": [source_directory(), target_directory(*paths)],
        "synchronizationRules": [rule],
    }


def schema_of(template: str, schema_id: str) -> dict[str, Any]:
    """The schema with which a job of this template begins, as a document of its own."""
    return {**deepcopy(TEMPLATES[template]), "id": schema_id}


def _object_mapping(source: str, attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": f"Synchronize {source}s",
        "enabled": True,
        "flowTypes": "Add, Update, Delete",
        "sourceObjectName": source,
        "targetObjectName": TARGET_OBJECTS[source],
        "metadata": [{"key": "EscrowBehavior", "value": "Default"}] if source == "User" else [],
        "scope": None,
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
