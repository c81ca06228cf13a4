"""Which attributes records of the log tell of, as numbers of sets: kept with a page, looked up by attribute, pruned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from uuid import UUID

from psycopg.types.json import Jsonb

from rollcall.db import Tx
from rollcall.provisioning.log_filter import attribute_set, unknown, words_of

NOT_LOOKED_AT, OF_ANY = 0, 1
"""Numbers of no set: of records from before there were sets, and of those whose set is one too many. Their own values tell."""

MOST_SETS = 1_000
"""So many sets a job may have, so that looking through all of them stays quick; jobs of the field have some dozens."""

_Sets = Collection[frozenset[str]]


async def keep_sets(tx: Tx, job_id: UUID, sets: _Sets, day: date) -> Mapping[frozenset[str], int | None]:
    """The numbers of these sets; what they stand for is remembered, and that there was a record with them that day."""
    numbers = {each: attribute_set(each) for each in sets}
    named = {number: each for each, number in numbers.items() if number is not None}
    if not named:
        return numbers
    rows = await tx.all(
        "select id, used from provisioning.log_attribute_sets where job_id = %s and id = any(%s)", [job_id, list(named)]
    )
    if sum(row["used"] >= day for row in rows) == len(named):
        return numbers
    fresh = sorted(named.keys() - {row["id"] for row in rows})
    if fresh:
        there = await tx.value("select count(*) from provisioning.log_attribute_sets where job_id = %s", [job_id])
        for number in fresh[max(0, MOST_SETS - there) :]:
            numbers[named.pop(number)] = OF_ANY
    await _remember(tx, job_id, named, day)
    await _remember_words(tx, job_id, [(number, named[number]) for number in fresh if number in named])
    return numbers


async def _remember(tx: Tx, job_id: UUID, named: Mapping[int, frozenset[str]], day: date) -> None:
    # In order, so that two writers don't wait for each other in a ring.
    rows = [{"id": number, "attributes": sorted(named[number])} for number in sorted(named)]
    await tx.run(
        """
        insert into provisioning.log_attribute_sets as s (job_id, id, attributes, used)
        select %s, id, array(select jsonb_array_elements_text(attributes)), %s
        from jsonb_to_recordset(%s) as r (id bigint, attributes jsonb)
        on conflict (tenant_id, job_id, id) do update set used = excluded.used where s.used < excluded.used
        """,
        [job_id, day, Jsonb(rows)],
    )


async def _remember_words(tx: Tx, job_id: UUID, sets: Sequence[tuple[int, Iterable[str]]]) -> None:
    rows = [
        {"word": word, "number": number}
        for number, attributes in sets
        for word in sorted({word for each in attributes for word in words_of(each)})
    ]
    if rows:
        await tx.run(
            """
            insert into provisioning.log_attributes (job_id, word, attribute_set)
            select %s, word, number from jsonb_to_recordset(%s) as r (word text, number bigint) on conflict do nothing
            """,
            [job_id, Jsonb(rows)],
        )


async def sets_about(tx: Tx, job_id: UUID, wanted: str) -> list[int]:
    """The numbers under which records are that tell of an attribute, or of what is part of it; raises Invalid for none.

    Of NOT_LOOKED_AT and OF_ANY, which are among them where there are such, the records' own values have to be asked.
    """
    rows = await tx.all(
        """
        select attribute_set from provisioning.log_attributes where job_id = %(job)s and word = %(word)s
        union all
        select number from unnest(%(others)s::bigint[]) as other (number)
        where exists (select from provisioning.log where job_id = %(job)s and attribute_set = number)
        """,
        {"job": job_id, "word": wanted.casefold(), "others": [NOT_LOOKED_AT, OF_ANY]},
    )
    if not rows:
        known = await tx.all(
            """
            select distinct attribute from provisioning.log_attribute_sets cross join unnest(attributes) as attribute
            where job_id = %s
            """,
            [job_id],
        )
        raise unknown("attribute", wanted, [row["attribute"] for row in known])
    return [row["attribute_set"] for row in rows]


def is_about_sql(sets: str = "attribute_set = any(%(sets)s)") -> str:
    """The condition for records of such sets; `%(word)s` is the attribute in small letters."""
    return f"""{sets} and (attribute_set not in ({NOT_LOOKED_AT}, {OF_ANY}) or exists (
        select from jsonb_array_elements(modified) as change where lower(change ->> 0) = %(word)s
            or starts_with(lower(change ->> 0), %(word)s || '.') or starts_with(lower(change ->> 0), %(word)s || '[')
            or starts_with(lower(change ->> 0), %(word)s || ':')))"""


async def prune_sets(tx: Tx, before: date) -> int:
    """Forget sets of which the last record was written before a day, when those records are gone; how many went."""
    return await tx.run("delete from provisioning.log_attribute_sets where used < %s", [before])


async def number_older(tx: Tx, limit: int) -> int:
    """Give records from before there were sets the numbers of theirs; so many at once, the newest first. How many."""
    rows = await tx.all(
        """
        select each.job_id, each.id, each.at, array(
            select change ->> 0 from jsonb_array_elements(each.modified) as change) as attributes
        from provisioning.jobs j cross join lateral (
            select job_id, id, at, modified from provisioning.log l
            where l.tenant_id = j.tenant_id and l.job_id = j.id and l.attribute_set = %s
            order by l.id desc limit %s) as each limit %s
        """,
        [NOT_LOOKED_AT, limit, limit],
    )
    by_job: dict[UUID, list[tuple[UUID, date, frozenset[str]]]] = {}
    for row in rows:
        by_job.setdefault(row["job_id"], []).append((row["id"], row["at"].date(), frozenset(row["attributes"])))
    for job_id, records in by_job.items():
        newest = max(day for _, day, _ in records)
        numbers = await keep_sets(tx, job_id, {attributes for _, _, attributes in records}, newest)
        await tx.run(
            """
            update provisioning.log l set attribute_set = r.number
            from unnest(%s::uuid[], %s::bigint[]) as r (id, number) where l.job_id = %s and l.id = r.id
            """,
            [[each for each, _, _ in records], [numbers[attributes] for _, _, attributes in records], job_id],
        )
    return len(rows)
