"""The log as files: JSON Lines in Graph's shape, and three CSV tables that are joined by changeId, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Summary = Mapping[str, Any]
"""A record as `provisioning_object_summary` shapes it."""

_FORMULA_BEGINS_WITH = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins so for a formula, and may run it (OWASP, CSV injection)."""


@dataclass(frozen=True, slots=True)
class Table:
    """One CSV file: its name, its columns, and the rows that a record has in it."""

    name: str
    columns: tuple[str, ...]
    rows: Callable[[Summary], Iterable[Sequence[object]]]


def json_line(summary: Summary) -> str:
    """A record on a line of its own."""
    return json.dumps(summary, ensure_ascii=False) + "\n"


def csv_line(cells: Iterable[object]) -> str:
    """Cells as RFC 4180 writes them, each in quotes, none a formula; nothing for None."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([_cell(cell) for cell in cells])
    return line.getvalue()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(_FORMULA_BEGINS_WITH) else text


def _log_rows(summary: Summary) -> Iterable[Sequence[object]]:
    initiator, status = summary["initiatedBy"], summary["provisioningStatusInfo"]
    error = status["errorInformation"] or {}
    source, target = summary["sourceIdentity"], summary["targetIdentity"]
    yield (
        summary["changeId"],
        summary["activityDateTime"],
        summary["tenantId"],
        summary["jobId"],
        summary["cycleId"],
        summary["provisioningAction"],
        status["status"],
        summary["durationInMilliseconds"],
        initiator["initiatorType"],
        initiator["id"],
        initiator["displayName"],
        summary["servicePrincipal"]["id"],
        summary["servicePrincipal"]["displayName"],
        summary["sourceSystem"]["displayName"],
        summary["targetSystem"]["displayName"],
        source["id"],
        source["displayName"],
        source["identityType"],
        target["id"],
        target["displayName"],
        target["identityType"],
        error.get("errorCode"),
        error.get("errorCategory"),
        error.get("reason"),
        error.get("additionalDetails"),
        error.get("recommendedAction"),
    )


def _step_rows(summary: Summary) -> Iterable[Sequence[object]]:
    for number, step in enumerate(summary["provisioningSteps"], 1):
        details = step["details"] or None
        yield (
            summary["changeId"],
            number,
            step["name"],
            step["provisioningStepType"],
            step["status"],
            step["description"],
            details,
        )


def _modified_rows(summary: Summary) -> Iterable[Sequence[object]]:
    for changed in summary["modifiedProperties"]:
        yield summary["changeId"], changed["displayName"], changed["oldValue"], changed["newValue"]


LOGS = Table(
    "logs",
    (
        "changeId", "activityDateTime", "tenantId", "jobId", "cycleId", "provisioningAction", "status",
        "durationInMilliseconds", "initiatorType", "initiatorId", "initiatorDisplayName", "servicePrincipalId",
        "servicePrincipalDisplayName", "sourceSystem", "targetSystem", "sourceId", "sourceDisplayName",
        "sourceIdentityType", "targetId", "targetDisplayName", "targetIdentityType", "errorCode", "errorCategory",
        "reason", "additionalDetails", "recommendedAction",
    ),
    _log_rows,
)  # fmt: skip
"""One row for each record."""

STEPS = Table(
    "steps",
    ("changeId", "number", "name", "provisioningStepType", "status", "description", "details"),
    _step_rows,
)
"""One row for each step of a record."""

MODIFIED_PROPERTIES = Table("modified-properties", ("changeId", "displayName", "oldValue", "newValue"), _modified_rows)
"""One row for each attribute that changed."""

CSV_TABLES = (LOGS, STEPS, MODIFIED_PROPERTIES)
