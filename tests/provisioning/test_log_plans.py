"""The attributes of the log: looked up through an index, capped, pruned; and what who follows looks at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import AsyncConnection

from rollcall.db import Database, DatabaseConfig, TenantDatabase, Tx
from rollcall.errors import Invalid
from rollcall.provisioning import LogFilter, prune_history, read_log
from rollcall.provisioning.log_attributes import MOST_SETS, NOT_LOOKED_AT, OF_ANY, keep_sets, number_older, sets_about
from rollcall.provisioning.log_following import LogPosition, statement_between
from rollcall.runtime import Runtime, uuid7
from tests.provisioning.test_log import make_job

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
_ROWS = 20_000
CYCLE, RARE_CYCLE = uuid7(int(BEGAN.timestamp() * 1000), 1), uuid7(int(BEGAN.timestamp() * 1000), 2)
_SETS = [frozenset({"userName", "name.givenName"}), frozenset({"title"}), frozenset({"members"})]


async def fill(tx: Tx, job_id: UUID) -> None:
    """A log of people only: of each filter's values one that most rows have, one of a single row, and one of none."""
    await make_job(tx, job_id)
    numbers = await keep_sets(tx, job_id, _SETS, BEGAN.date())
    await tx.run(
        """
        insert into provisioning.log (id, job_id, cycle_id, at, kind, source_id, name, action, status, code, reason,
            duration_milliseconds, steps, modified, attribute_set, xid)
        select
            (lpad(to_hex(%(began)s + n * 1000), 12, '0') || '7' || lpad(to_hex(n), 19, '0'))::uuid,
            %(job)s, case when n = 7 then %(rare_cycle)s else %(cycle)s end, to_timestamp((%(began)s + n * 1000) / 1000.0), 'User',
            'id-' || n / 4, 'somebody ' || n / 4, case when n = 7 then 'delete' else 'update' end,
            case when n = 7 then 'failure' else 'success' end, case when n = 7 then 'EntryConflict' else '' end, '', 1, '[]',
            case when n = 7 then '[["title", null, "x"]]' else '[["userName", null, "x"]]' end::jsonb,
            case when n = 7 then %(rare)s else %(common)s end, case when n > %(rows)s - 5 then 900000000000 else 7 end
        from generate_series(1, %(rows)s) as n
        """,
        {
            "began": int(BEGAN.timestamp() * 1000),
            "job": job_id,
            "cycle": CYCLE,
            "rare_cycle": RARE_CYCLE,
            "common": numbers[_SETS[0]],
            "rare": numbers[_SETS[1]],
            "rows": _ROWS,
        },
    )


@pytest.fixture(params=["statistics", "no statistics"])
async def job_id(
    request: pytest.FixtureRequest, tenant_db: TenantDatabase, database_config: DatabaseConfig, runtime: Runtime
) -> UUID:
    job_id = runtime.new_id()
    await tenant_db.write(fill, job_id)
    if request.param == "statistics":
        assert database_config.url is not None
        async with await AsyncConnection.connect(database_config.url, autocommit=True) as owner:
            await owner.execute(
                "analyze provisioning.log, provisioning.log_attribute_sets, provisioning.log_attributes"
            )
    return job_id


async def _looked_at(tx: Tx, statement: str, params: dict[str, Any]) -> tuple[set[str | None], int]:
    """The indexes that a statement asks (None: a whole table), and how many rows it looked at there, wanted or not."""
    plans = await tx.value(f"explain (analyze, timing off, format json) {statement}", params)
    indexes: set[str | None] = set()
    rows = 0
    waiting = [plans[0]["Plan"]]
    while waiting:
        node = waiting.pop()
        if "Scan" in node["Node Type"] and node["Node Type"] not in ("Function Scan", "Subquery Scan"):
            if node["Node Type"] != "Bitmap Heap Scan":
                indexes.add(node.get("Index Name"))
            each = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            rows += round(each * node["Actual Loops"])
        waiting.extend(node.get("Plans", ()))
    return indexes, rows


async def test_who_follows_looks_at_what_is_new_only(tenant_db: TenantDatabase, job_id: UUID) -> None:
    since, upto = LogPosition(800_000_000_000, 800_000_000_000, ()), LogPosition(999_999_999_999, 999_999_999_999, ())
    statement, params = statement_between(job_id, LogFilter(), None, since, upto, (0, UUID(int=0)), 500)

    indexes, rows = await tenant_db.read(_looked_at, statement, params)

    assert (indexes, rows) == ({"log_written"}, 5)


async def _make(tx: Tx, job_id: UUID, sets: list[frozenset[str]], day: datetime) -> None:
    await make_job(tx, job_id)
    await keep_sets(tx, job_id, sets, day.date())


