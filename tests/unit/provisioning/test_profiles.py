"""With every request profile, and with targets that can do less or more, a job ends with the same accounts (rules 15.1 to 15.4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random  # noqa: TID251 - seeded
from typing import Any

import pytest

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.fake import FakeSource
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.cycle import run_cycle
from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.exporter import Exporter
from rollcall.provisioning.expression import Context
from rollcall.provisioning.ledger_contract import Commit, Position
from rollcall.provisioning.ledger_memory import MemoryLedger
from rollcall.provisioning.mapping import compile_mapping
from rollcall.provisioning.model import JobSettings, Key, RequestProfile
from rollcall.provisioning.request_profile import flagged_profile, without_flags
from rollcall.provisioning.road import Counts, Road
from rollcall.provisioning.sync_schema import parse_schema
from rollcall.scim.schema import USER
from tests.scim_http.asgi import AsgiClient
from tests.scim_http.variants import Variant
from tests.simulation.clock import VirtualRuntime
from tests.unit.provisioning.builders import RED, entry
from tests.unit.provisioning.test_targets import reached

MAPPINGS = {kind: compile_mapping(mapping) for kind, mapping in parse_schema(CUSTOM_SCHEMA).items()}
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PEOPLE = [Key("User", name) for name in ("ada", "bob", "cem", "dea")]
ADA, BOB, CEM, DEA = PEOPLE


@dataclass
class World:
    """People and a group, and what is remembered of them; cycles go to a server."""

    source: FakeSource = field(default_factory=FakeSource)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    runtime: VirtualRuntime = field(default_factory=lambda: VirtualRuntime(Random(1)))

    async def cycle(self, target: ScimTarget, profile: RequestProfile, members: int = 500) -> Counts:
        """One cycle to its end."""
        settings = JobSettings(request_profile=profile, members_per_request=members)
        road = Road(
            settings=settings,
            mappings=MAPPINGS,
            source=self.source,
            target=target,
            ledger=self.ledger,
            runtime=self.runtime,
            exporter=Exporter(target, self.runtime, 2, bulk=True),
            context=lambda: Context(now=self.runtime.now(), new_guid=str, random=self.runtime.chance()),
            cycle_id="cycle",
            verify=True,
        )
        result = await run_cycle(road)
        assert result.problem is None, result.problem
        await self.runtime.sleep(7 * 3600)
        return result.counts

    def begin(self) -> None:
        """Everybody joins."""
        self.source.put(entry(ADA, givenName="Ada", surname="Byron", department="R&D", mobile="+1"))
        self.source.put(entry(BOB, givenName="Bob", manager="ada"))
        self.source.put(entry(CEM, givenName="Cem", manager="ada"))
        self.source.put(entry(DEA, givenName="Dea", manager="bob"))
        self.source.put(entry(RED))
        for key in PEOPLE:
            self.source.join("red", key)

    def change(self) -> None:
        """Names, managers and members change; one leaves."""
        self.source.put(entry(ADA, givenName="Augusta", surname="King", department="Maths", mobile="+2", jobTitle="Dr"))
        self.source.put(entry(BOB, givenName="Bob", mobile="+3"))
        self.source.put(entry(CEM, givenName="Cem", manager="bob"))
        self.source.put(entry(DEA, givenName="Dea", manager="bob", assigned=False))
        self.source.put(entry(RED, displayName="crimson"))
        self.source.leave("red", ADA)
        self.source.leave("red", DEA)


async def held(variant: Variant) -> dict[str, Any]:
    """What the server holds, with names for ids."""
    direct = AsgiClient(variant.app)
    users = (await direct("GET", "/Users?count=100")).json["Resources"]
    groups = (await direct("GET", "/Groups?count=100")).json["Resources"]
    names = {each["id"]: each["userName"] for each in users}
    left_out = {"id", "meta", "groups", "schemas", "roles"}
    shown: dict[str, Any] = {}
    for user in users:
        account = {name: value for name, value in user.items() if name not in left_out}
        extension = dict(account.pop(ENTERPRISE, {}))
        manager = extension.pop("manager", {}).get("value")
        shown[user["userName"]] = {**account, **extension, "manager": names.get(manager)}
    for group in groups:
        shown[group["displayName"]] = sorted(names[each["value"]] for each in group.get("members", ()))
    return shown


async def outcome(
    variant: Variant, profile: RequestProfile = "rfc", capabilities: Capabilities | None = None, members: int = 500
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the server holds after everybody joined, and after the changes."""
    world = World()
    async with reached(variant, profile, capabilities) as target:
        world.begin()
        for _ in range(3):
            await world.cycle(target, profile, members)
        first = await held(variant)
        world.change()
        for _ in range(3):
            await world.cycle(target, profile, members)
        variant.requests.clear()
        idle = await world.cycle(target, profile, members)
        assert (idle.requests, variant.requests) == (0, [])
    return first, await held(variant)


async def expected() -> Sequence[dict[str, Any]]:
    """What the plain profile makes of it, checked once in words."""
    first, after = await outcome(Variant())
    assert first["red"] == sorted(f"{key.id}@example.org" for key in PEOPLE)
    assert first["bob@example.org"]["manager"] == "ada@example.org"
    assert first["ada@example.org"]["active"] is True
    assert after["crimson"] == ["bob@example.org", "cem@example.org"]
    assert after["cem@example.org"]["manager"] == "bob@example.org"
    assert after["bob@example.org"]["manager"] is None
    assert after["dea@example.org"]["active"] is False
    assert after["ada@example.org"]["name"]["givenName"] == "Augusta"
    return first, after


