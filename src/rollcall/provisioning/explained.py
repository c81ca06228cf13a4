"""Why an object is what it is in a target: the explanation as values, and the words for what is known."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from rollcall.provisioning.connectors.whole_resource import changed_resource
from rollcall.provisioning.guards import advice
from rollcall.provisioning.ledger_contract import KeptReference, Lot
from rollcall.provisioning.mapping_explain import MappedValue
from rollcall.provisioning.model import (
    Entry,
    Escrow,
    Json,
    Key,
    Link,
    LogRecord,
    PatchOperation,
    Scope,
    UnsentRequest,
    Values,
)
from rollcall.provisioning.target_schema import build_resource, read_value, read_values
from rollcall.scim.error import ScimError


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What the source says of an object: its state, whether it is active, by what it is assigned, in which roles."""

    state: str
    active: bool
    assigned: bool
    assigned_by: tuple[str, ...]
    roles: tuple[Mapping[str, Json], ...]


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """What is remembered of an object in the target.

    `how` says in words how it came to be linked, `since` when; `deleted_after` when what is disabled is deleted, if the
    job says so. `escrow`: what failed, how often, and the next attempt. `held_because`: what a guard objected to when it
    held the removal back.
    """

    state: str
    target_id: str | None
    how: str
    since: datetime | None
    disabled: bool
    disabled_at: datetime | None
    withheld: bool
    sent: Values
    escrow: Escrow | None
    deleted_after: datetime | None = None
    held_because: str = ""


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """One reference that starts or ends at an object: of whom, to whom, and what becomes of it.

    `state`: there as wanted, wanted and to come, unwanted and to go, or `absent`, as wanted.
    """

    attribute: str
    source: Key
    source_name: str
    referenced: Key
    referenced_name: str
    state: Literal["present", "waiting", "leaving", "absent"]
    why: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """What would be sent now, or why nothing.

    `action` is create, update, disable, delete, a staged one, or none; `requests` are method, path and body in their
    order. `code` and `reason` say why nothing is sent; `changes` are attribute, old and new value. `problem` says what
    could not be asked of the target; `obstacle` in one clause what keeps from sending something that is due.
    """

    action: str
    code: str
    reason: str
    changes: tuple[tuple[str, Json, Json], ...]
    requests: tuple[UnsentRequest, ...]
    problem: str | None = None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class PastStep:
    """What the log tells of one operation.

    `request` is method and path, `http_status` the answer's; `scoping` are the details of the step of that name;
    `changes` are attribute, old and new value as they were sent or tried.
    """

    at: datetime
    cycle_id: str
    action: str
    status: str
    code: str
    reason: str
    target_id: str | None
    duration_milliseconds: int
    request: str
    http_status: int | None
    scoping: Mapping[str, Json]
    changes: tuple[tuple[str, Json, Json], ...]
    steps: tuple[Mapping[str, Json], ...]


@dataclass(frozen=True, slots=True)
class ExplainedObject:
    """Why an object is what it is in the target of a job, now or at a past moment.

    Of a past moment only the log tells: `source`, `scope`, `mappings`, `link`, `references` and `next` are then empty,
    `record` is the one that held then, `last` the last one with a request, and `values` what the target was told up to
    then. `silence` says why there is no record. `nothing_flows` says why nothing at all is sent of the mapped values.
    """

    job_id: str
    job: str
    key: Key
    name: str
    at: datetime
    past: bool
    verdict: str
    source: SourceFacts | None = None
    scope: Scope | None = None
    mappings: tuple[MappedValue, ...] = ()
    nothing_flows: str = ""
    link: LinkFacts | None = None
    references: tuple[ReferenceFacts, ...] = ()
    references_present: int = 0
    references_open: int = 0
    next: NextStep | None = None
    record: PastStep | None = None
    last: PastStep | None = None
    values: Values | None = None
    silence: str = ""


def source_facts(entry: Entry, *, active: bool) -> SourceFacts:
    """What the source says, as facts."""
    return SourceFacts(entry.state, active, entry.assigned, tuple(entry.assigned_by), tuple(entry.roles))


