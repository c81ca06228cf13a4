"""A SCIM service provider as a target: the contract's questions as requests, its answers as outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from rollcall.provisioning.connectors.contract import Done, Found, Outcome, Refused, Unanswered, Verdict
from rollcall.provisioning.model import Json, PatchOperation, Values
from rollcall.provisioning.target_schema import build_resource, storable_text
from rollcall.runtime import Runtime
from rollcall.scim_http.answer import Answer, Reason
from rollcall.scim_http.answer import Done as WireDone
from rollcall.scim_http.answer import Refused as WireRefused
from rollcall.scim_http.client import ScimClient, resource_path
from rollcall.scim_http.lookup import equal

_PATCH_SCHEMA = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_ENDPOINTS = {"User": "/Users", "Group": "/Groups"}

# Codes of Entra's provisioning log for what a request may come to.
_CODES = {
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
_ID_BYTES = 512
"""Ids are looked up by, and an index takes no more than some 2,700 bytes; real ones have a few dozen."""

_NOTHING_REACHED = frozenset(
    {Reason.DNS, Reason.CONNECTION_REFUSED, Reason.UNREACHABLE, Reason.CONNECT_TIMEOUT, Reason.TLS}
)
_GATEWAY_STATUSES = frozenset({502, 503, 504})


class ScimTarget:
    """One SCIM service provider. The client is entered and left by whoever made it."""

    def __init__(self, client: ScimClient, runtime: Runtime) -> None:
        self._client = client
        self._runtime = runtime

    async def test(self, matching: Mapping[str, str]) -> Verdict:
        """Ask for a user and a group that can't exist: an empty list proves URL, token and filtering (rule C4)."""
        for kind, attribute in matching.items():
            answer = await self._client.send(
                "GET", _ENDPOINTS[kind], query=self._query(kind, attribute, self._nobody())
            )
            verdict = _verdict(kind, answer)
            if verdict is not None:
                return verdict
        return Verdict(True, "ok", "The application answers, accepts the secret token, and finds users and groups.")

    def _nobody(self) -> UUID:
        return self._runtime.new_id()

    async def find(self, kind: str, attribute: str, value: Json) -> Found | Refused | Unanswered:
        return _found(await self._client.send("GET", _ENDPOINTS[kind], query=self._query(kind, attribute, value)))

    def _query(self, kind: str, attribute: str, value: Json) -> dict[str, str | int]:
        query: dict[str, str | int] = {"filter": equal(attribute, str(value))}
        if kind == "Group":
            query["excludedAttributes"] = "members"
        return query

    async def list(self, kind: str, start: int, count: int) -> Found | Refused | Unanswered:
        query: dict[str, str | int] = {"startIndex": start, "count": count}
        if kind == "Group":
            query["excludedAttributes"] = "members"
        return _found(await self._client.send("GET", _ENDPOINTS[kind], query=query))

    async def read(self, kind: str, target_id: str) -> Outcome:
        query: dict[str, str | int] | None = {"excludedAttributes": "members"} if kind == "Group" else None
        answer = await self._client.send("GET", self._path(kind, target_id), query=query)
        if isinstance(answer, WireDone) and not _has_usable_id(answer.body):
            return _incompatible("A resource without a usable id came back.")
        return _outcome(answer)

    async def create(self, kind: str, values: Values) -> Outcome:
        answer = await self._client.send("POST", _ENDPOINTS[kind], body=build_resource(kind, values))
        if isinstance(answer, WireDone) and not _has_usable_id(answer.body):
            return _incompatible("The created resource came back without a usable id.")
        return _outcome(answer)

    async def update(self, kind: str, target_id: str, operations: Sequence[PatchOperation]) -> Outcome:
        body = {"schemas": [_PATCH_SCHEMA], "Operations": [_operation(operation) for operation in operations]}
        return _outcome(await self._client.send("PATCH", self._path(kind, target_id), body=body))

    async def delete(self, kind: str, target_id: str) -> Outcome:
        return _outcome(await self._client.send("DELETE", self._path(kind, target_id)))

    def _path(self, kind: str, target_id: str) -> str:
        return resource_path(_ENDPOINTS[kind], target_id)


def _operation(operation: PatchOperation) -> dict[str, Any]:
    body: dict[str, Any] = {"op": operation.op}
    if operation.path is not None:
        body["path"] = operation.path
    if operation.op != "remove":
        body["value"] = operation.value
    return body


def _found(answer: Answer) -> Found | Refused | Unanswered:
    if not isinstance(answer, WireDone):
        return _failure(answer)
    body = answer.body or {}
    resources = body.get("Resources") or []
    total = body.get("totalResults", len(resources))
    fits = isinstance(resources, list) and isinstance(total, int)
    if not fits or not all(_has_usable_id(resource) for resource in resources):
        return _incompatible("The answer is not a list of resources with usable ids.")
    return Found(resources, total)


def _outcome(answer: Answer) -> Outcome:
    return Done(answer.body, answer.status) if isinstance(answer, WireDone) else _failure(answer)


def _failure(answer: Answer) -> Refused | Unanswered:
    assert not isinstance(answer, WireDone), "only failures come here"
    code = _CODES[answer.reason]
    reason = _sentence(answer)
    if isinstance(answer, WireRefused):
        if answer.scim_type == "uniqueness":
            code = "EntryConflict"
        return Refused(
            code,
            reason,
            answer.status,
            answer.retry_after_seconds,
            away=answer.reason in _NOTHING_REACHED,
            denied=answer.reason is Reason.UNAUTHORIZED,
        )
    away = answer.reason in (Reason.TIMEOUT, Reason.RESET) or answer.status in _GATEWAY_STATUSES
    return Unanswered(code, reason, away=away)


def _sentence(answer: Answer) -> str:
    assert not isinstance(answer, WireDone), "only failures come here"
    said = storable_text(answer.detail or "") or answer.reason.replace("_", " ")
    status = f"The target answered {answer.status}: " if answer.status is not None else ""
    return f"{status}{said}"


def _has_usable_id(resource: Any) -> bool:
    """Whether it is a resource whose id can be kept and sent again; a target may answer with anything."""
    target_id = resource.get("id") if isinstance(resource, Mapping) else None
    if isinstance(target_id, int) and not isinstance(target_id, bool):
        target_id = str(target_id)
    fits = isinstance(target_id, str) and 0 < len(target_id.encode()) <= _ID_BYTES
    return fits and storable_text(str(target_id)) == target_id


def _incompatible(reason: str) -> Unanswered:
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


def _verdict(kind: str, answer: Answer) -> Verdict | None:
    """Why the answer to a question for nobody is no proof; None when it is one."""
    if not isinstance(answer, WireDone):
        code, advice = _ADVICE.get(answer.reason, ("failed", f"The test query for {kind}s failed."))
        return Verdict(False, code, f"{advice} ({_sentence(answer)})")
    found = _found(answer)
    body = answer.body or {}
    if not isinstance(found, Found) or "totalResults" not in body:
        return Verdict(
            False, "not_scim", "The address answers, but not with a SCIM list. Check the path of the Tenant URL."
        )
    if found.total or found.resources:
        return Verdict(
            False,
            "not_empty",
            f"Asked for a {kind} that can't exist, the application answered with {found.total or len(found.resources)}. "
            "It seems to ignore filters, so nothing could be matched safely.",
        )
    return None
