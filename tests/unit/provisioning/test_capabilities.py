"""What a target can do is read out of its own documents, probed where it has none, and told in words (rule C7)."""

from __future__ import annotations

from typing import Any

import pytest

from rollcall.provisioning.capability_report import report
from rollcall.provisioning.connectors.capabilities import (
    Capabilities,
    capabilities_from_json,
    capabilities_to_json,
    of_config,
    of_schemas,
    unknown_attributes,
)
from rollcall.provisioning.model import JobSettings
from rollcall.scim.schema import (
    ENTERPRISE_USER_SCHEMA,
    GROUP,
    USER,
    resource_type_to_json,
    schema_to_json,
)
from rollcall.scim_http.discovery import service_provider_config
from tests.scim_http.asgi import AsgiClient
from tests.scim_http.variants import Variant
from tests.unit.provisioning.test_targets import reached

MATCHING = {"User": "userName", "Group": "displayName"}
BASE = "https://scim.example"
SCHEMAS = [schema_to_json(each, BASE) for each in (USER.schema, ENTERPRISE_USER_SCHEMA, GROUP.schema)]
TYPES = [resource_type_to_json(each, BASE) for each in (USER, GROUP)]
CUSTOM = "urn:ietf:params:scim:schemas:extension:Fabrikam:2.0:User"


def bulk(**values: Any) -> dict[str, Any]:
    return {"bulk": {"supported": True, "maxOperations": 50, "maxPayloadSize": 9000, **values}}


def test_a_config_says_what_is_supported_and_is_named_as_the_origin() -> None:
    known = of_config(Capabilities(), service_provider_config(BASE, 200))

    assert (known.patch, known.filter, known.etag, known.bulk) == (True, True, True, False)
    assert {known.origin(name) for name in ("patch", "filter", "etag", "bulk")} == {"ServiceProviderConfig"}
    assert known.origin("listing") == "assumed"


@pytest.mark.parametrize(
    ("config", "offered"),
    [
        (bulk(), (True, 50, 9000)),
        (bulk(maxOperations=1), (False, 1, 9000)),
        (bulk(maxOperations="many"), (False, 0, 9000)),
        (bulk(maxOperations=True), (False, 0, 9000)),
        (bulk(maxPayloadSize=None), (True, 50, 0)),
        ({"bulk": True}, (False, 0, 0)),
        ({}, (False, 0, 0)),
    ],
)
def test_bulk_is_offered_with_a_limit_or_not_at_all(config: dict[str, Any], offered: tuple[bool, int, int]) -> None:
    known = of_config(Capabilities(), config)

    assert (known.bulk, known.bulk_operations, known.bulk_bytes) == offered


@pytest.mark.parametrize("config", [{"patch": None}, {"patch": "yes"}, {"patch": {"supported": "true"}}, {"patch": []}])
def test_what_a_config_does_not_say_stays_assumed(config: dict[str, Any]) -> None:
    known = of_config(Capabilities(), config)

    assert (known.patch, known.origin("patch")) == (True, "assumed")


def test_mapped_attributes_that_no_schema_names_are_told() -> None:
    """C7: discovery adds target attributes and removes none."""
    known = of_schemas(Capabilities(), SCHEMAS, TYPES)
    mapped = [
        "userName",
        "NICKNAME",
        "name.givenName",
        'emails[type eq "work"].value',
        f"{ENTERPRISE_USER_SCHEMA.id}:department",
        f"{USER.schema.id}:displayName",
        "externalId",
        "shoeSize",
        "name.shoeSize",
        f"{CUSTOM}:costRegion",
    ]

    assert unknown_attributes(known, "User", mapped) == ["shoeSize", "name.shoeSize", f"{CUSTOM}:costRegion"]
    assert unknown_attributes(known, "Group", ["displayName", "userName"]) == ["userName"]


def test_an_extension_of_its_own_is_known_where_its_resource_type_names_it() -> None:
    """C7."""
    own = {"id": CUSTOM, "attributes": [{"name": "costRegion", "type": "string"}, "nonsense"]}
    types = [{"name": "User", "schemaExtensions": [{"schema": CUSTOM}, {"schema": 3}, None]}]

    known = of_schemas(Capabilities(), [*SCHEMAS, own], types)

    assert unknown_attributes(known, "User", [f"{CUSTOM}:costRegion", f"{CUSTOM}:other"]) == [f"{CUSTOM}:other"]


def test_without_schemas_every_attribute_is_believed() -> None:
    assert unknown_attributes(of_schemas(Capabilities(), [], TYPES), "User", ["shoeSize"]) == []


def test_what_is_known_comes_back_from_storage() -> None:
    known = of_schemas(of_config(Capabilities(), bulk()), SCHEMAS, TYPES).known("learnt", patch=False)

    assert capabilities_from_json(capabilities_to_json(known)) == known
    assert capabilities_from_json(None) == Capabilities()


