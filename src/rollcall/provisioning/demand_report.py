"""What provision on demand tells of one object: five steps, what was changed, and how it ended (rules O2–O5, O9)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from rollcall.provisioning.expression_values import REDACTED
from rollcall.provisioning.failure_classes import class_of
from rollcall.provisioning.log_record import error_category
from rollcall.provisioning.mapping import CompiledMapping, is_redacted, reportable_identifier
from rollcall.provisioning.model import Entry, Json, Key, LogRecord, Scope

StepType = Literal["Test connection", "Import", "Scoping", "Matching", "Export"]
Ended = Literal["success", "skipped", "failure", "warning"]


@dataclass(frozen=True, slots=True)
class DemandStep:
    """One step. `number` is its place among the five (rule O2), `name` as in the provisioning log."""

    number: int
    name: str
    type: StepType
    status: Ended
    description: str
    at: datetime
    details: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """What one look-up found: the mapped properties of each hit with its `id`; `problem` says why nothing is known."""

    attribute: str
    value: Json
    hits: tuple[Mapping[str, Json], ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class DemandReport:
    """What became of one object.

    `modified`: attribute, old and new value; on a failure those that were tried (rule O5). `dry_run`: nothing was sent.
    `change_id` joins it with the log; empty where nothing is logged.
    """

    key: Key
    name: str
    result: Ended
    action: str
    code: str
    reason: str
    began: datetime
    ended: datetime
    steps: tuple[DemandStep, ...]
    modified: tuple[tuple[str, Json, Json], ...] = ()
    target_id: str | None = None
    change_id: str = ""
    dry_run: bool = False


def connection_step(code: str, message: str, at: datetime) -> DemandStep:
    """The first step, told only where it failed."""
    return DemandStep(1, "TestConnection", "Test connection", "failure", message, at, {"ErrorCode": code})


def import_step(entry: Entry, compiled: CompiledMapping | None, at: datetime) -> DemandStep:
    """What the source says of the object: the attributes that its mapping and filters read."""
    if entry.state == "gone":
        return DemandStep(2, "EntryImport", "Import", "success", "The source does not have it any more.", at)
    state = "is in the recycle bin of the source" if entry.state == "deleted" else "was read"
    details = {} if compiled is None else _source_values(entry, compiled)
    description = f"{entry.key.kind} {reportable_identifier(entry)} {state}."
    return DemandStep(2, "EntryImport", "Import", "success", description, at, details)


def _source_values(entry: Entry, compiled: CompiledMapping) -> dict[str, Json]:
    """The attributes that are read, by name; what a mapping redacts is there, but not its value."""
    read: dict[str, None] = {}
    hidden: set[str] = set()
    for step in compiled.steps:
        if step.expression is not None:
            read.update(dict.fromkeys(sorted(step.expression.attributes)))
            hidden |= step.expression.attributes if is_redacted(step) else set()
        elif step.attribute.source.type == "Attribute":
            read[step.attribute.source.text] = None
            hidden |= {step.attribute.source.text} if is_redacted(step) else set()
    for group in (*compiled.mapping.filters, *compiled.mapping.input_filters):
        read.update(dict.fromkeys(clause.attribute for clause in group.clauses))
    values = {name: entry.attributes.get(name) for name in read}
    return {
        name: REDACTED if name in hidden else value for name, value in values.items() if value not in (None, "", [])
    }


def scope_step(scope: Scope, at: datetime) -> DemandStep:
    """Whether it is in scope, by each thing that decides it (rule O3)."""
    statuses: Mapping[str, Ended] = {"active": "success", "undecided": "failure"}
    status = statuses.get(scope.verdict, "skipped")
    return DemandStep(3, "EntrySynchronizationScoping", "Scoping", status, scope.reason, at, scope.details)


def match_step(hits: Sequence[Hit], known_id: str | None, record: LogRecord | None, at: datetime) -> DemandStep:
    """What each look-up found, one after another (rule O4)."""
    told = next((step for step in _steps_of(record) if step["provisioningStepType"] == "matching"), None)
    details: dict[str, Json] = {}
    for hit in hits:
        shown: Json = [dict(each) for each in hit.hits]
        details[f"{hit.attribute} {_text(hit.value)}" if hit.attribute else "id"] = hit.problem or shown
    status: Ended = "success"
    if told is not None:
        status, description = _ended(told["status"]), str(told["description"])
    elif known_id is not None:
        description = f"Object {known_id} in the target is linked."
    else:
        description = "No look-up was needed."
    return DemandStep(4, "EntryImport", "Matching", status, description, at, details)


def action_step(record: LogRecord) -> DemandStep:
    """What was done, or why nothing was (rule O5)."""
    last = record.steps[-1]
    details = dict(last["details"]) if isinstance(last["details"], Mapping) else {}
    reason = str(last["description"])
    return DemandStep(5, str(last["name"]), "Export", _ended(record.status), reason, record.at, details)


def _ended(status: Json) -> Ended:
    return status if status in ("success", "skipped", "failure", "warning") else "warning"


def _steps_of(record: LogRecord | None) -> Sequence[Mapping[str, Json]]:
    return () if record is None else record.steps


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@dataclass(frozen=True, slots=True)
class Told:
    """Everything that came to pass with one object. `held`: a guard held its removal back before, and does so still."""

    entry: Entry
    scope: Scope | None
    early: tuple[DemandStep, ...]
    hits: tuple[Hit, ...]
    known_id: str | None
    records: tuple[LogRecord, ...]
    began: datetime
    ended: datetime
    dry_run: bool
    held: bool = False


_HELD = (
    "A guard holds its removal back, and nothing is sent: rollcall job held shows why, rollcall job allow and rollcall job "
    "reject decide, and whoever is named rather than found by a filter is meant."
)


def report_of(told: Told) -> DemandReport:
    """The report of one object, from what was heard on the way."""
    own = [record for record in told.records if not _is_about_references(record)]
    last = own[-1] if own else None
    if told.scope is None:
        reason = f"The job does not provision {told.entry.key.kind.lower()}s: their mapping is switched off."
        return _without_record(told, "EntityTypeNotSupported", reason)
    steps = [*told.early, match_step(told.hits, told.known_id, last, told.began)]
    if not told.records and told.held and told.scope.verdict != "active":
        return _without_record(told, "TooManyDeletes", _HELD, steps)
    if not told.records:
        reason = "Nothing was to do." if told.scope.verdict == "active" else told.scope.reason
        code = "RedundantExport" if told.scope.verdict == "active" else "NotEffectivelyEntitled"
        return _without_record(told, code, reason, steps)
    steps.extend(action_step(record) for record in told.records)
    telling = _telling(told.records)
    return DemandReport(
        key=told.entry.key,
        name=telling.name or reportable_identifier(told.entry),
        result=_ended(telling.status),
        action=telling.action,
        code=telling.code,
        reason=telling.reason,
        began=told.began,
        ended=told.ended,
        steps=tuple(steps),
        modified=tuple(change for record in told.records for change in record.modified),
        target_id=next((record.target_id for record in reversed(told.records) if record.target_id), told.known_id),
        change_id=telling.id,
        dry_run=told.dry_run,
    )


def _without_record(told: Told, code: str, reason: str, steps: Sequence[DemandStep] = ()) -> DemandReport:
    skip = DemandStep(
        5, "EntrySynchronizationSkip", "Export", "skipped", reason, told.ended, {"SkipReason": code},
    )  # fmt: skip
    return DemandReport(
        told.entry.key, reportable_identifier(told.entry), "skipped", "other", code, reason, told.began, told.ended,
        (*(steps or told.early), skip), target_id=told.known_id, dry_run=told.dry_run,
    )  # fmt: skip


def not_connected(key: Key, name: str, step: DemandStep, *, dry_run: bool) -> DemandReport:
    """The report where the application can't be reached: nothing else was tried."""
    code = str(step.details["ErrorCode"])
    return DemandReport(
        key, name, "failure", "other", code, step.description, step.at, step.at, (step,), dry_run=dry_run
    )


