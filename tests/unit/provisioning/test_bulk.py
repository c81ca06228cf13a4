"""Operations of one wave in one request (RFC 7644 §3.7), and what becomes of each of them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.contract import Done, Outcome, Refused, Unanswered
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.model import Key, Operation, PatchOperation
from tests.scim_http.asgi import AsgiClient
from tests.scim_http.variants import Variant
from tests.simulation.clock import VirtualRuntime
from tests.unit.provisioning.test_targets import reached

OFFERED = Capabilities(bulk=True, bulk_operations=100)


def creation(number: int, **values: Any) -> Operation:
    return Operation(Key("User", str(number)), "create", None, {"userName": f"user {number}", **values})


def creations(count: int) -> list[Operation]:
    return [creation(number) for number in range(count)]


async def sent(target: ScimTarget, wave: Sequence[Operation], *, bulk: bool = True) -> list[Outcome | None]:
    """The outcomes of a wave."""
    exporter = Exporter(target, VirtualRuntime(Random(1)), 2, bulk=bulk)
    results = await exporter.export([wave])
    assert sorted(result[0].key for result in results) == sorted(operation.key for operation in wave)
    by_key = {operation.key: outcome for operation, outcome, _ in results}
    return [by_key[operation.key] for operation in wave]


async def held(variant: Variant) -> dict[str, dict[str, Any]]:
    """What the server holds, by userName."""
    reply = await AsgiClient(variant.app)("GET", "/Users?count=100")
    return {each["userName"]: each for each in reply.json["Resources"]}


def ids(outcomes: Sequence[Outcome | None]) -> list[str]:
    """The ids of what was created."""
    assert all(isinstance(each, Done) for each in outcomes), outcomes
    return [str(each.resource["id"]) for each in outcomes if isinstance(each, Done) and each.resource is not None]


async def test_a_wave_goes_out_in_one_request_and_each_creation_has_its_id() -> None:
    variant = Variant(bulk_operations=100)
    async with reached(variant, capabilities=OFFERED) as target:
        outcomes = await sent(target, creations(7))

    assert variant.requests == [("POST", "/Bulk")]
    assert "failOnErrors" not in variant.bodies[0]
    accounts = await held(variant)
    assert ids(outcomes) == [accounts[f"user {number}"]["id"] for number in range(7)]


async def test_updates_and_deletions_go_the_same_way() -> None:
    variant = Variant(bulk_operations=100)
    async with reached(variant, capabilities=OFFERED) as target:
        ada, bob = ids(await sent(target, creations(2)))
        outcomes = await sent(
            target,
            [
                Operation(Key("User", "0"), "update", ada, {}, patch=(PatchOperation("replace", "title", "Dr"),)),
                Operation(Key("User", "1"), "delete", bob, {}),
            ],
        )

    assert all(isinstance(each, Done) for each in outcomes)
    accounts = await held(variant)
    assert {name: each.get("title") for name, each in accounts.items()} == {"user 0": "Dr"}


@pytest.mark.parametrize(("wanted", "offered"), [(False, True), (True, False)], ids=["not wanted", "not offered"])
async def test_operations_go_one_by_one_otherwise(wanted: bool, offered: bool) -> None:
    variant = Variant(bulk_operations=100)
    async with reached(variant, capabilities=OFFERED if offered else None) as target:
        await sent(target, creations(2), bulk=wanted)

    assert variant.requests == [("POST", "/Users"), ("POST", "/Users")]


async def test_half_of_them_may_be_refused_each_for_its_own_reason() -> None:
    def refuses(operation: dict[str, Any]) -> int | None:
        return {"1": 409, "3": 400, "5": 403}.get(operation["bulkId"])

    variant = Variant(bulk_operations=100, refuses=refuses)
    async with reached(variant, capabilities=OFFERED) as target:
        outcomes = await sent(target, creations(6))

    assert [each.code if isinstance(each, Refused) else type(each).__name__ for each in outcomes] == [
        "EntryConflict", "Done", "AttributeValidationFailed", "Done", "InsufficientRights", "Done"
    ]  # fmt: skip
    assert all("Not this one" in each.reason for each in outcomes if isinstance(each, Refused))


async def test_without_an_answer_nobody_knows_what_became_of_any() -> None:
    variant = Variant(bulk_operations=100, cut=True)
    async with reached(variant, capabilities=OFFERED) as target:
        outcomes = await sent(target, creations(3))

    assert all(isinstance(each, Unanswered) for each in outcomes)
    # Each keeps its own part of what was sent, and nobody else's.
    kept = [(each.request, each.body["userName"]) for each in outcomes if isinstance(each, Unanswered)]
    assert kept == [("POST /Users in /Bulk", f"user {number}") for number in range(3)]
    assert len(await held(variant)) == 3, "it had been carried out"


async def test_what_the_answer_leaves_out_may_or_may_not_have_happened() -> None:
    variant = Variant(bulk_operations=100, forgets=lambda operation: 1 if operation["bulkId"] == "2" else None)
    async with reached(variant, capabilities=OFFERED) as target:
        outcomes = await sent(target, creations(3))

    assert [type(each) for each in outcomes] == [Done, Unanswered, Done]


async def test_a_request_that_is_too_large_is_halved_and_the_limit_remembered() -> None:
    variant = Variant(bulk_operations=2)
    async with reached(variant, capabilities=OFFERED) as target:
        assert len(set(ids(await sent(target, creations(8))))) == 8

    assert (target.capabilities.bulk_operations, target.capabilities.origin("bulk_operations")) == (2, "learnt")
    assert len(await held(variant)) == 8


async def test_a_wave_that_is_throttled_is_sent_again_as_a_whole() -> None:
    """C9."""
    variant = Variant(bulk_operations=100, throttled=2)
    async with reached(variant, capabilities=OFFERED) as target:
        assert len(ids(await sent(target, creations(3)))) == 3

    assert variant.requests == [("POST", "/Bulk")] * 3


async def test_a_target_that_knows_no_bulk_after_all_is_sent_everything_one_by_one() -> None:
    variant = Variant()
    async with reached(variant, capabilities=OFFERED) as target:
        assert len(ids(await sent(target, creations(3)))) == 3

    assert [path for _, path in variant.requests] == ["/Bulk", "/Users", "/Users", "/Users"]
    assert (target.capabilities.bulk, target.capabilities.origin("bulk")) == (False, "learnt")


async def test_no_part_is_larger_than_the_target_takes() -> None:
    variant = Variant(bulk_operations=100, largest=2000)
    limited = OFFERED.known("ServiceProviderConfig", bulk_bytes=2000)
    async with reached(variant, capabilities=limited) as target:
        outcomes = await sent(target, [creation(number, title="x" * 100 * number) for number in range(12)])

    assert len(ids(outcomes)) == 12
    assert 1 < sum(path == "/Bulk" for _, path in variant.requests) < 12
    assert target.capabilities == limited, "no answer was 413"


async def test_without_patch_updates_are_not_sent_in_bulk() -> None:
    variant = Variant(bulk_operations=100, patch=False)
    async with reached(variant, capabilities=OFFERED.known("ServiceProviderConfig", patch=False)) as target:
        title = (PatchOperation("replace", "title", "Dr"),)
        made = ids([await target.create("User", {"userName": name}) for name in ("ada", "bob")])
        variant.requests.clear()
        wave = [Operation(Key("User", each), "update", each, {}, patch=title) for each in made]
        assert all(isinstance(each, Done) for each in await sent(target, wave))

    assert sorted({method for method, _ in variant.requests}) == ["GET", "PUT"]


@pytest.mark.parametrize("bulk", [True, False])
async def test_a_value_that_is_no_json_fails_its_own_object_alone(bulk: bool) -> None:
    wave = [creation(0), creation(1, badge=2**64), creation(2)]
    variant = Variant(bulk_operations=100)
    async with reached(variant, capabilities=OFFERED) as target:
        first, second, third = await sent(target, wave, bulk=bulk)

    assert isinstance(first, Done)
    assert isinstance(third, Done)
    assert isinstance(second, Refused)
    assert second.code == "AttributeValidationFailed"
    assert sorted(await held(variant)) == ["user 0", "user 2"]