async def test_an_attribute_is_looked_up_by_its_word_and_not_in_every_set(
    tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    job_id = runtime.new_id()
    await tenant_db.write(_make, job_id, [frozenset({"title", f"x{number}"}) for number in range(500)], BEGAN)

    assert len(await tenant_db.read(sets_about, job_id, "Title")) == 500
    assert len(await tenant_db.read(sets_about, job_id, "X7")) == 1
    statement = "select attribute_set from provisioning.log_attributes where job_id = %(job)s and word = %(word)s"
    indexes, rows = await tenant_db.read(_looked_at, statement, {"job": job_id, "word": "x7"})
    assert (indexes, rows) == ({"log_attributes_pkey"}, 1)


async def _log_one(tx: Tx, job_id: UUID, number: int, attributes: frozenset[str], attribute_set: int | None) -> None:
    kept = (
        (await keep_sets(tx, job_id, [attributes], BEGAN.date()))[attributes]
        if attribute_set is None
        else attribute_set
    )
    await tx.run(
        """
        insert into provisioning.log (id, job_id, cycle_id, at, kind, source_id, name, action, status, code, reason,
            duration_milliseconds, steps, modified, attribute_set)
        values (%s, %s, %s, %s, 'User', 'x', 'x', 'update', 'success', '', '', 1, '[]',
            (select coalesce(jsonb_agg(jsonb_build_array(each, null, 'x')), '[]') from unnest(%s::text[]) as each), %s)
        """,
        [uuid7(int(BEGAN.timestamp() * 1000) + number, number), job_id, CYCLE, BEGAN, sorted(attributes), kept],
    )


async def test_a_set_too_many_is_found_all_the_same(tenant_db: TenantDatabase, runtime: Runtime) -> None:
    job_id = runtime.new_id()
    await tenant_db.write(_make, job_id, [frozenset({f"x{number}"}) for number in range(MOST_SETS - 1)], BEGAN)
    for number, attribute in enumerate(("last.one", "Over.first", "over.second")):
        await tenant_db.write(_log_one, job_id, number, frozenset({attribute}), None)

    assert await tenant_db.read(sets_about, job_id, "nowhere") == [OF_ANY], "it may be of one that is not named"
    for attribute, found in (("last", 1), ("over", 2), ("OVER.FIRST", 1), ("nowhere", 0), ("ove", 0)):
        page = await tenant_db.read(read_log, job_id, LogFilter(attribute=attribute))
        assert len(page.records) == found, attribute


async def test_records_from_before_there_were_sets_are_found_and_numbered_a_few_at_a_time(
    tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    job_id = runtime.new_id()
    await tenant_db.write(make_job, job_id)
    old = [frozenset({"title"}), frozenset({"name.givenName", "title"}), frozenset[str](), frozenset({"title"})]
    for number, attributes in enumerate(old):
        await tenant_db.write(_log_one, job_id, number, attributes, NOT_LOOKED_AT)

    async def found() -> list[int]:
        pages = [await tenant_db.read(read_log, job_id, LogFilter(attribute=each)) for each in ("title", "name")]
        return [len(page.records) for page in pages]

    before = await found()
    steps = []
    while done := await tenant_db.write(number_older, 3):
        steps.append(done)

    assert (steps, before, await found()) == ([3, 1], [3, 1], [3, 1])
    with pytest.raises(Invalid, match="Did you mean title"):
        await tenant_db.read(sets_about, job_id, "titel")


async def test_sets_go_with_their_last_record_and_not_before(
    tenant_db: TenantDatabase, runtime: Runtime, database: Database
) -> None:
    """13 retention."""
    job_id, other = runtime.new_id(), database.tenant(runtime.new_id())
    late = BEGAN + timedelta(days=100)
    await tenant_db.write(_make, job_id, [frozenset({"title"}), frozenset({"name"})], BEGAN)
    await tenant_db.write(keep_sets, job_id, [frozenset({"name"})], late.date())
    await other.write(_make, job_id, [frozenset({"title"})], BEGAN)

    while await tenant_db.write(prune_history, BEGAN + timedelta(days=401)):
        pass
    assert len(await tenant_db.read(sets_about, job_id, "title")) == 1, "of its last day there may be a record still"
    while await tenant_db.write(prune_history, BEGAN + timedelta(days=403)):
        pass

    with pytest.raises(Invalid, match="There are: name"):
        await tenant_db.read(sets_about, job_id, "title")
    assert len(await tenant_db.read(sets_about, job_id, "name")) == 1
    assert len(await other.read(sets_about, job_id, "title")) == 1
