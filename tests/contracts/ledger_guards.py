"""What every Ledger keeps for the guards; an implementation's test derives from it and gives the fixture `ledger`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rollcall.provisioning.guards import Objection
from rollcall.provisioning.ledger_contract import Commit, Ledger, Lot, ReferenceOutcome
from rollcall.provisioning.model import Key, Tie
from tests.contracts.ledger import ADA, BLUE, BOB, CEM, LATER, NOW, RED, escrow, linked, member

LOT = Lot(
    "00000000-0000-7000-8000-000000000001",
    "00000000-0000-7000-8000-000000000002",
    NOW,
    Objection("deletion_threshold", "2 removals are due in this cycle; the job's deletion threshold is 2."),
)


class LedgerGuardsContract:
    """What is staged, counted and held."""

    async def test_what_is_staged_is_found_by_how_far_it_has_come(self, ledger: Ledger) -> None:
        counting = [linked(key, withheld=True, staged="counting") for key in (ADA, BOB)]
        allowed = [linked(CEM, staged="allowed"), linked(RED, staged="allowed", escrow=escrow(LATER))]
        await ledger.commit(Commit(links=[*counting, *allowed, linked(BLUE)]))

        assert await ledger.staged("counting", None, 1) == [ADA]
        assert await ledger.staged("counting", ADA, 9) == [BOB]
        assert await ledger.staged("allowed", None, 9) == [CEM], "what failed waits for its time"
        assert await ledger.count_counting() == 2
        assert (await ledger.position()).unsettled

    async def test_what_was_counted_is_held_as_one_lot(self, ledger: Ledger) -> None:
        """P3."""
        await ledger.commit(Commit(links=[linked(ADA, withheld=True, staged="counting"), linked(BOB)]))

        await ledger.hold_counted(LOT)

        known = await ledger.known([ADA, BOB])
        assert (known[ADA].staged, known[ADA].staging, known[BOB].staged) == ("judged", LOT.id, "")
        assert await ledger.lot(LOT.id) == replace(LOT, number=1)
        assert await ledger.lot("00000000-0000-7000-8000-00000000dead") is None

    async def test_a_page_that_was_under_way_does_not_undo_what_somebody_decided(self, ledger: Ledger) -> None:
        """P4: what was judged becomes held, unless it was allowed or rejected meanwhile."""
        judged = [linked(key, withheld=True, staged="judged", staging=LOT.id) for key in (ADA, BOB, CEM)]
        await ledger.commit(Commit(links=judged))
        allowed, rejected = linked(ADA, staged="allowed", staging=LOT.id), linked(BOB)
        await ledger.commit(Commit(links=[allowed, rejected]))  # as somebody decides

        await ledger.commit(Commit(links=[replace(each, staged="held") for each in judged]))

        known = await ledger.known([ADA, BOB, CEM])
        assert [(known[key].staged, known[key].staging, known[key].withheld) for key in (ADA, BOB, CEM)] == [
            ("allowed", LOT.id, False),
            ("", None, False),
            ("held", LOT.id, True),
        ]
        await ledger.commit(Commit(links=[linked(ADA, withheld=True, staged="counting"), linked(CEM)]))
        assert await ledger.staged("allowed", None, 9) == [ADA], "what was allowed is not counted once more"
        await ledger.commit(Commit(links=[linked(ADA, disabled=True)]))
        assert (await ledger.known([ADA]))[ADA].staged == "", "it was sent"

    async def test_nothing_staged_is_nothing_to_settle(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(ADA), linked(BOB, withheld=True, staged="held", staging=LOT.id)]))

        assert not (await ledger.position()).unsettled

    async def test_removals_are_added_up_by_the_hour(self, ledger: Ledger) -> None:
        """P5."""
        await ledger.note_removals(NOW, 5)
        await ledger.note_removals(NOW + timedelta(minutes=50), -2)
        await ledger.note_removals(NOW + timedelta(hours=2), 10)

        assert await ledger.count_removals(NOW + timedelta(minutes=30)) == 13
        assert await ledger.count_removals(NOW + timedelta(hours=1)) == 10
        assert await ledger.count_removals(NOW + timedelta(hours=3)) == 0

    async def test_members_to_be_taken_out_are_counted_and_held_and_new_ones_are_not(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(key) for key in (RED, ADA, BOB, CEM)]))
        await ledger.commit(Commit(ties=[Tie(member(RED, key), True) for key in (ADA, BOB, CEM)]))
        await ledger.commit_references(ReferenceOutcome(present=[member(RED, ADA), member(RED, BOB)]))
        await ledger.commit(Commit(ties=[Tie(member(RED, key), False) for key in (ADA, BOB)]))

        assert await ledger.count_removed_references(NOW, 1) == 1
        assert await ledger.count_removed_references(NOW, 9) == 2
        assert await ledger.hold_references(LOT, NOW) == {RED: 2}
        assert await ledger.count_removed_references(NOW, 9) == 0
        assert [row.key for row in await ledger.due_references(NOW, 9)] == [member(RED, CEM)]
        await ledger.commit(Commit(touched=[ADA]))
        assert member(RED, ADA) not in [row.key for row in await ledger.due_references(NOW, 9)], "it stays held"

    async def test_a_held_member_who_returns_is_held_no_more(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(RED), linked(ADA)], ties=[Tie(member(RED, ADA), True)]))
        await ledger.commit_references(ReferenceOutcome(present=[member(RED, ADA)]))
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))
        await ledger.hold_references(LOT, NOW)

        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), True)]))
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))

        assert await ledger.count_removed_references(NOW, 9) == 1

    async def test_which_source_attributes_had_a_value_is_remembered(self, ledger: Ledger) -> None:
        """P5."""
        await ledger.commit(Commit(links=[linked(ADA, filled=("givenName", "department")), linked(BOB)]))
        await ledger.commit(Commit(links=[linked(CEM, filled=("mobile",)), linked(ADA, filled=("department",))]))

        known = await ledger.known([ADA, BOB, CEM])

        assert [known[key].filled for key in (ADA, BOB, CEM)] == [("department",), (), ("mobile",)]

    async def test_what_is_held_is_neither_due_nor_a_failure_any_more(self, ledger: Ledger) -> None:
        """P3: however it failed before, only somebody's leave sends it."""
        await ledger.commit(Commit(links=[linked(key) for key in (RED, ADA, BOB)]))
        await _removed(ledger, ADA, BOB)
        failed = {member(RED, ADA): replace(escrow(LATER, 9), given_up=True), member(RED, BOB): escrow(NOW)}
        await ledger.commit_references(ReferenceOutcome(failed=failed))
        await ledger.commit(Commit(touched=[ADA]))

        assert await ledger.hold_references(LOT, NOW) == {RED: 2}

        kept = await ledger.references_at([RED])
        assert {(each.due, each.escrow, each.staged) for each in kept} == {(False, None, "held")}
        assert await ledger.due_references(LATER, 9) == []

    async def test_what_a_clock_that_ran_ahead_put_off_is_counted_and_held_like_what_is_sent(
        self, ledger: Ledger
    ) -> None:
        """P2: the guards count what is sent, by the same clock."""
        await ledger.commit(Commit(links=[linked(key) for key in (RED, ADA, BOB)]))
        await _removed(ledger, ADA, BOB)
        far = NOW + timedelta(days=40)
        await ledger.commit_references(
            ReferenceOutcome(failed={member(RED, ADA): escrow(far), member(RED, BOB): escrow(LATER)})
        )

        sent = [row.key for row in await ledger.due_references(NOW, 9)]

        assert sent == [member(RED, ADA)]
        assert await ledger.count_removed_references(NOW, 9) == 1
        assert await ledger.hold_references(LOT, NOW) == {RED: 1}
        assert await ledger.due_references(NOW, 9) == []

    async def test_what_is_forgotten_with_its_group_waits_for_nobody(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(RED), linked(ADA)]))
        await _removed(ledger, ADA)
        await ledger.hold_references(LOT, NOW)

        await ledger.intend([], [RED])

        assert await ledger.references_at([RED]) == []


async def _removed(ledger: Ledger, *members: Key) -> None:
    """These were members of the red group, and are to be so no more."""
    ties = [member(RED, key) for key in members]
    await ledger.commit(Commit(ties=[Tie(tie, True) for tie in ties]))
    await ledger.commit_references(ReferenceOutcome(present=ties))
    await ledger.commit(Commit(ties=[Tie(tie, False) for tie in ties]))
