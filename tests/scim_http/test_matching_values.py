"""What people are called reaches a SCIM server as it is, over the wire (rules M6, M7)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rollcall.provisioning.connectors.contract import Done, Found
from rollcall.provisioning.connectors.scim import ScimTarget
from rollcall.runtime import SystemRuntime
from rollcall.scim_http.client import ScimClient
from tests.scim_http.asgi import TOKEN
from tests.scim_http.serving import served_apart

NAMES = [
    'quo"te', "back\\slash", 'both\\"', "\\", '"', "a+b@example.org", "R&D", "100%", "50%25", "Zoë Müller", "日本", "😀",
    "(brackets)", "#1", "a#EXT#@b", "O'Neil", "semi;colon", "a=b&c=d", "sp ace", "tab\there", "eq", 'x" or userName pr or "',
    "slash/../up", "?query", "{id}", "[0]", "a,b", "<b>", "null", "true", "$ref", "*",
]  # fmt: skip
FIELDS = [
    ("User", "userName"),
    ("User", "externalId"),
    ("User", 'emails[type eq "work"].value'),
    ("User", "name.familyName"),
    ("Group", "displayName"),
    ("Group", "externalId"),
]


@pytest.fixture(scope="module")
async def target() -> AsyncIterator[ScimTarget]:
    """A SCIM server in a process of its own, as a target."""
    async with served_apart() as base, ScimClient(base, TOKEN) as client:
        yield ScimTarget(client, SystemRuntime())


@pytest.mark.parametrize("name", NAMES)
async def test_any_name_finds_its_owner_and_nobody_else(target: ScimTarget, name: str) -> None:
    """M7: better, values are escaped and percent-encoded; M6: value paths too."""
    for place, (kind, attribute) in enumerate(FIELDS):
        required = "userName" if kind == "User" else "displayName"
        unique = f"{place} of {name.encode().hex()}"
        made = await target.create(kind, {required: unique, attribute: f"{name}{place}"})
        other = await target.create(kind, {required: f"{unique} other", attribute: f"{name}{place}{name}"})
        assert isinstance(made, Done)
        assert isinstance(other, Done)
        assert made.resource is not None

        found = await target.find(kind, attribute, f"{name}{place}")

        assert isinstance(found, Found), found
        assert [row["id"] for row in found.resources] == [made.resource["id"]]
