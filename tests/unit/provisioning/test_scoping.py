"""Who is in scope, and why (rules S1 to S5)."""

from __future__ import annotations

import pytest

from rollcall.provisioning.model import Entry, JobSettings
from rollcall.provisioning.scoping import decide
from tests.unit.provisioning.builders import ADA, RED, SETTINGS, entry

ALL = JobSettings(scope="all")


def test_an_assigned_user_is_active() -> None:
    assert decide(entry(), SETTINGS).verdict == "active"


def test_the_reason_names_who_assigned() -> None:
    """S2: an assignment may come through a group."""
    scope = decide(Entry(ADA, "present", {}, assigned=True, assigned_by=("directly", "group Sales")), SETTINGS)

    assert scope.reason == "Assigned directly, group Sales."


def test_without_an_assignment_a_user_is_inactive_and_a_group_is_out() -> None:
    """S1: assigned users and groups only."""
    assert decide(entry(assigned=False), SETTINGS).verdict == "inactive"
    assert decide(entry(RED, assigned=False), SETTINGS).verdict == "out"
    assert "neither directly nor through a group" in decide(entry(assigned=False), SETTINGS).reason


@pytest.mark.parametrize("key", [ADA, RED])
def test_with_scope_all_nobody_has_to_be_assigned(key: object) -> None:
    """S1: SyncAll."""
    scope = decide(entry(ADA if key == ADA else RED, assigned=False), ALL)

    assert scope.verdict == "active"
    assert scope.details["Scope sync all"] is True


@pytest.mark.parametrize("settings", [SETTINGS, ALL], ids=["assigned", "all"])
def test_a_blocked_user_is_inactive(settings: JobSettings) -> None:
    """S5: a user who is disabled in the source is not entitled."""
    scope = decide(entry(accountEnabled=False), settings)

    assert scope.verdict == "inactive"
    assert "accountEnabled" in scope.reason


@pytest.mark.parametrize("settings", [SETTINGS, ALL], ids=["assigned", "all"])
def test_a_soft_deleted_user_is_inactive_and_a_group_is_out(settings: JobSettings) -> None:
    assert decide(entry(state="deleted"), settings).verdict == "inactive"
    assert decide(entry(RED, "deleted"), settings).verdict == "out"
    assert decide(entry(RED, "deleted"), settings).reason == "The group is deleted in the source."


@pytest.mark.parametrize("key", [ADA, RED])
def test_a_purged_object_is_gone_whatever_the_scope(key: object) -> None:
    gone = Entry(ADA if key == ADA else RED, "gone", assigned=True)

    assert decide(gone, ALL).verdict == "gone"


def test_a_user_without_a_word_about_accountenabled_is_active() -> None:
    assert decide(entry(accountEnabled=None), SETTINGS).verdict == "active"


def test_the_details_are_those_that_the_log_shows() -> None:
    """O3."""
    assert decide(entry(assigned=False, accountEnabled=False), SETTINGS).details == {
        "Active in the source system": False,
        "Assigned to the application": False,
        "Scope sync all": False,
        "User has the required role": False,
        "ScopeEvaluationResult": "out of scope",
    }


def test_whoever_is_assigned_has_a_role() -> None:
    """S4: default access counts."""
    default = {"id": "00000000-0000-0000-0000-000000000000", "value": None, "displayName": "Default Access"}
    scope = decide(Entry(ADA, "present", {}, assigned=True, roles=(default,)), SETTINGS)

    assert (scope.verdict, scope.details["User has the required role"]) == ("active", True)