def _telling(records: Sequence[LogRecord]) -> LogRecord:
    """The record that tells how it ended: a failure, else what was done, else why nothing was."""
    order = {"failure": 0, "warning": 1, "success": 2, "skipped": 3}
    return min(records, key=lambda record: (order[record.status], _is_about_references(record)))


def _is_about_references(record: LogRecord) -> bool:
    return bool(record.steps[-1]["provisioningStepType"] == "referenceResolution")


_ACTIONS = {"stagedDelete": "StagedDelete", "stagedAction": "StagedAction"}


def to_graph(report: DemandReport, *, application: Mapping[str, Json]) -> dict[str, str]:
    """The report as Graph's provisionOnDemand answers: a pair of two texts, each holding JSON (rule O9).

    `application` has `id` and `displayName` of the service principal. Truth values are texts there, `True` and `False`.
    """
    result = "Skipped" if report.result == "warning" else report.result.capitalize()
    failed = {} if result == "Success" else {"errorCode": report.code, "errorMessage": report.reason}
    value = {
        "action": _ACTIONS.get(report.action, report.action.capitalize()),
        "changeId": report.change_id,
        "startTime": report.began.isoformat(),
        "endTime": report.ended.isoformat(),
        "reportableIdentifier": report.name,
        "modifiedProperties": [
            {"displayName": path, "oldValue": old, "newValue": new} for path, old, new in report.modified
        ],
        "provisioningSteps": [_graph_step(step) for step in sorted(report.steps, key=_graph_place)],
        "statusInfo": {
            "status": result,
            "errorCode": report.code or None,
            "reason": report.reason or None,
            "additionalDetails": None,
            "errorCategory": error_category(report.code) if result == "Failure" else None,
            "recommendedAction": (class_of(report.code).remedy or None) if report.code else None,
        },
        "sourceIdentity": _graph_identity(report.key.id, report.key.kind, report.name),
        "sourceSystem": _graph_system("Rollcall directory", application),
        "targetIdentity": _graph_identity(report.target_id or "", report.key.kind, report.name),
        "targetSystem": _graph_system("customappsso", application),
    }
    return {"key": json.dumps({"result": result, "details": failed}), "value": json.dumps(value)}


