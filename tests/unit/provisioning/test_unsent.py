"""What an explanation would send shows nothing that a mapping hides, in whatever form it goes out."""

from __future__ import annotations

import orjson
import pytest

from rollcall.provisioning.connectors.capabilities import Capabilities
from rollcall.provisioning.model import PatchOperation
from rollcall.provisioning.request_profile import PROFILES
from rollcall.provisioning.unsent import UnsentClient, UnsentTarget
from rollcall.runtime import SystemRuntime

SECRET = "S-1234"


@pytest.mark.parametrize(
    ("hidden", "operation"),
    [
        ("ids", PatchOperation("remove", f'ids[value eq "{SECRET}"]')),
        ("ids", PatchOperation("Remove", "ids", [{"value": SECRET}])),
        ("ids", PatchOperation("add", "ids", [SECRET])),
        ('addresses[primary eq "True"].locality', PatchOperation("replace", "addresses[primary eq true].locality", SECRET)),
        ('emails[type eq "work"].value', PatchOperation("add", "emails", [{"type": "work", "value": SECRET}])),
        ("name.familyName", PatchOperation("replace", None, {"name.familyName": SECRET, "title": "Lead"})),
        ("name.familyName", PatchOperation("replace", "NAME.familyname", SECRET)),
    ],
)  # fmt: skip
async def test_a_hidden_value_stands_neither_in_the_path_nor_in_the_value(
    hidden: str, operation: PatchOperation
) -> None:
    async with UnsentClient("http://127.0.0.1:1/scim", "token") as client:
        target = UnsentTarget(client, SystemRuntime(), PROFILES["rfc"], Capabilities())
        target.hidden = client.hidden = {hidden}

        await target.update("User", "u1", [operation])

    said = orjson.dumps([each.body for each in client.unsent]).decode()
    assert SECRET not in said
    assert "[Redact]" in said


async def test_what_is_not_hidden_is_shown() -> None:
    operations = [
        PatchOperation("replace", "name.givenName", "Ada"),
        PatchOperation("remove", 'emails[value eq "a@x"]'),
        PatchOperation("replace", 'phoneNumbers[type eq "work"].value', "1"),
    ]
    async with UnsentClient("http://127.0.0.1:1/scim", "token") as client:
        target = UnsentTarget(client, SystemRuntime(), PROFILES["rfc"], Capabilities())
        target.hidden = client.hidden = {"name.familyName", 'phoneNumbers[type eq "work"].type'}

        await target.update("User", "u1", operations)

    assert "[Redact]" not in orjson.dumps([each.body for each in client.unsent]).decode()
