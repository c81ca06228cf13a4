"""What follows a failure: one table over the codes of the provisioning log, and one over the statuses of HTTP.

Whoever has to decide about a failure asks here: the exporter within a page, the escrows between cycles, the quarantine
after a cycle, and the log for its remedies.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from rollcall.provisioning.connectors.contract import Outcome, Refused, Unanswered


class Follows(StrEnum):
    """What follows a failure."""

    NOTHING = "nothing"
    RETRY = "retry within the page"
    ESCROW = "escrow"
    PAUSE = "pause the job until Retry-After"
    STOP = "stop the cycle"
    QUARANTINE = "quarantine"


@dataclass(frozen=True, slots=True)
class FailureClass:
    """One code of the log.

    `follows`: what follows one failure with it. `ended`: what follows when a cycle ended with it, because the whole target
    answers so. `soon`: it goes by without anybody's doing, so that the next regular cycle tries again (rule E3).
    `at_once`: what was believed was wrong, and a second look in the same cycle often is the cure. `of_data`: the fault lies with
    an object or with the set-up rather than with a service or the network. `remedy`: what somebody can do about it.
    """

    code: str
    follows: Follows = Follows.ESCROW
    ended: Follows = Follows.STOP
    soon: bool = False
    at_once: bool = False
    of_data: bool = True
    remedy: str = ""


INCOMPATIBLE = "SystemForCrossDomainIdentityManagementServiceIncompatible"
INCOMPATIBLE_FILTERING = f"{INCOMPATIBLE}Filtering"
"""A compliance error: a query that finds nothing is to be answered 200 with an empty list (rules C4, Q1)."""

_ROWS = (
    # Faults that go by: of the target, of the network, or of this service (rule E3).
    FailureClass(
        "TooManyRequests", Follows.RETRY, soon=True, of_data=False,
        remedy="None; the pace follows what the application allows.",
    ),
    FailureClass(
        "InternalServerError", soon=True, of_data=False,
        remedy="None; it is tried again. If it stays, look into the application's own log.",
    ),
    FailureClass(
        "WebExceptionProtocolError", ended=Follows.QUARANTINE, soon=True, of_data=False,
        remedy="Check the network and whether the application is up; it is tried again.",
    ),
    FailureClass(
        "Timeout", soon=True, of_data=False,
        remedy="None; it is tried again after reading what the application holds.",
    ),
    FailureClass(
        "InternalError", soon=True, of_data=False,
        remedy="None; it is tried again. If it stays, look into the log of the worker.",
    ),
    # The whole target is not what the job needs (rule Q1).
    FailureClass("Unauthorized", Follows.QUARANTINE, Follows.QUARANTINE, remedy="Enter a valid secret token."),
    FailureClass(
        INCOMPATIBLE_FILTERING, Follows.QUARANTINE, Follows.QUARANTINE, of_data=False,
        remedy="The application must answer a query that finds nothing with 200 and an empty list; check the Tenant URL.",
    ),
    FailureClass(INCOMPATIBLE, of_data=False, remedy="The application's answer is not SCIM; check the URL."),
    # What was believed of an object was wrong.
    FailureClass(
        "EntryConflict", at_once=True,
        remedy="Another object holds a value that must be unique. Change one of the two, or the matching.",
    ),
    FailureClass(
        "Conflict", at_once=True,
        remedy="Another object holds a value that must be unique. Change one of the two, or the matching.",
    ),
    FailureClass("InvalidAnchor", at_once=True, remedy="None; the object is matched again, or made anew."),
    FailureClass(
        "DuplicateSourceEntries", at_once=True,
        remedy="Give the two source objects different values in the matching attribute.",
    ),
    FailureClass(
        "DuplicateTargetEntries", remedy="Remove or rename all but one of the matching objects in the application."
    ),
    FailureClass(
        "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse",
        remedy="Remove or rename all but one of the matching objects in the application.",
    ),
    # The target does not want this of this object.
    FailureClass("InsufficientRights", remedy="Allow the credentials to do this in the application."),
    FailureClass("NotPermitted", remedy="Allow the credentials to do this in the application."),
    FailureClass(
        "MethodNotAllowed", of_data=False, remedy="The application does not offer this operation; adapt the mapping."
    ),
    FailureClass(
        "NotImplemented", of_data=False, remedy="The application does not offer this operation; adapt the mapping."
    ),
    FailureClass(
        "UnprocessableEntity", remedy="The application does not take these values; the reason is its own."
    ),
    FailureClass("InvalidDomain", remedy="The application does not take names of this domain; allow it there."),
    FailureClass("LicenseLimitExceeded", remedy="Buy or free licences in the application."),
    FailureClass("EntityTypeNotSupported", remedy="The application has no such kind of object; disable its mapping."),
    FailureClass("SchemaAttributeNotFound", remedy="The application does not know the attribute; correct the mapping."),
    # The source has not what is needed.
    FailureClass(
        "AttributeValidationFailed", remedy="Correct the attribute in the source or its mapping; the reason names it."
    ),
    FailureClass(
        "SchemaPropertyCanOnlyAcceptValue", remedy="Map a single value to this attribute; the target takes no more."
    ),
    FailureClass("MandatoryFieldsMissing", remedy="Give the object a value in the attribute that the reason names."),
    FailureClass("MissingValues", remedy="Give the object a value in the attribute that the reason names."),
    FailureClass(
        "UnableToResolveReferenceAttributeValue",
        remedy="Bring the object that is referred to into scope; the reference then follows by itself.",
    ),
    # Not failures: why nothing was sent.
    FailureClass(
        "EntryJoiningPropertyValueIsMissing", Follows.NOTHING,
        remedy="Give the object a value in the matching attribute.",
    ),
    FailureClass("ImportSkipped", Follows.NOTHING, remedy="Give the object a value in the matching attribute."),
    FailureClass(
        "TooManyDeletes", Follows.NOTHING,
        remedy="Check source and assignments; then restart the job if the removals are meant.",
    ),
    FailureClass("PlanMoved", Follows.NOTHING, remedy="Make a new plan, and have it approved where the job asks for it."),
    FailureClass("PlanAwaitsApproval", Follows.NOTHING, remedy="Look at the plan: rollcall job plans; approve or reject it."),
    FailureClass("EntrySynchronizationSkipped", Follows.NOTHING),
    FailureClass("NotEffectivelyEntitled", Follows.NOTHING),
    FailureClass("RedundantExport", Follows.NOTHING),
    FailureClass("RedundantSoftDelete", Follows.NOTHING),
    FailureClass("SkipOutOfScopeDeletions", Follows.NOTHING),
    FailureClass("NotAttempted", Follows.NOTHING),
)  # fmt: skip

FAILURE_CLASSES = {row.code: row for row in _ROWS}
"""Every code of the log by its name."""


def class_of(code: str) -> FailureClass:
    """The row of a code; what is no code of the log, such as why a cycle was cut off, ends the cycle and no more."""
    return FAILURE_CLASSES.get(code) or FailureClass(code)


@dataclass(frozen=True, slots=True)
class StatusClass:
    """What a refusal with one HTTP status says.

    `doubtful`: the resource may not be what is believed, so it is read before the next attempt. `divisible`: it may be
    about one of many references in the request, so the request is halved until that one is found.
    """

    status: int
    doubtful: bool = False
    divisible: bool = False


STATUS_CLASSES = {
    row.status: row
    for row in (
        StatusClass(400, doubtful=True, divisible=True),
        StatusClass(404, divisible=True),  # the resource is gone; nothing is left to be read
        StatusClass(409, doubtful=True, divisible=True),
        StatusClass(412, doubtful=True),
        StatusClass(413, divisible=True),
        StatusClass(422, divisible=True),
    )
}
"""Statuses of refusals that say more than that this request was refused."""


def follows(answer: Refused | Unanswered, patience_seconds: float) -> Follows:
    """What follows one answer; `patience_seconds`: how much longer its request may wait within its page (rule C9)."""
    if isinstance(answer, Refused) and answer.denied:
        return Follows.QUARANTINE
    wait = answer.retry_after_seconds if isinstance(answer, Refused) else None
    if wait is not None:
        return Follows.RETRY if wait <= patience_seconds else Follows.PAUSE
    of_code = class_of(answer.code).follows
    return Follows.ESCROW if of_code is Follows.RETRY and patience_seconds <= 0 else of_code


def follows_in_a_row(answer: Refused | Unanswered) -> Follows:
    """What follows when one answer after the other is like this one: the whole target is away (rule Q1), or nothing more."""
    return class_of(answer.code).ended if answer.away else Follows.ESCROW


def is_doubtful(answer: Refused) -> bool:
    """Whether the resource may not be what is believed, so that it has to be read before the next attempt."""
    return answer.status in STATUS_CLASSES and STATUS_CLASSES[answer.status].doubtful


def may_be_about_one(answer: Outcome | None) -> bool:
    """Whether a request with many references may have been refused because of a single one."""
    if not isinstance(answer, Refused):
        return False
    return answer.status in STATUS_CLASSES and STATUS_CLASSES[answer.status].divisible
