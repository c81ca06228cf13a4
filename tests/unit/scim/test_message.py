"""Messages and queries, to and from JSON."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.scim import error
from rollcall.scim.error import ScimError
from rollcall.scim.filter import Present
from rollcall.scim.message import (
    ERROR_URN,
    LIST_URN,
    PATCH_URN,
    SEARCH_URN,
    Query,
    error_body,
    list_response,
    parse_error,
    parse_patch,
    parse_projection,
    parse_search,
    patch_body,
)
from rollcall.scim.patch import Operation
from rollcall.scim.path import Path
from rollcall.scim.resource import Projection


def patch(*operations: Any) -> dict[str, Any]:
    return {"schemas": [PATCH_URN], "Operations": list(operations)}


def test_a_patch_is_read_whatever_the_case_of_its_names() -> None:
    body = {"Schemas": [PATCH_URN], "operations": [{"OP": "add", "Path": "title", "VALUE": "Cook"}]}

    assert parse_patch(body) == [Operation("add", Path("title"), "Cook")]


def test_a_patch_is_printed_as_it_is_read() -> None:
    operations = [
        Operation("add", None, {"title": "Cook"}),
        Operation("replace", Path("title"), None),
        Operation("remove", Path("members"), [{"value": "a"}]),
        Operation("remove", Path("members")),
    ]

    assert parse_patch(patch_body(operations)) == operations
    assert patch_body(operations)["Operations"][3] == {"op": "remove", "path": "members"}


@pytest.mark.parametrize(
    ("body", "scim_type"),
    [
        (None, "invalidSyntax"),
        ([], "invalidSyntax"),
        ({"Operations": [{"op": "remove", "path": "a"}]}, "invalidSyntax"),
        ({"schemas": ["urn:other"], "Operations": [{"op": "remove", "path": "a"}]}, "invalidSyntax"),
        (patch(), "invalidSyntax"),
        ({"schemas": [PATCH_URN], "Operations": {}}, "invalidSyntax"),
        (patch("remove"), "invalidSyntax"),
        (patch({"path": "a"}), "invalidSyntax"),
        (patch({"op": "Add", "path": "a", "value": 1}), "invalidSyntax"),
        (patch({"op": ["add"], "path": "a", "value": 1}), "invalidSyntax"),
        (patch({"op": "add", "path": 7, "value": 1}), "invalidSyntax"),
        (patch({"op": "add", "path": "a"}), "invalidValue"),
        (patch({"op": "replace"}), "invalidValue"),
        (patch({"op": "remove"}), "noTarget"),
        (patch({"op": "remove", "path": "a["}), "invalidPath"),
        (patch(*[{"op": "remove", "path": "a"}] * 1001), "tooMany"),
    ],
)
def test_what_is_no_patch_is_refused(body: Any, scim_type: str) -> None:
    with pytest.raises(ScimError) as refusal:
        parse_patch(body)

    assert (refusal.value.status, refusal.value.scim_type) == (400, scim_type)


def test_a_list_answer_counts_all_hits_and_holds_one_page() -> None:
    assert list_response([{"id": "a"}], 41, 11) == {
        "schemas": [LIST_URN], "totalResults": 41, "startIndex": 11, "itemsPerPage": 1, "Resources": [{"id": "a"}],
    }  # fmt: skip
    assert list_response([], 0)["Resources"] == []


@pytest.mark.parametrize(
    ("refusal", "status", "scim_type"),
    [
        (error.invalid_filter("x"), 400, "invalidFilter"),
        (error.too_many("x"), 400, "tooMany"),
        (error.uniqueness("x"), 409, "uniqueness"),
        (error.mutability("x"), 400, "mutability"),
        (error.invalid_syntax("x"), 400, "invalidSyntax"),
        (error.invalid_path("x"), 400, "invalidPath"),
        (error.no_target("x"), 400, "noTarget"),
        (error.invalid_value("x"), 400, "invalidValue"),
        (error.invalid_version("x"), 400, "invalidVers"),
        (error.sensitive("x"), 403, "sensitive"),
        (error.unauthorized("x"), 401, None),
        (error.forbidden("x"), 403, None),
        (error.not_found("x"), 404, None),
        (error.method_not_allowed("x", "GET"), 405, None),
        (error.not_acceptable("x"), 406, None),
        (error.conflict("x"), 409, None),
        (error.precondition_failed("x"), 412, None),
        (error.too_large("x"), 413, None),
        (error.unsupported_media_type("x"), 415, None),
        (error.too_many_requests("x", 7), 429, None),
        (error.internal("x"), 500, None),
        (error.not_implemented("x"), 501, None),
        (error.unavailable("x"), 503, None),
    ],
)
def test_every_error_has_its_status_and_its_word(refusal: ScimError, status: int, scim_type: str | None) -> None:
    body = error_body(refusal)

    assert body == {"schemas": [ERROR_URN], "status": str(status), "detail": "x"} | (
        {"scimType": scim_type} if scim_type else {}
    )
    again = parse_error(status, body)
    assert (again.status, again.scim_type, again.detail) == (status, scim_type, "x")


@pytest.mark.parametrize("body", [None, "<html>", [], {"scimType": 7, "detail": ["x"]}])
def test_the_error_of_a_careless_server_is_read_all_the_same(body: Any) -> None:
    assert (parse_error(400, body).scim_type, parse_error(400, body).detail) == (None, "")


def test_a_query_string_and_a_search_body_ask_for_the_same() -> None:
    expected = Query(
        Present(Path("title")),
        Path("name", "familyName"),
        "descending",
        11,
        5,
        Projection((Path("userName"), Path("emails"))),
    )
    text = {
        "filter": "title pr", "sortBy": "name.familyName", "sortOrder": "Descending",
        "startIndex": "11", "count": "5", "attributes": " userName, emails,",
    }  # fmt: skip
    body = text | {"schemas": [SEARCH_URN], "startIndex": 11, "count": 5, "attributes": ["userName", "emails"]}

    assert parse_search(text) == parse_search(body) == expected
    assert parse_search({name.upper(): value for name, value in text.items()}) == expected


def test_a_query_for_nothing_in_particular_has_defaults() -> None:
    assert parse_search({}) == Query()
    assert parse_search({"filter": "", "sortBy": "", "attributes": "", "count": None, "other": "x"}) == Query()


@pytest.mark.parametrize(
    ("given", "start_index", "count"),
    [
        ({"startIndex": "0", "count": "-5"}, 1, 0),
        ({"startIndex": -7, "count": 0}, 1, 0),
        ({"startIndex": "+3", "count": " 4 "}, 3, 4),
        ({"startIndex": "99999999999999999999", "count": 10**30}, 2**31 - 1, 2**31 - 1),
    ],
)
def test_numbers_out_of_range_mean_the_nearest_sensible_one(
    given: dict[str, Any], start_index: int, count: int
) -> None:
    query = parse_search(given)

    assert (query.start_index, query.count) == (start_index, count)


@pytest.mark.parametrize(
    ("given", "scim_type"),
    [
        ({"startIndex": "one"}, "invalidValue"),
        ({"startIndex": "1.5"}, "invalidValue"),
        ({"startIndex": 1.5}, "invalidValue"),
        ({"startIndex": "+-1"}, "invalidValue"),
        ({"startIndex": ""}, "invalidValue"),
        ({"count": "٣"}, "invalidValue"),
        ({"count": True}, "invalidValue"),
        ({"count": "9" * 30}, "invalidValue"),
        ({"count": [1]}, "invalidValue"),
        ({"sortOrder": "up"}, "invalidValue"),
        ({"sortOrder": 1}, "invalidValue"),
        ({"sortBy": 1}, "invalidValue"),
        ({"sortBy": "a b"}, "invalidPath"),
        ({"sortBy": 'emails[type eq "work"]'}, "invalidPath"),
        ({"filter": 7}, "invalidValue"),
        ({"filter": "a"}, "invalidFilter"),
        ({"attributes": "a b"}, "invalidPath"),
        ({"attributes": [7]}, "invalidValue"),
        ({"attributes": 7}, "invalidValue"),
        ({"attributes": "a," * 201}, "tooMany"),
        ({"attributes": "a", "excludedAttributes": "b"}, "invalidValue"),
        ({"schemas": ["urn:other"]}, "invalidSyntax"),
        ([], "invalidSyntax"),
    ],
)
def test_a_senseless_query_is_refused(given: Any, scim_type: str) -> None:
    with pytest.raises(ScimError) as refusal:
        parse_search(given)

    assert (refusal.value.status, refusal.value.scim_type) == (400, scim_type)


def test_the_projection_of_any_request_is_read_alone() -> None:
    assert parse_projection({"excludedAttributes": "members", "filter": "("}) == Projection((), (Path("members"),))
