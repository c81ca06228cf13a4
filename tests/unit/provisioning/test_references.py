"""Which references are sent, and as what (rules R1 to R3, 15.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rollcall.provisioning.model import Key, PatchOperation, Reference, ReferenceKey, ReferenceOperation
from rollcall.provisioning.references import halves, plan_references
from rollcall.provisioning.request_profile import PROFILES, Ends
from tests.unit.provisioning.builders import ADA, MANAGER, RED

BLUE = Key("Group", "blue")


def wire_form(operation: ReferenceOperation) -> tuple[PatchOperation, ...]:
    """What is sent for it without a profile of another client."""
    return PROFILES["rfc"].references(operation, Ends())


def member(
    number: int, *, wanted: bool = True, state: str = "absent", group: Key = RED, ids: Sequence[str | None] = ("g1", "")
) -> Reference:
    """A membership of user `number`, both ends in the target."""
    key = ReferenceKey(group, "members", Key("User", str(number)))
    referenced = f"u{number}" if ids[1] == "" else ids[1]
    return Reference(key, wanted, state, ids[0], referenced)  # type: ignore[arg-type]  # one of three states


def manager(name: str, *, wanted: bool = True, state: str = "absent") -> Reference:
    """The manager `name` of Ada."""
    return Reference(ReferenceKey(ADA, MANAGER, Key("User", name)), wanted, state, "t1", f"t-{name}")  # type: ignore[arg-type]


def sent(plan_rows: Sequence[Reference], per_request: int = 100) -> list[tuple[list[str], list[str]]]:
    """Who is added and who removed, request by request."""
    return [
        ([row.key.referenced.id for row in operation.added], [row.key.referenced.id for row in operation.removed])
        for operation in plan_references(plan_rows, per_request).operations
    ]


def test_members_who_are_due_are_added_in_one_request() -> None:
    assert sent([member(1), member(2)]) == [(["1", "2"], [])]


@pytest.mark.parametrize(
    ("wanted", "state", "expected"),
    [
        (True, "absent", ([["1"], []])),
        (True, "uncertain", ([["1"], []])),
        (False, "present", ([[], ["1"]])),
        (False, "uncertain", ([[], ["1"]])),
        (True, "present", None),
        (False, "absent", None),
    ],
)
def test_a_reference_is_sent_when_it_is_not_known_to_be_as_wanted(
    wanted: bool, state: str, expected: list[list[str]] | None
) -> None:
    row = member(1, wanted=wanted, state=state)
    plan = plan_references([row], 100)

    assert sent([row]) == ([] if expected is None else [tuple(expected)])
    assert (plan.settled == (row,)) is (expected is None)


@pytest.mark.parametrize("ids", [(None, "u1"), ("g1", None), (None, None)])
def test_a_reference_waits_for_either_end(ids: tuple[str | None, str | None]) -> None:
    """R1, R2."""
    row = member(1, ids=ids)

    plan = plan_references([row], 100)

    assert plan.waiting == (row,)
    assert plan.operations == ()


def test_one_that_waits_does_not_keep_the_others() -> None:
    assert sent([member(1, ids=("g1", None)), member(2)]) == [(["2"], [])]


def test_many_members_go_in_several_requests() -> None:
    assert sent([member(number) for number in range(5)], 2) == [(["0", "1"], []), (["2", "3"], []), (["4"], [])]


def test_removals_go_before_additions() -> None:
    rows = [member(1), member(2, wanted=False, state="present"), member(3)]

    assert sent(rows) == [([], ["2"]), (["1", "3"], [])]


def test_each_object_has_requests_of_its_own() -> None:
    plan = plan_references([member(1, group=BLUE), member(2), member(3)], 100)

    assert [(operation.source, len(operation.added)) for operation in plan.operations] == [(BLUE, 1), (RED, 2)]


def test_a_new_manager_takes_the_place_of_the_old_one_in_one_request() -> None:
    rows = [manager("bob", wanted=False, state="present"), manager("cem")]

    (operation,) = plan_references(rows, 100).operations

    assert wire_form(operation) == (PatchOperation("replace", MANAGER, {"value": "t-cem"}),)
    assert operation.removed == (rows[0],)


def test_a_manager_who_is_not_wanted_any_more_is_removed() -> None:
    (operation,) = plan_references([manager("bob", wanted=False, state="present")], 100).operations

    assert wire_form(operation) == (PatchOperation("remove", MANAGER),)


def test_an_old_manager_of_unknown_state_does_not_take_away_the_present_one() -> None:
    rows = [manager("bob", wanted=False, state="uncertain"), manager("cem", state="present")]

    (operation,) = plan_references(rows, 100).operations

    assert wire_form(operation) == (PatchOperation("replace", MANAGER, {"value": "t-cem"}),)


def test_while_the_new_manager_is_not_there_the_old_one_goes() -> None:
    waiting = replace(manager("cem"), referenced_target_id=None)
    rows = [manager("bob", wanted=False, state="present"), waiting]

    plan = plan_references(rows, 100)

    assert wire_form(plan.operations[0]) == (PatchOperation("remove", MANAGER),)
    assert plan.waiting == (waiting,)


def test_members_are_removed_by_value_and_added_as_a_list() -> None:
    added, removed = (member(1), member(2)), (member(3), member(4))

    assert wire_form(ReferenceOperation(RED, "g1", "members", added, removed)) == (
        PatchOperation("remove", 'members[value eq "u3"]'),
        PatchOperation("remove", 'members[value eq "u4"]'),
        PatchOperation("add", "members", [{"value": "u1"}, {"value": "u2"}]),
    )


def test_an_id_with_quotes_stays_one_value() -> None:
    odd = member(1, wanted=False, state="present", ids=("g1", 'a"\\b'))

    (step,) = wire_form(ReferenceOperation(RED, "g1", "members", (), (odd,)))

    assert step.path == 'members[value eq "a\\"\\\\b"]'


def test_halves_hold_everything_once() -> None:
    operation = ReferenceOperation(RED, "g1", "members", (member(1), member(2)), (member(3),))

    parts = halves(operation)

    assert parts is not None
    rows = [row for part in parts for row in part.added + part.removed]
    assert sorted(row.key.referenced.id for row in rows) == ["1", "2", "3"]
    assert all(part.added or part.removed for part in parts)
    assert all(part.source == RED and part.target_id == "g1" for part in parts)


def test_one_reference_has_no_halves() -> None:
    assert halves(ReferenceOperation(RED, "g1", "members", (member(1),), ())) is None


def test_a_single_value_has_no_halves() -> None:
    assert halves(ReferenceOperation(ADA, "t1", MANAGER, (manager("cem"),), (manager("bob"),))) is None
