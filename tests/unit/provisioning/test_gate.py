"""Nothing passes that was not planned; what was planned passes also in parts, late, and over a name for the meantime."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rollcall.provisioning.dry_run import unkeyed
from rollcall.provisioning.gate import (
    Approved,
    Recorder,
    Unapproved,
    is_approval_demanded,
    operation_digest,
    reference_digest,
)
from rollcall.provisioning.model import Approval, Key, Operation, Reference, ReferenceKey, ReferenceOperation

ADA, BOB = Key("User", "ada"), Key("User", "bob")
RED = Key("Group", "red")
UPDATE = Operation(ADA, "update", "1", {}, changes=(("title", "Clerk", "Boss"), ("displayName", "ada", "Ada")))


def approved(*operations: Operation, references: tuple[str, ...] = ()) -> Approved:
    recorder = Recorder(unkeyed)
    recorder.objects(operations)
    return Approved(recorder.digests, set(references), unkeyed)


@pytest.mark.parametrize(
    "other",
    [
        replace(UPDATE, key=BOB),
        replace(UPDATE, action="disable"),
        replace(UPDATE, target_id="2"),
        replace(UPDATE, changes=UPDATE.changes[:1]),
        replace(UPDATE, changes=(("title", "Clerk", "Queen"), UPDATE.changes[1])),
        replace(UPDATE, changes=(("title", "Cook", "Boss"), UPDATE.changes[1])),
        replace(UPDATE, changes=(*UPDATE.changes, ("active", True, False))),
    ],
)
def test_only_the_very_operation_passes(other: Operation) -> None:
    assert approved(UPDATE).objects([UPDATE]) is None
    assert approved(UPDATE).objects([replace(UPDATE, changes=UPDATE.changes[::-1])]) is None
    refused = approved(UPDATE).objects([UPDATE, other])
    assert refused is not None
    assert refused.code == "PlanMoved"
    assert f"{other.action} of User {other.key.id}" in refused.reason


def test_what_was_sent_may_be_sent_again_in_part_and_over_a_name_for_the_meantime() -> None:
    part = replace(UPDATE, changes=(("displayName", None, "Ada"),))
    between = replace(UPDATE, changes=(("displayName", "ada", "swap-1"),), interim=True)
    after = replace(UPDATE, changes=(("displayName", "swap-1", "Ada"),))

    early, gate = approved(UPDATE), approved(UPDATE)
    assert early.objects([part]) is not None
    assert early.objects([between]) is not None
    for operation in (UPDATE, part, between, after):
        assert gate.objects([operation]) is None
    assert gate.objects([replace(part, changes=(("displayName", None, "Eve"),))]) is not None
    assert gate.objects([Operation(ADA, "create", None, {}, changes=part.changes)]) is not None
    assert gate.objects([Operation(ADA, "delete", "1", {})]) is not None


def test_a_page_that_does_not_pass_leaves_nothing_sent() -> None:
    gate = approved(UPDATE)
    gate.objects([UPDATE, replace(UPDATE, key=BOB)])
    assert gate.sent == set()


def reference(who: Key) -> Reference:
    return Reference(ReferenceKey(RED, "members", who), wanted=True, source_target_id="9", referenced_target_id="1")


def test_references_pass_one_by_one_and_only_in_their_direction() -> None:
    planned = reference_digest(reference(ADA).key, added=True, digest=unkeyed)
    gate = approved(references=(planned,))
    assert gate.references([ReferenceOperation(RED, "9", "members", (reference(ADA),), ())]) is None
    for added, removed in (((), (reference(ADA),)), ((reference(ADA), reference(BOB)), ())):
        assert gate.references([ReferenceOperation(RED, "9", "members", added, removed)]) is not None


def test_a_digest_tells_values_apart_that_look_alike() -> None:
    one, other = (replace(UPDATE, changes=(("title", None, value),)) for value in ("1", 1))
    assert operation_digest(one, unkeyed) != operation_digest(other, unkeyed)


@pytest.mark.parametrize(
    ("approval", "operations", "removes", "demanded"),
    [
        ("never", 10_000, True, False),
        ("always", 1, False, True),
        ("always", 0, False, False),
        ("removals", 10_000, False, False),
        ("removals", 1, True, True),
        ("over", 5, True, False),
        ("over", 6, False, True),
    ],
)
def test_when_an_approval_is_demanded(approval: Approval, operations: int, removes: bool, demanded: bool) -> None:
    assert is_approval_demanded(approval, 5, operations, removes=removes) is demanded


def test_a_cycle_without_approval_stops_before_it_would_need_one() -> None:
    many = [replace(UPDATE, key=Key("User", str(number))) for number in range(3)]
    gate = Unapproved("over", 3)
    assert gate.objects(many) is None
    assert gate.objects(many[:1]) is None, "the same object once more is not one more"
    assert gate.objects([replace(UPDATE, key=Key("User", "3"))]) is not None
    assert Unapproved("removals", 3).objects([replace(UPDATE, action="disable")]) is not None
    assert Unapproved("removals", 3).references([ReferenceOperation(RED, "9", "members", (), (reference(ADA),))])
    assert Unapproved("always", 3).objects([]) is None
    assert Unapproved("always", 3).objects([UPDATE]) is not None