@pytest.mark.parametrize("profile", ["entra", "entra-aadOptscim062020", "okta"])
async def test_every_profile_ends_with_the_same_accounts(profile: RequestProfile) -> None:
    """15.1, 15.2, 15.3, 15.4."""
    variant = Variant()

    assert await outcome(variant, profile) == await expected()


FILTERLESS = Capabilities(filter=False)
TARGETS = [
    ("without PATCH", {"patch": False}, None),
    ("said to be without PATCH", {"patch": False}, Capabilities(patch=False, etag=True)),
    ("without filters", {"filter": False}, None),
    ("said to be without filters", {"filter": False}, FILTERLESS),
    ("with members in every answer (R6)", {"shows_members": True}, None),
    ("with Bulk", {"bulk_operations": 100}, Capabilities(bulk=True, bulk_operations=100)),
    ("with Bulk of two operations", {"bulk_operations": 2}, Capabilities(bulk=True, bulk_operations=100)),
    ("with Bulk that is not there", {}, Capabilities(bulk=True, bulk_operations=100)),
]


@pytest.mark.parametrize(("abilities", "capabilities"), [pytest.param(*target[1:], id=target[0]) for target in TARGETS])
async def test_every_target_ends_with_the_same_accounts(
    abilities: dict[str, Any], capabilities: Capabilities | None
) -> None:
    """C7, R6."""
    assert await outcome(Variant(**abilities), capabilities=capabilities) == await expected()


async def test_members_that_come_in_spite_of_the_exclusion_are_not_kept() -> None:
    """R6: they are dropped before anything is remembered."""
    world, variant = World(), Variant(shows_members=True)
    async with reached(variant) as target:
        world.begin()
        for _ in range(2):
            await world.cycle(target, "rfc")

    assert (await held(variant))["red"], "there are members to show"
    assert "members" not in world.ledger.links[RED].sent
    assert world.ledger.links[RED].sent["displayName"] == "red"


async def test_a_patch_that_is_too_large_teaches_how_many_members_fit() -> None:
    variant = Variant(largest=600)
    world = World()
    async with reached(variant) as target:
        for number in range(40):
            world.source.put(entry(Key("User", f"u{number}"), assigned=number < 20))
        world.source.put(entry(RED))
        for number in range(40):
            world.source.join("red", Key("User", f"u{number}"))
        for _ in range(2):
            await world.cycle(target, "rfc")
        limit = target.capabilities.members_per_patch
        for number in range(20, 40):
            world.source.put(entry(Key("User", f"u{number}")))
        variant.requests.clear()
        await world.cycle(target, "rfc")

    assert 0 < limit < 20
    assert target.capabilities.origin("members_per_patch") == "learnt"
    assert len((await held(variant))["red"]) == 40
    patches = sum(method == "PATCH" for method, _ in variant.requests)
    assert patches == -(-20 // limit), "what was learnt is not learnt again"


async def test_without_filters_an_account_that_was_made_anew_is_found_in_the_list() -> None:
    """M9: in the cycle that misses the old one."""
    variant, world = Variant(filter=False), World()
    async with reached(variant, capabilities=FILTERLESS) as target:
        world.begin()
        await world.cycle(target, "rfc")
        direct = AsgiClient(variant.app)
        old = world.ledger.links[BOB].target_id
        assert (await direct("DELETE", f"/Users/{old}")).status == 204
        new = (await direct("POST", "/Users", {"schemas": [USER.schema.id], "userName": "bob@example.org"})).json["id"]
        await world.ledger.commit(Commit(position=Position()))
        variant.requests.clear()
        await world.cycle(target, "rfc")

    assert world.ledger.links[BOB].target_id == new
    assert ("POST", "/Users") not in variant.requests


@pytest.mark.parametrize(("profile", "lists"), [("rfc", True), ("entra", False), ("entra-aadOptscim062020", False)])
async def test_many_people_are_looked_up_one_by_one_where_the_client_does_not_list(
    profile: RequestProfile, lists: bool
) -> None:
    """15.3: Entra lists no resources."""
    variant, world = Variant(), World()
    async with reached(variant, profile) as target:
        for number in range(12):
            world.source.put(entry(Key("User", f"u{number}")))
        await world.cycle(target, profile)

    asked = sum(each == ("GET", "/Users") for each in variant.requests)
    assert asked == (1 if lists else 12)


FLAG = "https://scim.fabrikam.example/scim/?aadOptscim062020"


@pytest.mark.parametrize(
    ("url", "profile", "sent_to"),
    [
        (FLAG, "entra-aadOptscim062020", "https://scim.fabrikam.example/scim/"),
        (f"{FLAG}=true", "entra-aadOptscim062020", "https://scim.fabrikam.example/scim/"),
        ("https://a.example/s?AADOPTSCIM062020&key=1", "entra-aadOptscim062020", "https://a.example/s?key=1"),
        ("https://a.example/s?key=a%20b&aadOptscim062020", "entra-aadOptscim062020", "https://a.example/s?key=a%20b"),
        ("https://a.example/s?AzureAdScimPatch2017", "entra", "https://a.example/s"),
        ("https://a.example/s?key=aadOptscim062020", None, "https://a.example/s?key=aadOptscim062020"),
        ("https://a.example/s", None, "https://a.example/s"),
    ],
)
def test_the_flag_in_a_tenant_url_chooses_the_profile_and_is_not_sent(
    url: str, profile: str | None, sent_to: str
) -> None:
    """C1, 15.4."""
    assert flagged_profile(url) == profile
    assert without_flags(url) == sent_to
