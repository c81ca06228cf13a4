"""What is looked up, and which target resource an entry is (rules M1, M4, M5, M8, M9, Y5, Y6)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollcall.provisioning.escrows import next_escrow
from rollcall.provisioning.matching import (
    NotOurs,
    Question,
    Seen,
    TargetIndex,
    claims_of,
    listing_pays,
    match_form,
    question,
    settle,
)
from rollcall.provisioning.model import Key, Link, Problem
from rollcall.provisioning.scoping import decide
from tests.unit.provisioning.builders import ADA, BOB, SETTINGS, direct, entry, linked, users, wanted
from tests.unit.provisioning.expression_context import NOON

BY_NAME = ("userName", "ada@example.org")
CREATION = Link(ADA, state="uncertain", intent_matching=(("userName", "old@example.org"),))


def asked(link: Link, *, verify: bool = False, **more: object) -> Question | None:
    of = entry(**more)  # type: ignore[arg-type]
    return question(wanted(of), decide(of, SETTINGS), link, verify=verify)


def test_an_unlinked_joiner_is_looked_up_by_each_matching_value_in_turn() -> None:
    """M1, M2."""
    of = entry(nick="ad")
    desired = wanted(of, users(direct("nick", "nickName", 2)))

    assert question(desired, decide(of, SETTINGS), Link(ADA), verify=False) == Question(
        ADA, None, (BY_NAME, ("nickName", "ad")), fresh=False
    )


def test_without_a_matching_value_nothing_is_asked() -> None:
    """M4."""
    assert asked(Link(ADA), userPrincipalName=None) is None


def test_a_linked_object_is_not_matched_again() -> None:
    """M8, Y5: the target is not read as a source."""
    assert asked(linked()) is None


def test_a_linked_object_is_read_when_everything_is_looked_at_anew() -> None:
    """Y6: by id; when it is gone, by its matching values."""
    assert asked(linked(), verify=True) == Question(ADA, "t1", (BY_NAME,), fresh=False)


def test_a_linked_leaver_is_read_by_id_only() -> None:
    assert asked(linked(), verify=True, assigned=False) == Question(ADA, "t1", (), fresh=False)


def test_somebody_not_wanted_and_never_made_needs_no_question() -> None:
    """S5."""
    assert asked(Link(ADA), assigned=False) is None


@pytest.mark.parametrize("assigned", [True, False])
def test_an_account_that_may_exist_is_looked_up_wanted_or_not(assigned: bool) -> None:
    assert asked(CREATION, assigned=assigned) == Question(
        ADA, None, (("userName", "old@example.org"), BY_NAME), fresh=True
    )


def test_what_is_uncertain_and_has_an_id_is_read_by_it() -> None:
    link = replace(linked(), state="uncertain")

    assert asked(link) == Question(ADA, "t1", (BY_NAME,), fresh=True)
    assert asked(link, assigned=False) == Question(ADA, "t1", (), fresh=True)


def test_the_same_value_is_looked_up_once() -> None:
    assert asked(replace(CREATION, intent_matching=(BY_NAME,))) == Question(ADA, None, (BY_NAME,), fresh=True)


def test_what_failed_before_is_looked_up_fresh() -> None:
    failed = Link(ADA, escrow=next_escrow(None, Problem("EntryConflict", ""), NOON, SETTINGS))

    found = asked(failed)

    assert found is not None
    assert found.fresh


def test_one_hit_is_the_link_and_shows_what_is_there() -> None:
    """M8."""
    seen = Seen([("t7", {"userName": "ada"})], by=BY_NAME)

    assert settle(Link(ADA), [BY_NAME], seen, {}, {}) == replace(linked(ADA, "t7", userName="ada"), name="")


def test_no_hit_forgets_what_was_known() -> None:
    """M9."""
    assert settle(linked(ADA, "t1", title="Dr"), [BY_NAME], Seen(), {}, {}) == Link(ADA, name="ada")


def test_two_hits_are_a_fault_that_names_them() -> None:
    """M5: DuplicateTargetEntries."""
    problem = settle(Link(ADA), [BY_NAME], Seen([("t1", {}), ("t2", {})], by=BY_NAME), {}, {})

    assert isinstance(problem, Problem)
    assert problem.code == "DuplicateTargetEntries"
    assert "t1, t2" in problem.reason


def test_a_hit_of_another_source_object_is_a_fault_that_names_it() -> None:
    """M5: DuplicateSourceEntries."""
    problem = settle(Link(ADA), [BY_NAME], Seen([("t1", {})], by=BY_NAME), {"t1": BOB}, {})

    assert isinstance(problem, Problem)
    assert problem.code == "DuplicateSourceEntries"
    assert "User bob" in problem.reason


def test_ones_own_resource_is_no_fault() -> None:
    assert isinstance(settle(Link(ADA), [BY_NAME], Seen([("t1", {})], by=BY_NAME), {"t1": ADA}, {}), Link)


def test_a_hit_that_another_may_have_made_is_left_to_it() -> None:
    claims = {("userName", "ada@example.org"): BOB}

    problem = settle(Link(ADA), [BY_NAME], Seen([("t1", {})], by=BY_NAME), {}, claims)

    assert isinstance(problem, Problem)
    assert problem.code == "DuplicateSourceEntries"


def test_ones_own_claim_is_no_fault() -> None:
    claims = {("userName", "ada@example.org"): ADA}

    assert isinstance(settle(CREATION, [BY_NAME], Seen([("t1", {})], by=BY_NAME), {}, claims), Link)


def test_an_old_name_that_is_somebody_elses_now_says_that_the_creation_came_to_nothing() -> None:
    by = ("userName", "old@example.org")

    assert settle(CREATION, [BY_NAME], Seen([("t1", {})], by=by), {"t1": BOB}, {}) == NotOurs()


def test_a_target_that_could_not_say_leaves_the_problem() -> None:
    problem = Problem("Timeout", "No answer.")

    assert settle(Link(ADA), [BY_NAME], Seen(problem=problem), {}, {}) is problem


def test_matching_values_are_compared_without_letter_case() -> None:
    assert match_form("ADA@Example.org") == match_form("ada@example.ORG")
    assert match_form("STRASSE") != match_form("straße")


def test_claims_are_told_by_attribute_and_value() -> None:
    assert claims_of([CREATION]) == {("userName", "old@example.org"): ADA}


@pytest.mark.parametrize(
    ("lookups", "total", "pays"), [(10, 1000, True), (9, 1000, False), (10, 1001, False), (1, 0, True)]
)
def test_listing_pays_when_it_takes_no_more_requests(lookups: int, total: int, pays: bool) -> None:
    assert listing_pays(lookups, total, 100) is pays


def test_an_index_finds_by_each_matching_attribute_without_letter_case() -> None:
    index = TargetIndex(frozenset({"userName", "externalId"}))
    index.add("t1", {"userName": "ADA", "externalId": "7", "title": "Dr"})
    index.add("t2", {"userName": "bob"})

    assert index.find("userName", "ada") == [("t1", {"userName": "ADA", "externalId": "7", "title": "Dr"})]
    assert [found for found, _ in index.find("externalId", 7)] == ["t1"]
    assert index.find("userName", "cem") == []
    assert index.find("title", "Dr") == []


def test_an_index_shows_several_resources_of_one_value_and_each_once() -> None:
    index = TargetIndex(frozenset({"displayName"}))
    for target_id in ("g1", "g2", "g1"):
        index.add(target_id, {"displayName": "Red"})

    assert sorted(found for found, _ in index.find("displayName", "red")) == ["g1", "g2"]


def test_an_index_compares_letter_case_where_the_attribute_is_exact() -> None:
    """A6."""
    index = TargetIndex(frozenset({"userName", "externalId"}), frozenset({"externalId"}))
    index.add("t1", {"userName": "Ada", "externalId": "N1"})

    assert [found for found, _ in index.find("userName", "ADA")] == ["t1"]
    assert [found for found, _ in index.find("externalId", "N1")] == ["t1"]
    assert index.find("externalId", "n1") == []


def test_an_index_finds_by_any_of_several_values() -> None:
    index = TargetIndex(frozenset({"emails.value"}))
    index.add("t1", {"emails.value": "a@x"}, {"emails.value": ["a@x", "b@x"]})

    assert [found for found, _ in index.find("emails.value", "b@x")] == ["t1"]


def test_an_index_forgets_what_changed_or_went() -> None:
    index = TargetIndex(frozenset({"userName"}))
    index.add("t1", {"userName": "ada"})
    index.add("t1", {"userName": "lou"})
    index.add("t2", {"userName": "bob"})
    index.drop("t2")
    index.drop("t3")

    assert (index.find("userName", "ada"), index.find("userName", "bob")) == ([], [])
    assert [found for found, _ in index.find("userName", "lou")] == ["t1"]
    assert index.size == 1


def test_keys_of_two_kinds_differ() -> None:
    assert Key("User", "1") != Key("Group", "1")
