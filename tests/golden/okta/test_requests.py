"""What the profile `okta` sends, request by request, against the shapes that Okta documents (rule C6)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.golden.recording import Recording, recording

VECTORS = json.loads((Path(__file__).parent / "requests.json").read_text())
BY_NAME = {each["name"]: each["request"] for each in VECTORS["requests"]}
ID, GROUP = "23f0a1c7", "g-88e1"
MAIL = "noor.adel@larkfield.example"

ACTS: dict[str, Callable[[Recording], Awaitable[Any]]] = {
    "match-user": lambda run: run.target.find("User", "userName", MAIL),
    "list-users": lambda run: run.target.list("User", 1, 100),
    "read-user": lambda run: run.target.read("User", ID),
    "create-user": lambda run: run.export(
        "User",
        {
            "userName": MAIL,
            "name.givenName": "Noor",
            "name.familyName": "Adel",
            'emails[type eq "work"].value': MAIL,
            'emails[type eq "work"].primary': True,
            "displayName": "Noor Adel",
            "locale": "en-US",
            "externalId": "00u1",
            "active": True,
        },
        None,
    ),
    "update-user": lambda run: run.export(
        "User", {"name.familyName": "Haddad", "title": "Planner"}, {"name.familyName": "Adel"}, ID
    ),
    "deactivate-user": lambda run: run.export("User", {"active": False}, {"active": True}, ID),
    "activate-user": lambda run: run.export("User", {"active": True}, {"active": False}, ID),
    "create-group": lambda run: run.export("Group", {"displayName": "Night Shift"}, None),
    "read-group": lambda run: run.target.read("Group", GROUP),
    "rename-group": lambda run: run.export("Group", {"displayName": "Day Shift"}, {"displayName": "x"}, GROUP),
    "add-member": lambda run: run.refer("Group", GROUP, "members", added=[ID]),
    "remove-member": lambda run: run.refer("Group", GROUP, "members", removed=[ID]),
    "delete-group": lambda run: run.delete("Group", GROUP),
}


def test_every_vector_is_sent() -> None:
    assert ACTS.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", ACTS)
async def test_a_request_is_what_okta_sends(name: str) -> None:
    async with recording("okta") as run:
        run.answers["GET"] = VECTORS["before"]
        await ACTS[name](run)
        sent = run.taken()

    shown = [
        {"method": each.method, "path": each.path, "query": each.query, "body": each.body}
        for each in sent
        if each.method == BY_NAME[name]["method"]
    ]
    assert shown == [BY_NAME[name]]


async def test_a_changed_manager_goes_out_with_the_whole_user() -> None:
    manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
    async with recording("okta") as run:
        run.answers["GET"] = VECTORS["before"]
        await run.refer("User", ID, manager, added=["boss"])
        read, put = run.taken()

    assert (read.method, put.method) == ("GET", "PUT")
    assert put.body[manager.rpartition(":")[0]] == {"manager": {"value": "boss"}}
    assert put.body["userName"] == MAIL
