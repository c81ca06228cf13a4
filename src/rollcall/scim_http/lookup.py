"""The filter that a client looks a resource up with."""

from __future__ import annotations

from rollcall.scim.filter import Compare, print_filter
from rollcall.scim.path import parse_path


def equal(attribute: str, value: str) -> str:
    """The filter `attribute eq "value"`; quotes and backslashes in the value are escaped (RFC 7644 §3.4.2.2).

    `attribute` is a path such as `userName`, `name.familyName` or `emails[type eq "work"].value`.
    """
    return print_filter(Compare(parse_path(attribute), "eq", value))
