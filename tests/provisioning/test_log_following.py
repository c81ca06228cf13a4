"""Who follows the log is shown every record once, whoever wrote it, whatever their clocks say, through losses of the database."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from rollcall.db import Database, DatabaseConfig, TenantDatabase, Tx, open_database
from rollcall.errors import Invalid
from rollcall.provisioning import LogFilter, follow_log, log_position
from rollcall.provisioning.connection import Service
from rollcall.provisioning.cycles import tell
from rollcall.provisioning.ledger import append_log
from rollcall.provisioning.model import LogRecord
from rollcall.runtime import Runtime, SystemRuntime, uuid7
from tests.provisioning.test_log import RECORDS, make_job
from tests.provisioning.world import SEALER

_GENEROUS_SECONDS = 60


@dataclass
class Follower:
    """What somebody who follows has been shown so far."""

    shown: list[str] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, wanted: Sequence[str]) -> None:
        """Wait until all of these were shown."""
        async with asyncio.timeout(_GENEROUS_SECONDS), self.news:
            await self.news.wait_for(lambda: set(wanted) <= set(self.shown))


@asynccontextmanager
async def following(
    database: Database, tenant: UUID, job_id: UUID, which: LogFilter | None = None
) -> AsyncGenerator[Follower]:
    """Somebody who follows, from the moment in which listening has begun, for the length of a block."""
    follower = Follower()
    service = Service(database, SystemRuntime(), SEALER)

    async def follow() -> None:
        async with aclosing(follow_log(service, tenant, job_id, which or LogFilter())) as records:
            async for each in records:
                async with follower.news:
                    follower.shown.append(str(each["id"]))
                    follower.news.notify_all()

    task = asyncio.create_task(follow())
    tenant_db = database.tenant(tenant)
    # Of a day to come, so that no writer has to remember its attributes of that day, which another one would wait for.
    tomorrow = service.runtime.now() + timedelta(days=1)
    marker = replace(RECORDS[0], name="the first that is shown", id=str(UUID(int=0)), at=tomorrow)
    number = 0
    while not follower.shown and not task.done():  # it is listening as soon as it shows something
        number += 1
        await tenant_db.write(write, job_id, [replace(marker, id=str(UUID(int=number)))])
        await asyncio.sleep(0.02)
    if not task.done():
        await follower.until([str(UUID(int=number))])
        follower.shown.clear()
    try:
        yield follower
    finally:
        task.cancel()
        (ended,) = await asyncio.gather(task, return_exceptions=True)
        if not isinstance(ended, asyncio.CancelledError):
            raise ended or AssertionError("following ends with its reader only")


async def write(tx: Tx, job_id: UUID, records: Sequence[LogRecord]) -> None:
    """As a cycle commits a page, and tells those who watch."""
    await append_log(tx, job_id, records)
    await tell(tx, job_id)


@pytest.fixture
async def job_id(tenant_db: TenantDatabase, runtime: Runtime) -> UUID:
    job_id = runtime.new_id()
    await tenant_db.write(make_job, job_id)
    await tenant_db.write(append_log, job_id, RECORDS[:20])
    return job_id


def new_records(runtime: Runtime, number: int, late: timedelta = timedelta()) -> list[LogRecord]:
    """Records by a writer whose clock is late by so much, in the order of their ids."""
    at = runtime.now() - late
    milliseconds = int(at.timestamp() * 1000)
    ids = [uuid7(milliseconds + each, runtime.new_id().int & ((1 << 74) - 1)) for each in range(number)]
    return [replace(RECORDS[0], id=str(each), at=at) for each in ids]


async def test_each_new_record_is_shown_once_and_those_of_a_page_in_order(
    database: Database, tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    records = new_records(runtime, 1200)

    async with following(database, tenant_db.tenant, job_id) as follower:
        await tenant_db.write(write, job_id, records[:700])
        await tenant_db.write(write, job_id, records[700:])
        await follower.until([each.id for each in records])

    assert follower.shown == [each.id for each in records]


async def test_a_writer_whose_clock_runs_behind_is_shown_too(
    database: Database, tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    now, behind = new_records(runtime, 3), new_records(runtime, 3, timedelta(days=1))

    async with following(database, tenant_db.tenant, job_id) as follower:
        await tenant_db.write(write, job_id, now)
        await follower.until([each.id for each in now])
        await tenant_db.write(write, job_id, behind)
        await follower.until([each.id for each in behind])

    assert follower.shown == [each.id for each in now + behind]


async def test_of_two_writers_the_one_who_began_first_and_commits_last_is_shown_too(
    database: Database, tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    slow, fast = new_records(runtime, 3), new_records(runtime, 3)
    written, commit = asyncio.Event(), asyncio.Event()

    async def write_slowly(tx: Tx) -> None:
        await write(tx, job_id, slow)
        written.set()
        await commit.wait()

    async with following(database, tenant_db.tenant, job_id) as follower:
        writing = asyncio.create_task(tenant_db.write(write_slowly))
        await written.wait()
        await tenant_db.write(write, job_id, fast)
        await follower.until([each.id for each in fast])
        assert follower.shown == [each.id for each in fast]
        commit.set()
        await writing
        await follower.until([each.id for each in slow])

    assert follower.shown == [each.id for each in fast + slow]


async def test_many_writers_at_once_are_all_shown_and_none_of_them_twice(
    database: Database, tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    pages = [new_records(runtime, 4, timedelta(minutes=each % 5)) for each in range(60)]
    wanted = [each.id for page in pages for each in page]

    async with following(database, tenant_db.tenant, job_id) as follower:
        await asyncio.gather(*(tenant_db.write(write, job_id, page) for page in pages))
        await follower.until(wanted)

    assert sorted(follower.shown) == sorted(wanted)


@pytest.mark.parametrize(
    ("which", "is_wanted"),
    [
        (LogFilter(source="id-3"), lambda each: each.key.id == "id-3"),
        (LogFilter(source="User 3"), lambda each: each.name == "User 3"),
        (LogFilter(status="failure"), lambda each: each.status == "failure"),
        (LogFilter(attribute="title"), lambda each: any(path == "title" for path, _, _ in each.modified)),
        (LogFilter(), lambda each: True),
    ],
    ids=["id", "name", "status", "attribute", "all"],
)
async def test_a_filter_holds_for_what_is_followed(
    database: Database, tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID, which: LogFilter, is_wanted: object
) -> None:
    assert callable(is_wanted)
    records = [replace(each, id=str(runtime.new_id())) for each in RECORDS[:40]]
    wanted = [each.id for each in records if is_wanted(each)]
    service = Service(database, runtime, SEALER)
    since = await tenant_db.read(log_position)
    await tenant_db.write(append_log, job_id, records)
    shown: list[str] = []

    async with (
        asyncio.timeout(_GENEROUS_SECONDS),
        aclosing(follow_log(service, tenant_db.tenant, job_id, which, since)) as found,
    ):
        async for each in found:
            shown.append(str(each["id"]))
            if len(shown) == len(wanted):
                break

    assert sorted(shown) == sorted(wanted)


async def test_an_attribute_that_never_changed_is_refused(
    database: Database, tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    service = Service(database, runtime, SEALER)
    with pytest.raises(Invalid, match="Did you mean title"):
        await anext(follow_log(service, tenant_db.tenant, job_id, LogFilter(attribute="titel")))


async def test_what_is_written_around_a_crash_of_the_database_is_shown_once(tmp_path: Path, runtime: Runtime) -> None:
    """A second program writes as soon as the server is back, before the one who follows has noticed."""
    own = DatabaseConfig(data=tmp_path)
    database, other = await open_database(own), await open_database(own)
    try:
        tenant, job_id = runtime.new_id(), runtime.new_id()
        db = other.tenant(tenant)
        await db.write(make_job, job_id)
        before, after = new_records(runtime, 3), new_records(runtime, 3, timedelta(hours=1))
        async with following(database, tenant, job_id) as follower:
            await db.write(write, job_id, before)
            await follower.until([each.id for each in before])
            assert database.server is not None
            assert database.server.pid is not None
            os.kill(database.server.pid, signal.SIGKILL)
            assert await db.read(count) >= len(before)
            await db.write(write, job_id, after)
            await follower.until([each.id for each in after])

        assert follower.shown == [each.id for each in before + after]
    finally:
        await other.close()
        await database.close()


async def count(tx: Tx) -> int:
    return int(await tx.value("select count(*) from provisioning.log"))
