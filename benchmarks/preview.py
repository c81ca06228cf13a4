"""Whom a new filter would put out: seconds and memory of `rollcall job schema set --dry-run` over a whole directory."""

from __future__ import annotations

import asyncio
import copy
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from benchmarks.figure import Figure
from benchmarks.halves import Halves, command, halves
from rollcall import directory
from rollcall.db import TenantDatabase
from rollcall.provisioning import read_job

_SEED = 2026
_GROUPS = 60
_CLAUSES = [
    {"sourceOperandName": "department", "operatorName": "IS NOT NULL"},
    {
        "sourceOperandName": "userPrincipalName",
        "operatorName": "REGEX MATCH",
        "targetOperand": {"values": ["[a-m].*@.*"]},
    },
]


def measure(full: bool) -> Iterator[Figure]:
    """For 100,000 people, for 5,000 without `full`."""
    yield from asyncio.run(_measure(100_000 if full else 5_000))


async def _measure(people: int) -> list[Figure]:
    async def fill(db: TenantDatabase, application: UUID) -> None:
        await db.write(directory.found_company, directory.demo_company(_SEED, people, _GROUPS), application)

    async with halves(fill) as joined:
        document = copy.deepcopy((await joined.db.read(read_job, joined.job_id)).sync_schema)
        document["synchronizationRules"][0]["objectMappings"][0]["scope"] = {
            "groups": [{"name": "Some", "clauses": _CLAUSES}]
        }
        seconds, megabytes = await asyncio.to_thread(_preview, joined, document, people)
        return [
            Figure(f"preview of a filter, {people:,} people, from the command's start to its end", seconds, "s"),
            Figure("the same: peak memory", megabytes, "MB"),
        ]


def _preview(joined: Halves, document: dict[str, object], people: int) -> tuple[float, float]:
    """Seconds and megabytes of the command, as a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        file, told = Path(folder) / "schema.json", Path(folder) / "told.json"
        file.write_text(json.dumps(document))
        seconds, megabytes = command(joined, "job", "schema", "set", str(file), "--dry-run", "--json", told=told)
        found = json.loads(told.read_text())["scope_change"]
        assert found["read"] >= people, "everybody was looked at"
        assert 0 < found["users"]["leaving"]["count"] < people, "the filter parts the people"
        return seconds, megabytes
