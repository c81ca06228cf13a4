"""Requests as known clients send them, one file each in `data/{client}`, replayed with the answer they must get.

A file holds `request`, `response` (status, and the whole body where there is one), `before` (requests that lead to the
state it needs) and `then` (reads afterwards). `{ines}`, `{olga}`, `{tove}` and `{sales}` stand for the ids of three
users and a group that are there from the start, `{new}` for the id of what the request created. `meta` and the wording
of errors are left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scim_http.asgi import AsgiClient, Reply, application

_DATA = Path(__file__).parent / "data"
_EXCHANGES = sorted(_DATA.glob("*/*.json"))
_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
_ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
_INES = {
    "schemas": [_USER, _ENTERPRISE],
    "externalId": "ivald",
    "userName": "ines.vald@larkfield.example",
    "name": {"formatted": "Ines Vald", "familyName": "Vald", "givenName": "Ines"},
    "displayName": "Ines Vald",
    "active": True,
    "emails": [{"value": "ines.vald@larkfield.example", "type": "work", "primary": True}],
    _ENTERPRISE: {"employeeNumber": "40117"},
}


@pytest.mark.parametrize(
    "text",
    [pytest.param(file.read_text(), id=f"{file.parent.name}-{file.stem}") for file in _EXCHANGES],
)
async def test_a_known_request_gets_its_answer(text: str) -> None:
    send = AsgiClient(application())
    ids = await _people(send)
    exchange = _filled(text, ids)
    for request in exchange.get("before", []):
        assert (await _ask(send, request)).status < 300

    reply = await _ask(send, exchange["request"])

    if exchange["request"]["method"] == "POST" and reply.status == 201:
        ids["new"] = reply.json["id"]
        exchange = _filled(text, ids)
    assert _seen(reply) == exchange["response"]
    for read in exchange.get("then", []):
        assert _seen(await _ask(send, read["request"])) == read["response"]


def test_there_are_exchanges() -> None:
    assert len(_EXCHANGES) >= 48


async def _people(send: AsgiClient) -> dict[str, str]:
    ids = {"ines": (await send("POST", "/Users", _INES)).json["id"]}
    for name in ("olga", "tove"):
        body = {"schemas": [_USER], "userName": f"{name}@larkfield.example", "displayName": name.title()}
        ids[name] = (await send("POST", "/Users", body)).json["id"]
    team = {
        "schemas": [_GROUP],
        "displayName": "Field Service",
        "externalId": "fs-1",
        "members": [{"value": ids["ines"]}],
    }
    ids["sales"] = (await send("POST", "/Groups", team)).json["id"]
    return ids


def _filled(text: str, ids: dict[str, str]) -> dict[str, Any]:
    for name, value in ids.items():
        text = text.replace("{" + name + "}", value)
    filled: dict[str, Any] = json.loads(text)
    return filled


async def _ask(send: AsgiClient, request: dict[str, Any]) -> Reply:
    headers = {"Accept": "application/scim+json"}
    return await send(request["method"], request["path"], request.get("body"), headers, request.get("query"))


def _seen(reply: Reply) -> dict[str, Any]:
    if not reply.content:
        return {"status": reply.status}
    body: dict[str, Any] = reply.json
    listed: list[dict[str, Any]] = body.get("Resources", [])
    for resource in [body, *listed]:
        resource.pop("meta", None)
        resource.pop("detail", None)
    return {"status": reply.status, "body": body}
