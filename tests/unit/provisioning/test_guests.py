"""What guests are called (rule M11)."""

from __future__ import annotations

import pytest

from rollcall.provisioning.connectors.directory import named


@pytest.mark.parametrize(
    ("stored", "at_home"),
    [
        ("ada_fabrikam.example#EXT#@contoso.example", "ada@fabrikam.example"),
        ("ada_lovelace_fabrikam.example#EXT#@contoso.example", "ada_lovelace@fabrikam.example"),
        ("nobody#EXT#@contoso.example", "nobody#EXT#@contoso.example"),
        ("ada_lovelace@contoso.example", "ada_lovelace@contoso.example"),
    ],
)
def test_a_guest_goes_by_the_name_at_home_and_keeps_the_stored_one(stored: str, at_home: str) -> None:
    """M11."""
    attributes = named({"userPrincipalName": stored})

    assert attributes["userPrincipalName"] == at_home
    assert attributes["originalUserPrincipalName"] == stored


def test_a_group_has_no_such_name() -> None:
    assert named({"displayName": "Red"}) == {"displayName": "Red"}
