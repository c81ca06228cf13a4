"""Requests as Entra sends them, replayed over the full stack: token, organisation, SCIM server, PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rollcall.db import Database
from rollcall.runtime import Runtime
from tests.scim_http.asgi import HOST, Reply
from tests.workspaces.endpoint import Endpoint, new_endpoint

# The exchanges are the SCIM server's own: over every store they must have the same answers.
EXCHANGES = sorted((Path(__file__).parents[1] / "scim_http" / "data").glob("*/*.json"))
USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_URN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
GROUP_URN = "urn:ietf:params:scim:schemas:core:2.0:Group"


@pytest.mark.parametrize("text", [pytest.param(each.read_text(), id=each.stem) for each in EXCHANGES])
async def test_a_known_request_gets_its_answer(text: str, database: Database, runtime: Runtime) -> None:
    send = await new_endpoint(database, runtime)
    text = text.replace(f"https://{HOST}/", f"{send.url}/")
    ids = await people(send)
    exchange = filled(text, ids)
    for request in exchange.get("before", []):
        assert (await ask(send, request)).status < 300

    reply = await ask(send, exchange["request"])

    if exchange["request"]["method"] == "POST" and reply.status == 201:
        exchange = filled(text, {**ids, "new": reply.json["id"]})
    assert seen(reply) == exchange["response"]
    for read in exchange.get("then", []):
        assert seen(await ask(send, read["request"])) == read["response"]


def test_there_are_exchanges() -> None:
    assert len(EXCHANGES) >= 48


async def people(send: Endpoint) -> dict[str, str]:
    """Three users and a group, by the names that stand for their ids in the exchanges."""
    ines = {
        "schemas": [USER_URN, ENTERPRISE_URN],
        "externalId": "ivald",
        "userName": "ines.vald@larkfield.example",
        "name": {"formatted": "Ines Vald", "familyName": "Vald", "givenName": "Ines"},
        "displayName": "Ines Vald",
        "active": True,
        "emails": [{"value": "ines.vald@larkfield.example", "type": "work", "primary": True}],
        ENTERPRISE_URN: {"employeeNumber": "40117"},
    }
    ids = {"ines": (await send("POST", "/Users", ines)).json["id"]}
    for name in ("olga", "tove"):
        body = {"schemas": [USER_URN], "userName": f"{name}@larkfield.example", "displayName": name.title()}
        ids[name] = (await send("POST", "/Users", body)).json["id"]
    sales = {"schemas": [GROUP_URN], "displayName": "Field Service", "externalId": "fs-1"}
    ids["sales"] = (await send("POST", "/Groups", {**sales, "members": [{"value": ids["ines"]}]})).json["id"]
    return ids


def filled(text: str, ids: dict[str, str]) -> dict[str, Any]:
    for name, value in ids.items():
        text = text.replace("{" + name + "}", value)
    exchange: dict[str, Any] = json.loads(text)
    return exchange


async def ask(send: Endpoint, request: dict[str, Any]) -> Reply:
    headers = {"Accept": "application/scim+json"}
    return await send(request["method"], request["path"], request.get("body"), headers, request.get("query"))


def seen(reply: Reply) -> dict[str, Any]:
    """Status and body, without times, versions, the wording of errors and the manager's name, which only this store knows."""
    if not reply.content:
        return {"status": reply.status}
    body: dict[str, Any] = reply.json
    listed: list[dict[str, Any]] = body.get("Resources", [])
    for resource in [body, *listed]:
        resource.pop("meta", None)
        resource.pop("detail", None)
        resource.get(ENTERPRISE_URN, {}).get("manager", {}).pop("displayName", None)
    return {"status": reply.status, "body": body}
