"""Lists of group ids: what is forgiven, what is refused, and what is offered instead."""

from __future__ import annotations

import pytest

from rollcall.workspaces.group_ids import normal_guid, offer_ids, read_group_ids

G1, G2 = "0a1b2c3d-0000-4000-8000-0000000000a1", "0a1b2c3d-0000-4000-8000-0000000000a2"


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", ()),
        (" , ,\n", ()),
        (G1, (G1,)),
        (f"{G2},{G1}", (G2, G1)),
        (f"  {G1} ,\r\n {G2} ,", (G1, G2)),
        (f"{G1}\n{G2}", (G1, G2)),
        (f"{G1},,{G2}", (G1, G2)),
        (f"{{{G1.upper()}}}", (G1,)),
        (f"{G1},{G1.upper()},{{{G1}}}", (G1,)),
    ],
)
def test_a_list_is_read_forgivingly(typed: str, expected: tuple[str, ...]) -> None:
    entries = read_group_ids(typed, guids=True)

    assert entries.values == expected
    assert entries.faults == ()


@pytest.mark.parametrize(
    "wrong", ["Sales", G1[:-1], f"{G1}0", G1.replace("-", ""), f"{{{G1}", f"{G1} {G2}", G1.replace("a", "g"), f"x{G1}"]
)
def test_an_entry_that_is_no_guid_is_named_with_its_number(wrong: str) -> None:
    entries = read_group_ids(f"{G1}, {wrong}", guids=True)

    (fault,) = entries.faults
    assert (fault.code, fault.number, fault.text, fault.offered) == ("group_id_invalid", 2, wrong, None)
    assert f"Entry 2, {wrong!r}" in fault.message


def test_every_wrong_entry_is_told() -> None:
    assert [fault.number for fault in read_group_ids(f"x,{G1},y,,z", guids=True).faults] == [1, 3, 4]


def test_a_name_is_refused_with_the_id_of_the_only_group_that_has_it() -> None:
    entries = read_group_ids(f"Sales,{G2},All staff,Twins", guids=True)

    offered = offer_ids(entries, {"Sales": [G1], "Twins": [G1, G2]})

    assert [fault.offered for fault in offered.faults] == [G1, None, None]
    assert G1 in offered.faults[0].message
    assert offered.values == (G2,)


def test_other_providers_ids_are_compared_as_they_are() -> None:
    entries = read_group_ids("Sales Team, sales team ,Ä", guids=False)

    assert entries.values == ("Sales Team", "sales team", "Ä")
    assert entries.faults == ()


@pytest.mark.parametrize(
    ("entry", "good"), [("x" * 255, True), ("x" * 256, False), ("a\x00b", False), ("a\u200bb", False)]
)
def test_other_providers_ids_have_limits(entry: str, good: bool) -> None:
    assert (read_group_ids(entry, guids=False).faults == ()) is good


def test_changing_the_kind_of_configuration_checks_the_list_again() -> None:
    assert read_group_ids("sales", guids=False).faults == ()
    assert [fault.code for fault in read_group_ids("sales", guids=True).faults] == ["group_id_invalid"]


def test_a_list_has_two_hundred_entries_at_most() -> None:
    names = [f"g{number}" for number in range(201)]

    assert read_group_ids(",".join([*names[:200], *names[:9]]), guids=False).faults == ()
    assert [fault.code for fault in read_group_ids(",".join(names), guids=False).faults] == ["too_long"]


def test_a_list_has_four_thousand_characters_at_most() -> None:
    typed = ",".join([G1] * 108)  # 3,995 characters

    assert read_group_ids(f"  {typed},    \n", guids=True).values == (G1,)
    assert read_group_ids(typed + ",,,,x", guids=False).values == (G1, "x")
    assert [fault.code for fault in read_group_ids(typed + ",,,,xy", guids=False).faults] == ["too_long"]


@pytest.mark.parametrize("text", [G1, G1.upper(), f"{{{G1}}}", f" {G1}\n", f"{{ {G1} }}"])
def test_a_guid_has_one_normal_form(text: str) -> None:
    assert normal_guid(text) == G1
