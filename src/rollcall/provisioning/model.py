"""The nouns of provisioning as values: what an entry is, what is wanted, what is known, what is planned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, NamedTuple

Json = Any
Values = dict[str, Json]
"""Attribute values by the target's attribute path, e.g. `phoneNumbers[type eq "mobile"].value`."""


class Key(NamedTuple):
    """A source object: its kind (`User`, `Group`) and its identifier in the source."""

    kind: str
    id: str


class ReferenceKey(NamedTuple):
    """A tie between two source objects through one target attribute, e.g. a group's `members`."""

    source: Key
    attribute: str
    referenced: Key


@dataclass(frozen=True, slots=True)
class Entry:
    """A source object as it is now.

    `state` is `present`, `deleted` (soft, may come back) or `gone` (purged, or never there).
    `attributes` carry the source's names; `assigned_by` says in words why it is assigned; `roles` are the
    application roles it is assigned in, each with `id`, `value` and `displayName`. `changed_at`: when the change that it
    is here for was made, where the source knows.
    """

    key: Key
    state: Literal["present", "deleted", "gone"]
    attributes: Mapping[str, Json] = field(default_factory=dict)
    assigned: bool = False
    assigned_by: tuple[str, ...] = ()
    roles: tuple[Mapping[str, Json], ...] = ()
    changed_at: datetime | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Tie:
    """Whether one reference of the source exists now."""

    key: ReferenceKey
    present: bool


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A group inside an assigned group `inside` that a job which takes direct members only leaves out (rule S2).

    `people`: how many of those in it come in by no other way; with `or_more` there may be more.
    """

    key: Key
    name: str
    inside: Key
    inside_name: str
    people: int
    or_more: bool


@dataclass(frozen=True, slots=True)
class MappingSource:
    """Where a mapped value comes from: an attribute, a constant, an expression, or nowhere."""

    type: Literal["Attribute", "Constant", "Function", "None"]
    text: str = ""


AttributeTypeName = Literal["String", "Boolean", "Integer", "Reference", "DateTime", "Binary"]
"""The types of Graph's attributeDefinition."""


@dataclass(frozen=True, slots=True)
class SourceAttribute:
    """One attribute of a source object, as the source's schema defines it."""

    name: str
    type: AttributeTypeName = "String"
    multivalued: bool = False


@dataclass(frozen=True, slots=True)
class TargetAttribute:
    """One attribute of a target resource, as the job's schema defines it (rule A8). `name` is its path.

    `case_exact` None: what the SCIM schema says.
    """

    name: str
    type: AttributeTypeName = "String"
    required: bool = False
    multivalued: bool = False
    case_exact: bool | None = None
    mutability: str = "ReadWrite"


FlowType = Literal["Always", "ObjectAddOnly", "MultiValueAddOnly", "ValueAddOnly", "AttributeAddOnly"]
"""When a mapped value flows to a resource that is there (rule A3); to a new one all of them do.

Graph names these without saying what they mean. Here: `ObjectAddOnly` never. `MultiValueAddOnly`: values of a
multi-valued attribute are added and never taken away; a single value flows as with `Always`. `ValueAddOnly`: as that,
and a single value flows only while the target has none. `AttributeAddOnly`: only while the attribute is empty.
"""


@dataclass(frozen=True, slots=True)
class TargetRule:
    """How the values of one mapped target attribute are typed, compared and written (rules A3, A6, A7, A8).

    `type` in the words of RFC 7643 §2.3; `multivalued`: the value is a list, compared without order;
    `case_exact`: a difference in letter case alone counts; `required`: no resource may be without it.
    """

    type: str = "string"
    multivalued: bool = False
    case_exact: bool = True
    required: bool = False
    flow_type: FlowType = "Always"


@dataclass(frozen=True, slots=True)
class FilterClause:
    """One clause of a scoping filter (Graph filterClause); `values` is empty for operators without an operand."""

    attribute: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FilterGroup:
    """One scoping filter: all of its clauses have to hold (rule S6)."""

    name: str
    clauses: tuple[FilterClause, ...]


