"""Whom a new filter would put out: seconds and memory of a preview over the whole directory."""

from __future__ import annotations

import asyncio
import copy
import os
import time
from collections.abc import Iterator
from uuid import UUID

from benchmarks.figure import Figure
from benchmarks.halves import halves, peak_megabytes
from rollcall import directory
from rollcall.db import TenantDatabase
from rollcall.provisioning import preview_scope, read_job

_SEED = 2026
_GROUPS = 60
_FILTER = {
    "groups": [
        {
            "name": "Some",
            "clauses": [
                {"sourceOperandName": "department", "operatorName": "IS NOT NULL"},
                {
                    "sourceOperandName": "userPrincipalName",
                    "operatorName": "REGEX MATCH",
                    "targetOperand": {"values": ["[a-m].*@.*"]},
                },
            ],
        }
    ]
}


def measure(full: bool) -> Iterator[Figure]:
    """For 100,000 people, for 5,000 without `full`."""
    people = 100_000 if full else 5_000
    yield from asyncio.run(_measure(people))


async def _measure(people: int) -> list[Figure]:
    async def fill(db: TenantDatabase, _application: UUID) -> None:
        await db.write(directory.found_company, directory.demo_company(_SEED, people, _GROUPS), _application)

    async with halves(fill) as joined:
        document = copy.deepcopy((await joined.db.read(read_job, joined.job_id)).sync_schema)
        document["synchronizationRules"][0]["objectMappings"][0]["scope"] = _FILTER
        before = peak_megabytes(os.getpid())
        began = time.perf_counter()
        found = await preview_scope(joined.parts.provisioning, joined.tenant, joined.job_id, schema=document)
        seconds = time.perf_counter() - began
        assert found.read >= people, "everybody was looked at"
        assert 0 < found.users.leaving.count < people, "the filter parts the people"
        return [
            Figure(f"preview of a filter, {people:,} people", seconds, "s"),
            Figure("the same: memory it adds", peak_megabytes(os.getpid()) - before, "MB"),
        ]
