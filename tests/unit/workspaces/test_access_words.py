"""Every reason and every step of a decision has its words."""

from __future__ import annotations

from rollcall.workspaces.access_model import Reason
from rollcall.workspaces.access_words import WORDS, words_for


def test_every_reason_has_words_for_both_sides() -> None:
    assert set(WORDS) == set(Reason)
    for words in WORDS.values():
        assert words.person.endswith(".")
        assert words.administrator.endswith(".")
        assert words.status in {401, 403, 404}


def test_a_deleted_and_a_suspended_account_look_alike_from_outside() -> None:
    outside = words_for(Reason.LOGIN_REQUIRED)

    assert words_for(Reason.USER_DELETED) == words_for(Reason.USER_SUSPENDED) == outside
    assert "delet" not in outside.person
    assert WORDS[Reason.USER_DELETED].administrator != WORDS[Reason.USER_SUSPENDED].administrator
    assert WORDS[Reason.USER_DELETED].person == WORDS[Reason.USER_SUSPENDED].person == outside.person
