"""The demo company: the same for a seed, of the shape it promises, and made of what the directory takes."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

import pytest

from rollcall.directory.demo_chance import Chance
from rollcall.directory.demo_company import Company, demo_company
from rollcall.directory.demo_movements import movements
from rollcall.directory.demo_names import CULTURES, in_ascii
from rollcall.directory.model import check_group, check_user, check_user_changes
from rollcall.scim.datatypes import fold

_COMPANY = demo_company(7)
_SCRIPTS = (
    "LATIN", "GREEK", "CYRILLIC", "ARABIC", "HEBREW", "DEVANAGARI", "BENGALI", "TAMIL", "CJK", "HIRAGANA", "HANGUL",
    "THAI", "GEORGIAN", "ARMENIAN", "ETHIOPIC",
)  # fmt: skip
# Ofcom's, Arcep's and NANPA's numbers for drama.
_FICTIONAL = re.compile(
    r"\+44 7700 900\d{3}|\+44 20 7946 0\d{3}|\+33 6 39 98 \d\d \d\d|\+33 1 99 00 \d\d \d\d|\+1 \d{3} 555 01\d\d"
)

seeds = pytest.mark.parametrize("seed", range(12))


def _depth(company: Company) -> Counter[int]:
    levels: dict[str, int] = {}
    for person in company.people:
        levels[person.user_principal_name] = 0 if person.manager is None else levels[person.manager] + 1
    return Counter(levels.values())


def test_the_same_seed_gives_the_same_company_and_another_seed_another() -> None:
    assert demo_company(7) == _COMPANY
    assert demo_company(8).people != _COMPANY.people
    # Written down, so that a demo seen today is seen next year.
    assert [person.user_principal_name for person in _COMPANY.people[:2]] == [
        "narine.grigoryan@brightwater.example",
        "katerina.karamanli@brightwater.example",
    ]


@seeds
def test_it_has_a_thousand_people_and_sixty_groups_of_three_to_two_hundred(seed: int) -> None:
    company = demo_company(seed)
    names = [person.user_principal_name for person in company.people]

    assert (len(names), len(set(names)), len(company.groups)) == (1_000, 1_000, 60)
    assert len({fold(group.display_name) for group in company.groups}) == 60
    for group in company.groups:
        assert 3 <= len(group.members) <= 200, group.display_name
        assert len(set(group.members)) == len(group.members)
        assert set(group.members) <= set(names)


@seeds
def test_everybody_is_in_the_group_of_one_department_and_groups_overlap(seed: int) -> None:
    company = demo_company(seed)
    departments = Counter(name for group in company.groups if group.topic == "department" for name in group.members)

    assert departments == {person.user_principal_name: 1 for person in company.people}
    assert {group.topic for group in company.groups} == {"department", "city", "project"}


@seeds
def test_the_managers_are_a_tree_of_about_five_levels_with_five_to_nine_reports_each(seed: int) -> None:
    company = demo_company(seed)
    spans = sorted(Counter(person.manager for person in company.people if person.manager).values())

    assert [person.attributes["jobTitle"] for person in company.people if person.manager is None] == [
        "Chief Executive Officer"
    ]
    assert set(spans[1:]) <= {5, 6, 7, 8, 9}
    assert spans[0] <= 9
    assert 4 <= len(_depth(company)) <= 6


def test_whoever_manages_below_the_directors_is_called_a_manager() -> None:
    managing = {person.manager for person in _COMPANY.people}
    titles = {
        person.attributes["jobTitle"].rpartition(" ")[2]
        for person in _COMPANY.people[60:]
        if person.user_principal_name in managing
    }

    assert titles == {"Manager"}


def test_the_directory_takes_every_attribute() -> None:
    for person in _COMPANY.people:
        assert check_user(person.attributes) == person.attributes
    for group in _COMPANY.groups:
        assert check_group(group.attributes) == group.attributes


def test_names_are_of_many_scripts_and_addresses_are_of_one() -> None:
    names = "".join(person.attributes["displayName"] for person in demo_company(1, 5_000).people)
    found = {script for letter in set(names) for script in _SCRIPTS if unicodedata.name(letter).startswith(script)}

    assert found == set(_SCRIPTS)
    assert set("ıİßþÞðĐőøåçğ") <= set(names)
    assert unicodedata.is_normalized("NFC", names)
    for person in _COMPANY.people:
        assert re.fullmatch(r"[a-z][a-z-]*\.[a-z][a-z-]*\d*@brightwater\.example", person.user_principal_name)
        assert person.attributes["mail"] == person.user_principal_name


def test_no_telephone_number_is_anybodys() -> None:
    mobile = [person.attributes["mobilePhone"] for person in _COMPANY.people]
    desk = [number for person in _COMPANY.people for number in person.attributes["businessPhones"]]

    assert all(_FICTIONAL.fullmatch(number) for number in mobile + desk)
    assert len(set(mobile)) == len(mobile)
    assert not set(mobile) & set(desk)


@pytest.mark.parametrize(("people", "groups"), [(1, 1), (2, 3), (10, 1), (60, 5), (3_000, 200), (3_000, 4)])
def test_it_comes_in_any_size(people: int, groups: int) -> None:
    company = demo_company(3, people, groups)

    assert (len(company.people), len(company.groups)) == (people, groups)
    assert {name for group in company.groups for name in group.members} == {
        person.user_principal_name for person in company.people
    }
    assert len({fold(group.display_name) for group in company.groups}) == groups


@seeds
def test_five_join_five_move_and_five_leave_and_nobody_twice(seed: int) -> None:
    moves = movements(_COMPANY, seed)
    names = {person.user_principal_name for person in _COMPANY.people}
    managing = {person.manager for person in _COMPANY.people}
    joiners = [move for move in moves if move.kind == "joiner"]
    others = [move for move in moves if move.kind != "joiner"]

    assert Counter(move.kind for move in moves) == {"joiner": 5, "mover": 5, "leaver": 5}
    assert len({move.user_principal_name for move in moves}) == 15
    assert names.isdisjoint(move.user_principal_name for move in joiners)
    assert {move.user_principal_name for move in others} <= names - managing
    assert movements(_COMPANY, seed) == moves
    for move in joiners:
        assert check_user(move.attributes) == move.attributes
        assert move.manager in names
        assert len(move.joins) >= 2
    for move in others:
        assert check_user_changes(move.attributes) == move.attributes


@pytest.mark.parametrize("seed", range(40))
def test_in_a_small_company_too_nobody_moves_twice(seed: int) -> None:
    moves = movements(demo_company(seed, 50, 8), seed)

    assert len({move.user_principal_name for move in moves}) == 15


@seeds
def test_movers_and_leavers_change_what_they_say(seed: int) -> None:
    moves = movements(_COMPANY, seed)
    marriage, *transfers, promotion, teams = [move for move in moves if move.kind == "mover"]
    *leavers, unassigned = [move for move in moves if move.kind == "leaver"]
    own = {
        group.display_name for group in _COMPANY.groups if unassigned.user_principal_name in group.members
    }  # fmt: skip

    assert set(marriage.attributes) == {"surname", "displayName", "userPrincipalName", "mail", "mailNickname"}
    assert marriage.attributes["userPrincipalName"] not in {each.user_principal_name for each in _COMPANY.people}
    assert "-" in marriage.attributes["surname"]
    for transfer in transfers:
        assert (len(transfer.joins), len(transfer.leaves)) == (1, 1)
        assert (transfer.joins[0], set(transfer.attributes)) == (
            transfer.attributes["department"],
            {"department", "jobTitle"},
        )
    assert promotion.attributes["jobTitle"].startswith("Lead ")
    assert len(teams.joins) == 2
    assert set(teams.joins).isdisjoint(teams.leaves)
    assert [move.deletes for move in leavers] == [True, True, False, False]
    assert [move.attributes for move in leavers] == [{}, {}, {"accountEnabled": False}, {"accountEnabled": False}]
    assert set(unassigned.leaves) == own


def test_letters_that_no_decomposition_reaches_have_ascii_letters() -> None:
    assert in_ascii("Weiß Þórdís Łukasz Işıl İpek Øyvind Sœur Đặng O'Neill") == (
        "Weiss Thordis Lukasz Isil Ipek Oyvind Soeur Dang ONeill"
    )


def test_surnames_of_women_and_men_stand_in_the_same_places() -> None:
    assert all(len(each.surnames_of_women) == len(each.surnames_of_men) for each in CULTURES)
    assert len({each.language for each in CULTURES}) == len(CULTURES)


def test_a_sample_has_different_ones_in_their_order() -> None:
    for number in range(11):
        drawn = Chance(1, number).sample(range(10), min(number, 10))
        assert drawn == sorted(set(drawn))
        assert len(drawn) == min(number, 10)


def test_chance_is_even_and_goes_by_seed_and_labels() -> None:
    throws = Counter(Chance(1, "die", throw).below(6) for throw in range(6_000))

    assert all(800 < count < 1_200 for count in throws.values())
    assert Chance(1, "a").below(1 << 60) != Chance(2, "a").below(1 << 60) != Chance(2, "b").below(1 << 60)
    assert sorted(Chance(1).shuffled(range(50))) == list(range(50)) != Chance(1).shuffled(range(50))
