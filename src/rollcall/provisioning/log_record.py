"""A row of the log as Graph's provisioningObjectSummary, with a reason and a remedy in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollcall.provisioning.failure_classes import class_of
from rollcall.provisioning.model import Json

_SERVICE = {"id": None, "displayName": "Rollcall provisioning service", "initiatorType": "system"}
_TARGET_SCHEMAS = {
    "User": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "Group": "urn:ietf:params:scim:schemas:core:2.0:Group",
}


def provisioning_object_summary(
    row: Mapping[str, Any], *, tenant_id: str, job_id: str, application: Mapping[str, Json]
) -> dict[str, Json]:
    """One log row in the shape of Graph's provisioningObjectSummary.

    `row` is as `read_log` gives it; `application` has `id` and `displayName` of the service principal.
    """
    return {
        "id": str(row["id"]),
        "activityDateTime": row["at"].isoformat(),
        "tenantId": tenant_id,
        "jobId": job_id,
        "cycleId": str(row["cycle_id"]),
        "changeId": str(row["id"]),
        "provisioningAction": row["action"],
        "durationInMilliseconds": row["duration_milliseconds"],
        "initiatedBy": _SERVICE,
        "servicePrincipal": dict(application),
        "sourceSystem": _system("Rollcall directory", application),
        "targetSystem": _system("customappsso", application),
        "sourceIdentity": _identity(row["source_id"], row["name"], row["kind"]),
        "targetIdentity": _identity(row["target_id"] or "", row["name"], _TARGET_SCHEMAS.get(row["kind"], row["kind"])),
        "provisioningStatusInfo": {"status": row["status"], "errorInformation": _error(row)},
        "provisioningSteps": list(row["steps"]),
        "modifiedProperties": [
            {"displayName": path, "oldValue": old, "newValue": new} for path, old, new in row["modified"]
        ],
    }


def _system(name: str, application: Mapping[str, Json]) -> dict[str, Json]:
    details = {
        "ServicePrincipalId": application.get("id"),
        "ServicePrincipalDisplayName": application.get("displayName"),
    }
    return {"id": application.get("id"), "displayName": name, "details": details}


def _identity(identifier: str, name: str, kind: str) -> dict[str, Json]:
    return {"id": identifier, "displayName": name, "identityType": kind, "details": {}}


def error_category(code: str) -> str:
    """Graph's errorCategory of a failure: whether it lies with data and set-up, or with a service or the network."""
    return "nonServiceFailure" if class_of(code).of_data else "failure"


def _error(row: Mapping[str, Any]) -> dict[str, Json] | None:
    if row["status"] == "success" or not row["code"]:
        return None
    row_class = class_of(row["code"])
    category = error_category(row["code"])
    return {
        "errorCode": row["code"],
        "reason": row["reason"],
        "additionalDetails": None,
        "errorCategory": "success" if row["status"] == "skipped" else category,
        "recommendedAction": row_class.remedy,
    }
