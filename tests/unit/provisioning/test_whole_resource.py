"""A change as PUT keeps what others wrote, and an odd answer of the target fails one object and no more."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest

from rollcall.provisioning.connectors import bulk
from rollcall.provisioning.connectors.capabilities import Capabilities, of_config, of_schemas
from rollcall.provisioning.connectors.contract import Done, Unanswered
from rollcall.provisioning.connectors.open_attribute import OddResource
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.connectors.scim_answers import found
from rollcall.provisioning.connectors.whole_resource import changed_resource
from rollcall.provisioning.model import Json, Operation, PatchOperation
from rollcall.scim.error import ScimError
from rollcall.scim_http.answer import Done as WireDone
from tests.simulation.clock import VirtualRuntime
from tests.unit.provisioning.builders import ADA

U = "urn:x:2.0:User"
CUSTOM = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
HELD: dict[str, Any] = {
    "sites": [{"value": "foreign"}, {"value": "mine"}],
    "tags": ["foreign", "mine"],
    "badge": {"number": "7", "colour": "foreign"},
    "phones": [{"type": "home", "value": "foreign"}],
}


@pytest.mark.parametrize("urn", [U, CUSTOM])
@pytest.mark.parametrize(
    ("op", "path", "value", "after"),
    [
        ("Add", "sites", [{"value": "new"}, {"value": "mine"}], {"sites": [*HELD["sites"], {"value": "new"}]}),
        ("add", "tags", "new", {"tags": ["foreign", "mine", "new"]}),
        ("remove", 'sites[value eq "mine"]', None, {"sites": [{"value": "foreign"}]}),
        ("remove", 'tags[value eq "mine"]', None, {"tags": ["foreign"]}),
        ("remove", 'sites[value eq "nobody"]', None, {}),
        ("Remove", "sites", [{"value": "mine"}], {"sites": [{"value": "foreign"}]}),
        ("remove", "badge.number", None, {"badge": {"colour": "foreign"}}),
        ("replace", "BADGE.Number", "8", {"badge": {"number": "8", "colour": "foreign"}}),
        ("replace", "badge", {"number": "8"}, {"badge": {"number": "8", "colour": "foreign"}}),
        ("replace", 'phones[type eq "work"].value', "2", {"phones": [*HELD["phones"], {"type": "work", "value": "2"}]}),
        ("replace", 'phones[type eq "Home"].value', "2", {"phones": [{"type": "home", "value": "2"}]}),
        ("add", 'phones[type eq "home"].display', "d", {"phones": [{**HELD["phones"][0], "display": "d"}]}),
        ("replace", "floor", "3", {"floor": "3"}),
    ],
)
def test_an_attribute_no_schema_knows_keeps_what_others_wrote(
    urn: str, op: str, path: str, value: Json, after: Mapping[str, Any]
) -> None:
    held = {"id": "1", "userName": "a", urn: HELD}

    changed = changed_resource("User", held, [PatchOperation(op, f"{urn}:{path}", value)])

    assert changed == {"id": "1", "userName": "a", urn: {**HELD, **after}}


@pytest.mark.parametrize(
    ("op", "path", "value"),
    [
        ("replace", "phones.value", "2"),
        ("replace", 'badge[type eq "work"].value', "2"),
        ("replace", "sites", "one"),
        ("replace", 'sites[value ne "mine"].value', "2"),
        ("replace", 'tags[value eq "mine"].display', "2"),
    ],
)
def test_what_would_lose_something_is_not_put(op: str, path: str, value: Json) -> None:
    with pytest.raises(OddResource):
        changed_resource("User", {"id": "1", U: HELD}, [PatchOperation(op, f"{U}:{path}", value)])


class Canned:
    """A client whose requests are answered by a function, and remembered."""

    def __init__(self, answer: Callable[[str, Any], WireDone]) -> None:
        self._answer = answer
        self.sent: list[tuple[str, Any]] = []

    async def send(self, method: str, path: str, *, query: Any = None, body: Any = None, **_: Any) -> WireDone:
        self.sent.append((method, body))
        return self._answer(method, query)


def target_of(client: Canned) -> ScimTarget:
    return ScimTarget(client, VirtualRuntime(Random(1)), capabilities=Capabilities(patch=False))  # type: ignore[arg-type]


NAMED = [PatchOperation("replace", "displayName", "Red")]


async def test_a_group_that_comes_without_members_is_put_back_with_them() -> None:
    def answer(method: str, query: Any) -> WireDone:
        asked = {"members": [{"value": "7"}]} if query == {"attributes": "members"} else {"displayName": "Blue"}
        return WireDone(200, {"id": "1", **asked})

    client = Canned(answer)

    assert isinstance(await target_of(client).update("Group", "1", NAMED), Done)
    method, body = client.sent[-1]
    assert (method, body["displayName"], body["members"]) == ("PUT", "Red", [{"value": "7"}])


async def test_a_group_whose_members_can_not_be_read_is_not_put() -> None:
    client = Canned(lambda _, query: WireDone(200, {} if query else {"id": "1", "displayName": "Blue"}))

    assert isinstance(await target_of(client).update("Group", "1", NAMED), Unanswered)
    assert [method for method, _ in client.sent] == ["GET", "GET"]


@pytest.mark.parametrize("name", ["emails", ENTERPRISE])
async def test_an_odd_resource_fails_its_own_change_and_is_not_put(name: str) -> None:
    path = 'emails[type eq "work"].value' if name == "emails" else f"{ENTERPRISE}:department"
    client = Canned(lambda *_: WireDone(200, {"id": "1", name: "odd"}))

    outcome = await target_of(client).update("User", "1", [PatchOperation("replace", path, "x")])

    assert isinstance(outcome, Unanswered)
    assert [method for method, _ in client.sent] == ["GET"]


ODD: list[Any] = [None, True, 1, -1, 1.5, "", "x", "http://[::1/Users/7", "200", "201", "²00", [], [1], [None], {}, {"a": 1}, [{}], [[1]], [{"type": 1, "value": 2}], ["x"], {"givenName": [1]}]  # fmt: skip
PATHS = ["title", "name.givenName", 'emails[type eq "work"].value', "emails", "roles", "foo.bar", f"{U}:a", f"{U}:a.b", f"{CUSTOM}:a.b", CUSTOM, f"{ENTERPRISE}:department", "active"]  # fmt: skip


@pytest.mark.parametrize("path", [*PATHS, "members", 'members[value eq "1"]'])
def test_no_resource_is_too_odd_to_be_changed_or_turned_down(path: str) -> None:
    kind = "Group" if path.startswith("members") else "User"
    put = 0
    for name in ("title", "name", "emails", "roles", "foo", "members", "schemas", U, CUSTOM, ENTERPRISE):
        for odd in ODD:
            for op in ("add", "replace", "remove"):
                value = (
                    [{"value": "1"}]
                    if path in ("members", "emails", "roles")
                    else {"a": "1"}
                    if path == CUSTOM
                    else "x"
                )
                operation = PatchOperation(op, path, None if op == "remove" else value)
                try:
                    changed_resource(kind, {"id": "1", name: odd}, [operation])
                    put += 1
                except (ScimError, OddResource):
                    pass
    assert put > 0


def test_no_document_or_list_is_too_odd_to_be_read() -> None:
    random = Random(1)
    pick = random.choice
    operation = Operation(ADA, "create", None, {"userName": "a"})
    items = [bulk.item(operation, "/Users", 1, lambda _, values: dict(values))]
    for _ in range(2000):
        answer = {name: pick(ODD) for name in ("location", "method", "status", "response")}
        assert len(bulk.outcomes([operation], items, {"Operations": [{**answer, "bulkId": "1"}]})) == 1
        of_config(Capabilities(), {name: pick(ODD) for name in ("patch", "bulk", "filter", "etag")})
        of_schemas(
            Capabilities(),
            [{"id": pick(ODD), "attributes": pick([*ODD, [{"name": pick(ODD), "subAttributes": pick(ODD)}]])}],
            [{"name": pick([*ODD, ["User"]]), "schemaExtensions": pick([*ODD, [{"schema": pick(ODD)}]])}],
        )
        found(WireDone(200, {"Resources": pick([*ODD, [{"id": pick(ODD)}]]), "totalResults": pick(ODD)}))
        found(WireDone(200, {"Resources": pick(ODD)}))
