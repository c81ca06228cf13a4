"""The SCIM floor: what checking, filtering and projecting one resource costs in CPU."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.figure import Figure, microseconds
from rollcall.scim.filter import compile_filter, parse_filter
from rollcall.scim.resource import check, project
from rollcall.scim.schema import ENTERPRISE_USER_URN, USER, USER_URN

# What a provisioning service sends for a person with the default mappings.
PERSON: dict[str, Any] = {
    "schemas": [USER_URN, ENTERPRISE_USER_URN],
    "externalId": "ada",
    "userName": "ada@example.com",
    "active": True,
    "displayName": "Ada Lovelace",
    "title": "Analyst",
    "preferredLanguage": "en-GB",
    "name": {"givenName": "Ada", "familyName": "Lovelace", "formatted": "Ada Lovelace"},
    "emails": [{"type": "work", "value": "ada@example.com", "primary": True}],
    "phoneNumbers": [{"type": "mobile", "value": "+44 20 7946 0001"}, {"type": "work", "value": "+44 20 7946 0002"}],
    "addresses": [{"type": "work", "locality": "London", "postalCode": "W1", "country": "GB"}],
    ENTERPRISE_USER_URN: {"employeeNumber": "1815", "department": "Engines"},
}
FILTER = 'userName eq "ada@example.com" and (active eq true or emails[type eq "work" and value ew ".org"])'


def measure() -> Iterator[Figure]:
    """Every figure of the floor, one after the other."""
    stored = check(PERSON, USER, "create")
    tree = parse_filter(FILTER)
    matches = compile_filter(tree, USER)
    yield Figure("check a user of 12 attributes", microseconds(lambda: check(PERSON, USER, "create")), "µs")
    yield Figure("project it whole", microseconds(lambda: project(stored, USER)), "µs")
    yield Figure("parse a filter of four comparisons", microseconds(lambda: parse_filter(FILTER)), "µs")
    yield Figure("compile it", microseconds(lambda: compile_filter(tree, USER)), "µs")
    yield Figure("ask it about a user", microseconds(lambda: matches(stored)), "µs")
