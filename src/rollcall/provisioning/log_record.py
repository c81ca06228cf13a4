"""A row of the log as Graph's provisioningObjectSummary, with a reason and a remedy in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rollcall.provisioning.model import Json

_SERVICE = {"id": None, "displayName": "Rollcall provisioning service", "initiatorType": "system"}
_TARGET_SCHEMAS = {
    "User": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    "Group": "urn:ietf:params:scim:schemas:core:2.0:Group",
}

# Faults that lie with the service or the network rather than with the object (Graph's errorCategory).
_NON_SERVICE = frozenset(
    {
        "AttributeValidationFailed",
        "DuplicateSourceEntries",
        "DuplicateTargetEntries",
        "EntryConflict",
        "EntryJoiningPropertyValueIsMissing",
        "InsufficientRights",
        "TooManyDeletes",
        "Unauthorized",
    }
)

_REMEDIES = {
    "AttributeValidationFailed": "Correct the attribute in the source or its mapping; the reason names it.",
    "DuplicateSourceEntries": "Give the two source objects different values in the matching attribute.",
    "DuplicateTargetEntries": "Remove or rename all but one of the matching objects in the application.",
    "EntryConflict": "Another object holds a value that must be unique. Change one of the two, or the matching.",
    "EntryJoiningPropertyValueIsMissing": "Give the object a value in the matching attribute.",
    "InsufficientRights": "Allow the credentials to do this in the application.",
    "InternalServerError": "None; it is tried again. If it stays, look into the application's own log.",
    "InvalidAnchor": "None; the object is matched again, or made anew.",
    "NotImplemented": "The application does not offer this operation; adapt the mapping.",
    "SystemForCrossDomainIdentityManagementServiceIncompatible": "The application's answer is not SCIM; check the URL.",
    "Timeout": "None; it is tried again after reading what the application holds.",
    "TooManyDeletes": "Check source and assignments; then restart the job if the removals are meant.",
    "TooManyRequests": "None; the pace follows what the application allows.",
    "Unauthorized": "Enter a valid secret token.",
    "UnprocessableEntity": "The application does not take these values; the reason is its own.",
    "WebExceptionProtocolError": "Check the network and whether the application is up; it is tried again.",
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


def remedy_for(code: str) -> str:
    """What an administrator can do about a fault; empty where nothing is to be done or known."""
    return _REMEDIES.get(code, "")


def _system(name: str, application: Mapping[str, Json]) -> dict[str, Json]:
    details = {
        "ServicePrincipalId": application.get("id"),
        "ServicePrincipalDisplayName": application.get("displayName"),
    }
    return {"id": application.get("id"), "displayName": name, "details": details}


def _identity(identifier: str, name: str, kind: str) -> dict[str, Json]:
    return {"id": identifier, "displayName": name, "identityType": kind, "details": {}}


def _error(row: Mapping[str, Any]) -> dict[str, Json] | None:
    if row["status"] == "success" or not row["code"]:
        return None
    category = "success" if row["status"] == "skipped" else "failure"
    return {
        "errorCode": row["code"],
        "reason": row["reason"],
        "additionalDetails": None,
        "errorCategory": "nonServiceFailure" if category == "failure" and row["code"] in _NON_SERVICE else category,
        "recommendedAction": remedy_for(row["code"]),
    }
