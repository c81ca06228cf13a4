"""The default mappings of a custom SCIM application, line by line (rules 4.1, M10)."""

from __future__ import annotations

import pytest

from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.sync_schema import parse_schema

ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
ADDRESS = 'addresses[type eq "work"]'
USERS = {
    "userName": "userPrincipalName",
    "active": 'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
    "displayName": "displayName",
    "title": "jobTitle",
    "preferredLanguage": "preferredLanguage",
    "name.givenName": "givenName",
    "name.familyName": "surname",
    "name.formatted": 'Join(" ", [givenName], [surname])',
    'emails[type eq "work"].value': "mail",
    f"{ADDRESS}.formatted": "physicalDeliveryOfficeName",
    f"{ADDRESS}.streetAddress": "streetAddress",
    f"{ADDRESS}.locality": "city",
    f"{ADDRESS}.region": "state",
    f"{ADDRESS}.postalCode": "postalCode",
    f"{ADDRESS}.country": "country",
    'phoneNumbers[type eq "work"].value': "telephoneNumber",
    'phoneNumbers[type eq "mobile"].value': "mobile",
    'phoneNumbers[type eq "fax"].value': "facsimileTelephoneNumber",
    "externalId": "mailNickname",
    f"{ENTERPRISE}:employeeNumber": "employeeId",
    f"{ENTERPRISE}:department": "department",
    f"{ENTERPRISE}:manager": "manager",
}
GROUPS = {"displayName": "displayName", "externalId": "objectId", "members": "members"}


@pytest.mark.parametrize(
    ("kind", "expected", "matching"), [("User", USERS, "userName"), ("Group", GROUPS, "displayName")]
)
def test_the_default_mappings_are_those_of_entra(kind: str, expected: dict[str, str], matching: str) -> None:
    """4.1, M10."""
    attributes = parse_schema(CUSTOM_SCHEMA)[kind].attributes

    assert {each.target: each.source.text for each in attributes} == expected
    assert [(each.target, each.matching_priority) for each in attributes if each.matching_priority] == [(matching, 1)]
    assert {(each.flow_type, each.flow_behavior, each.default, each.clear_when_null) for each in attributes} == {
        ("Always", "FlowWhenChanged", None, False)
    }