def verdict_of(scope: Scope | None, link: Link | None, step: NextStep | None, kind: str) -> str:
    """The decision: in scope or not and why, in the application or not, and what comes next."""
    if scope is None:
        return f"The job does not provision {kind.lower()}s: their mapping is switched off."
    there = link is not None and link.state == "linked"
    where = "in the application" if there else "not in the application"
    if link is not None and link.state == "uncertain":
        where = "perhaps in the application, which will be looked up"
    held = link.disabled if link is not None else False
    where += ", disabled" if there and held else ""
    stand = {
        "active": "In scope",
        "inactive": "Not in scope",
        "out": "Not in scope",
        "gone": "Gone from the source",
        "ignored": "Left alone",
        "undecided": "Undecided",
    }[scope.verdict]
    return f"{stand}, {where}. {scope.reason}{_what_next(step, None if link is None else link.escrow)}"


def _what_next(step: NextStep | None, escrow: Escrow | None) -> str:
    if step is not None and step.obstacle:
        return f" Nothing is sent: {step.obstacle}."
    if step is None or step.action == "none":
        return ""
    if step.action in _STAGED:
        return f" Its {_STAGED[step.action]} is held back until somebody allows or rejects it."
    if escrow is not None and escrow.given_up:
        return f" It failed and is given up; when it changes or is retried, a cycle would {step.action} it."
    if escrow is not None:
        return f" It failed; after {escrow.next_attempt:%Y-%m-%d %H:%M:%S} UTC a cycle would {step.action} it."
    return f" The next cycle would {step.action} it."


_STAGED = {"stagedAction": "disabling", "stagedDelete": "deletion"}


def nothing_flows(scope: Scope, link: Link | None, kind: str) -> str:
    """Why no mapped value is sent, whatever it is: of who is left alone, or has no account and gets none; else empty."""
    who = "somebody who" if kind == "User" else f"a {kind.lower()} that"
    if scope.verdict == "ignored":
        return f"nothing is sent for {who} is left alone"
    if scope.verdict == "undecided":
        return f"nothing is sent for {who} is undecided"
    if scope.verdict != "active" and (link is None or not link.may_exist):
        return f"nothing is sent for {who} is not provisioned"
    return ""


def link_facts(
    link: Link, records: Sequence[Mapping[str, Any]], hidden: Collection[str], shown: str, delete_after_days: float = 0
) -> LinkFacts:
    """What is remembered, with how it came to be; values of the attributes in `hidden` are replaced by `shown`."""
    kept = link.disabled_at if link.key.kind == "User" and delete_after_days else None
    deleted_after = None if kept is None else kept + timedelta(days=delete_after_days)
    how, since = _how_linked(link, records)
    sent = {path: shown if path in hidden else value for path, value in link.sent.items()}
    return LinkFacts(
        link.state,
        link.target_id,
        how,
        since,
        link.disabled,
        link.disabled_at,
        link.withheld,
        sent,
        link.escrow,
        deleted_after,
    )


def _how_linked(link: Link, records: Sequence[Mapping[str, Any]]) -> tuple[str, datetime | None]:
    """How and when an object was linked, out of its log records, newest first."""
    if link.state == "absent":
        return "nothing of it is in the application as far as is known", None
    if link.target_id is None:
        return "a request to make it was not answered, so it is looked up before anything else", None
    for record in records:
        if record["action"] == "create" and record["status"] == "success":
            return "made by this job", record["at"]
        if record["action"] == "delete" and record["status"] == "success":
            break
    matched = [record for record in records if record["target_id"] == link.target_id]
    first = matched[-1] if matched else None
    step = next((each for each in (first or {}).get("steps", ()) if each["provisioningStepType"] == "matching"), None)
    if first is None or step is None or not step["details"]:
        return "linked earlier than the log reaches", None
    tried = ", ".join(str(name) for name in step["details"])
    return f"found in the application by its {tried}", first["at"]


