"""The log in a real database: each filter alone and together, page by page, followed, kept as long as it should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg.types.json import Jsonb

from rollcall.db import Database, TenantDatabase, Tx
from rollcall.errors import Invalid
from rollcall.provisioning import (
    Initiator,
    LogFilter,
    change_tenant_settings,
    check_known,
    log_records,
    provisioning_object_summary,
    prune_history,
    read_log,
    tenant_settings,
)
from rollcall.provisioning.ledger import append_log
from rollcall.provisioning.model import Key, LogRecord
from rollcall.runtime import Runtime, uuid7
from tests.provisioning.world import World, upn

BEGAN = datetime(2026, 11, 1, tzinfo=UTC)
CYCLES = [uuid7(int(BEGAN.timestamp() * 1000) + number, number) for number in range(4)]
OPERATIONS: Sequence[tuple[str, str, str, tuple[str, ...]]] = (
    ("create", "success", "", ("userName", "name.givenName")),
    ("update", "success", "", ("title",)),
    ("update", "failure", "EntryConflict", ("userName",)),
    ("other", "skipped", "RedundantExport", ()),
    ("stagedDelete", "warning", "TooManyDeletes", ()),
    ("update", "success", "", ("members",)),
)
_MANY = 240


def record(number: int) -> LogRecord:
    """One minute after the one before it; kinds, names, operations and cycles recur in strides of their own."""
    at = BEGAN + timedelta(minutes=number)
    kind = "Group" if number % 5 == 0 else "User"
    action, status, code, attributes = OPERATIONS[number % len(OPERATIONS)]
    return LogRecord(
        id=str(uuid7(int(at.timestamp() * 1000), number)),
        at=at,
        cycle_id=str(CYCLES[number * len(CYCLES) // _MANY]),
        key=Key(kind, f"id-{number % 7}"),
        name=f"{kind} {number % 7}",
        target_id=None,
        action=action,
        status=status,  # type: ignore[arg-type]
        code=code,
        reason="",
        duration_milliseconds=1,
        steps=(),
        modified=tuple((path, None, "x") for path in attributes),
    )


RECORDS = [record(number) for number in range(_MANY)]


async def make_job(tx: Tx, job_id: UUID) -> None:
    await tx.run(
        "insert into provisioning.jobs (id, service_principal_id, display_name, template, sync_schema)"
        " values (%s, %s, %s, 'scim', %s)",
        [job_id, job_id, str(job_id), Jsonb({})],
    )


@pytest.fixture
async def job_id(tenant_db: TenantDatabase, runtime: Runtime) -> UUID:
    """A job with the records, and another one whose records must never be seen."""
    mine, other = runtime.new_id(), runtime.new_id()
    for each in (mine, other):
        await tenant_db.write(make_job, each)
    await tenant_db.write(append_log, mine, RECORDS)
    await tenant_db.write(append_log, other, RECORDS[:30])
    return mine


@dataclass(frozen=True)
class Case:
    """A filter, and which records it means, said once more in Python."""

    which: LogFilter
    means: Callable[[LogRecord], bool]


def about(*paths: str) -> Callable[[LogRecord], bool]:
    return lambda each: any(path in paths for path, _, _ in each.modified)


NOON = BEGAN + timedelta(minutes=120)
CASES = {
    "everything": Case(LogFilter(), lambda each: True),
    "a source by id": Case(LogFilter(source="id-3"), lambda each: each.key.id == "id-3"),
    "a source by name": Case(LogFilter(source="User 3"), lambda each: each.name == "User 3"),
    "one of a kind": Case(LogFilter(source="id-3", kind="Group"), lambda each: each.key == Key("Group", "id-3")),
    "an action": Case(LogFilter(action="stagedDelete"), lambda each: each.action == "stagedDelete"),
    "a status": Case(LogFilter(status="failure"), lambda each: each.status == "failure"),
    "since": Case(LogFilter(since=NOON), lambda each: each.at >= NOON),
    "until": Case(LogFilter(until=NOON), lambda each: each.at < NOON),
    "a cycle": Case(LogFilter(cycle=CYCLES[2]), lambda each: each.cycle_id == str(CYCLES[2])),
    "an attribute": Case(LogFilter(attribute="title"), about("title")),
    "in other letters": Case(LogFilter(attribute="USERNAME"), about("userName")),
    "a whole attribute": Case(LogFilter(attribute="name"), about("name.givenName")),
    "a code": Case(LogFilter(code="EntryConflict"), lambda each: each.code == "EntryConflict"),
    "a record": Case(LogFilter(record=UUID(RECORDS[77].id)), lambda each: each is RECORDS[77]),
    "a source and an attribute": Case(
        LogFilter(source="id-1", attribute="userName"),
        lambda each: each.key.id == "id-1" and about("userName")(each),
    ),
    "all at once": Case(
        LogFilter(
            source="id-2", kind="User", action="update", status="failure", since=BEGAN, until=NOON, cycle=CYCLES[0],
            attribute="userName", code="EntryConflict",
        ),
        lambda each: each.key == Key("User", "id-2") and each.code == "EntryConflict" and each.cycle_id == str(CYCLES[0]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
async def test_the_log_gives_what_a_filter_means_in_order_and_in_pages(
    tenant_db: TenantDatabase, job_id: UUID, case: Case, newest_first: bool
) -> None:
    which = replace(case.which, newest_first=newest_first)
    wanted = [each.id for each in (reversed(RECORDS) if newest_first else RECORDS) if case.means(each)]
    whole = (await tenant_db.read(read_log, job_id, which, limit=1000)).records

    pages, cursor = [], None
    while True:
        page = await tenant_db.read(read_log, job_id, which, limit=7, cursor=cursor)
        pages += page.records
        cursor = page.cursor
        if cursor is None:
            break

    assert wanted, "the case is about something"
    assert [str(each["id"]) for each in whole] == wanted
    assert pages == whole
    assert [each async for each in log_records(tenant_db, job_id, which, page=11)] == whole


@pytest.mark.parametrize(
    ("which", "says"),
    [
        (LogFilter(attribute="titel"), "Did you mean title"),
        (LogFilter(action="remove"), "create, update, disable"),
        (LogFilter(status="failed"), "success, failure"),
        (LogFilter(kind="Device"), "User, Group"),
        (LogFilter(since=NOON, until=NOON), "before until"),
    ],
)
async def test_what_can_not_be_is_refused_with_what_is_allowed(
    tenant_db: TenantDatabase, job_id: UUID, which: LogFilter, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        await tenant_db.read(read_log, job_id, which)


@pytest.mark.parametrize(
    ("which", "says"),
    [
        (LogFilter(code="EntryConflikt"), "Did you mean EntryConflict"),
        (LogFilter(cycle=UUID(int=7)), "has no cycle"),
        (LogFilter(record=UUID(int=7)), "has no record"),
    ],
)
async def test_what_the_log_does_not_know_is_refused_where_people_ask(
    tenant_db: TenantDatabase, job_id: UUID, which: LogFilter, says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        await tenant_db.read(check_known, job_id, which)


async def test_what_a_code_or_a_cycle_is_known_of_may_be_asked_for(tenant_db: TenantDatabase, job_id: UUID) -> None:
    for which in (LogFilter(code="Unauthorized"), LogFilter(cycle=CYCLES[1]), LogFilter(record=UUID(RECORDS[0].id))):
        await tenant_db.read(check_known, job_id, which)


@pytest.mark.parametrize("cursor", ["", "x", "AAAA", "/w==", "!" * 23])
async def test_a_cursor_that_no_page_gave_is_refused(tenant_db: TenantDatabase, job_id: UUID, cursor: str) -> None:
    with pytest.raises(Invalid, match="none that a page of the log gave"):
        await tenant_db.read(read_log, job_id, cursor=cursor)


async def test_a_cursor_of_the_other_order_is_refused(tenant_db: TenantDatabase, job_id: UUID) -> None:
    page = await tenant_db.read(read_log, job_id, limit=3)

    with pytest.raises(Invalid, match="other order"):
        await tenant_db.read(read_log, job_id, LogFilter(newest_first=False), cursor=page.cursor)


async def test_another_tenant_sees_nothing(database: Database, runtime: Runtime, job_id: UUID) -> None:
    stranger = database.tenant(runtime.new_id())

    assert (await stranger.read(read_log, job_id)).records == []
    with pytest.raises(Invalid, match="none yet"):
        await stranger.read(read_log, job_id, LogFilter(attribute="title"))


async def test_a_record_names_who_had_it_done(tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID) -> None:
    mine = replace(RECORDS[0], id=str(runtime.new_id()))
    await tenant_db.write(append_log, job_id, [mine], Initiator(display_name="grace", type="user"))
    by_hand, by_schedule = (await tenant_db.read(read_log, job_id, limit=2)).records

    def told(row: dict[str, Any]) -> Any:
        return provisioning_object_summary(row, tenant_id="t", job_id="j", application={})["initiatedBy"]

    assert told(by_hand) == {"id": "", "displayName": "grace", "initiatorType": "user"}
    assert told(by_schedule)["initiatorType"] == "system"


async def test_each_tenant_keeps_its_log_as_long_as_it_says(
    database: Database, tenant_db: TenantDatabase, runtime: Runtime, job_id: UUID
) -> None:
    """13 retention."""
    other = database.tenant(runtime.new_id())
    await other.write(make_job, job_id)
    await other.write(append_log, job_id, RECORDS)
    await tenant_db.write(change_tenant_settings, 1)
    half = RECORDS[_MANY // 2].at + timedelta(days=1)

    steps = []
    while gone := await tenant_db.write(prune_history, half, limit=50):
        steps.append(gone)
    untouched = await other.write(prune_history, half)

    assert (await other.read(tenant_settings)).log_kept_days == 400
    assert steps == [50, 50, 50], "120 of this job and 30 of the other one"
    assert untouched == 0
    left = (await tenant_db.read(read_log, job_id, limit=1000)).records
    assert [str(each["id"]) for each in left] == [each.id for each in reversed(RECORDS[_MANY // 2 :])]


@pytest.mark.parametrize("days", [0, -1, 3651])
async def test_no_other_number_of_days_is_kept(tenant_db: TenantDatabase, days: int) -> None:
    with pytest.raises(Invalid, match="1 to 3,650"):
        await tenant_db.write(change_tenant_settings, days)


async def test_member_changes_carry_names_beside_ids(world: World) -> None:
    user = await world.user("ada")
    await world.group("Sales", [user])
    await world.cycle()

    (record,) = await world.log(attribute="members")

    assert record["modified"] == [["members", None, {"value": str(user), "display": upn("ada")}]]