def test_what_another_version_stored_is_passed_over() -> None:
    stored = {"patch": "no", "wings": True, "filter": False, "origins": {"filter": "guess"}, "attributes": None}

    assert capabilities_from_json(stored) == Capabilities(filter=False)


async def test_a_target_without_documents_is_probed_and_written_to_by_nobody() -> None:
    variant = Variant()
    async with reached(variant) as target:
        assert await target.discover(MATCHING)

    known = target.capabilities
    assert {name: known.origin(name) for name in ("patch", "filter", "listing", "bulk", "excludes_members")} == {
        "patch": "assumed",
        "filter": "probe",
        "listing": "probe",
        "bulk": "assumed",
        "excludes_members": "assumed",  # without a group there is nothing to see
    }
    assert {method for method, _ in variant.requests} == {"GET"}


async def test_probing_shows_what_does_not_work() -> None:
    """R6: members that come in spite of the exclusion are noticed."""
    variant = Variant(filter=False, shows_members=True)
    direct = AsgiClient(variant.app)
    user = (await direct("POST", "/Users", {"schemas": [USER.schema.id], "userName": "ada"})).json["id"]
    group = {"schemas": [GROUP.schema.id], "displayName": "Red", "members": [{"value": user}]}
    assert (await direct("POST", "/Groups", group)).status == 201
    async with reached(variant) as target:
        assert await target.discover(MATCHING)

    known = target.capabilities
    assert (known.filter, known.excludes_members, known.listing) == (False, False, True)
    assert known.origin("excludes_members") == "probe"


async def test_its_own_documents_are_believed_and_read_in_any_order() -> None:
    answers = {
        "ServiceProviderConfig": {**service_provider_config(BASE, 200), **bulk(), "filter": {"supported": False}},
        "Schemas": {"totalResults": 3, "Resources": SCHEMAS},
        "ResourceTypes": {"totalResults": 2, "Resources": TYPES},
    }
    async with reached(Variant(answers=answers)) as target:
        assert await target.discover(MATCHING)

    known = target.capabilities
    assert (known.bulk, known.bulk_operations, known.etag) == (True, 50, True)
    assert (known.filter, known.origin("filter")) == (False, "ServiceProviderConfig")
    assert "userName" in known.attributes["User"]


@pytest.mark.parametrize("document", [[], {"Resources": 3}, {"Resources": [1, {"id": None, "attributes": 7}]}])
async def test_documents_that_are_nonsense_are_passed_over(document: Any) -> None:
    answers = {"ServiceProviderConfig": document, "Schemas": document, "ResourceTypes": document}
    async with reached(Variant(answers=answers)) as target:
        assert await target.discover(MATCHING)

    assert target.capabilities.attributes == {}
    assert target.capabilities.origin("patch") == "assumed"


async def test_what_refused_requests_have_taught_outlives_asking_again() -> None:
    async with reached(Variant(), capabilities=Capabilities().known("learnt", members_per_patch=7)) as target:
        assert await target.discover(MATCHING)

    assert (target.capabilities.members_per_patch, target.capabilities.origin("members_per_patch")) == (7, "learnt")


async def test_a_target_that_does_not_answer_teaches_nothing() -> None:
    before = Capabilities().known("ServiceProviderConfig", patch=False)
    variant = Variant()
    async with reached(variant, capabilities=before) as target:
        target.capabilities = before
        variant.app = _failing
        assert not await target.discover(MATCHING)

    assert target.capabilities == before


async def _failing(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 401, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def effects(known: Capabilities, **settings: Any) -> dict[str, str]:
    """What the report says is done, by capability."""
    told = report(known, JobSettings(**settings), {}, None)
    return {each.name: each.effect for each in told.capabilities}


def test_a_report_says_what_is_done_because_of_each_capability() -> None:
    offered = Capabilities(bulk=True, bulk_operations=50, bulk_bytes=9000)

    assert effects(offered)["bulk"] == "Up to 50 operations and 9,000 bytes go out in one request."
    assert "setting bulk is off" in effects(offered, bulk=False)["bulk"]
    assert effects(Capabilities())["patch"] == "Changes are sent as PATCH."
    assert "put back whole" in effects(Capabilities(patch=False))["patch"]
    assert "listed whole" in effects(Capabilities(filter=False))["filter"]
    assert "dropped" in effects(Capabilities(excludes_members=False))["excludes_members"]
    assert "up to 7 " in effects(Capabilities(members_per_patch=7))["members_per_patch"]
    assert "profile entra" in effects(Capabilities(patch=False), request_profile="entra")["patch"]


def test_a_report_warns_of_attributes_the_target_does_not_name_and_of_a_target_where_nothing_is_found() -> None:
    known = of_schemas(Capabilities(filter=False, listing=False), SCHEMAS, TYPES)

    warnings = report(known, JobSettings(), {"User": ["userName", "shoeSize"]}, None).warnings

    assert [warning.partition(".")[0] for warning in warnings] == [
        "User: shoeSize is mapped, and the target's schemas do not name it",
        "The target neither filters nor lists, so nothing that is there can be found",
    ]
