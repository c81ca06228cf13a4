"""What a SCIM service provider's answers come to: outcomes in the words of the contract, and verdicts of a test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from rollcall.provisioning.connectors.contract import Done, Found, Outcome, Refused, Unanswered, Verdict
from rollcall.provisioning.model import Json
from rollcall.provisioning.target_schema import storable_text
from rollcall.scim_http.answer import Answer, Reason, judge
from rollcall.scim_http.answer import Done as WireDone
from rollcall.scim_http.answer import Refused as WireRefused

# Codes of Entra's provisioning log for what a request may come to.
_CODES = {
    Reason.NOT_JSON: "AttributeValidationFailed",
    Reason.DNS: "WebExceptionProtocolError",
    Reason.CONNECTION_REFUSED: "WebExceptionProtocolError",
    Reason.UNREACHABLE: "WebExceptionProtocolError",
    Reason.CONNECT_TIMEOUT: "WebExceptionProtocolError",
    Reason.TLS: "WebExceptionProtocolError",
    Reason.REDIRECTED: "WebExceptionProtocolError",
    Reason.BAD_REQUEST: "AttributeValidationFailed",
    Reason.UNAUTHORIZED: "Unauthorized",
    Reason.FORBIDDEN: "InsufficientRights",
    Reason.NOT_FOUND: "InvalidAnchor",
    Reason.CONFLICT: "EntryConflict",
    Reason.PRECONDITION_FAILED: "EntryConflict",
    Reason.TOO_LARGE: "UnprocessableEntity",
    Reason.THROTTLED: "TooManyRequests",
    Reason.NOT_IMPLEMENTED: "NotImplemented",
    Reason.UNAVAILABLE: "InternalServerError",
    Reason.REJECTED: "UnprocessableEntity",
    Reason.TIMEOUT: "Timeout",
    Reason.RESET: "WebExceptionProtocolError",
    Reason.SERVER_ERROR: "InternalServerError",
    Reason.NOT_SCIM: "SystemForCrossDomainIdentityManagementServiceIncompatible",
    Reason.ANSWER_TOO_LARGE: "SystemForCrossDomainIdentityManagementServiceIncompatible",
    Reason.INCOMPLETE_LIST: "SystemForCrossDomainIdentityManagementServiceIncompatible",
}
_OF_STATUS = {405: "MethodNotAllowed"}
# RFC 7644 §3.12, table 9. An `invalidValue` stays AttributeValidationFailed: it may be a value as well as a missing one.
_OF_SCIM_TYPE = {"uniqueness": "EntryConflict", "invalidPath": "SchemaAttributeNotFound"}
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""No answer inside another one names a date to wait for."""

_ID_BYTES = 512
"""Ids are looked up by, and an index takes no more than some 2,700 bytes; real ones have a few dozen."""

_NOTHING_REACHED = frozenset(
    {Reason.DNS, Reason.CONNECTION_REFUSED, Reason.UNREACHABLE, Reason.CONNECT_TIMEOUT, Reason.TLS}
)
_GATEWAY_STATUSES = frozenset({502, 503, 504})


_COMPLIANCE = "SystemForCrossDomainIdentityManagementServiceIncompatibleFiltering"


def queried(answer: Answer) -> Found | Refused | Unanswered:
    """The resources that were asked for; a 404, where a list that may be empty belongs, is a compliance error (rule Q1)."""
    reply = found(answer)
    if isinstance(reply, Refused) and reply.status == 404:
        return replace(reply, code=_COMPLIANCE, reason=f"{reply.reason} A query that finds nothing is answered 200.")
    return reply


def found(answer: Answer) -> Found | Refused | Unanswered:
    """The resources of a ListResponse."""
    if not isinstance(answer, WireDone):
        return failure(answer)
    body = answer.body or {}
    resources = body.get("Resources") or []
    usable = isinstance(resources, list) and all(has_usable_id(resource) for resource in resources)
    total = body.get("totalResults", len(resources)) if usable else None
    if not isinstance(total, int):
        return incompatible("The answer is not a list of resources with usable ids.")
    return Found(resources, total)


def outcome(answer: Answer) -> Outcome:
    """What a request came to."""
    return Done(answer.body, answer.status) if isinstance(answer, WireDone) else failure(answer)


def sent(method: str, path: str, outcome: Outcome, body: Json = None) -> Outcome:
    """The outcome with what was sent for it; the body only with a failure, which is looked into."""
    if isinstance(outcome, Done):
        return replace(outcome, request=f"{method} {path}")
    return replace(outcome, request=f"{method} {path}", body=body)


def asked(path: str, query: Mapping[str, object], reply: Found | Refused | Unanswered) -> Found | Refused | Unanswered:
    """The reply to a question, a failure with what was asked, as one reads it rather than as it is encoded."""
    if isinstance(reply, Found):
        return reply
    parameters = "&".join(f"{name}={value}" for name, value in query.items())
    return replace(reply, request=f"GET {path}?{parameters}")


