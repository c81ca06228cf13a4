"""Every exchange in these folders: what comes in, what it is read as, and what must come out.

One JSON file an exchange; a new file needs no change here. `situation` says what is done with it; `source`
says where it comes from. Without `dialect` known clients' quirks are undone first; "strict" is the RFC alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rollcall.scim.dialect import normalise_patch, normalise_query, normalise_resource
from rollcall.scim.error import ScimError
from rollcall.scim.filter import matches, print_filter
from rollcall.scim.message import error_body, parse_error, parse_patch, parse_search, patch_body
from rollcall.scim.patch import ENTRA, STRICT, apply
from rollcall.scim.path import parse_path, print_path
from rollcall.scim.resource import check, project
from rollcall.scim.schema import GROUP, RESOURCE_TYPE, SCHEMA, SERVICE_PROVIDER_CONFIG, USER

FOLDER = Path(__file__).parent
FILES = sorted(FOLDER.glob("*/*.json"))
RESOURCE_TYPES = {rt.name: rt for rt in (USER, GROUP, SERVICE_PROVIDER_CONFIG, RESOURCE_TYPE, SCHEMA)}
Exchange = dict[str, Any]


def check_write(exchange: Exchange) -> None:
    resource_type = RESOURCE_TYPES[exchange["resource_type"]]
    body = normalise_resource(exchange["body"], resource_type)
    situation = exchange["situation"]
    assert check(body, resource_type, situation, exchange.get("before")) == exchange["after"]


def check_served(exchange: Exchange) -> None:
    assert check(exchange["body"], RESOURCE_TYPES[exchange["resource_type"]], "query") == exchange["after"]


def check_patch(exchange: Exchange) -> None:
    resource_type = RESOURCE_TYPES[exchange["resource_type"]]
    strict = exchange.get("dialect") == "strict"
    body = exchange["body"] if strict else normalise_patch(exchange["body"], resource_type)
    if "error" in exchange:
        with pytest.raises(ScimError) as refusal:
            apply(exchange["before"], parse_patch(body), resource_type, STRICT)
        assert {"status": refusal.value.status, "scimType": refusal.value.scim_type} == exchange["error"]
        return
    operations = parse_patch(body)
    if "operations" in exchange:
        assert patch_body(operations)["Operations"] == exchange["operations"]
    assert apply(exchange["before"], operations, resource_type, STRICT if strict else ENTRA) == exchange["after"]


def check_query(exchange: Exchange) -> None:
    resource_type = RESOURCE_TYPES[exchange["resource_type"]]
    query = parse_search(normalise_query(exchange["query"], resource_type))
    if "filter" in exchange:
        assert (print_filter(query.filter) if query.filter else None) == exchange["filter"]
    hits = [r for r in exchange["resources"] if query.filter is None or matches(query.filter, r, resource_type)]
    assert [project(hit, resource_type, query.projection) for hit in hits] == exchange["hits"]


def check_path(exchange: Exchange) -> None:
    assert print_path(parse_path(exchange["body"])) == exchange["after"]


def check_error(exchange: Exchange) -> None:
    error = ScimError(exchange["status"], exchange["scimType"], exchange["detail"])
    assert error_body(error) == exchange["after"]
    back = parse_error(exchange["status"], exchange["after"])
    assert (back.status, back.scim_type, back.detail) == (error.status, error.scim_type, error.detail)


CHECKS: dict[str, Callable[[Exchange], None]] = {
    "create": check_write,
    "replace": check_write,
    "served": check_served,
    "patch": check_patch,
    "query": check_query,
    "path": check_path,
    "error": check_error,
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.stem}")
def test_the_exchange_ends_as_written(file: Path) -> None:
    exchange = json.loads(file.read_text(encoding="utf-8"))

    CHECKS[exchange["situation"]](exchange)


def test_the_folders_hold_what_entra_sends_and_what_the_rfcs_show() -> None:
    assert len([file for file in FILES if file.parent.name == "entra"]) >= 50
    assert len([file for file in FILES if file.parent.name.startswith("rfc")]) >= 50
