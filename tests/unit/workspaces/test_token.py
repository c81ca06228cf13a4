"""Secret tokens: recognisable, checkable without a database, never twice the same."""

from __future__ import annotations

import re

import pytest

from rollcall.workspaces.token import is_token, new_token


def test_a_token_has_prefix_secret_and_checksum() -> None:
    assert re.fullmatch(r"rcs_[0-9A-Za-z]{49}", new_token())


def test_tokens_differ() -> None:
    assert len({new_token() for _ in range(100)}) == 100


def test_a_token_is_known_as_one() -> None:
    assert is_token(new_token())


@pytest.mark.parametrize("position", [0, 3, 4, 20, 46, 47, 52])
def test_a_token_with_one_wrong_character_is_none(position: int) -> None:
    token = new_token()
    other = "y" if token[position] == "x" else "x"

    assert not is_token(token[:position] + other + token[position + 1 :])


@pytest.mark.parametrize("text", ["", "rcs_", "x" * 53, "rcs_" + "é" * 49, "rcs_" + "0" * 49, " " * 53])
def test_other_text_is_no_token(text: str) -> None:
    assert not is_token(text)
