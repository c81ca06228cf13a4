"""The contract of Target; an implementation's test derives from it and gives the fixture `target`, empty."""

from __future__ import annotations

from rollcall.provisioning.connectors.contract import Done, Found, Outcome, Refused, Target
from rollcall.provisioning.model import Key, Operation, PatchOperation, Values

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
ODD = 'o"dd \\ näme + & %41@example.org'


async def made(target: Target, kind: str = "User", **values: object) -> str:
    """The id of a new resource."""
    named: Values = dict(values) or {"userName" if kind == "User" else "displayName": "ada"}
    outcome = await target.create(kind, named)
    assert isinstance(outcome, Done), outcome
    assert outcome.resource is not None
    return str(outcome.resource["id"])


def refusal(outcome: Outcome) -> tuple[str, int | None]:
    """Code and status of what was refused."""
    assert isinstance(outcome, Refused), outcome
    return outcome.code, outcome.status


async def read(target: Target, kind: str, target_id: str) -> dict[str, object]:
    """A resource that is there."""
    outcome = await target.read(kind, target_id)
    assert isinstance(outcome, Done), outcome
    assert outcome.resource is not None
    return dict(outcome.resource)


async def ids(target: Target, kind: str, attribute: str, value: str) -> list[str]:
    """The ids of the resources that are found."""
    found = await target.find(kind, attribute, value)
    assert isinstance(found, Found), found
    assert found.total == len(found.resources)
    return [str(each["id"]) for each in found.resources]


class TargetContract:
    """What every target keeps, whatever it is spoken to with."""

    async def test_what_is_made_is_found_and_read(self, target: Target) -> None:
        ada = await made(target, userName="ada@example.org", active=True)

        assert await ids(target, "User", "userName", "ada@example.org") == [ada]
        assert await ids(target, "User", "userName", "ADA@example.org") == [ada]
        assert await ids(target, "User", "userName", "bob@example.org") == []
        shown = await read(target, "User", ada)
        assert (shown["userName"], shown["active"]) == ("ada@example.org", True)

    async def test_a_value_of_odd_characters_is_found(self, target: Target) -> None:
        """M7: better than the rule, they are escaped."""
        odd = await made(target, userName=ODD)

        assert await ids(target, "User", "userName", ODD) == [odd]

    async def test_a_name_is_given_once(self, target: Target) -> None:
        await made(target, userName="ada")

        assert refusal(await target.create("User", {"userName": "ADA"})) == ("EntryConflict", 409)

    async def test_what_is_gone_can_neither_be_read_nor_changed_nor_deleted(self, target: Target) -> None:
        """M9."""
        gone = await made(target)
        assert isinstance(await target.delete("User", gone), Done)
        title = [PatchOperation("replace", "title", "Dr")]

        assert refusal(await target.read("User", gone)) == ("InvalidAnchor", 404)
        assert refusal(await target.update("User", gone, title)) == ("InvalidAnchor", 404)
        assert refusal(await target.delete("User", gone)) == ("InvalidAnchor", 404)

    async def test_attributes_are_set_and_removed(self, target: Target) -> None:
        ada = await made(target, userName="ada", title="Dr", **{"name.givenName": "Ada"})
        patch = [
            PatchOperation("remove", "title"),
            PatchOperation("replace", "name.givenName", "Augusta"),
            PatchOperation("add", "phoneNumbers", [{"type": "mobile", "value": "+1"}]),
        ]

        assert isinstance(await target.update("User", ada, patch), Done)

        shown = await read(target, "User", ada)
        assert "title" not in shown
        assert shown["name"] == {"givenName": "Augusta"}
        assert shown["phoneNumbers"] == [{"type": "mobile", "value": "+1"}]
        assert shown["userName"] == "ada"

    async def test_a_name_that_is_taken_is_not_given_by_a_change(self, target: Target) -> None:
        await made(target, userName="ada")
        bob = await made(target, userName="bob")

        refused = refusal(await target.update("User", bob, [PatchOperation("replace", "userName", "ada")]))

        assert refused == ("EntryConflict", 409)

    async def test_members_come_and_go_one_by_one(self, target: Target) -> None:
        group = await made(target, "Group", displayName="Red")
        ada, bob = await made(target, userName="ada"), await made(target, userName="bob")
        both = [PatchOperation("add", "members", [{"value": ada}, {"value": bob}])]
        without_ada = [PatchOperation("remove", f'members[value eq "{ada}"]')]

        assert isinstance(await target.update("Group", group, both), Done)
        assert isinstance(await target.update("Group", group, without_ada), Done)

        assert await self.members(target, group) == {bob}

    async def test_a_rename_keeps_the_members(self, target: Target) -> None:
        group, ada = await made(target, "Group", displayName="Red"), await made(target, userName="ada")
        await target.update("Group", group, [PatchOperation("add", "members", [{"value": ada}])])

        renamed = await target.update("Group", group, [PatchOperation("replace", "displayName", "Blue")])

        assert isinstance(renamed, Done)
        assert await self.members(target, group) == {ada}
        assert await ids(target, "Group", "displayName", "Blue") == [group]

    async def members(self, target: Target, group: str) -> set[str]:
        """The ids of the members; an implementation that shows none says how else they are seen."""
        raise NotImplementedError

    async def test_a_listing_shows_each_resource_once(self, target: Target) -> None:
        made_ids = {await made(target, userName=f"user {number}") for number in range(5)}
        shown: list[str] = []

        while True:
            page = await target.list("User", len(shown) + 1, 2)
            assert isinstance(page, Found)
            assert len(page.resources) <= 2
            shown.extend(str(each["id"]) for each in page.resources)
            if len(shown) >= page.total:
                break

        assert sorted(shown) == sorted(made_ids)

    async def test_whether_a_manager_is_set_can_be_asked(self, target: Target) -> None:
        """R4."""
        ada, bob, cem = [await made(target, userName=name) for name in ("ada", "bob", "cem")]
        await target.update("User", ada, [PatchOperation("replace", MANAGER, {"value": bob})])

        answers = [await target.refers("User", ada, "manager", other) for other in (bob, cem)]

        assert [isinstance(each, Found) and each.total for each in answers] == [1, 0]

    async def test_an_address_ends_with_the_id(self, target: Target) -> None:
        assert target.location("User", "a1").endswith("/Users/a1")

    async def test_parts_hold_every_operation_once_and_in_order(self, target: Target) -> None:
        target.capabilities = target.capabilities.known("learnt", bulk=True, bulk_operations=3)
        wave = [_creation(number) for number in range(8)]

        parts = target.parts(wave)

        assert [operation for part in parts for operation in part] == wave
        assert max(len(part) for part in parts) <= 3


def _creation(number: int) -> Operation:
    return Operation(Key("User", str(number)), "create", None, {"userName": f"user {number}"})