def reference_facts(
    kept: KeptReference, links: Mapping[Key, Link], names: Mapping[Key, str], kinds: Collection[str]
) -> ReferenceFacts:
    """What becomes of a reference, and what it waits for."""
    source, referenced = kept.key.source, kept.key.referenced
    state, why = _reference_state(kept, links, names, kinds)
    return ReferenceFacts(
        kept.key.attribute,
        source,
        names.get(source, source.id),
        referenced,
        names.get(referenced, referenced.id),
        state,
        why,
    )


def _reference_state(
    kept: KeptReference, links: Mapping[Key, Link], names: Mapping[Key, str], kinds: Collection[str]
) -> tuple[Literal["present", "waiting", "leaving", "absent"], str]:
    if kept.state == "uncertain":
        return "waiting" if kept.wanted else "leaving", "it was sent without an answer, so it is sent again"
    if kept.wanted and kept.state == "present":
        return "present", "in the application"
    if not kept.wanted and kept.state == "absent":
        return "absent", "not wanted, and not in the application"
    state: Literal["waiting", "leaving"] = "waiting" if kept.wanted else "leaving"
    for end in (kept.key.source, kept.key.referenced):
        name = names.get(end, end.id)
        if end.kind not in kinds:
            return state, f"waits for {name}: the job does not provision {end.kind.lower()}s"
        link = links.get(end)
        if link is None or link.state != "linked":
            because = f", which failed: {link.escrow.reason}" if link is not None and link.escrow is not None else ""
            return state, f"waits until {name} is in the application{because}"
    if kept.escrow is not None:
        if kept.escrow.given_up:
            return state, f"was refused {kept.escrow.attempts} times and is given up: rollcall job failures retry"
        again = f"{kept.escrow.next_attempt:%Y-%m-%d %H:%M:%S}"
        return state, f"was refused {kept.escrow.attempts} times and is tried again at {again} UTC"
    return state, "is added in the next cycle" if kept.wanted else "is taken out in the next cycle"


def next_step(
    records: Sequence[LogRecord],
    requests: Sequence[UnsentRequest],
    scope: Scope,
    link: Link | None,
    stopped: str | None,
) -> NextStep:
    """What a rehearsal of this object alone came to. `records`: its log lines of the rehearsal."""
    record = next((each for each in records if each.steps and len(each.steps) > 1), None)
    if record is None and stopped is not None:
        return NextStep("none", "NotAttempted", "", (), (), stopped, _NOT_ASKED)
    if record is None:
        reason = f"{scope.reason} The application does not know it, so there is nothing to do."
        return NextStep("none", "NotEffectivelyEntitled", reason, (), tuple(requests))
    action = record.action if record.action != "other" else "none"
    failed = record.status == "failure"
    reason = link.escrow.reason if failed and link is not None and link.escrow is not None else record.reason
    asked = any(step["provisioningStepType"] == "matching" and step["status"] == "failure" for step in record.steps)
    problem = reason if failed and asked and record.code not in _FOUND else None
    clause = _NOT_ASKED if problem is not None else _FOUND.get(record.code) or _clause(reason)
    in_the_way = action == "none" and record.code not in _AS_IT_SHOULD_BE and not reason.startswith(scope.reason)
    obstacle = clause if in_the_way else ""
    return NextStep(action, record.code, reason, record.modified, tuple(requests), problem, obstacle)


_NOT_ASKED = "the application could not be asked"
_AS_IT_SHOULD_BE = ("RedundantExport", "RedundantSoftDelete")
# What came to light by asking the application or the source.
_FOUND = {
    "DuplicateTargetEntries": "several objects in the application match it",
    "DuplicateSourceEntries": "another object of the source claims the same object of the application",
    "EntryJoiningPropertyValueIsMissing": "no matching attribute has a value",
}


def _clause(reason: str) -> str:
    """The first sentence, as the rest of another one."""
    first = reason.partition(". ")[0].rstrip(".")
    return first[:1].lower() + first[1:] if first.startswith(("The ", "No ", "It ")) else first


