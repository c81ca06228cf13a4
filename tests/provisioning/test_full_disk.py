"""The embedded database's disk is full: refusals that say so, and a service that goes on by itself once there is room."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rollcall import directory
from rollcall.db import Database, DatabaseConfig, open_database
from rollcall.errors import Unavailable
from rollcall.runtime import Runtime
from tests.e2e.workers import GENEROUS_SECONDS
from tests.provisioning.agreement import assert_in_step
from tests.provisioning.proxy import Proxy
from tests.provisioning.test_every_step import is_about_references, key_of
from tests.provisioning.world import World, found_world, upn
from tests.simulation.judging import gaps_in

_MEGABYTE = 1 << 20
_PEOPLE = 60


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 160 MB: mounted, or, for who may not mount, mounted in a namespace of one's own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    disk.chmod(0o755)
    mounting = ["mount", "-t", "tmpfs", "-o", "size=160m,mode=0755", "rollcall-test", str(disk)]
    if subprocess.run(mounting, capture_output=True, check=False).returncode == 0:
        try:
            yield disk
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)
        return
    script = f"{' '.join(mounting)} && echo mounted && exec cat"
    with subprocess.Popen(
        ["unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "sh", "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        if holder.stdout.readline() != "mounted\n":
            pytest.skip("neither a file system nor a namespace may be made here")
        yield Path(f"/proc/{holder.pid}/root{disk}")
        holder.kill()


@pytest.fixture
async def own_database(small_disk: Path) -> AsyncIterator[Database]:
    """A database with an embedded server of its own on the small disk."""
    database = await open_database(DatabaseConfig(data=small_disk / "data", pool_timeout_seconds=2, durable=False))
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def world(own_database: Database, database: Database, runtime: Runtime, proxy: Proxy) -> World:
    """A job whose directory and ledger are on the small disk; its target is elsewhere."""
    world = await found_world(own_database, runtime, proxy, target_database=database)
    await world.group("Team", [await world.user(f"p{number}") for number in range(_PEOPLE)])
    return world


def fill(disk: Path) -> Path:
    """Fill the disk to its last byte; the file that does."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        room = shutil.disk_usage(disk).free
        while room > 0:
            room -= file.write(b"\0" * min(room, _MEGABYTE))
    return ballast


async def test_a_full_disk_refuses_with_a_sentence_and_the_job_goes_on_once_there_is_room(
    world: World, small_disk: Path
) -> None:
    ballast = fill(small_disk)
    with pytest.raises(Unavailable, match=r"The disk of the database is full .*Make room there"):
        await write_until_refused(world)
    with pytest.raises(Unavailable):
        await world.cycle()
    assert await world.db.read(directory.list_users), "what is there can still be read"

    ballast.unlink()
    await until_there_is_room(world)
    await world.cycle()
    await world.cycle()

    await assert_in_step(world)
    made = [each for each in world.proxy.passed if each.method == "POST" and each.status == 201]
    creations = Counter(each.body.get("userName") or each.body["displayName"] for each in made)
    assert creations == Counter(["Team", *(upn(f"p{number}") for number in range(_PEOPLE))])
    told = [record for record in reversed(await world.log()) if record["status"] == "success"]
    assert not gaps_in(
        (key_of(record), record["action"], record["modified"]) for record in told if not is_about_references(record)
    )
    assert sum(record["action"] == "create" for record in told) == len(creations)


async def write_until_refused(world: World) -> None:
    """Create people: what fits into pages that are there already is still taken."""
    for number in range(10_000):
        await world.user(f"late{number}", jobTitle="x" * 128, department="x" * 64, city="x" * 128)


async def until_there_is_room(world: World) -> None:
    """Wait until something can be written again."""
    async with asyncio.timeout(GENEROUS_SECONDS):
        while True:
            try:
                await world.user("afterwards")
            except Unavailable:
                await asyncio.sleep(0.1)
            else:
                return
