"""The contract of Ledger; an implementation's test derives from it and gives the fixture `ledger`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollcall.provisioning.ledger_contract import (
    Commit,
    KeptReference,
    Ledger,
    Position,
    ReferenceOutcome,
    SingleReference,
)
from rollcall.provisioning.model import Escrow, Key, Link, LogRecord, Reference, ReferenceKey, Tie

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
ADA, BOB, CEM = Key("User", "ada"), Key("User", "bob"), Key("User", "cem")
RED, BLUE = Key("Group", "red"), Key("Group", "blue")
MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"


def linked(key: Key, target_id: str | None = None, **more: Any) -> Link:
    """A link to the target resource `target_id`."""
    return Link(key, name=key.id, state="linked", target_id=target_id or f"t-{key.id}", **more)


def escrow(next_attempt: datetime, attempts: int = 1) -> Escrow:
    """An escrow that is tried again at `next_attempt`."""
    return Escrow(attempts, NOW, next_attempt, "EntryConflict", "The name is taken.")


def member(group: Key, key: Key) -> ReferenceKey:
    """The membership of `key` in `group`."""
    return ReferenceKey(group, "members", key)


def manager(user: Key, key: Key) -> ReferenceKey:
    """The tie from `user` to the manager `key`."""
    return ReferenceKey(user, MANAGER, key)


def record(number: int, key: Key = ADA) -> LogRecord:
    """A log record."""
    return LogRecord(
        id=f"00000000-0000-7000-8000-{number:012}",
        at=NOW,
        cycle_id="00000000-0000-7000-8000-000000000000",
        key=key,
        name="Ada",
        target_id=None,
        action="create",
        status="success",
        code="",
        reason="Müller\t\\ \n",
        duration_milliseconds=3,
        steps=({"name": "EntryImport"},),
        modified=(("userName", None, "ada"),),
    )


async def join(ledger: Ledger, *ties: ReferenceKey) -> None:
    """The source says that these references exist."""
    await ledger.commit(Commit(ties=[Tie(key, True) for key in ties]))


async def due(ledger: Ledger, now: datetime = NOW) -> list[Reference]:
    """All references that are due."""
    return await ledger.due_references(now, 1000)


async def due_keys(ledger: Ledger, now: datetime = NOW) -> list[ReferenceKey]:
    """The keys of all references that are due."""
    return [row.key for row in await due(ledger, now)]


async def keys_at(ledger: Ledger, *ends: Key) -> set[ReferenceKey]:
    """The keys of all references that start or end at these objects."""
    return {row.key for row in await ledger.references_at(ends)}


async def present(ledger: Ledger, *keys: ReferenceKey) -> None:
    """These references are sent, and are in the target."""
    await ledger.intend_references(keys)
    await ledger.commit_references(ReferenceOutcome(present=keys))


class PositionContract:
    """How far a job has read."""

    async def test_a_new_job_has_read_nothing(self, ledger: Ledger) -> None:
        assert await ledger.position() == Position()

    async def test_the_position_is_committed_with_its_page(self, ledger: Ledger) -> None:
        position = Position({"log": 7, "deep": {"of": [1, None]}}, reading_full=True, generation=3)

        await ledger.commit(Commit(links=[linked(ADA)], position=position))

        assert await ledger.position() == position

    async def test_a_commit_without_a_position_leaves_it(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(position=Position({"log": 1})))
        await ledger.commit(Commit(links=[linked(ADA)]))

        assert await ledger.position() == Position({"log": 1})

    async def test_the_watermark_may_be_dropped(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(position=Position({"log": 1}, generation=4)))
        await ledger.commit(Commit(position=Position(None, generation=4)))

        assert await ledger.position() == Position(None, generation=4)


class LinkContract:
    """What is remembered of each object."""

    async def test_an_object_without_a_row_is_missing(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(ADA)]))

        assert set(await ledger.known([ADA, BOB])) == {ADA}
        assert await ledger.known([]) == {}

    async def test_a_link_comes_back_as_it_was_committed(self, ledger: Ledger) -> None:
        link = Link(
            ADA,
            name="Ađa ∑",
            state="uncertain",
            target_id="t1",
            sent={"userName": "ada", "active": True, 'emails[type eq "work"].value': "a@b.c", "none": None, "n": 1.5},
            disabled=True,
            intent_matching=(("userName", "ada"), ("externalId", 7)),
            generation=5,
            members_pending=True,
            withheld=True,
            staged="held",
            staging="00000000-0000-7000-8000-000000000001",
            escrow=escrow(LATER, 3),
            disabled_at=NOW,
            left_alone=True,
        )

        await ledger.commit(Commit(links=[link]))

        assert await ledger.known([ADA]) == {ADA: link}

    async def test_a_later_commit_replaces_the_whole_link(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(ADA, sent={"title": "Dr"}, escrow=escrow(NOW), disabled=True)]))
        await ledger.commit(Commit(links=[linked(ADA)]))

        assert await ledger.known([ADA]) == {ADA: linked(ADA)}

    async def test_intent_is_known_at_once(self, ledger: Ledger) -> None:
        intent = Link(ADA, name="Ada", state="uncertain", intent_matching=(("userName", "ada"),))

        await ledger.intend([intent], ())

        assert await ledger.known([ADA]) == {ADA: intent}

    async def test_two_kinds_may_share_an_id(self, ledger: Ledger) -> None:
        user, group = linked(Key("User", "1"), "t1"), linked(Key("Group", "1"), "t1")

        await ledger.commit(Commit(links=[user, group]))

        assert await ledger.known([user.key, group.key]) == {user.key: user, group.key: group}

    async def test_a_dropped_object_is_forgotten_with_the_references_that_start_at_it(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(RED), linked(BLUE), linked(ADA)]))
        await join(ledger, member(RED, ADA), member(BLUE, ADA))

        await ledger.commit(Commit(dropped=[RED]))

        assert await ledger.known([RED]) == {}
        assert await due_keys(ledger) == [member(BLUE, ADA)]

    async def test_owners_are_told_by_kind_and_target_id(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(ADA, "1"), linked(RED, "1"), linked(BOB, "2"), Link(CEM)]))

        assert await ledger.owners("User", {"1", "3"}) == {"1": ADA}
        assert await ledger.owners("User", {"1", "2"}) == {"1": ADA, "2": BOB}
        assert await ledger.owners("Group", ["1"]) == {"1": RED}
        assert await ledger.owners("Group", []) == {}

    async def test_an_uncertain_link_owns_its_resource_too(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[replace(linked(ADA, "1"), state="uncertain")]))

        assert await ledger.owners("User", ["1"]) == {"1": ADA}

    async def test_claims_are_the_matching_values_of_creations_that_may_have_happened(self, ledger: Ledger) -> None:
        matching = (("userName", "Ada@Example.org"), ("externalId", 7))
        creation = Link(ADA, state="uncertain", intent_matching=matching)
        update = replace(linked(BOB), state="uncertain", intent_matching=(("userName", "bob"),))
        await ledger.intend([creation, update, replace(creation, key=RED), Link(CEM, intent_matching=matching)], ())

        assert await ledger.claims("User") == {("userName", "ada@example.org"): ADA, ("externalId", "7"): ADA}

    async def test_a_target_resource_may_pass_from_one_link_to_another_in_one_commit(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(ADA, "1"), linked(BOB, "2"), linked(CEM, "3")]))

        await ledger.commit(Commit(links=[linked(ADA, "2"), linked(BOB, "3"), linked(CEM, "1")]))
        await ledger.commit(Commit(links=[linked(BOB, "1"), Link(CEM, state="uncertain"), linked(ADA, "2")]))

        assert await ledger.owners("User", ["1", "2", "3"]) == {"1": BOB, "2": ADA}


class DueContract:
    """Which objects are looked at again."""

    async def test_what_is_uncertain_is_due_at_once(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[Link(ADA, state="uncertain"), linked(BOB), Link(CEM)]))

        assert await ledger.due(NOW, None, 10) == [ADA]

    async def test_an_escrow_is_due_when_its_time_has_come(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(ADA, escrow=escrow(LATER)), Link(BOB, escrow=escrow(NOW))]))

        assert await ledger.due(NOW, None, 10) == [BOB]
        assert await ledger.due(LATER, None, 10) == [ADA, BOB]

    async def test_something_uncertain_that_failed_waits_for_its_time(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[Link(ADA, state="uncertain", escrow=escrow(LATER))]))

        assert await ledger.due(NOW, None, 10) == []
        assert await ledger.due(LATER, None, 10) == [ADA]

    async def test_what_the_guard_holds_back_is_not_due(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[Link(ADA, state="uncertain", withheld=True)]))

        assert await ledger.due(NOW, None, 10) == []

    async def test_what_the_guard_holds_back_is_listed_in_pages(self, ledger: Ledger) -> None:
        """P3."""
        keys = [Key(kind, f"{number:03}") for kind in ("Group", "User") for number in range(3)]
        await ledger.commit(Commit(links=[linked(ADA), *(linked(key, withheld=True) for key in reversed(keys))]))

        read: list[Key] = []
        while page := await ledger.withheld(read[-1] if read else None, 2):
            assert len(page) <= 2
            read += page

        assert read == keys

    async def test_due_objects_come_in_pages(self, ledger: Ledger) -> None:
        keys = [Key(kind, f"{number:03}") for kind in ("Group", "User") for number in range(5)]
        await ledger.commit(Commit(links=[Link(key, state="uncertain") for key in reversed(keys)]))

        read: list[Key] = []
        while page := await ledger.due(NOW, read[-1] if read else None, 3):
            assert len(page) <= 3
            read += page

        assert read == keys

    async def test_who_was_disabled_long_ago_comes_by_that_time_in_pages(self, ledger: Ledger) -> None:
        """D2, D4: those that are tried again anyway and those held back are left out."""
        at = {"a": NOW, "b": NOW - timedelta(days=2), "c": NOW, "d": LATER}
        links = [linked(Key("User", name), disabled_at=when, disabled=True) for name, when in at.items()]
        others = [
            linked(BOB, disabled_at=NOW, withheld=True),
            linked(CEM, disabled_at=NOW, escrow=escrow(NOW)),
            linked(ADA),
            Link(Key("User", "eve"), state="uncertain", target_id="t-eve", disabled_at=NOW),
        ]
        await ledger.commit(Commit(links=[*links, *others]))

        read: list[Link] = []
        after = None
        while page := await ledger.disabled_before(NOW, after, 2):
            assert len(page) <= 2
            read += page
            assert page[-1].disabled_at is not None
            after = (page[-1].disabled_at, page[-1].key)

        assert read == [links[1], links[0], links[2]]

    async def test_unseen_are_objects_of_older_readings(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(ADA, generation=1), linked(BOB, generation=2), linked(RED)]))

        assert sorted(await ledger.unseen(2, 10)) == [RED, ADA]
        assert len(await ledger.unseen(2, 1)) == 1
        assert await ledger.unseen(0, 10) == []

    async def test_links_are_counted(self, ledger: Ledger) -> None:
        assert await ledger.count_links() == 0
        await ledger.commit(Commit(links=[linked(ADA, generation=1), linked(BOB, generation=2)]))

        assert await ledger.count_links() == 2
        assert await ledger.count_links(2) == 1


class TieContract:
    """Which references the source wants."""

    @pytest.fixture(autouse=True)
    async def objects(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(RED), linked(ADA), linked(BOB)]))

    async def test_a_new_tie_is_due_with_the_ids_of_its_ends(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, ADA))

        assert await due(ledger) == [
            Reference(member(RED, ADA), True, "absent", "t-red", "t-ada", referenced_name="ada")
        ]

    async def test_a_tie_of_an_object_without_a_link_is_passed_over(self, ledger: Ledger) -> None:
        await join(ledger, member(BLUE, ADA))

        assert await due(ledger) == []

    async def test_a_tie_to_an_object_without_a_link_is_kept(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, CEM))

        assert await due(ledger) == [Reference(member(RED, CEM), True, "absent", "t-red", None)]

    async def test_an_uncertain_end_has_no_id(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, ADA))
        await ledger.intend([replace(linked(ADA), state="uncertain")], ())

        assert await due(ledger) == [Reference(member(RED, ADA), True, "absent", "t-red", None, referenced_name="ada")]

    async def test_the_end_of_a_tie_nobody_knew_is_nothing(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))

        assert await due(ledger) == []

    async def test_the_end_of_a_tie_is_due(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, ADA))
        await present(ledger, member(RED, ADA))
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))

        assert await due(ledger) == [
            Reference(member(RED, ADA), False, "present", "t-red", "t-ada", referenced_name="ada")
        ]

    async def test_a_tie_that_is_told_again_is_not_due_again(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, ADA))
        await present(ledger, member(RED, ADA))
        await join(ledger, member(RED, ADA))

        assert await due(ledger) == []

    async def test_of_a_tie_that_is_told_twice_in_a_page_the_last_counts(self, ledger: Ledger) -> None:
        key = member(RED, ADA)
        await ledger.commit(Commit(ties=[Tie(key, True), Tie(key, False), Tie(key, True)]))

        assert await due(ledger) == [Reference(key, True, "absent", "t-red", "t-ada", referenced_name="ada")]

    async def test_a_single_reference_takes_the_place_of_another(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, BOB)]))
        await present(ledger, manager(ADA, BOB))
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, CEM)]))

        assert await due(ledger) == [
            Reference(manager(ADA, BOB), False, "present", "t-ada", "t-bob", referenced_name="bob"),
            Reference(manager(ADA, CEM), True, "absent", "t-ada", None),
        ]

    async def test_a_single_reference_may_be_nothing(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, BOB)]))
        await present(ledger, manager(ADA, BOB))
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, None)]))

        assert [(row.key, row.wanted) for row in await due(ledger)] == [(manager(ADA, BOB), False)]

    async def test_the_same_single_reference_again_is_nothing_new(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, BOB)]))
        await present(ledger, manager(ADA, BOB))
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, BOB)]))

        assert await due(ledger) == []

    async def test_single_references_leave_other_attributes_and_objects_alone(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, ADA))
        await ledger.commit(Commit(single_references=[SingleReference(BOB, MANAGER, ADA)]))
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, None)]))

        assert [(row.key, row.wanted) for row in await due(ledger)] == [
            (member(RED, ADA), True),
            (manager(BOB, ADA), True),
        ]

    async def test_a_pass_over_members_marks_who_is_in_the_group(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, ADA), member(RED, BOB))
        await present(ledger, member(RED, ADA), member(RED, BOB))

        await ledger.take_members(RED, [ADA], 4)
        await ledger.take_members(RED, [CEM], 4)
        await ledger.finish_members(RED, 4)

        assert [(row.key, row.wanted) for row in await due(ledger)] == [
            (member(RED, BOB), False),
            (member(RED, CEM), True),
        ]

    async def test_a_pass_over_the_members_of_a_group_leaves_others_alone(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(links=[linked(BLUE)], single_references=[SingleReference(ADA, MANAGER, BOB)]))
        await join(ledger, member(BLUE, ADA), member(BLUE, RED))
        await present(ledger, member(BLUE, ADA), member(BLUE, RED), manager(ADA, BOB))

        await ledger.take_members(RED, [], 4)
        await ledger.finish_members(RED, 4)

        assert await due(ledger) == []

    async def test_a_member_who_is_back_in_the_list_is_wanted_again(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, ADA))
        await present(ledger, member(RED, ADA))
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))

        await ledger.take_members(RED, [ADA], 5)
        await ledger.finish_members(RED, 5)

        assert [(row.wanted, row.state) for row in await due(ledger)] == [(True, "present")]

    async def test_groups_wait_for_their_members_until_the_pass_is_complete(self, ledger: Ledger) -> None:
        groups = [replace(linked(key), members_pending=True) for key in (RED, BLUE)]
        await ledger.commit(Commit(links=groups))
        await ledger.take_members(RED, [ADA], 1)

        assert sorted(await ledger.groups_with_pending_members(10)) == [BLUE, RED]
        assert len(await ledger.groups_with_pending_members(1)) == 1

        await ledger.finish_members(RED, 1)
        await ledger.finish_members(Key("Group", "unknown"), 1)

        assert await ledger.groups_with_pending_members(10) == [BLUE]


class ReferenceContract:
    """What is remembered of references that were sent."""

    @pytest.fixture(autouse=True)
    async def ties(self, ledger: Ledger) -> None:
        links = [linked(key) for key in (RED, BLUE, ADA, BOB, CEM)]
        await ledger.commit(Commit(links=links))
        await join(ledger, member(RED, ADA), member(RED, BOB))

    async def test_an_intended_reference_is_uncertain_and_due(self, ledger: Ledger) -> None:
        await ledger.intend_references([member(RED, ADA)])
        await ledger.intend_references([])

        assert [row.state for row in await due(ledger)] == ["uncertain", "absent"]

    async def test_what_is_as_wanted_is_not_due(self, ledger: Ledger) -> None:
        await present(ledger, member(RED, ADA))

        assert await due_keys(ledger) == [member(RED, BOB)]

    async def test_what_was_taken_out_and_is_not_wanted_is_forgotten(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))
        await ledger.commit_references(ReferenceOutcome(absent=[member(RED, ADA)]))
        await ledger.commit(Commit(touched=[ADA]))

        assert await due_keys(ledger) == [member(RED, BOB)]

    async def test_what_was_taken_out_and_is_wanted_again_is_due(self, ledger: Ledger) -> None:
        await present(ledger, member(RED, ADA))
        await ledger.commit_references(ReferenceOutcome(absent=[member(RED, ADA)]))

        assert [row.state for row in await due(ledger)] == ["absent", "absent"]

    async def test_what_failed_is_due_later_and_counts(self, ledger: Ledger) -> None:
        await ledger.commit_references(ReferenceOutcome(failed={member(RED, ADA): escrow(LATER)}))

        assert await due_keys(ledger) == [member(RED, BOB)]
        assert [row.escrow for row in await due(ledger, LATER)] == [escrow(LATER), None]

        await ledger.commit_references(ReferenceOutcome(failed={member(RED, ADA): escrow(LATER, 2)}))
        assert [row.escrow for row in await due(ledger, LATER)] == [escrow(LATER, 2), None]

        await present(ledger, member(RED, ADA))
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))
        assert [row.escrow for row in await due(ledger)] == [None, None]

    async def test_a_change_of_mind_does_not_wait_for_the_next_attempt(self, ledger: Ledger) -> None:
        await ledger.commit_references(ReferenceOutcome(failed={member(RED, ADA): escrow(LATER)}))
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))

        assert await due_keys(ledger) == [member(RED, ADA), member(RED, BOB)]

    @pytest.mark.parametrize("end", [RED, ADA])
    async def test_what_is_idle_is_due_when_either_end_is_touched(self, ledger: Ledger, end: Key) -> None:
        keys = [member(RED, ADA), member(RED, BOB)]
        await ledger.commit_references(ReferenceOutcome(idle=[*keys, member(RED, CEM)]))
        assert await due_keys(ledger) == []

        await ledger.commit(Commit(touched=[end]))

        assert await due_keys(ledger) == (keys if end == RED else [member(RED, ADA)])

    @pytest.mark.parametrize("end", [RED, ADA])
    async def test_what_is_given_up_is_due_when_either_end_is_touched(self, ledger: Ledger, end: Key) -> None:
        """E2."""
        given_up = replace(escrow(NOW), given_up=True)
        await ledger.commit_references(ReferenceOutcome(failed={member(RED, ADA): given_up}))
        assert member(RED, ADA) not in await due_keys(ledger, LATER)

        await ledger.commit(Commit(touched=[end]))

        assert member(RED, ADA) in await due_keys(ledger)

    async def test_what_is_given_up_is_due_when_the_whole_list_of_members_is_compared(self, ledger: Ledger) -> None:
        """E2."""
        given_up, waiting = replace(escrow(NOW), given_up=True), escrow(LATER)
        await ledger.commit_references(ReferenceOutcome(failed={member(RED, ADA): given_up, member(RED, BOB): waiting}))

        await ledger.take_members(RED, [ADA, BOB], 7)
        await ledger.finish_members(RED, 7)

        assert await due_keys(ledger) == [member(RED, ADA)]

    async def test_a_manager_that_failed_is_due_when_the_source_names_it_again(self, ledger: Ledger) -> None:
        """E4."""
        await present(ledger, member(RED, ADA), member(RED, BOB))
        named = Commit(single_references=[SingleReference(ADA, MANAGER, BOB)])
        await ledger.commit(named)
        await ledger.commit_references(ReferenceOutcome(failed={manager(ADA, BOB): escrow(LATER)}))
        assert await due_keys(ledger) == []

        await ledger.commit(named)

        assert await due_keys(ledger) == [manager(ADA, BOB)]

    async def test_a_touched_end_ends_the_wait_for_the_next_attempt(self, ledger: Ledger) -> None:
        await ledger.commit_references(
            ReferenceOutcome(failed={member(RED, ADA): escrow(LATER), member(RED, BOB): escrow(LATER)})
        )
        await ledger.commit(Commit(touched=[BOB]))

        assert await due_keys(ledger) == [member(RED, BOB)]

    @pytest.mark.parametrize("end", [RED, ADA])
    async def test_what_is_wanted_of_somebody_who_returns_is_in_doubt(self, ledger: Ledger, end: Key) -> None:
        """Better than rules R3, R5: it is due again, and stays to be taken out should it be wanted no more."""
        await join(ledger, member(BLUE, ADA))
        await present(ledger, member(RED, ADA), member(BLUE, ADA), member(RED, BOB))
        await ledger.commit(Commit(ties=[Tie(member(BLUE, ADA), False)]))

        await ledger.commit(Commit(returned={end}, touched={ADA}))

        states = {row.key: (row.wanted, row.state) for row in await due(ledger)}
        assert states[member(RED, ADA)] == (True, "uncertain")
        assert states[member(BLUE, ADA)] == (False, "present")
        assert (member(RED, BOB) in states) is (end == RED)
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))
        assert {row.key: (row.wanted, row.state) for row in await due(ledger)}[member(RED, ADA)] == (False, "uncertain")

    @pytest.mark.parametrize("by", ["commit", "intend"])
    @pytest.mark.parametrize("end", [RED, ADA])
    async def test_what_went_to_or_through_a_lost_object_is_not_believed(
        self, ledger: Ledger, end: Key, by: str
    ) -> None:
        await present(ledger, member(RED, ADA))

        await (ledger.commit(Commit(lost=[end])) if by == "commit" else ledger.intend((), [end]))

        rows = {row.key: row for row in await due(ledger)}
        assert rows[member(RED, ADA)].state == "absent"

    async def test_what_is_not_wanted_is_forgotten_with_a_lost_object(self, ledger: Ledger) -> None:
        await present(ledger, member(RED, ADA))
        await ledger.commit(Commit(ties=[Tie(member(RED, ADA), False)]))

        await ledger.commit(Commit(lost=[ADA], touched=[ADA]))

        assert await due_keys(ledger) == [member(RED, BOB)]

    async def test_due_references_of_one_object_stand_together(self, ledger: Ledger) -> None:
        await join(ledger, member(BLUE, BOB), member(BLUE, ADA), member(RED, CEM))

        sources = [row.key.source for row in await due(ledger)]

        assert sources == [BLUE, BLUE, RED, RED, RED]

    async def test_due_references_are_limited(self, ledger: Ledger) -> None:
        assert len(await ledger.due_references(NOW, 1)) == 1

    async def test_a_single_valued_reference_comes_with_all_rows_of_its_attribute(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, BOB)]))
        await present(ledger, manager(ADA, BOB), member(RED, ADA), member(RED, BOB))
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, CEM)]))
        await ledger.commit_references(ReferenceOutcome(failed={manager(ADA, BOB): escrow(LATER)}))

        rows = await ledger.due_references(NOW, 1)

        assert [row.key for row in rows] == [manager(ADA, BOB), manager(ADA, CEM)]

    async def test_of_a_group_only_the_members_that_are_due_come(self, ledger: Ledger) -> None:
        await present(ledger, member(RED, ADA))

        assert await due_keys(ledger) == [member(RED, BOB)]

    async def test_references_are_told_by_either_end(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(single_references=[SingleReference(ADA, MANAGER, BOB)]))
        await join(ledger, member(BLUE, RED))

        assert await keys_at(ledger, ADA) == {member(RED, ADA), manager(ADA, BOB)}
        assert await keys_at(ledger, BOB) == {member(RED, BOB), manager(ADA, BOB)}
        assert await keys_at(ledger, RED) == {member(RED, ADA), member(RED, BOB), member(BLUE, RED)}
        assert await keys_at(ledger, CEM) == set()
        assert await keys_at(ledger) == set()

    async def test_a_reference_between_two_that_are_asked_for_is_told_once(self, ledger: Ledger) -> None:
        told = await ledger.references_at({RED, ADA})

        assert sorted(row.key for row in told) == [member(RED, ADA), member(RED, BOB)]

    async def test_a_user_and_a_group_of_one_id_have_each_their_own_references(self, ledger: Ledger) -> None:
        namesake = Key("User", RED.id)
        await ledger.commit(Commit(links=[linked(namesake)]))
        await join(ledger, member(BLUE, namesake))

        assert await keys_at(ledger, namesake) == {member(BLUE, namesake)}
        assert await keys_at(ledger, RED) == {member(RED, ADA), member(RED, BOB)}

    async def test_references_are_told_as_they_are_kept_whether_or_not_they_are_due(self, ledger: Ledger) -> None:
        join_of = {"present": member(RED, ADA), "failed": member(RED, BOB), "uncertain": member(BLUE, ADA)}
        unwanted = member(BLUE, BOB)
        await join(ledger, join_of["uncertain"], unwanted)
        await present(ledger, join_of["present"], unwanted)
        await ledger.commit_references(ReferenceOutcome(failed={join_of["failed"]: escrow(LATER)}))
        await ledger.intend_references([join_of["uncertain"]])
        await ledger.commit(Commit(ties=[Tie(unwanted, False)]))

        told = {row.key: row for row in await ledger.references_at([ADA, BOB])}

        assert told == {
            join_of["present"]: KeptReference(join_of["present"], wanted=True, state="present", due=False),
            join_of["failed"]: KeptReference(join_of["failed"], True, "absent", True, escrow(LATER)),
            join_of["uncertain"]: KeptReference(join_of["uncertain"], wanted=True, state="uncertain", due=True),
            unwanted: KeptReference(unwanted, wanted=False, state="present", due=True),
        }

    async def test_references_of_an_object_without_a_link_are_told_too(self, ledger: Ledger) -> None:
        await join(ledger, member(RED, Key("User", "nobody")))

        assert await keys_at(ledger, Key("User", "nobody")) == {member(RED, Key("User", "nobody"))}

    async def test_suspected_ends_are_saved_with_the_outcome(self, ledger: Ledger) -> None:
        suspect = replace(linked(ADA), state="uncertain", escrow=escrow(NOW))

        await ledger.commit_references(
            ReferenceOutcome(failed={member(RED, ADA): escrow(NOW)}, links=[suspect], log=[record(1)])
        )

        assert await ledger.known([ADA]) == {ADA: suspect}
        assert await ledger.due(NOW, None, 10) == [ADA]


class EscrowContract:
    """What is given up is not tried by itself."""

    async def test_what_is_given_up_is_never_due(self, ledger: Ledger) -> None:
        """E2."""
        given_up = replace(escrow(NOW), given_up=True)
        links = [
            linked(ADA, escrow=given_up),
            Link(BOB, state="uncertain", escrow=given_up),
            linked(CEM, escrow=escrow(NOW)),
        ]
        await ledger.commit(Commit(links=links))

        assert await ledger.due(LATER, None, 10) == [CEM]
        assert (await ledger.known([ADA]))[ADA].escrow == given_up


class LogContract:
    """The log is written with what it tells of; the implementation's test gives `logged`."""

    async def logged(self, ledger: Any) -> Sequence[tuple[str, str]]:
        """Id and reason of each record, in order."""
        raise NotImplementedError

    async def test_records_are_kept_as_they_are(self, ledger: Ledger) -> None:
        await ledger.commit(Commit(log=[record(1), record(2)]))
        await ledger.commit_references(ReferenceOutcome(log=[record(3)]))

        assert await self.logged(ledger) == [(record(number).id, "Müller\t\\ \n") for number in (1, 2, 3)]


class LedgerContract(PositionContract, LinkContract, DueContract, EscrowContract, LogContract):
    """All of the contract that needs nothing prepared."""
