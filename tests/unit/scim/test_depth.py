"""JSON that is nested nearly as deep as a parser lets through ends in an answer or a 400, never in a recursion error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rollcall.scim.dialect import normalise_patch, normalise_resource
from rollcall.scim.error import ScimError
from rollcall.scim.membership import split_membership
from rollcall.scim.message import PATCH_URN, parse_patch, parse_search
from rollcall.scim.patch import apply
from rollcall.scim.resource import check
from rollcall.scim.schema import ENTERPRISE_USER_URN, GROUP, USER, ResourceType

CUSTOM = "urn:ietf:params:scim:schemas:extension:Orchard:2.0:User"


def deep(*, lists: bool) -> Any:
    value: Any = "end"
    for _ in range(5000):
        value = [value] if lists else {"value": value}
    return value


def status_of(act: Callable[[], object]) -> int:
    try:
        act()
    except ScimError as refusal:
        return refusal.status
    return 200


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize(
    "name",
    ["userName", "emails", "roles", "name", "id", "schemas", "shoe", "active", CUSTOM, ENTERPRISE_USER_URN, "manager"],
)
def test_a_deep_attribute_is_ignored_or_refused(name: str, lists: bool) -> None:
    def create() -> None:
        check(normalise_resource({"userName": "x"} | {name: deep(lists=lists)}, USER), USER, "create")

    assert status_of(create) in ({200} if name in {"id", "shoe"} else {200, 400})


def test_a_deep_value_in_a_custom_extension_is_refused() -> None:
    assert status_of(lambda: check({"userName": "x", CUSTOM: {"a": deep(lists=True)}}, USER, "create")) == 400


@pytest.mark.parametrize("lists", [True, False])
@pytest.mark.parametrize(
    "path",
    [
        None,
        "title",
        "emails",
        "roles",
        "members",
        'emails[type eq "work"]',
        "manager",
        "schemas",
        CUSTOM,
        f"{CUSTOM}:a",
        ENTERPRISE_USER_URN,
    ],
)
@pytest.mark.parametrize("op", ["add", "replace", "remove"])
def test_a_deep_patch_is_carried_out_or_refused(op: str, path: str | None, lists: bool) -> None:
    value = deep(lists=lists)
    for item in (value, {"id": value, "title": value}, [value], {"value": value}):
        body = {"schemas": [PATCH_URN], "Operations": [{"op": op, "value": item} | ({"path": path} if path else {})]}
        for kind in (USER, GROUP):

            def patch(body: Any = body, kind: ResourceType = kind) -> None:
                operations = parse_patch(normalise_patch(body, kind))
                split_membership(operations)
                apply({"id": "x", "emails": [{"value": "a"}]}, operations, kind)

            assert status_of(patch) in {200, 400}


@pytest.mark.parametrize("name", ["filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "schemas"])
def test_a_deep_search_is_refused(name: str) -> None:
    with pytest.raises(ScimError) as refusal:
        parse_search({name: deep(lists=True)})

    assert refusal.value.status == 400
