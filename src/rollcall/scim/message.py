"""The messages of the protocol: patch requests, list answers, errors and searches, to and from JSON (RFC 7644 §3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rollcall.scim.attribute import Json, Resource
from rollcall.scim.error import ScimError, invalid_syntax, invalid_value, no_target, too_many
from rollcall.scim.operation import Operation, OperationName
from rollcall.scim.path import parse_path, print_path
from rollcall.scim.query import SEARCH_URN, Query, parse_projection, parse_search

__all__ = [
    "ERROR_URN", "LIST_URN", "MAX_OPERATIONS", "PATCH_URN", "SEARCH_URN", "Query",
    "error_body", "list_response", "parse_error", "parse_patch", "parse_projection", "parse_search", "patch_body",
]  # fmt: skip

PATCH_URN: Final = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
LIST_URN: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR_URN: Final = "urn:ietf:params:scim:api:messages:2.0:Error"
MAX_OPERATIONS: Final = 1000

_OPERATIONS: Final[tuple[OperationName, ...]] = ("add", "remove", "replace")


def parse_patch(body: Json) -> list[Operation]:
    """The operations of a PATCH body; names in any case (RFC 7643 §2.1), `op` as the RFC spells it.

    Raises invalidSyntax, invalidPath, invalidValue, noTarget, tooMany. What clients write differently is the
    concern of `dialect.normalise_patch`, which comes first.
    """
    if not isinstance(body, dict):
        raise invalid_syntax("The body must be a JSON object, a PatchOp.")
    fields = {key.lower(): value for key, value in body.items()}
    schemas, operations = fields.get("schemas"), fields.get("operations")
    if not isinstance(schemas, list) or PATCH_URN not in schemas:
        raise invalid_syntax(f"schemas must hold {PATCH_URN}.")
    if not isinstance(operations, list) or not operations:
        raise invalid_syntax("Operations must be an array of one or more operations.")
    if len(operations) > MAX_OPERATIONS:
        raise too_many(f"A request may hold {MAX_OPERATIONS} operations at most; send several.")
    return [_operation(item, number) for number, item in enumerate(operations, 1)]


def patch_body(operations: Sequence[Operation]) -> Resource:
    """The body of the PATCH request that asks for the operations."""
    return {"schemas": [PATCH_URN], "Operations": [_operation_to_json(operation) for operation in operations]}


def list_response(
    resources: Sequence[Resource], total: int, start_index: int = 1, items_per_page: int | None = None
) -> Resource:
    """A ListResponse; `total` counts all hits, `resources` holds this page (RFC 7644 §3.4.2)."""
    return {
        "schemas": [LIST_URN],
        "totalResults": total,
        "startIndex": start_index,
        "itemsPerPage": len(resources) if items_per_page is None else items_per_page,
        "Resources": list(resources),
    }


def error_body(error: ScimError) -> Resource:
    """An error as the body of its answer; the status is text (RFC 7644 §3.12)."""
    body: Resource = {"schemas": [ERROR_URN], "status": str(error.status), "detail": error.detail}
    if error.scim_type is not None:
        body["scimType"] = error.scim_type
    return body


def parse_error(status: int, body: Json) -> ScimError:
    """The error in another server's answer; what is missing or malformed in the body is left out, never raised."""
    fields = {key.lower(): value for key, value in body.items()} if isinstance(body, dict) else {}
    scim_type, detail = fields.get("scimtype"), fields.get("detail")
    return ScimError(
        status,
        scim_type if isinstance(scim_type, str) and scim_type else None,
        detail if isinstance(detail, str) else "",
    )


def _operation(item: Json, number: int) -> Operation:
    if not isinstance(item, dict):
        raise invalid_syntax(f"Operation {number} must be an object with op, path and value.")
    fields = {key.lower(): value for key, value in item.items()}
    op, path, value = fields.get("op"), fields.get("path"), fields.get("value")
    name = next((known for known in _OPERATIONS if known == op), None)
    if name is None:
        raise invalid_syntax(f"Operation {number}: op must be add, remove or replace.")
    if path is not None and not isinstance(path, str):
        raise invalid_syntax(f"Operation {number}: path must be text.")
    if op != "remove" and "value" not in fields:
        raise invalid_value(f"Operation {number}: {op} needs a value.")
    if op == "remove" and not path:
        raise no_target(f"Operation {number}: remove needs a path (RFC 7644 §3.5.2.2).")
    return Operation(name, parse_path(path) if path else None, value)


def _operation_to_json(operation: Operation) -> Resource:
    result: Resource = {"op": operation.op}
    if operation.path is not None:
        result["path"] = print_path(operation.path)
    if operation.op != "remove" or operation.value is not None:
        result["value"] = operation.value
    return result
