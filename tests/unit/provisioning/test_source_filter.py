"""Filters over people and groups of the directory, in SCIM's filter language."""

from __future__ import annotations

import pytest

from rollcall.errors import Invalid
from rollcall.provisioning.model import Entry, Key
from rollcall.provisioning.source_filter import fits, source_filter

ADA = Entry(
    Key("User", "ada"),
    "present",
    {"displayName": "Ada", "department": "Sales", "accountEnabled": True, "otherMails": ["a@x.org", "b@x.org"],
     "extension_abc_costCentre": "C1"},
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('department eq "Sales"', True),
        ('DEPARTMENT eq "sales"', True),
        ('department ne "Sales"', False),
        ('displayName sw "A" and not (department eq "Law")', True),
        ('department eq "Law" or accountEnabled eq true', True),
        ("jobTitle pr", False),
        ('otherMails eq "b@x.org"', True),
        ('extension_abc_costCentre eq "C1"', True),
    ],
)
def test_a_person_fits_or_does_not(text: str, wanted: bool) -> None:
    assert fits(ADA, source_filter("User", text)) is wanted


def test_who_is_deleted_fits_nothing() -> None:
    deleted = Entry(ADA.key, "deleted", ADA.attributes)

    assert not fits(deleted, source_filter("User", 'department eq "Sales"'))


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        ("User", "", "can't be used"),
        ("User", "department eq", "can't be used"),
        ("User", 'departmnt eq "x"', "Did you mean department"),
        ("User", 'jobTitle pr and members eq "x"', "no attribute 'members'"),
        ("User", 'not (colour eq "x")', "no attribute 'colour'"),
        ("Group", 'department eq "x"', "Attributes of a group: deletedDateTime"),
    ],
)
def test_a_filter_that_can_not_be_used_is_refused_with_what_is_allowed(kind: str, text: str, told: str) -> None:
    with pytest.raises(Invalid) as refusal:
        source_filter(kind, text)

    assert told in refusal.value.message
