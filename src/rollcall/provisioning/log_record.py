"""A row of the log as Graph's provisioningObjectSummary, with a reason and a remedy in plain words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

from rollcall.provisioning.failure_classes import class_of
from rollcall.provisioning.model import Json

_TARGET_SCHEMAS = {
    "User": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "Group": "urn:ietf:params:scim:schemas:core:2.0:Group",
}


@dataclass(frozen=True, slots=True)
class Initiator:
    """Who had something done (Graph's provisioning initiator); the service itself by its schedule."""

    id: str = ""
    display_name: str = "Rollcall provisioning service"
    type: Literal["user", "application", "system"] = "system"


SCHEDULE = Initiator()
"""The service itself: by its schedule, and when something changed in the directory."""


def provisioning_object_summary(
    row: Mapping[str, Any], *, tenant_id: str, job_id: str, application: Mapping[str, Json]
) -> dict[str, Json]:
    """One log row in the shape of Graph's provisioningObjectSummary.

    `row` is as `read_log` gives it; `application` has `id`, `appId` and `displayName` of the service principal.
    """
    return {
        "id": str(row["id"]),
        "activityDateTime": row["at"].astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "tenantId": tenant_id,
        "jobId": job_id,
        "cycleId": str(row["cycle_id"]),
        "changeId": str(row["id"]),
        "provisioningAction": row["action"],
        "durationInMilliseconds": row["duration_milliseconds"],
        "initiatedBy": _initiator(row.get("initiated_by")),
        "servicePrincipal": {"id": application.get("id"), "displayName": application.get("displayName")},
        "sourceSystem": {"id": tenant_id, "displayName": "Rollcall directory", "details": {}},
        "targetSystem": {
            "id": job_id,
            "displayName": "customappsso",
            "details": {
                "ApplicationId": application.get("appId"),
                "ServicePrincipalId": application.get("id"),
                "ServicePrincipalDisplayName": application.get("displayName"),
            },
        },
        "sourceIdentity": _identity(row["source_id"], row["name"], row["kind"], _source_details(row)),
        "targetIdentity": _identity(
            row["target_id"] or "", row["name"], _TARGET_SCHEMAS.get(row["kind"], row["kind"]), {}
        ),
        "provisioningStatusInfo": {"status": row["status"], "errorInformation": _error(row)},
        "provisioningSteps": list(row["steps"]),
        "modifiedProperties": [
            {"displayName": path, "oldValue": shown(old), "newValue": shown(new)} for path, old, new in row["modified"]
        ],
    }


def remedy_for(code: str) -> str:
    """What an administrator can do about a fault; empty where nothing is to be done or known."""
    return class_of(code).remedy


def shown(value: Json) -> str | None:
    """A value as text, which is what Graph has here: text as it is, all else as JSON."""
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _initiator(kept: Mapping[str, Json] | None) -> dict[str, Json]:
    """Who it was, out of a row; the schedule leaves nothing there."""
    kept = kept or {"id": SCHEDULE.id, "display_name": SCHEDULE.display_name, "type": SCHEDULE.type}
    return {"id": kept["id"], "displayName": kept["display_name"], "initiatorType": kept["type"]}


def _source_details(row: Mapping[str, Any]) -> dict[str, Json]:
    return {"userPrincipalName": row["name"]} if row["kind"] == "User" else {}


def _identity(identifier: str, name: str, kind: str, details: Mapping[str, Json]) -> dict[str, Json]:
    return {"id": identifier, "displayName": name, "identityType": kind, "details": dict(details)}


def error_category(code: str) -> str:
    """Graph's errorCategory of a failure: whether it lies with data and set-up, or with a service or the network."""
    return "nonServiceFailure" if class_of(code).of_data else "failure"


def _error(row: Mapping[str, Any]) -> dict[str, Json] | None:
    if row["status"] == "success" or not row["code"]:
        return None
    category = "success" if row["status"] == "skipped" else error_category(row["code"])
    return {
        "errorCode": row["code"],
        "reason": row["reason"],
        "additionalDetails": _exchange(row["steps"]),
        "errorCategory": category,
        "recommendedAction": remedy_for(row["code"]),
    }


def _exchange(steps: Sequence[Mapping[str, Any]]) -> str | None:
    """The request that failed and how it was answered; None where nothing was sent."""
    sent = next((step["details"] for step in reversed(steps) if step["details"].get("Request")), None)
    if sent is None:
        return None
    status = sent.get("HttpStatus")
    return f"{sent['Request']} was not answered." if status is None else f"{sent['Request']} was answered {status}."