def held_back(step: NextStep, lot: Lot | None) -> NextStep:
    """The same step for somebody whose removal a cycle held back in a lot: nothing is sent until somebody decides.

    What is no removal stays as it is: it goes out when the source has changed.
    """
    staged = {"disable": "stagedAction", "delete": "stagedDelete"}.get(step.action)
    if staged is None:
        return step
    reason = f"This {step.action} is kept back until the removals of its cycle are counted (rule P2)."
    if lot is not None:
        objected = lot.objection
        reason = (
            f"A cycle held this {step.action} back on {lot.at:%Y-%m-%d %H:%M:%S} UTC, and none sends it until somebody "
            f"decides (rules P3, P4). {objected.because} {advice(objected.guard)}"
        )
    return NextStep(staged, "TooManyDeletes", reason, step.changes, (), step.problem)


def past_step(record: Mapping[str, Any]) -> PastStep:
    """One row of the log as a step."""
    exported = _step(record, "export") or _step(record, "referenceResolution") or {}
    details = exported.get("details", {})
    return PastStep(
        record["at"],
        str(record["cycle_id"]),
        record["action"],
        record["status"],
        record["code"],
        record["reason"],
        record["target_id"],
        record["duration_milliseconds"],
        details.get("Request", ""),
        details.get("HttpStatus"),
        (_step(record, "scoping") or {}).get("details", {}),
        tuple((path, old, new) for path, old, new in record["modified"]),
        tuple(record["steps"]),
    )


def _step(record: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    return next((step for step in record["steps"] if step["provisioningStepType"] == kind), None)


def is_about_the_object(record: Mapping[str, Any]) -> bool:
    """Whether a record tells of the object itself rather than of references that start at it."""
    return _step(record, "referenceResolution") is None


def was_sent(record: Mapping[str, Any]) -> bool:
    """Whether a record has a request behind it."""
    return _step(record, "export") is not None or _step(record, "referenceResolution") is not None


def values_told(kind: str, records: Sequence[Mapping[str, Any]]) -> Values:
    """What the target had been told of an object, out of its records up to a moment, newest first."""
    values: Values = {}
    for record in reversed(records):
        if record["status"] != "success" or not is_about_the_object(record):
            continue
        if record["action"] in ("create", "delete"):
            values = {}
        for path, _, new in record["modified"] if record["action"] != "delete" else ():
            values = _told(kind, values, path, new)
    return dict(sorted(values.items()))


def _told(kind: str, values: Values, path: str, new: Json) -> Values:
    """The values after one more: it takes the place of its parts, and changes a whole attribute that it is part of."""
    whole = next((each for each in values if each != path and _is_part(path, each)), None)
    if whole is not None:
        operation = PatchOperation("remove", path) if new is None else PatchOperation("replace", path, new)
        if not isinstance(values[whole], list | Mapping):
            return values  # it is hidden, and so are its parts
        try:
            changed = changed_resource(kind, build_resource(kind, {whole: values[whole]}), [operation])
        except ScimError:
            return {**values, path: new}
        left = read_values(changed, whole) if isinstance(values[whole], list) else read_value(changed, whole)
        return {each: value for each, value in {**values, whole: left}.items() if value not in (None, [], {})}
    kept = {each: value for each, value in values.items() if not _is_part(each, path)}
    return kept if new is None else {**kept, path: new}


def _is_part(path: str, whole: str) -> bool:
    """Whether a path is another one or inside of what that names."""
    part, outer = path.casefold(), whole.casefold()
    return part == outer or part.startswith((f"{outer}.", f"{outer}["))


def silence(at: datetime, created: datetime, kept_since: datetime, first: Mapping[str, Any] | None) -> str:
    """Why the log says nothing of an object up to a moment."""
    if at < created:
        return f"The job did not exist yet; it was made at {created:%Y-%m-%d %H:%M:%S} UTC."
    if at < kept_since:
        return f"The log reaches back to {kept_since:%Y-%m-%d %H:%M:%S} UTC; older records are forgotten."
    later = f" The first record is of {first['at']:%Y-%m-%d %H:%M:%S} UTC." if first is not None else ""
    return (
        "The log has no record of it up to then: it had never been assigned, or no cycle had looked at it yet. Objects "
        f"that never had to do with the application leave no record.{later}"
    )
