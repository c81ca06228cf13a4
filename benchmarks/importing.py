"""Import of people from a CSV file into the directory: time, and memory of the importing process."""

from __future__ import annotations

import asyncio
import csv
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.halves import peak_megabytes
from rollcall import directory
from rollcall.config import Config
from rollcall.main import open_parts

_COLUMNS = ("userPrincipalName", "displayName", "givenName", "surname", "mail", "department", "jobTitle", "city")


def measure(full: bool) -> Iterator[Figure]:
    """An import into an empty directory and its repetition: 100,000 people, 10,000 without `full`."""
    people = 100_000 if full else 10_000
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        path = Path(folder) / "people.csv"
        _write(path, people)
        # A process of its own, so that its memory is that of an import and of nothing else.
        program = [sys.executable, "-m", "benchmarks.importing", folder]
        told = json.loads(subprocess.run(program, check=True, capture_output=True).stdout)
    assert told["created"] == people, told
    yield Figure(f"import of {people:,} people from CSV", told["seconds"], "s")
    yield Figure("the same again, with nothing to change", told["again_seconds"], "s")
    yield Figure("the same: peak memory", told["megabytes"], "MB")


def _write(path: Path, people: int) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS, extrasaction="ignore")
        writer.writeheader()
        for person in directory.demo_company(2026, people, 60).people:
            writer.writerow({"userPrincipalName": person.user_principal_name, **person.attributes})


async def _import(folder: Path) -> dict[str, float]:
    async with open_parts(Config(data=folder / "data")) as parts:
        tenant = await parts.database.system(directory.create_tenant, parts.runtime, "bench")
        db = parts.database.tenant(tenant)
        began = time.monotonic()
        report = await directory.import_file(db, folder / "people.csv")
        ended = time.monotonic()
        await directory.import_file(db, folder / "people.csv")
        return {
            "created": report.created,
            "seconds": ended - began,
            "again_seconds": time.monotonic() - ended,
            "megabytes": peak_megabytes("self"),
        }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_import(Path(sys.argv[1])))))
