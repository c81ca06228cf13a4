"""What failed and waits for its next attempt, or is given up: the objects of a job, and the references between them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from rollcall.db import Tx
from rollcall.provisioning.log_record import Initiator
from rollcall.provisioning.log_requests import request_some
from rollcall.provisioning.model import Key


@dataclass(frozen=True, slots=True)
class WaitingFailure:
    """One object that failed and is tried again at `next_attempt`."""

    kind: str
    source_id: str
    name: str
    attempts: int
    first_failed: datetime
    next_attempt: datetime
    code: str
    reason: str


async def waiting_failures(tx: Tx, job_id: UUID, limit: int = 20) -> list[WaitingFailure]:
    """The objects of a job that wait for their next attempt, the soonest first."""
    rows = await tx.all(
        """
        select kind, source_id, name, escrow_attempts as attempts, escrow_first_failed as first_failed,
            escrow_next_attempt as next_attempt, escrow_code as code, escrow_reason as reason
        from provisioning.links
        where job_id = %s and escrow_next_attempt is not null and not escrow_given_up
        order by escrow_next_attempt, kind, source_id limit %s
        """,
        [job_id, limit],
    )
    return [WaitingFailure(**row) for row in rows]


class FailureKey(NamedTuple):
    """Which failure: of the object itself, where `attribute` is empty, or of one of its references."""

    kind: str
    source_id: str
    attribute: str = ""
    referenced_kind: str = ""
    referenced_id: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """One object or reference that failed: how often in a row, since when, why, and when it is tried again.

    A reference has `attribute` and what it refers to, by kind, id and name; an object has these empty. `given_up`: it is
    tried again only when it changes, when everything is evaluated again, or when somebody asks.
    """

    kind: str
    source_id: str
    name: str
    attribute: str
    referenced_kind: str
    referenced_id: str
    referenced_name: str
    attempts: int
    first_failed: datetime
    next_attempt: datetime
    code: str
    reason: str
    given_up: bool

    @property
    def at(self) -> FailureKey:
        """Its place in the order of a list."""
        return FailureKey(self.kind, self.source_id, self.attribute, self.referenced_kind, self.referenced_id)


@dataclass(frozen=True, slots=True)
class FailureFilter:
    """Which failures: by code, kind of the object, the objects at either end, whether they are given up; None for all."""

    code: str | None = None
    kind: str | None = None
    keys: Collection[Key] | None = None
    given_up: bool | None = None


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """How many objects and references failed, those that are given up included, and how many that are."""

    objects: int
    references: int
    given_up: int

    @property
    def total(self) -> int:
        """Both kinds together."""
        return self.objects + self.references


_OBJECTS = """
    select kind, source_id, name, '' as attribute, '' as referenced_kind, '' as referenced_id, '' as referenced_name,
        escrow_attempts as attempts, escrow_first_failed as first_failed, escrow_next_attempt as next_attempt,
        escrow_code as code, escrow_reason as reason, escrow_given_up as given_up
    from provisioning.links l
"""
_REFERENCES = """
    select source_kind, source_id, coalesce(s.name, source_id) as name, attribute, referenced_kind, referenced_id,
        coalesce(o.name, referenced_id) as referenced_name, attempts, first_failed,
        coalesce(next_attempt, first_failed) as next_attempt, code, reason, given_up and not due as given_up
    from provisioning.object_references r
    left join lateral (select name from provisioning.links l
        where l.job_id = r.job_id and l.kind = r.source_kind and l.source_id = r.source_id) s on true
    left join lateral (select name from provisioning.links l
        where l.job_id = r.job_id and l.kind = r.referenced_kind and l.source_id = r.referenced_id) o on true
