"""A log record of one object, and its steps, named as Entra's provisioning log names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from rollcall.provisioning.connectors.contract import Outcome
from rollcall.provisioning.differences import Change, shown_changes
from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.model import Json, LogRecord
from rollcall.provisioning.planning import Item

_EXPORTS = {
    "create": "EntryExportAdd",
    "update": "EntryExportUpdate",
    "disable": "EntryExportUpdate",
    "delete": "EntryExportDelete",
}


LogStatus = Literal["success", "failure", "skipped", "warning"]


@dataclass(frozen=True, slots=True)
class Happened:
    """What became of one object: one operation, or why there was none."""

    action: str
    status: LogStatus
    code: str = ""
    reason: str = ""
    changes: Sequence[Change] = ()
    outcome: Outcome | None = None
    duration_milliseconds: int = 0


def record_of(item: Item, happened: Happened, *, record_id: str, at: datetime, cycle_id: str) -> LogRecord:
    """The log record of what became of one object."""
    action, status, code, reason = happened.action, happened.status, happened.code, happened.reason
    return LogRecord(
        id=record_id,
        at=at,
        cycle_id=cycle_id,
        key=item.desired.key,
        name=name_of(item),
        target_id=item.link.target_id,
        action=action,
        status=status,
        code=code,
        reason=reason,
        duration_milliseconds=happened.duration_milliseconds,
        steps=_steps_of(item, action, status, code, reason, happened.outcome),
        modified=shown_changes(happened.changes, item.desired.redacted),
    )


def name_of(item: Item) -> str:
    """The name of the object; of one that is gone from the source, the one it had."""
    nameless = item.desired.name == item.desired.key.id
    return item.known.name or item.desired.name if nameless else item.desired.name


def _steps_of(
    item: Item, action: str, status: str, code: str, reason: str, outcome: Outcome | None = None
) -> tuple[Mapping[str, Json], ...]:
    """What happened to one object on its way: read here, looked for there, scoped, matched, and what came of it."""
    return (
        _import(item),
        _matching(item),
        _step(
            "EntrySynchronizationScoping",
            "scoping",
            {"active": "success", "undecided": "failure"}.get(item.scope.verdict, "skipped"),
            item.scope.reason,
            item.scope.details,
        ),
        *_synchronization(item, action),
        _last(item, action, status, code, reason, outcome),
    )


def _import(item: Item) -> Mapping[str, Json]:
    """What the source said: new to this job, known to it, or gone."""
    kind, name = item.desired.key.kind, item.desired.name
    details = {"objectId": item.desired.key.id, "displayName": name}
    if item.scope.verdict == "gone":
        return _step("EntryImportDelete", "import", "success", f"{kind} {name} is gone from the source.", details)
    step = "EntryImportUpdate" if item.known.may_exist else "EntryImportAdd"
    return _step(step, "import", "success", f"{kind} {name} was read from the source.", details)


def _synchronization(item: Item, action: str) -> tuple[Mapping[str, Json], ...]:
    """What the comparison of both sides called for, where that is known."""
    if action not in _EXPORTS:
        return ()
    if action == "create":
        return (_step("EntrySynchronizationAdd", "matching", "success", "It has to be made in the target."),)
    verb = {"update": "be updated", "disable": "be disabled", "delete": "be deleted"}[action]
    name = "EntrySynchronizationDelete" if action == "delete" else "EntrySynchronizationUpdate"
    return (_step(name, "matching", "success", f"Object {item.link.target_id} in the target has to {verb}."),)


def _matching(item: Item) -> Mapping[str, Json]:
    hidden = item.desired.redacted
    tried = {path: REDACTED if path in hidden else value for path, value in item.desired.matching}
    if item.problem is not None:
        return _step("EntryImport", "matching", "failure", item.problem.reason, tried)
    if item.link.target_id is None and item.scope.verdict not in ("active", "inactive"):
        return _step("EntryImport", "matching", "skipped", "The target was not asked for it.")
    if item.link.target_id is None:
        return _step("EntryImport", "matching", "success", "No object in the target matches.", tried)
    how = "was linked before" if item.known.target_id == item.link.target_id else "matches"
    return _step("EntryImport", "matching", "success", f"Object {item.link.target_id} in the target {how}.", tried)


def exchange_of(outcome: Outcome | None) -> dict[str, Json]:
    """What was sent over HTTP and with which status it was answered, as the details of an export step."""
    if outcome is None or not outcome.request:
        return {}
    return {"Request": outcome.request} | ({} if outcome.status is None else {"HttpStatus": outcome.status})


def _last(item: Item, action: str, status: str, code: str, reason: str, outcome: Outcome | None) -> Mapping[str, Json]:
    if action in _EXPORTS:
        details = ({"ErrorCode": code} if code else {}) | exchange_of(outcome)
        return _step(_EXPORTS[action], "export", status, reason or f"The {action} was carried out.", details)
    details = {"SkipReason": code, "ReportableIdentifier": item.desired.name}
    return _step("EntrySynchronizationSkip", "processing", status, reason, details)


def _step(
    name: str, kind: str, status: str, description: str, details: Mapping[str, Json] | None = None
) -> Mapping[str, Json]:
    return {
        "name": name,
        "provisioningStepType": kind,
        "status": status,
        "description": description,
        "details": dict(details or {}),
    }