@dataclass(frozen=True, slots=True)
class AttributeMapping:
    """One attribute of the target and how its value comes about (engine rules A1–A6).

    `clear_when_null` clears the target when the source has no value; Entra never does (A5).
    """

    target: str
    source: MappingSource
    default: Json = None
    flow_type: FlowType = "Always"
    flow_behavior: str = "FlowWhenChanged"
    matching_priority: int = 0
    clear_when_null: bool = False


@dataclass(frozen=True, slots=True)
class ObjectMapping:
    """How one kind of source object becomes one kind of target resource (Graph objectMapping).

    `create`, `update`, `delete` are the object actions of rule A13. `filters`: an object is in scope when one of
    them holds, or there is none (S6); `input_filters` likewise, but who fails them is left alone instead of
    deprovisioned. `target_attributes`: what the job's schema says of target attributes, by path.
    """

    kind: str
    attributes: tuple[AttributeMapping, ...]
    enabled: bool = True
    create: bool = True
    update: bool = True
    delete: bool = True
    filters: tuple[FilterGroup, ...] = ()
    input_filters: tuple[FilterGroup, ...] = ()
    target_attributes: Mapping[str, TargetAttribute] = field(default_factory=dict)


NestedGroups = Literal["direct", "flatten", "mirror"]
RequestProfile = Literal["rfc", "entra", "entra-aadOptscim062020", "okta"]
RetrySchedule = Literal["swift", "entra"]
QuarantineThresholds = Literal["proportional", "entra"]
Approval = Literal["never", "always", "removals", "over"]


@dataclass(frozen=True, slots=True)
class JobSettings:
    """What a job is told beside its mappings.

    `deletion_threshold`: from this count on a cycle holds its removals back (rule P2); None switches it off.
    `members_per_request`: how many references one PATCH may carry.
    `nested_groups`: whom an assigned group stands for. `direct`: its direct members, as in Entra (S2); `flatten`:
    also the members of groups inside it, as its own; `mirror`: the groups inside it too, as groups.
    `soft_delete`: whether the target can disable; without it who leaves is deleted (D2).
    `delete_after_days`: who was disabled so long ago is deleted; 0: never.
    `request_profile`: whose requests the target is sent. `bulk`: many changes in one request where the target offers it.
    `requests_per_second`: the most requests the target is sent; 0: as many as it takes. `retry_schedule`: when what failed
    is tried again (rules E1, E2); `quarantine_thresholds`: how many failures put the job into quarantine (rule Q2).
    `deletion_percent`: removals are held back from this share of the linked objects within a day on, `deletions_per_day`
    from so many within a day on, `membership_removal_threshold`: members taken out of groups in one cycle; each None: no
    such limit.
    `source_anomaly_check`: whether nothing is removed while the source looks broken.
    `approval`: which cycles wait until somebody approves their plan; `approval_over`: with `over`, a plan of more
    objects and references than this waits; `approval_expires_hours`: how long a plan waits.
    `notification_emails`, `notify_on_failure`: whom a mail tells that the job needs somebody (rule P1).
    """

    scope: Literal["assigned", "all"] = "assigned"
    interval_seconds: float = 40.0
    skip_out_of_scope_deletions: bool = False
    deletion_threshold: int | None = 500
    members_per_request: int = 500
    concurrency: int = 16
    page_size: int = 500
    nested_groups: NestedGroups = "direct"
    soft_delete: bool = True
    delete_after_days: float = 0
    request_profile: RequestProfile = "rfc"
    bulk: bool = True
    requests_per_second: float = 0
    retry_schedule: RetrySchedule = "swift"
    quarantine_thresholds: QuarantineThresholds = "proportional"
    deletion_percent: float | None = 25
    deletions_per_day: int | None = 1000
    membership_removal_threshold: int | None = None
    source_anomaly_check: bool = True
    approval: Approval = "never"
    approval_over: int = 100
    approval_expires_hours: float = 72
    notification_emails: tuple[str, ...] = ()
    notify_on_failure: bool = False


