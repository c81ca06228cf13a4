"""The log as JSON Lines and CSV, read back by readers that nobody here wrote."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from rollcall.provisioning.log_export import CSV_TABLES, LOGS, MODIFIED_PROPERTIES, STEPS, csv_line, json_line
from rollcall.provisioning.log_record import provisioning_object_summary

ROW: dict[str, Any] = {
    "id": UUID(int=7),
    "at": datetime(2026, 11, 24, 9, 0, 3, tzinfo=UTC),
    "cycle_id": UUID(int=8),
    "kind": "User",
    "source_id": "s1",
    "name": "=cmd|' /C calc'!A0",
    "target_id": "t1",
    "action": "update",
    "status": "failure",
    "code": "EntryConflict",
    "reason": 'Taken, says "the target";\nask there.',
    "duration_milliseconds": 12,
    "steps": [
        {
            "name": "EntryExportUpdate",
            "provisioningStepType": "export",
            "status": "failure",
            "description": "Taken.",
            "details": {"Request": "PATCH /Users/t1", "HttpStatus": 409},
        }
    ],
    "modified": [
        ["title", None, "@SUM(1+1)"],
        ["phone", "+49 30 1", "-1"],
        ["active", True, False],
        ["members", None, {"value": "s2", "display": "Zoë"}],
    ],
    "initiated_by": {"id": "", "display_name": "grace", "type": "user"},
}
APPLICATION = {"id": "sp", "appId": "app", "displayName": "Workspaces"}


def summary(**changes: Any) -> dict[str, Any]:
    return provisioning_object_summary({**ROW, **changes}, tenant_id="t", job_id="j", application=APPLICATION)


def test_a_row_has_every_field_of_graphs_record() -> None:
    """13 fields."""
    told = summary()

    assert told["activityDateTime"] == "2026-11-24T09:00:03Z"
    assert (told["tenantId"], told["jobId"], told["provisioningAction"]) == ("t", "j", "update")
    assert told["durationInMilliseconds"] == 12
    assert told["initiatedBy"] == {"id": "", "displayName": "grace", "initiatorType": "user"}
    assert told["servicePrincipal"] == {"id": "sp", "displayName": "Workspaces"}
    assert told["targetSystem"]["displayName"] == "customappsso"
    assert told["targetSystem"]["details"] == {
        "ApplicationId": "app",
        "ServicePrincipalId": "sp",
        "ServicePrincipalDisplayName": "Workspaces",
    }
    assert told["sourceIdentity"]["identityType"] == "User"
    assert told["targetIdentity"]["identityType"].startswith("urn:ietf:params:scim:schemas:")
    error = told["provisioningStatusInfo"]["errorInformation"]
    assert (error["errorCode"], error["errorCategory"]) == ("EntryConflict", "nonServiceFailure")
    assert error["additionalDetails"] == "PATCH /Users/t1 was answered 409."
    assert "must be unique" in error["recommendedAction"]
    assert told["modifiedProperties"][2] == {"displayName": "active", "oldValue": "true", "newValue": "false"}


@pytest.mark.parametrize(
    ("status", "code", "category"),
    [
        ("success", "", None),
        ("skipped", "RedundantExport", "success"),
        ("failure", "Timeout", "failure"),
        ("failure", "AttributeValidationFailed", "nonServiceFailure"),
    ],
)
def test_the_category_of_an_error_tells_whose_it_is(status: str, code: str, category: str | None) -> None:
    error = summary(status=status, code=code)["provisioningStatusInfo"]["errorInformation"]

    assert (error and error["errorCategory"]) == category


def test_json_lines_are_one_object_a_line() -> None:
    text = json_line(summary()) * 2

    assert [json.loads(line) for line in text.splitlines()] == [summary(), summary()]


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


def test_the_tables_are_read_back_and_joined_by_change_id() -> None:
    """13 downloads."""
    logs, steps, modified = (
        read("".join([csv_line(table.columns), *(csv_line(row) for row in table.rows(summary()))]))
        for table in CSV_TABLES
    )

    assert [len(table) - 1 for table in (logs, steps, modified)] == [1, 1, 4]
    assert {row[0] for table in (logs, steps, modified) for row in table[1:]} == {str(UUID(int=7))}
    for table, rows in ((LOGS, logs), (STEPS, steps), (MODIFIED_PROPERTIES, modified)):
        assert {len(row) for row in rows} == {len(table.columns)}
    row = dict(zip(logs[0], logs[1], strict=True))
    assert row["reason"] == ROW["reason"], "a newline and quotes stay what they are"
    assert json.loads(steps[1][-1])["HttpStatus"] == 409
    assert [each[2:] for each in modified[1:]] == [
        ["", "'@SUM(1+1)"],
        ["'+49 30 1", "'-1"],
        ["true", "false"],
        ["", '{"value": "s2", "display": "Zoë"}'],
    ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_begins_like_a_formula(start: str) -> None:
    hostile = f"{start}HYPERLINK(1)"
    rows = summary(name=hostile, reason=hostile, source_id=hostile, modified=[[hostile, hostile, hostile]])

    for table in CSV_TABLES:
        for row in table.rows(rows):
            (cells,) = read(csv_line(row))
            assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_what_is_no_formula_is_left_as_it_is() -> None:
    assert read(csv_line(["a=b", "'x", "", None, 0, "Ünï\n=1"])) == [["a=b", "'x", "", "", "0", "Ünï\n=1"]]
