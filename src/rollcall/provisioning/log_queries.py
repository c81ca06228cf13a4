"""Reads the provisioning log: by any of its filters, page by page through an index, newest or oldest first."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rollcall.db import TenantDatabase, Tx
from rollcall.errors import Invalid
from rollcall.provisioning.failure_classes import FAILURE_CLASSES
from rollcall.provisioning.log_attributes import is_about_sql, sets_about
from rollcall.provisioning.log_filter import (
    EVERYTHING,
    LARGEST_PAGE,
    LogFilter,
    check_filter,
    parse_cursor,
    print_cursor,
    unknown,
)
from rollcall.runtime import uuid7

COLUMNS = """id, at, cycle_id, kind, source_id, name, target_id, action, status, code, reason, duration_milliseconds,
    steps, modified, initiated_by"""
_LEAST_ID, _GREATEST_ID = UUID(int=0), UUID(int=2**128 - 1)
_IDS_MAY_BE_LATER = timedelta(minutes=1)
"""By how much the time in a record's id may lie after the record's own."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some records, and the token to ask for those after them; None where there are no more."""

    records: list[dict[str, Any]]
    cursor: str | None


async def read_log(
    tx: Tx, job_id: UUID, which: LogFilter = EVERYTHING, *, limit: int = 50, cursor: str | None = None
) -> LogPage:
    """A page of the log of a job. Raises Invalid for a filter, an attribute or a cursor that can't be."""
    check_filter(which)
    if not 1 <= limit <= LARGEST_PAGE:
        raise Invalid(f"A page of the log has 1 to {LARGEST_PAGE:,} records, not {limit:,}.")
    after = None if cursor is None else parse_cursor(cursor, newest_first=which.newest_first)
    sets = None if which.attribute is None else await sets_about(tx, job_id, which.attribute)
    statement, params = statement_for(job_id, which, sets, after, limit + 1)
    records = await tx.all(statement, params)
    more = len(records) > limit
    last = print_cursor(records[limit - 1]["id"], newest_first=which.newest_first) if more else None
    return LogPage(records[:limit], last)


def statement_for(
    job_id: UUID, which: LogFilter, sets: list[int] | None, after: UUID | None, limit: int
) -> tuple[str, dict[str, Any]]:
    """The statement for a page, and its parameters. `sets`: the attribute sets that are wanted; None: any.

    Ids are found first, in order, each way through an index of its own, and no further than the page needs.
    """
    order = "desc" if which.newest_first else "asc"
    conditions, params = conditions_of(job_id, which, after)
    params |= {"limit": limit, "sets": sets}
    every = " and ".join(conditions)
    by_id = f"order by id {order} limit %(limit)s"
    select = "select id from provisioning.log where"
    if which.source is not None:
        also = "" if sets is None else f" and {is_about_sql()}"
        ways = [f"({select} {every}{also} and {column} = %(source)s {by_id})" for column in ("source_id", "name")]
        found = f"{' union '.join(ways)} {by_id}"
    elif sets is not None:
        # Each set is a stretch of the index of its own, in order. What a page needs is in no more sets than it has records:
        # those whose first ones come first. Only these are read, and of each only what a page needs.
        # Bounds and order name the set with the id, or the planner may walk the whole log in the order of ids instead.
        within = (
            "(attribute_set, id) >= (wanted.number, %(lowest)s) and (attribute_set, id) <= (wanted.number, %(highest)s)"
        )
        of_set = f"{select} {every} and {is_about_sql(within)} order by attribute_set {order}, id {order} limit"
        params |= _bounds(params, newest_first=which.newest_first)
        found = f"""
            select each.id from (
                select wanted.number from unnest(%(sets)s::bigint[]) as wanted (number)
                cross join lateral ({of_set} 1) as head order by head.id {order} limit %(limit)s) as wanted
            cross join lateral ({of_set} %(limit)s) as each order by each.id {order} limit %(limit)s"""
    else:
        found = f"{select} {every} {by_id}"
    statement = f"""
        select {COLUMNS} from provisioning.log where job_id = %(job)s and id = any(array({found}))
        order by id {order}
    """
    return statement, params