def outcome_of_status(creates: bool, status: int, body: dict[str, Any] | None) -> Outcome:
    """What one operation of a Bulk request came to, by its status and its error body (RFC 7644 §3.7.3)."""
    if 200 <= status < 300:
        return Done(body, status)
    content = orjson.dumps(body) if body is not None else b""
    return failure(judge("POST" if creates else "PATCH", status, {}, content, _ANY_TIME))


def failure(answer: Answer) -> Refused | Unanswered:
    """Why a request was not done, with the code of Entra's provisioning log."""
    assert not isinstance(answer, WireDone), "only failures come here"
    code = _CODES[answer.reason]
    reason = _sentence(answer)
    if isinstance(answer, WireRefused):
        code = _OF_STATUS.get(answer.status or 0, code)
        code = _OF_SCIM_TYPE.get(answer.scim_type or "", code)
        return Refused(
            code,
            reason,
            answer.status,
            answer.retry_after_seconds,
            away=answer.reason in _NOTHING_REACHED,
            denied=answer.reason is Reason.UNAUTHORIZED,
            answered=storable_text(answer.text),
        )
    away = answer.reason in (Reason.TIMEOUT, Reason.RESET) or answer.status in _GATEWAY_STATUSES
    return Unanswered(code, reason, away, answer.status, answered=storable_text(answer.text))


def _sentence(answer: Answer) -> str:
    assert not isinstance(answer, WireDone), "only failures come here"
    said = storable_text(answer.detail or "") or answer.reason.replace("_", " ")
    status = f"The target answered {answer.status}: " if answer.status is not None else ""
    return f"{status}{said}"


def has_usable_id(resource: Any) -> bool:
    """Whether it is a resource whose id can be kept and sent again; a target may answer with anything."""
    target_id = resource.get("id") if isinstance(resource, Mapping) else None
    if isinstance(target_id, int) and not isinstance(target_id, bool):
        target_id = str(target_id)
    fits = isinstance(target_id, str) and 0 < len(target_id.encode()) <= _ID_BYTES
    return fits and storable_text(str(target_id)) == target_id


def incompatible(reason: str) -> Unanswered:
    """An answer that is no SCIM: nobody can tell what was done."""
    return Unanswered("SystemForCrossDomainIdentityManagementServiceIncompatible", reason)


_ADVICE = {
    Reason.DNS: ("wrong_url", "The host name in the Tenant URL is unknown. Check the URL for a typing error."),
    Reason.CONNECTION_REFUSED: ("wrong_url", "Nothing listens at the Tenant URL. Check host and port."),
    Reason.UNREACHABLE: ("wrong_url", "The host of the Tenant URL can't be reached from here. Check it and the network."),
    Reason.CONNECT_TIMEOUT: ("timeout", "The host does not accept connections. Check host, port and firewall."),
    Reason.TLS: ("tls_error", "No trusted secure connection."),
    Reason.REDIRECTED: ("wrong_url", "The Tenant URL points elsewhere; the secret token is not sent on. Use the final URL."),
    Reason.UNAUTHORIZED: ("wrong_token", "The application does not accept the secret token. Copy it again."),
    Reason.FORBIDDEN: (
        "wrong_token",
        "The secret token is known but may not be used for this; look for a switch such as user synchronization.",
    ),
    Reason.NOT_FOUND: ("wrong_url", "There is no SCIM endpoint at the Tenant URL (404). A query that finds nothing is answered 200."),
    Reason.TIMEOUT: ("timeout", "The application took the connection but did not answer in time."),
    Reason.NOT_IMPLEMENTED: ("no_filter", "The application does not support filtering by the matching attribute (501)."),
    Reason.NOT_SCIM: ("not_scim", "The address answers, but not with SCIM. Check the path of the Tenant URL."),
}  # fmt: skip


def verdict_on(kind: str, answer: Answer) -> Verdict | None:
    """Why the answer to a question for nobody is no proof; None when it is one."""
    if not isinstance(answer, WireDone):
        code, advice = _ADVICE.get(answer.reason, ("failed", f"The test query for {kind}s failed."))
        return Verdict(False, code, f"{advice} ({_sentence(answer)})")
    hits = found(answer)
    body = answer.body or {}
    if not isinstance(hits, Found) or "totalResults" not in body:
        return Verdict(
            False, "not_scim", "The address answers, but not with a SCIM list. Check the path of the Tenant URL."
        )
    if hits.total or hits.resources:
        return Verdict(
            False,
            "not_empty",
            f"Asked for a {kind} that can't exist, the application answered with {hits.total or len(hits.resources)}. "
            "It seems to ignore filters, so nothing could be matched safely.",
        )
    return None
