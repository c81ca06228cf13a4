"""The request that failed and the answer to it, as they are kept with an escrow: bounded, and without hidden values."""

from __future__ import annotations

from datetime import datetime

import orjson

from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.model import Exchange, Json, PatchOperation
from rollcall.provisioning.redaction import Hidden, shown_operation, shown_resource, without, without_values

ANSWER_CHARACTERS = 4096
BODY_BYTES = 16_384
NOTHING_HIDDEN = Hidden()


def last_exchange(answer: Refused | Unanswered, at: datetime, kind: str, hidden: Hidden) -> Exchange | None:
    """What is kept of a failure; None when nothing was sent for it."""
    if not answer.request:
        return None
    method, _, path = answer.request.partition(" ")
    shown = without(answer.answered or answer.reason, hidden)
    body = _bounded(without_values(_shown(kind, answer.body, hidden), hidden))
    return Exchange(at, method, without(path, hidden), body, answer.status, shown[:ANSWER_CHARACTERS])


def _shown(kind: str, body: Json, hidden: Hidden) -> Json:
    if not isinstance(body, dict) or not hidden.paths:
        return body
    operations = body.get("Operations")
    if not isinstance(operations, list):
        return shown_resource(kind, body, sorted(hidden.paths))
    return {**body, "Operations": [_shown_operation(each, hidden) for each in operations]}


def _shown_operation(operation: dict[str, Json], hidden: Hidden) -> dict[str, Json]:
    shown = shown_operation(
        PatchOperation(str(operation.get("op", "")), operation.get("path"), operation.get("value")), hidden.paths
    )
    return {**operation, **{name: getattr(shown, name) for name in ("path", "value") if name in operation}}


def _bounded(body: Json) -> Json:
    """The body, or the beginning of its text where it is too large to be kept."""
    if body is None:
        return None
    text = orjson.dumps(body)
    return body if len(text) <= BODY_BYTES else f"{text[:BODY_BYTES].decode(errors='ignore')}…"
