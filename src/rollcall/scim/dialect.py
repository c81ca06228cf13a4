"""What known clients really send, turned into what the RFC says; each quirk is one function that cites its source.

Bodies and queries pass through here before `message` reads them. What is no quirk passes unchanged, right or
wrong: errors are the core's to raise. Sources: "Entra docs" are Microsoft's public pages on developing a SCIM
endpoint and on known issues of SCIM 2.0 compliance; "field" is what implementers report of live requests.
The rules for PATCH paths that select nothing are `operation.ENTRA`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from rollcall.scim.attribute import Attribute, Json, Resource, ResourceType
from rollcall.scim.error import ScimError
from rollcall.scim.filter import compared, value_target
from rollcall.scim.parser import OPERATORS, parse_filter, parse_path, tokens
from rollcall.scim.path import Target, print_path, resolve
from rollcall.scim.syntax import And, Compare, Filter, Not, Or, Path, Present, ValuePath, print_filter


def normalise_patch(body: Json, resource_type: ResourceType) -> Json:
    """The PATCH body as RFC 7644 §3.5.2 has it; the one given stays as it is."""
    if not isinstance(body, dict):
        return body
    return {
        key: [_operation(item, resource_type) for item in value]
        if key.lower() == "operations" and isinstance(value, list)
        else value
        for key, value in body.items()
    }


def normalise_resource(body: Json, resource_type: ResourceType) -> Json:
    """The body of a POST or PUT as RFC 7643 has it; the one given stays as it is."""
    if not isinstance(body, dict):
        return body
    result: Resource = {}
    for key, value in body.items():
        attribute = resource_type.attribute(key)
        extension = resource_type.extension(key) if attribute is None else None
        if attribute is not None:
            result[key] = value_of(attribute, value)
        elif extension is not None and isinstance(value, dict):
            inner = {_name(extension.attribute(n), n): _member(extension.attribute(n), v) for n, v in value.items()}
            there = result.get(extension.id)
            result[extension.id] = there | inner if isinstance(there, dict) else inner
        elif not lift_extension_attribute(key, value, resource_type, result):
            result[key] = value
    return result


def normalise_query(query: Mapping[str, Any], resource_type: ResourceType) -> dict[str, Any]:
    """The parameters of a GET, or a /.search body, with its filter as RFC 7644 §3.4.2.2 has it."""
    return {
        key: normalise_filter(value, resource_type) if key.lower() == "filter" and isinstance(value, str) else value
        for key, value in query.items()
    }


def normalise_filter(text: str, resource_type: ResourceType) -> str:
    """The filter with quoted text values and true booleans; what can't be read comes back as it is."""
    try:
        text = quote_bare_values(text)
        if '"true"' not in text.lower() and '"false"' not in text.lower():
            return text
        return print_filter(boolean_texts(parse_filter(text), resource_type))
    except ScimError:
        return text


# --- one function a quirk ---


def lower_case_op(op: Json) -> Json:
    """`"Add"`, `"Replace"`, `"Remove"`: Entra without the aadOptscim062020 flag (Entra docs, SCIM compliance)."""
    return op.lower() if isinstance(op, str) else op


def boolean_text(value: Json) -> Json:
    """`"False"`, `"True"` for booleans: Entra without the flag (Entra docs, SCIM compliance)."""
    word = value.strip().lower() if isinstance(value, str) else ""
    return word == "true" if word in {"true", "false"} else value


def bare_reference(value: Json) -> Json:
    """`"id"` for `{"value": "id"}`, and `""` for nothing: Entra's manager (field; Entra's validator, manager cases)."""
    if isinstance(value, str):
        return {"value": value} if value.strip() else None
    return value


def single_in_array(value: Json) -> Json:
    """`[{…}]` for the one value of a single-valued attribute: Entra's manager (Entra docs, "Add manager")."""
    if isinstance(value, list) and len(value) <= 1:
        return value[0] if value else None
    return value


def single_without_array(value: Json) -> Json:
    """`{…}` or `"id"` for a list of one: members in requests of several clients (field)."""
    return value if value is None or isinstance(value, list) else [value]


def role_from_text(value: Json) -> Json:
    """A role whose `value` is JSON text `{"id", "value", "displayName"}` (Entra docs, AppRoleAssignmentsComplex).

    The id is Entra's own number of the role and no attribute of SCIM, so it goes.
    """
    text = value.get("value") if isinstance(value, dict) else None
    if not isinstance(text, str) or not text.lstrip().startswith("{"):
        return value
    try:
        inner = json.loads(text)
    except (ValueError, RecursionError):
        return value
    if not isinstance(inner, dict) or not isinstance(inner.get("value"), str):
        return value
    return display_name_of_role({k: v for k, v in value.items() if k != "value"} | _without_id(inner))


def display_name_of_role(value: Json) -> Json:
    """`displayName` for `display` in a role (Entra docs, AppRoleAssignmentsComplex)."""
    if not isinstance(value, dict) or "displayName" not in value:
        return value
    rest = {k: v for k, v in value.items() if k != "displayName"}
    return rest if "display" in rest else rest | {"display": value["displayName"]}


def lift_extension_attribute(key: str, value: Json, resource_type: ResourceType, result: Resource) -> bool:
    """An extension's attribute at the top level of a user, moved to its extension (Entra docs, older create example)."""
    if ":" in key:
        return False
    for extension in resource_type.extensions:
        attribute = extension.schema.attribute(key)
        if attribute is not None:
            there = result.get(extension.schema.id) or {}
            if value is not None and isinstance(there, dict):
                result[extension.schema.id] = {attribute.name: value_of(attribute, value)} | there
            return True
    return False


