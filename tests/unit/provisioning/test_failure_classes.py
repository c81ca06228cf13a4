"""What follows each failure, row by row (rules C9, E1, E3, Q1)."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import rollcall.provisioning
from rollcall.provisioning.connectors.contract import Done, Refused, Unanswered
from rollcall.provisioning.connectors.scim_answers import failure, found, outcome_of_status, queried
from rollcall.provisioning.failure_classes import (
    FAILURE_CLASSES,
    STATUS_CLASSES,
    FailureClass,
    Follows,
    class_of,
    follows,
    follows_in_a_row,
    is_doubtful,
    may_be_about_one,
)
from rollcall.scim_http.answer import Reason
from rollcall.scim_http.answer import Refused as WireRefused
from rollcall.scim_http.answer import Unanswered as WireUnanswered

ROOM = Path(rollcall.provisioning.__file__).parent
SOURCES = sorted(ROOM.rglob("*.py"))

# The codes of Entra's log (§6.1 of the rules) with what follows one of them, and what follows a cycle that ended with it.
NOTHING, RETRY, ESCROW, PAUSE, STOP, QUARANTINE = Follows
CODES = {
    "AttributeValidationFailed": (ESCROW, STOP),
    "Conflict": (ESCROW, STOP),
    "DuplicateSourceEntries": (ESCROW, STOP),
    "DuplicateTargetEntries": (ESCROW, STOP),
    "EntityTypeNotSupported": (ESCROW, STOP),
    "EntryConflict": (ESCROW, STOP),
    "EntryJoiningPropertyValueIsMissing": (NOTHING, STOP),
    "EntrySynchronizationSkipped": (NOTHING, STOP),
    "ImportSkipped": (NOTHING, STOP),
    "InsufficientRights": (ESCROW, STOP),
    "InternalError": (ESCROW, STOP),
    "InternalServerError": (ESCROW, STOP),
    "InvalidAnchor": (ESCROW, STOP),
    "InvalidDomain": (ESCROW, STOP),
    "LicenseLimitExceeded": (ESCROW, STOP),
    "MandatoryFieldsMissing": (ESCROW, STOP),
    "MethodNotAllowed": (ESCROW, STOP),
    "MissingValues": (ESCROW, STOP),
    "NotImplemented": (ESCROW, STOP),
    "NotPermitted": (ESCROW, STOP),
    "SchemaAttributeNotFound": (ESCROW, STOP),
    "SchemaPropertyCanOnlyAcceptValue": (ESCROW, STOP),
    "SystemForCrossDomainIdentityManagementMultipleEntriesInResponse": (ESCROW, STOP),
    "SystemForCrossDomainIdentityManagementServiceIncompatible": (ESCROW, STOP),
    "SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering": (QUARANTINE, QUARANTINE),
    "Timeout": (ESCROW, STOP),
    "TooManyRequests": (RETRY, STOP),
    "UnableToResolveReferenceAttributeValue": (ESCROW, STOP),
    "Unauthorized": (QUARANTINE, QUARANTINE),
    "UnprocessableEntity": (ESCROW, STOP),
    "WebExceptionProtocolError": (ESCROW, QUARANTINE),
}
# Why nothing was sent, which no wait will change.
SKIPS = (
    "NotAttempted",
    "NotEffectivelyEntitled",
    "PlanAwaitsApproval",
    "PlanMoved",
    "RedundantExport",
    "RedundantSoftDelete",
    "SkipOutOfScopeDeletions",
    "TooManyDeletes",
)
GO_BY = {"InternalServerError", "WebExceptionProtocolError", "InternalError", "Timeout", "TooManyRequests"}


@pytest.mark.parametrize("code", sorted(CODES))
def test_each_code_of_entras_log_says_what_follows(code: str) -> None:
    assert (class_of(code).follows, class_of(code).ended) == CODES[code]


@pytest.mark.parametrize("code", SKIPS)
def test_nothing_follows_what_was_left_out_on_purpose(code: str) -> None:
    assert class_of(code).follows is NOTHING


def test_the_table_holds_these_codes_and_no_other() -> None:
    assert set(FAILURE_CLASSES) == {*CODES, *SKIPS}


@pytest.mark.parametrize("code", sorted(FAILURE_CLASSES))
def test_each_failure_has_a_remedy(code: str) -> None:
    if class_of(code).follows is not NOTHING:
        assert class_of(code).remedy.endswith((".", ";"))


@pytest.mark.parametrize("code", sorted(FAILURE_CLASSES))
def test_faults_of_the_service_and_the_network_go_by_with_the_next_cycle(code: str) -> None:
    """E3."""
    assert class_of(code).soon == (code in GO_BY)


def test_what_is_no_code_of_the_log_ends_the_cycle_and_no_more() -> None:
    assert class_of("superseded") == FailureClass("superseded", ESCROW, STOP)


def _module(path: Path) -> ModuleType:
    return importlib.import_module(".".join(("rollcall.provisioning", *path.relative_to(ROOM).with_suffix("").parts)))


_EMITTERS = {"Problem", "Refused", "Unanswered", "Skip", "ValueRefusedError"}


def _emitted(path: Path) -> Iterator[str]:
    """Every text that a module hands to what carries a code: as it stands there, or by the name of a constant."""
    module = _module(path)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        values = [*node.args[:2]] if name in _EMITTERS else []
        values += [keyword.value for keyword in node.keywords if keyword.arg == "code"]
        for value in values:
            text = value.value if isinstance(value, ast.Constant) else None
            if isinstance(value, ast.Name):
                text = getattr(module, value.id, None)
            # Codes of the log are words in capitals without blanks; those of refusals are in small letters.
            if isinstance(text, str) and text.isidentifier() and text[:1].isupper():
                yield text


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOM).as_posix())
def test_every_code_that_the_code_gives_is_in_the_table(path: Path) -> None:
    assert set(_emitted(path)) <= set(FAILURE_CLASSES)


def test_the_search_for_codes_finds_them() -> None:
    found = {code for path in SOURCES for code in _emitted(path)}

    assert {"InternalError", "DuplicateSourceEntries", "NotAttempted", "SkipOutOfScopeDeletions"} <= found


_REFUSED = {reason for reason in Reason if list(Reason).index(reason) < list(Reason).index(Reason.TIMEOUT)}


@pytest.mark.parametrize("reason", Reason)
def test_whatever_a_request_comes_to_has_a_code_of_the_table(reason: Reason) -> None:
    wire = WireRefused(None, reason) if reason in _REFUSED else WireUnanswered(reason)

    assert failure(wire).code in FAILURE_CLASSES


# Each status as a target answers with it: its code, what follows one, whether it is read first, whether it is halved.
STATUSES = [
    (301, "WebExceptionProtocolError", ESCROW, False, False),
    (400, "AttributeValidationFailed", ESCROW, True, True),
    (401, "Unauthorized", QUARANTINE, False, False),
    (402, "UnprocessableEntity", ESCROW, False, False),
    (403, "InsufficientRights", ESCROW, False, False),
    (404, "InvalidAnchor", ESCROW, False, True),
    (405, "MethodNotAllowed", ESCROW, False, False),
    (409, "EntryConflict", ESCROW, True, True),
    (412, "EntryConflict", ESCROW, True, False),
    (413, "UnprocessableEntity", ESCROW, False, True),
    (422, "UnprocessableEntity", ESCROW, False, True),
    (429, "TooManyRequests", RETRY, False, False),
    (501, "NotImplemented", ESCROW, False, False),
]
SCIM_TYPES = [
    (409, "uniqueness", "EntryConflict"),
    (400, "uniqueness", "EntryConflict"),
    (400, "invalidPath", "SchemaAttributeNotFound"),
    (400, "invalidValue", "AttributeValidationFailed"),
    (403, "sensitive", "InsufficientRights"),
]
UNKNOWN = [
    (408, "Timeout", ESCROW),
    (500, "InternalServerError", ESCROW),
    (502, "InternalServerError", ESCROW),
    (503, "InternalServerError", ESCROW),
    (504, "InternalServerError", ESCROW),
    (599, "InternalServerError", ESCROW),
]


@pytest.mark.parametrize(("status", "code", "then", "doubtful", "divisible"), STATUSES)
def test_each_status_of_a_refusal_says_what_follows(
    status: int, code: str, then: Follows, doubtful: bool, divisible: bool
) -> None:
    answer = outcome_of_status(False, status, None)

    assert isinstance(answer, Refused)
    assert (answer.code, follows(answer, 120)) == (code, then)
    assert (is_doubtful(answer), may_be_about_one(answer)) == (doubtful, divisible)


@pytest.mark.parametrize(("status", "scim_type", "code"), SCIM_TYPES)
def test_the_type_of_an_error_says_more_than_its_status(status: int, scim_type: str, code: str) -> None:
    answer = outcome_of_status(False, status, {"status": str(status), "scimType": scim_type})

    assert isinstance(answer, Refused)
    assert answer.code == code


@pytest.mark.parametrize(("status", "code", "then"), UNKNOWN)
def test_a_status_that_says_nothing_of_the_effect_puts_the_object_into_escrow(
    status: int, code: str, then: Follows
) -> None:
    answer = outcome_of_status(False, status, None)

    assert isinstance(answer, Unanswered)
    assert (answer.code, follows(answer, 120)) == (code, then)
    assert not may_be_about_one(answer)


def test_every_status_of_the_table_is_tested() -> None:
    assert set(STATUS_CLASSES) <= {status for status, *_ in STATUSES}


@pytest.mark.parametrize(
    ("code", "wait", "patience", "then"),
    [
        ("TooManyRequests", None, 120.0, RETRY),
        ("TooManyRequests", None, 0.0, ESCROW),
        ("TooManyRequests", 5.0, 120.0, RETRY),
        ("TooManyRequests", 120.0, 120.0, RETRY),
        ("TooManyRequests", 3600.0, 120.0, PAUSE),
        ("InternalServerError", 5.0, 120.0, RETRY),
        ("InternalServerError", 3600.0, 120.0, PAUSE),
        ("AttributeValidationFailed", None, 120.0, ESCROW),
    ],
)
def test_a_target_that_says_when_is_asked_again_then(
    code: str, wait: float | None, patience: float, then: Follows
) -> None:
    """C9."""
    assert follows(Refused(code, "", retry_after_seconds=wait), patience) is then


def test_refused_credentials_are_no_matter_of_patience() -> None:
    """Q1."""
    assert follows(Refused("Unauthorized", "", 401, retry_after_seconds=5, denied=True), 120) is QUARANTINE


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        (Refused("WebExceptionProtocolError", "Nothing listens.", away=True), QUARANTINE),
        (Unanswered("WebExceptionProtocolError", "The connection broke.", away=True), QUARANTINE),
        (Unanswered("Timeout", "No answer.", away=True), STOP),
        (Unanswered("InternalServerError", "Bad gateway.", away=True, status=502), STOP),
        (Unanswered("InternalServerError", "A fault.", status=500), ESCROW),
        (Refused("EntryConflict", "Taken.", 409), ESCROW),
    ],
)
def test_a_target_that_is_away_ends_the_cycle_and_without_connection_the_job_rests(
    answer: Refused | Unanswered, then: Follows
) -> None:
    """Q1: no connection is a quarantine at once; a target that is slow or down is asked again in the next cycle."""
    assert follows_in_a_row(answer) is then


def test_what_was_done_is_not_halved() -> None:
    assert not may_be_about_one(Done())
    assert not may_be_about_one(None)


def test_a_query_that_is_answered_404_is_a_compliance_error() -> None:
    """Q1: 404 instead of 200 on a filter query."""
    gone = WireRefused(404, Reason.NOT_FOUND, detail="No such route.")

    answer = queried(gone)

    assert isinstance(answer, Refused)
    assert follows(answer, 120) is QUARANTINE
    assert "No such route." in answer.reason
    assert isinstance(plain := found(gone), Refused)
    assert plain.code == "InvalidAnchor"
