"""The default mappings of a custom SCIM application, evaluated for many users."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from benchmarks.figure import Figure
from rollcall import directory
from rollcall.provisioning.defaults import CUSTOM_SCHEMA
from rollcall.provisioning.expression import Context
from rollcall.provisioning.mapping import compile_mapping, desired
from rollcall.provisioning.model import Entry, JobSettings, Key
from rollcall.provisioning.scoping import decide
from rollcall.provisioning.sync_schema import parse_schema
from rollcall.runtime import SystemRuntime

_USERS = 100_000
_DIFFERENT = 1_000


def measure() -> Iterator[Figure]:
    """Users a second on one core, from an entry of the source to the resource it should be."""
    runtime = SystemRuntime()
    compiled = compile_mapping(parse_schema(CUSTOM_SCHEMA)["User"])
    context = Context(now=runtime.now(), new_guid=lambda: str(runtime.new_id()), random=runtime.chance())
    people = directory.demo_company(2026, _DIFFERENT, 60).people
    entries = [_entry(str(number), person.attributes) for number, person in enumerate(people)]
    settings = JobSettings()
    began = time.perf_counter()
    for _ in range(_USERS // _DIFFERENT):
        for entry in entries:
            desired(entry, decide(entry, settings), compiled, context)
    seconds = time.perf_counter() - began
    what = f"{_USERS:,} users through the {len(compiled.mapping.attributes)} default mappings"
    yield Figure(what, seconds, "s")
    yield Figure("the same: one user", seconds / _USERS * 1e6, "µs")


def _entry(identifier: str, attributes: dict[str, Any]) -> Entry:
    """A user as the directory's connector gives it to the engine."""
    named = {
        **attributes,
        "objectId": identifier,
        "mobile": attributes.get("mobilePhone"),
        "telephoneNumber": next(iter(attributes.get("businessPhones", ())), None),
        "physicalDeliveryOfficeName": attributes.get("officeLocation"),
    }
    return Entry(Key("User", identifier), "present", named, assigned=True, assigned_by=("directly",))
