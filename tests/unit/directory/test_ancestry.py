"""Which groups hold a member, and by which chain."""

from __future__ import annotations

from uuid import UUID

from rollcall.directory.ancestry import Ancestry, Holder, everything_above

ADA, SALES, NORTH, OSLO, ALL = (UUID(int=number) for number in range(1, 6))


def test_the_chain_goes_from_the_outermost_group_to_the_members_own() -> None:
    ancestry = Ancestry(
        {ADA: (NORTH,)},
        {NORTH: Holder("Sales Nord", False, (SALES,)), SALES: Holder("Sales", False, ())},
    )

    chains = ancestry.chains_of(ADA)

    assert chains == {NORTH: (NORTH,), SALES: (SALES, NORTH)}
    assert ancestry.describe(chains[SALES]) == "group Sales › group Sales Nord"


def test_of_several_chains_the_shortest_counts_and_then_the_first_by_name() -> None:
    groups = {
        OSLO: Holder("Oslo", False, (NORTH, SALES)),
        NORTH: Holder("A north", False, (ALL,)),
        SALES: Holder("B sales", False, (ALL,)),
        ALL: Holder("All", False, ()),
    }

    assert Ancestry({ADA: (OSLO,)}, groups).chains_of(ADA)[ALL] == (ALL, NORTH, OSLO)
    assert Ancestry({ADA: (OSLO, SALES)}, groups).chains_of(ADA)[ALL] == (ALL, SALES)


def test_a_deleted_group_holds_its_members_and_hands_them_to_nobody() -> None:
    groups = {NORTH: Holder("North", True, (SALES,)), SALES: Holder("Sales", False, ())}

    assert set(Ancestry({ADA: (NORTH,)}, groups).chains_of(ADA)) == {NORTH}


def test_groups_that_hold_each_other_end() -> None:
    """S2: cycles among groups are safe."""
    groups = {
        NORTH: Holder("North", False, (SALES, NORTH)),
        SALES: Holder("Sales", False, (OSLO,)),
        OSLO: Holder("Oslo", False, (NORTH,)),
    }

    assert Ancestry({ADA: (NORTH,)}, groups).chains_of(ADA) == {
        NORTH: (NORTH,),
        SALES: (SALES, NORTH),
        OSLO: (OSLO, SALES, NORTH),
    }
    parents = {group: holder.parents for group, holder in groups.items()}
    assert sorted(everything_above(NORTH, parents)) == [SALES, NORTH, OSLO]


def test_nobody_holds_whom_no_group_holds() -> None:
    assert Ancestry({}, {}).chains_of(ADA) == {}
    assert everything_above(ADA, {}) == (ADA,)
