"""Which resources satisfy which filters."""

from __future__ import annotations

import pytest

from rollcall.scim.error import ScimError
from rollcall.scim.filter import matches, parse_filter
from rollcall.scim.resource import check
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER, Attribute, ResourceType, Schema

CUSTOM = "urn:ietf:params:scim:schemas:extension:Orchard:2.0:User"

INES = check(
    {
        "id": "u-1",
        "externalId": "Ab",
        "userName": "Ines@Orchard.example",
        "active": True,
        "displayName": "Straße İstanbul",
        "name": {"givenName": "Ines"},
        "emails": [
            {"value": "ines@orchard.example", "type": "work", "primary": True},
            {"value": "ines@home.example", "type": "home"},
        ],
        "meta": {"created": "2026-01-05T08:00:00Z", "lastModified": "2026-01-05T09:00:00.5+01:00"},
        ENTERPRISE_USER_URN: {"department": "Harvest", "manager": {"value": "u-2"}},
        CUSTOM: {"costRegion": "N4", "level": 3, "remote": True, "desk": {"floor": 2}},
    },
    USER,
    "query",
)
TEAM = check({"id": "g-1", "displayName": "Team", "members": [{"value": "u-1"}, {"value": "u-2"}]}, GROUP, "query")


@pytest.mark.parametrize(
    "text",
    [
        'userName eq "INES@orchard.EXAMPLE"',
        'USERNAME eq "ines@orchard.example"',
        'externalId eq "Ab"',
        'externalId ne "ab"',
        'userName sw "ines@" and userName ew ".example" and userName co "ORCHARD"',
        'displayName eq "STRASSE i̇stanbul"',
        "active eq true",
        "active ne false",
        "not (active eq false)",
        "title eq null",
        'title ne "Cook"',
        'not (title eq "Cook")',
        "displayName ne null",
        "userName pr and emails pr and name pr",
        "emails.primary pr",
        'emails.type eq "home"',
        'emails.type ne "home"',
        'emails eq "ines@home.example"',
        'emails[type eq "work" and value co "orchard"]',
        'emails[type eq "WORK" and primary eq true]',
        'emails[type eq "home" and not (primary pr)]',
        'emails[type eq "work"].value eq "ines@orchard.example"',
        'phoneNumbers ne "1"',
        'manager eq "u-2"',
        'manager.value eq "u-2"',
        f'{ENTERPRISE_USER_URN}:manager.value eq "u-2"',
        f'{ENTERPRISE_USER_URN.lower()}:DEPARTMENT eq "harvest"',
        'id eq "u-1" and manager eq "u-2"',
        'userName gt "ines" and userName lt "jnes"',
        'meta.created eq "2026-01-05T08:00:00Z"',
        'meta.created eq "2026-01-05T09:00:00.000+01:00"',
        'meta.created ge "2026-01-05T08:00:00"',
        'meta.lastModified gt "2026-01-05T08:00:00.49Z"',
        'meta.lastModified lt "2026-01-05T08:00:00.51Z"',
        'meta.lastModified le "2026-01-05T08:00:00.500000000Z"',
        f'{CUSTOM}:costRegion eq "N4"',
        f'{CUSTOM.lower()}:costRegion sw "N"',
        f"{CUSTOM}:level gt 2 and {CUSTOM}:level le 3.0",
        f"{CUSTOM}:remote eq true",
        f"{CUSTOM}:desk.floor eq 2",
        f'schemas eq "{CUSTOM}"',
        'shoeSize ne "43"',
    ],
)
def test_the_user_satisfies_the_filter(text: str) -> None:
    assert matches(parse_filter(text), INES, USER)


@pytest.mark.parametrize(
    "text",
    [
        'externalId eq "ab"',
        'displayName co "istanbul"',
        "active eq false",
        "title pr",
        'title sw ""',
        'title gt "a"',
        'emails[type eq "home" and value co "orchard"]',
        'emails[type eq "home" and primary eq true]',
        'emails[type eq "home"].value eq "ines@orchard.example"',
        'phoneNumbers[type eq "work"]',
        "phoneNumbers ne null",
        'manager eq "u-1"',
        'meta.created gt "2026-01-05T08:00:00Z"',
        f'{CUSTOM}:costRegion eq "n4"',
        f"{CUSTOM}:remote eq 1",
        f'{CUSTOM}:level gt "2"',
        f"{CUSTOM}:costRegion gt 2",
        f"{CUSTOM}:remote gt false",
        'shoeSize eq "43"',
        "shoeSize eq null",
        "shoeSize pr",
        'name.shoe eq "43"',
        'emails[shoe eq "43"]',
        'urn:example:none:x eq "1"',
        "shoes[size pr]",
    ],
)
def test_the_user_does_not_satisfy_the_filter(text: str) -> None:
    assert not matches(parse_filter(text), INES, USER)


@pytest.mark.parametrize(
    "text",
    [
        'active eq "true"',
        "active gt true",
        'active co "t"',
        "userName eq true",
        "userName eq 7",
        "userName gt null",
        'name eq "Ines"',
        'meta.created eq "yesterday"',
        'meta.created sw "2026"',
        "meta.created gt 2026",
        'x509Certificates gt "a"',
        "emails[type eq 1]",
        'emails[urn:x:y:type eq "a"]',
        'emails[value[type pr].x eq "a"]',
        'emails[name.type eq "a"]',
    ],
)
def test_a_comparison_without_sense_is_refused(text: str) -> None:
    with pytest.raises(ScimError) as refusal:
        matches(parse_filter(text), INES, USER)

    assert (refusal.value.status, refusal.value.scim_type) == (400, "invalidFilter")


def test_a_group_is_found_by_a_member_and_by_its_own_id() -> None:
    assert matches(parse_filter('id eq "g-1" and members eq "u-2"'), TEAM, GROUP)
    assert matches(parse_filter('members[value eq "u-1"]'), TEAM, GROUP)
    assert not matches(parse_filter('id eq "g-1" and members eq "u-3"'), TEAM, GROUP)
    assert not matches(parse_filter('members eq "U-2"'), TEAM, GROUP)


def test_numbers_compare_as_numbers_and_simple_values_are_named_value_in_brackets() -> None:
    schema = Schema("urn:t", "T", "", (Attribute("rank", "integer"), Attribute("tags", multi_valued=True)))
    kind = ResourceType("T", "T", "/Ts", "", schema)
    thing = {"rank": 10, "tags": ["Red", "blue"]}

    assert matches(parse_filter('rank gt 9 and rank lt 10.5 and tags eq "red" and tags[value sw "BL"]'), thing, kind)
    assert not matches(parse_filter('rank le 9 or tags[value eq "green"]'), thing, kind)
    for text in ('rank eq "10"', "rank co 1", "rank eq true"):
        with pytest.raises(ScimError):
            matches(parse_filter(text), thing, kind)