_GRAPH_PLACES = {1: 0, 2: 1, 4: 2, 3: 3, 5: 4}
"""In the published answer matching comes before scoping."""


def _graph_place(step: DemandStep) -> int:
    return _GRAPH_PLACES[step.number]


def _graph_step(step: DemandStep) -> dict[str, Json]:
    details = _graph_scope(step.details) if step.type == "Scoping" else _texts(step.details)
    return {
        "name": step.name,
        "type": "Import" if step.type == "Test connection" else step.type,
        "status": step.status.capitalize(),
        "description": step.description,
        "timestamp": step.at.isoformat(),
        "details": details,
    }


_SCOPE_NAMES = {
    "Active in the source system": "IsActive",
    "Assigned to the application": "Assigned",
    "User has the required role": "IsEffectivelyEntitledForProvisioning",
    "Scoping filter evaluation passed": "IsInProvisioningScopeDisplayName",
}
_SCOPE_TOLD_OTHERWISE = frozenset({*_SCOPE_NAMES, "Scope sync all", "ScopeEvaluationResult"})


def _graph_scope(details: Mapping[str, Json]) -> dict[str, Json]:
    """Scope details by their names on the wire; the clauses of the filters are one text, `{}` where there are none."""
    named = {_SCOPE_NAMES[name]: value for name, value in details.items() if name in _SCOPE_NAMES}
    clauses = {name: value for name, value in details.items() if name not in _SCOPE_TOLD_OTHERWISE}
    return {**_texts(named), "ScopeEvaluationResult": json.dumps(clauses)}


def _texts(details: Mapping[str, Json]) -> dict[str, Json]:
    return {name: str(value) if isinstance(value, bool | str) else json.dumps(value) for name, value in details.items()}


def _graph_identity(identifier: str, kind: str, name: str) -> dict[str, Json]:
    return {"id": identifier, "type": kind, "displayName": name, "details": {}}


def _graph_system(name: str, application: Mapping[str, Json]) -> dict[str, Json]:
    return {"id": application.get("id"), "name": name, "details": {"ServicePrincipalId": application.get("id")}}
