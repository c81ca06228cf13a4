"""Organisations' keys and names, credentials' lives, and what is an id."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from rollcall.errors import Invalid
from rollcall.workspaces.model import Credential, check_key, check_name, parse_id

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ID = "0190a000-0000-7000-8000-0000000000ab"


@pytest.mark.parametrize("key", ["a", "acme", "acme-2", "4711", "a" * 63])
def test_a_key_that_fits_a_url_is_good(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize("key", ["", "Acme", "-a", "a-", "a b", "ä", "a/b", "a" * 64, ID, "acme\n"])
def test_other_keys_are_refused(key: str) -> None:
    with pytest.raises(Invalid):
        check_key(key)


def test_a_name_has_no_blanks_around_it() -> None:
    assert check_name("  Acme Ltd ", "an organisation") == "Acme Ltd"


@pytest.mark.parametrize("name", ["", "   ", "x" * 101])
def test_a_name_has_one_to_a_hundred_characters(name: str) -> None:
    with pytest.raises(Invalid):
        check_name(name, "an organisation")


@pytest.mark.parametrize("text", ["", "nobody", ID.upper(), ID.replace("-", ""), f"{{{ID}}}", f" {ID}", f"{ID}\n"])
def test_an_id_in_another_spelling_is_no_id(text: str) -> None:
    assert parse_id(text) is None


def test_an_id_is_read() -> None:
    assert parse_id(ID) == UUID(ID)


@pytest.mark.parametrize(
    ("expires", "revoked", "live"),
    [
        (None, None, True),
        (NOW + timedelta(seconds=1), None, True),
        (NOW, None, False),
        (None, NOW, False),
        (NOW + timedelta(days=1), NOW, False),
    ],
)
def test_a_credential_lives_until_it_is_revoked_or_expires(
    expires: datetime | None, revoked: datetime | None, live: bool
) -> None:
    credential = Credential(UUID(ID), "one", "abcd", NOW, expires, revoked, None)

    assert credential.is_live(NOW) is live
