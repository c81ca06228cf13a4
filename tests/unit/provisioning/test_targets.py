"""Every target keeps the contract, with every request profile, and whatever the service provider can't do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.connectors.contract import Done, Found, Target
from rollcall.provisioning.connectors.fake import FakeTarget
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.provisioning.model import PatchOperation, RequestProfile
from rollcall.provisioning.request_profile import PROFILES
from rollcall.runtime import SystemRuntime
from rollcall.scim_http.client import ScimClient
from tests.contracts.target import TargetContract, made
from tests.scim_http.asgi import TOKEN, AsgiClient
from tests.scim_http.variants import Variant
from tests.scim_http.wires import http_server


@asynccontextmanager
async def reached(
    variant: Variant, profile: RequestProfile = "rfc", capabilities: Capabilities | None = None
) -> AsyncIterator[ScimTarget]:
    """The service provider on a loopback port, spoken to with this profile."""
    words = PROFILES[profile]
    async with (
        http_server(variant.answer) as url,
        ScimClient(url, TOKEN, accept=words.accept, blank=words.blank) as client,
    ):
        yield ScimTarget(client, SystemRuntime(), words, capabilities)


async def group_of(variant: Variant, target_id: str) -> dict[str, Any]:
    """The group as the server holds it."""
    reply = await AsgiClient(variant.app)("GET", f"/Groups/{target_id}")
    return dict(reply.json)


class TestFake(TargetContract):
    """The target of tests and simulations."""

    @pytest.fixture
    def target(self) -> FakeTarget:
        return FakeTarget()

    async def members(self, target: Target, group: str) -> set[str]:
        assert isinstance(target, FakeTarget)
        return {each["value"] for each in target.resources["Group"][group].get("members", [])}


class OverTheWire(TargetContract):
    """A service provider that is reached over HTTP."""

    server: Variant

    @pytest.fixture
    def variant(self) -> Variant:
        return Variant()

    @pytest.fixture(params=["rfc"])
    async def target(self, request: pytest.FixtureRequest, variant: Variant) -> AsyncIterator[ScimTarget]:
        self.server = variant
        async with reached(variant, request.param) as target:
            yield target

    async def members(self, target: Target, group: str) -> set[str]:
        shown = await group_of(self.server, group)
        return {each["value"] for each in shown.get("members", [])}


class TestScim(OverTheWire):
    """One that can do all that ours can, with each profile."""

    @pytest.fixture(params=sorted(PROFILES))
    async def target(self, request: pytest.FixtureRequest, variant: Variant) -> AsyncIterator[ScimTarget]:
        self.server = variant
        async with reached(variant, request.param) as target:
            yield target


class TestWithoutPatch(OverTheWire):
    """One that answers every PATCH with 501."""

    @pytest.fixture
    def variant(self) -> Variant:
        return Variant(patch=False)


class TestWithMembers(OverTheWire):
    """R6: one that shows the members of groups although they are excluded; that is no error here."""

    @pytest.fixture
    def variant(self) -> Variant:
        return Variant(shows_members=True)


async def test_the_first_refused_patch_teaches_that_there_is_none() -> None:
    variant = Variant(patch=False)
    async with reached(variant) as target:
        ada = await made(target, userName="ada")
        variant.requests.clear()
        for title in ("Dr", "Prof"):
            assert isinstance(await target.update("User", ada, [PatchOperation("replace", "title", title)]), Done)

    assert [method for method, _ in variant.requests] == ["PATCH", "GET", "PUT", "GET", "PUT"]
    assert (target.capabilities.patch, target.capabilities.origin("patch")) == (False, "learnt")


@pytest.mark.parametrize("profile", ["entra", "entra-aadOptscim062020"])
async def test_entras_profiles_send_patch_whatever_comes_back(profile: RequestProfile) -> None:
    """15.3: Entra sends no PUT."""
    variant = Variant(patch=False)
    async with reached(variant, profile) as target:
        ada = await made(target, userName="ada")
        variant.requests.clear()
        await target.update("User", ada, [PatchOperation("Replace", "title", "Dr")])

    assert [method for method, _ in variant.requests] == ["PATCH"]


async def test_a_put_names_the_version_it_changes_and_starts_over_when_somebody_was_faster() -> None:
    variant = Variant()
    async with reached(variant, capabilities=Capabilities(patch=False, etag=True)) as target:
        ada = await made(target, userName="ada")
        direct = AsgiClient(variant.app)
        meddled = False
        real = variant.app

        async def meddling(scope: Any, receive: Any, send: Any) -> None:
            nonlocal meddled
            if scope["method"] == "PUT" and not meddled:
                meddled = True
                nick = {"op": "replace", "path": "nickName", "value": "Countess"}
                body = {"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [nick]}
                assert (await direct("PATCH", f"/Users/{ada}", body)).status == 200
            await real(scope, receive, send)

        direct.app = real
        variant.app = meddling
        variant.requests.clear()
        assert isinstance(await target.update("User", ada, [PatchOperation("replace", "title", "Dr")]), Done)
        shown = (await direct("GET", f"/Users/{ada}")).json

    assert (shown["title"], shown["nickName"]) == ("Dr", "Countess")
    assert [method for method, _ in variant.requests] == ["GET", "PUT", "GET", "PUT"]
    assert len(set(variant.if_match)) == 2


async def test_a_target_without_filters_passes_the_connection_test_when_it_can_be_listed() -> None:
    """C4: better than the rule, where such a target fails."""
    variant = Variant(filter=False)
    async with reached(variant) as target:
        verdict = await target.test({"User": "userName", "Group": "displayName"})
        assert isinstance(await target.list("User", 1, 1), Found)

    assert verdict.ok
    assert "listed" in verdict.message


@pytest.mark.parametrize("profile", ["entra", "entra-aadOptscim062020"])
async def test_for_entra_a_target_without_filters_fails_the_connection_test(profile: RequestProfile) -> None:
    """C4."""
    async with reached(Variant(filter=False), profile) as target:
        assert (await target.test({"User": "userName"})).code == "no_filter"