def conditions_of(job_id: UUID, which: LogFilter, after: UUID | None) -> tuple[list[str], dict[str, Any]]:
    """What holds for every record that is wanted, but for source and attribute, and its parameters; ids are ordered by time (RFC 9562 version 7), so they bound it."""
    conditions = ["job_id = %(job)s"]
    params: dict[str, Any] = {"job": job_id, "source": which.source}
    params["word"] = None if which.attribute is None else which.attribute.casefold()
    for column, value in (
        ("kind", which.kind),
        ("action", which.action),
        ("status", which.status),
        ("cycle_id", which.cycle),
        ("code", which.code),
        ("id", which.record),
    ):
        if value is not None:
            conditions.append(f"{column} = %({column})s")
            params[column] = value
    if which.code is not None:
        conditions.append("code <> ''")  # as its index says, so that it may be used
    if which.since is not None:
        conditions.append("at >= %(since)s and id >= %(since_id)s")
        params |= {"since": which.since, "since_id": _first_id(which.since)}
    if which.until is not None:
        conditions.append("at < %(until)s and id < %(until_id)s")
        params |= {"until": which.until, "until_id": _first_id(which.until + _IDS_MAY_BE_LATER)}
    if after is not None:
        conditions.append(f"id {'<' if which.newest_first else '>'} %(after)s")
        params["after"] = after
    return conditions, params


def _bounds(params: Mapping[str, Any], *, newest_first: bool) -> dict[str, UUID]:
    """Between which ids the conditions say that a record's is."""
    after = params.get("after")
    lowest = [_LEAST_ID, params.get("since_id"), None if newest_first else after]
    highest = [_GREATEST_ID, params.get("until_id"), after if newest_first else None]
    return {
        "lowest": max(each for each in lowest if each is not None),
        "highest": min(each for each in highest if each is not None),
    }


def _first_id(moment: datetime) -> UUID:
    return uuid7(max(0, int(moment.timestamp() * 1000)), 0)


async def check_known(tx: Tx, job_id: UUID, which: LogFilter) -> None:
    """Raises Invalid, with what there is, for a code or a cycle that nothing is known of, or a record that is not there.

    A page does not ask: a value without a record is no fault of a program that watches for it.
    """
    if which.code is not None and which.code not in FAILURE_CLASSES and not await _any(tx, job_id, "code", which.code):
        raise unknown("code", which.code, FAILURE_CLASSES.keys())
    if which.cycle is not None and not await _any(tx, job_id, "cycle_id", which.cycle):
        rows = await tx.all("select id from provisioning.cycles where job_id = %s order by id desc limit 100", [job_id])
        if which.cycle not in [row["id"] for row in rows]:
            raise unknown("cycle", str(which.cycle), [str(row["id"]) for row in rows][:5])
    if which.record is not None and not await _any(tx, job_id, "id", which.record):
        raise Invalid(f"The log of this job has no record {which.record}. Ids stand in rollcall job logs --json.")


async def knows_source(tx: Tx, job_id: UUID, kind: str, source: str) -> bool:
    """Whether the log of a job has a record of a user or group with this id or name."""
    for column in ("source_id", "name"):
        if await _any(tx, job_id, column, source, kind):
            return True
    return False


async def _any(tx: Tx, job_id: UUID, column: str, value: object, kind: str | None = None) -> bool:
    also = "" if kind is None else " and kind = %(kind)s"
    also += " and code <> ''" if column == "code" else ""
    return bool(
        await tx.value(
            f"select exists (select from provisioning.log where job_id = %(job)s and {column} = %(value)s{also})",
            {"job": job_id, "value": value, "kind": kind},
        )
    )


async def log_records(
    db: TenantDatabase, job_id: UUID, which: LogFilter = EVERYTHING, *, most: int | None = None, page: int = 500
) -> AsyncGenerator[dict[str, Any]]:
    """All records that are wanted, or so many, page by page, each in a transaction of its own, so that none is long."""
    cursor: str | None = None
    while most is None or most > 0:
        size = page if most is None else min(page, most)
        found = await db.read(read_log, job_id, which, limit=size, cursor=cursor)
        for record in found.records:
            yield record
        cursor, most = found.cursor, None if most is None else most - size
        if cursor is None:
            return
