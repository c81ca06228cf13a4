"""What an explanation says of links, references and records (rules E1, R2)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rollcall.provisioning import explained
from rollcall.provisioning.explained import NextStep
from rollcall.provisioning.ledger_contract import KeptReference
from rollcall.provisioning.model import Escrow, Key, Link, ReferenceKey, Scope

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ADA, SALES = Key("User", "1"), Key("Group", "2")
TIE = ReferenceKey(SALES, "members", ADA)
LINKED = {ADA: Link(ADA, "ada", "linked", "t1"), SALES: Link(SALES, "Sales", "linked", "t2")}
NAMES = {ADA: "ada", SALES: "Sales"}
ESCROW = Escrow(2, NOW, NOW + timedelta(minutes=2), "EntryConflict", "Taken.")


def record(action: str, *modified: tuple[str, Any, Any], status: str = "success", **more: Any) -> dict[str, Any]:
    step = {"provisioningStepType": "export", "status": status, "description": "", "details": {}}
    return {"action": action, "status": status, "modified": modified, "steps": [step], "at": NOW, **more}


@pytest.mark.parametrize(
    ("kept", "links", "kinds", "state", "why"),
    [
        (KeptReference(TIE, True, "present", False), LINKED, {"User", "Group"}, "present", "in the application"),
        (KeptReference(TIE, True, "absent", True), LINKED, {"User", "Group"}, "waiting", "added in the next cycle"),
        (KeptReference(TIE, False, "present", True), LINKED, {"User", "Group"}, "leaving", "taken out in the next"),
        (KeptReference(TIE, True, "uncertain", True), LINKED, {"User", "Group"}, "waiting", "without an answer"),
        (KeptReference(TIE, False, "absent", False), {}, {"User", "Group"}, "absent", "not wanted"),
        (
            KeptReference(TIE, True, "absent", True),
            {SALES: LINKED[SALES]},
            {"User", "Group"},
            "waiting",
            "until ada is",
        ),
        (
            KeptReference(TIE, True, "absent", True),
            {**LINKED, ADA: Link(ADA, escrow=ESCROW)},
            {"User", "Group"},
            "waiting",
            "which failed: Taken.",
        ),
        (KeptReference(TIE, True, "absent", True), LINKED, {"User"}, "waiting", "does not provision groups"),
        (
            KeptReference(TIE, True, "absent", True, Escrow(3, NOW, NOW, "EntryConflict", "Taken.")),
            LINKED,
            {"User", "Group"},
            "waiting",
            "refused 3 times and is tried again at 2026-01-01 12:00:00 UTC",
        ),
    ],
)
def test_a_reference_says_what_it_waits_for(
    kept: KeptReference, links: dict[Key, Link], kinds: set[str], state: str, why: str
) -> None:
    """R2."""
    facts = explained.reference_facts(kept, links, NAMES, kinds)

    assert (facts.state, why in facts.why) == (state, True), facts.why


def test_what_was_told_is_put_together_from_the_records() -> None:
    newest_first = [
        record("update", ("title", "A", None)),
        record("update", ("name", "a", "failed"), status="failure"),
        record("update", ("name", "a", "b"), ("title", None, "A")),
        record("create", ("name", None, "a"), ("mail", None, "m")),
        record("delete"),
        record("create", ("nick", None, "older")),
    ]

    assert explained.values_told("User", newest_first) == {"name": "b", "mail": "m"}
    assert explained.values_told("User", newest_first[4:]) == {}


WORK = 'emails[type eq "work"].value'
HOME = {"type": "home", "value": "h@x"}


@pytest.mark.parametrize(
    ("changes", "values"),
    [
        ([(WORK, None, "w@x"), ("emails", None, [HOME])], {"emails": [HOME]}),
        ([(WORK, None, "w@x"), ("emails", [HOME], None)], {}),
        ([("name.givenName", None, "a"), ("name", None, {"givenName": "b"})], {"name": {"givenName": "b"}}),
        ([("emails", None, [HOME]), (WORK, None, "w@x")], {"emails": [HOME, {"type": "work", "value": "w@x"}]}),
        ([("emails", None, [{"type": "work", "value": "w@x"}]), ('emails[type eq "work"]', "w@x", None)], {}),
        ([("name", None, {"givenName": "b", "familyName": "c"}), ("name.givenName", "b", None)],
         {"name": {"familyName": "c"}}),
        ([("emails", None, "[Redact]"), (WORK, None, "w@x")], {"emails": "[Redact]"}),
        ([("emails", None, [HOME]), ("emails", [HOME], None)], {}),
        ([("title", None, "A"), ("titles", None, "B")], {"title": "A", "titles": "B"}),
    ],
)  # fmt: skip
def test_a_later_change_takes_the_place_of_what_it_covers(changes: Any, values: dict[str, Any]) -> None:
    records = [record("create", changes[0])] + [record("update", each) for each in changes[1:]]

    assert explained.values_told("User", records[::-1]) == values


def test_how_a_link_came_to_be_is_read_from_its_records() -> None:
    matched = {"provisioningStepType": "matching", "status": "success", "details": {"userName": "ada"}}
    found = record("update", target_id="t1", steps=[matched])
    link = LINKED[ADA]

    def how(link: Link, *records: dict[str, Any]) -> str:
        return explained.link_facts(link, records, {"b"}, "[Redact]").how

    assert how(link, record("update", target_id="t1"), record("create", target_id=None)) == "made by this job"
    assert how(link, found) == "found in the application by its userName"
    assert how(link) == "linked earlier than the log reaches"
    assert "not answered" in how(Link(ADA, state="uncertain"))
    assert "nothing of it" in how(Link(ADA))


def test_hidden_values_of_a_link_stay_hidden() -> None:
    link = Link(ADA, "ada", "linked", "t1", sent={"a": 1, "b": "secret"})

    assert explained.link_facts(link, (), {"b"}, "[Redact]").sent == {"a": 1, "b": "[Redact]"}


def test_when_a_disabled_account_is_deleted_is_told() -> None:
    """D2: disable now, delete after some days."""
    disabled = Link(ADA, "ada", "linked", "t1", disabled=True, disabled_at=NOW)

    assert explained.link_facts(disabled, (), (), "", 2).deleted_after == NOW + timedelta(days=2)
    assert explained.link_facts(disabled, (), (), "").deleted_after is None
    assert explained.link_facts(LINKED[ADA], (), (), "", 2).deleted_after is None


@pytest.mark.parametrize(
    ("step", "escrow", "said"),
    [
        (NextStep("none", "", "", (), ()), None, "In scope, in the application. Why."),
        (
            NextStep("update", "", "", (), ()),
            None,
            "In scope, in the application. Why. The next cycle would update it.",
        ),
        (
            NextStep("update", "", "", (), ()),
            ESCROW,
            "In scope, in the application. Why. It failed; after 2026-01-01 12:02:00 UTC a cycle would update it.",
        ),
        (
            NextStep("stagedDelete", "", "", (), ()),
            None,
            "In scope, in the application. Why. Its deletion is held back until somebody allows or rejects it.",
        ),
        (
            NextStep("none", "", "", (), (), obstacle="the mapping is off"),
            ESCROW,
            "In scope, in the application. Why. Nothing is sent: the mapping is off.",
        ),
    ],
)
def test_the_decision_is_said_in_words(step: NextStep, escrow: Escrow | None, said: str) -> None:
    """E1: when it is tried again."""
    link = Link(ADA, "ada", "linked", "t1", escrow=escrow)

    assert explained.verdict_of(Scope("active", "Why."), link, step, "User") == said


@pytest.mark.parametrize(
    ("days", "part"), [(-1, "did not exist yet"), (5, "The log reaches back to"), (20, "never been assigned")]
)
def test_why_the_log_says_nothing_is_said(days: int, part: str) -> None:
    said = explained.silence(NOW + timedelta(days=days), NOW, NOW + timedelta(days=10), None)

    assert part in said


@pytest.mark.parametrize(
    ("verdict", "link", "kind", "said"),
    [
        ("active", None, "User", ""),
        ("inactive", LINKED[ADA], "User", ""),
        ("inactive", Link(ADA, state="uncertain"), "User", ""),
        ("inactive", None, "User", "nothing is sent for somebody who is not provisioned"),
        ("out", Link(SALES), "Group", "nothing is sent for a group that is not provisioned"),
        ("ignored", LINKED[ADA], "User", "nothing is sent for somebody who is left alone"),
        ("undecided", LINKED[ADA], "User", "nothing is sent for somebody who is undecided"),
    ],
)
def test_where_nothing_flows_it_is_said_why(verdict: Any, link: Link | None, kind: str, said: str) -> None:
    """S6."""
    assert explained.nothing_flows(Scope(verdict, "Why."), link, kind) == said
