"""Whom a new filter would put out: seconds and memory of `rollcall job schema set --dry-run` over a whole directory."""

from __future__ import annotations

import asyncio
import copy
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from benchmarks.figure import Figure
from benchmarks.halves import Halves, halves, peak_megabytes
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
        words = [
            "-m",
            "rollcall",
            "job",
            "schema",
            "set",
            str(file),
            "--dry-run",
            "--json",
            "--data",
            str(joined.parts.config.data),
        ]
        began = time.perf_counter()
        with told.open("w") as out:
            process = subprocess.Popen([sys.executable, *words], stdout=out)
            megabytes = 0.0
            # Not from wait4, which counts what this process had when it forked.
            while process.poll() is None:
                with suppress(AssertionError, ProcessLookupError):  # it has just ended
                    megabytes = peak_megabytes(process.pid)
                time.sleep(0.02)
        seconds = time.perf_counter() - began
        assert process.returncode == 0, "the preview was shown"
        found = json.loads(told.read_text())["scope_change"]
        assert found["read"] >= people, "everybody was looked at"
        assert 0 < found["users"]["leaving"]["count"] < people, "the filter parts the people"
        return seconds, megabytes
