"""Times, attributes and tokens of the log's filter, case by case."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from rollcall.errors import Invalid
from rollcall.provisioning.log_filter import attribute_set, parse_cursor, parse_time, print_cursor, words_of

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("30m", NOW - timedelta(minutes=30)),
        ("45s", NOW - timedelta(seconds=45)),
        ("4w", NOW - timedelta(weeks=4)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T09:30:00Z", datetime(2026, 11, 1, 9, 30, tzinfo=UTC)),
        ("2026-11-01T09:30:00+02:00", datetime(2026, 11, 1, 7, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_a_moment_or_how_long_ago(text: str, meant: datetime) -> None:
    assert parse_time(text, NOW) == meant


@pytest.mark.parametrize("text", ["", "yesterday", "2 fortnights", "-2h", "7", "2026-13-01", "999999w", "٣d x"])
def test_what_is_no_time_is_refused_with_what_is_one(text: str) -> None:
    with pytest.raises(Invalid, match="2h, 7d or 4w"):
        parse_time(text, NOW)


@pytest.mark.parametrize(
    ("attribute", "wanted", "is_it"),
    [
        ("title", "title", True),
        ("title", "TITLE", True),
        ("name.givenName", "name", True),
        ('emails[type eq "work"].value', "emails", True),
        ("urn:x:User:department", "urn:x:User", True),
        ("name.givenName", "givenName", False),
        ("nickName", "nick", False),
        ("name", "name.givenName", False),
    ],
)
def test_an_attribute_is_about_itself_and_its_parts(attribute: str, wanted: str, is_it: bool) -> None:
    assert (wanted.casefold() in words_of(attribute)) is is_it


def test_a_set_of_attributes_has_one_number_whatever_their_order() -> None:
    assert attribute_set(["b", "a", "b"]) == attribute_set(["a", "b"]) != attribute_set(["a"])
    assert attribute_set([]) is None
    assert -(2**63) <= (attribute_set(["a"]) or 0) < 2**63


def test_a_cursor_is_read_as_it_was_written() -> None:
    some = UUID("019e2b1c-5a1e-7000-8000-000000000000")

    assert parse_cursor(print_cursor(some, newest_first=True), newest_first=True) == some