"""
# Without parentheses where it orders: an index is in the order of columns, not of rows of columns.
_REFERENCE_KEY = "source_kind, r.source_id, attribute, referenced_kind, referenced_id"


def _of_objects(which: FailureFilter) -> str:
    """Conditions each in its turn, so that an index is used by what is asked for."""
    conditions = ["l.job_id = %(job)s and escrow_next_attempt is not null"]
    if which.code is not None:
        conditions.append("escrow_code = %(code)s")
    if which.kind is not None:
        conditions.append("kind = %(kind)s")
    if which.keys is not None:
        conditions.append("(kind, source_id) in (select * from unnest(%(kinds)s::text[], %(ids)s::text[]))")
    if which.given_up is not None:
        conditions.append("escrow_given_up = %(given_up)s")
    return " and ".join(conditions)


def _of_references(which: FailureFilter) -> str:
    conditions = ["r.job_id = %(job)s and first_failed is not null and (due or given_up)"]
    if which.code is not None:
        conditions.append("code = %(code)s")
    if which.kind is not None:
        conditions.append("source_kind = %(kind)s")
    if which.keys is not None:
        ends = "in (select * from unnest(%(kinds)s::text[], %(ids)s::text[]))"
        conditions.append(f"((source_kind, r.source_id) {ends} or (referenced_kind, referenced_id) {ends})")
    if which.given_up is not None:
        conditions.append("(given_up and not due) = %(given_up)s")
    return " and ".join(conditions)


def _params(job_id: UUID, which: FailureFilter) -> dict[str, Any]:
    keys = which.keys or ()
    return {
        "job": job_id,
        "code": which.code,
        "kind": which.kind,
        "kinds": [key.kind for key in keys],
        "ids": [key.id for key in keys],
        "given_up": which.given_up,
    }


async def list_failures(
    tx: Tx, job_id: UUID, which: FailureFilter, after: FailureKey | None = None, limit: int = 100
) -> list[Failure]:
    """Failures in the order of their keys, those behind `after`; an object before the references that start at it."""
    rows = await tx.all(
        f"""
        select * from (
            ({_OBJECTS} where {_of_objects(which)} and (kind, source_id) >= (%(a)s, %(b)s)
                and (kind, source_id, '', '', '') > %(after)s
            order by kind, source_id limit %(limit)s)
            union all
            ({_REFERENCES} where {_of_references(which)} and ({_REFERENCE_KEY}) > %(after)s
            order by {_REFERENCE_KEY} limit %(limit)s)
        ) as failures
        order by kind, source_id, attribute, referenced_kind, referenced_id limit %(limit)s
        """.replace("%(after)s", "(%(a)s, %(b)s, %(c)s, %(d)s, %(e)s)"),
        {**_params(job_id, which), **dict(zip("abcde", after or ("", "", "", "", ""), strict=True)), "limit": limit},
    )
    return [Failure(**row) for row in rows]


async def count_failures(tx: Tx, job_id: UUID, which: FailureFilter) -> FailureCounts:
    """How many failures there are."""
    row = await tx.one(
        f"""
        select o.number as objects, r.number as references, o.given_up + r.given_up as given_up
        from (select count(*) as number, count(*) filter (where escrow_given_up) as given_up
              from provisioning.links l where {_of_objects(which)}) as o,
             (select count(*) as number, count(*) filter (where given_up and not due) as given_up
              from provisioning.object_references r where {_of_references(which)}) as r
        """,
        _params(job_id, which),
    )
    assert row is not None, "an aggregate has a row"
    return FailureCounts(**row)


async def failed_among(tx: Tx, job_id: UUID, keys: Collection[Key]) -> set[Key]:
    """Those of these objects of which something failed: themselves, or a reference at either end of them."""
    which = FailureFilter()
    rows = await tx.all(
        f"""
        select kind, id from unnest(%(kinds)s::text[], %(ids)s::text[]) as k (kind, id)
        where exists (select from provisioning.links l where {_of_objects(which)} and l.kind = k.kind and source_id = id)
           or exists (select from provisioning.object_references r where {_of_references(which)}
                and source_kind = k.kind and r.source_id = id)
           or exists (select from provisioning.object_references r where {_of_references(which)}
                and referenced_kind = k.kind and referenced_id = id)
        """,
        _params(job_id, FailureFilter(keys=keys)),
    )
    return {Key(row["kind"], row["id"]) for row in rows}


async def retry_now(tx: Tx, job_id: UUID, which: FailureFilter, who: Initiator, now: datetime) -> FailureCounts:
    """These failures are due now, whatever their schedule says, because somebody asked; how many they are."""
    counts = await count_failures(tx, job_id, which)
    params = {**_params(job_id, which), "now": now}
    objects = f"select kind, source_id from provisioning.links l where {_of_objects(which)}"
    await request_some(tx, job_id, objects, params, who, now, of_references=False)
    references = f"select source_kind, r.source_id from provisioning.object_references r where {_of_references(which)}"
    await request_some(tx, job_id, references, params, who, now, of_references=True)
    await tx.run(
        f"""
        update provisioning.links l set escrow_next_attempt = %(now)s, escrow_given_up = false
        where {_of_objects(which)}
        """,
        params,
    )
    await tx.run(
        f"""
        update provisioning.object_references r set due = true, next_attempt = %(now)s, given_up = false
        where {_of_references(which)}
        """,
        params,
    )
    return counts


async def mark_given_up(tx: Tx, job_id: UUID, failures: Sequence[Failure]) -> None:
    """These failures are not tried again by themselves."""
    objects = [failure for failure in failures if not failure.attribute]
    references = [failure for failure in failures if failure.attribute]
    if objects:
        await tx.run(
            """
            update provisioning.links l set escrow_given_up = true
            from unnest(%s::text[], %s::text[]) as k (kind, id)
            where l.job_id = %s and l.kind = k.kind and l.source_id = k.id and escrow_next_attempt is not null
            """,
            [[each.kind for each in objects], [each.source_id for each in objects], job_id],
        )
    if references:
        await tx.run(
            """
            update provisioning.object_references r set due = false, given_up = true
            from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
                as k (source_kind, source_id, attribute, referenced_kind, referenced_id)
            where r.job_id = %s and r.source_kind = k.source_kind and r.source_id = k.source_id
              and r.attribute = k.attribute and r.referenced_kind = k.referenced_kind
              and r.referenced_id = k.referenced_id and r.first_failed is not null
            """,
            [*map(list, zip(*(each.at for each in references), strict=True)), job_id],
        )


async def clear_escrows(tx: Tx, job_id: UUID) -> None:
    """Empty the list of failures (rule E5): objects are tried again when they change or everything is evaluated again.

    What may have been written without an answer is looked up in the next cycle all the same, and references are sent again.
    """
    await tx.run(
        """
        delete from provisioning.object_references r using provisioning.links l
        where l.job_id = %(job)s and l.escrow_next_attempt is not null and l.state = 'absent'
          and r.job_id = %(job)s and r.source_kind = l.kind and r.source_id = l.source_id
        """,
        {"job": job_id},
    )
    await tx.run(
        "delete from provisioning.links where job_id = %s and escrow_next_attempt is not null and state = 'absent'",
        [job_id],
    )
    await tx.run(
        """
        update provisioning.links set escrow_attempts = null, escrow_first_failed = null, escrow_next_attempt = null,
            escrow_code = null, escrow_reason = null, escrow_given_up = false
        where job_id = %s and escrow_next_attempt is not null
        """,
        [job_id],
    )
    await tx.run(
        """
        update provisioning.object_references set due = true, attempts = 0, first_failed = null, next_attempt = null,
            code = null, reason = null, given_up = false, exchange_id = null
        where job_id = %s and first_failed is not null
        """,
        [job_id],
    )
    await tx.run("delete from provisioning.escrow_exchanges where job_id = %s", [job_id])