@dataclass(frozen=True, slots=True)
class ClauseVerdict:
    """How one clause of a scoping filter came out for one object.

    `filter` is the filter's name, `number` its place among the mapping's from 0, `is_input` whether it is one of the
    input filters. `operator` is its canonical name, `operand` None where it takes none. `value` is the source's value, or
    `[Redact]` where a mapping hides it. `holds` is None when it could not be decided; then `problem` says why.
    """

    filter: str
    number: int
    is_input: bool
    attribute: str
    operator: str
    operand: str | None
    value: Json
    holds: bool | None
    problem: str = ""


ScopeVerdict = Literal["active", "inactive", "out", "gone", "ignored", "undecided"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Whether an entry is in scope, with the reason and the details the log shows (rule O3).

    `verdict`: `active` (should be there and usable), `inactive` (must not be usable: IsSoftDeleted),
    `out` (a group that must not be there), `gone` (must not exist any more), `ignored` (an input filter says to leave
    it alone, whatever it is in the target), `undecided` (a filter could not be evaluated, so it stays as it is).
    `clauses`: how each clause of the filters came out.
    """

    verdict: ScopeVerdict
    reason: str
    details: Mapping[str, Json] = field(default_factory=dict)
    clauses: tuple[ClauseVerdict, ...] = ()


@dataclass(frozen=True, slots=True)
class Desired:
    """A resource as it should be in the target.

    `values` flow always, `on_create` only when the resource is made; `references` by attribute;
    `matching` in order of precedence; `cleared` are attributes to empty; `disables`: some
    value depends on IsSoftDeleted; `redacted`: values of these attributes are shown
    nowhere; `problem` says why no resource could be worked out. `rules`: how each attribute is compared and
    written; `missing`: required attributes for which there is no value, so that no resource can be made (A7).
    """

    key: Key
    name: str
    values: Values
    on_create: Values
    matching: tuple[tuple[str, Json], ...]
    references: Mapping[str, tuple[Key, ...]]
    cleared: tuple[str, ...] = ()
    always: frozenset[str] = frozenset()
    disables: bool = False
    redacted: frozenset[str] = frozenset()
    problem: Problem | None = None
    rules: Mapping[str, TargetRule] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something could not be done: a code of Entra's provisioning log and a sentence."""

    code: str
    reason: str


LinkState = Literal["absent", "linked", "uncertain"]
Staged = Literal["", "counting", "judged", "held", "allowed"]
"""How far the guards are with the removal of an object: kept back until the cycle's removals are counted, found too many
and not told yet, held back until somebody decides, allowed by somebody and not carried out yet (rules P3, P4)."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """The last request for something that failed, and its answer, as they are kept: bounded, and without hidden values.

    `body`: what was sent, None for nothing, the beginning of its JSON as text where it is large. `status` None: no answer.
    `number`: how many references the request was about, 0 where it was about an object itself.
    """

    at: datetime
    method: str
    path: str
    body: Json = None
    status: int | None = None
    answer: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Escrow:
    """Something that failed: how often in a row, since when, why, and when it is tried again.

    `given_up`: not by itself any more, only when it changes, when everything is evaluated again, or when somebody asks.
    """

    attempts: int
    first_failed: datetime
    next_attempt: datetime
    code: str
    reason: str
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Link:
    """What is remembered of one source object in the target.

    `state`: `absent` nothing is there; `linked` the resource `target_id` is there and carries `sent`;
    `uncertain` a request went out whose effect is not known, so it has to be read first.
    `intent_matching` are the values under which an uncertain creation has to be looked for.
    `left_alone`: an input filter keeps the job from changing it, its references included.
    `members_pending`: the source's whole list of members is still to be compared.
    `withheld`: its removal is kept back; `staged` says how far the guards are with it, `staging` in which lot.
    `disabled`: it has been disabled, or may have been. `disabled_at`: since when it is disabled, or out of scope
    without a way to disable it; the days to its deletion count from there. `filled`: the source attributes, of those that
    flow as they are or that filters ask for, that had a value when the object was looked at last.
    """

    key: Key
    name: str = ""
    state: LinkState = "absent"
    target_id: str | None = None
    sent: Values = field(default_factory=dict)
    disabled: bool = False
    intent_matching: tuple[tuple[str, Json], ...] = ()
    generation: int = 0
    members_pending: bool = False
    withheld: bool = False
    escrow: Escrow | None = None
    disabled_at: datetime | None = None
    left_alone: bool = False
    staged: Staged = ""
    staging: str | None = None
    filled: tuple[str, ...] = ()

    @property
    def may_exist(self) -> bool:
        """Whether the target may hold a resource for this object."""
        return self.state != "absent"

    def forgotten(self) -> Link:
        """The same object without anything in the target."""
        return replace(
            self,
            state="absent",
            target_id=None,
            sent={},
            disabled=False,
            intent_matching=(),
            withheld=False,
            disabled_at=None,
            staged="",
            staging=None,
        )


@dataclass(frozen=True, slots=True)
class Reference:
    """What is remembered of one reference: whether the source wants it, and its state in the target.

    The target ids are those of its two ends where the ends are linked and certain, else None. `escrow`: how it failed.
    `referenced_name`: what the job last knew that end by, empty for one that it never dealt with. `allowed`: somebody
    allowed its removal, so that no guard counts it.
    """

    key: ReferenceKey
    wanted: bool
    state: Literal["absent", "present", "uncertain"] = "absent"
    source_target_id: str | None = None
    referenced_target_id: str | None = None
    escrow: Escrow | None = None
    referenced_name: str = ""
    allowed: bool = False


@dataclass(frozen=True, slots=True)
class PatchOperation:
    """One operation of a PATCH as it is sent (RFC 7644 §3.5.2); `path` is None for a path-less one.

    `op` is add, replace or remove, in the letter case of the job's request profile.
    """

    op: str
    path: str | None
    value: Json = None


@dataclass(frozen=True, slots=True)
class UnsentRequest:
    """A request as it would be sent: method, path below the Tenant URL, and body."""

    method: str
    path: str
    body: Json


Action = Literal["create", "update", "disable", "delete"]


@dataclass(frozen=True, slots=True)
class Operation:
    """One request that is planned for one object.

    `values` are what the target will carry afterwards, `changes` old and new value by attribute path,
    `patch` what an update sends. `reason` says why where the action alone does not. `interim`: the values are
    not those that are wanted, so the object is looked at again at once.
    """

    key: Key
    action: Action
    target_id: str | None
    values: Values
    changes: tuple[tuple[str, Json, Json], ...] = ()
    patch: tuple[PatchOperation, ...] = ()
    matching: tuple[tuple[str, Json], ...] = ()
    reason: str = ""
    interim: bool = False


@dataclass(frozen=True, slots=True)
class Skip:
    """Why nothing is sent for one object. `failed` marks a fault rather than a choice."""

    key: Key
    code: str
    reason: str
    failed: bool = False
    silent: bool = False


@dataclass(frozen=True, slots=True)
class ReferenceOperation:
    """One request for references that start at one object: `added` and `removed` rows go into it."""

    source: Key
    target_id: str
    attribute: str
    added: tuple[Reference, ...]
    removed: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a page would do: operations in waves, skips with their reasons, and what the guards keep back.

    `withheld`: removals that are held back now, `held_because` with the evidence and `staging` as a lot. `counting`: those kept back
    until all of the cycle are counted. `kept`: those an earlier cycle held back. `unguarded`: those somebody allowed.
    """

    waves: tuple[tuple[Operation, ...], ...]
    skips: tuple[Skip, ...]
    withheld: tuple[Operation, ...] = ()
    held_because: str = ""
    staging: str | None = None
    counting: tuple[Operation, ...] = ()
    kept: tuple[Operation, ...] = ()
    unguarded: frozenset[Key] = frozenset()

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations in their order."""
        return tuple(operation for wave in self.waves for operation in wave)


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One line of the provisioning log: one object, one operation with the fields of Entra's provisioning log."""

    id: str
    at: datetime
    cycle_id: str
    key: Key
    name: str
    target_id: str | None
    action: str
    status: Literal["success", "failure", "skipped", "warning"]
    code: str
    reason: str
    duration_milliseconds: int
    steps: tuple[Mapping[str, Json], ...]
    modified: tuple[tuple[str, Json, Json], ...]
