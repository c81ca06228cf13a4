"""Many operations in one request (RFC 7644 §3.7): how they are divided, worded, and what the answer says of each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from rollcall.provisioning.connectors.contract import Done, Outcome, Refused, Unanswered
from rollcall.provisioning.connectors.scim_answers import incompatible, outcome_of_status
from rollcall.provisioning.connectors.whole_resource import patch_request
from rollcall.provisioning.model import Json, Operation, Values

REQUEST_URN = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
_METHODS = {"create": "POST", "update": "PATCH", "disable": "PATCH", "delete": "DELETE"}
_FRAME_BYTES = len(orjson.dumps({"schemas": [REQUEST_URN], "Operations": []}))

Item = dict[str, Any]


def item(operation: Operation, path: str, number: int, body: Callable[[str, Values], dict[str, Json]]) -> Item:
    """One operation of a Bulk request; `path` is where it would go by itself."""
    made: Item = {"method": _METHODS[operation.action], "path": path, "bulkId": str(number)}
    if operation.action == "create":
        made["data"] = body(operation.key.kind, operation.values)
    elif operation.action != "delete":
        made["data"] = patch_request(operation.patch)
    return made


def request(items: Sequence[Item]) -> dict[str, Any]:
    """The body of a Bulk request; without failOnErrors, so that no operation depends on another."""
    return {"schemas": [REQUEST_URN], "Operations": list(items)}


def parts(
    operations: Sequence[Operation], worded: Callable[[Operation, int], Item], most: int, most_bytes: int
) -> list[list[Operation]]:
    """The operations in their order, in parts of at most `most`, none larger than `most_bytes` (0: no such limit).

    One that can't be written as JSON is a part by itself, so that it alone is refused.
    """
    divided: list[list[Operation]] = []
    alone: list[list[Operation]] = []
    size = 0
    for operation in operations:
        try:
            own = len(orjson.dumps(worded(operation, most))) + 1
        except orjson.JSONEncodeError:
            alone.append([operation])
            continue
        full = not divided or len(divided[-1]) >= most or (most_bytes and size + own > most_bytes)
        if full:
            divided.append([])
            size = _FRAME_BYTES
        divided[-1].append(operation)
        size += own
    return divided + alone


def outcomes(operations: Sequence[Operation], items: Sequence[Item], body: Mapping[str, Any]) -> list[Outcome]:
    """What became of each operation; one that the answer does not name may or may not have been carried out."""
    answered = body.get("Operations")
    named = [each for each in answered if isinstance(each, Mapping)] if isinstance(answered, list) else []
    by_number = dict(_numbered(items, named))
    return [_outcome(operation, by_number.get(number)) for number, operation in enumerate(operations, start=1)]


def _numbered(items: Sequence[Item], answered: Sequence[Mapping[str, Any]]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Each answer with the number of its operation: by bulkId, or else by the address of what was changed."""
    by_path = {(each["method"], each["path"]): int(each["bulkId"]) for each in items if each["method"] != "POST"}
    by_id = {each["bulkId"]: int(each["bulkId"]) for each in items}
    for each in answered:
        bulk_id, location, method = each.get("bulkId"), each.get("location"), str(each.get("method", "")).upper()
        if str(bulk_id) in by_id:
            yield by_id[str(bulk_id)], each
        elif isinstance(location, str):
            path = "/" + "/".join(location.rstrip("/").rsplit("/", 2)[1:])
            if (method, path) in by_path:
                yield by_path[method, path], each


def _outcome(operation: Operation, answer: Mapping[str, Any] | None) -> Outcome:
    if answer is None:
        return incompatible("The answer to the Bulk request does not say what became of this operation.")
    status = _status(answer.get("status"))
    if status is None:
        return incompatible("The answer to the Bulk request holds no status for this operation.")
    response = answer.get("response")
    resource = response if isinstance(response, dict) else None
    came = outcome_of_status(operation.action == "create", status, resource)
    if operation.action != "create" or not isinstance(came, Done):
        return came
    target_id = (resource or {}).get("id") or _last_segment(answer.get("location"))
    if not isinstance(target_id, str) or not target_id:
        return incompatible("A created resource came back without a usable id.")
    return Done({**(resource or {}), "id": target_id}, status)


def _status(value: Any) -> int | None:
    """RFC 7644 §3.7.3 has it as text; some send a number, or an object with a code as RFC 7644's drafts had it."""
    code = value.get("code") if isinstance(value, Mapping) else value
    text = str(code)
    return int(text) if len(text) == 3 and text.isascii() and text.isdigit() else None


def _last_segment(location: Any) -> str:
    try:
        return unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2]) if isinstance(location, str) else ""
    except ValueError:  # no address at all, such as http://[::1/Users/7
        return ""


def of_one(answer: Refused | Unanswered, number: int) -> Refused | Unanswered:
    """What an answer to a whole Bulk request says of its operation `number`, from 0: with that part of the body alone."""
    operations = answer.body.get("Operations") if isinstance(answer.body, dict) else None
    if not isinstance(operations, list) or number >= len(operations):
        return answer
    own = operations[number]
    return replace(answer, request=f"{own['method']} {own['path']} in /Bulk", body=own.get("data"))


def is_no_bulk(answer: Refused) -> bool:
    """Whether the target says that it knows no Bulk after all."""
    return answer.status in (404, 405, 501)