def quote_bare_values(text: str) -> str:
    """`externalId eq mlind` with its value in quotation marks (Entra docs, a query example without them).

    Raises invalidFilter if the text has no tokens of a filter.
    """
    found = tokens(text)
    result, position = [], 0
    for before, token in pairwise(found):
        follows = before.kind == "word" and before.text.lower() in OPERATORS and before is not found[0]
        if follows and token.kind == "word" and not _is_literal(token.text):
            result += [text[position : token.position], json.dumps(token.text, ensure_ascii=False)]
            position = token.position + len(token.text)
    return "".join([*result, text[position:]])


def boolean_texts(tree: Filter, resource_type: ResourceType) -> Filter:
    """`active eq "True"` with a true boolean (field; follows from the text booleans of Entra's bodies)."""
    match tree:
        case And(operands):
            return And(tuple(boolean_texts(operand, resource_type) for operand in operands))
        case Or(operands):
            return Or(tuple(boolean_texts(operand, resource_type) for operand in operands))
        case Not(operand):
            return Not(boolean_texts(operand, resource_type))
        case ValuePath(path, operand):
            target = resolve(path, resource_type)
            inside = target.attribute if target is not None else None
            return tree if inside is None else ValuePath(path, _boolean_texts_inside(operand, inside))
        case Compare(path, op, value):
            target = resolve(path, resource_type)
            if target is None or target.attribute is None or compared(target).type != "boolean":
                return tree
            return Compare(path, op, boolean_text(value))
        case Present():
            return tree


def value_of(attribute: Attribute, value: Json) -> Json:
    """The value with every quirk undone that the attribute's description gives away."""
    if value is None or attribute.open:
        return value
    if attribute.multi_valued:
        values = single_without_array(value)
        return [_single(attribute, item) for item in values]
    return _single(attribute, single_in_array(value))


def _single(attribute: Attribute, value: Json) -> Json:
    if attribute.type == "boolean":
        return boolean_text(value)
    if attribute.type != "complex":
        return value
    if "value" in attribute.by_name:
        value = bare_reference(value)
    if attribute.name == "roles":
        value = display_name_of_role(role_from_text(value))
    if not isinstance(value, dict):
        return value
    return {name: _member(attribute.sub_attribute(name), item) for name, item in value.items()}


def _member(attribute: Attribute | None, value: Json) -> Json:
    return value if attribute is None else value_of(attribute, value)


def _name(attribute: Attribute | None, name: str) -> str:
    return name if attribute is None else attribute.name


def _operation(item: Json, resource_type: ResourceType) -> Json:
    if not isinstance(item, dict):
        return item
    result = {key.lower(): value for key, value in item.items()}
    if "op" in result:
        result["op"] = lower_case_op(result["op"])
    if not isinstance(result.get("path"), str) or not result["path"].strip():
        result.pop("path", None)
        if isinstance(result.get("value"), dict):
            result["value"] = {k: _keyed(k, v, resource_type) for k, v in result["value"].items()}
        return result
    path = _path(result["path"], resource_type)
    if path is not None:
        result["path"] = print_path(path)
        target = resolve(path, resource_type)
        if "value" in result and target is not None:
            result["value"] = _at(target, result["value"], filtered=path.value_filter is not None)
    return result


def _keyed(key: str, value: Json, resource_type: ResourceType) -> Json:
    """The value under one key of an operation without path: a name, a dotted name, a URN, or an extension's URN."""
    path = _path(key, resource_type)
    target = resolve(path, resource_type) if path is not None else None
    if path is None or target is None:
        return value
    return _at(target, value, filtered=path.value_filter is not None, resource_type=resource_type)


def _at(target: Target, value: Json, *, filtered: bool, resource_type: ResourceType | None = None) -> Json:
    attribute, sub = target.attribute, target.sub_attribute
    if attribute is None:
        schema = resource_type.extension(target.extension or "") if resource_type is not None else None
        if schema is None or not isinstance(value, dict):
            return value
        return {name: _member(schema.attribute(name), item) for name, item in value.items()}
    if sub is not None:
        return value_of(sub, value)
    if filtered:
        return _single(attribute, single_in_array(value))
    return value_of(attribute, value)


def _path(text: str, resource_type: ResourceType) -> Path | None:
    """The path with the quirks of filters undone inside its brackets; None if it can't be read."""
    try:
        path = parse_path(quote_bare_values(text) if "[" in text else text)
        target = resolve(path, resource_type)
        if path.value_filter is None or target is None or target.attribute is None:
            return path
        inside = _boolean_texts_inside(path.value_filter, target.attribute)
    except ScimError:
        return None
    return Path(path.attribute, path.sub_attribute, inside, path.schema)


def _boolean_texts_inside(tree: Filter, attribute: Attribute) -> Filter:
    """The same for a filter in brackets: Entra sends `roles[primary eq "True"].value` (field)."""
    match tree:
        case And(operands):
            return And(tuple(_boolean_texts_inside(operand, attribute) for operand in operands))
        case Or(operands):
            return Or(tuple(_boolean_texts_inside(operand, attribute) for operand in operands))
        case Not(operand):
            return Not(_boolean_texts_inside(operand, attribute))
        case Compare(path, op, value):
            sub = value_target(path, attribute)
            return Compare(path, op, boolean_text(value)) if sub is not None and sub.type == "boolean" else tree
        case Present() | ValuePath():
            return tree


def _without_id(role: Resource) -> Resource:
    return {k: v for k, v in role.items() if k != "id"}


def _is_literal(text: str) -> bool:
    if text.lower() in {"true", "false", "null"}:
        return True
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
