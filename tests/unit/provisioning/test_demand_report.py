"""The report of provision on demand, and its form in the Graph API (rules O2, O5, O9)."""

from __future__ import annotations

import json
from dataclasses import replace

from rollcall.provisioning.demand_report import (
    DemandReport,
    Told,
    connection_step,
    import_step,
    not_connected,
    report_of,
    scope_step,
    to_graph,
)
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import FilterClause, FilterGroup, JobSettings, LogRecord
from rollcall.provisioning.scoping import decide
from tests.unit.provisioning.builders import ADA, USERS, computed, entry, users
from tests.unit.provisioning.expression_context import NOON

APPLICATION = {"id": "sp", "displayName": "Workspaces"}
EXPORT = {
    "name": "EntryExportAdd", "provisioningStepType": "export", "status": "failure", "description": "No room.",
    "details": {"HttpStatus": 403},
}  # fmt: skip
REFUSED = LogRecord(
    "r1", NOON, "c1", ADA, "ada@example.org", None, "create", "failure", "InsufficientRights", "No room.", 3,
    (EXPORT,), (("userName", None, "ada@example.org"),),
)  # fmt: skip


def told(*records: LogRecord, assigned: bool = True) -> DemandReport:
    """The report of a demand about ada with these records."""
    ada = entry(assigned=assigned)
    compiled = compile_mapping(USERS)
    scope = decide(ada, JobSettings(), compiled.filters)
    early = (import_step(ada, compiled, NOON), scope_step(scope, NOON))
    return report_of(Told(ada, scope, early, (), None, records, NOON, NOON, dry_run=False))


def test_a_failure_carries_its_code_what_was_tried_and_what_to_do() -> None:
    """O5, O9."""
    pair = to_graph(told(REFUSED), application=APPLICATION)

    assert json.loads(pair["key"]) == {
        "result": "Failure",
        "details": {"errorCode": "InsufficientRights", "errorMessage": "No room."},
    }
    value = json.loads(pair["value"])
    assert value["modifiedProperties"] == [{"displayName": "userName", "oldValue": None, "newValue": "ada@example.org"}]
    assert value["statusInfo"]["errorCategory"] == "nonServiceFailure"
    assert value["statusInfo"]["recommendedAction"]
    assert value["provisioningSteps"][-1]["details"] == {"HttpStatus": "403"}


def test_a_failure_outweighs_what_was_done() -> None:
    report = told(REFUSED, replace(REFUSED, id="r2", status="success", code="", reason=""))

    assert (report.result, report.change_id) == ("failure", "r1")


def test_who_is_out_of_scope_is_skipped_with_the_reason() -> None:
    """O3."""
    report = told(assigned=False)
    scoping = json.loads(to_graph(report, application=APPLICATION)["value"])["provisioningSteps"][2]

    assert (report.result, report.code) == ("skipped", "NotEffectivelyEntitled")
    assert [step.number for step in report.steps] == [2, 3, 4, 5]
    assert (scoping["type"], scoping["status"], scoping["details"]["Assigned"]) == ("Scoping", "Skipped", "False")


def test_a_connection_that_failed_is_told_alone() -> None:
    """O2."""
    report = not_connected(ADA, "ada", connection_step("Unauthorized", "Wrong token.", NOON), dry_run=True)

    assert [(step.number, step.status) for step in report.steps] == [(1, "failure")]
    assert json.loads(to_graph(report, application=APPLICATION)["key"])["result"] == "Failure"


def test_import_shows_what_mappings_and_filters_read_and_hides_what_is_redacted() -> None:
    """O2."""
    mapping = replace(
        users(computed("Redact([employeeId])", "title")),
        filters=(FilterGroup("Sales", (FilterClause("department", "EQUALS", ("Sales",)),)),),
    )
    ada = entry(employeeId="4711", department="Sales", city="Espoo")

    step = import_step(ada, compile_mapping(mapping), NOON)

    assert step.details == {
        "userPrincipalName": "ada@example.org",
        "employeeId": "[Redact]",
        "department": "Sales",
    }
