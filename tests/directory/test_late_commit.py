"""The feed never skips a change, however late its writer commits."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from rollcall import directory
from rollcall.db import TenantDatabase, Tx
from rollcall.runtime import Runtime
from tests.directory.making import caught_up, make_application, make_user, read


async def _slow_update(tx: Tx, user_id: UUID, begun: asyncio.Event, go_on: asyncio.Event) -> None:
    await directory.update_user(tx, user_id, {"city": "slow"})
    begun.set()
    await go_on.wait()


async def test_a_change_written_first_and_committed_last_is_read(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    early, late = await make_user(tenant_db, "early"), await make_user(tenant_db, "late")
    watermark = await caught_up(tenant_db, application)
    begun, go_on = asyncio.Event(), asyncio.Event()
    slow = asyncio.create_task(tenant_db.write(_slow_update, late, begun, go_on))
    await begun.wait()
    await tenant_db.write(directory.update_user, early, {"city": "fast"})

    first, _, watermark, _ = await read(tenant_db, application, watermark)
    again, _, watermark, _ = await read(tenant_db, application, watermark)
    go_on.set()
    await slow
    second, _, watermark, _ = await read(tenant_db, application, watermark)
    nothing, _, _, _ = await read(tenant_db, application, watermark)

    # The slow writer does not hold back what others have committed either.
    assert [entry.id for entry in first] == [str(early)]
    assert [entry.id for entry in second] == [str(late)]
    assert again == nothing == []


async def test_a_slow_writer_that_commits_between_two_pages_is_read(tenant_db: TenantDatabase) -> None:
    application = await make_application(tenant_db)
    people = [await make_user(tenant_db, f"u{number}") for number in range(4)]
    watermark: dict[str, Any] = await caught_up(tenant_db, application)
    begun, go_on = asyncio.Event(), asyncio.Event()
    slow = asyncio.create_task(tenant_db.write(_slow_update, people[0], begun, go_on))
    await begun.wait()
    for person in people[1:]:
        await tenant_db.write(directory.update_user, person, {"city": "fast"})

    page = await tenant_db.read(directory.feed, application, watermark, 2)
    go_on.set()
    await slow
    rest, _, watermark, _ = await read(tenant_db, application, page.watermark, 2)
    later, _, _, _ = await read(tenant_db, application, watermark)

    seen = [entry.id for entry in [*page.entries, *rest, *later]]
    assert sorted(seen) == sorted(str(person) for person in people)


async def test_a_reader_among_many_writers_sees_every_last_state(tenant_db: TenantDatabase, runtime: Runtime) -> None:
    application = await make_application(tenant_db)
    people = [await make_user(tenant_db, f"u{number}") for number in range(20)]
    watermark = await caught_up(tenant_db, application)
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    seen: dict[str, set[str]] = {}

    async def write(writer: int) -> None:
        for round_ in range(15):
            person = people[(writer * 7 + round_ * 3) % len(people)]
            await tenant_db.write(_pausing_update, runtime, person, f"{writer}.{round_}")

    async def follow() -> None:
        nonlocal watermark
        while True:
            last = done.is_set()
            entries, _, watermark, _ = await read(tenant_db, application, watermark, 3)
            for entry in entries:
                seen.setdefault(entry.id, set()).add(entry.attributes.get("city", ""))
            if last:
                return

    slow_person = await make_user(tenant_db, "slow")
    slow = asyncio.create_task(tenant_db.write(_slow_update, slow_person, begun, go_on))
    await begun.wait()
    reader = asyncio.create_task(follow())
    await asyncio.gather(*(write(writer) for writer in range(6)))
    go_on.set()
    await slow
    done.set()
    await reader

    for person in [*people, slow_person]:
        user = await tenant_db.read(directory.read_user, person)
        assert user.attributes.get("city", "") in seen.get(str(person), {""})
    assert seen[str(slow_person)] >= {"slow"}


async def test_every_user_that_many_writers_made_is_read_exactly_as_written(
    tenant_db: TenantDatabase, runtime: Runtime
) -> None:
    application = await make_application(tenant_db)
    watermark = await caught_up(tenant_db, application)
    begun, go_on, done = asyncio.Event(), asyncio.Event(), asyncio.Event()
    seen: list[str] = []

    async def make(writer: int) -> list[UUID]:
        return [await tenant_db.write(_pausing_create, runtime, f"w{writer}-{number}") for number in range(12)]

    async def follow() -> None:
        nonlocal watermark
        while True:
            last = done.is_set()
            entries, _, watermark, _ = await read(tenant_db, application, watermark, 5)
            seen.extend(entry.id for entry in entries)
            if last:
                return

    slow = asyncio.create_task(tenant_db.write(_slow_create, begun, go_on))
    await begun.wait()
    reader = asyncio.create_task(follow())
    made = [user_id for batch in await asyncio.gather(*(make(writer) for writer in range(6))) for user_id in batch]
    go_on.set()
    made.append(await slow)
    done.set()
    await reader

    assert sorted(seen) == sorted(str(user_id) for user_id in made)


async def _pausing_update(tx: Tx, runtime: Runtime, user_id: UUID, city: str) -> None:
    await directory.update_user(tx, user_id, {"city": city})
    await runtime.sleep(runtime.jitter() / 200)


async def _pausing_create(tx: Tx, runtime: Runtime, name: str) -> UUID:
    made = await directory.create_user(tx, {"userPrincipalName": f"{name}@example.com", "displayName": name})
    await runtime.sleep(runtime.jitter() / 200)
    return made


async def _slow_create(tx: Tx, begun: asyncio.Event, go_on: asyncio.Event) -> UUID:
    made = await directory.create_user(tx, {"userPrincipalName": "slow@example.com", "displayName": "Slow"})
    begun.set()
    await go_on.wait()
    return made
