"""The last request and its answer, as they are kept with a failure: bounded, and without what must be shown nowhere."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from rollcall.provisioning.connectors.contract import Refused, Unanswered
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.last_exchange import ANSWER_CHARACTERS, BODY_BYTES, NOTHING_HIDDEN, last_exchange
from rollcall.provisioning.model import Exchange, PatchOperation
from rollcall.provisioning.redaction import Hidden, without
from rollcall.runtime import SystemRuntime
from rollcall.scim_http.client import ScimClient
from tests.unit.provisioning.expression_context import NOON

SECRET = "SSN/4711"
TOKEN = "se/cret-token"
EMPLOYEE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber"
PHONE = 'phoneNumbers[type eq "mobile"].value'


def kept(body: Any, answer: str = "", path: str = "/Users", paths: tuple[str, ...] = (), *values: Any) -> Exchange:
    """What is kept of a refused request."""
    refused = Refused("UnprocessableEntity", "No.", 422, request=f"POST {path}", body=body, answered=answer)
    exchange = last_exchange(refused, NOON, "User", Hidden(frozenset(paths), values))
    assert exchange is not None
    return exchange


def test_request_and_answer_are_kept_as_they_were() -> None:
    body = {"userName": "ada", "active": True}

    assert kept(body, '{"detail": "No."}') == Exchange(NOON, "POST", "/Users", body, 422, '{"detail": "No."}')


def test_without_a_request_nothing_is_kept() -> None:
    assert last_exchange(Refused("AttributeValidationFailed", "No."), NOON, "User", NOTHING_HIDDEN) is None


def test_without_an_answer_the_reason_stands_for_it_and_there_is_no_status() -> None:
    lost = Unanswered("Timeout", "The answer did not come in time.", request="PATCH /Users/7", body={})

    exchange = last_exchange(lost, NOON, "User", NOTHING_HIDDEN)

    assert exchange == Exchange(NOON, "PATCH", "/Users/7", {}, None, "The answer did not come in time.")


def test_a_long_answer_and_a_large_body_are_kept_as_their_beginning() -> None:
    exchange = kept({"displayName": "é" * BODY_BYTES}, "x" * 10_000)

    assert len(exchange.answer) == ANSWER_CHARACTERS
    assert isinstance(exchange.body, str)
    assert len(exchange.body.encode()) <= BODY_BYTES + 3
    assert exchange.body.startswith('{"displayName":"éé')
    assert kept({"displayName": "x" * 100}).body == {"displayName": "x" * 100}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("title", {"schemas": [], "title": SECRET, "userName": "ada"}),
        ("name.familyName", {"name": {"familyName": SECRET, "givenName": "Ada"}}),
        (EMPLOYEE, {"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"employeeNumber": SECRET}}),
        (PHONE, {"phoneNumbers": [{"type": "mobile", "value": SECRET}]}),
        ("title", {"Operations": [{"op": "replace", "path": "title", "value": SECRET}]}),
        ("title", {"Operations": [{"op": "replace", "value": {"title": SECRET, "active": False}}]}),
        ("phoneNumbers", {"Operations": [{"op": "remove", "path": f'phoneNumbers[value eq "{SECRET}"]'}]}),
        ("title", {"displayName": f"also {SECRET} here"}),
    ],
)
def test_a_hidden_value_stands_nowhere_in_the_body(path: str, body: dict[str, Any]) -> None:
    shown = json.dumps(kept(body, "", "/Users", (path,), SECRET).body)

    assert "4711" not in shown
    assert "[Redact]" in shown


def test_a_hidden_attribute_is_hidden_even_with_a_value_that_nobody_remembers() -> None:
    """A value that is converted on its way has another form than the one that is known."""
    patch = {"Operations": [{"op": "replace", "path": "title", "value": "Converted"}]}

    assert "Converted" not in json.dumps(kept(patch, "", "/Users", ("title",)).body)
    assert "Converted" not in json.dumps(kept({"title": "Converted"}, "", "/Users", ("title",)).body)


def test_what_is_not_hidden_stays() -> None:
    operations = [{"op": "replace", "path": "title", "value": SECRET}, {"op": "add", "path": "nickName", "value": "A"}]

    shown = kept({"schemas": ["urn"], "Operations": operations}, "", "/Users", ("title",), SECRET).body

    assert shown["Operations"][0] == {"op": "replace", "path": "title", "value": "[Redact]"}
    assert shown["Operations"][1] == operations[1]
    assert shown["schemas"] == ["urn"]


@pytest.mark.parametrize(
    "answer",
    [
        f"{SECRET} is taken.",
        json.dumps({"detail": f"{SECRET} is taken"}),
        '{"detail": "SSN\\/4711 is taken"}',
        f"{SECRET.lower()} is taken.",
    ],
)
def test_a_hidden_value_stands_neither_in_the_answer_nor_in_the_address(answer: str) -> None:
    exchange = kept(None, answer, f'/Users?filter=externalId eq "{SECRET}"', ("externalId",), SECRET)

    assert "4711" not in exchange.answer
    assert exchange.path == '/Users?filter=externalId eq "[Redact]"'
    assert "taken" in exchange.answer


def test_values_in_lists_and_numbers_are_taken_out_and_short_ones_only_where_they_stand_alone() -> None:
    hidden = Hidden(frozenset({"x"}), (["Größe"], {"value": 12345}, "7", True))

    assert (
        without("Gr\\u00f6\\u00dfe, größe, 12345, 7, 47, true", hidden)
        == "[Redact], [Redact], [Redact], [Redact], 47, true"
    )


@pytest.fixture
async def echoing() -> AsyncIterator[ScimTarget]:
    """A target that refuses everything and repeats the token it was sent, as PHP's JSON writes it and as it is."""

    async def answer(request: web.Request) -> web.Response:
        token = request.headers["Authorization"]
        text = json.dumps({"detail": f"No: {token}"}).replace("/", "\\/") + token
        return web.Response(status=422, text=text)

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", answer)
    async with TestServer(app) as server, ScimClient(str(server.make_url("")).rstrip("/"), TOKEN) as client:
        yield ScimTarget(client, SystemRuntime())


async def test_each_kind_of_request_is_known_with_its_answer_and_without_the_token(echoing: ScimTarget) -> None:
    patch = [PatchOperation("replace", "title", "Dr")]
    made = await echoing.create("User", {"userName": "ada"})
    changed = await echoing.update("User", "7", patch)
    gone = await echoing.delete("User", "7")
    read = await echoing.read("User", "7")
    found = await echoing.find("User", "userName", "ada")

    exchanges = []
    for outcome in (made, changed, gone, read, found):
        assert isinstance(outcome, Refused)
        exchanges.append(last_exchange(outcome, NOON, "User", NOTHING_HIDDEN))

    assert [each and (each.method, each.path) for each in exchanges] == [
        ("POST", "/Users"),
        ("PATCH", "/Users/7"),
        ("DELETE", "/Users/7"),
        ("GET", "/Users/7"),
        ("GET", '/Users?filter=userName eq "ada"'),
    ]
    assert exchanges[0] is not None
    assert exchanges[0].body["userName"] == "ada"
    assert exchanges[1] is not None
    assert exchanges[1].body["Operations"] == [{"op": "replace", "path": "title", "value": "Dr"}]
    for each in exchanges:
        assert each is not None
        assert each.status == 422
        assert "No: Bearer" in each.answer
        assert "cret-token" not in each.answer
